"""A decoder as its XML states it. Nothing in it changes after loading; what is made of it lives in ``decode``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wazuh_cicd.engine.patterns import Kind, Pattern

# The names that a decoder stores outside the list of dynamic fields, in the order in which an alert prints them.
STATIC_FIELDS = (
    "protocol",
    "action",
    "srcip",
    "srcport",
    "srcuser",
    "dstip",
    "dstport",
    "dstuser",
    "id",
    "status",
    "url",
    "data",
    "extra_data",
    "system_name",
)
STATIC_NAMES = frozenset(STATIC_FIELDS)

# analysisd.decoder_order_size of a default installation: an event never gets more dynamic fields than this.
MAX_DYNAMIC_FIELDS = 256

# Where a pattern or plugin starts to read.
WHOLE = ""
AFTER_PARENT = "after_parent"
AFTER_PREMATCH = "after_prematch"
AFTER_REGEX = "after_regex"

# The parts of a first-time-seen key, each empty when ``<fts>`` does not name it.
FTS_STATICS = ("id", "dstuser", "srcuser", "srcip", "dstip", "data", "system_name")
FTS_LOCATION = "location"
FTS_NAMES = frozenset((*FTS_STATICS, FTS_LOCATION, "name"))

# The decoders that analysisd has as code; ``decode.plugins`` holds them.
PLUGIN_NAMES = frozenset(
    {"PF_Decoder", "SymantecWS_Decoder", "SonicWall_Decoder", "OSSECAlert_Decoder", "JSON_Decoder"}
)


class PatternText(NamedTuple):
    """A pattern as written: its language and its text."""

    kind: Kind
    source: bytes


class DecoderDefinition(NamedTuple):
    """One ``<decoder>`` element.

    Attributes:
        declared: the ``name`` attribute.
        name: as the alert prints it: a child without ``use_own_name`` carries its parent's.
        parent: name of the parent; None for a root.
        category: the ``type`` element: syslog, web-log, firewall, ids, squid, windows, ossec, host-information.
        program_name: pattern for the program; only roots use it.
        prematch: pattern for the log.
        prematch_offset: ``after_parent`` or nothing.
        regex: pattern with captures.
        regex_offset: where ``regex`` starts to read.
        order: names of the captures, ``user`` already replaced by ``dstuser``.
        plugin: name of the code that reads the log in place of ``regex``; empty without one.
        plugin_offset: where the plugin starts to read, if this is the decoder that is recorded for the event.
        fts: names that make up the first-time-seen key; empty when the decoder has no ``<fts>``.
        fts_comment: text of ``<ftscomment>``.
        accumulate: whether fields of events with one id are gathered.
        use_own_name: whether a child keeps its own name.
        json_discard_null, json_csv: how the JSON plugin treats nulls and arrays.
        path, line, column: where it is written.
    """

    declared: str
    name: str
    parent: str | None = None
    category: str = "syslog"
    program_name: PatternText | None = None
    prematch: PatternText | None = None
    prematch_offset: str = WHOLE
    regex: PatternText | None = None
    regex_offset: str = WHOLE
    order: tuple[str, ...] = ()
    plugin: str = ""
    plugin_offset: str = WHOLE
    fts: frozenset[str] = frozenset()
    fts_comment: str | None = None
    accumulate: bool = False
    use_own_name: bool = False
    json_discard_null: bool = False
    json_csv: bool = False
    path: str = ""
    line: int = 0
    column: int = 0


class CompiledTexts(NamedTuple):
    """The patterns of one decoder, compiled."""

    program_name: Pattern | None
    prematch: Pattern | None
    regex: Pattern | None


class LoadedDecoders(NamedTuple):
    """What the files declare.

    Attributes:
        definitions: in file order.
        children: for each, the positions of its children in file order.
        continued: positions of the decoders whose chain goes on with the next child in the list.
        patterns: what was compiled to see whether the manager takes it, for each; None when that was known before.
    """

    definitions: Sequence[DecoderDefinition]
    children: Sequence[Sequence[int]]
    continued: frozenset[int]
    patterns: Sequence[CompiledTexts] | None
