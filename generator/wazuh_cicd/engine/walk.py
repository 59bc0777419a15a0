"""The walk through the tree: once fast, once slow and telling.

Both test the same conditions in the same order and have the same effect on a session's memory. The fast one leaves out
children that cannot match (``plans``), and keeps no record but the outcomes of conditions that depend on the session.
From these it can be told later which rules were tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.correlation import correlate
from wazuh_cicd.engine.plans import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.event import Event
    from wazuh_cicd.engine.explain import Trace
    from wazuh_cicd.engine.memory import Memory
    from wazuh_cicd.engine.plans import Plan
    from wazuh_cicd.engine.rulemodel import Node, Rule

    Settle = Callable[[Rule], None]
    # What conditions on the session's state answered, by place.
    Outcomes = dict[Node, bool]


def find(plan: Plan, event: Event, memory: Memory, outcomes: Outcomes, settle: Settle) -> Rule | None:
    """Return the rule that the first matching place of a plan leads to; its counter is advanced."""
    for checks, rule, node in plan.select(event) if plan.guarded else plan.entries:
        for check in checks:
            if not check(event):
                break
        else:
            if rule.stateful and not _state_holds(node, event, memory, outcomes):
                continue
            if node.children:
                below = plan_of(node, event, settle)
                if below.entries:
                    found = find(below, event, memory, outcomes, settle)
                    if found is not None:
                        return found
            if rule.noalert:
                continue
            memory.fired[rule.index] += 1
            return rule
    return None


def _state_holds(node: Node, event: Event, memory: Memory, outcomes: Outcomes) -> bool:
    rule = node.rule
    holds = all(check(event, memory) for check in rule.state_checks) and (
        rule.search is None or correlate(rule, event, memory)
    )
    outcomes[node] = holds
    return holds


def tell(node: Node, event: Event, memory: Memory, trace: Trace, settle: Settle) -> Rule | None:
    """Do what ``find`` does, for one place, and note every rule that is tried with its first failing condition."""
    rule = node.rule
    if rule.unsettled:
        settle(rule)
    for condition in rule.conditions:
        if not condition.holds(event, memory):
            trace.add(node, condition.tag, condition.wanted, condition.value(event))
            return None
    if rule.search is not None and not correlate(rule, event, memory):
        wanted = f"{rule.frequency or 2} events within {rule.timeframe} s, this one included"
        trace.add(node, f"if_matched_{rule.search}", wanted)
        return None
    trace.add(node)
    for child in node.children:
        found = tell(child, event, memory, trace, settle)
        if found is not None:
            return found
    if rule.noalert:
        return None
    memory.fired[rule.index] += 1
    trace.won(node)
    return rule


def replay(nodes: Sequence[Node], event: Event, outcomes: Outcomes, settle: Settle) -> list[int]:
    """Return the ids of the rules that ``find`` tried, in order, including those it knew not to match."""
    tried: list[int] = []
    for node in nodes:
        if _replay(node, event, outcomes, settle, tried):
            break
    return tried


def _replay(node: Node, event: Event, outcomes: Outcomes, settle: Settle, tried: list[int]) -> bool:
    rule = node.rule
    if rule.unsettled:
        settle(rule)
    tried.append(rule.id)
    if not all(check(event) for check in rule.checks) or not outcomes.get(node, True):
        return False
    return any(_replay(child, event, outcomes, settle, tried) for child in node.children) or not rule.noalert
