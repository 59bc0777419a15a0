"""Alerts become incidents: those that share an actor, a repository, a host, an image or a moment belong together.

Three kinds of tie, each with its reason in the report:

* An alert from level 7 on (of rules that are not the package's: from level 10 on) joins every incident that named the
  same one not too long ago (``entities.APART``); when it names those of two, they become one.
* A lower alert is ordinary life, and joins only where the same actor from the same address did something of level 10
  or above within the hour: it is what else they did.
* Grave incidents (level 12 and above) of different sources are one when they are minutes apart, or when one changed
  what builds take in (ATT&CK T1195) and the other is a build host that is attacked within hours. This is judged at the
  end, and only where few grave incidents are near: at a busy time, time says nothing.
* What strangers tried on a repository's builds (T1195, below level 12) belongs to the grave change of what the same
  repository gives to builds, for a month: the way in is often found weeks before it is used. Where they try often, it
  says nothing, and they stay apart.

Memory is bounded: an incident keeps so many rows, a quiet one is closed after a day, and of the closed ones the worst
are kept. What is no longer shown is counted.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.incidents.entities import APART, HOUR, Entities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_cicd.incidents.entities import Key

#: From this level on an alert can begin an incident.
NOTABLE = 7
#: The same for rules that are not of this package: Wazuh's own give level 7 to every file that changes.
FOREIGN = 10
#: From this level on the lower alerts of the same actor are drawn in.
WITH_CONTEXT = 10
#: From this level on incidents can be tied by time alone.
GRAVE = 12
_CONTEXT_APART = HOUR
_MINUTES_APART = 15 * 60
_SUPPLY_APART = 6 * HOUR
_SUPPLY = "T1195"
_FOOTHOLD_APART = 30 * 24 * HOUR
_FOOTHOLDS = 3  # tries on one repository in that time, from which on they say nothing
_BUSY = 4  # grave incidents within an hour of the two, from which on time says nothing
_DAY = 24 * HOUR

_ROWS = 300  # of one incident
_TIMES = 12  # moments of a row that are kept one by one
_VALUES = 50  # actors, repositories ... of one incident
_KEPT = 1000  # closed incidents
_OPEN = 5_000
_CONTEXTS = 50_000  # ordinary alerts that are remembered, at most for an hour
_CONTEXT_ROWS = 60  # alerts of one such actor
_SWEEP = 4_096  # alerts between two looks at what is over


class Event(NamedTuple):
    """One alert, as the grouping sees it; ``when`` in seconds since the epoch."""

    when: int
    rule: str
    level: int
    title: str
    source: str
    named: Entities
    techniques: tuple[str, ...]


class Row:
    """Alerts of one rule by one actor from one address: when first and last, how many, the first and last title."""

    __slots__ = ("count", "event", "first", "last", "last_title", "times")

    def __init__(self, event: Event) -> None:
        """Begin with its first alert."""
        self.event = event
        self.first = self.last = event.when
        self.count = 1
        self.last_title = event.title
        self.times = [event.when]

    def add(self, event: Event) -> None:
        """Take one more alert."""
        self.count += 1
        if event.when >= self.last:
            self.last, self.last_title = event.when, event.title
        elif event.when < self.first:
            self.first, self.event = event.when, event
        if len(self.times) < _TIMES:
            self.times.append(event.when)

    def absorb(self, other: Row) -> None:
        """Take the alerts of the same row of another incident."""
        self.count += other.count
        if other.first < self.first:
            self.first, self.event = other.first, other.event
        if other.last > self.last:
            self.last, self.last_title = other.last, other.last_title
        self.times = sorted(self.times + other.times)[:_TIMES]


class Group:
    """Alerts that belong together, while it is still growing."""

    __slots__ = ("count", "first", "floor", "grave", "last", "level", "parent", "reasons", "rows", "unshown", "values")

    def __init__(self, when: int) -> None:
        """Begin empty, at a moment."""
        self.parent: Group | None = None
        self.first = self.last = when
        self.level = 0
        self.count = 0
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.unshown = 0
        #: The lowest level of a row, once there are as many as are kept; -1 where it must be looked up.
        self.floor = -1
        self.reasons: Counter[Key] = Counter()
        self.values: dict[Key, int] = {}
        #: From when to when alerts of level 12 and above came.
        self.grave: tuple[int, int] | None = None

    def add(self, event: Event) -> None:
        """Take an alert."""
        self.count += 1
        self.first, self.last = min(self.first, event.when), max(self.last, event.when)
        self.level = max(self.level, event.level)
        if event.level >= GRAVE:
            self.grave = _span(self.grave, (event.when, event.when))
        for kind, value in zip(event.named._fields, event.named, strict=True):
            if value:
                self._count((kind, value), 1)
        key = (event.rule, event.named.actor, event.named.address)
        row = self.rows.get(key)
        if row is not None:
            row.add(event)
        elif len(self.rows) < _ROWS:
            self.rows[key] = Row(event)
        else:
            self._displace(key, Row(event))

    def _displace(self, key: tuple[str, str, str], row: Row) -> None:
        """Put a row in the place of the least grave one, or leave it out; what is left out is counted."""
        if self.floor < 0:
            self.floor = min(one.event.level for one in self.rows.values())
        if row.event.level <= self.floor:
            self.unshown += row.count
            return
        least = min(self.rows, key=lambda one: (self.rows[one].event.level, -self.rows[one].first))
        self.unshown += self.rows.pop(least).count
        self.rows[key] = row
        self.floor = -1

    def _count(self, key: Key, times: int) -> None:
        if key in self.values or len(self.values) < 5 * _VALUES:
            self.values[key] = self.values.get(key, 0) + times

    def absorb(self, other: Group) -> None:
        """Take everything of another group, which points here from now on."""
        other.parent = self
        self.count += other.count
        self.unshown += other.unshown
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.level = max(self.level, other.level)
        self.grave = _span(self.grave, other.grave)
        self.reasons += other.reasons
        for key, times in other.values.items():
            self._count(key, times)
        for place, row in other.rows.items():
            mine = self.rows.get(place)
            if mine is not None:
                mine.absorb(row)
            elif len(self.rows) < _ROWS:
                self.rows[place] = row
            else:
                self._displace(place, row)
        other.rows, other.values = {}, {}

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """What makes one worse than another: level, how many tactics' worth of rules, alerts; then the later."""
        grave = len({row.event.rule for row in self.rows.values() if row.event.level >= WITH_CONTEXT})
        return self.level, grave, min(self.count, 1000), self.last


def _span(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _top(group: Group) -> Group:
    while group.parent is not None:
        if group.parent.parent is not None:
            group.parent = group.parent.parent
        group = group.parent
    return group


class _Mention:
    """Where a key was named last: the group, and from when to when."""

    __slots__ = ("first", "group", "last")

    def __init__(self, group: Group, when: int) -> None:
        self.group = group
        self.first = self.last = when

    def near(self, when: int, apart: int) -> bool:
        return self.first - apart <= when <= self.last + apart


class Grouping:
    """Takes alerts, mostly in order, and gives incidents."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._mentions: dict[Key, _Mention] = {}
        self._open: list[Group] = []
        self._closed: list[tuple[tuple[int, int, int, int], int, Group]] = []
        self._context: dict[tuple[str, str], deque[Event]] = {}
        self._recent: deque[tuple[int, tuple[str, str]]] = deque()
        #: Who did something grave, and when last.
        self._suspects: dict[tuple[str, str], _Mention] = {}
        self._now = 0
        self._taken = 0
        self._number = 0
        #: Incidents that are not kept, by their level.
        self.dropped: Counter[int] = Counter()

    def ordinary(self, event: Event) -> None:
        """Take a lower alert that names an actor or an address: it is remembered, or joins what these did."""
        who = (event.named.actor, event.named.address)
        suspect = self._suspects.get(who)
        if suspect is not None and suspect.near(event.when, _CONTEXT_APART):
            _top(suspect.group).add(event)
            return
        known = self._context.get(who)
        if known is None:
            known = self._context[who] = deque(maxlen=_CONTEXT_ROWS)
        known.append(event)
        recent = self._recent
        recent.append((event.when, who))
        # What is over is forgotten at once: a small memory is a quick one.
        over = event.when - _CONTEXT_APART
        while recent[0][0] < over or len(recent) > _CONTEXTS:
            self._forget(*recent.popleft())

    def _forget(self, when: int, who: tuple[str, str]) -> None:
        known = self._context.get(who)
        if known is not None:
            if known[0].when <= when:
                known.popleft()
            if not known:
                del self._context[who]

    def notable(self, event: Event, keys: Sequence[Key]) -> None:
        """Take an alert of level 7 or above."""
        group: Group | None = None
        for key in keys:
            mention = self._mentions.get(key)
            if mention is None or not mention.near(event.when, APART[key[0]]):
                continue
            found = _top(mention.group)
            if group is None:
                group = found
            elif found is not group:
                group = self._join(group, found)
            group.reasons[key] += 1
        if group is None:
            group = Group(event.when)
            self._open.append(group)
        group.add(event)
        for key in keys:
            self._mention(self._mentions, key, group, event.when, APART[key[0]])
        if event.level >= WITH_CONTEXT:
            self._draw_in(group, event)
        # Far back in time another manager's alerts begin; a little back is disorder.
        self._now = event.when if event.when < self._now - _DAY else max(self._now, event.when)
        self._taken += 1
        if self._taken % _SWEEP == 0 or len(self._open) > _OPEN:
            self._sweep()

    @staticmethod
    def _mention(where: dict[Key, _Mention], key: Key, group: Group, when: int, apart: int) -> None:
        mention = where.get(key)
        if mention is None or not mention.near(when, apart):
            where[key] = _Mention(group, when)
        else:
            mention.group = group
            mention.first, mention.last = min(mention.first, when), max(mention.last, when)

    @staticmethod
    def _join(one: Group, other: Group) -> Group:
        if len(one.rows) < len(other.rows):
            one, other = other, one
        one.absorb(other)
        return one

    def _draw_in(self, group: Group, event: Event) -> None:
        who = (event.named.actor, event.named.address)
        if who == ("", ""):
            return
        self._mention(self._suspects, who, group, event.when, _CONTEXT_APART)
        for earlier in self._context.pop(who, ()):
            if abs(earlier.when - event.when) <= _CONTEXT_APART:
                group.add(earlier)

    def _sweep(self) -> None:
        """Close what is over, and forget who was named too long ago to matter."""
        old = self._now - _DAY
        self._mentions = {key: one for key, one in self._mentions.items() if one.last >= old}
        self._suspects = {key: one for key, one in self._suspects.items() if one.last >= old}
        self._open = [one for one in self._open if one.parent is None]
        over = [one for one in self._open if one.last < old]
        if len(self._open) - len(over) > _OPEN // 2:
            # A flood: the least grave and oldest are closed although something could still join them.
            ordered = sorted(self._open, key=lambda one: one.weight)
            over = ordered[: len(ordered) - _OPEN // 2]
            kept = {id(one) for one in ordered[len(over) :]}
            self._mentions = {key: one for key, one in self._mentions.items() if id(_top(one.group)) in kept}
            self._suspects = {key: one for key, one in self._suspects.items() if id(_top(one.group)) in kept}
        closed = {id(one) for one in over}
        self._open = [one for one in self._open if id(one) not in closed]
        for one in over:
            self._close(one)

    def _close(self, group: Group) -> None:
        self._number += 1
        item = (group.weight, self._number, group)
        if len(self._closed) < _KEPT:
            heapq.heappush(self._closed, item)
        else:
            _, _, least = heapq.heappushpop(self._closed, item)
            self.dropped[least.level] += 1

    def finish(self) -> list[Group]:
        """The incidents, the worst first."""
        for one in self._open:
            if one.parent is None:
                self._close(one)
        self._open = []
        groups = [group for _, _, group in self._closed]
        _tie_by_time(groups)
        _tie_footholds([one for one in groups if one.parent is None])
        return sorted((one for one in groups if one.parent is None), key=lambda one: one.weight, reverse=True)


# -- what only time ties ---------------------------------------------------------------------------------------------


def _tie_by_time(groups: Iterable[Group]) -> None:
    grave = sorted((one for one in groups if one.grave is not None), key=_start)
    starts = [_start(one) for one in grave]
    for place, one in enumerate(grave):
        for other in _near(grave, place):
            first, second = _top(one), _top(other)
            if first is second or _sources(first) & _sources(second):
                continue
            reason = _reason(first, second)
            if reason and _company(starts, one, other) < _BUSY:
                if len(first.rows) < len(second.rows):
                    first, second = second, first
                first.absorb(second)
                first.reasons[reason] += 1


def _start(group: Group) -> int:
    return group.grave[0] if group.grave is not None else group.first


def _end(group: Group) -> int:
    return group.grave[1] if group.grave is not None else group.last


def _near(grave: Sequence[Group], place: int) -> Iterator[Group]:
    """The later ones that begin before it has been over for hours; a few, because at a busy time it says nothing."""
    end = max(_end(grave[place]), _end(_top(grave[place]))) + _SUPPLY_APART
    for other in grave[place + 1 : place + 1 + 4 * _BUSY]:
        if _start(other) > end:
            return
        yield other


def _sources(group: Group) -> set[str]:
    """The sources that speak of it gravely."""
    return {row.event.source for row in group.rows.values() if row.event.level >= GRAVE}


def _reason(first: Group, second: Group) -> Key | None:
    """Why two grave incidents of different sources are one, where they are."""
    apart = max(0, _start(second) - _end(first), _start(first) - _end(second))
    if apart <= _MINUTES_APART:
        return "time", "minutes apart"
    if apart > _SUPPLY_APART:
        return None
    early, late = (first, second) if _end(first) <= _start(second) else (second, first)
    if "runner" in _sources(late) and "runner" not in _sources(early) and _poisons(early):
        return "time", "what builds take in was changed, and hours later a build host is attacked"
    return None


def _poisons(group: Group, least: int = GRAVE) -> bool:
    return any(
        row.event.level >= least and any(one.startswith(_SUPPLY) for one in row.event.techniques)
        for row in group.rows.values()
    )


def _tie_footholds(groups: Sequence[Group]) -> None:
    """Tie what was tried on a repository to what was done with it within a month."""
    tries: dict[Key, list[Group]] = {}
    for one in groups:
        if one.level < GRAVE and _poisons(one, NOTABLE):
            for key in one.values:
                if key[0] == "repository":
                    tries.setdefault(key, []).append(one)
    for grave in sorted((one for one in groups if one.level >= GRAVE and _poisons(one)), key=_start):
        for key in [key for key in grave.values if key in tries]:
            near = [one for one in tries[key] if one.parent is None and 0 <= grave.first - one.last <= _FOOTHOLD_APART]
            if 0 < len(near) < _FOOTHOLDS:
                for one in near:
                    grave.absorb(one)
                grave.reasons["time", f"weeks before, strangers reached the builds of {key[1]}"] += len(near)


def _company(starts: Sequence[int], one: Group, other: Group) -> int:
    """How many further grave incidents begin within an hour of the two."""
    begin, end = min(_start(one), _start(other)) - HOUR, max(_start(one), _start(other)) + HOUR
    return bisect_right(starts, end) - bisect_left(starts, begin) - 2
