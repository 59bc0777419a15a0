"""Rules that can never fire: hidden by a sibling, at odds with their parent, counting what is never counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.check.demands import Demand, all_follow, contradict, demands_of
from wazuh_cicd.engine.judge.memory import CAPACITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.engine.judge.places import Node
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.ruletree import RuleTree


_ONE_EARLIER = 2  # the frequency of a composite that needs one event before this one


@dataclass(frozen=True, slots=True)
class Dead:
    """A rule that cannot fire.

    Attributes:
        kind: ``hidden``, ``contradiction``, ``counts-nothing``, ``counts-too-many``, ``counted-elsewhere`` or
            ``counted-twice``.
        rule: the rule.
        other: the rule that is in its way.
        about: what they disagree on: a field, or nothing.
        more: further rules that are in its way.
    """

    kind: str
    rule: Rule
    other: Rule
    about: str = ""
    more: tuple[Rule, ...] = ()


def dead_rules(tree: RuleTree) -> Iterator[Dead]:
    """Every rule of the tree that certainly cannot fire, once each."""
    demands: dict[int, list[Demand]] = {}

    def of(rule: Rule) -> list[Demand]:
        if rule.index not in demands:
            demands[rule.index] = demands_of(rule.definition)
        return demands[rule.index]

    places: dict[int, list[Dead | None]] = {}
    rules: dict[int, Rule] = {}
    above: dict[int, list[Demand]] = {}
    for node in tree.walk():
        rule = node.rule
        rules[rule.index] = rule
        given = above[id(node)] = [*(above.get(id(node.parent), ()) if node.parent else ()), *of(rule)]
        if node.parent is None:
            continue
        dead = _contradiction(of(rule), above[id(node.parent)], tree, rule)
        if dead is None:
            dead = _hidden(node, given, of)
        places.setdefault(rule.index, []).append(dead)
    for index, found in places.items():
        first = found[0]
        if first is not None and all(found):
            yield first
        else:
            yield from _composite(rules[index])


def _contradiction(own: list[Demand], given: list[Demand], tree: RuleTree, rule: Rule) -> Dead | None:
    for demand in own:
        for other in (*given, *own):
            if other is not demand and contradict(demand, other):
                return Dead("contradiction", rule, tree.rules[other.rule], demand.subject.removeprefix("field "))
    return None


def _hidden(node: Node, given: list[Demand], of) -> Dead | None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    subjects = {demand.subject for demand in given}
    assert node.parent is not None  # noqa: S101 - the caller leaves roots out
    for sibling in node.parent.children:
        if sibling is node:
            return None
        other = sibling.rule
        if other is node.rule or not _always_takes(other):
            continue
        asked = of(other)
        if all(demand.subject in subjects for demand in asked) and all_follow(asked, given):
            return Dead("hidden", node.rule, other)
    return None


def _always_takes(rule: Rule) -> bool:
    """Whether an event that meets the conditions certainly ends below this rule."""
    definition = rule.definition
    return not (definition.context or definition.noalert or definition.if_fts or definition.check_diff)


def _composite(rule: Rule) -> Iterator[Dead]:
    if not rule.composite:
        return
    counted = rule.counted
    if rule.search == "sid" and counted is not None and (counted.level == 0 or counted.definition.noalert):
        yield Dead("counts-nothing", rule, counted)
    # The event that completes the count is not remembered yet, hence two less.
    if (rule.definition.frequency or 0) - 2 >= CAPACITY:
        yield Dead("counts-too-many", rule, rule)


def group_thieves(tree: RuleTree) -> Iterator[Dead]:
    """Composites that count by group what another one counts by id, which takes it away: once each."""
    taken: dict[int, dict[int, Rule]] = {}
    composites: dict[int, Rule] = {}
    for node in tree.walk():
        rule = node.rule
        if not rule.counted_by_sid:
            continue
        for composite in rule.counted_by_groups:
            if composite is not rule:
                composites[composite.index] = composite
                taken.setdefault(composite.index, {})[rule.index] = rule
    for index, rules in taken.items():
        first, *more = rules.values()
        yield Dead("counted-elsewhere", composites[index], first, more=tuple(more))


def counted_twice(tree: RuleTree) -> Iterator[Dead]:
    """Composites that fire too early: a manager counts a rule by its group once for each of its places.

    With one earlier event to find, twice is as good as once. A composite that counts its own alerts stops at the last
    of them, however often it stands there.
    """
    for rule in tree.ordered:
        if rule.level == 0 or rule.definition.noalert or rule.counted_by_sid:
            continue
        for composite in dict.fromkeys(rule.counted_by_groups):
            several = (composite.definition.frequency or 0) > _ONE_EARLIER
            if several and composite is not rule and rule.counted_by_groups.count(composite) > 1:
                yield Dead("counted-twice", composite, rule)
