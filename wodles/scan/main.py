"""Scan images and directories with Trivy and Grype, and write what changed as events for Wazuh.

Run by Wazuh's Command module, by hand, or after ``cicd-scan-image`` queued a request. One JSON object a line on
standard output, each inside the key ``cicd_scan``; nothing on standard error, because the Command module would turn it
into events. The exit code says nothing (the module only logs it): what went wrong is an event too.

"Clean" means proved clean: the scanner ended with 0, looked at the right image, recognised its operating system, which
is not end of life, with a fresh database. Everything else is one ``scan_error``, ``eol_os`` or ``db_stale`` event.

Standard library and Python 3.6 only: this program is copied to hosts that have no pip. ``docs/scanning.md`` explains
the configuration, ``docs/sources/scanner.md`` the events.
"""

import gc
import os
import signal
import sys
from typing import Any, List, Optional, Tuple

from wodles.scan.config import DEFAULT_CONFIG, load_config
from wodles.scan.errors import REASONS, ScanError, TerminatedError
from wodles.scan.events import encode_event, write_all
from wodles.scan.run import run_scan


def _terminate(number: int, frame: Any) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise TerminatedError


KINDS = {
    "image": "an image of the local engine",
    "registry": "an image reference, scanned in its registry",
    "archive": "an image archive (docker save)",
    "directory": "a directory: dependencies, secrets, misconfiguration",
    "sbom": "an SBOM (CycloneDX or SPDX JSON)",
    "report": "an existing report: Trivy or Grype JSON, SARIF, CycloneDX",
}


def usage() -> str:
    """Return what ``--help`` prints."""
    lines = ["usage: cicd-scan [--config FILE] [--KIND X]...", ""]
    lines += ["Scan images and directories with Trivy and Grype; write what changed as events.", ""]
    lines += ["  --config FILE   JSON file, see docs/scanning.md (default: %s)" % DEFAULT_CONFIG]
    lines += ["  --%-11s   %s; repeatable" % (kind + " X", text) for kind, text in KINDS.items()]
    return "\n".join(lines) + "\n"


def parse_arguments(argv: List[str]) -> Tuple[str, List[Tuple[str, str]]]:
    """Return the configuration's path and the targets that are named.

    Not argparse: loading it takes a fifth of an unchanged run, and its errors would quote the command line.

    Raises:
        ScanError: config, when it cannot be understood.
    """
    config = DEFAULT_CONFIG
    extra: List[Tuple[str, str]] = []
    rest = list(argv)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        if not value or name[:2] != "--" or name[2:] not in ("config",) + tuple(KINDS):
            raise ScanError("config", "the command line cannot be understood; see --help")
        if name == "--config":
            config = value
        else:
            extra.append((name[2:], value))
    return config, extra


def main(argv: Optional[List[str]] = None) -> int:
    """Parse the command line and do one run."""
    arguments = sys.argv[1:] if argv is None else argv
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _terminate)
    gc.disable()  # one short run without reference cycles: looking for them costs a fifth of a large report's time
    try:
        if "--help" in arguments or "-h" in arguments:
            write_all(usage().encode())
            return 0
        path, extra = parse_arguments(arguments)
        return run_scan(load_config(path), write_all, extra)
    except ScanError as error:
        fields = [("reason", error.reason), ("text", REASONS[error.reason]), ("detail", error.detail), ("kind", "run")]
    except TerminatedError:
        fields = [("reason", "terminated"), ("text", REASONS["terminated"]), ("kind", "run")]
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 -- a traceback would become events; its type tells where to look
        fields = [
            ("reason", "internal"),
            ("text", REASONS["internal"]),
            ("detail", type(error).__name__),
            ("kind", "run"),
        ]
    write_all(encode_event("scan_error", fields))
    return 1


if __name__ == "__main__":
    if not os.isatty(2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(main())
