"""The template and the pipeline as they are written, without a node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from search_kit import WAZUH_TEMPLATE
from wazuh_cicd.indexer import indexer_files
from wazuh_cicd.indexer.fields import WAZUH_INNER, WAZUH_KEYWORDS, WAZUH_OBJECTS, WAZUH_TYPES, data_path
from wazuh_cicd.render import select_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_cicd.spec import SpecSet

needs_wazuh = pytest.mark.skipif(not WAZUH_TEMPLATE.is_file(), reason="Wazuh's template is not beside the checkout")


@pytest.fixture(scope="session")
def template(files: Mapping[str, bytes]) -> Any:
    return json.loads(files["indexer/template.json"])


@pytest.fixture(scope="session")
def theirs() -> Any:
    return json.loads(WAZUH_TEMPLATE.read_text())


def leaves(properties: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, mapping in properties.items():
        if "properties" in mapping:
            yield from leaves(mapping["properties"], f"{above}{name}.")
        else:
            yield above + name, mapping


def test_every_field_that_a_rule_reads_is_mapped_or_stored(specs: SpecSet, template: Any) -> None:
    data = template["mappings"]["properties"]["data"]
    for rule in specs.rules:
        for condition in (*rule.when, *rule.unless):
            place = data
            for name in data_path(condition.subject) or ():
                assert "properties" in place, condition
                place = place["properties"][name]
                if place.get("enabled") is False:
                    break


def test_every_keyword_has_a_limit_that_the_index_takes(template: Any) -> None:
    keywords = [(name, m) for name, m in leaves(template["mappings"]["properties"]) if m.get("type") == "keyword"]
    assert len(keywords) > 300
    assert {m["ignore_above"] for _, m in keywords} == {8191}
    assert 8191 * 4 <= 32_766


@needs_wazuh
def test_wazuhs_own_types_stay(template: Any, theirs: Any) -> None:
    ours = dict(leaves(template["mappings"]["properties"]))
    wazuh = dict(leaves(theirs["mappings"]["properties"]))
    both = set(ours) & set(wazuh)
    assert len(both) > 40
    different = {name: (ours[name].get("type"), wazuh[name]["type"]) for name in both}
    assert {name: pair for name, pair in different.items() if pair[0] != pair[1]} == {}
    for name, inner in ours.items():  # no value where Wazuh has an object, and no object where it has a value
        assert not any(other.startswith(f"{name}.") for other in wazuh), name
        assert not any(name.startswith(f"{other}.") for other in wazuh), (name, inner)


@needs_wazuh
def test_the_names_below_data_are_those_of_wazuhs_template(theirs: Any) -> None:
    data = theirs["mappings"]["properties"]["data"]["properties"]
    assert {name for name, m in data.items() if "properties" in m} == WAZUH_OBJECTS
    assert {name for name, m in data.items() if m.get("type") == "keyword"} == WAZUH_KEYWORDS
    inner = {
        (name, member.partition(".")[0])
        for name in ("audit", "aws", "docker", "github")
        for member, mapping in data[name]["properties"].items()
        if "properties" in mapping
    }
    assert inner == WAZUH_INNER
    others = {(name,): m["type"] for name, m in data.items() if m.get("type") not in (None, "keyword")}
    assert others == WAZUH_TYPES


@needs_wazuh
def test_it_is_for_the_same_indices_and_of_a_higher_order(template: Any, theirs: Any) -> None:
    assert template["index_patterns"] == theirs["index_patterns"]
    assert template["order"] > theirs["order"]
    named = [set(entry) for entry in theirs["mappings"]["dynamic_templates"]]
    assert [set(entry) for entry in template["mappings"]["dynamic_templates"]] == named


def test_free_form_subtrees_map_only_what_is_read(template: Any) -> None:
    data = template["mappings"]["properties"]["data"]["properties"]
    for place in (data["webhook"], data["requestObject"], data["request"]["properties"]["data"]):
        assert place["dynamic"] is False
    assert data["auth"]["properties"]["metadata"] == {"type": "object", "enabled": False}
    assert "dynamic" not in data["github"]


def test_addresses_and_numbers_ignore_what_is_none(template: Any) -> None:
    fields = dict(leaves(template["mappings"]["properties"]))
    for name in ("data.github.actor_ip", "data.request.remote_address", "data.aws.sourceIPAddress"):
        assert fields[name]["type"] == "ip"
        assert fields[name]["ignore_malformed"] is True
    assert fields["data.cicd_scan.critical"] == {"type": "double", "ignore_malformed": True}
    assert template["settings"]["index.mapping.ignore_malformed"] is True


def test_the_index_asks_for_the_pipeline_that_is_there(template: Any, files: Mapping[str, bytes]) -> None:
    assert template["settings"]["index.final_pipeline"] == "wazuh-cicd"
    (processor,) = json.loads(files["indexer/pipeline.json"])["processors"]
    assert processor["script"]["ignore_failure"] is True


@pytest.mark.parametrize(("name", "days"), [("1-year", 366), ("6-years", 2196)])
def test_a_retention_policy_ends_in_a_deletion_and_not_before(files: Mapping[str, bytes], name: str, days: int) -> None:
    policy = json.loads(files[f"indexer/wazuh-cicd-retention-{name}.json"])["policy"]
    states = {state["name"]: state for state in policy["states"]}
    state, passed = states[policy["default_state"]], []
    while state["transitions"]:
        assert {"delete": {}} not in state["actions"]
        (transition,) = state["transitions"]
        passed.append(int(transition["conditions"]["min_index_age"].removesuffix("d")))
        state = states[transition["state_name"]]
    assert state["actions"] == [{"delete": {}}]
    assert passed == [90, days]
    assert policy["ism_template"][0]["index_patterns"] == ["wazuh-alerts-4.x-*", "wazuh-archives-4.x-*"]


def test_the_same_specs_give_the_same_bytes(specs: SpecSet, files: Mapping[str, bytes]) -> None:
    assert indexer_files(specs) == files


def test_a_source_that_is_left_out_is_not_typed(specs: SpecSet) -> None:
    files = indexer_files(select_sources(specs, ["vault"]))
    data = json.loads(files["indexer/template.json"])["mappings"]["properties"]["data"]["properties"]
    assert "request" in data
    assert "webhook" not in data
    assert "requestObject" not in data
