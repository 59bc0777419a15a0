"""Each case of a peer reaches the level that we owe it, and the page of the documentation says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from detections.kubernetes_peers import CASES, Case, log
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "kubernetes-peers.md"


@pytest.fixture(scope="module")
def ruleset():
    return assemble(package=cached_ruleset_files())


def loudest(ruleset, case: Case) -> tuple[int, int]:
    """The highest level that the case's events reach in a fresh session, and its rule."""
    session = ruleset.session()
    verdicts = [
        session.process(log(one), "/var/log/kubernetes/audit.log", time=1_790_000_000 + 2 * number)
        for number, one in enumerate(case.events)
    ]
    best = max(verdicts, key=lambda verdict: verdict.level)
    return (best.level, best.rule_id or 0) if best.level >= 3 else (0, 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.peer} {case.name}")
def test_a_case_reaches_its_level(ruleset, case):
    level, rule = loudest(ruleset, case)
    assert level >= case.least, rule


def test_the_page_says_what_happens(ruleset):
    lines = PAGE.read_text("utf-8").splitlines()
    for case in CASES:
        level, rule = loudest(ruleset, case)
        wanted = f"| {case.peer} | {case.name} | {level or '-'} | {rule or '-'} | {case.judged} |"
        assert wanted in lines
