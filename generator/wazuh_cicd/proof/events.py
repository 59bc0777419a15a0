"""Reading events for ``logtest`` and ``diff``: one a line, raw or as JSON objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def _from_json(line: bytes, location: str, place: str) -> InputEvent:
    try:
        data = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not JSON ({error}); --jsonl wants one object a line") from error
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
    return InputEvent(text.encode("utf-8", "surrogateescape"), where, None if when is None else float(when))
