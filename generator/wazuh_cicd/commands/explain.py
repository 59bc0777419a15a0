"""Print what there is to know about a rule: what fires it, why it matters, what to check, how to contain and tune it.

RULE is its id, as in an alert, or its name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.spec.model import FIRST_ID

if TYPE_CHECKING:
    import argparse

    from wazuh_cicd.spec import RuleSpec, SpecSet


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rule", metavar="RULE", help="its id or its name")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder with rules/, decoders/, lists/ of your own")
    parser.add_argument(
        "--id-base", type=int, default=FIRST_ID, metavar="N", help=f"where the rules' ids begin; default {FIRST_ID}"
    )
    parser.add_argument(
        "--runbook-url", metavar="URL", default="", help="where the rules' pages are, to print the address"
    )


def run(args: argparse.Namespace) -> int:
    """Print the page; 0 when there is one."""
    from wazuh_cicd.render.info import checked_runbook_url, page_address
    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.report.pages.page import Pages
    from wazuh_cicd.report.pages.terminal import as_text
    from wazuh_cicd.spec import load_specs

    specs = load_specs(args.root)
    rule = find_rule(specs, args.rule, args.id_base)
    page = Pages(specs, Ids(specs, args.id_base)).page(rule)
    url = checked_runbook_url(args.runbook_url)
    address = page_address(url, page.id, rule.name) if url else ""
    sys.stdout.write(as_text(page, address=address))
    return 0


def find_rule(specs: SpecSet, wanted: str, id_base: int = FIRST_ID) -> RuleSpec:
    """The rule that an id or a name means.

    Raises:
        UsageError: none.
    """
    from wazuh_cicd.render.gates import is_gate
    from wazuh_cicd.spec.problems import did_you_mean

    if wanted.isascii() and wanted.isdigit():
        number = int(wanted) - id_base + FIRST_ID
        if number in specs.by_id:
            return specs.by_id[number]
        if is_gate(number):
            raise UsageError(f"{wanted} only saves a manager work: it lets every event go on and writes no alert")
        raise UsageError(f"no rule of ours has the id {wanted}; 'wazuh-cicd explain NAME' takes a name, too")
    if wanted in specs.by_name:
        return specs.by_name[wanted]
    fix = did_you_mean(wanted, specs.by_name, otherwise="'wazuh-cicd docs' writes an index of all of them")
    raise UsageError(f"no rule is called '{wanted}'; {fix}")
