"""Rules that are asked before a rule of a higher level, and take its events.

Among siblings the higher level is asked first. A rule of level 0 with ``noalert`` comes before all of them, whatever
hangs on it: the search goes through its children first and returns to its siblings only when none of them matched. A
child of level 5 then hides a sibling of level 12. That can be meant (an operator's known writes are judged lower on
purpose); where it is not, the child belongs beside the sibling.

A finding is made only where an event proves it: the specs' own firing events of both rules, as they are and with the
fields of both together, judged by the conditions of both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.check.demands import Demand, contradict, demands_of
from wazuh_cicd.check.house import finding
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.spec.model import TestEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.engine import Ruleset, Session
    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.places import Node
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.spec import RuleSpec, SpecSet

CODE = "H709"
_SHOWN = 3  # rules named in a finding
_EVENTS = 4  # firing events of a rule that are tried with those of another


@dataclass(frozen=True, slots=True)
class _Way:
    """A rule with the rules that lead to it, from the siblings in question down to itself."""

    nodes: tuple[Node, ...]

    @property
    def rule(self) -> Rule:
        return self.nodes[-1].rule

    def demands(self) -> list[Demand]:
        return [demand for node in self.nodes for demand in demands_of(node.rule.definition)]

    def takes(self, event: Event, ruleset: Ruleset) -> bool:
        for node in self.nodes:
            ruleset.compile_rule(node.rule)
            if not all(condition.test is None or condition.test(event) for condition in node.rule.conditions):
                return False
        return True


def order_findings(specs: SpecSet, ruleset: Ruleset) -> Iterator[Finding]:
    """One warning a rule whose events rules of a lower level take, seen on an event that both would take."""
    witness = _Witness(specs, ruleset)
    hidden: dict[tuple[int, int], list[int]] = {}  # higher rule and what the lower ones hang on: the lower ones
    for node in ruleset.tree.walk():
        if node.parent is None:
            continue  # what hangs on nothing belongs to different sources
        for place, child in enumerate(node.children):
            if child.rule.definition.noalert and not _waived(specs, child.rule):
                for lower, higher in _crossed(child, node.children[place + 1 :], specs):
                    known = hidden.setdefault((higher.rule.id, child.rule.id), [])
                    if lower.rule.id not in known and witness.shared(lower, higher):
                        known.append(lower.rule.id)
    for (number, passage), below in hidden.items():
        if below:
            yield _finding(specs, specs.by_id[number], passage, below)


def _finding(specs: SpecSet, rule: RuleSpec, passage: int, below: Sequence[int]) -> Finding:
    names = ", ".join(f"'{specs.by_id[number].name}' ({specs.by_id[number].level})" for number in below[:_SHOWN])
    more = f" and {len(below) - _SHOWN} more" if len(below) > _SHOWN else ""
    on = f"'{specs.by_id[passage].name}'" if passage in specs.by_id else str(passage)
    text = f"'{rule.name}' (level {rule.level}) is asked after {names}{more}, which hang on {on} and take its events"
    fix = f"hang it on {on} as well, or those beside it; where it is meant, waive it in one of them"
    return finding(rule, rule.place, CODE, text, fix, Severity.WARNING)


def _waived(specs: SpecSet, rule: Rule) -> bool:
    spec = specs.by_id.get(rule.id)
    return spec is not None and CODE in spec.waive


def _crossed(passage: Node, later: Sequence[Node], specs: SpecSet) -> Iterator[tuple[_Way, _Way]]:
    """Pairs of a rule below ``passage`` and one of a higher level that is asked after it."""
    behind = [way for node in later for way in _alerting(node, (), specs)]
    if not behind:
        return
    asked: set[int] = set()
    for lower in _alerting(passage, (), specs):
        asked.add(lower.rule.id)
        if _waived(specs, lower.rule):
            continue
        own = lower.demands()
        for higher in behind:
            if higher.rule.level <= lower.rule.level or higher.rule.id in asked or _waived(specs, higher.rule):
                continue
            if not any(contradict(one, other) for one in own for other in higher.demands()):
                yield lower, higher


def _alerting(node: Node, above: tuple[Node, ...], specs: SpecSet) -> Iterator[_Way]:
    """The first rules below a place that can alert, itself included, in the order in which they are asked."""
    way = (*above, node)
    if node.rule.level and not node.rule.definition.noalert:
        if node.rule.id in specs.by_id:
            yield _Way(way)
        return
    for child in node.children:
        yield from _alerting(child, way, specs)


class _Witness:
    """Looks for an event that two rules would both take."""

    def __init__(self, specs: SpecSet, ruleset: Ruleset) -> None:
        self._specs = specs
        self._ruleset = ruleset
        self._session: Session = ruleset.session(clock=lambda: 0.0)
        self._decoded: dict[TestEvent, Event] = {}
        self._fires: dict[int, list[TestEvent]] = {}

    def shared(self, one: _Way, other: _Way) -> bool:
        first, second = (self._events(way.rule.id) for way in (one, other))
        for event in self._together(first, second):
            decoded = self._decode(event)
            if decoded is not None and one.takes(decoded, self._ruleset) and other.takes(decoded, self._ruleset):
                return True
        return False

    def _events(self, number: int) -> list[TestEvent]:
        if number not in self._fires:
            tests = [test for test in self._specs.by_id[number].tests if test.expect == "fires"]
            self._fires[number] = [test.events[-1] for test in tests][:_EVENTS]
        return self._fires[number]

    def _together(self, first: list[TestEvent], second: list[TestEvent]) -> Iterator[TestEvent]:
        yield from first
        yield from second
        for one in first:
            for other in second:
                if one.location == other.location and one.log is not None and other.log is not None:
                    yield from _merged(one, other)

    def _decode(self, event: TestEvent) -> Event | None:
        if event.decoded is not None or event.log is None:
            return None
        key = TestEvent(event.log, event.location, 0.0)
        if key not in self._decoded:
            self._decoded[key] = self._session.process(event.log, event.location).event
        return self._decoded[key]


def _merged(one: TestEvent, other: TestEvent) -> Iterator[TestEvent]:
    """Events with the fields of both; where they disagree, once with the one's value and once with the other's."""
    try:
        first, second = json.loads(one.log or b""), json.loads(other.log or b"")
    except ValueError:
        return
    if isinstance(first, dict) and isinstance(second, dict):
        for base, over in ((first, second), (second, first)):
            yield TestEvent(json.dumps(_laid_over(base, over)).encode(), one.location, 0.0)


def _laid_over(base: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        found[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found
