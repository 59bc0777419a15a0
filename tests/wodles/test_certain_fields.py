"""What the specs call certain, the programs of this package write in every event, whatever a report leaves out."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.spec import load_specs
from wodles.scan.events import CERTAIN, UNKNOWN, encode_event

RULES = [rule for rule in load_specs().rules if rule.certain]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_event_without_them_says_so_in_a_word(rule):
    names = [name.removeprefix("cicd_scan.") for name in rule.certain]
    fired = [json.loads(test.events[-1].log) for test in rule.tests if test.expect == "fires"]
    assert fired
    for event in fired:
        body = {key: value for key, value in event["cicd_scan"].items() if key not in names}
        kind = body.pop("event")
        written = json.loads(encode_event(kind, list(body.items())))["cicd_scan"]
        assert {name: written.get(name) for name in names} == dict.fromkeys(names, UNKNOWN)


def test_what_is_known_stays():
    line = encode_event("vulnerability", [("id", "CVE-1"), ("fixed", "1.2"), ("severity", "")])
    assert json.loads(line)["cicd_scan"] == {
        "event": "vulnerability", "id": "CVE-1", "fixed": "1.2",
        "artifact": UNKNOWN, "package": UNKNOWN, "version": UNKNOWN, "severity": UNKNOWN,
    }  # fmt: skip


def test_each_promise_is_used_by_a_title():
    used = {name.removeprefix("cicd_scan.") for rule in RULES for name in rule.certain}
    assert {name for _, _, names in CERTAIN for name in names} - used == set()
