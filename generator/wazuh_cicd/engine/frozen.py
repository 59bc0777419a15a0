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
    numbers = _numbers(tree)
    places = [[node.rule.index, -1 if node.parent is None else numbers[node.parent]] for node in numbers]
    return {"rules": [freeze_rule(rule) for rule in tree.ordered], "places": places}


def freeze_growth(tree: RuleTree) -> dict[str, Any]:
    """Return, as plain data, what a frozen tree needs beside to have more rules added: in which order it has grown."""
    numbers = _numbers(tree)
    return {
        "by_rule": [[numbers[node] for node in nodes] for nodes in tree.nodes.values()],
        "by_group": [[_text(group), [numbers[node] for node in nodes]] for group, nodes in tree.by_group.items()],
        "ranks_unknown": [number for node, number in numbers.items() if not node.ranks_known],
    }


def _numbers(tree: RuleTree) -> dict[Node, int]:
    return {node: number for number, node in enumerate(tree.walk())}


def thaw_tree(
    frozen: dict[str, Any],
    decoder_id: Callable[[bytes], int | None],
    messages: list[LoadMessage],
    *,
    rules: int | None = None,
    growth: dict[str, Any] | None = None,
) -> RuleTree:
    """Build the tree again. Whatever is not as ``freeze_tree`` writes it raises some exception.

    Args:
        frozen: the data; used up.
        decoder_id: the number of a decoder by name.
        messages: what the manager said while loading.
        rules: build the tree as it was when so many rules were loaded, ready for more; all, and nothing can be added
            afterwards, when None. No later rule may have overwritten one of them.
        growth: what ``freeze_growth`` gave; needed with ``rules``.
    """
    if rules is None or growth is None:
        return _thaw_rules(frozen, decoder_id, messages, frozen["rules"])[0]
    tree, nodes = _thaw_rules(frozen, decoder_id, messages, frozen["rules"][:rules])
    tree.nodes = {}
    for numbers in growth["by_rule"]:
        if places := [node for node in map(nodes.__getitem__, numbers) if node is not None]:
            tree.nodes[places[0].rule.id] = places
    for group, numbers in growth["by_group"]:
        if places := [node for node in map(nodes.__getitem__, numbers) if node is not None]:
            tree.by_group[_bytes(group)] = places
    unknown = frozenset(growth["ranks_unknown"])
    for number, node in enumerate(nodes):
        if node is not None:
            node.recall_ranks(known=number not in unknown)
    return tree


def _thaw_rules(
    frozen: dict[str, Any],
    decoder_id: Callable[[bytes], int | None],
    messages: list[LoadMessage],
    rules: list[Any],
) -> tuple[RuleTree, list[Node | None]]:
    """Build the tree of some of the rules, and return it with the places by number; None for those of other rules."""
    tree = RuleTree(messages, decoder_id)
    ordered = tree.ordered
    for definition, *_ in rules:
        rule = tree.make(thaw_definition(definition))
        rule.index = len(ordered)
        ordered.append(rule)
        tree.rules[rule.id] = rule
    count = len(ordered)
    whole = count == len(frozen["rules"])
    for rule, (_, category, parents, search, counted, by_sid, by_groups) in zip(ordered, rules, strict=True):
        rule.category = category
        rule.parents = parents
        rule.search = search
        rule.counted = None if counted is None else ordered[counted]
        if whole:
            rule.counted_by_sid = by_sid
        elif rule.counted is not None:
            rule.counted.counted_by_sid = True
        rule.counted_by_groups = [ordered[composite] for composite in by_groups if composite < count]
        rule.compile_matched()
    nodes: list[Node | None] = []
    for index, parent in frozen["places"]:
        if index >= count and not whole:
            nodes.append(None)
            continue
        above = nodes[parent] if parent >= 0 else None
        node = Node(ordered[index], above)
        (tree.roots if above is None else above.children).append(node)
        nodes.append(node)
    tree.finish([node for node in nodes if node is not None])
    return tree, nodes
