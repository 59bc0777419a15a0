"""An entry in a tuning list silences the rule that asks the list, and no rule that does not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import play
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import RuleSpec, SpecSet, load_specs
from wazuh_cicd.spec.model import InList

SOURCES = ("jenkins", "docker", "kubernetes", "vault", "aws")


@cache
def specs() -> SpecSet:
    return load_specs()


def exceptions() -> list[tuple[str, RuleSpec, str]]:
    """Each list with the first rule that leaves out what the list names, and the field it asks."""
    found: dict[str, tuple[str, RuleSpec, str]] = {}
    for rule in specs().rules:
        for condition in rule.unless if rule.source in SOURCES and rule.correlate is None and not rule.noalert else ():
            for matcher in condition.matchers:
                if isinstance(matcher, InList):
                    found.setdefault(matcher.name, (matcher.name, rule, condition.subject))
    return list(found.values())


def value(data: dict[str, Any], field: str) -> str:
    """A field's value in the ``data`` of an alert, where dots nest."""
    if field in data:
        return str(data[field])
    head, _, rest = field.partition(".")
    while rest and not isinstance(data.get(head), dict):
        part, _, rest = rest.partition(".")
        head = f"{head}.{part}"
    return value(data[head], rest)


def firing(rule: RuleSpec):
    return next(test for test in rule.tests if test.expect == "fires" and len(test.events) == 1)


def ends(ruleset, rule: RuleSpec):
    *_, last = play(ruleset.session(), firing(rule).events)
    return last


def asks_list(rule: RuleSpec, name: str) -> bool:
    return any(
        isinstance(matcher, InList) and matcher.name == name
        for condition in (*rule.when, *rule.unless)
        for matcher in condition.matchers
    )


def above(rule: RuleSpec) -> list[RuleSpec]:
    """The rules below which this one hangs, up to the root: a list that one of them asks decides for it, too."""
    parents = [specs().by_name[name] for name in rule.parents.rules] if rule.parents else []
    return parents + [higher for parent in parents for higher in above(parent)]


@cache
def untuned():
    return assemble(package=render_package(specs()).ruleset_files())


CASES = [pytest.param(*case, id=case[0]) for case in exceptions()]


@pytest.mark.parametrize(("name", "rule", "field"), CASES)
def test_an_entry_silences_the_rule_and_no_rule_that_does_not_ask(name, rule, field):
    verdict = ends(untuned(), rule)
    assert verdict.rule_id == rule.id
    entry = value(verdict.output["data"], "dstuser" if field == "user" else field)
    lists = tuple(
        replace(one, entries={**one.entries, entry: "added by the site"}) if one.name == name else one
        for one in specs().lists
    )
    tuned = assemble(package=render_package(replace(specs(), lists=lists)).ruleset_files())
    assert ends(tuned, rule).rule_id != rule.id
    for other in specs().rules:
        asks = any(asks_list(one, name) for one in (other, *above(other)))
        plain = [test for test in other.tests if test.expect == "fires" and len(test.events) == 1]
        if other.source == rule.source and not asks and other.correlate is None and plain and other.level > 0:
            assert ends(tuned, other).rule_id == ends(untuned(), other).rule_id, other.name


def test_every_list_of_these_sources_is_asked():
    asked = {
        matcher.name
        for rule in specs().rules
        for condition in (*rule.when, *rule.unless)
        for matcher in condition.matchers
        if isinstance(matcher, InList)
    }
    prefixes = ("jenkins_", "docker_", "k8s_", "vault_", "aws_", "attack_", "bad_")
    own = {one.name for one in specs().lists if one.name.startswith(prefixes) and one.keys != "pattern"}
    assert own <= asked
