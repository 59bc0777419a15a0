"""What one session remembers between events: counters, the events that composites count, what it has seen.

Bounded as in a manager: the last ``CAPACITY`` stored events, dropped ``DROP`` at a time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.keys import Key
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.seen import Texts

    KeyTable = dict[Key, deque[Event]]

CAPACITY = 8192
DROP = 10


class Memory:
    """State of one session. Everything is kept under the ``index`` of a rule, never in the rule itself.

    Attributes:
        fired: how often each rule was the result.
        silent_since: when the daemon began to suppress a rule by ``ignore``; ``quiet_since`` the same for logtest.
        by_sid: events of each rule that some composite counts by id, oldest first.
        by_group: events that each composite counts by group, oldest first; an event stands there once for each
            registration of its rule.
        by_key: the same events for composites that ask for equal values, by composite and by these values.
        recent: the stored events, oldest first, each with the lists and the tables that it stands in.
        ascending: no event was stored with an earlier time than the one before.
        seen: what ``<if_fts/>`` and ``<check_diff/>`` remember.
    """

    __slots__ = (
        "_keyed",
        "ascending",
        "by_group",
        "by_key",
        "by_sid",
        "fired",
        "quiet_since",
        "recent",
        "seen",
        "silent_since",
    )

    def __init__(self, rules: Sequence[Rule], texts: Texts | None = None) -> None:
        """Start empty, for a ruleset of these rules; ``texts`` as for ``Seen``."""
        self.fired = [0] * len(rules)
        self.ascending = True
        self.by_key: dict[int, KeyTable] = {}
        self._keyed: dict[int, list[Rule]] = {}
        for rule in rules:
            if rule.composite and rule.counted is not None and rule.search == "sid" and rule.definition.compares:
                self._keyed.setdefault(rule.counted.index, []).append(rule)
        self.silent_since: dict[int, int] = {}
        self.quiet_since: dict[int, int] = {}
        self.by_sid: dict[int, deque[Event]] = {}
        self.by_group: dict[int, deque[Event]] = {}
        self.recent: deque[tuple[Event, Sequence[deque[Event]], Sequence[tuple[KeyTable, Key]]]] = deque()
        self.seen = Seen(texts)

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
            reader = composite.key_reader()
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
