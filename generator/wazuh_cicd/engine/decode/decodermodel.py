"""What a decoder is once it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode.event import STATIC_FIELDS
from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.patterns import Kind, Pattern

Plugin = Callable[["Event", "Decoder", bytes], None]

# Where a pattern or plugin starts to read.
WHOLE = ""
AFTER_PARENT = "after_parent"
AFTER_PREMATCH = "after_prematch"
AFTER_REGEX = "after_regex"

STATIC_NAMES = frozenset(STATIC_FIELDS)

# A first-time-seen key is cut to this length; these are its parts, each empty when ``<fts>`` does not name it.
MAX_FTS_KEY = 255
_FTS_STATICS = ("id", "dstuser", "srcuser", "srcip", "dstip", "data", "system_name")
FTS_LOCATION = "location"
FTS_NAMES = frozenset((*_FTS_STATICS, FTS_LOCATION, "name"))


@dataclass(slots=True, eq=False)
class Decoder:
    """One ``<decoder>`` element after loading.

    Attributes:
        declared: the ``name`` attribute.
        name: as the alert prints it: a child without ``use_own_name`` carries its parent's.
        parent: name of the parent; None for a root.
        number: what ``decoded_as`` compares: stands for ``name``.
        category: the ``type`` element: syslog, web-log, firewall, ids, squid, windows, ossec, host-information.
        program_name: pattern for the program; only roots use it.
        prematch: pattern for the log.
        prematch_offset: ``after_parent`` or nothing.
        regex: pattern with captures.
        regex_offset: where ``regex`` starts to read.
        order: names of the captures, ``user`` already replaced by ``dstuser``.
        plugin: reads the log in place of ``regex``.
        plugin_offset: where the plugin starts to read, if this is the decoder that is recorded for the event.
        fts: names that make up the first-time-seen key; empty when the decoder has no ``<fts>``.
        fts_comment: text of ``<ftscomment>``.
        accumulate: whether fields of events with one id are gathered.
        use_own_name: whether a child keeps its own name.
        json_discard_null, json_csv: how the JSON plugin treats nulls and arrays.
        children: in file order.
        get_next: whether the next child in the list goes on with this chain.
        path, line, column: where it is written.
        pending: patterns that are not compiled yet, as (attribute, language, source); from the compiled cache only.
        asleep: some child has pending patterns.
    """

    declared: str
    name: str = ""
    parent: str | None = None
    number: int = 0
    category: str = "syslog"
    program_name: Pattern | None = None
    prematch: Pattern | None = None
    prematch_offset: str = WHOLE
    regex: Pattern | None = None
    regex_offset: str = WHOLE
    order: tuple[str, ...] = ()
    targets: tuple[tuple[str, bytes], ...] = ()  # (static name or "", dynamic name) for each capture
    plugin: Plugin | None = None
    plugin_offset: str = WHOLE
    fts: frozenset[str] = frozenset()
    fts_comment: str | None = None
    accumulate: bool = False
    use_own_name: bool = False
    json_discard_null: bool = False
    json_csv: bool = False
    children: list[Decoder] = field(default_factory=list, repr=False)
    get_next: bool = False
    path: str = ""
    line: int = 0
    column: int = 0
    pending: tuple[tuple[str, Kind, bytes], ...] = ()
    asleep: bool = False

    def settle(self) -> None:
        """Compile what is pending of the decoder itself."""
        for name, kind, source in self.pending:
            setattr(self, name, compile_pattern(kind, source, captures=name == "regex"))
        self.pending = ()

    def wake(self) -> None:
        """Compile what is pending of the children."""
        for child in self.children:
            child.settle()
        self.asleep = False

    def fts_key(self, event: Event) -> bytes | None:
        """What ``<if_fts/>`` remembers of an event; None when the decoder has no ``<fts>``."""
        if not self.fts:
            return None
        parts = [self.name.encode("utf-8", "surrogateescape")]
        parts += [event.statics.get(name, b"") if name in self.fts else b"" for name in _FTS_STATICS]
        parts.append(event.location.encode("utf-8", "surrogateescape") if FTS_LOCATION in self.fts else b"")
        for name in self.order:
            if name in self.fts and name not in FTS_NAMES:
                parts.append(event.field(name.lower().encode("utf-8", "surrogateescape")) or b"")
        return b" ".join(parts)[:MAX_FTS_KEY]
