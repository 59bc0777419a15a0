"""Exceptions, and the time in which a vulnerability must be gone."""

import fnmatch
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from wodles.scan.reports import Finding
from wodles.scan.text import clean
from wodles.scan.values import DAY, as_epoch

EXCEPTION_DAYS = 90


class Waiver(NamedTuple):
    """An exception: who takes the risk of which findings, why, and until when (seconds since 1970)."""

    id: str
    package: str
    artifact: str
    owner: str
    reason: str
    expires: int

    def covers(self, finding: Finding, artifact: str) -> bool:
        """Say whether it is about this finding, expired or not."""
        named = fnmatch.fnmatchcase(finding.id, self.id) or any(
            fnmatch.fnmatchcase(a, self.id) for a in finding.aliases
        )
        return (
            named
            and fnmatch.fnmatchcase(finding.package, self.package or "*")
            and fnmatch.fnmatchcase(artifact, self.artifact or "*")
        )


def check_exceptions(entries: object, now: float) -> Tuple[List[Waiver], List[str]]:
    """Read exceptions. One that lacks something, or lasts longer than 90 days, is refused with its reason.

    Args:
        entries: a list of ``{id, package?, artifact?, owner, reason, granted, expires}``, dates as ``2026-01-31``.
        now: seconds since 1970.
    """
    waivers: List[Waiver] = []
    refused: List[str] = []
    if not isinstance(entries, list):
        return [], ["the exceptions are not a list"]
    for number, entry in enumerate(entries, 1):
        where = "exception %d" % number
        if not isinstance(entry, dict):
            refused.append(where + " is not an object")
            continue
        unknown = sorted(set(entry) - {"id", "package", "artifact", "owner", "reason", "granted", "expires"})
        texts = {key: clean(entry.get(key), 200) for key in ("id", "package", "artifact", "owner", "reason")}
        granted, expires = as_epoch(entry.get("granted")), as_epoch(entry.get("expires"))
        if unknown:
            refused.append("%s has the unknown key %s" % (where, clean(unknown[0], 40)))
        elif not (texts["id"] and texts["owner"] and texts["reason"]):
            refused.append(where + " lacks id, owner or reason")
        elif granted is None or expires is None or expires < granted:
            refused.append(where + " lacks the dates granted and expires")
        elif expires - granted > EXCEPTION_DAYS * DAY or granted > now + DAY:
            refused.append("%s lasts longer than %d days, or starts in the future" % (where, EXCEPTION_DAYS))
        else:
            waivers.append(Waiver(expires=expires + DAY, **texts))
    return waivers, refused


def find_waiver(waivers: Iterable[Waiver], finding: Finding, artifact: str) -> Optional[Waiver]:
    """Return the exception about a finding, the one that lasts longest."""
    about = [w for w in waivers if w.covers(finding, artifact)]
    return max(about, key=lambda w: w.expires) if about else None


def sla_days(finding_severity: str, threat: str, days: Dict[str, int]) -> Optional[int]:
    """Return how many days a vulnerability may stay open; None without a limit."""
    limit = days.get(finding_severity)
    if threat in ("kev", "malware") and "KEV" in days:
        return days["KEV"] if limit is None else min(limit, days["KEV"])
    return limit


def sla_due(severity: str, threat: str, first_seen: int, fix_since: int, days: Dict[str, int]) -> Optional[int]:
    """Return when a vulnerability must be gone: counted from max(first seen, fix available); None without a fix."""
    limit = sla_days(severity, threat, days)
    return None if limit is None or not fix_since else max(first_seen, fix_since) + limit * DAY
