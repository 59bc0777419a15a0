"""Reading events for ``logtest`` and ``diff``: one a line, raw or as JSON objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError

try:
    import orjson

    _quick: Callable[[bytes], Any] | None = orjson.loads
except ImportError:
    _quick = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Where an event comes from when nothing says otherwise, as in Wazuh's own logtest.
DEFAULT_LOCATION = "stdin"


@dataclass(frozen=True, slots=True)
class InputEvent:
    """One event: its log, where it comes from, its time in seconds since the epoch (``None``: now)."""

    log: bytes
    location: str = DEFAULT_LOCATION
    time: float | None = None


def read_events(lines: Iterable[bytes], *, jsonl: bool, location: str, name: str) -> Iterator[InputEvent]:
    """Turn lines into events; empty lines are passed over.

    Args:
        lines: with or without their line ends.
        jsonl: whether a line is an object ``{"log": …, "location": …, "time": …}``; ``log`` may itself be an object.
        location: for events that bring none.
        name: of the input, for messages.

    Raises:
        UsageError: a line is no such object; names the line.
    """
    for number, line in enumerate(lines, start=1):
        text = line.rstrip(b"\r\n")
        if not text:
            continue
        yield _from_json(text, location, f"{name}:{number}") if jsonl else InputEvent(text, location)


def _object(line: bytes, place: str) -> object:
    """Read a line as the standard library does; by orjson where both read the same."""
    if _quick is not None:
        try:
            data = _quick(line)
        except ValueError:  # not JSON, not UTF-8, or something that the standard library takes
            data = None
        # Of a whole number above 64 bits orjson makes another one: it would stand in an event that is an object.
        if isinstance(data, dict) and isinstance(data.get("log"), str):
            return data
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not JSON ({error}); --jsonl wants one object a line") from error


def _from_json(line: bytes, location: str, place: str) -> InputEvent:
    data = _object(line, place)
    if not isinstance(data, dict) or not isinstance(data.get("log"), (str, dict)):
        raise UsageError(f'{place}: not an object with "log", a text or an object')
    when = data.get("time")
    # Written so that NaN, which compares with nothing, is refused too.
    if when is not None and not (type(when) in {int, float} and abs(when) <= 1e11):
        raise UsageError(f'{place}: "time" is not a number of seconds')
    where = data.get("location", location)
    if not isinstance(where, str):
        raise UsageError(f'{place}: "location" is not a text')
    log = data["log"]
    text = log if isinstance(log, str) else json.dumps(log, separators=(",", ":"), ensure_ascii=False)
    try:
        where.encode("utf-8", "surrogateescape")
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"{place}: half of a surrogate pair, which is no text") from None
    return InputEvent(raw, where, None if when is None else float(when))
