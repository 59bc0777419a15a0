"""No rule that we call dead was ever the answer of a real manager: against recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wazuh_cicd.check.reach import dead_rules
from wazuh_cicd.check.ruleset import silent_findings
from wazuh_cicd.engine import RulesetLoadError, load_ruleset
from wazuh_cicd.engine.recordings import case_files, find_cases

CASES = Path(__file__).parents[1] / "conformance"
STOCK = Path(__file__).parents[3] / "shared" / "samples" / "wazuh-4.14.3"

FATAL = {"X801", "X802", "X803", "X809"}  # findings that say: never fires


def answers(case: dict) -> set[int]:
    rules = [event.get("rule") for event in case.get("expect") or []]
    return {int(rule["id"]) for rule in rules if rule and rule.get("id")}


@pytest.mark.parametrize(
    "area", ["1-predecoding", "2-regex", "3-decoders", "4-rules", "5-tree", "6-correlation", "7-loading"]
)
def test_no_recorded_answer_is_a_rule_that_we_call_dead(area):
    judged = 0
    for case in find_cases(CASES / area):
        try:
            ruleset = load_ruleset([case_files(case)])
        except RulesetLoadError:
            continue
        dead = {int(finding.rule) for finding in silent_findings(ruleset) if finding.code in FATAL}
        assert dead & answers(case.content) == set(), case.name
        judged += 1
    assert judged


@pytest.mark.slow
@pytest.mark.skipif(not STOCK.is_dir(), reason="the stock ruleset is not beside the checkout (../shared)")
def test_no_recorded_answer_of_the_stock_ruleset_is_a_rule_that_we_call_dead():
    ruleset = load_ruleset([STOCK / "ruleset"])
    dead = {found.rule.id for found in dead_rules(ruleset.tree)}
    assert len(dead) > 20
    seen: set[int] = set()
    for path in sorted((STOCK / "expected").glob("*.jsonl")):
        for line in path.read_text("utf-8", "surrogateescape").splitlines():
            for answer in json.loads(line)["expect"]:
                rule = (answer or {}).get("output", {}).get("rule")
                if rule:
                    seen.add(int(rule["id"]))
    assert len(seen) > 300
    assert dead & seen == set()
