"""List the detection ideas that the rules implement, those that Wazuh cannot detect and why, and those left."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object with every idea")
    parser.add_argument("--ideas", action="store_true", help="list every idea with its rules, or why it has none")


def run(args: argparse.Namespace) -> int:
    """Print the coverage; 0 whatever it is."""
    from wazuh_cicd.content.paths import content_root
    from wazuh_cicd.proof.coverage import coverage, read_impossible
    from wazuh_cicd.report import coverage as report
    from wazuh_cicd.spec import load_specs

    families = list(coverage(load_specs(), read_impossible(content_root() / "rules")))
    sys.stdout.write(report.as_json(families) if args.json else report.as_text(families, ideas=args.ideas))
    return 0
