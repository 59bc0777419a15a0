"""The package on a real manager. WAZUH_ROOT must have it installed; the container gets it at its first start."""

from __future__ import annotations

import time
from itertools import groupby

import pytest

from wazuh_cicd.engine import load_ruleset
from wazuh_cicd.install.desired import desired_from, one_per_source
from wazuh_cicd.proof.runner import Outcome, run_tests
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

SPECS = load_specs()
PACKAGE = render_package(SPECS)
# Rules below level 3 write no alert.
PROBES = one_per_source(tuple(p for p in desired_from(PACKAGE).probes if SPECS.by_name[p.name].level >= 3))
BY_SOURCE = {source: list(rules) for source, rules in groupby(SPECS.rules, key=lambda rule: rule.source)}


def test_the_ruleset_loads_without_a_warning_about_us(manager):
    told = [str(message) for message in manager.engine().load_messages]
    ours = {str(PACKAGE.rule_id(rule.name)) for rule in SPECS.rules}
    assert not [line for line in told if "cicd" in line or any(number in line for number in ours)]


def test_what_our_rules_hang_on_remembers_nothing(manager, tmp_path):
    """What ``plain_rules`` takes for granted of the stock ruleset."""
    stock = load_ruleset([manager.folder("ruleset", tmp_path)])
    parents = {number for rule in SPECS.rules for number in rule.parents.stock}
    assert parents <= set(stock.rules)

    def below(nodes, above):
        for node in nodes:
            rule = node.rule.definition
            remembers = above or rule.context or rule.if_fts or rule.check_diff or bool(rule.ignore)
            if remembers:
                yield node.rule.id
            yield from below(node.children, remembers)

    remembering = set(below(stock.tree.roots, above=False))
    assert len(remembering) > 100
    assert not parents & remembering


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted(BY_SOURCE))
def test_every_rule_passes_its_own_tests(manager, source):
    results = run_tests(SPECS, manager.engine(), BY_SOURCE[source])
    failed = [result for result in results.results if result.outcome is Outcome.FAILED]
    assert not failed, "\n".join(map(str, failed[:10]))
    assert results.count(Outcome.PASSED)


def test_every_decoder_passes_its_own_tests(manager):
    session = manager.engine().open_session()
    wrong = []
    for test in SPECS.decoder_tests:
        output = session.process(test.log, "stdin").output
        name = output.get("decoder", {}).get("name")
        if test.decoder is not None and name != test.decoder:
            wrong.append((test.log[:80], name, test.decoder))
    assert not wrong


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.source)
def test_an_event_in_the_queue_becomes_an_alert_in_the_file(manager, probe):
    rule = SPECS.by_name[probe.name]
    before = manager.alerts_size()
    for log, location in probe.events:
        manager.send(log, location)
    alerts = manager.alerts(before, probe.rule_id)
    ids = [int(alert["rule"]["id"]) for alert in alerts]
    assert probe.rule_id in ids
    alert = alerts[ids.index(probe.rule_id)]
    assert alert["rule"]["level"] == rule.level
    assert alert["location"] == probe.events[-1][1]


def test_a_composite_counts_through_the_queue(manager):
    rule, test = next(
        (rule, test)
        for rule in SPECS.rules
        if rule.correlate and rule.level >= 3
        for test in rule.tests
        if test.expect == "fires" and all(e.log for e in test.events) and sum(e.after for e in test.events) == 0
    )
    before = manager.alerts_size()
    for event in test.events:
        manager.send(event.log, event.location)
        # The queue has several readers: events a few milliseconds apart may change places.
        time.sleep(0.05)
    number = PACKAGE.rule_id(rule.name)
    assert number in [int(alert["rule"]["id"]) for alert in manager.alerts(before, number)]
