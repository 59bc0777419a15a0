"""Every alert reaches the index: a real node, Wazuh's own template and ours.

``WAZUH_CICD_ORDERS=10`` (``make indexed``) sends all alerts in that many random orders, and all of them to Wazuh's
template alone as well; else one alert of each form goes, in three orders.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest
from alerts_kit import all_alerts, one_of_each

from search_kit import INDEX, as_filebeat_sends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_kit import SearchNode
    from wazuh_cicd.spec import SpecSet

ORDERS = int(os.environ.get("WAZUH_CICD_ORDERS", "0"))
PIPELINE, TEMPLATE = "/_ingest/pipeline/wazuh-cicd", "/_template/wazuh-cicd"


@pytest.fixture(scope="session")
def alerts(specs: SpecSet) -> list[dict[str, Any]]:
    return all_alerts(specs, stock=True) if ORDERS else one_of_each(all_alerts(specs))


@pytest.fixture
def prepared(node: SearchNode, files: Mapping[str, bytes]) -> SearchNode:
    """The node with both templates."""
    node.ask("PUT", PIPELINE, files["indexer/pipeline.json"])
    node.ask("PUT", TEMPLATE, files["indexer/template.json"])
    return node


def test_without_ours_alerts_are_lost(node: SearchNode, alerts: list[dict[str, Any]]) -> None:
    # Each new field costs the node some time: Vault's alerts have few, and are enough unless everything was asked for.
    some = list(alerts) if ORDERS else [one for one in alerts if "request" in one.get("data", ())]
    random.Random(1).shuffle(some)  # noqa: S311 - an order
    refused = node.index(some)
    lost = [one for one in refused if "dynamic mapping update" not in one.reason]  # that is a slow node, no refusal
    sys.stdout.write(f"{len(lost)} of {len(some)} alerts refused without our template\n")
    assert len(lost) >= (50 if ORDERS else 5)
    assert any("tried to parse field [data] as object" in one.reason for one in lost)


def test_with_ours_none_is_lost_in_any_order(prepared: SearchNode, alerts: list[dict[str, Any]]) -> None:
    assert len(alerts) > (4000 if ORDERS else 500)
    for order in range(ORDERS or 3):
        # One alert of each form comes first in another order each time; the rest would not decide a type any more.
        sent = list(alerts)
        random.Random(order).shuffle(sent)  # noqa: S311 - an order
        refused = prepared.index(sent)
        assert [(one.reason, one.document.get("data")) for one in refused][:3] == []
        prepared.ask("POST", f"/{INDEX}/_refresh")
        assert prepared.ask("GET", f"/{INDEX}/_count")["count"] == len(sent)
        prepared.ask("DELETE", f"/{INDEX}")
    sys.stdout.write(f"0 of {len(alerts)} alerts refused in each of {ORDERS or 3} orders\n")


def alert(data: dict[str, Any], groups: tuple[str, ...] = ("cicd",), **more: Any) -> dict[str, Any]:
    rule = {"id": "117001", "level": 5, "description": "test", "groups": list(groups)}
    return {"timestamp": "2026-01-07T12:00:00.000+0000", "rule": rule, "data": data, **more}


LONG = "x" * 40_000

#: What an event may hold where the mapping says something else: (the first document, the second).
PAIRS = {
    "null-first": ({"request": {"data": "null"}}, {"request": {"data": {"policy": "root"}}}),
    "object-first": ({"request": {"data": {"policy": "root"}}}, {"request": {"data": "null"}}),
    "object-where-a-value-is-mapped": ({"github": {"actor": {"login": "mallory"}}}, {"github": {"actor": "mallory"}}),
    "list-of-objects-where-a-value-is-mapped": ({"verb": [{"a": True}]}, {"verb": "get"}),
    "value-where-an-object-is-mapped": ({"user": "mallory"}, {"user": {"username": "mallory"}}),
    "text-or-boolean": ({"job": {"fork": "true"}}, {"job": [{"fork": True}]}),
    "long-value": ({"jenkins": {"message": LONG}}, {"process_name": LONG}),
    "long-value-of-a-name-nobody-knows": ({"anything": LONG}, {"anything": "short"}),
    "names-that-wazuh-has-typed": ({"timestamp": "yesterday", "process": "sh", "port": "22"}, {"program": "vault"}),
    "address-that-is-none": ({"github": {"actor_ip": "lambda.example.com"}}, {"github": {"actor_ip": "192.0.2.1"}}),
    "number-that-is-none": ({"cicd_scan": {"critical": "many"}}, {"cicd_scan": {"critical": "3"}}),
    "dot-as-a-name": ({".": "x", "user": {"": "y", "a..b": "z"}}, {"webhook": {".": "x"}, "objectRef": {" ": "x"}}),
    "dot-in-a-list": ({"user": [{".": "x", "username.first": "y"}]}, {"requestObject": [{"spec": [{".": "x"}]}]}),
    "unknown-object-then-text": ({"surprise": {"a": {"b": "c"}}}, {"surprise": "text"}),
    "unknown-text-then-object": ({"surprise": "text"}, {"surprise": {"a": {"b": "c"}}}),
    "unknown-null-then-object": ({"aws": {"newThing": "null"}}, {"aws": {"newThing": {"a": "b"}}}),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_what_an_event_decides_is_never_refused(
    prepared: SearchNode, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    for place, order in enumerate((pair, pair[::-1])):
        assert prepared.index([alert(data) for data in order], f"{INDEX}{place}") == []


def test_what_is_moved_aside_stays_in_the_document_and_is_named(prepared: SearchNode) -> None:
    sent = alert({"github": {"actor": {"login": "mallory"}, "action": "org.add_member"}, ".": "dot"})
    assert prepared.index([sent]) == []
    prepared.ask("POST", f"/{INDEX}/_refresh")
    query = {"query": {"term": {"wazuh_cicd.not_indexed": "data.github.actor"}}}
    hits = prepared.ask("POST", f"/{INDEX}/_search", query)["hits"]["hits"]
    source = hits[0]["_source"]
    assert source["data"] == {"github": {"action": "org.add_member"}}
    assert source["wazuh_cicd"]["stored"] == [
        {"field": "data.github.actor", "value": {"login": "mallory"}},
        {"field": "data..", "value": "dot"},
    ]


def test_a_text_where_an_object_is_mapped_can_still_be_found(prepared: SearchNode) -> None:
    assert prepared.index([alert({"user": "mallory"}, groups=("some_other_integration",))]) == []
    prepared.ask("POST", f"/{INDEX}/_refresh")
    found = prepared.ask("POST", f"/{INDEX}/_search", {"query": {"term": {"data.user.text": "mallory"}}})
    assert "wazuh_cicd" not in found["hits"]["hits"][0]["_source"]
    assert found["hits"]["total"]["value"] == 1


def test_other_integrations_are_mapped_as_before(prepared: SearchNode) -> None:
    data = {"win": {"system": {"eventID": "4625"}}, "user": {"email": "m@example.com"}, "aws": {"detail": {"a": "b"}}}
    assert prepared.index([alert(data, groups=("windows",))]) == []
    prepared.ask("POST", f"/{INDEX}/_refresh")
    for field, value in (("win.system.eventID", "4625"), ("user.email", "m@example.com"), ("aws.detail.a", "b")):
        query = {"query": {"term": {f"data.{field}": value}}}
        assert prepared.ask("POST", f"/{INDEX}/_search", query)["hits"]["total"]["value"] == 1, field


def test_a_composite_with_much_before_it_is_indexed(prepared: SearchNode) -> None:
    assert prepared.index([alert({}, previous_output="line\n" * 20_000)]) == []


def test_addresses_and_numbers_can_be_asked_for(prepared: SearchNode) -> None:
    sent = [
        alert({"github": {"actor_ip": "198.51.100.7"}}),
        alert({"github": {"actor_ip": "host.example.com"}}),
        alert({"cicd_scan": {"critical": "12"}}),
    ]
    assert prepared.index(sent) == []
    prepared.ask("POST", f"/{INDEX}/_refresh")
    for query in (
        {"term": {"data.github.actor_ip": "198.51.100.0/24"}},
        {"term": {"data.github.actor_ip.text": "host.example.com"}},
        {"range": {"data.cicd_scan.critical": {"gte": 10}}},
    ):
        found = prepared.ask("POST", f"/{INDEX}/_search", {"query": query})
        assert found["hits"]["total"]["value"] == 1, query


def test_an_alert_that_fits_is_left_as_it_is(prepared: SearchNode, alerts: list[dict[str, Any]]) -> None:
    plain = next(one for one in alerts if one.get("data", {}).get("github", {}).get("repo"))
    assert prepared.index([plain]) == []
    prepared.ask("POST", f"/{INDEX}/_refresh")
    source = prepared.ask("GET", f"/{INDEX}/_search")["hits"]["hits"][0]["_source"]
    note = source.pop("wazuh_cicd")
    assert source == json.loads(json.dumps(plain))
    github = plain["data"]["github"]
    assert note == {"source": "github", "actor": github["actor"], "repository": github["repo"]}


def test_deep_documents_are_indexed(prepared: SearchNode) -> None:
    deep: Any = "bottom"
    for _ in range(60):
        deep = {"inner": deep}
    assert prepared.index(as_filebeat_sends([alert({"requestObject": deep, "webhook": deep, "surprise": deep})])) == []
