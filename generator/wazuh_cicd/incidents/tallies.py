"""What is counted beside the incidents: rules, sources, who talks most, and vulnerabilities with their SLA.

Everything here is bounded: the names in alerts are made by whoever causes them, and may be as many as there are alerts.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from wazuh_cicd.incidents.entities import Entities, dig, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_cicd.incidents.reading import Alert

_TALKERS = 40_000
_TOGETHER = 4_096
_VALUES = 400
_FINDINGS = 100_000
_HOUR = 3600
_HOURS = 100_000  # of one level; all levels of a year
_LEVELS = 32
_TITLE = 400


class Value:
    """One value: how many alerts name it, how many of level 7 and above, and the worst level."""

    __slots__ = ("count", "notable", "worst")

    def __init__(self) -> None:
        """Begin with none."""
        self.count = self.notable = self.worst = 0


class Talkers:
    """Who and what the alerts name, by kind. The least are forgotten when they become too many."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.kinds: dict[str, dict[str, Value]] = {kind: {} for kind in Entities._fields}
        #: Alerts whose value was forgotten, by kind.
        self.forgotten: dict[str, int] = dict.fromkeys(Entities._fields, 0)
        # Most alerts name what others name together: these are counted together, and taken apart at the end.
        self._together: dict[Entities, list[int]] = {}

    def add(self, named: Entities, level: int) -> None:
        """Count one alert."""
        counts = self._together.get(named)
        if counts is None:
            if len(self._together) >= _TOGETHER:
                self.settle()
            counts = self._together[named] = [0, 0, 0]
        counts[0] += 1
        if level >= 7:
            counts[1] += 1
        if level > counts[2]:  # noqa: PLR1730 - a call for each alert
            counts[2] = level

    def settle(self) -> None:
        """Bring ``kinds`` up to date."""
        for named, (count, notable, worst) in self._together.items():
            for kind, name in zip(Entities._fields, named, strict=True):
                if name:
                    table = self.kinds[kind]
                    value = table.get(name)
                    if value is None:
                        value = table[name] = Value()
                    value.count += count
                    value.notable += notable
                    value.worst = max(value.worst, worst)
        self._together.clear()
        for kind, table in self.kinds.items():
            if len(table) > _TALKERS:
                ordered = sorted(table.items(), key=lambda item: (item[1].worst, item[1].count))
                for name, value in ordered[: len(table) - _TALKERS // 2]:
                    self.forgotten[kind] += value.count
                    del table[name]


class RuleTally:
    """One rule: how often, from when to when, what the alerts say of it, and what a list would have to hold.

    Attributes:
        source: the source of events it belongs to, ``other`` for rules that are not of this package.
        asked: fields whose values a list of the rule could quiet, with the values seen.
    """

    __slots__ = (
        "asked",
        "controls",
        "count",
        "first",
        "heard",
        "last",
        "level",
        "rule",
        "source",
        "tactics",
        "techniques",
        "title",
    )

    def __init__(self, rule: str, heard: SourceTally, fields: Iterable[str], when: int, about: Alert) -> None:
        """Begin with what the first alert says of the rule; each alert counts for its source, too."""
        self.rule, self.heard, self.source = rule, heard, heard.source
        self.asked: tuple[tuple[tuple[str, ...], dict[str, int]], ...] = tuple(
            (tuple(one.split(".")), {}) for one in fields
        )
        self.count, self.level = 0, 0
        self.first = self.last = when
        self.title = text(about.get("description"))[:_TITLE]
        self.techniques = _texts(dig(about, "mitre", "id"))
        self.tactics = _texts(dig(about, "mitre", "tactic"))
        self.controls = tuple(_controls(about))

    def add(self, alert: Alert, when: int, level: int) -> None:
        """Count one alert."""
        self.count += 1
        self.heard.add(when, level)
        if level > self.level:  # noqa: PLR1730 - a call for each alert
            self.level = level
        if when > self.last:
            self.last = when
        elif when < self.first:
            self.first = when
        for path, values in self.asked:
            found: object = alert.get("data")
            for name in path:
                found = found.get(name) if type(found) is dict else None
            value = text(found)
            if value:
                if value in values:
                    values[value] += 1
                elif len(values) < _VALUES:
                    values[value] = 1


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(text, value[:20]))) if type(value) is list else ()


#: What stands in an alert's rule beside the groups, by its heading.
FRAMEWORKS = {
    "pci_dss": "PCI DSS",
    "gdpr": "GDPR",
    "hipaa": "HIPAA",
    "nist_800_53": "NIST 800-53",
    "tsc": "TSC",
    "cis": "CIS",
}
_IN_GROUPS = {"iso_27001_": "ISO 27001", "nist_csf_": "NIST CSF"}


def _controls(about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, title in FRAMEWORKS.items():
        for control in _texts(about.get(field)):
            yield title, control.removeprefix("controls_v8_")
    for group in _texts(about.get("groups")):
        for prefix, title in _IN_GROUPS.items():
            if group.startswith(prefix):
                yield title, group[len(prefix) :]


class SourceTally:
    """One source: its alerts by hour, so that silences show."""

    __slots__ = ("count", "first", "gap", "last", "notable", "source")

    def __init__(self, source: str, when: int) -> None:
        """Begin with the first alert."""
        self.source = source
        self.count = self.notable = 0
        self.first = self.last = when
        #: The longest time without an alert: seconds, and since when.
        self.gap = (0, when)

    def add(self, when: int, level: int) -> None:
        """Count one alert."""
        self.count += 1
        if level >= 7:
            self.notable += 1
        if when > self.last:
            if when - self.last > self.gap[0]:
                self.gap = when - self.last, self.last
            self.last = when
        elif when < self.first:
            self.first = when


class Hours:
    """Alerts by hour and level."""

    def __init__(self) -> None:
        """Begin with no hour."""
        self._counts: dict[int, int] = {}
        #: Alerts beyond the hours that are kept, by level.
        self._more: Counter[int] = Counter()

    def add(self, when: int, level: int) -> None:
        """Count one alert."""
        key = when // _HOUR * _LEVELS + level
        count = self._counts.get(key)
        if count is not None:
            self._counts[key] = count + 1
        elif len(self._counts) < _HOURS:
            self._counts[key] = 1
        else:
            self._more[level] += 1

    def levels(self) -> Counter[int]:
        """Alerts by level."""
        found = Counter(self._more)
        for key, count in self._counts.items():
            found[key % _LEVELS] += count
        return found

    def hours(self) -> list[tuple[int, int, int, int, int]]:
        """For each hour when it began, and its alerts below level 7, of 7 to 9, of 10 to 12, of 13 and above."""
        found: dict[int, list[int]] = {}
        for key, count in self._counts.items():
            hour, level = divmod(key, _LEVELS)
            counts = found.setdefault(hour, [0, 0, 0, 0])
            counts[0 if level < 7 else 1 if level < 10 else 2 if level < 13 else 3] += count
        return [(hour * _HOUR, *counts) for hour, counts in sorted(found.items())]  # type: ignore[misc]


class Finding:
    """The newest that the scanner said of one vulnerability of one artifact."""

    __slots__ = ("artifact", "due", "exception", "id", "package", "severity", "since", "state", "threat", "when")

    def __init__(self, fields: Sequence[str], when: int) -> None:
        """Take what an event says."""
        (self.artifact, self.id, self.package, self.severity, self.state, self.since, self.due, self.threat) = fields
        self.exception = False
        self.when = when


_FIELDS = ("artifact", "id", "package", "severity", "state", "since", "due", "threat")


class Findings:
    """Vulnerabilities as the scanner's events left them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.known: dict[tuple[str, str, str], Finding] = {}
        self.forgotten = 0

    def add(self, alert: Alert, when: int) -> None:
        """Take an alert about a scanner's event; only vulnerabilities have an SLA."""
        scan = dig(alert.get("data"), "cicd_scan")
        if type(scan) is not dict or scan.get("event") != "vulnerability":
            return
        new = Finding([text(scan.get(name)) for name in _FIELDS], when)
        new.exception = bool(text(scan.get("exception")))
        key = new.artifact, new.id, new.package
        old = self.known.get(key)
        if old is None and len(self.known) >= _FINDINGS:
            self.forgotten += 1
        elif old is None or old.when <= when:
            if old is not None:  # an event says what changed; a date that it leaves out has not
                new.due, new.since = new.due or old.due, new.since or old.since
                new.threat = new.threat or old.threat
            self.known[key] = new
