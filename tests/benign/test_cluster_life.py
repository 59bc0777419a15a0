"""Clusters with well-known operators stay quiet at a first start, with the lists as the package ships them."""

from __future__ import annotations

from collections import Counter

import pytest

from benign.cluster_life import OPERATORS, PLATFORMS, life
from benign.site import Site

COUNT = 1200
SITE = Site({}, lambda: {name: life(name, COUNT) for name in PLATFORMS})


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_first_start_is_quiet(platform):
    judged = SITE.judged(platform, stock=False)
    loud = Counter((number, level, title) for _, number, level, title in judged if level >= 8)
    assert not loud
    heard = [(number, level, title) for _, number, level, title in judged if level > 5]
    assert len(heard) * 500 <= len(judged), Counter(heard)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_life_reaches_our_rules(platform):
    assert len({number for _, number, _, _ in SITE.judged(platform, stock=False)}) >= 12


def test_the_life_is_always_the_same():
    assert life("eks", 20) == life("eks", 20)


def test_every_operator_names_where_its_rights_stand():
    assert all("/" in one.source and one.reads for one in OPERATORS)
    assert len({one.account for one in OPERATORS}) >= 35
