"""Our rules beside Wazuh's whole stock ruleset: they are reached, and no louder stock alert is lost."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import play
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

SOURCES = ["jenkins", "docker", "kubernetes", "vault", "aws"]
STOCK = Path(__file__).parents[2].parent / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"

pytestmark = pytest.mark.skipif(not STOCK.is_dir(), reason="the stock ruleset is not beside this checkout")


# On purpose: a stock rule, and the package's that takes its events at a lower level.
QUIETER = {
    (87924, 114051),  # a container that restarts again and again is an operator's matter: 5, not 7
    (80710, 114104),  # the kernel sets a container's own interface promiscuous at each start: no alert
    (80255, 118331),  # the package's own composite counts them instead
    (80254, 118331),  # one refused sign-in to the console, counted by a louder composite: 4, not 5
}


@cache
def engines():
    package = render_package(load_specs()).ruleset_files()
    return assemble(stock=STOCK), assemble(stock=STOCK, package=package)


def heard(verdict) -> int:
    return verdict.level if verdict.alert else 0


@pytest.mark.parametrize("source", SOURCES)
def test_firing_tests_fire_beside_the_stock_rules(source):
    _, together = engines()
    missed = []
    for rule in load_specs().rules:
        for test in rule.tests if rule.source == source and not rule.noalert else ():
            if test.expect == "fires":
                *_, last = play(together.session(), test.events)
                if last.rule_id != rule.id:
                    missed.append((rule.name, test.line, last.rule_id))
    assert not missed


@pytest.mark.parametrize("source", SOURCES)
def test_no_event_of_any_test_is_heard_less_than_before(source):
    alone, together = engines()
    lost = []
    for rule in load_specs().rules:
        for test in rule.tests if rule.source == source else ():
            pairs = zip(play(alone.session(), test.events), play(together.session(), test.events), strict=True)
            lost += [
                (rule.name, test.line, before.rule_id, before.level, after.rule_id, after.level)
                for before, after in pairs
                if heard(before) > heard(after) and (before.rule_id, after.rule_id) not in QUIETER
            ]
    assert not lost
