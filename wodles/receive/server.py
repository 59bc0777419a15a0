"""The server: one thread that reads, proves and answers; the spool's thread writes.

Nothing here waits: sockets do not block, and a request is answered when the spool says that its lines are on disk.
Every connection has a deadline, whatever it does. A connection is TCP or TLS; TLS is read with the same calls.
"""

import os
import select
import signal
import socket
import ssl
import time
from hashlib import sha256
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from wodles.receive.config import Endpoint, Settings, split_place
from wodles.receive.connection import BODY, DRAIN, HANDSHAKE, HEAD, READ, WAIT, Connection, Waiter
from wodles.receive.envelope import (
    Made,
    delivery_id,
    generic_events,
    gitea_event,
    github_event,
    harbor_events,
    registry_events,
)
from wodles.receive.errors import RefusedError
from wodles.receive.host import given_sockets, say, tell_systemd, tls_context
from wodles.receive.kubernetes import audit_events, pushed_events
from wodles.receive.lines import BodyError
from wodles.receive.notes import Notes, own_line
from wodles.receive.peers import Counts, counted_as, is_within, plain_address, real_peer
from wodles.receive.proof import Seen, check_signature, check_token, client_name, given_signature
from wodles.receive.requests import CONTINUE, HEAD_BYTES, BadRequestError, Chunks, Head, answer, parse_head
from wodles.receive.spool import EVENTS, Spool, last_bytes

READ_BYTES = 65536
READS_AT_ONCE = 8
OUT_BYTES = 65536  # of answers that a sender has not read yet
DISK_SECONDS = 20  # a delivery that is not on disk by then is answered with 503
DRAIN_SECONDS = 3
END_SECONDS = 10  # for bodies that are on their way when the receiver is to end
TAIL_BYTES = 16 << 20  # of the output, read at the start for the ids of deliveries
RUNNING = "running"  # a file that is there while the receiver runs

_BOTH = READ | select.EPOLLOUT


class Server:
    """Everything of one run."""

    def __init__(self, settings: Settings, reread: Callable[[], Settings]) -> None:
        """Take the settings, and how to read them anew at SIGHUP."""
        self.settings = settings
        self.paths = {one.path: one for one in settings.endpoints}
        self._reread = reread
        self.now = time.monotonic()
        self.notes = Notes(settings.endpoints, self.now)
        self.counts = Counts(settings.peer_requests, settings.peer_refusals)
        self.seen = Seen()
        self.connections: Dict[int, Connection] = {}
        self._of_peer: Dict[str, int] = {}
        self._bodies = 0
        self._again: Set[int] = set()
        self._listeners: Dict[int, socket.socket] = {}
        self._context: Optional[ssl.SSLContext] = None
        self._context_of: Tuple[Any, ...] = ()
        self._done: List[Tuple[List[Any], str]] = []
        self._epoll = select.epoll()
        self._wake_in, self._wake_out = os.pipe()
        for end in (self._wake_in, self._wake_out):
            os.set_blocking(end, False)
        self._epoll.register(self._wake_in, READ)
        self._ending = False
        self._again_asked = False
        self._end_at = 0.0
        self._said_failed = ""
        self.spool = Spool(
            settings.output, settings.rotate_bytes, settings.kept_files, settings.free_bytes, self._on_disk
        )

    # --- begin and end

    def run(self, ready: Optional[Callable[[List[Tuple[str, int]]], None]] = None) -> int:
        """Serve until SIGTERM. Raises ``RefusedError`` when it cannot begin."""
        if self.settings.certificate:
            self._context = tls_context(self.settings)
            self._context_of = self._tls_files()
        unclean = self._begin_spool()
        sockets = given_sockets() or [self._bind(place) for place in self.settings.listen]
        for sock in sockets:
            sock.settimeout(0)
            self._listeners[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), READ)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_end)
        signal.signal(signal.SIGHUP, self._on_again)
        signal.set_wakeup_fd(self._wake_out)
        self.spool.put(own_line("started", {"unclean": "true" if unclean else "", "endpoints": len(self.paths)}), None)
        tell_systemd("READY=1")
        if ready:
            ready([sock.getsockname()[:2] for sock in sockets])
        self._loop()
        self._finish()
        return 0

    def _begin_spool(self) -> bool:
        """Start the spool; whether the run before did not end by itself."""
        folder = self.settings.output
        self.spool.start()
        tail = b""
        for name in (EVENTS + ".1", EVENTS):
            tail += last_bytes(os.path.join(folder, name), TAIL_BYTES)
        for kind, key in (("github", b'"github":{'), ("gitea", b'"gitea":{')):
            self._remember(tail, kind, key)
        marker = os.path.join(folder, RUNNING)
        unclean = os.path.exists(marker)
        try:
            os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise RefusedError("output", "%s: %s" % (marker, error.strerror)) from None
        return unclean

    def _remember(self, tail: bytes, kind: str, key: bytes) -> None:
        """Remember the deliveries that the output holds: a sender that heard no answer sends them again."""
        for line in tail.split(b"\n"):
            start = line.find(key, 0, 200)
            if start >= 0:
                at = line.find(b'"delivery":"', start, start + 400)
                if at >= 0:
                    delivery = line[at + 12 : line.find(b'"', at + 12)].decode("ascii", "replace")
                    self.seen.add("/" + kind, delivery, b"")

    def _bind(self, place: str) -> socket.socket:
        host, port = split_place(place)
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(1024)
        except OSError as error:
            sock.close()
            raise RefusedError("listen", "%s: %s" % (place, error.strerror)) from None
        return sock

    def _on_end(self, number: int, frame: Any) -> None:
        del number, frame
        self._ending = True

    def _on_again(self, number: int, frame: Any) -> None:
        del number, frame
        self._again_asked = True

    def _finish(self) -> None:
        tell_systemd("STOPPING=1")
        self.spool.put(self.notes.minute(self.now, self._numbers()) + own_line("stopped", {}), None)
        self.spool.finish()
        self._answer_done()
        for connection in list(self.connections.values()):
            self._close(connection)
        try:
            os.unlink(os.path.join(self.settings.output, RUNNING))
        except OSError:
            pass

    # --- the loop

    def _loop(self) -> None:
        swept = self.now
        minute = self.now + 60
        while True:
            events = self._epoll.poll(0 if self._again else 1.0)
            self.now = time.monotonic()
            for fd in list(self._again):
                self._again.discard(fd)
                self._on_event(fd, READ)
            for fd, mask in events:
                self._on_event(fd, mask)
            if self._done:
                self._answer_done()
            if self.now - swept >= 1:
                swept = self.now
                self._sweep()
            if self.now >= minute:
                minute = max(minute + 60, self.now)
                self._on_minute()
            if self._again_asked:
                self._again_asked = False
                self._read_again()
            if self._ending and self._is_over():
                return

    def _is_over(self) -> bool:
        """Stop listening, and say whether nobody is in the middle of something any more."""
        if not self._end_at:
            self._end_at = self.now + END_SECONDS
            for fd, sock in self._listeners.items():
                self._epoll.unregister(fd)
                sock.close()
            self._listeners.clear()
        busy = False
        for connection in list(self.connections.values()):
            if connection.state == HANDSHAKE or (
                connection.state == HEAD and not connection.data and not connection.out
            ):
                self._close(connection)
            elif connection.state != DRAIN:
                busy = True
        return not busy or self.now >= self._end_at

    def _on_event(self, fd: int, mask: int) -> None:
        if fd == self._wake_in:
            try:
                os.read(fd, 65536)
            except OSError:
                pass
            return
        if fd in self._listeners:
            self._accept(self._listeners[fd])
            return
        connection = self.connections.get(fd)
        if connection is None:
            return
        try:
            if connection.state == WAIT and mask & (select.EPOLLHUP | select.EPOLLERR):
                self._close(connection)  # nobody is left to answer; what is written stays
                return
            if mask & select.EPOLLOUT and connection.out:
                self._send(connection, b"")
                self._advance(connection)
            if mask & ~select.EPOLLOUT and connection.fd >= 0:
                self._read(connection)
        except (OSError, ValueError):  # ssl.SSLError is an OSError; ValueError: closed meanwhile
            self._close(connection)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(64):
            try:
                sock, address = listener.accept()
            except OSError as error:
                if not isinstance(error, (BlockingIOError, InterruptedError)):
                    self.notes.count("accept_failed")  # no file handle left
                    self._make_room()
                return
            peer = plain_address(address[0]) if isinstance(address, tuple) else "127.0.0.1"
            trusted = is_within(peer, self.settings.proxies)
            group = counted_as(peer)
            if self._of_peer.get(group, 0) >= self.settings.peer_connections and not trusted:
                self.notes.count("refused_connections")
                sock.close()
                continue
            if len(self.connections) >= self.settings.connections and not self._make_room():
                self.notes.count("refused_connections")
                sock.close()
                continue
            state = HANDSHAKE if self._context else HEAD
            try:
                sock.settimeout(0)
                if isinstance(address, tuple):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._context:
                    sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except (OSError, ValueError):  # it was reset meanwhile
                sock.close()
                continue
            self._of_peer[group] = self._of_peer.get(group, 0) + 1
            connection = Connection(sock, peer, self.now + self.settings.head_seconds, state)
            self.connections[connection.fd] = connection
            self._epoll.register(connection.fd, READ)

    def _make_room(self) -> bool:
        """Close the connection that has said nothing useful for longest; False when all are at work."""
        oldest: Optional[Connection] = None
        for connection in self.connections.values():
            idle = connection.state in (HANDSHAKE, HEAD, DRAIN) or (connection.state == BODY and not connection.proved)
            if idle and (oldest is None or (connection.proved, connection.deadline) < (oldest.proved, oldest.deadline)):
                oldest = connection
        if oldest is None:
            return False
        self.notes.count("evicted")
        self._close(oldest)
        return True

    def _close(self, connection: Connection) -> None:
        if connection.fd < 0:
            return
        self.connections.pop(connection.fd, None)
        self._again.discard(connection.fd)
        self._release(connection)
        group = counted_as(connection.address)
        left = self._of_peer.get(group, 1) - 1
        if left > 0:
            self._of_peer[group] = left
        else:
            self._of_peer.pop(group, None)
        try:
            self._epoll.unregister(connection.fd)
        except OSError:
            pass
        connection.fd = -1
        connection.sock.close()

    def _release(self, connection: Connection) -> None:
        self._bodies -= connection.reserved
        connection.reserved = 0

    def _sweep(self) -> None:
        tell_systemd("WATCHDOG=1")
        for connection in list(self.connections.values()):
            if connection.deadline > self.now:
                continue
            if connection.state == WAIT:
                connection.turn += 1  # the disk's answer comes too late
                self.notes.count("busy")
                self._end_with(connection, 503)
            elif (
                connection.state in (HEAD, BODY)
                and (connection.data or connection.state == BODY)
                and not connection.out
            ):
                self._refuse(connection, BadRequestError(408, "too_slow"))
            else:
                self._close(connection)
        failed = self.spool.failed
        if failed != self._said_failed:
            self._said_failed = failed
            say("the output cannot be written: %s" % failed if failed else "the output can be written again")

    def _numbers(self) -> Dict[str, Any]:
        try:
            disk = os.statvfs(self.settings.output)
            free = disk.f_bavail * disk.f_frsize >> 20
        except OSError:
            free = -1
        return {
            "connections": len(self.connections),
            "waiting_bytes": self.spool.waiting_bytes,
            "spool_seconds": self.spool.age(),
            "free_mib": free,
        }

    def _on_minute(self) -> None:
        lines = self.notes.silences(self.settings.endpoints, self.now)
        lines += self.notes.minute(self.now, self._numbers())
        self.counts.begin()
        if self.spool.waiting_bytes <= self.settings.waiting_bytes:
            self.spool.put(lines, None)
        if self._context and self._tls_files() != self._context_of:
            self._read_certificate()

    # --- settings read again

    def _tls_files(self) -> Tuple[Any, ...]:
        found: List[Any] = []
        for path in (self.settings.certificate, self.settings.key, self.settings.client_authority):
            try:
                info = os.stat(path) if path else None
                found.append((info.st_ino, info.st_mtime_ns, info.st_size) if info else None)
            except OSError:
                found.append(None)
        return tuple(found)

    def _read_certificate(self) -> None:
        """Take the certificate that is there now; keep the old one when it cannot be used."""
        self._context_of = self._tls_files()
        try:
            self._context = tls_context(self.settings)
            self.spool.put(own_line("certificate", {"result": "read"}), None)
        except RefusedError as error:
            say("%s; the certificate before stays" % error.detail)
            self.spool.put(own_line("certificate", {"result": "unusable"}), None)

    def _read_again(self) -> None:
        """Take over endpoints, secrets and certificate; where to listen and write stays."""
        try:
            settings = self._reread()
        except RefusedError as error:
            say("%s; the configuration before stays" % error.detail)
            self.spool.put(own_line("configuration", {"result": "refused"}), None)
            return
        self.settings = settings._replace(
            listen=self.settings.listen, output=self.settings.output, certificate=self.settings.certificate,
            key=self.settings.key, client_authority=self.settings.client_authority,
        )  # fmt: skip
        self.paths = {one.path: one for one in settings.endpoints}
        self.counts.requests, self.counts.refusals = settings.peer_requests, settings.peer_refusals
        self.notes.watch(settings.endpoints, self.now)
        if self._context:
            self._read_certificate()
        self.spool.put(own_line("configuration", {"result": "read"}), None)

    # --- reading

    def _read(self, connection: Connection) -> None:
        if connection.state == HANDSHAKE:
            try:
                connection.sock.do_handshake()
            except ssl.SSLWantReadError:
                return
            except ssl.SSLWantWriteError:
                self._watch(connection, _BOTH)
                return
            connection.client = client_name(connection.sock.getpeercert())
            connection.state = HEAD
            self._watch(connection, READ)
        if connection.state == WAIT or len(connection.out) >= OUT_BYTES:
            # What comes now has to wait until the disk, or the sender's own reading, has caught up.
            self._watch(connection, select.EPOLLOUT if connection.out else 0)
            return
        for _ in range(READS_AT_ONCE):
            try:
                part = connection.sock.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not part:
                self._close(connection)
                return
            if connection.state == DRAIN:
                continue
            connection.data += part
            self._advance(connection)
            if connection.fd < 0 or connection.state == WAIT:
                return
            if len(part) < READ_BYTES and not self._context:
                return
        self._again.add(connection.fd)

    def _watch(self, connection: Connection, mask: int) -> None:
        if connection.mask != mask and connection.fd >= 0:
            connection.mask = mask
            self._epoll.modify(connection.fd, mask)

    def _advance(self, connection: Connection) -> None:
        """Do with a connection's bytes what can be done."""
        try:
            while connection.fd >= 0 and connection.data and len(connection.out) < OUT_BYTES:
                if connection.state == HEAD:
                    if not self._take_head(connection):
                        return
                elif connection.state == BODY:
                    body = self._take_body(connection)
                    if body is None:
                        return
                    self._release(connection)
                    connection.reserved = len(body)
                    self._bodies += len(body)
                    self._deliver(connection, body)
                    self._release(connection)
                else:
                    return
        except BadRequestError as error:
            self._refuse(connection, error)
        except (OSError, ValueError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one body does to this program, others are served
            say("internal: %s" % type(error).__name__)
            self._refuse(connection, BadRequestError(400, "internal"))

    def _take_head(self, connection: Connection) -> bool:
        data = connection.data
        end = data.find(b"\r\n\r\n", 0, HEAD_BYTES + 4)
        if end < 0:
            if len(data) > HEAD_BYTES:
                raise BadRequestError(431, "too_large")
            # It may have been idle until now, with the deadline for that.
            connection.deadline = min(connection.deadline, self.now + self.settings.head_seconds)
            return False
        connection.endpoint = None
        head = parse_head(bytes(data[:end]))
        del data[: end + 4]
        connection.head = head
        self._admit(connection, head)
        return True

    def _admit(self, connection: Connection, head: Head) -> None:
        """Decide from the head alone what can be decided from it. Raises ``BadRequestError``."""
        forwarded = head.headers.get(b"x-forwarded-for", b"")
        connection.peer = real_peer(connection.address, forwarded, self.settings.proxies)
        if not self.counts.allowed(counted_as(connection.peer)):
            raise BadRequestError(429, "too_many")
        path, _, query = head.target.partition("?")
        if path == "/health" and head.method == "GET" and not head.length:
            self._send(connection, answer(503 if self.spool.failed else 200, keep=head.keep))
            self._next(connection)
            return
        endpoint = self.paths.get(path)
        if endpoint is None:
            raise BadRequestError(404, "unknown_path")
        connection.endpoint = endpoint
        if head.method != "POST":
            raise BadRequestError(405, "method")
        if head.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise BadRequestError(415, "encoded")
        limit = endpoint.body_bytes or self.settings.body_bytes
        if head.length > limit:
            raise BadRequestError(413, "too_large")
        if not head.length:
            raise BadRequestError(411, "malformed")
        if endpoint.signed:
            if not given_signature(endpoint, head.headers):
                raise BadRequestError(401, "signature_missing")
        else:
            reason = check_token(endpoint, head.headers, query, connection.client)
            if reason:
                raise BadRequestError(401, reason)
        if self.spool.waiting_bytes > self.settings.waiting_bytes:
            raise BadRequestError(503, "busy")
        self._reserve(connection, max(head.length, 0))
        connection.chunks = Chunks(limit) if head.length < 0 else None
        connection.body_left = head.length
        connection.state = BODY
        connection.deadline = self.now + self.settings.body_seconds
        if head.waits and not connection.data:
            self._send(connection, CONTINUE)

    def _reserve(self, connection: Connection, size: int) -> None:
        """Count a body's bytes; when all bodies are too large together, those go that came first and proved nothing."""
        while self._bodies + size > self.settings.bodies_bytes:
            others = [one for one in self.connections.values() if one.state == BODY and not one.proved and one.reserved]
            others = [one for one in others if one is not connection]
            if not others:
                raise BadRequestError(503, "busy")
            self.notes.count("evicted")
            self._close(min(others, key=lambda one: one.deadline))
        connection.reserved += size
        self._bodies += size

    def _take_body(self, connection: Connection) -> Optional[bytes]:
        data = connection.data
        if connection.chunks is not None:
            had = len(connection.chunks.body)
            body = connection.chunks.feed(data)
            self._reserve(connection, len(connection.chunks.body) - had)
            return body
        if len(data) < connection.body_left:
            return None
        body = bytes(data[: connection.body_left])
        del data[: connection.body_left]
        return body

    # --- deliveries

    def _deliver(self, connection: Connection, body: bytes) -> None:
        """Prove, translate and hand over a delivery."""
        head, endpoint = connection.head, connection.endpoint
        if head is None or endpoint is None:
            raise BadRequestError(400, "malformed")
        if endpoint.signed:
            signature = given_signature(endpoint, head.headers)
            if not check_signature(endpoint, signature, body):
                raise BadRequestError(401, "signature_invalid")
        try:
            delivery = delivery_id(endpoint, head.headers)
            digest = sha256(body).digest() if delivery else b""
            if delivery and self._is_repeated(endpoint, delivery, digest):
                self.notes.count("repeated")
                self._send(connection, answer(200, keep=head.keep))
                self._next(connection)
                return
            made, delivery = self._made(endpoint, head, delivery, digest, body)
        except (BodyError, RecursionError):
            raise BadRequestError(400, "malformed") from None
        connection.proved = True
        lines = b"\n".join(made.lines) + b"\n" if made.lines else b""
        lines += self.notes.lost(made.losses) + self.notes.heard(endpoint, self.now)
        self.notes.count("received")
        self.notes.count("from_" + endpoint.kind)
        if not lines:
            self._send(connection, answer(200, keep=head.keep))
            self._next(connection)
            return
        connection.state = WAIT
        connection.turn += 1
        connection.deadline = self.now + DISK_SECONDS
        self.spool.put(lines, Waiter(connection, endpoint, delivery, digest, len(made.lines)))

    def _is_repeated(self, endpoint: Endpoint, delivery: str, digest: bytes) -> bool:
        # What the output of an earlier run held is known by its id alone.
        return self.seen.repeated(endpoint.path, delivery, digest) or self.seen.repeated(endpoint.path, delivery, b"")

    def _made(self, endpoint: Endpoint, head: Head, delivery: str, digest: bytes, body: bytes) -> Tuple[Made, str]:
        same = self.seen.body_of(digest, delivery) if delivery else ""
        kind = endpoint.kind
        if kind == "github":
            return github_event(head.headers, body, same), delivery
        if kind == "gitea":
            return gitea_event(head.headers, body, same), delivery
        if kind == "kubernetes":
            return audit_events(body), ""
        if kind == "pubsub":
            made, number = pushed_events(body)
            return (Made(()) if self.seen.repeated(endpoint.path, number, b"") else made), number
        if kind == "harbor":
            return harbor_events(body), ""
        if kind == "registry":
            return registry_events(body), ""
        return generic_events(endpoint.name, delivery, body, same), delivery

    def _on_disk(self, waiters: List[Any], failed: str) -> None:  # in the spool's thread
        self._done.append((waiters, failed))
        try:
            os.write(self._wake_out, b"!")
        except OSError:
            pass  # the pipe is full: it wakes anyway

    def _answer_done(self) -> None:
        while self._done:
            waiters, failed = self._done.pop(0)
            for waiter in waiters:
                if waiter is None:
                    continue
                if not failed:
                    self.notes.count("events", waiter.events)
                    if waiter.delivery:
                        self.seen.add(waiter.endpoint.path, waiter.delivery, waiter.digest)
                connection = waiter.connection
                if connection.fd < 0 or connection.turn != waiter.turn or connection.state != WAIT:
                    continue
                try:
                    if not failed:
                        self._send(connection, answer(200, keep=self._keeps(connection)))
                        self._next(connection)
                        self._advance(connection)
                    else:
                        self.notes.count("busy")
                        self._end_with(connection, 503)
                except (OSError, ValueError):
                    self._close(connection)

    def _keeps(self, connection: Connection) -> bool:
        return connection.head is not None and connection.head.keep and not self._ending

    # --- answering

    def _next(self, connection: Connection) -> None:
        """Begin the connection's next request, or end it."""
        if connection.fd < 0:
            return
        if not self._keeps(connection):
            self._drain(connection)
            return
        connection.state = HEAD
        connection.head = connection.endpoint = None
        connection.chunks = None
        connection.deadline = self.now + self.settings.idle_seconds
        if not connection.out:
            self._watch(connection, READ)
        if isinstance(connection.sock, ssl.SSLSocket) and connection.sock.pending():
            self._again.add(connection.fd)  # TLS has read ahead; nothing wakes us for it

    def _refuse(self, connection: Connection, error: BadRequestError) -> None:
        """Answer with an error, and note it."""
        if error.status == 503:
            self.notes.count("busy")
        elif error.status == 429:
            self.notes.count("refused")
            self.notes.count("refused_too_many")
        else:
            if not self.counts.refused(counted_as(connection.peer)):
                error = BadRequestError(429, error.reason)
            line = self.notes.refused(connection.endpoint, error.reason, connection.peer)
            if line and self.spool.waiting_bytes <= self.settings.waiting_bytes:
                self.spool.put(line, None)
        self._end_with(connection, error.status)

    def _end_with(self, connection: Connection, status: int) -> None:
        connection.data.clear()
        self._release(connection)
        try:
            self._send(connection, answer(status, keep=False))
            self._drain(connection)
        except (OSError, ValueError):
            self._close(connection)

    def _drain(self, connection: Connection) -> None:
        """Read on a little after the last answer: a reset would take it from the sender."""
        if connection.fd < 0:
            return
        connection.state = DRAIN
        connection.data.clear()
        connection.deadline = self.now + DRAIN_SECONDS
        if not connection.out:
            self._watch(connection, READ)
            try:
                if isinstance(connection.sock, ssl.SSLSocket):
                    return
                connection.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._close(connection)

    def _send(self, connection: Connection, data: bytes) -> None:
        connection.out += data
        while connection.out:
            try:
                sent = connection.sock.send(connection.out)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._watch(connection, _BOTH)
                return
            connection.out = connection.out[sent:]
        if connection.mask & select.EPOLLOUT:
            self._watch(connection, READ)
            if connection.state == DRAIN:
                self._drain(connection)
