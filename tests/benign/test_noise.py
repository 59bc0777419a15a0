"""The noise budget of each rule, and what a first start says on the ordinary life of others."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from benign.foreign import SAMPLES, corpora
from wazuh_cicd.proof.noise import ALARM, PER, figures, listen, without_figure
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

PAGE = Path(__file__).parents[2] / "docs" / "noise.md"
#: Above 5 for 500 events on a first start. Recordings of set-ups are louder than a system that lives on.
LOUDEST = {"vault": 15.0}


@cache
def measured(status):
    specs = load_specs()
    ruleset = assemble(package=render_package(specs, status=status).ruleset_files())
    heard = listen([one for one in corpora() if one.foreign], ruleset, frozenset(specs.by_id))
    return heard, figures(specs, heard, ruleset)


def test_every_mature_rule_keeps_its_budget():
    _, found = measured(None)
    over = [(one.rule.id, one.alerts, one.events) for one in found if one.over and one.rule.status == "stable"]
    assert over == []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recordings are not beside this checkout")
def test_every_stable_rule_has_a_figure_or_a_reason():
    assert [rule.name for rule in without_figure(measured(None)[1])] == []


def test_a_first_start_is_quiet_on_the_life_of_others():
    for one in measured("stable")[0]:
        if one.corpus.rates:
            rate = one.loud.total() * PER / max(len(one.corpus.events), PER)
            assert rate <= LOUDEST.get(one.corpus.name, 14.0), (one.corpus.name, one.loud)


def test_clusters_and_build_hosts_raise_no_alarm():
    for one in measured("stable")[0]:
        if one.corpus.name.startswith(
            ("cluster-", "build-hosts", "kubernetes-controllers", "cloudtrail", "docker-events")
        ):
            assert not one.alarms
            assert one.loud.total() * PER <= len(one.corpus.events)


def test_a_first_start_says_no_more_than_full_levels():
    for full, first in zip(measured(None)[0], measured("stable")[0], strict=True):
        assert first.loud.total() <= full.loud.total()
        assert first.alarms <= full.alarms


def test_no_corpus_says_more_than_the_page_states():
    rows = PAGE.read_text("utf-8").partition("## By corpus")[2].partition("## By source")[0]
    found = re.findall(r"^\| ([\w-]+) \| [^|]+ \| (\d+) \| (\d+) \| (\d+) \| ", rows, re.MULTILINE)
    written = {name: tuple(map(int, numbers)) for name, *numbers in found}
    for one in measured(None)[0]:
        events, loud, alarms = written[one.corpus.name]
        now = (one.corpus.name, one.loud)
        assert len(one.corpus.events) == events, "run: python tools/noise.py > docs/noise.md"
        assert (one.loud.total() <= loud, one.alarms <= alarms) == (True, True), now


def test_an_alarm_costs_more_than_a_notice():
    rules = {one.rule.level >= ALARM: one for one in measured(None)[1] if one.rule.noise is None}
    assert set(rules) == {True, False}
