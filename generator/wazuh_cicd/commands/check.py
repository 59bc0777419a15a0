"""Find what is wrong with specs or with any Wazuh ruleset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.findings import Severity

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a folder with rules/, decoders/, lists/; default: our content",
    )


def run(args: argparse.Namespace) -> int:
    """Check; 1 when there is an error."""
    findings = []
    for path in args.paths or [None]:
        findings.extend(check_specs(path))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return int(any(finding.severity is Severity.ERROR for finding in findings))
