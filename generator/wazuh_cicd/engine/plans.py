"""Which children of a place an event can match at all.

A plan is made for the events of one decoder (and, where rules ask for it, of one program) when the first of them comes.
It drops the rules that ask for another one, and sorts the others by what guards them, so that for one event only a few
are left to test. The order stays that of the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.guards import fold, guards_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.event import Event
    from wazuh_cicd.engine.rulemodel import Entry, Node, Rule

    Settle = Callable[[Rule], None]

# Shorter plans are tested from first to last.
_MIN_GUARDED = 5
# Selections and plans that are remembered; an attacker who invents values or programs only empties the memory.
_REMEMBERED = 512


class Plan:
    """The children of one place, for events of one decoder and program.

    Attributes:
        entries: those that can match, in order.
        guarded: whether ``select`` has anything to leave out.
    """

    __slots__ = ("_all", "_dynamics", "_selections", "_statics", "entries", "guarded")

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Sort the entries by their guards."""
        self.entries = tuple(entries)
        self._all = (1 << len(self.entries)) - 1
        self._selections: dict[int, tuple[Entry, ...]] = {}
        # By field: the entries left when it is missing, those left whatever its value, and those a value lets through.
        tables: dict[tuple[bool, str], tuple[list[int], dict[bytes, int]]] = {}
        for position, (_, rule, _) in enumerate(self.entries):
            bit = 1 << position
            for key, values in guards_of(rule) if len(self.entries) >= _MIN_GUARDED else ():
                masks, table = tables.setdefault(key, ([self._all, self._all], {}))
                masks[0] &= ~bit
                if values is None:
                    continue
                masks[1] &= ~bit
                for value in values:
                    table[value] = table.get(value, 0) | bit
        looked_up = [(*key, masks[0], masks[1], table) for key, (masks, table) in tables.items()]
        self._statics = tuple(found[1:] for found in looked_up if found[0])
        self._dynamics = tuple((found[1].encode("latin-1"), *found[2:]) for found in looked_up if not found[0])
        self.guarded = bool(tables)

    def select(self, event: Event) -> tuple[Entry, ...]:
        """Return the entries whose guards an event passes, in order."""
        mask = self._all
        index = event.index()
        for name, absent, present, table in self._dynamics:
            value = index.get(name)
            if value is None:
                mask &= absent
            else:
                mask &= present | table.get(fold(value), 0) if table else present
        statics = event.statics
        for static, absent, present, table in self._statics:
            value = statics.get(static)
            if value is None:
                mask &= absent
            else:
                mask &= present | table.get(fold(value), 0) if table else present
        chosen = self._selections.get(mask)
        if chosen is None:
            if len(self._selections) >= _REMEMBERED:
                self._selections.clear()
            chosen = tuple(entry for position, entry in enumerate(self.entries) if mask >> position & 1)
            self._selections[mask] = chosen
        return chosen


def entry(node: Node, event: Event, settle: Settle) -> Entry | None:
    """Prepare a place for events of one decoder and program; None when its rule asks for another one."""
    rule = node.rule
    if rule.unsettled:
        settle(rule)
    if rule.decoded_as is not None and rule.decoder_id != event.decoder_id:
        return None
    dropped = {"decoded_as"}
    if "program_name" in rule.texts:
        program = event.program_name
        if program is None or not rule.texts["program_name"].compiled().test(program):
            return None
        dropped.add("program_name")
    answered = [condition.test for condition in rule.conditions if condition.tag in dropped]
    return tuple(check for check in rule.checks if check not in answered), rule, node


def plan_of(node: Node, event: Event, settle: Settle) -> Plan:
    """Return the plan for an event below a place."""
    key = (event.decoder_id, event.program_name) if node.asks_program() else event.decoder_id
    plan = node.plans.get(key)
    if plan is None:
        if len(node.plans) >= _REMEMBERED:
            node.plans.clear()
        plan = make_plan(node.children, event, settle)
        node.plans[key] = plan
    return plan


def make_plan(nodes: Sequence[Node], event: Event, settle: Settle) -> Plan:
    """Make the plan of some places for events like this one."""
    return Plan([known for node in nodes if (known := entry(node, event, settle)) is not None])
