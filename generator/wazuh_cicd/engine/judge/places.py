"""The places of rules in the tree, and which children of a place an event can match at all.

A plan is made for the events of one decoder (and, where rules ask for it, of one program) when the first of them comes.
It drops the rules that ask for another one, and sorts the others by what guards them, so that for one event only a few
are left to test. The order stays that of the tree.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.guards import guards_of
from wazuh_cicd.engine.judge.texts import matcher_of, pattern_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.condition import EventTest
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.ruledefinition import TextTest

    Compile = Callable[[Rule], None]
    # One child as the fast walk sees it: its tests (without those that the selection has answered), rule and place.
    Entry = tuple[tuple[EventTest, ...], Rule, "Node"]

# Shorter plans are tested from first to last.
_MIN_GUARDED = 5
# Selections and plans that are remembered; an attacker who invents values or programs only empties the memory.
_REMEMBERED = 512
# Bytes. What a field's rules say of longer values is not remembered.
_LONGEST = 256
# So many selections must go by for each value that is remembered.
_WORTHWHILE = 3


class _Column:
    """What the rules of a plan ask of one field.

    Attributes:
        absent: the entries left when an event lacks the field.
        present: those left whatever its value.
        values: by value in lower case, those that it lets through beside.
        tests: the tests of the field, each with the entry that it decides on.
        known: by value, the entries left. Fields such as an action have few values, so that most events find all tests
            of such a field answered.
    """

    __slots__ = ("_filled", "_spent", "absent", "known", "present", "tests", "values")

    def __init__(self, everything: int) -> None:
        """Start without rules."""
        self.absent = self.present = everything
        self.values: dict[bytes, int] = {}
        self.tests: list[tuple[int, Callable[[bytes], bool]]] = []
        self.known: dict[bytes, int] = {}
        self._filled = 0
        self._spent = False

    def add(self, bit: int, values: frozenset[bytes] | None, test: TextTest) -> None:
        """Note what one more rule asks for."""
        self.absent &= ~bit
        self.tests.append((bit, matcher_of(test)))
        if values is None:
            return
        self.present &= ~bit
        for value in values:
            # As ``fold`` has it: a line end that ``$`` ignores may follow.
            for shown in (value, value + b"\n"):
                self.values[shown] = self.values.get(shown, 0) | bit

    def use(self) -> tuple[int, Callable[[bytes], int | None], Callable[[bytes, int], int]]:
        """Return ``absent``, what gives the entries left by a value that is known, and what does for another one."""
        return self.absent, self.known.get, self.learn

    def learn(self, value: bytes, selections: int) -> int:
        """Return the entries that a new value leaves.

        Args:
            value: not in ``known``.
            selections: how often the plan was asked so far.
        """
        if self._spent or len(value) > _LONGEST:
            return self.present | self.values.get(value.lower(), 0)
        if len(self.known) >= _REMEMBERED:
            self.known.clear()
            # A field that has ever new values (an address, a path) is better left to the rules.
            self._spent = selections - self._filled < _WORTHWHILE * _REMEMBERED
            self._filled = selections
        mask = self.absent
        for bit, passes in self.tests:
            if passes(value):
                mask |= bit
        self.known[value] = mask
        return mask


class Plan:
    """The children of one place, for events of one decoder and program.

    Attributes:
        entries: those that can match, in order.
        guarded: whether ``select`` has anything to leave out.
    """

    __slots__ = ("_all", "_chosen", "_dynamics", "_selections", "_statics", "entries", "guarded")

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Sort the entries by their guards."""
        self.entries = tuple(entries)
        self._all = (1 << len(self.entries)) - 1
        self._chosen: dict[int, tuple[Entry, ...]] = {}
        self._selections = 0
        columns: dict[tuple[bool, str], _Column] = {}
        for position, (_, rule, _) in enumerate(self.entries):
            for key, values, test in guards_of(rule.definition) if len(self.entries) >= _MIN_GUARDED else ():
                columns.setdefault(key, _Column(self._all)).add(1 << position, values, test)
        # For each field: its name, the entries without it, and the column's two functions.
        self._statics = tuple((name, *column.use()) for (static, name), column in columns.items() if static)
        self._dynamics = tuple(
            (name.encode("latin-1"), *column.use()) for (static, name), column in columns.items() if not static
        )
        self.guarded = bool(columns)

    def select(self, event: Event) -> tuple[Entry, ...]:
        """Return the entries whose guards an event passes, in order."""
        mask = self._all
        self._selections += 1
        dynamics = event.index()
        for name, absent, recall, learn in self._dynamics:
            value = dynamics.get(name)
            if value is None:
                mask &= absent
            else:
                known = recall(value)
                mask &= learn(value, self._selections) if known is None else known
        statics = event.statics
        for static, absent, recall, learn in self._statics:
            value = statics.get(static)
            if value is None:
                mask &= absent
            else:
                known = recall(value)
                mask &= learn(value, self._selections) if known is None else known
        chosen = self._chosen.get(mask)
        if chosen is None:
            if len(self._chosen) >= _REMEMBERED:
                self._chosen.clear()
            chosen = tuple(entry for position, entry in enumerate(self.entries) if mask >> position & 1)
            self._chosen[mask] = chosen
        return chosen


class Node:
    """One place of a rule in the tree.

    Attributes:
        rule: the rule, shared with its other places.
        parent: the node above; None for a category root.
        children: in the order in which they are tried.
        plans: which children can match at all, by decoder (and program); filled when first needed (``plan_of``).
    """

    __slots__ = ("_asks_program", "_ranks", "children", "parent", "plans", "rule")

    def __init__(self, rule: Rule, parent: Node | None = None) -> None:
        """Make a place without children."""
        self.rule = rule
        self.parent = parent
        self.children: list[Node] = []
        self.plans: dict[object, Plan] = {}
        self._asks_program: bool | None = None
        self._ranks: list[int] | None = []

    def add_child(self, rule: Rule) -> Node:
        """Give ``rule`` a place below this one: before the first sibling of a smaller rank."""
        child = Node(rule, self)
        rank = rule.definition.rank
        if self._ranks is not None:
            # The negated ranks ascend as long as no overwrite has changed one, so that the place is found by bisection.
            place = bisect_right(self._ranks, -rank)
            self._ranks.insert(place, -rank)
        else:
            place = next(
                (i for i, node in enumerate(self.children) if node.rule.definition.rank < rank), len(self.children)
            )
        self.children.insert(place, child)
        return child

    def forget_ranks(self) -> None:
        """Say that the rank of a child has changed: from now on places are found by walking, as the manager does."""
        self._ranks = None

    @property
    def ranks_known(self) -> bool:
        """Whether places are found by bisection."""
        return self._ranks is not None

    def recall_ranks(self, *, known: bool) -> None:
        """Take the ranks from the children, for a place whose children were set from outside."""
        self._ranks = [-child.rule.definition.rank for child in self.children] if known else None

    def asks_program(self) -> bool:
        """Whether some child has a condition on the program's name."""
        if self._asks_program is None:
            self._asks_program = any("program_name" in child.rule.definition.texts for child in self.children)
        return self._asks_program


def entry(node: Node, event: Event, compile_rule: Compile) -> Entry | None:
    """Prepare a place for events of one decoder and program; None when its rule asks for another one."""
    rule = node.rule
    if not rule.compiled:
        compile_rule(rule)
    definition = rule.definition
    if definition.decoded_as is not None and rule.decoder_id != event.decoder_id:
        return None
    dropped = {"decoded_as"}
    if "program_name" in definition.texts:
        program = event.program_name
        if program is None or not pattern_of(definition.texts["program_name"]).test(program):
            return None
        dropped.add("program_name")
    answered = [condition.test for condition in rule.conditions if condition.tag in dropped]
    return tuple(check for check in rule.checks if check not in answered), rule, node


def plan_of(node: Node, event: Event, compile_rule: Compile) -> Plan:
    """Return the plan for an event below a place."""
    key = (event.decoder_id, event.program_name) if node.asks_program() else event.decoder_id
    plan = node.plans.get(key)
    if plan is None:
        if len(node.plans) >= _REMEMBERED:
            node.plans.clear()
        plan = make_plan(node.children, event, compile_rule)
        node.plans[key] = plan
    return plan


def make_plan(nodes: Sequence[Node], event: Event, compile_rule: Compile) -> Plan:
    """Make the plan of some places for events like this one."""
    return Plan([known for node in nodes if (known := entry(node, event, compile_rule)) is not None])
