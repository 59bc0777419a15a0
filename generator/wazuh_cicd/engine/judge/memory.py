"""What one session remembers between events: counters, fired composites' history, first-seen keys, last texts.

Bounded as in a manager: the last ``CAPACITY`` stored events, dropped ``DROP`` at a time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.rulemodel import Rule

    Key = tuple[bytes | str | None, ...]
    KeyTable = dict[Key, deque[Event]]
    KeyReader = Callable[[Event], Key | None]

CAPACITY = 8192
DROP = 10

# Similarity test of first-time-seen keys of ``ids`` decoders: analysisd.fts_list_size and fts_min_size_for_str.
_FTS_RECENT = 32
_FTS_SIMILAR = 14
_FTS_SIMILAR_MAX = 2


# Fields that <accumulate> gathers from events of one id, and how long they are kept after the last one, in seconds.
_GATHERED = ("dstuser", "srcuser", "dstip", "srcip", "dstport", "srcport", "data")
_GATHER_SECONDS = 120
_GATHER_CAPACITY = 1024


def _common_prefix(one: bytes, other: bytes) -> int:
    size = min(len(one), len(other))
    for index in range(size):
        if one[index] != other[index]:
            return index
    return size


def compares(rule: Rule) -> bool:
    """Whether a composite asks for equal values."""
    return bool(rule.same or rule.same_fields)


def value_of(event: Event, name: str) -> bytes | str | None:
    """Return what a composite compares under a name."""
    if name == "location":
        return event.location
    return event.statics.get("dstuser" if name == "user" else name)


def key_reader(rule: Rule) -> KeyReader | None:
    """Return what reads from an event the values that a composite asks to be equal; None when it asks for none.

    The reader returns None when the event lacks one of them.
    """
    if rule.key_reader is None and compares(rule):
        rule.key_reader = _make_key_reader(rule)
    return rule.key_reader


def _make_key_reader(rule: Rule) -> KeyReader:
    names = tuple(rule.same)
    fields = tuple(field.lower() for field in rule.same_fields)
    everywhere = rule.global_frequency

    def read_field(event: Event) -> Key | None:
        value = event.index().get(fields[0])
        return None if value is None else ("" if everywhere else event.agent_id, value)

    def read(event: Event) -> Key | None:
        index = event.index()
        key = (
            "" if everywhere else event.agent_id,
            *[value_of(event, name) for name in names],
            *[index.get(field) for field in fields],
        )
        return None if None in key else key

    return read_field if not names and len(fields) == 1 else read


class Memory:
    """State of one session. Everything is kept under the ``index`` of a rule, never in the rule itself.

    Attributes:
        fired: how often each rule was the result.
        silent_since: when the suppression by ``ignore`` began, for rules that are suppressed.
        by_sid: events of each rule that some composite counts by id, oldest first.
        by_group: events that each composite counts by group, oldest first; an event stands there once for each
            registration of its rule.
        by_key: the same events for composites that ask for equal values, by composite and by these values.
        recent: the stored events, oldest first, each with the lists and the tables that it stands in.
        ascending: no event was stored with an earlier time than the one before.
        previous: logs that the composites which fired on the event have counted, newest first.
        previous_log: what ``check_diff`` compared with last.
    """

    __slots__ = (
        "_fts",
        "_fts_recent",
        "_gathered",
        "_keyed",
        "_texts",
        "ascending",
        "by_group",
        "by_key",
        "by_sid",
        "fired",
        "previous",
        "previous_log",
        "recent",
        "silent_since",
    )

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Start empty, for a ruleset of these rules."""
        self.fired = [0] * len(rules)
        self.ascending = True
        self.by_key: dict[int, KeyTable] = {}
        self._keyed: dict[int, list[Rule]] = {}
        for rule in rules:
            if rule.composite and rule.counted is not None and rule.search == "sid" and compares(rule):
                self._keyed.setdefault(rule.counted.index, []).append(rule)
        self.silent_since: dict[int, float] = {}
        self.by_sid: dict[int, deque[Event]] = {}
        self.by_group: dict[int, deque[Event]] = {}
        self.recent: deque[tuple[Event, Sequence[deque[Event]], Sequence[tuple[KeyTable, Key]]]] = deque()
        self.previous: list[bytes] = []
        self.previous_log: bytes | None = None
        self._fts: set[bytes] = set()
        self._fts_recent: deque[bytes] = deque(maxlen=_FTS_RECENT)
        self._gathered: dict[tuple[bytes, str, bytes], tuple[float, dict[str, bytes]]] = {}
        self._texts: dict[tuple[int, str], bytes] = {}

    def store(self, rule: Rule, event: Event) -> None:
        """Remember an event under its final rule, where composites will look for it."""
        lists: list[deque[Event]] = []
        if rule.counted_by_sid:
            lists.append(self.by_sid.setdefault(rule.index, deque()))
        else:
            lists.extend(self.by_group.setdefault(composite.index, deque()) for composite in rule.counted_by_groups)
        for events in lists:
            events.append(event)
        composites = self._keyed.get(rule.index, ()) if rule.counted_by_sid else rule.counted_by_groups
        tables: list[tuple[KeyTable, Key]] = []
        for composite in composites:
            reader = key_reader(composite)
            if reader is not None and (key := reader(event)) is not None:
                table = self.by_key.setdefault(composite.index, {})
                table.setdefault(key, deque()).append(event)
                tables.append((table, key))
        if self.recent and event.time < self.recent[-1][0].time:
            self.ascending = False
        self.recent.append((event, lists, tables))
        if len(self.recent) > CAPACITY:
            for _ in range(DROP):
                self._drop()

    def _drop(self) -> None:
        """Forget the oldest event."""
        _, lists, tables = self.recent.popleft()
        for events in lists:
            events.popleft()
        for table, key in tables:
            table[key].popleft()
            if not table[key]:
                del table[key]

    def gather(self, event: Event) -> None:
        """Complete an event of an ``<accumulate>`` decoder with fields of earlier ones of its host and id."""
        info, number = event.decoder_info, event.statics.get("id")
        if info is None or number is None:
            return
        key = (event.hostname, info.name, number)
        since, known = self._gathered.pop(key, (event.time, {}))
        if event.time - since > _GATHER_SECONDS:
            known = {}
        for name in _GATHERED:
            if event.statics.get(name):
                known.setdefault(name, event.statics[name])
            elif name in known:
                event.statics[name] = known[name]
        if len(self._gathered) >= _GATHER_CAPACITY:
            self._gathered.pop(next(iter(self._gathered)))
        self._gathered[key] = (event.time, known)

    def first_time_seen(self, event: Event) -> bool:
        """Whether the event's key is new; it is known from now on. Events of decoders without ``fts`` are never new."""
        info = event.decoder_info
        key = info.fts_key(event) if info is not None else None
        if info is None or key is None or key in self._fts:
            return False
        if info.category == "ids":
            similar = sum(_common_prefix(known, key) > _FTS_SIMILAR for known in self._fts_recent)
            if similar > _FTS_SIMILAR_MAX:
                key = key[:_FTS_SIMILAR]
            self._fts_recent.append(key)
            if key in self._fts:
                return False
        self._fts.add(key)
        return True

    def differs(self, index: int, event: Event) -> bool:
        """Whether the log differs from the last one that the rule saw from this agent; the first one does not."""
        key = (index, event.agent_id)
        before = self._texts.get(key)
        if before == event.log:
            return False
        self._texts[key] = event.log
        if before is None:
            return False
        self.previous_log = before
        return True
