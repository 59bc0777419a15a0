"""The container engine, over its socket."""

import _socket

from active_response.common.deadline import time_left
from active_response.common.jsontext import parse_json, to_json
from active_response.common.refusal import Failed, Refused

ANSWER_LIMIT = 16777216  # bytes kept of any answer of the engine


class NotFound(Refused):
    """The engine knows no such thing."""


class Engine:
    """The Engine API over its unix socket, one connection a call (docs.docker.com/reference/api/engine)."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.last = b""  # the answer that `get` parsed last, as it came

    def call(
        self, method: str, path: str, body: "dict[str, object] | None" = None, limit: int = ANSWER_LIMIT
    ) -> "tuple[int, bytes]":
        """Return status and body of the answer, which is cut at ``limit`` bytes. Raises Failed.

        ``path`` is made of constants and of ids that were checked: no text of an event gets into a request line.
        """
        link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            link.settimeout(time_left())
            link.connect(self.path)
            text = to_json(body) if body is not None else ""
            head = "%s %s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n" % (method, path)
            if body is not None:
                head += "Content-Type: application/json\r\n"
            link.sendall((head + "Content-Length: %d\r\n\r\n" % len(text) + text).encode("ascii"))
            data: "list[bytes]" = []
            size = 0
            while size <= limit:
                link.settimeout(time_left())
                part = link.recv(262144)
                if not part:
                    break
                data.append(part)
                size += len(part)
        except OSError as error:
            raise Failed("engine", "%s: %s" % (self.path, error)) from None
        finally:
            link.close()
        return self._parse(b"".join(data))

    @staticmethod
    def _parse(data: bytes) -> "tuple[int, bytes]":
        head, _, body = data.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise Failed("engine", "not an answer of HTTP")
        if b"transfer-encoding: chunked" in head.lower():
            parts: "list[bytes]" = []
            at = 0
            while True:
                end = body.find(b"\r\n", at)
                try:
                    length = int(body[at:end].split(b";")[0], 16) if end >= 0 else 0
                except ValueError:
                    break
                if length <= 0:
                    break
                parts.append(body[end + 2 : end + 2 + length])
                at = end + 2 + length + 2
            body = b"".join(parts)
        return int(words[1]), body

    def get(self, path: str) -> object:
        """Return the parsed answer. Raises NotFound, Failed."""
        status, body = self.call("GET", path)
        self.last = body
        if status == 404:
            raise NotFound("no-such-container", path)
        if status != 200:
            raise Failed("engine", "%s: HTTP %d" % (path, status))
        try:
            return parse_json(body.decode("utf-8", "replace"))
        except ValueError as error:
            raise Failed("engine", "%s: %s" % (path, error)) from None

    def post(self, path: str, body: "dict[str, object] | None" = None, fine: "tuple[int, ...]" = ()) -> None:
        """Do something. Raises NotFound, Failed unless the engine said yes or one of ``fine``."""
        status, answer = self.call("POST", path, body)
        if status in fine or 200 <= status < 300 or status == 304:
            return
        text = answer.decode("utf-8", "replace").strip()[:200]
        raise (NotFound if status == 404 else Failed)("engine", "%s: HTTP %d %s" % (path, status, text))
