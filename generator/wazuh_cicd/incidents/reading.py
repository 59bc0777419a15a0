"""Alerts from files: ``alerts.json``, compressed or not, and folders of them as a manager lays them out.

A manager writes ``logs/alerts/alerts.json``, which is a hard link to ``logs/alerts/2026/Nov/ossec-alerts-29.json``; at
midnight it compresses the day's file. A day of many alerts has parts, ``ossec-alerts-29-001.json``. A line is one
alert. What is not one is counted, and the first place is remembered; nothing in a line can stop the reading.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import IO

try:
    import orjson

    _quick: Callable[[bytes], Any] | None = orjson.loads
except ImportError:
    _quick = None

Alert: TypeAlias = "dict[str, Any]"
#: Told the bytes read so far, and how many there are (0: not known).
Progress: TypeAlias = "Callable[[int, int], None]"

#: analysisd writes at most 64 KiB; an indexer may hold more.
LONGEST_LINE = 4 << 20
_CHUNK = 1 << 20
_DAY_SECONDS = 86_400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = re.compile(r"(?:alerts|ossec-alerts-(?P<day>\d\d)(?:-(?P<part>\d+))?)\.json(?P<packed>\.gz)?\Z")
_FOLDERS = re.compile(r"(?P<year>\d{4})/(?P<month>[A-Z][a-z]{2})\Z")
_CACHED = 20_000


@dataclass
class Input:
    """What was read, and what of it was no alert.

    Attributes:
        files: those that were read.
        lines: that hold anything.
        bad: lines that are no alert, by reason.
        first_bad: where the first one is: ``file:line: reason``.
        broken: files that ended early, with the reason.
        outside: alerts before ``since`` or after ``until``.
        skipped: day files that lie outside by their names, and were not opened.
    """

    files: list[str] = field(default_factory=list)
    lines: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    first_bad: str = ""
    broken: list[str] = field(default_factory=list)
    outside: int = 0
    skipped: int = 0

    def refuse(self, where: str, number: int, reason: str) -> None:
        """Count a line that is no alert."""
        self.bad[reason] += 1
        if not self.first_bad:
            self.first_bad = f"{where}:{number}: {reason}" if number else f"{where}: {reason}"


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, in seconds since the epoch, both included; None where there is no bound."""

    since: float | None = None
    until: float | None = None

    def holds(self, when: float) -> bool:
        """Whether a moment lies inside."""
        return (self.since is None or when >= self.since) and (self.until is None or when <= self.until)

    def holds_day(self, day: date) -> bool:
        """Whether a day's file can hold something; clocks and time zones differ by a day at most."""
        start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
        return (self.since is None or start + 2 * _DAY_SECONDS > self.since) and (
            self.until is None or start - _DAY_SECONDS <= self.until
        )


_RELATIVE = re.compile(r"(\d{1,6})([mhdw])\Z")
_UNITS = {"m": 60, "h": 3600, "d": _DAY_SECONDS, "w": 7 * _DAY_SECONDS}
_FORMATS = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


def as_moment(text: str, option: str, now: float, *, end: bool = False) -> float:
    """Read a bound: ``2026-11-29``, ``2026-11-29T18:00`` (UTC unless it says otherwise), or ``24h`` before now.

    Args:
        text: as the user wrote it.
        option: that it was given to, for the message.
        now: seconds since the epoch.
        end: a day means its last second, not its first.

    Raises:
        UsageError: it is no moment.
    """
    if found := _RELATIVE.match(text):
        return now - int(found[1]) * _UNITS[found[2]]
    for form in _FORMATS:
        try:
            moment = datetime.strptime(text.replace("Z", "+0000").replace(" ", "T"), form)  # noqa: DTZ007 - below
        except ValueError:
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp() + (_DAY_SECONDS - 1 if end and form == "%Y-%m-%d" else 0)
    raise UsageError(f"{option} {text}: write 2026-11-29, 2026-11-29T18:00, or a time before now such as 24h or 7d")


# -- which files -----------------------------------------------------------------------------------------------------


def find_files(paths: Iterable[Path], period: Period, found: Input) -> list[Path]:
    """List the files to read, each once, days in order; ``found`` counts those outside the period.

    Raises:
        UsageError: a path that is not there, or a folder without alerts.
    """
    files: list[tuple[tuple[date, int, str], Path]] = []
    for path in paths:
        if path.is_dir():
            inside = list(_inside(path))
            if not inside:
                raise UsageError(
                    f"{path}: holds no alerts.json and no ossec-alerts-DD.json; name logs/alerts, or a file"
                )
            files += inside
        elif path.exists():
            files.append((_place(path), path))
        else:
            raise UsageError(f"{path}: is not there")
    seen: set[tuple[int, int]] = set()
    out = []
    for (day, _, _), path in sorted(files):
        status = path.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        if day != date.max and not period.holds_day(day):
            found.skipped += 1
            continue
        out.append(path)
    return out


def _inside(folder: Path) -> Iterator[tuple[tuple[date, int, str], Path]]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(place, name)
            if not _NAME.match(name) or not path.is_file():
                continue
            if path.suffix == ".gz" and path.with_suffix("").is_file():
                continue  # the manager is compressing it
            yield _place(path), path


def _place(path: Path) -> tuple[date, int, str]:
    """Where a file stands in time: its day and part, by its name and folders; without a day, last."""
    name, folders = _NAME.match(path.name), _FOLDERS.search(path.parent.absolute().as_posix())
    if name and name["day"] and folders and folders["month"] in _MONTHS:
        try:
            day = date(int(folders["year"]), _MONTHS.index(folders["month"]) + 1, int(name["day"]))
        except ValueError:
            return date.max, 0, str(path)
        return day, int(name["part"] or 0), str(path)
    return date.max, 0, str(path)


# -- their lines -----------------------------------------------------------------------------------------------------


def read_files(files: Sequence[Path], found: Input, progress: Progress) -> Iterator[Alert]:
    """Read the alerts of files, one after the other.

    Raises:
        OSError: a file cannot be opened.
    """
    total = sum(path.stat().st_size for path in files)
    done = 0
    decode = json.JSONDecoder().raw_decode
    for path in files:
        found.files.append(str(path))
        before = done

        def at(place: int, before: int = before) -> None:
            progress(before + place, total)

        with path.open("rb") as raw:
            for number, line in enumerate(_lines(raw, path, found, at), 1):
                if len(line) < 20 and not line.strip():
                    continue
                found.lines += 1
                alert = _parsed(line, decode)
                if alert is None:
                    found.refuse(str(path), number, "not a JSON object")
                else:
                    yield alert
            done += raw.tell()
    progress(total, total)


def _parsed(line: bytes, decode: Callable[[str], tuple[Any, int]]) -> Alert | None:
    if _quick is not None:
        try:
            found = _quick(line)
        except ValueError:  # which may be one that the standard library reads
            pass
        else:
            return found if type(found) is dict else None
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        text = line.decode("utf-8", "surrogateescape").strip()
    try:
        value, end = decode(text)
    except (ValueError, RecursionError):
        return None
    return value if end == len(text) and type(value) is dict else None


def _lines(raw: IO[bytes], path: Path, found: Input, at: Callable[[int], None]) -> Iterator[bytes]:
    """Split a file into lines; one that is too long becomes a line that is no JSON."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    rest, cut = b"", False
    while True:
        try:
            chunk = stream.read(_CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            found.broken.append(f"{path}: {error or 'the compressed data are cut off'}")
            break
        if not chunk:
            break
        at(raw.tell())
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if cut and lines:
            lines[0], cut = b"#", False
        yield from lines
        if len(rest) > LONGEST_LINE or cut:
            rest, cut = b"", True
    if cut:
        rest = b"#"
    if rest:
        yield rest


# -- their times -----------------------------------------------------------------------------------------------------


_TWO_DIGITS = {f"{number:02}": number for number in range(60)}


class Clock:
    """Turns ``2026-11-29T18:00:00.123+0000`` into seconds since the epoch; a day is parsed once."""

    def __init__(self) -> None:
        """Know no day yet."""
        self._days: dict[str, int] = {}
        self._minutes: dict[str, int] = {}

    def read(self, alert: Alert) -> int | None:
        """When an alert was written; None where it does not say so."""
        text = alert.get("timestamp") or alert.get("@timestamp")
        if type(text) is not str or not 19 <= len(text) <= 40:
            return None
        zone = text[23:] if text[19:20] == "." and len(text) > 23 else text[19:]
        key = text[:16] + zone
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._minute(text)
            if minute is None:
                return None
            if len(self._minutes) > _CACHED:
                self._minutes.clear()
            self._minutes[key] = minute
        second = _TWO_DIGITS.get(text[17:19])
        return None if second is None else minute + second

    def _minute(self, text: str) -> int | None:
        day = text[:11] + text[19:].lstrip(".0123456789")
        start = self._days.get(day)
        if start is None:
            start = self._parse(day)
        hour, minute = _TWO_DIGITS.get(text[11:13]), _TWO_DIGITS.get(text[14:16])
        if start is None or hour is None or minute is None:
            return None
        return start + 3600 * hour + 60 * minute

    def _parse(self, key: str) -> int | None:
        try:
            moment = datetime.strptime(key.replace("Z", "+0000"), "%Y-%m-%dT%z")
        except ValueError:
            return None
        if len(self._days) > _CACHED:
            self._days.clear()
        found = self._days[key] = int(moment.timestamp())
        return found
