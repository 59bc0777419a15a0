from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benign.factory_life import FACTORY_LISTS, Event, docker, factory_events
from benign.secrets_life import SECRETS_LISTS, secrets_events, vault
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import SpecSet, load_specs

STOCK = Path(__file__).parents[2].parent / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"
COUNT = 700
LISTS = {**FACTORY_LISTS, **SECRETS_LISTS}


@cache
def corpora(count: int) -> dict[str, list[Event]]:
    """Normal life by family: Jenkins, Docker, Kubernetes; Vault, AWS."""
    return dict((*factory_events(count), *secrets_events(count)))


NAMES = list(corpora(1))


@cache
def specs_of_site() -> SpecSet:
    """The package with the lists filled as the company in ``factory_life`` and ``secrets_life`` would."""
    specs = load_specs()
    lists = tuple(replace(one, entries={**one.entries, **LISTS.get(one.name, {})}) for one in specs.lists)
    return replace(specs, lists=lists)


@cache
def judged(name: str, *, stock: bool) -> tuple[tuple[Event, int, int, str], ...]:
    session = assemble(
        stock=STOCK if stock else None, package=render_package(specs_of_site()).ruleset_files()
    ).session()
    result = []
    for event in corpora(COUNT)[name]:
        if event.decoded is not None:
            decoder, fields = event.decoded
            verdict = session.process_decoded(decoder, fields, location=event.location, time=event.time)
        else:
            verdict = session.process(event.log, event.location, time=event.time)
        title = verdict.output.get("rule", {}).get("description", "")
        result.append((event, verdict.rule_id or 0, verdict.level, title))
    return tuple(result)


def ours() -> set[int]:
    return {rule.id for rule in specs_of_site().rules}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "stock", [False, pytest.param(True, marks=pytest.mark.skipif(not STOCK.is_dir(), reason="no ../shared"))]
)
def test_normal_life_raises_no_alarm(name, stock):
    own = ours()
    loud = Counter(
        (number, level, title) for _, number, level, title in judged(name, stock=stock) if level > 5 and number in own
    )
    assert not loud


@pytest.mark.parametrize("name", NAMES)
def test_normal_life_reaches_our_rules(name):
    """A corpus that no rule looks at proves nothing."""
    own = ours()
    assert len({number for _, number, _, _ in judged(name, stock=False) if number in own}) >= 4


def test_the_corpus_is_always_the_same():
    assert docker(50) == docker(50)
    assert vault(50) == vault(50)


def test_the_corpus_is_varied():
    for events in corpora(COUNT).values():
        assert len(events) >= 500
        assert len({event.log or str(event.decoded) for event in events}) >= 300
