"""What is counted beside the incidents: rules, sources, who talks most, and vulnerabilities with their SLA.

Everything here is bounded: the names in alerts are made by whoever causes them, and may be as many as there are alerts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_cicd.incidents.entities import Entities, dig, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_cicd.incidents.reading import Alert

_TALKERS = 40_000
_VALUES = 400
_FINDINGS = 100_000
_HOUR = 3600
_HOURS = 20_000  # more than two years of them
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
        self._tables = tuple(self.kinds.values())

    def add(self, named: Entities, level: int) -> None:
        """Count one alert."""
        for table, name in zip(self._tables, named, strict=True):
            if name:
                value = table.get(name)
                if value is None:
                    if len(table) >= _TALKERS:
                        self._forget(table)
                    value = table[name] = Value()
                value.count += 1
                if level >= 7:
                    value.notable += 1
                value.worst = max(value.worst, level)

    def _forget(self, table: dict[str, Value]) -> None:
        ordered = sorted(table.items(), key=lambda item: (item[1].worst, item[1].count))
        kind = next(kind for kind, one in self.kinds.items() if one is table)
        for name, value in ordered[: _TALKERS // 2]:
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
        "last",
        "level",
        "rule",
        "source",
        "tactics",
        "techniques",
        "title",
    )

    def __init__(self, rule: str, source: str, fields: Iterable[str], when: int, about: dict[str, Any]) -> None:
        """Begin with what the first alert says of the rule."""
        self.rule, self.source = rule, source
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
        self.level = max(self.level, level)
        if when > self.last:
            self.last = when
        elif when < self.first:
            self.first = when
        for path, values in self.asked:
            value = text(dig(alert.get("data"), *path))
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

    __slots__ = ("count", "first", "gap", "last", "notable")

    def __init__(self, when: int) -> None:
        """Begin with the first alert."""
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
    """Alerts by hour and by how bad they are: below 7, 7 to 9, 10 to 12, 13 and above."""

    def __init__(self) -> None:
        """Begin with no hour."""
        self.counts: dict[int, list[int]] = {}

    def add(self, when: int, level: int) -> None:
        """Count one alert."""
        hour = when // _HOUR
        counts = self.counts.get(hour)
        if counts is None:
            if len(self.counts) >= _HOURS:
                return
            counts = self.counts[hour] = [0, 0, 0, 0]
        counts[0 if level < 7 else 1 if level < 10 else 2 if level < 13 else 3] += 1


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
