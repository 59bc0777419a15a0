from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benign.normal_life import SITE_LISTS, Event, all_events, github_audit
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import SpecSet, load_specs

STOCK = Path(__file__).parents[2].parent / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"
COUNT = 1500


@cache
def specs_of_site() -> SpecSet:
    """The package with the lists filled as the company in ``normal_life`` would."""
    specs = load_specs()
    lists = tuple(replace(one, entries={**one.entries, **SITE_LISTS.get(one.name, {})}) for one in specs.lists)
    return replace(specs, lists=lists)


@cache
def judged(name: str, *, stock: bool) -> tuple[tuple[Event, int, int, str], ...]:
    ruleset = assemble(stock=STOCK if stock else None, package=render_package(specs_of_site()).ruleset_files())
    session = ruleset.session()
    result = []
    for event in dict(all_events(COUNT))[name]:
        if event.decoded is not None:
            decoder, fields = event.decoded
            verdict = session.process_decoded(decoder, fields, location=event.location, time=event.time)
        else:
            verdict = session.process(event.log, event.location, time=event.time)
        result.append(
            (event, verdict.rule_id or 0, verdict.level, verdict.output.get("rule", {}).get("description", ""))
        )
    return tuple(result)


def ours(number: int) -> bool:
    return any(rule.id == number for rule in specs_of_site().rules)


NAMES = [name for name, _ in all_events(1)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "stock", [False, pytest.param(True, marks=pytest.mark.skipif(not STOCK.is_dir(), reason="no ../shared"))]
)
def test_normal_life_raises_no_alarm(name, stock):
    loud = Counter(
        (number, level, title) for _, number, level, title in judged(name, stock=stock) if level > 5 and ours(number)
    )
    assert not loud


@pytest.mark.parametrize("name", NAMES)
def test_normal_life_reaches_our_rules(name):
    """A corpus that no rule looks at proves nothing."""
    reached = {number for _, number, _, _ in judged(name, stock=False) if ours(number)}
    assert len(reached) >= 3


def test_the_corpus_is_always_the_same():
    assert github_audit(50) == github_audit(50)


def test_the_corpus_is_varied():
    for _, events in all_events(COUNT):
        assert len({event.log or str(event.decoded) for event in events}) >= 50
        assert len(events) >= 500
