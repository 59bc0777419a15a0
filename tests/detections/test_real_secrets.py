"""Real events of Vault and CloudTrail: each is judged, the attacks among them are told, and no stock alert is lost.

CloudTrail's events are put into the shape in which Wazuh's AWS module sends them: a list of one element becomes the
element.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
STOCK = SAMPLES / "wazuh-4.14.3" / "ruleset"

pytestmark = pytest.mark.skipif(not STOCK.is_dir(), reason="the recordings are not beside this checkout")


@cache
def engines():
    package = render_package(load_specs()).ruleset_files()
    return assemble(stock=STOCK), assemble(stock=STOCK, package=package)


def seconds(text: str) -> float:
    """The time of day of an ISO time stamp; all that windows of minutes need."""
    hours, minutes, rest = text[11:19].split(":")
    return 86400.0 * int(text[8:10]) + 3600 * int(hours) + 60 * int(minutes) + int(rest)


def vault_events() -> list[tuple[float, str, str]]:
    found = []
    for path in sorted((SAMPLES / "vault").glob("*.jsonl")):
        lines = path.read_text("utf-8").splitlines()
        found += [(seconds(json.loads(line)["time"]), "/var/log/vault/audit.log", line) for line in lines]
    return found


def single(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: one[0] if isinstance(one, list) and len(one) == 1 else single(one) for key, one in value.items()}


def cloudtrail_events() -> list[tuple[float, str, str]]:
    records = []
    for path in sorted((SAMPLES / "cloudtrail").rglob("*.json*")):
        text = path.read_text("utf-8")
        if path.suffix == ".jsonl":
            records += [json.loads(line) for line in text.splitlines()]
        else:
            data = json.loads(text)
            records += data.get("Records", []) if isinstance(data, dict) else data
    records.sort(key=lambda record: record["eventTime"])
    found = []
    for record in records:
        kept = {key: value for key, value in record.items() if value is not None}
        event = {"integration": "aws", "aws": single({"log_info": {"s3bucket": "b"}, **kept, "source": "cloudtrail"})}
        found.append((seconds(record["eventTime"]), "Wazuh-AWS", json.dumps(event)))
    return found


@cache
def judged(source: str):
    """What the stock rules alone, and the stock rules with ours, make of all events, one session each."""
    events = vault_events() if source == "vault" else cloudtrail_events()
    alone, together = (engine.session() for engine in engines())
    before = [alone.process(log.encode(), location, time=when) for when, location, log in events]
    after = [together.process(log.encode(), location, time=when) for when, location, log in events]
    return before, after


def fired(source: str) -> Counter[str]:
    names = {rule.id: rule.name for rule in load_specs().rules}
    _, after = judged(source)
    return Counter(names[verdict.rule_id] for verdict in after if verdict.rule_id in names)


@pytest.mark.parametrize(("source", "count"), [("vault", 1136), ("cloudtrail", 1934)])
def test_every_event_is_judged_and_none_is_heard_less(source, count):
    before, after = judged(source)
    assert len(after) == count
    assert not [verdict.messages for verdict in after if verdict.messages]
    lost = [
        (old.rule_id, old.level, new.rule_id, new.level)
        for old, new in zip(before, after, strict=True)
        if (old.level if old.alert else 0) > (new.level if new.alert else 0)
    ]
    assert not lost


def test_every_vault_event_is_taken_by_our_decoder_and_tree():
    ours = {rule.id for rule in load_specs().rules if rule.source == "vault"}
    _, after = judged("vault")
    assert {verdict.output["decoder"]["name"] for verdict in after} == {"cicd-vault-audit"}
    assert {verdict.rule_id for verdict in after} <= ours


def test_what_people_did_with_vault_is_told_once_a_call():
    assert fired("vault") >= Counter({
        "vault-root-token-generated": 2,
        "vault-root-generation": 7,
        "vault-root-token-created": 4,
        "vault-auth-method-changed": 11,
        "vault-secrets-engine-changed": 8,
        "vault-audit-device-enabled": 6,
        "vault-policy-changed": 4,
        "vault-identity-changed": 4,
        "vault-leases-revoked-by-prefix": 1,
        "vault-login-brute-force": 2,
        "vault-login-failed": 20,
        "vault-permission-denied": 4,
        "vault-token-not-valid": 7,
    })  # fmt: skip
    assert "vault-periodic-token-created" not in fired("vault")


def test_the_detonated_attacks_are_told():
    assert fired("cloudtrail") >= Counter({
        "aws-many-secrets-read": 1,
        "aws-secrets-listed-and-read": 3,
        "aws-dozens-of-parameters-decrypted": 1,
        "aws-many-secrets-deleted": 1,
        "aws-secret-destroyed": 7,
        "aws-secret-access-denied": 1,
        "aws-trail-stopped": 2,
        "aws-trail-blinded": 1,
        "aws-role-trusts-outsiders": 2,
        "aws-access-key-created-for-another": 1,
        "aws-federation-token-taken": 1,
        "aws-code-deployed-by-a-person": 3,
    })  # fmt: skip


def test_most_of_an_account_is_nothing_to_tell():
    """Reading, describing and the start of instances: ours are silent, or pass the event on."""
    own = {rule.id for rule in load_specs().rules if rule.source == "aws"}
    _, after = judged("cloudtrail")
    # The account was attacked while it was recorded: what is level 8 or more are steps of that, see tests/benign.
    told = sum(verdict.rule_id in own and verdict.alert and verdict.level < 8 for verdict in after)
    assert told < len(after) * 0.04
