"""Composite rules: counting earlier events within a time frame.

A composite with frequency *n* needs *n* - 1 stored events that agree with the current one. Marks make it start over:
when it fires, the current event and the newest counted one are marked with its level, and no composite of that level
or below looks behind a marked event. With frequency 2 nothing is counted before the event that completes it, so that
nothing earlier is marked and every further event within the time frame fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.memory import compares, key_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.event import Event
    from wazuh_cicd.engine.memory import Memory
    from wazuh_cicd.engine.rulemodel import Rule

    Agrees = Callable[[Event], bool]

# So many earlier logs are kept for previous_output.
MAX_PREVIOUS = 11


def _agreement(rule: Rule, event: Event) -> Agrees | None:
    """Return the test of one earlier event against the current one; None when none can pass."""
    same: list[tuple[str, bytes | str]] = []
    for name in rule.same:
        mine = value_of(event, name)
        if mine is None:
            return None
        same.append((name, mine))
    same_fields: list[tuple[bytes, bytes]] = []
    for field in rule.same_fields:
        value = event.field(field.lower())
        if value is None:
            return None
        same_fields.append((field.lower(), value))
    different = [(name, mine) for name in rule.different if (mine := value_of(event, name)) is not None]
    different_fields = [
        (field.lower(), value) for field in rule.different_fields if (value := event.field(field.lower())) is not None
    ]
    needs_fields = bool(rule.different_fields) and not event.dynamics
    agent = None if rule.global_frequency else event.agent_id
    matches = rule.matched_regex.test if rule.matched_regex is not None else None

    def agrees(other: Event) -> bool:
        if agent is not None and other.agent_id != agent:
            return False
        for name, mine in same:
            if value_of(other, name) != mine:
                return False
        for field, wanted in same_fields:
            if other.index().get(field) != wanted:
                return False
        if matches is not None and not matches(other.log):
            return False
        return not (
            (needs_fields and not other.dynamics)
            or any(other.index().get(field) == wanted for field, wanted in different_fields)
            or any(value_of(other, name) == mine for name, mine in different)
        )

    return agrees


def _stored(rule: Rule, event: Event, memory: Memory) -> Sequence[Event] | None:
    """Return the stored events that the composite may count, oldest first; None when it looks at all of them."""
    if rule.search != "regex" and memory.ascending and compares(rule):
        # Only events with equal values can count. While time goes on, skipping the others changes nothing.
        key = key_of(rule, event)
        return () if key is None else memory.by_key.get(rule.index, {}).get(key, ())
    if rule.search == "sid":
        return memory.by_sid.get(rule.counted.index, ()) if rule.counted is not None else ()
    if rule.search == "group":
        return memory.by_group.get(rule.index, ())
    return None


def correlate(rule: Rule, event: Event, memory: Memory) -> bool:
    """Whether the composite fires with this event.

    When it does, history is marked and the logs it counted are noted in ``memory.previous``: each at its own place, but
    a place that a composite tried earlier on the same event has filled is left alone. When it does not, all notes are
    dropped, those of earlier composites included.
    """
    if _search(rule, event, memory):
        return True
    memory.previous = []
    return False


def _search(rule: Rule, event: Event, memory: Memory) -> bool:
    needed = max((rule.frequency or 0) - 2, 0)
    stored = _stored(rule, event, memory)
    if (len(memory.recent) if stored is None else len(stored)) <= needed:
        return False
    agrees = _agreement(rule, event)
    if agrees is None:
        return False
    by_regex = stored is None
    candidates = (other for other, _, _ in reversed(memory.recent)) if stored is None else reversed(stored)
    oldest = int(event.time) - rule.timeframe
    level = rule.level
    previous = memory.previous
    newest: Event | None = None
    count = 0
    for other in candidates:
        if int(other.time) < oldest:
            return False
        if not agrees(other):
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
