"""HTTP/1.1 requests from bytes: strict, bounded, and without a thought about what they mean.

What two readers of the same bytes could understand differently is refused: two lengths, a length beside chunks, folded
header lines, blanks around a header's name (RFC 9112, sections 5 and 6).
"""

import re
from typing import Dict, List, NamedTuple, Optional

HEAD_BYTES = 16384
HEADER_COUNT = 64
CHUNK_LINE_BYTES = 128
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,2047}) HTTP/1\.([01])\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_DIGITS = re.compile(rb"[0-9]{1,12}\Z")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~]*)?\Z")
# Headers that may not come twice: what comes first for us could come last for whoever stands in front.
_ONCE = (b"content-length", b"transfer-encoding", b"host", b"authorization", b"content-type", b"content-encoding")


class BadRequestError(Exception):
    """Bytes that are no request we take; ``status`` is the answer, ``reason`` one word for the count."""

    def __init__(self, status: int, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Head(NamedTuple):
    """A request's head. ``length`` is the body's; -1 where it comes in chunks."""

    method: str
    target: str
    headers: Dict[bytes, bytes]
    length: int
    keep: bool
    waits: bool


def parse_head(data: bytes) -> Head:
    """Return the head of a request: everything before the empty line. Raises ``BadRequestError``."""
    lines = data.split(b"\r\n")
    match = _LINE.match(lines[0])
    if not match:
        raise BadRequestError(400, "malformed")
    if len(lines) > HEADER_COUNT + 1:
        raise BadRequestError(431, "too_large")
    headers: Dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.match(name) or _CONTROL.search(value):
            raise BadRequestError(400, "malformed")
        name = name.lower()
        value = value.strip(b" \t")
        if name in headers:
            if (name in _ONCE or name.startswith(b"x-")) and name != b"x-forwarded-for":
                raise BadRequestError(400, "malformed")
            value = headers[name] + b", " + value
        headers[name] = value
    if match.group(3) == b"1" and b"host" not in headers:
        raise BadRequestError(400, "malformed")
    keep = match.group(3) == b"1" and headers.get(b"connection", b"").lower() != b"close"
    waits = headers.get(b"expect", b"").lower() == b"100-continue"
    target = match.group(2).decode("ascii")
    return Head(match.group(1).decode("ascii"), target, headers, _body_length(headers), keep, waits)


def _body_length(headers: Dict[bytes, bytes]) -> int:
    coding = headers.get(b"transfer-encoding")
    given = headers.get(b"content-length")
    if coding is not None:
        if given is not None or coding.lower() != b"chunked":
            raise BadRequestError(400, "malformed")
        return -1
    if given is None:
        return 0
    if not _DIGITS.match(given):
        raise BadRequestError(400, "malformed")
    return int(given)


class Chunks:
    """Takes a chunked body apart as it comes."""

    def __init__(self, limit: int) -> None:
        """Take the most bytes that the body may have."""
        self.limit = limit
        self.body = bytearray()
        self._left = 0
        self._trailer = 0  # bytes of the trailer that were read; only counted
        self._state = "size"

    def feed(self, data: bytearray) -> Optional[bytes]:
        """Consume what ``data`` holds of the body; the body when it is complete. Raises ``BadRequestError``."""
        while True:
            if self._state == "data":
                part = data[: self._left]
                self.body += part
                self._left -= len(part)
                del data[: len(part)]
                if self._left:
                    return None
                self._state = "end"
            if self._state == "end" and data and not data.startswith(b"\r\n"[: len(data)]):
                raise BadRequestError(400, "malformed")
            end = data.find(b"\r\n")
            if end < 0:
                if len(data) > CHUNK_LINE_BYTES:
                    raise BadRequestError(400, "malformed")
                return None
            line = bytes(data[:end])
            if len(line) > CHUNK_LINE_BYTES:
                raise BadRequestError(400, "malformed")
            del data[: end + 2]
            if self._state == "end":
                if line:
                    raise BadRequestError(400, "malformed")
                self._state = "size"
            elif self._state == "trailer":
                if not line:
                    return bytes(self.body)
                self._trailer += len(line)
                if self._trailer > 1024:
                    raise BadRequestError(431, "too_large")
            else:
                self._begin(line)

    def _begin(self, line: bytes) -> None:
        match = _CHUNK.match(line)
        if not match:
            raise BadRequestError(400, "malformed")
        self._left = int(match.group(1), 16)
        if len(self.body) + self._left > self.limit:
            raise BadRequestError(413, "too_large")
        self._state = "data" if self._left else "trailer"


_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(status: int, *, keep: bool) -> bytes:
    """Return an answer; it says nothing of the request."""
    text = _REASONS[status] + "\n"
    lines: List[str] = ["HTTP/1.1 %d %s" % (status, _REASONS[status]), "Content-Type: text/plain"]
    lines.append("Content-Length: %d" % len(text))
    if status in (429, 503):
        lines.append("Retry-After: 30")
    if not keep:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode("ascii")
