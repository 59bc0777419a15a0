"""The walk through the tree: once fast, once with a record of every rule that is tried.

Both test the same conditions in the same order and have the same effect on a session's memory. The fast one leaves out
children that cannot match (``places``), and keeps no record but the outcomes of conditions that depend on the session.
From these it can be told later which rules were tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.correlation import correlate
from wazuh_cicd.engine.judge.places import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.explain import Trace
    from wazuh_cicd.engine.judge.memory import Memory
    from wazuh_cicd.engine.judge.places import Compile, Entry, Node, Plan

    # What conditions on the session's state answered, by place.
    Outcomes = dict[Node, bool]


def find(plan: Plan, event: Event, memory: Memory, outcomes: Outcomes, compile_rule: Compile) -> Node | None:
    """Return the place that the first matching place of a plan leads to; the counter of its rule is advanced.

    Args:
        plan: of the category roots.
        event: with all of its fields.
        memory: the session's.
        outcomes: receives what conditions on the session's state answered.
        compile_rule: compiles the conditions of a rule.
    """
    # The levels above the current one: where to go on there, and the place that matched.
    above: list[tuple[Iterator[Entry], Node]] = []
    level = iter(plan.select(event) if plan.guarded else plan.entries)
    while True:
        for checks, rule, node in level:
            for check in checks:
                if not check(event):
                    break
            else:
                if rule.stateful and not _state_holds(node, event, memory, outcomes):
                    continue
                if node.children:
                    below = plan_of(node, event, compile_rule)
                    if below.entries:
                        above.append((level, node))
                        level = iter(below.select(event) if below.guarded else below.entries)
                        break
                if not rule.definition.noalert:
                    memory.fired[rule.index] += 1
                    return node
        else:
            # No child took the event: it is the parent's, unless that one lets the search go on.
            if not above:
                return None
            level, node = above.pop()
            rule = node.rule
            if not rule.definition.noalert:
                memory.fired[rule.index] += 1
                return node


def _state_holds(node: Node, event: Event, memory: Memory, outcomes: Outcomes) -> bool:
    rule, seen = node.rule, memory.seen
    holds = all(check(event, seen) for check in rule.state_checks) and (
        not rule.composite or correlate(rule, event, memory)
    )
    outcomes[node] = holds
    return holds


def explain(roots: Sequence[Node], event: Event, memory: Memory, trace: Trace, compile_rule: Compile) -> Node | None:
    """Do what ``find`` does, and note every rule that is tried with its first failing condition."""

    def matches(node: Node) -> bool:
        rule = node.rule
        if not rule.compiled:
            compile_rule(rule)
        for condition in rule.conditions:
            if not condition.holds(event, memory.seen):
                trace.add(node, condition.tag, condition.wanted, condition.value(event))
                return False
        if rule.composite and not correlate(rule, event, memory):
            wanted = f"{rule.definition.frequency or 2} events within {rule.definition.timeframe} s, this one included"
            trace.add(node, f"if_matched_{rule.search}", wanted)
            return False
        trace.add(node)
        return True

    won = _descend(roots, matches)
    if won is None:
        return None
    memory.fired[won.rule.index] += 1
    trace.won(won)
    return won


def replay(roots: Sequence[Node], event: Event, outcomes: Outcomes, compile_rule: Compile) -> list[int]:
    """Return the ids of the rules that ``find`` tried, in order, including those it knew not to match."""
    tried: list[int] = []

    def matches(node: Node) -> bool:
        rule = node.rule
        if not rule.compiled:
            compile_rule(rule)
        tried.append(rule.id)
        return all(check(event) for check in rule.checks) and outcomes.get(node, True)

    _descend(roots, matches)
    return tried


def _descend(roots: Sequence[Node], matches: Callable[[Node], bool]) -> Node | None:
    """Walk depth first, below matching places only; the first that nothing below takes from it is the result."""
    above: list[tuple[Iterator[Node], Node]] = []
    level = iter(roots)
    while True:
        for node in level:
            if matches(node):
                above.append((level, node))
                level = iter(node.children)
                break
        else:
            if not above:
                return None
            level, node = above.pop()
            if not node.rule.definition.noalert:
                return node
