"""A loaded tree of rules as plain data, and back: what the compiled cache keeps.

Only JSON's own types are used, so that reading can do no more than build rules. Bytes travel as text, one character a
byte. Patterns travel as their source and are compiled when an event first needs them; that they compile was checked
when the tree was loaded from XML.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.judge.rulemodel import AddressTest, ListTest, Node, Options, Rule, TextTest
from wazuh_cicd.engine.judge.ruletree import RuleTree
from wazuh_cicd.engine.load.addresses import Network
from wazuh_cicd.engine.load.daytime import TimeRange
from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.engine.load.cdb import CdbList
    from wazuh_cicd.engine.load.messages import LoadMessage

_BYTES = frozenset(
    {
        "group",
        "description",
        "info",
        "cve",
        "decoded_as",
        "if_sid",
        "if_group",
        "if_level",
        "if_matched_sid",
        "if_matched_group",
        "if_matched_regex",
    }
)
_BYTES_LISTS = frozenset({"same_fields", "different_fields"})
# Made again from the others, or when the rule is first tried.
_DERIVED = frozenset(
    {"conditions", "checks", "state_checks", "stateful", "unsettled", "groups", "matched_regex", "key_reader"}
)
# A rule that has nothing but defaults, to see what need not be kept.
_PLAIN = Rule(0, 0)
_REQUIRED = frozenset({"id", "level"})


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def freeze_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain data; what has its default value is left out."""
    frozen: dict[str, Any] = {}
    for item in fields(Rule):
        name, value = item.name, getattr(rule, item.name)
        if name in _DERIVED or (name not in _REQUIRED and value == getattr(_PLAIN, name)):
            continue
        frozen[name] = _freeze_value(name, value)
    return frozen


def _freeze_value(name: str, value: Any) -> Any:  # noqa: ANN401  (as many types as a rule has fields)
    if name in _BYTES:
        return _text(value)
    if name in _BYTES_LISTS:
        return list(map(_text, value))
    if name == "texts":
        return [_freeze_test(test) for test in value.values()]
    if name == "fields":
        return [_freeze_test(test) for test in value]
    if name == "addresses":
        return {
            tag: [test.negate, [[network.bits, network.address, network.mask] for network in test.networks]]
            for tag, test in value.items()
        }
    if name == "lists":
        return [
            [_text(test.name), _text(test.field), test.lookup, _text(test.check_value.source)]
            if test.check_value is not None
            else [_text(test.name), _text(test.field), test.lookup]
            for test in value
        ]
    if name == "options":
        return [value.mail, value.log, value.active_response, value.full_log, value.counter]
    if name == "time":
        return [value.first, value.last, value.outside]
    if name == "weekday":
        return sorted(value)
    if name == "counted":
        return value.index
    if name == "counted_by_groups":
        return [composite.index for composite in value]
    return value


def _freeze_test(test: TextTest) -> list[Any]:
    return [test.tag, _text(test.source), test.kind, test.negate, _text(test.name), test.line]


def _thaw_test(frozen: list[Any]) -> TextTest:
    tag, source, kind, negate, name, line = frozen
    return TextTest(tag, _bytes(source), kind, negate, _bytes(name), line)


def _thaw_rule(frozen: dict[str, Any], lists: Mapping[bytes, CdbList]) -> Rule:
    """Build a rule; ``counted`` and ``counted_by_groups`` are still numbers then."""
    for name, value in frozen.items():
        if name in _BYTES:
            frozen[name] = _bytes(value)
        elif name in _BYTES_LISTS:
            frozen[name] = list(map(_bytes, value))
    if "texts" in frozen:
        frozen["texts"] = {test[0]: _thaw_test(test) for test in frozen["texts"]}
    if "fields" in frozen:
        frozen["fields"] = list(map(_thaw_test, frozen["fields"]))
    if "addresses" in frozen:
        frozen["addresses"] = {
            tag: AddressTest([Network(*network) for network in networks], negate)
            for tag, (negate, networks) in frozen["addresses"].items()
        }
    if "lists" in frozen:
        frozen["lists"] = [_thaw_list(test, lists) for test in frozen["lists"]]
    if "options" in frozen:
        frozen["options"] = Options(*frozen["options"])
    if "time" in frozen:
        frozen["time"] = TimeRange(*frozen["time"])
    if "weekday" in frozen:
        frozen["weekday"] = frozenset(frozen["weekday"])
    if "mitre_pairs" in frozen:
        frozen["mitre_pairs"] = [(tactic, technique) for tactic, technique in frozen["mitre_pairs"]]
    return Rule(**frozen)


def _thaw_list(frozen: list[str], lists: Mapping[bytes, CdbList]) -> ListTest:
    name, field, lookup, *check = frozen
    value = compile_pattern("osmatch", _bytes(check[0])) if check else None
    return ListTest(_bytes(name), _bytes(field), lookup, value, lists[_bytes(name).removesuffix(b".cdb")])


def freeze_tree(tree: RuleTree) -> dict[str, Any]:
    """Return a tree as plain data: its rules in load order, its places depth first with the number of their parent."""
    places: list[list[int]] = []
    numbers: dict[Node, int] = {}
    for node in tree.walk():
        numbers[node] = len(places)
        places.append([node.rule.index, -1 if node.parent is None else numbers[node.parent]])
    return {"rules": [freeze_rule(rule) for rule in tree.ordered], "places": places}


def thaw_tree(frozen: dict[str, Any], lists: Mapping[bytes, CdbList], messages: list[LoadMessage]) -> RuleTree:
    """Build the tree again. Whatever is not as ``freeze_tree`` writes it raises some exception.

    Args:
        frozen: the data; used up.
        lists: the declared CDB lists.
        messages: what the manager said while loading.
    """
    tree = RuleTree(messages)
    tree.ordered = [_thaw_rule(rule, lists) for rule in frozen["rules"]]
    ordered = tree.ordered
    for rule in ordered:
        tree.rules[rule.id] = rule
        counted: Any = rule.counted
        if counted is not None:
            rule.counted = ordered[counted]
        composites: list[Any] = rule.counted_by_groups
        if composites:
            rule.counted_by_groups = [ordered[number] for number in composites]
        rule.compile_matched()
    nodes: list[Node] = []
    for index, parent in frozen["places"]:
        above = nodes[parent] if parent >= 0 else None
        node = Node(ordered[index], above)
        (tree.roots if above is None else above.children).append(node)
        nodes.append(node)
    tree.finish(nodes)
    return tree
