"""``<time>`` and ``<weekday>``: conditions on the local time of reception."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOON = 12
_HOURS = 24
_CLOCK = r"\s*(\d{1,2})(?::(\d{2}))?\s*([aApP][mM])?\s*"
_RANGE = re.compile(rf"\s*(!?){_CLOCK}-{_CLOCK}\Z", re.ASCII)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_SETS = {
    **{name: frozenset({number}) for number, name in enumerate(_DAYS)},
    **{name[:3]: frozenset({number}) for number, name in enumerate(_DAYS)},
    "weekdays": frozenset(range(5)),
    "weekends": frozenset({5, 6}),
}


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A part of the day.

    Attributes:
        first: first minute of the day, counted from midnight.
        last: last minute, belongs to the range as well.
        outside: the condition holds outside of the range.
    """

    first: int
    last: int
    outside: bool

    def holds(self, minute: int) -> bool:
        """Whether the condition holds at this minute of the day."""
        return (self.first <= minute <= self.last) is not self.outside


def _minute(hour: str, minute: str | None, half: str | None) -> int | None:
    hours, minutes = int(hour), int(minute or 0)
    if half:
        if not 1 <= hours <= _NOON:
            return None
        hours = hours % _NOON + (_NOON if half.lower() == "pm" else 0)
    return hours * 60 + minutes if hours < _HOURS and minutes < 60 else None


def parse_time(text: str) -> TimeRange | None:
    """Parse ``8:30 - 17:00``, ``10 pm - 6 am``, ``!8 - 17``; None when the manager would refuse it.

    A range that crosses midnight is kept as the complement of the hours between, which leaves out both of its ends.
    """
    found = _RANGE.match(text)
    if not found:
        return None
    first = _minute(*found.group(2, 3, 4))
    last = _minute(*found.group(5, 6, 7))
    if first is None or last is None:
        return None
    outside = bool(found.group(1))
    return TimeRange(last, first, not outside) if first > last else TimeRange(first, last, outside)


def parse_weekday(text: str) -> frozenset[int] | None:
    """Parse names of days (full or three letters, ``weekdays``, ``weekends``) into 0 (Monday) to 6 (Sunday)."""
    days: frozenset[int] = frozenset()
    words = re.split(r"[,\s]+", text.strip(", \t\n").lower())
    for word in words:
        named = _DAY_SETS.get(word)
        if named is None:
            return None
        days |= named
    return days
