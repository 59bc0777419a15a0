"""Rules proved by their own events."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lxml import etree

from wazuh_cicd.proof.runner import Outcome, below_passages, run_tests, select
from wazuh_cicd.report import tests as report


def outcomes(results):
    return [(result.rule, result.number, result.outcome.value) for result in results.results]


def failures(results):
    return {result.label: result.reason for result in results.results if result.outcome is Outcome.FAILED}


def test_good_rules_pass_all_their_tests(content, engine):
    specs = content()
    results = run_tests(specs, engine(specs))
    assert len(results.results) == 7
    assert not failures(results)
    assert not results.failed


def test_several_processes_say_the_same_in_the_same_order(content, engine):
    specs = content(("- fires: {github.action: git.clone}", "- fires: {github.action: git.fetch}"))
    alone = run_tests(specs, engine(specs))
    assert alone.failed
    assert run_tests(specs, engine(specs), jobs=2) == alone


@pytest.mark.parametrize(
    ("change", "label", "reason"),
    [
        (
            ("- fires: {github.action: git.clone}", "- fires: {github.action: git.fetch}"),
            "111900 cloned, fires #1",
            "the event ended at",
        ),
        (
            ("- silent: {github.action: git.push}", "- silent: {github.action: git.clone}"),
            "111900 cloned, silent #2",
            "the rule took the event",
        ),
        (
            ("        repeat: 2\n", "        repeat: 3\n"),
            "111901 mass-clone, silent #2",
            "the rule took event 3",
        ),
        (
            ("instead: cloned", "instead: mass-clone"),
            "111901 mass-clone, silent #2",
            "the event was to end at mass-clone, but ended at 111900 cloned (level 5)",
        ),
        (
            ("count: 3, within: 10m", "count: 3, within: 30m"),
            "111901 mass-clone, silent #3",
            "the rule took event 3",
        ),
    ],
)
def test_a_failure_says_what_happened_instead(content, engine, change, label, reason):
    specs = content(change)
    found = failures(run_tests(specs, engine(specs)))
    assert list(found) == [label]
    assert found[label].startswith(reason)


class Elsewhere:
    """A manager: it knows no simulated time and no pre-decoded events."""

    name = "manager"
    simulates_time = False
    takes_decoded = False
    reloads = True
    load_messages = ()

    def __init__(self, inner):
        self.inner = inner

    def open_session(self):
        return self.inner.open_session()


def test_what_an_engine_cannot_do_is_skipped_with_its_reason(content, engine):
    specs = content()
    results = run_tests(specs, Elsewhere(engine(specs)))
    skipped = [result for result in results.results if result.outcome is Outcome.SKIPPED]
    assert [result.label for result in skipped] == [f"111901 mass-clone, silent #{number}" for number in (2, 3, 4)]
    assert {result.reason for result in skipped} == {"manager cannot simulate the time between the events"}
    assert not results.failed


PASSAGE = """rules:
  - id: 111899
    name: passage
    level: 0
    noalert: true
    title: "Lets clones go on"
    status: stable
    when: {github.action: %s}
    tests:
      - fires: {github.action: git.clone}
      - silent: {github.action: git.push}
  - id: 111900
    name: cloned
    parent: {rule: passage}"""


def test_a_rule_that_lets_events_go_on_is_proved_by_the_rules_below_it(content, engine):
    below = ("rules:\n  - id: 111900\n    name: cloned", PASSAGE % "git.clone")
    specs = content(below)
    assert below_passages(specs) == {111899: frozenset({111900, 111901})}
    assert not failures(run_tests(specs, engine(specs)))

    specs = content((below[0], PASSAGE % "git.fetch"))
    assert "ended at 91449" in failures(run_tests(specs, engine(specs)))["111899 passage, fires #1"]

    heard = (PASSAGE % "git.clone").replace("silent: {github.action: git.push}", "silent: {github.action: git.clone}")
    specs = content((below[0], heard))
    assert failures(run_tests(specs, engine(specs))) == {"111899 passage, silent #2": "the rule took the event"}


def test_rules_are_selected_by_all_words_of_number_name_source_and_title(content):
    specs = content()
    assert [rule.id for rule in select(specs, ["CLONE"])] == [111900, 111901]
    assert [rule.id for rule in select(specs, ["clone", "many"])] == [111901]
    assert [rule.id for rule in select(specs, ["111900"])] == [111900]
    assert not list(select(specs, ["nobody"]))


@pytest.fixture
def mixed(content, engine):
    specs = content(("- silent: {github.action: git.push}", "- silent: {github.action: git.clone}"))
    results = run_tests(specs, Elsewhere(engine(specs)))
    return replace(results, messages=("WARNING (7612): a message",))


def test_text_lists_failures_first_and_counts_last(mixed):
    lines = report.render(mixed, "text").splitlines()
    assert lines[0] == "WARNING (7612): a message"
    assert "FAILED 111900 cloned, silent #2: the rule took the event" in lines[1]
    assert lines[1].split(" ")[0].endswith("clones.yml:26")
    assert lines[2] == "skipped 3: manager cannot simulate the time between the events"
    assert lines[-1] == "3 passed, 1 failed, 3 skipped"


def test_json_and_junit_agree_with_the_text(mixed):
    data = json.loads(report.render(mixed, "json"))
    assert (data["passed"], data["failed"], data["skipped"], len(data["results"])) == (3, 1, 3, 7)
    suite = etree.fromstring(report.render(mixed, "junit").encode()).find("testsuite")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (
        "github",
        "7",
        "1",
        "3",
    )


FASTER = """  - id: 111902
    name: clone-burst
    level: 13
    title: "$(github.actor) clones without a pause"
    status: stable
    correlate: {of: cloned, count: 2, within: 20s, same: [github.actor]}
    mitre: [T1213.003]
    compliance: [pci_dss_10.2.7]
    why: No human does that.
    triage: [Who?]
    false_positives: [Scripts.]
    tests:
      - fires: {github.action: git.clone}
        repeat: 2
        every: 1s
      - silent: {github.action: git.clone}
  - id: 111901
"""


def test_a_test_that_needs_the_pauses_between_its_events_is_skipped_where_there_are_none(content, engine):
    specs = content(("  - id: 111901\n", FASTER))
    assert not run_tests(specs, engine(specs)).failed
    results = run_tests(specs, Elsewhere(engine(specs)))
    assert not results.failed
    reasons = {result.label: result.reason for result in results.results if result.outcome is Outcome.SKIPPED}
    assert reasons["111901 mass-clone, fires #1"] == "manager cannot simulate the time between the events"
    assert "111902 clone-burst, fires #1" not in reasons


def test_a_manager_whose_answer_is_wrong_is_not_excused_by_missing_pauses(content, engine):
    # It has the rules of another version, in which nothing counts three clones.
    other = engine(content(("count: 3, within: 10m", "count: 4, within: 10m")))
    found = failures(run_tests(content(), Elsewhere(other)))
    assert found["111901 mass-clone, fires #1"].endswith("; its events were sent without the pauses between them")
