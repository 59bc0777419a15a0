"""The index template: merged over Wazuh's own, which stays, by its higher order.

It is a legacy template because Wazuh's is one: a composable template would replace Wazuh's instead of adding to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_cicd.indexer.fields import ADDRESS, DATE, KEYWORD, OBJECT, STORED
from wazuh_cicd.indexer.pipeline import NOTE, PIPELINE

if TYPE_CHECKING:
    from wazuh_cicd.indexer.fields import Node

#: The name under which the indexer keeps it.
TEMPLATE = "wazuh-cicd"
#: Wazuh's own has order 0.
ORDER = 10
PATTERNS = ("wazuh-alerts-4.x-*", "wazuh-archives-4.x-*")
#: Characters, each of up to four bytes: for a keyword of more than 32,766 bytes the indexer refuses the document.
LONGEST = 8191
# What an event decides outside of ``data``: each of these Wazuh's template has as a keyword without a limit.
_BESIDE_DATA = (
    "command",
    "location",
    "predecoder.hostname",
    "predecoder.program_name",
    "previous_output",
    "rule.description",
    "rule.info",
    "title",
)


def template(data: Node) -> dict[str, Any]:
    """The template as it is sent: ``PUT _template/wazuh-cicd``.

    Args:
        data: the members of an alert's ``data``.
    """
    properties: dict[str, Any] = {}
    for path in _BESIDE_DATA:
        *above, name = path.split(".")
        place = properties
        for step in above:
            place = place.setdefault(step, {"properties": {}})["properties"]
        place[name] = _keyword()
    properties["data"] = {"properties": {name: _mapping(node) for name, node in sorted(data.children.items())}}
    properties[NOTE] = {
        "dynamic": False,
        "properties": {
            **{name: _keyword() for name in ("source", "actor", "repository", "not_indexed")},
            "stored": {"type": "object", "enabled": False},
        },
    }
    return {
        "order": ORDER,
        "index_patterns": list(PATTERNS),
        "settings": {"index.mapping.ignore_malformed": True, "index.final_pipeline": PIPELINE},
        "mappings": {
            # By its name it takes the place of Wazuh's, which has no limit.
            "dynamic_templates": [{"string_as_keyword": {"match_mapping_type": "string", "mapping": _keyword()}}],
            "properties": properties,
        },
    }


def _keyword() -> dict[str, Any]:
    return {"type": KEYWORD, "ignore_above": LONGEST}


def _mapping(node: Node) -> dict[str, Any]:
    if node.kind == STORED:
        return {"type": "object", "enabled": False}
    if node.kind == OBJECT:
        closed: dict[str, Any] = {"dynamic": False} if node.closed else {}
        return {**closed, "properties": {name: _mapping(child) for name, child in sorted(node.children.items())}}
    if node.kind == KEYWORD:
        return _keyword()
    if node.kind == ADDRESS:
        # As a text, too: a name where an address was expected is found there.
        return {"type": ADDRESS, "ignore_malformed": True, "fields": {"text": _keyword()}}
    if node.kind == DATE:
        return {"type": DATE, "ignore_malformed": True}
    return {"type": node.kind, "ignore_malformed": True}
