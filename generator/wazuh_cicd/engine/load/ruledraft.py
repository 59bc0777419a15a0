"""A rule while its tags are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from wazuh_cicd.engine.load.cnumbers import as_c_int
from wazuh_cicd.engine.load.daytime import TimeRange
from wazuh_cicd.engine.load.ruledefinition import (
    LEVEL_ZERO_RANK,
    AddressTest,
    ListTest,
    Options,
    RuleDefinition,
    TextTest,
)

# What ``if_matched_sid`` counts every event with: no rule at all.
NO_SID = b"0"


class RuleAttributes(NamedTuple):
    """The attributes of ``<rule>``, and where it stands; see ``RuleDefinition``."""

    id: int
    level: int
    rank: int
    overwrite: bool
    maxsize: int
    frequency: int | None
    timeframe: int
    ignore: int
    noalert: bool


@dataclass(slots=True)
class RuleDraft:
    """What the tags have said so far; see ``RuleDefinition`` for what each means."""

    attributes: RuleAttributes
    group: bytes | None
    options: Options
    overwrite: bool = False
    description: bytes | None = None
    info: bytes | None = None
    cve: bytes | None = None
    mitre_ids: list[str] = field(default_factory=list)
    mitre_pairs: list[tuple[str, str]] = field(default_factory=list)
    category: str = "syslog"
    decoded_as: bytes | None = None
    texts: dict[str, TextTest] = field(default_factory=dict)
    fields: list[TextTest] = field(default_factory=list)
    addresses: dict[str, AddressTest] = field(default_factory=dict)
    lists: list[ListTest] = field(default_factory=list)
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
    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    same_fields: list[bytes] = field(default_factory=list)
    different_fields: list[bytes] = field(default_factory=list)
    global_frequency: bool = False

    @property
    def id(self) -> int:
        """The rule's number."""
        return self.attributes.id

    def finish(self, path: str, line: int, column: int) -> RuleDefinition:
        """Return the definition of a rule that is written at this place."""
        attributes = self.attributes
        level = attributes.level
        if level == 0 and attributes.rank == LEVEL_ZERO_RANK:
            level = attributes.rank  # accuracy="0": the manager never makes it 0 again
        if_sid, if_group = self.if_sid, self.if_group
        matched_sid = None if self.if_matched_sid is None else str(as_c_int(self.if_matched_sid)).encode()
        if if_sid is None and if_group is None and not self.overwrite:
            if self.if_matched_group is not None:
                if_group = self.if_matched_group
            elif matched_sid != NO_SID:
                if_sid = matched_sid
        return RuleDefinition(
            id=attributes.id,
            level=level,
            path=path,
            line=line,
            column=column,
            rank=attributes.rank,
            overwrite=self.overwrite,
            maxsize=attributes.maxsize,
            frequency=attributes.frequency,
            timeframe=attributes.timeframe,
            ignore=attributes.ignore,
            noalert=attributes.noalert,
            group=self.group or b"",
            description=self.description,
            info=self.info,
            cve=self.cve,
            options=self.options,
            mitre_ids=tuple(self.mitre_ids),
            mitre_pairs=tuple(self.mitre_pairs),
            category=self.category,
            decoded_as=self.decoded_as,
            texts=self.texts,
            fields=tuple(self.fields),
            addresses=self.addresses,
            lists=tuple(self.lists),
            time=self.time,
            weekday=self.weekday,
            compiled_rule=self.compiled_rule,
            if_fts=self.if_fts,
            check_diff=self.check_diff,
            if_sid=if_sid,
            if_group=if_group,
            if_level=self.if_level,
            if_matched_sid=matched_sid,
            if_matched_group=self.if_matched_group,
            if_matched_regex=self.if_matched_regex,
            context=self.context,
            same=tuple(self.same),
            different=tuple(self.different),
            same_fields=tuple(self.same_fields),
            different_fields=tuple(self.different_fields),
            global_frequency=self.global_frequency,
        )
