"""One connection of the server, and a delivery of it that waits for the disk."""

import select
from typing import Any, Optional

from wodles.receive.config import Endpoint
from wodles.receive.requests import Chunks, Head

HANDSHAKE, HEAD, BODY, WAIT, DRAIN = range(5)
READ = select.EPOLLIN


class Connection:
    """One connection and how far its request is."""

    __slots__ = (
        "address", "body_left", "chunks", "client", "data", "deadline", "endpoint", "fd", "head", "mask", "out", "peer",
        "proved", "query", "reserved", "sock", "state", "turn",
    )  # fmt: skip

    def __init__(self, sock: Any, address: str, deadline: float, state: int) -> None:
        """Begin."""
        self.sock = sock
        self.fd: int = sock.fileno()
        self.address = address
        self.peer = address
        self.deadline = deadline
        self.state = state
        self.data = bytearray()
        self.out = b""
        self.head: Optional[Head] = None
        self.endpoint: Optional[Endpoint] = None
        self.query = ""
        self.chunks: Optional[Chunks] = None
        self.body_left = 0
        self.reserved = 0
        self.turn = 0  # which delivery of this connection waits for the disk
        self.mask = READ
        self.client = ""
        self.proved = False  # whether a delivery of it was ever taken


class Waiter:
    """A delivery that waits for the disk."""

    __slots__ = ("connection", "delivery", "digest", "endpoint", "events", "turn")

    def __init__(self, connection: Connection, endpoint: Endpoint, delivery: str, digest: bytes, events: int) -> None:
        """Remember what is to be said when it is there."""
        self.connection = connection
        self.turn = connection.turn
        self.endpoint = endpoint
        self.delivery = delivery
        self.digest = digest
        self.events = events
