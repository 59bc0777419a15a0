from __future__ import annotations

from collections import Counter

import pytest

from benign.normal_life import SITE_LISTS, all_events, github_audit
from benign.site import STOCK, Site

COUNT = 1500
SITE = Site(SITE_LISTS, lambda: dict(all_events(COUNT)))
NAMES = [name for name, _ in all_events(1)]


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
    reached = {number for _, number, _, _ in SITE.judged(name, stock=False) if number in SITE.ours}
    assert len(reached) >= 3


def test_the_corpus_is_always_the_same():
    assert github_audit(50) == github_audit(50)


def test_the_corpus_is_varied():
    for _, events in all_events(COUNT):
        assert len({event.log or str(event.decoded) for event in events}) >= 50
        assert len(events) >= 500
