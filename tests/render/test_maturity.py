"""What a rule's status means for the levels of a package."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from wazuh_cicd.cli import main
from wazuh_cicd.errors import SpecError
from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import Outcome, run_tests
from wazuh_cicd.render import render_package
from wazuh_cicd.render.lock import read_lock
from wazuh_cicd.render.maturity import at_status, is_demoted
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.model import ASKED

TESTS = "tests: [{fires: {github.a: x}}, {silent: {github.a: y}}]"


def rule(number, name, level, status, rest="when: {github.a: x}"):
    return (
        f"- {{id: {number}, name: {name}, level: {level}, status: {status}, title: '$(github.a)', {rest}, {TESTS}}}\n"
    )


@pytest.fixture
def specs(content):
    return lambda *rules: load_specs(content("".join(rules)))


def verdicts(package, *actions):
    session = assemble(package=package.ruleset_files()).session()
    events = (f'{{"integration":"github","github":{{"a":"{action}"}}}}' for action in actions)
    return [(verdict.rule_id, verdict.level) for verdict in (session.process(event, "github") for event in events)]


def test_a_rule_begins_at_level_3_until_its_status_is_asked_for(specs):
    for status in ("experimental", "test", "stable", "deprecated"):
        read = specs(rule(111900, "one", 12, status))
        levels = {asked: verdicts(render_package(read, status=asked), "x")[0] for asked in ASKED}
        wanted = {
            "stable": {"stable": 12, "test": 12, "experimental": 12},
            "test": {"stable": 3, "test": 12, "experimental": 12},
            "experimental": {"stable": 3, "test": 3, "experimental": 12},
            "deprecated": {"stable": 3, "test": 3, "experimental": 3},
        }[status]
        assert levels == {asked: (111900, level) for asked, level in wanted.items()}
        assert verdicts(render_package(read), "x") == [(111900, 12)]


def test_a_quiet_rule_stays_as_it_is(specs):
    read = specs(rule(111900, "one", 3, "experimental"))
    assert at_status(read, "stable") == read


def test_a_demoted_rule_does_not_hide_its_loud_parent(specs):
    read = specs(
        rule(111900, "parent", 8, "stable", "when: {github.a: [x, z]}"),
        rule(111901, "child", 12, "test", "parent: {rule: parent}, when: {github.a: x}"),
    )
    assert verdicts(render_package(read), "x", "z") == [(111901, 12), (111900, 8)]
    assert verdicts(render_package(read, status="stable"), "x", "z") == [(111900, 8), (111900, 8)]


def test_a_stable_child_of_a_demoted_rule_keeps_its_place_before_others(specs):
    read = specs(
        rule(111900, "parent", 10, "test", "when: {github.a: [x, z]}"),
        rule(111901, "child", 12, "stable", "parent: {rule: parent}, when: {github.a: x}"),
        rule(111902, "other", 6, "stable", "when: {github.a: [x, z]}"),
    )
    assert verdicts(render_package(read), "x", "z") == [(111901, 12), (111900, 10)]
    assert verdicts(render_package(read, status="stable"), "x", "z") == [(111901, 12), (111902, 6)]


def test_an_exception_of_a_demoted_rule_still_excepts(specs):
    read = specs(
        rule(111900, "parent", 10, "test", "when: {github.a: [x, z]}"),
        rule(111901, "exception", 0, "experimental", "parent: {rule: parent}, when: {github.a: x}"),
        rule(111902, "other", 6, "stable", "when: {github.a: [x, z]}"),
    )
    assert verdicts(render_package(read, status="stable"), "x", "z") == [(111901, 0), (111902, 6)]


def test_a_composite_follows_its_own_status(specs):
    counted = "correlate: {of: one, count: 2, within: 60s}, when: {github.a: x}"
    read = specs(rule(111900, "one", 6, "stable"), rule(111901, "many", 12, "test", counted))
    assert verdicts(render_package(read), "x", "x") == [(111900, 6), (111901, 12)]
    assert verdicts(render_package(read, status="stable"), "x", "x") == [(111900, 6), (111900, 6)]


def test_a_composite_is_not_more_mature_than_what_it_counts(specs):
    counted = "correlate: {of: one, count: 2, within: 60s}, when: {github.a: x}"
    with pytest.raises(SpecError, match=r"R221 'many' is stable and counts 'one', which is test"):
        specs(rule(111900, "one", 6, "test"), rule(111901, "many", 12, "stable", counted))


def test_a_demoted_rule_has_no_response(specs):
    response = "when: {github.a: x, location: github}, response: {action: scan-image, confidence: low}"
    for status, bound in (("stable", True), ("test", False)):
        files = render_package(specs(rule(111900, "one", 12, status, response)), status="stable").files
        assert ("manager/ossec.conf.d/response-scan-image.xml" in files) is bound


def test_build_begins_with_stable_rules_and_locks_full_levels(content, tmp_path, capsys):
    root = content(rule(111900, "one", 12, "test"))
    lock = root / "rules" / "ids.lock"
    texts = []
    for status in ("stable", "test"):
        assert main(["build", "--root", str(root), "-o", str(tmp_path / status), "--status", status, "--lock"]) == 0
        texts.append(
            (lock.read_text(), (tmp_path / status / "manager/etc/rules/1110-cicd_github_rules.xml").read_text())
        )
    assert texts[0][0] == texts[1][0]
    assert read_lock(lock)
    assert '<rule id="111900" level="3"' in texts[0][1]
    assert '<rule id="111900" level="12"' in texts[1][1]
    assert "1 rules (1 less mature than stable, at level 3 or below)" in capsys.readouterr().out


def _counts_fewer(one):
    """Whether a demoted rule may be among what it counts: a group's, or one that it keeps from repeating itself."""
    return one.correlate is not None and (one.correlate.rule is None or one.level <= 3)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_ends_at_a_rule_that_is_not_demoted_ends_there_at_every_status(seed):
    """Whatever statuses the authors give."""
    chance = random.Random(seed)  # noqa: S311 - the same statuses each time
    specs = load_specs()
    status = {one.name: chance.choice(("test", "stable", "stable")) for one in specs.rules}
    for _ in range(3):  # a composite of composites
        for one in specs.rules:
            counted = one.correlate.rule if one.correlate else None
            if counted and status[counted] == "test" and specs.by_name[counted].level > 3:
                status[one.name] = "test"
    changed = replace(specs, rules=tuple(replace(one, status=status[one.name]) for one in specs.rules))
    package = render_package(changed, status="stable")
    kept = [
        replace(one, tests=tuple(test for test in one.tests if test.expect == "fires"))
        for one in package.specs.rules
        if not is_demoted(changed.by_name[one.name], "stable") and not _counts_fewer(one)
    ]
    engine = EmbeddedEngine(assemble(package=package.ruleset_files()))
    results = run_tests(package.specs, engine, kept).results
    assert len(results) > 1000
    assert [(one.rule, one.number, one.reason) for one in results if one.outcome is Outcome.FAILED] == []
    assert not engine.load_messages


@pytest.mark.parametrize(
    "noise",
    [
        "{budget: many, why: x}",
        "{budget: -1, why: x}",
        "{budget: 501, why: x}",
        "{budget: true, why: x}",
        "{budget: [1], why: x}",
        "{budget: 1}",
        "2",
    ],
)
def test_a_budget_is_a_number_with_a_reason(specs, noise):
    with pytest.raises(SpecError, match=r"S10\d"):
        specs(rule(111900, "one", 6, "stable", f"when: {{github.a: x}}, noise: {noise}"))


def test_a_budget_is_read(specs):
    read = specs(rule(111900, "one", 6, "stable", "when: {github.a: x}, noise: {budget: 1.5, why: because}"))
    assert read.rules[0].noise is not None
    assert (read.rules[0].noise.budget, read.rules[0].noise.why) == (1.5, "because")
