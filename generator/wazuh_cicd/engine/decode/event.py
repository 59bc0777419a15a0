"""One event on its way through predecoder, decoder and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.decoderdefinition import MAX_DYNAMIC_FIELDS

if TYPE_CHECKING:
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition

LOCAL_AGENT = "000"


class Event:
    """Everything that is known about one event. All texts are bytes: the engine knows no encoding.

    Attributes:
        full_log: the event as it was received.
        log: the part behind header and program; what ``<match>``, ``<regex>`` and decoders look at.
        location: what ``<location>`` in a rule sees; for an agent's event ``(name) address->/path``.
        origin: what the alert prints as ``location``: the path alone for an agent's event; None where it prints null.
        agent_id: ``000`` for events of the manager's own host.
        agent_name: name of the agent as the alert shows it, None where the location names none.
        agent_ip: address of the agent, None where the location names none.
        hostname: agent name, else the host of the header, else the manager's name.
        after_nul: in the manager's memory a NUL stands before ``log``. As it looks at the byte before a match's end,
            a match that ends where the log begins then leaves nothing behind it (``behind``).
        program_name: None when the header has no program; may be empty.
        timestamp: the header's time text, never interpreted; None when there is no header.
        statics: static fields by name (``STATIC_FIELDS``).
        dynamics: dynamic fields as (name, value) in extraction order. Append with ``add_dynamic``.
        decoder: the root decoder, or None.
        decoder_info: the decoder that the alert names: the child when its prematch took the event, else the root.
        decoder_id: what ``decoded_as`` compares; 0 when no decoder took the event.
        category: decides which trees of rules are tried (``syslog`` when no decoder took the event).
        time: seconds since the epoch at reception.
        mark: the level of the composite that consumed the event last; 0 at first.
    """

    __slots__ = (
        "_index",
        "_lowered",
        "_lowered_of",
        "after_nul",
        "agent_id",
        "agent_ip",
        "agent_name",
        "category",
        "decoder",
        "decoder_id",
        "decoder_info",
        "dynamics",
        "full_log",
        "hostname",
        "location",
        "log",
        "mark",
        "origin",
        "program_name",
        "statics",
        "time",
        "timestamp",
    )

    def __init__(self, full_log: bytes, location: str = "stdin", *, hostname: bytes = b"", time: float = 0.0) -> None:
        """Start an event that has neither header nor fields yet."""
        self.full_log = full_log
        self.log = full_log
        self.location = location
        self.origin: str | None = location
        self.agent_id = LOCAL_AGENT
        self.agent_name: bytes | None = None
        self.agent_ip: bytes | None = None
        self.hostname = hostname
        self.after_nul = True
        self.program_name: bytes | None = None
        self.timestamp: bytes | None = None
        self.statics: dict[str, bytes] = {}
        self.dynamics: list[tuple[bytes, bytes]] = []
        self.decoder: DecoderDefinition | None = None
        self.decoder_info: DecoderDefinition | None = None
        self.decoder_id = 0
        self.category = "syslog"
        self.time = time
        self.mark = 0
        self._index: dict[bytes, bytes] | None = None
        self._lowered = b""
        self._lowered_of: bytes | None = None

    @property
    def log_lower(self) -> bytes:
        """``log`` with ASCII letters in lower case, computed once."""
        if self._lowered_of is not self.log:
            self._lowered_of = self.log
            self._lowered = self.log.lower()
        return self._lowered

    def behind(self, end: int) -> int:
        """Where what is behind a match begins in ``log``.

        Args:
            end: where the match ends.
        """
        return end or (len(self.log) if self.after_nul else 0)

    def add_dynamic(self, name: bytes, value: bytes) -> bool:
        """Store a dynamic field; False when the event is full (``MAX_DYNAMIC_FIELDS``) and the field is dropped."""
        if len(self.dynamics) >= MAX_DYNAMIC_FIELDS:
            return False
        self.dynamics.append((name, value))
        self._index = None
        return True

    def drop_surplus(self) -> None:
        """Drop fields above ``MAX_DYNAMIC_FIELDS``, for those who append to ``dynamics`` and ``index()`` directly."""
        if len(self.dynamics) > MAX_DYNAMIC_FIELDS:
            del self.dynamics[MAX_DYNAMIC_FIELDS:]
            self._index = None

    def index(self) -> dict[bytes, bytes]:
        """Dynamic fields by name in lower case. The first of several fields of one name counts."""
        index = self._index
        if index is None:
            index = {}
            for key, value in self.dynamics:
                index.setdefault(key.lower(), value)
            self._index = index
        return index

    def field(self, name: bytes) -> bytes | None:
        """Value of a dynamic field; ``name`` in lower case. The first of several fields of one name counts."""
        return self.index().get(name)
