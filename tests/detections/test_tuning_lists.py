"""A name in a list silences the rules that consult the list, and no other one."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import RuleSpec, SpecSet, load_specs
from wazuh_cicd.spec.model import InList

NAME = "site-entry"

#: Lists whose entries are values of one field of GitHub events.
LISTS = {
    "github_trusted_actors": "github.actor",
    "github_bots": "github.actor",
    "github_runner_managers": "github.actor",
    "github_security_scanners": "github.actor",
    "github_workflow_authors": "github.actor",
    "github_release_actors": "github.actor",
    "github_many_secrets_repositories": "github.repo",
    "github_public_repositories_with_own_runners": "github.repo",
}


@cache
def specs() -> SpecSet:
    return load_specs()


def consults(rule: RuleSpec, name: str, field: str) -> bool:
    return any(
        condition.subject == field and any(isinstance(one, InList) and one.name == name for one in condition.matchers)
        for condition in (*rule.unless, *rule.when)
    )


@cache
def silenced(name: str, field: str) -> tuple[frozenset[str], frozenset[str]]:
    """Which rules fire on their own first events when the field holds NAME: without and with NAME in the list."""
    return fired(field, specs()), fired(field, with_entry(name))


def with_entry(name: str) -> SpecSet:
    lists = tuple(
        replace(one, entries={**one.entries, NAME: "added by the site"}) if one.name == name else one
        for one in specs().lists
    )
    return replace(specs(), lists=lists)


def fired(field: str, tuned: SpecSet) -> frozenset[str]:
    ruleset = assemble(package=render_package(tuned).ruleset_files())
    found = set()
    for rule in plain_rules():
        for test in rule.tests:
            if test.expect != "fires" or len(test.events) != 1 or test.events[0].log is None:
                continue
            log = renamed(test.events[0].log, field)
            if log is not None and ruleset.session().process(log, test.events[0].location).rule_id == rule.id:
                found.add(rule.name)
    return frozenset(found)


def plain_rules() -> list[RuleSpec]:
    return [rule for rule in specs().rules if rule.source == "github" and rule.correlate is None]


def renamed(log: bytes, field: str) -> bytes | None:
    """The event with NAME in the field; nothing when the event does not have it."""
    try:
        event = json.loads(log) if log.startswith(b"{") else {}
    except ValueError:  # an event that was cut
        return None
    outer, inner = field.split(".")
    if inner not in event.get(outer, {}):
        return None
    event[outer][inner] = NAME
    return json.dumps(event, separators=(",", ":")).encode()


@pytest.mark.parametrize(("name", "field"), LISTS.items())
def test_an_entry_silences_exactly_the_rules_that_consult_the_list(name, field):
    before, after = silenced(name, field)
    unless = {
        rule.name
        for rule in plain_rules()
        if any(condition.subject == field for condition in rule.unless) and consults(rule, name, field)
    }
    # A rule may leave its exception to a child that speaks more softly.
    softened = {
        parent
        for rule in plain_rules()
        if any(condition.subject == field for condition in rule.when) and consults(rule, name, field)
        for parent in rule.parents.rules
    }
    assert before - after == (unless | softened) & before
    assert unless, "no rule consults the list"


@pytest.mark.parametrize(("name", "field"), LISTS.items())
def test_without_an_entry_every_rule_that_consults_the_list_fires(name, field):
    before, _ = silenced(name, field)
    assert {rule.name for rule in plain_rules() if rule.unless and consults(rule, name, field)} <= before


@pytest.mark.parametrize("one", load_specs().lists, ids=lambda one: one.name)
def test_every_list_shows_an_example(one):
    assert one.title
    assert one.example


def test_every_list_of_these_sources_is_used():
    used = {
        matcher.name
        for rule in specs().rules
        for condition in (*rule.when, *rule.unless)
        for matcher in condition.matchers
        if isinstance(matcher, InList)
    }
    ours = {one.name for one in specs().lists if one.name.startswith(("github_", "runner_", "build_", "internal_"))}
    assert ours <= used
