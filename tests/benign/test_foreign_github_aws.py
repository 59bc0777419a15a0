"""Events that others made, with the lists as they are shipped: what they raise, and that no title has a hole.

The samples lie beside the checkout: deliveries of octokit/webhooks, audit events of elastic/integrations, CloudTrail of
invictus-ir/aws_dataset and DataDog/stratus-red-team.
"""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from benign.foreign import SAMPLES, audit, cloudtrail, webhooks
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

EPOCH = 1_767_787_200.0
HOLE = re.compile(r"  |\(\s*\)|''|\s[:,)]|[ (]$")

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")


@cache
def ruleset():
    return assemble(package=render_package(load_specs()).ruleset_files())


def alerts(events):
    session = ruleset().session()
    for number, event in enumerate(events):
        verdict = session.process(json.dumps(event), "sample", time=EPOCH + 30 * number)
        if verdict.output.get("rule") and verdict.level >= 3:
            yield verdict.rule_id, verdict.level, verdict.output["rule"]["description"]


@cache
def judged(kind):
    events = {
        "webhooks": webhooks,
        "audit": audit,
        "account": lambda: cloudtrail("invictus/*.json"),
        "techniques": lambda: cloudtrail("stratus/*.json"),
    }[kind]
    return tuple(alerts(events()))


@pytest.mark.parametrize("kind", ["webhooks", "audit", "account", "techniques"])
def test_no_title_has_a_hole(kind):
    assert [title for _, _, title in judged(kind) if HOLE.search(title)] == []


def test_deliveries_are_loud_only_where_something_became_public_or_was_lost():
    loud = {name for name, level, _ in judged("webhooks") if level >= 8}
    assert loud == {111430, 111432, 111436, 111442}


def test_an_organisations_audit_log_is_loud_only_where_a_scanner_was_switched_off():
    assert {name for name, level, _ in judged("audit") if level >= 8} == {111268}


def test_a_test_accounts_life_is_loud_only_where_it_was_attacked():
    loud = {name for name, level, _ in judged("account") if level >= 8}
    steps = {118031, 118200, 118203, 118250, 118302, 118311, 118314, 118316, 118325, 118327, 118333}
    assert loud == steps
    assert sum(level >= 8 for _, level, _ in judged("account")) <= 25


def test_recorded_techniques_are_seen():
    seen = {name for name, _, _ in judged("techniques")}
    assert {118016, 118054, 118145, 118151, 118155, 118200, 118201, 118300, 118302, 118311, 118324, 118325} <= seen
    assert {118320, 118323, 118326, 118333} <= seen
