"""A rule as its XML states it. Nothing in it changes after loading; what is made of it lives in ``judge``.

Named tuples: a start makes thousands of them, and a frozen dataclass takes several times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from wazuh_cicd.engine.load.addresses import Network
from wazuh_cicd.engine.load.daytime import TimeRange
from wazuh_cicd.engine.patterns import Kind

# A rule of level 0 is sorted, and compared by if_level, as if it had this level.
LEVEL_ZERO_RANK = 99
# Sort keys are levels times this, unless accuracy="0" pushes the rule to the end.
RANK_STEP = 100


class TextTest(NamedTuple):
    """The pattern of a tag that is matched against one value.

    Attributes:
        tag: the tag (``match``, ``user``, ...), or ``field``.
        source: the texts of all tags of this name, joined.
        kind: the pattern language; the last tag decides.
        negate: invert the result; the last tag decides.
        name: for ``field``, the dynamic field as written.
        line: where it stands, counted from 1.
    """

    tag: str
    source: bytes
    kind: Kind
    negate: bool = False
    name: bytes = b""
    line: int = 0


class AddressTest(NamedTuple):
    """``<srcip>`` or ``<dstip>``: one of several networks; ``negate`` inverts the whole."""

    networks: tuple[Network, ...]
    negate: bool


class ListTest(NamedTuple):
    """One ``<list>`` tag: a look-up of a field's value in a CDB list.

    Attributes:
        name: the list's name as written; ``declared`` is the name without the suffix that the manager ignores.
        field: the field whose value is the key.
        lookup: ``match_key``, ``not_match_key``, ``match_key_value``, ``address_match_key``,
            ``not_address_match_key`` or ``address_match_key_value``.
        check_value: the pattern (OS_Match) for the value, or None.
    """

    name: bytes
    field: bytes
    lookup: str
    check_value: bytes | None

    @property
    def declared(self) -> bytes:
        """The list's name as declared to the manager."""
        return self.name.removesuffix(b".cdb")


class Options(NamedTuple):
    """What ``<options>`` and the levels of the configuration decide."""

    mail: bool = False
    log: bool = False
    active_response: bool = True
    full_log: bool = True
    counter: bool = True


class RuleDefinition(NamedTuple):
    """One ``<rule>``, read.

    Attributes:
        id: the rule's number; 0 is legal and is not printed.
        level: 0 to 16.
        path, line, column: where it is written.
        rank: sort key among siblings, larger first.
        overwrite: replaces the content of an earlier rule of this id.
        maxsize: the event must have at least this many bytes, 0 for no condition.
        frequency: the attribute, or None; a composite without it behaves as with 2.
        timeframe: seconds.
        ignore: seconds of suppression after an alert, 0 for none.
        texts: by tag, the conditions that are patterns; ``fields`` are those on dynamic fields.
        if_sid, if_group: as written; of a composite that has neither, what it counts stands for them.
        context: has one of the ``if_matched_*`` tags.
        same, different: names of static fields (and ``location``) that a composite compares.
        same_fields, different_fields: the same for dynamic fields.
    """

    id: int
    level: int
    path: str = ""
    line: int = 0
    column: int = 0
    rank: int = 0
    overwrite: bool = False
    maxsize: int = 0
    frequency: int | None = None
    timeframe: int = 360
    ignore: int = 0
    noalert: bool = False
    group: bytes = b""
    description: bytes | None = None
    info: bytes | None = None
    cve: bytes | None = None
    options: Options = Options()
    mitre_ids: tuple[str, ...] = ()
    mitre_pairs: tuple[tuple[str, str], ...] = ()
    category: str = "syslog"
    decoded_as: bytes | None = None
    texts: Mapping[str, TextTest] = MappingProxyType({})
    fields: tuple[TextTest, ...] = ()
    addresses: Mapping[str, AddressTest] = MappingProxyType({})
    lists: tuple[ListTest, ...] = ()
    time: TimeRange | None = None
    weekday: frozenset[int] | None = None
    compiled_rule: str | None = None
    if_fts: bool = False
    check_diff: bool = False
    if_sid: bytes | None = None
    if_group: bytes | None = None
    if_level: bytes | None = None
    if_matched_sid: bytes | None = None
    if_matched_group: bytes | None = None
    if_matched_regex: bytes | None = None
    context: bool = False
    same: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    same_fields: tuple[bytes, ...] = ()
    different_fields: tuple[bytes, ...] = ()
    global_frequency: bool = False

    @property
    def compares(self) -> bool:
        """Whether a composite asks for equal values."""
        return bool(self.same or self.same_fields)
