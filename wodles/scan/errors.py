"""Why a scan proves nothing: the reasons, what each means, and the exceptions that carry them.

The scanner's own words are never forwarded: they may hold credentials.
"""

from typing import NamedTuple


class ScanError(Exception):
    """A scan that proves nothing: a word of ``REASONS``, and a detail in our own words, never the scanner's."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep both."""
        super().__init__(reason + (": " + detail if detail else ""))
        self.reason = reason
        self.detail = detail


class TerminatedError(Exception):
    """The Command module's timeout, or an administrator, ended this run."""


# What each reason means, and what to do. The scanner's own words are never forwarded: they may hold credentials.
REASONS = {
    "bad_report": "the scanner's report is not what this version understands",
    "bad_request": "a queued scan request is malformed and was removed",
    "binary_mismatch": "the scanner's SHA-256 is not the pinned one; it was not started",
    "binary_unsafe": "the scanner is missing, or others than its owner may change it; it was not started",
    "busy": "another run is still going on; this one did nothing",
    "cache_corrupt": "the scanner's database or cache is damaged",
    "cache_locked": "another process holds the scanner's cache",
    "config": "the configuration cannot be used",
    "db_missing": "there is no vulnerability database yet",
    "db_schema": "the vulnerability database has another schema than the scanner",
    "db_update_failed": "the vulnerability database could not be updated",
    "db_stale": "the vulnerability data are too old, of unknown age, or dated in the future",
    "denied": "the registry or database repository refused the credentials",
    "denied_version": "a version known to be malicious or to leak: not started, or its report thrown away",
    "disk_full": "no space left for the scanner's temporary files",
    "empty_result": "packages were found here before, and now none",
    "engine_unreachable": "the container engine does not answer",
    "exception_invalid": "an exception lacks owner, reason or a valid expiry, and was not applied",
    "image_mismatch": "the scanner looked at another image than the one that is asked about",
    "internal": "the program itself failed",
    "no_image": "the image or path cannot be found",
    "no_proof": "the report does not prove what was looked at, or that the scanner ended well",
    "out_of_memory": "the scanner was killed, most likely for lack of memory",
    "rate_limited": "the registry or package repository limits the rate",
    "report_too_large": "the scanner's report or log exceeds the limit",
    "run_deadline": "the run's deadline passed before this artifact's turn",
    "scanner_changed": "the unpinned scanner is another binary than at the last run; it was not started",
    "scanner_failed": "the scanner failed for a reason this version does not know",
    "signature_unverifiable": "cosign could not tell whether the image is signed",
    "state_corrupt": "the remembered state was damaged; everything is reported as new",
    "terminated": "the run was ended from outside",
    "timeout": "the scan did not end within its deadline; the whole process group was killed",
    "unknown_os": "the operating system was not recognised, so its packages were not checked",
}


class Problem(NamedTuple):
    """Why a scan does not prove its artifact clean. ``event`` is the event's type."""

    event: str
    reason: str
    detail: str = ""
