"""The unix sockets of a manager: a 32-bit little-endian length, then JSON; one request and one answer a connection.

``queue/sockets/logtest`` judges events, ``queue/sockets/analysis`` takes control commands (``reload-ruleset``).
``queue/sockets/queue``, which agents have as well, takes events as datagrams and never answers.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wazuh_cicd.manager.errors import ManagerError, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LOGTEST = "queue/sockets/logtest"
ANALYSIS = "queue/sockets/analysis"
_HEADER = struct.Struct("<I")
_LARGEST_ANSWER = 64 * 1024 * 1024
_ORIGIN = {"name": "wazuh-cicd", "module": "wazuh-cicd"}


class Channel(Protocol):
    """Something that carries one framed request to the manager and its answer back."""

    def ask(self, request: bytes) -> bytes:
        """Send one request (without its length), return the answer (without its length)."""
        ...


@dataclass(frozen=True, slots=True)
class UnixChannel:
    """A socket on this host.

    Attributes:
        path: of the socket.
        timeout: seconds to wait for a whole answer; loading the stock ruleset for a new session takes about one.
    """

    path: Path
    timeout: float = 60.0

    def ask(self, request: bytes) -> bytes:
        """One connection, one request, one answer.

        Raises:
            Unreachable: no socket there, no right to use it, or no answer in time.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(self.timeout)
                connection.connect(str(self.path))
                give_up = time.monotonic() + self.timeout
                connection.sendall(_HEADER.pack(len(request)) + request)
                return _read_frame(_Timed(connection, give_up), str(self.path))
        except OSError as error:
            raise Unreachable(f"{self.path}: {_reason(error)}; {_mend(error)}") from error


@dataclass(frozen=True, slots=True)
class _Timed:
    """What a socket gives until a moment: one that sends a byte now and then holds nobody up."""

    connection: socket.socket
    give_up: float

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end. Raises TimeoutError."""
        data = bytearray()
        while len(data) < size:
            left = self.give_up - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self.connection.settimeout(left)
            part = self.connection.recv(min(size - len(data), 1 << 20))
            if not part:
                break
            data += part
        return bytes(data)


# Runs on the manager, with the interpreter Wazuh brings: passes frames between its standard streams and the socket.
_RELAY = """
import socket, struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = i.read(4)
    if len(head) < 4:
        break
    body = i.read(struct.unpack("<I", head)[0])
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(head + body)
    f = s.makefile("rb")
    head = f.read(4)
    o.write(head + f.read(struct.unpack("<I", head)[0]))
    o.flush()
    s.close()
"""


@dataclass(slots=True)
class RelayChannel:
    """The socket of a manager that another program leads to, such as ``docker compose exec``.

    Attributes:
        command: starts Python on the manager; the relay's text and the socket's path are added to it.
        path: of the socket, as the manager sees it.
    """

    command: Sequence[str]
    path: str = f"/var/ossec/{LOGTEST}"
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    def ask(self, request: bytes) -> bytes:
        """One request through the running relay; it is started by the first.

        Raises:
            Unreachable: the command cannot be run, or the relay ended.
        """
        if self._closed:
            # A session that nobody refers to any more is ended late; that must not start the relay anew.
            raise Unreachable(f"{' '.join(self.command)}: the relay is closed")
        if self._process is None:
            argv = [*self.command, "-c", _RELAY, self.path]
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the caller's own command
                    argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
            except OSError as error:
                raise Unreachable(f"{argv[0]}: {_reason(error)}; install it, or use another engine") from error
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise Unreachable(f"{' '.join(self.command)}: no streams")
        try:
            process.stdin.write(_HEADER.pack(len(request)) + request)
            process.stdin.flush()
            return _read_frame(process.stdout, " ".join(self.command))
        except (OSError, Unreachable) as error:
            said = self._end()
            raise Unreachable(
                f"{' '.join(self.command)}: the relay ended ({said or error}); is the manager up and healthy?"
            ) from error

    def close(self) -> None:
        """End the relay for good."""
        self._closed = True
        self._end()

    def _end(self) -> str:
        """End the program.

        Returns:
            The last line it wrote to standard error.
        """
        process, self._process = self._process, None
        if process is None:
            return ""
        process.terminate()
        _, errors = process.communicate(timeout=30)
        lines = errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _read_frame(stream: Any, name: str) -> bytes:  # noqa: ANN401 - any binary stream
    head = stream.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise Unreachable(f"{name}: closed without an answer; look into the manager's logs/ossec.log")
    size = _HEADER.unpack(head)[0]
    if size > _LARGEST_ANSWER:
        raise Unreachable(f"{name}: announces an answer of {size} bytes; this is no Wazuh socket")
    body = stream.read(size)
    if len(body) < size:
        raise Unreachable(f"{name}: the answer breaks off; look into the manager's logs/ossec.log")
    return bytes(body)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _mend(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "is analysisd running, and <rule_test><enabled>yes in ossec.conf?"
    if isinstance(error, PermissionError):
        return "run as root or as a member of the group wazuh"
    return "is the manager overloaded?"


def request(channel: Channel, command: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """One command in Wazuh's envelope.

    Text is sent byte for byte, as the manager's own queue would: undecodable bytes travel as surrogate escapes.

    Returns:
        The whole answer: ``error``, ``message``, ``data``.

    Raises:
        Refused: ``error`` is not 0.
        ManagerError: no JSON object came back.
    """
    message: dict[str, Any] = {"version": 1, "origin": _ORIGIN, "command": command, "parameters": parameters or {}}
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogateescape")
    raw = channel.ask(body).rstrip(b"\0")
    try:
        answer = json.loads(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise ManagerError(f"no JSON in the answer to {command}: {raw[:80]!r}") from error
    if not isinstance(answer, dict):
        raise ManagerError(f"no JSON object in the answer to {command}: {raw[:80]!r}")
    if answer.get("error"):
        detail = answer.get("data")
        told = "; ".join(map(str, detail)) if isinstance(detail, list) else ""
        text = ": ".join(filter(None, [str(answer.get("message") or ""), told]))
        raise Refused(f"the manager refuses {command}: {text or answer}", number(answer["error"]))
    return answer


def number(value: Any) -> int:  # noqa: ANN401 - whatever a manager sends
    """A code of the manager's; 1 where it sends something else in its place."""
    return int(value) if re.fullmatch(r"-?[0-9]{1,9}", str(value)) else 1


def enqueue(path: Path, location: str, events: Iterable[bytes]) -> None:
    """Hand events, each a line, to the queue of the agent or manager on this host.

    Raises:
        Unreachable: no queue there, no right to use it, or it takes no more.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
            queue.connect(str(path))
            for event in events:
                queue.send(b"1:%b:%b" % (location.encode(), event.rstrip(b"\n")))
    except OSError as error:
        raise Unreachable(f"{path}: {_reason(error)}") from error
