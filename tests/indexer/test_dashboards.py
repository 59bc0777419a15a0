"""Dashboards: every panel's question, asked of a real node that holds alerts of every source, has an answer.

Their form is checked against what the sources of OpenSearch Dashboards 2.x define. They were never opened in one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from search_kit import INDEX, as_filebeat_sends
from wazuh_cicd.indexer.dashboards import OURS, dashboards
from wazuh_cicd.indexer.saved import PATTERN, saved_objects
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import play
from wazuh_cicd.spec import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_kit import SearchNode
    from wazuh_cicd.spec import SpecSet

# Attributes that the types' mappings and attribute interfaces know in OpenSearch Dashboards 2.x.
KNOWN = {
    "index-pattern": {"title", "timeFieldName", "type", "fields", "sourceFilters", "fieldFormatMap", "typeMeta"},
    "visualization": {"title", "description", "visState", "uiStateJSON", "version", "kibanaSavedObjectMeta",
                      "savedSearchRefName"},
    "search": {"title", "description", "hits", "columns", "sort", "version", "kibanaSavedObjectMeta"},
    "dashboard": {"title", "description", "hits", "panelsJSON", "optionsJSON", "version", "timeRestore", "timeFrom",
                  "timeTo", "refreshInterval", "kibanaSavedObjectMeta"},
}  # fmt: skip
VISUALIZATIONS = {"table", "pie", "metric", "histogram", "markdown"}
OBJECTS = saved_objects(tuple(SOURCES))
PANELS = [one for one in OBJECTS if one["type"] == "visualization"]
SEARCHES = [one for one in OBJECTS if one["type"] == "search"]


def state_of(panel: dict[str, Any]) -> dict[str, Any]:
    return json.loads(panel["attributes"]["visState"])


def query_of(one: dict[str, Any]) -> dict[str, Any]:
    source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["query"]["language"] == "lucene"
    return {"query_string": {"query": source["query"]["query"], "analyze_wildcard": True, "time_zone": "UTC"}}


def test_ids_are_stable_and_each_is_there_once() -> None:
    ids = [(one["type"], one["id"]) for one in OBJECTS]
    assert len(set(ids)) == len(ids)
    assert all(name.startswith("cicd-") for _, name in ids)
    boards = [name for kind, name in ids if kind == "dashboard"]
    assert boards == [
        "cicd-overview", "cicd-unseen", *(f"cicd-source-{name}" for name in SOURCES), "cicd-hosts", "cicd-scanners",
        "cicd-responses",
    ]  # fmt: skip


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['type']}-{one['id']}")
def test_each_has_the_form_of_its_type(one: dict[str, Any]) -> None:
    assert set(one) == {"id", "type", "attributes", "references", "migrationVersion"}
    attributes = one["attributes"]
    assert set(attributes) <= KNOWN[one["type"]]
    there = {(other["type"], other["id"]) for other in OBJECTS}
    assert all((reference["type"], reference["id"]) in there for reference in one["references"])
    names = {reference["name"] for reference in one["references"]}
    if "kibanaSavedObjectMeta" in attributes:
        source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
        assert ("indexRefName" in source) == bool(one["references"]) or one["type"] == "dashboard"
        assert source.get("indexRefName") in {None, *names}
    if one["type"] == "dashboard":
        check_grid(json.loads(attributes["panelsJSON"]), names)
    if one["type"] == "visualization":
        check_state(state_of(one))


def check_grid(panels: list[dict[str, Any]], names: set[str]) -> None:
    assert [panel["panelRefName"] for panel in panels] == [f"panel_{number}" for number in range(len(panels))]
    assert {panel["panelRefName"] for panel in panels} == names
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        assert 0 <= grid["x"] < grid["x"] + grid["w"] <= 48
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, "two panels in one place"
        taken |= cells


def check_state(state: dict[str, Any]) -> None:
    assert state["type"] in VISUALIZATIONS
    assert [part["id"] for part in state["aggs"]] == [str(number) for number in range(1, len(state["aggs"]) + 1)]
    schemas = {"table": {"metric", "bucket"}, "pie": {"metric", "segment"}, "metric": {"metric", "group"},
               "histogram": {"metric", "segment", "group"}, "markdown": set()}  # fmt: skip
    assert {part["schema"] for part in state["aggs"]} <= schemas[state["type"]]


@pytest.fixture(scope="module")
def filled(running_node: SearchNode, files: Mapping[str, bytes], specs: SpecSet) -> SearchNode:
    """The node with one alert of every rule, as the package indexes it."""
    node = running_node
    node.clean()
    node.put_wazuh_template()
    node.ask("PUT", "/_ingest/pipeline/wazuh-cicd", files["indexer/pipeline.json"])
    node.ask("PUT", "/_template/wazuh-cicd", files["indexer/template.json"])
    ruleset = assemble([], package=cached_ruleset_files())
    alerts = []
    for rule in specs.rules:
        for test in [test for test in rule.tests if test.expect == "fires"]:
            alerts += [verdict.output for verdict in play(ruleset.session(), test.events) if verdict.alert]
    # What the tests of rules do not hold: a field that does not fit.
    alerts.append({**alerts[0], "data": {"github": {"actor": {"odd": "object"}}}})
    # Nor what the manager writes beside ``data`` when a file changed, which the evaluator is not given.
    alerts.append(
        {
            **alerts[0],
            "rule": {**alerts[0]["rule"], "groups": ["cicd", "runner", "ci_fim"]},
            "data": {},
            "syscheck": {"path": "/home/runner/actions-runner/.path", "event": "modified", "mode": "realtime"},
        }
    )
    assert node.index(as_filebeat_sends(alerts)) == []
    node.ask("POST", f"/{INDEX}/_refresh")
    return node


def question(state: dict[str, Any]) -> dict[str, Any]:
    """The aggregations as OpenSearch Dashboards asks them."""
    metrics = {
        part["id"]: {part["type"]: part["params"]}
        for part in state["aggs"]
        if part["schema"] == "metric" and part["type"] != "count"
    }
    inner: dict[str, Any] = metrics
    for part in reversed([part for part in state["aggs"] if part["schema"] != "metric"]):
        inner = {part["id"]: {**bucket(part, metrics), **({"aggs": {**metrics, **inner}} if inner or metrics else {})}}
    return inner


def bucket(part: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    parameters = part["params"]
    if part["type"] == "filters":
        asked = {one["label"]: {"query_string": {"query": one["input"]["query"]}} for one in parameters["filters"]}
        return {"filters": {"filters": asked}}
    if part["type"] == "date_histogram":
        return {"date_histogram": {"field": parameters["field"], "fixed_interval": "1h", "min_doc_count": 1}}
    order = {"_count" if parameters["orderBy"] not in metrics else parameters["orderBy"]: parameters["order"]}
    return {"terms": {"field": parameters["field"], "size": parameters["size"], "order": order}}


@pytest.mark.parametrize(
    "panel", [one for one in PANELS if state_of(one)["type"] != "markdown"], ids=lambda one: one["id"]
)
def test_every_panel_has_rows(filled: SearchNode, panel: dict[str, Any]) -> None:
    state = state_of(panel)
    body = {"size": 0, "query": query_of(panel), "aggs": question(state)}
    answer = filled.ask("POST", "/wazuh-alerts-*/_search", {key: value for key, value in body.items() if value != {}})
    assert answer["hits"]["total"]["value"] > 0
    found = answer.get("aggregations", {})
    for part in [part for part in state["aggs"] if part["schema"] != "metric"]:
        buckets = found[part["id"]]["buckets"]
        assert buckets, f"nothing at {part['params']}"
        rows = list(buckets.values()) if isinstance(buckets, dict) else buckets
        if isinstance(buckets, dict):
            assert len(rows) == len(part["params"]["filters"])
            assert min(row["doc_count"] for row in rows) > 0, {name: row["doc_count"] for name, row in buckets.items()}
        found = max(rows, key=lambda row: len(json.dumps(row)))
    for part in state["aggs"]:
        if part["schema"] == "metric" and part["type"] != "count":
            assert found[part["id"]]["value"] is not None


@pytest.mark.parametrize("search", SEARCHES, ids=lambda one: one["id"])
def test_every_search_finds_alerts_that_have_its_columns(filled: SearchNode, search: dict[str, Any]) -> None:
    body = {"size": 200, "query": query_of(search), "sort": [{"timestamp": "desc"}]}
    hits = filled.ask("POST", "/wazuh-alerts-*/_search", body)["hits"]["hits"]
    assert hits
    for column in search["attributes"]["columns"]:
        exists = {"bool": {"must": [query_of(search), {"exists": {"field": column}}]}}
        found = filled.ask("POST", "/wazuh-alerts-*/_search", {"size": 0, "query": exists})
        assert found["hits"]["total"]["value"] > 0, column


@pytest.mark.parametrize(("field", "least"), [("source", 1.0), ("actor", 0.6), ("repository", 0.3)])
def test_source_actor_and_repository_are_noted(filled: SearchNode, field: str, least: float) -> None:
    ours = {"query_string": {"query": OURS}}
    every = filled.ask("POST", f"/{INDEX}/_count", {"query": ours})["count"]
    noted = {"bool": {"must": [ours, {"exists": {"field": f"wazuh_cicd.{field}"}}]}}
    assert filled.ask("POST", f"/{INDEX}/_count", {"query": noted})["count"] >= least * every


def test_a_silent_source_has_a_row_with_nothing_in_it(filled: SearchNode) -> None:
    panel = next(one for one in PANELS if one["id"] == "cicd-unseen-sources")
    never = {"bool": {"must": [query_of(panel)], "must_not": [{"term": {"wazuh_cicd.source": "vault"}}]}}
    answer = filled.ask("POST", f"/{INDEX}/_search", {"size": 0, "query": never, "aggs": question(state_of(panel))})
    rows = next(iter(answer["aggregations"].values()))["buckets"]
    assert rows["vault"]["doc_count"] == 0
    assert set(rows) == set(SOURCES)


def test_the_index_pattern_is_over_the_alerts_by_their_own_time() -> None:
    (pattern,) = [one for one in OBJECTS if one["type"] == "index-pattern"]
    assert pattern["id"] == PATTERN
    assert pattern["attributes"] == {"title": "wazuh-alerts-*", "timeFieldName": "timestamp"}


def test_only_the_sources_that_are_there_have_pages() -> None:
    assert [one.id for one in dashboards(["vault"])] == ["overview", "unseen", "source-vault"]
