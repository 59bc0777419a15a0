"""List the detection ideas that the rules implement, those that Wazuh cannot detect and why, and those left."""

from __future__ import annotations

import json
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
    from wazuh_cicd.spec import load_specs

    families = list(coverage(load_specs(), read_impossible(content_root() / "rules")))
    if args.json:
        report = {
            one.family.letter: {
                "title": one.family.title,
                "ideas": one.family.count,
                "implemented": dict(one.implemented),
                "impossible": dict(one.impossible),
                "left": list(one.left),
            }
            for one in families
        }
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
        return 0
    for one in families:
        sys.stdout.write(
            f"{one.family.letter}  {one.family.title}: {len(one.implemented)} of {one.family.count} implemented,"
            f" {len(one.impossible)} impossible, {len(one.left)} left\n"
        )
        if not args.ideas:
            continue
        for idea in one.family.ideas:
            if idea in one.implemented:
                text = ", ".join(one.implemented[idea])
            elif idea in one.impossible:
                text = f"impossible: {one.impossible[idea]}"
            else:
                text = "left"
            sys.stdout.write(f"   {idea:<5} {text}\n")
    return 0
