"""Composite rules: counting earlier events within a time frame.

A composite with frequency *n* needs *n* - 1 stored events that agree with the current one. Marks make it start over:
when it fires, the current event and the newest counted one are marked with its level, and no composite of that level
or below looks behind a marked event. With frequency 2 nothing is counted before the event that completes it, so that
nothing earlier is marked and every further event within the time frame fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.keys import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.memory import Memory
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition

# So many earlier logs are kept for previous_output.
MAX_PREVIOUS = 11


class _Alike:
    """The test of an earlier event for the same agent and equal values.

    A class and not a function inside another one: compiled, such a function refers to itself, and would stay until the
    collector comes.

    Attributes:
        possible: whether any event can pass: the current one has all of the values.
    """

    __slots__ = ("_agent", "_same", "_same_fields", "possible")

    def __init__(self, rule: RuleDefinition, event: Event) -> None:
        """Read the values of the current event."""
        self._agent = None if rule.global_frequency else event.agent_id
        self._same: list[tuple[str, bytes | str]] = []
        self._same_fields: list[tuple[bytes, bytes]] = []
        self.possible = True
        for name in rule.same:
            mine = value_of(event, name)
            if mine is None:
                self.possible = False
                return
            self._same.append((name, mine))
        for field in rule.same_fields:
            value = event.field(field.lower())
            if value is None:
                self.possible = False
                return
            self._same_fields.append((field.lower(), value))

    def __call__(self, other: Event) -> bool:
        """Whether an earlier event passes."""
        if self._agent is not None and other.agent_id != self._agent:
            return False
        for name, mine in self._same:
            if value_of(other, name) != mine:
                return False
        for field, wanted in self._same_fields:  # noqa: SIM110 - any() with a generator costs more than to compare
            if other.index().get(field) != wanted:
                return False
        return True


class _Unlike:
    """The test of an earlier event for the other things a composite asks for."""

    __slots__ = ("_different", "_different_fields", "_matches", "_needs_fields")

    def __init__(self, rule: RuleDefinition, matches: Callable[[bytes], bool] | None, event: Event) -> None:
        """Read the values of the current event.

        Args:
            rule: the composite.
            matches: what its log must match, for ``if_matched_regex``.
            event: the current one.
        """
        self._matches = matches
        self._different = [(name, mine) for name in rule.different if (mine := value_of(event, name)) is not None]
        self._different_fields = [
            (field.lower(), value)
            for field in rule.different_fields
            if (value := event.field(field.lower())) is not None
        ]
        self._needs_fields = bool(rule.different_fields) and not event.dynamics

    def __call__(self, other: Event) -> bool:
        """Whether an earlier event passes."""
        if (self._matches is not None and not self._matches(other.log)) or (self._needs_fields and not other.dynamics):
            return False
        for field, unwanted in self._different_fields:
            if other.index().get(field) == unwanted:
                return False
        for name, mine in self._different:  # noqa: SIM110 - as above
            if value_of(other, name) == mine:
                return False
        return True


def _unlike(rule: RuleDefinition, matches: Callable[[bytes], bool] | None, event: Event) -> _Unlike | None:
    """Return the test for the other things a composite asks for; None when there are none."""
    asks = rule.different or rule.different_fields or matches is not None
    return _Unlike(rule, matches, event) if asks else None


def _stored(rule: Rule, memory: Memory) -> Sequence[Event] | None:
    """Return the stored events that the composite may count, oldest first; None when it looks at all of them."""
    if rule.search == "sid":
        return memory.by_sid.get(rule.counted.index, ()) if rule.counted is not None else ()
    if rule.search == "group":
        return memory.by_group.get(rule.index, ())
    return None


def correlate(rule: Rule, event: Event, memory: Memory) -> bool:
    """Whether the composite fires with this event.

    When it does, history is marked and the logs it counted are noted in ``memory.seen.previous``: each at its own
    place, but a place that a composite tried earlier on the same event has filled is left alone. When it does not, all
    notes are dropped, those of earlier composites included.
    """
    if _search(rule, event, memory):
        return True
    memory.seen.previous = []
    return False


def _search(rule: Rule, event: Event, memory: Memory) -> bool:
    definition = rule.definition
    needed = max((definition.frequency or 0) - 2, 0)
    alike: _Alike | None = None
    stored: Sequence[Event] | None
    reader = rule.key_reader()
    if reader is not None and memory.ascending and rule.search != "regex":
        # Only events with equal values can count. While time goes on, skipping the others changes nothing.
        table = memory.by_key.get(rule.index)
        key = reader(event) if table else None
        stored = table.get(key, ()) if table and key is not None else ()
    else:
        stored = _stored(rule, memory)
        alike = _Alike(definition, event)
        if not alike.possible:
            return False
    if (len(memory.recent) if stored is None else len(stored)) <= needed:
        return False
    by_regex = stored is None
    oldest = int(event.time) - definition.timeframe
    if stored is not None and memory.ascending and int(stored[-1 - needed].time) < oldest:
        return False  # too few within the time frame, whatever they are
    candidates: Iterable[Event]
    if stored is None:
        category = event.category  # of all events, those of another category are passed over
        candidates = (other for other, _, _ in reversed(memory.recent) if other.category == category)
    else:
        candidates = reversed(stored)
    unlike = _unlike(definition, rule.matched_regex.test if rule.matched_regex is not None else None, event)
    level = definition.level
    previous = memory.seen.previous
    newest: Event | None = None
    count = 0
    for other in candidates:
        if int(other.time) < oldest:
            return False
        if (alike is not None and not alike(other)) or (unlike is not None and not unlike(other)):
            continue
        if other.mark >= level:
            return False
        final = count >= needed
        if len(previous) <= count < MAX_PREVIOUS and not (by_regex and final):
            previous.append(other.full_log)
        if final:
            event.mark = level
            if newest is not None:
                newest.mark = level
            return True
        count += 1
        newest = newest or other
    return False
