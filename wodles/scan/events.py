"""Events for Wazuh, one JSON object a line."""

import json
import os
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from wodles.scan.text import clean

MARKER = "cicd_scan"
EVENT_BYTES = 8192  # an event never exceeds this; Wazuh's own limit is 64 KiB, an indexed term's 32,766 bytes
OUTPUT_BYTES = 48 << 20  # the Command module keeps at most 64 MiB of one run
# The fields of an event, in order: texts and whole numbers; what is empty is left out.
Fields = List[Tuple[str, Any]]
UNKNOWN = "unknown"
# Fields that titles of rules show, by the event and by what else it holds ("" is a field that it lacks): where a report
# leaves one of them empty, the event says so in a word, so that no alert has a hole.
CERTAIN: Tuple[Tuple[str, Optional[Tuple[str, str]], Tuple[str, ...]], ...] = (
    ("vulnerability", None, ("artifact", "id", "package", "version", "severity")),
    ("vulnerability", ("fixed", ""), ("status",)),
    ("vulnerability", ("state", "resolved"), ("since",)),
    ("vulnerability", ("state", "overdue"), ("since", "due")),
    ("vulnerability", ("state", "suppressed"), ("suppressed_by",)),
    ("secret", None, ("artifact", "id", "severity", "target", "lines")),
    ("misconfiguration", None, ("artifact", "id", "severity", "target", "lines")),
    ("license", None, ("artifact", "id", "category")),
    ("dependency", None, ("artifact", "package")),
    ("scan_error", None, ("artifact", "reason", "text")),
    ("eol_os", None, ("artifact", "os")),
    ("db_stale", None, ("scanner", "reason", "limit_hours")),
    ("summary", ("scope", "artifact"), ("artifact",)),
    ("untrusted_registry", None, ("artifact", "registry")),
    ("unsigned_image", None, ("artifact", "reason")),
    ("gate", None, ("artifact", "reason", "profile", "excused", "actor")),
    ("gate", ("verdict", "fail"), ("problems",)),
)
_quote: Callable[[str], str] = json.encoder.encode_basestring_ascii


def encode_event(event: str, fields: Iterable[Tuple[str, Any]]) -> bytes:
    """Write one event: a JSON object on one line, at most 8 KiB, empty fields left out but for what is certain.

    Everything sits inside one key, so that no field becomes one of Wazuh's static fields. Output is ASCII: escapes
    cannot be cut in half, and no byte of it can be taken for a line's end.
    """
    body: List[Tuple[str, Any]] = [("event", event)]
    for key, value in fields:
        if isinstance(value, int) and not isinstance(value, bool):
            body.append((key, value if abs(value) < 1 << 31 else str(value)))
        elif value:
            text = clean(value)
            if text:
                body.append((key, text))
    known = dict(body)
    body += [(name, UNKNOWN) for name in _certain(event, known) if name not in known]
    line = _encode_body(body)
    limit = 200
    while len(line) >= EVENT_BYTES and limit > 10:
        body = [(key, value[:limit] if isinstance(value, str) else value) for key, value in body]
        line = _encode_body(body)
        limit //= 2
    return line


def _certain(event: str, fields: Dict[str, Any]) -> Iterator[str]:
    for kind, condition, names in CERTAIN:
        if kind == event and (condition is None or fields.get(condition[0], "") == condition[1]):
            yield from names


def _encode_body(body: List[Tuple[str, Any]]) -> bytes:
    parts = ['"%s":%s' % (key, _quote(value) if isinstance(value, str) else value) for key, value in body]
    return ('{"%s":{%s}}\n' % (MARKER, ",".join(parts))).encode("ascii")


class Emitter:
    """Writes events, at most so many findings a run; what does not fit is left for the next run, never lost."""

    def __init__(self, write: Callable[[bytes], Any], events: int) -> None:
        """Take where to write, and the run's limit."""
        self._write = write
        self._buffer: List[bytes] = []
        self.left = events
        self.bytes_left = OUTPUT_BYTES
        self.sent = 0
        self.deferred = 0
        self.errors = 0

    def finding(self, event: str, fields: Iterable[Tuple[str, Any]]) -> bool:
        """Write an event about a finding; False when the run's limit is used up."""
        if self.left <= 0 or self.bytes_left <= EVENT_BYTES:
            self.deferred += 1
            return False
        self.left -= 1
        self.note(event, fields)
        return True

    def note(self, event: str, fields: Iterable[Tuple[str, Any]]) -> None:
        """Write an event that has to be written: a summary, an error."""
        line = encode_event(event, fields)
        self.bytes_left -= len(line)
        self.sent += 1
        self.errors += event == "scan_error"
        self._buffer.append(line)

    def flush(self) -> None:
        """Hand everything over; each artifact's events end with its summary, so a missing one shows a cut run."""
        data, self._buffer = b"".join(self._buffer), []
        if data:
            self._write(data)


def write_all(data: bytes) -> None:
    """Write to standard output, whole."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
