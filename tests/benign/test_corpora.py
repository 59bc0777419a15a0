from __future__ import annotations

from collections import Counter

import pytest

from benign.factory_life import FACTORY_LISTS, Event, docker, factory_events
from benign.secrets_life import SECRETS_LISTS, secrets_events, vault
from benign.site import STOCK, Site

COUNT = 700


def corpora(count: int) -> dict[str, list[Event]]:
    """Normal life by family: Jenkins, Docker, Kubernetes; Vault, AWS."""
    return dict((*factory_events(count), *secrets_events(count)))


SITE = Site({**FACTORY_LISTS, **SECRETS_LISTS}, lambda: corpora(COUNT))
NAMES = list(corpora(1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "stock", [False, pytest.param(True, marks=pytest.mark.skipif(not STOCK.is_dir(), reason="no ../shared"))]
)
def test_normal_life_raises_no_alarm(name, stock):
    loud = Counter(
        (number, level, title)
        for _, number, level, title in SITE.judged(name, stock=stock)
        if level > 5 and number in SITE.ours
    )
    assert not loud


@pytest.mark.parametrize("name", NAMES)
def test_normal_life_reaches_our_rules(name):
    """A corpus that no rule looks at proves nothing."""
    assert len({number for _, number, _, _ in SITE.judged(name, stock=False) if number in SITE.ours}) >= 4


def test_the_corpus_is_always_the_same():
    assert docker(50) == docker(50)
    assert vault(50) == vault(50)


def test_the_corpus_is_varied():
    for events in SITE.events.values():
        assert len(events) >= 500
        assert len({event.log or str(event.decoded) for event in events}) >= 300
