"""Where things stand on a time axis: numbers for inline SVG, in percent of its width, so that it fits any screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.incidents.model import Incident, Line

#: Share of the width that is kept free at both ends, for half a dot.
_MARGIN = 1.6
_LANE = 34
_TOP = 6
_AXIS = 22
_BUCKETS = 150  # dots of a lane
_BARS = 60
_BAR_HEIGHT = 72
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Dot:
    """One dot: where, how big, what it stands for."""

    x: float
    y: int
    radius: float
    band: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One source: its name, the middle of its lane, and bars from the first to the last alert of each row."""

    source: str
    y: int
    spans: Sequence[tuple[float, float, str]]


@dataclass(frozen=True, slots=True)
class Axis:
    """The whole picture."""

    height: int
    bottom: int
    lanes: Sequence[Lane]
    dots: Sequence[Dot]
    ticks: Sequence[tuple[float, str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the overview: alerts from level 7 on in a stretch of time, the worst at the bottom."""

    x: float
    width: float
    parts: Sequence[tuple[float, float, str]]
    words: str


def band(level: int) -> str:
    """How bad a level is: ``attack`` from 13 on, ``wrong`` from 10 on, ``notice`` from 7 on, else ``context``."""
    return "attack" if level >= 13 else "wrong" if level >= 10 else "notice" if level >= 7 else "context"


def moment(seconds: int) -> str:
    """``2026-11-29 18:00:00``; in UTC, as is everything in the report."""
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "?"


def clock(seconds: int, of: int) -> str:
    """The time of day where both are of one day, else with the day."""
    return moment(seconds)[11:] if seconds // _DAY == of // _DAY else moment(seconds)[5:16]


def length(seconds: int) -> str:
    """A stretch of time in words: ``40 s``, ``12 min``, ``3 h 20 min``, ``20 days``."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    if seconds < 2 * _DAY:
        hours, rest = divmod(round(seconds / 60), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(seconds / _DAY)} days"


def axis(incident: Incident) -> Axis:
    """The alerts of an incident as dots, a lane for each source, in the order in which the sources spoke."""
    first, last = incident.first, incident.last
    span = max(1, last - first)

    def place(when: int) -> float:
        return round(_MARGIN + (100 - 2 * _MARGIN) * min(1.0, max(0.0, (when - first) / span)), 2)

    sources = list(dict.fromkeys(line.source for line in incident.lines))
    middle = {source: _TOP + _LANE * number + 22 for number, source in enumerate(sources)}
    lanes = [
        Lane(
            source,
            middle[source],
            [
                (place(line.first), round(place(line.last) - place(line.first), 2), band(line.level))
                for line in incident.lines
                if line.source == source and line.last > line.first
            ],
        )
        for source in sources
    ]
    bottom = _TOP + _LANE * len(sources) + 4
    return Axis(
        height=bottom + _AXIS,
        bottom=bottom,
        lanes=lanes,
        dots=_dots(incident.lines, middle, place, last),
        ticks=list(_ticks(first, last)),
    )


def _dots(lines: Sequence[Line], middle: dict[str, int], place: Callable[[int], float], last: int) -> list[Dot]:
    """One dot where many would lie on each other: the worst of them, with their number."""
    buckets: dict[tuple[str, int], tuple[int, int, Line, int]] = {}
    for line in lines:
        for when in line.times:
            key = line.source, round(place(when) * _BUCKETS / 100)
            _, count, worst, at = buckets.get(key, (0, 0, line, when))
            if line.level > worst.level:
                worst, at = line, when
            buckets[key] = worst.level, count + 1, worst, at
    dots = [
        Dot(
            x=place(at),
            y=middle[source],
            radius=3 + max(0, level - 5) * 0.5,
            band=band(level),
            words=f"{clock(at, last)}, level {level}: {line.title}" + (f" (and {count - 1} more)" if count > 1 else ""),
        )
        for (source, _), (level, count, line, at) in buckets.items()
    ]
    return sorted(dots, key=lambda dot: dot.radius)


def _ticks(first: int, last: int) -> list[tuple[float, str, str]]:
    if last == first:
        return [(_MARGIN, "start", clock(first, last))]
    middle = (first + last) // 2
    return [
        (0, "start", clock(first, last)),
        (50, "middle", clock(middle, last if first // _DAY == last // _DAY else middle - _DAY)),
        (100, "end", clock(last, first if first // _DAY == last // _DAY else last - _DAY)),
    ]


def overview(hours: Sequence[tuple[int, int, int, int, int]], first: int, last: int) -> list[Bar]:
    """Alerts from level 7 on over the whole period, as bars."""
    step = max(3600, -(-max(1, last - first) // _BARS // 3600) * 3600)
    start = first // 3600 * 3600
    sums: dict[int, list[int]] = {}
    for hour, _, notice, wrong, attack in hours:
        bucket = sums.setdefault((hour - start) // step, [0, 0, 0])
        for number, count in enumerate((notice, wrong, attack)):
            bucket[number] += count
    buckets = max(1, (last - start) // step + 1)
    most = max(map(sum, sums.values()), default=0)
    bars = []
    for place, counts in sorted(sums.items()):
        if not sum(counts) or not 0 <= place < buckets:
            continue
        parts, y = [], float(_BAR_HEIGHT)
        for count, name in zip(reversed(counts), ("attack", "wrong", "notice"), strict=True):
            if count:
                height = max(1.5, round(count / most * (_BAR_HEIGHT - 4), 2))
                y = round(y - height, 2)
                parts.append((max(0.0, y), height, name))
        begin = start + place * step
        words = f"{moment(begin)[:16]}: {sum(counts)} alerts, {counts[2]} of level 13 and above"
        bars.append(Bar(round(100 * place / buckets, 3), round(92 / buckets, 3), parts, words))
    return bars
