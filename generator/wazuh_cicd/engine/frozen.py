"""A loaded tree of rules as plain data, and back: what the compiled cache keeps.

Only JSON's own types are used, so that reading can do no more than build rules. Bytes travel as text, one character a
byte. Patterns travel as their source and are compiled when an event first needs them; that they compile was checked
when the tree was loaded from XML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.judge.places import Node
from wazuh_cicd.engine.judge.ruletree import RuleTree
from wazuh_cicd.engine.load.addresses import Network
from wazuh_cicd.engine.load.daytime import TimeRange
from wazuh_cicd.engine.load.ruledefinition import AddressTest, ListTest, Options, RuleDefinition, TextTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.messages import LoadMessage


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _freeze_text(test: TextTest) -> list[Any]:
    return [test.tag, _text(test.source), test.kind, test.negate, _text(test.name), test.line]


def _thaw_text(frozen: list[Any]) -> TextTest:
    tag, source, kind, negate, name, line = frozen
    return TextTest(tag, _bytes(source), kind, negate, _bytes(name), line)


def _freeze_list(test: ListTest) -> list[str | None]:
    check = None if test.check_value is None else _text(test.check_value)
    return [_text(test.name), _text(test.field), test.lookup, check]


def _thaw_list(frozen: list[Any]) -> ListTest:
    name, field, lookup, check = frozen
    return ListTest(_bytes(name), _bytes(field), lookup, None if check is None else _bytes(check))


def _freeze_address(test: AddressTest) -> list[Any]:
    return [test.negate, [[network.bits, network.address, network.mask] for network in test.networks]]


def _thaw_address(frozen: list[Any]) -> AddressTest:
    negate, networks = frozen
    return AddressTest(tuple(Network(*network) for network in networks), negate)


def _freeze_time(span: TimeRange) -> list[Any]:
    return [span.first, span.last, span.outside]


# How the fields that are no JSON themselves become it, and how they are read back.
_BYTES = (_text, _bytes)
_BYTES_LIST = (lambda many: list(map(_text, many)), lambda many: tuple(map(_bytes, many)))
_FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "group": _BYTES,
    "description": _BYTES,
    "info": _BYTES,
    "cve": _BYTES,
    "decoded_as": _BYTES,
    "if_sid": _BYTES,
    "if_group": _BYTES,
    "if_level": _BYTES,
    "if_matched_sid": _BYTES,
    "if_matched_group": _BYTES,
    "if_matched_regex": _BYTES,
    "same": (list, tuple),
    "different": (list, tuple),
    "same_fields": _BYTES_LIST,
    "different_fields": _BYTES_LIST,
    "options": (list, lambda frozen: Options(*frozen)),
    "mitre_ids": (list, tuple),
    "mitre_pairs": (list, lambda pairs: tuple((tactic, technique) for tactic, technique in pairs)),
    "texts": (
        lambda texts: [_freeze_text(test) for test in texts.values()],
        lambda frozen: {test[0]: _thaw_text(test) for test in frozen},
    ),
    "fields": (lambda tests: list(map(_freeze_text, tests)), lambda frozen: tuple(map(_thaw_text, frozen))),
    "addresses": (
        lambda tests: {tag: _freeze_address(test) for tag, test in tests.items()},
        lambda frozen: {tag: _thaw_address(test) for tag, test in frozen.items()},
    ),
    "lists": (lambda tests: list(map(_freeze_list, tests)), lambda frozen: tuple(map(_thaw_list, frozen))),
    "time": (_freeze_time, lambda frozen: TimeRange(*frozen)),
    "weekday": (sorted, frozenset),
}
# A rule that has nothing but defaults, to see what need not be kept.
_PLAIN = RuleDefinition(0, 0)
_NAMES = RuleDefinition._fields
_REQUIRED = frozenset({"id", "level"})


def freeze_definition(rule: RuleDefinition) -> dict[str, Any]:
    """Return a definition as plain data; what has its default value is left out."""
    frozen: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(rule, name)
        if name in _REQUIRED or value != getattr(_PLAIN, name):
            frozen[name] = _FORMS[name][0](value) if name in _FORMS else value
    return frozen


def thaw_definition(frozen: dict[str, Any]) -> RuleDefinition:
    """Build a definition again; the data are used up."""
    for name, value in frozen.items():
        if name in _FORMS:
            frozen[name] = _FORMS[name][1](value)
    return RuleDefinition(**frozen)


def freeze_rule(rule: Rule) -> list[Any]:
    """Return a rule as plain data: its definition, and how it is related to the other rules of the tree."""
    return [
        freeze_definition(rule.definition),
        rule.category,
        rule.parents,
        rule.search,
        None if rule.counted is None else rule.counted.index,
        rule.counted_by_sid,
        [composite.index for composite in rule.counted_by_groups],
    ]


def freeze_tree(tree: RuleTree) -> dict[str, Any]:
    """Return a tree as plain data: its rules in load order, its places depth first with the number of their parent."""
    places: list[list[int]] = []
    numbers: dict[Node, int] = {}
    for node in tree.walk():
        numbers[node] = len(places)
        places.append([node.rule.index, -1 if node.parent is None else numbers[node.parent]])
    return {"rules": [freeze_rule(rule) for rule in tree.ordered], "places": places}


def thaw_tree(
    frozen: dict[str, Any], decoder_id: Callable[[bytes], int | None], messages: list[LoadMessage]
) -> RuleTree:
    """Build the tree again. Whatever is not as ``freeze_tree`` writes it raises some exception.

    Args:
        frozen: the data; used up.
        decoder_id: the number of a decoder by name.
        messages: what the manager said while loading.
    """
    tree = RuleTree(messages, decoder_id)
    ordered = tree.ordered
    for definition, *_ in frozen["rules"]:
        rule = tree.make(thaw_definition(definition))
        rule.index = len(ordered)
        ordered.append(rule)
        tree.rules[rule.id] = rule
    for rule, (_, category, parents, search, counted, by_sid, by_groups) in zip(ordered, frozen["rules"], strict=True):
        rule.category = category
        rule.parents = parents
        rule.search = search
        rule.counted = None if counted is None else ordered[counted]
        rule.counted_by_sid = by_sid
        rule.counted_by_groups = [ordered[composite] for composite in by_groups]
        rule.compile_matched()
    nodes: list[Node] = []
    for index, parent in frozen["places"]:
        above = nodes[parent] if parent >= 0 else None
        node = Node(ordered[index], above)
        (tree.roots if above is None else above.children).append(node)
        nodes.append(node)
    tree.finish(nodes)
    return tree
