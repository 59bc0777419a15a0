"""Tests that share a session end as in sessions of their own, and what a session remembers is never believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import Outcome, run_tests
from wazuh_cicd.proof.sharing import SharedSession, plain_rules
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.model import TestEvent


class Dear:
    """An engine that loads its ruleset for each session, as a manager does."""

    name = "dear"
    simulates_time = False
    takes_decoded = False
    load_messages = ()

    def __init__(self, ruleset, *, reloads=True):
        self.ruleset = ruleset
        self.reloads = reloads
        self.opened = 0

    def open_session(self):
        self.opened += 1
        return EmbeddedEngine(self.ruleset).open_session()


def outcomes(results):
    return [(result.label, result.outcome, result.reason) for result in results.results]


def test_all_our_tests_end_the_same_in_a_tenth_of_the_sessions():
    specs = load_specs()
    ruleset = assemble(package=cached_ruleset_files())
    shared, alone = Dear(ruleset), Dear(ruleset, reloads=False)
    assert outcomes(run_tests(specs, shared)) == outcomes(run_tests(specs, alone))
    assert alone.opened > 3000
    assert shared.opened < alone.opened / 10


def test_what_hangs_below_a_counting_or_ignoring_rule_is_not_plain():
    specs = load_specs()
    plain = plain_rules(specs)
    stateful = {rule.name: rule for rule in specs.rules if rule.correlate or rule.ignore}
    assert len(plain) > 700
    assert not plain & {rule.id for rule in stateful.values()}
    below = [rule for rule in specs.rules if stateful.keys() & set(rule.parents.rules)]
    assert below
    assert not plain & {rule.id for rule in below}


CLONE = "- fires: {github.action: git.clone, github.repo: acme/app-%s}\n"


def wrong(position):
    """The tests of ``cloned``: enough clones that the composite counts to three, then one that claims silence."""
    fires = [CLONE % number for number in range(4)]
    fires.insert(position, "- silent: {github.action: git.clone, github.repo: acme/other}\n")
    return "- fires: {github.action: git.clone}\n", "      ".join(fires)


@pytest.mark.parametrize("position", range(5))
def test_a_composite_that_others_events_woke_hides_no_failure(content, engine, position):
    specs = content(wrong(position))
    results = run_tests(specs, Dear(engine(specs).ruleset))
    failed = [result for result in results.results if result.outcome is Outcome.FAILED]
    assert [(result.rule, result.expect, result.reason) for result in failed] == [
        ("cloned", "silent", "the rule took the event")
    ]


def test_a_composite_does_not_fire_on_the_events_of_other_tests(content, engine):
    once = "- fires: {github.action: git.clone, github.repo: acme/app-$n}\n        repeat: 3\n        every: 1m\n"
    specs = content((once, CLONE % "x"))
    # As if others' tests came between: the composite's own single event must not be the third.
    rules = sorted(specs.rules, key=lambda rule: rule.id)
    many = replace(rules[0], tests=rules[0].tests[:1] * 4)
    results = run_tests(specs, Dear(engine(specs).ruleset), [many, rules[1]])
    failed = [result.label for result in results.results if result.outcome is Outcome.FAILED]
    assert failed == ["111901 mass-clone, fires #1"]


def test_a_foreign_rule_is_believed_once_a_fresh_session_ends_there_twice(content, engine):
    # Events of the stock parent alone: one fresh session is enough for all of them.
    silent = "- silent: {github.action: git.push}\n"
    more = silent + "".join(f"      - silent: {{github.action: git.push, github.repo: acme/{n}}}\n" for n in range(20))
    specs = content((silent, more))
    dear = Dear(engine(specs).ruleset)
    assert not run_tests(specs, dear).failed
    # The shared one, the first event at the foreign rule alone, and the composite's test of three events.
    assert dear.opened == 3


@dataclass
class Said:
    rule_id: int


@dataclass
class FirstSeen:
    """A session in which an event ends at rule 1 when it is seen first, and at rule 2 afterwards."""

    seen: set = field(default_factory=set)

    def process(self, log, location, *, time=None):
        new = log not in self.seen
        self.seen.add(log)
        return Said(1 if new else 2)


def test_what_is_seen_first_in_one_session_is_no_news_to_the_next():
    class Engine:
        open_session = staticmethod(FirstSeen)

    event = TestEvent(b"x", "stdin", 0.0)
    shared = SharedSession(Engine(), {2})
    for _ in range(3):
        # Never rule 2, at which the event ends only because the session has seen it.
        assert shared.ask(event, time=0.0) is None
        fresh = FirstSeen()
        shared.learn(event, fresh.process(b"x", "stdin"), fresh, time=0.0)
    assert shared.plain == {2}
