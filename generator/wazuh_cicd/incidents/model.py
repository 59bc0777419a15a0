"""The report as data: what every format shows. All text in it that came from an alert is untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Line:
    """Alerts of one rule by one actor in an incident, in time: first and last in seconds since the epoch."""

    first: int
    last: int
    count: int
    level: int
    rule: str
    name: str
    source: str
    title: str
    last_title: str
    actor: str
    address: str
    techniques: Sequence[str]
    times: Sequence[int]


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that belong together.

    Attributes:
        number: from 1, the worst first.
        level: of its gravest alert.
        title: of its gravest alert, the earliest of them.
        rule: id and name of that alert's rule.
        first, last: seconds since the epoch.
        alerts: how many.
        who, addresses, repositories, hosts, images: what its alerts name, the most frequent first.
        owners: teams of its repositories and images; unowned: how many of these have none.
        why: why the gravest rule matters, from its spec.
        next_steps: what to do, from the specs of its gravest rules.
        harmless: known harmless causes of the gravest rule.
        references: where to read on.
        tactics, techniques: of ATT&CK, in the order in which they came.
        reasons: why its alerts belong together.
        lines: its alerts in time; unshown: alerts that no line shows.
        related: numbers of other incidents that name the same ones, too long before or after to be the same.
    """

    number: int
    level: int
    title: str
    rule: str
    rule_name: str
    first: int
    last: int
    alerts: int
    who: Sequence[str]
    addresses: Sequence[str]
    repositories: Sequence[str]
    hosts: Sequence[str]
    images: Sequence[str]
    owners: Sequence[str]
    unowned: int
    why: str
    next_steps: Sequence[str]
    harmless: Sequence[str]
    references: Sequence[str]
    tactics: Sequence[str]
    techniques: Sequence[str]
    reasons: Sequence[str]
    lines: Sequence[Line]
    unshown: int
    related: Sequence[int]


@dataclass(frozen=True, slots=True)
class Talker:
    """An actor, address, repository, host or image, and how many alerts name it."""

    kind: str
    name: str
    count: int
    notable: int
    worst: int
    owner: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """A list entry that would quiet a rule for one value: the list, the field it asks, the value, how many alerts."""

    list_name: str
    subject: str
    value: str
    count: int
    by_address: bool


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule's alerts."""

    rule: str
    name: str
    source: str
    level: int
    title: str
    count: int
    first: int
    last: int
    quiet: Sequence[Quiet]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source: alerts, first and last, the longest time without one; ``state`` says what it looks like.

    ``none``: no alert at all. ``silent``: none for a day or more before the end, and longer than ever before it.
    """

    source: str
    count: int
    notable: int
    first: int
    last: int
    gap: int
    gap_since: int
    state: str


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability of one artifact, as the scanner's newest alert has it."""

    artifact: str
    id: str
    package: str
    severity: str
    state: str
    since: str
    due: str
    threat: str
    days_late: int
    owner: str


@dataclass(frozen=True, slots=True)
class Sla:
    """Vulnerabilities against their due dates, at the end of the period.

    Attributes:
        open, overdue, soon, excepted, resolved, undated: counts; soon is due within a week, undated has no due date.
        worst: overdue ones, then those due soon.
        forgotten: findings beyond what is kept.
    """

    open: int
    overdue: int
    soon: int
    excepted: int
    resolved: int
    undated: int
    worst: Sequence[Vulnerability]
    by_owner: Sequence[tuple[str, int, int]]
    forgotten: int


@dataclass(frozen=True, slots=True)
class Control:
    """One control of one framework: alerts of rules that serve it, those of level 7 and above, and how many rules."""

    framework: str
    control: str
    alerts: int
    notable: int
    rules: int


@dataclass(frozen=True, slots=True)
class OwnerLine:
    """One team: alerts on its repositories and images, those of level 7 and above, incidents, overdue findings."""

    team: str
    contact: str
    alerts: int
    notable: int
    incidents: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the report was made from, and what of it could not be read."""

    inputs: Sequence[str]
    alerts: int
    outside: int
    bad: Sequence[tuple[str, int]]
    first_bad: str
    broken: Sequence[str]
    skipped_files: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report shows.

    Attributes:
        first, last: of the alerts, in seconds since the epoch.
        levels: alerts by level.
        hours: alerts by hour (seconds since the epoch): below 7, 7 to 9, 10 to 12, 13 and above.
        incidents: the worst first; ``more`` are those that are not described, by level.
        owned: whether owners were given; ``unowned`` repositories and images have none, with their alerts.
    """

    made: int
    version: str
    reading: Reading
    first: int
    last: int
    levels: Sequence[tuple[int, int]]
    hours: Sequence[tuple[int, int, int, int, int]]
    incidents: Sequence[Incident]
    more: Sequence[tuple[int, int]]
    talkers: Sequence[Talker]
    forgotten: Sequence[tuple[str, int]]
    rules: Sequence[RuleLine]
    rule_count: int
    sources: Sequence[SourceLine]
    sla: Sla
    controls: Sequence[Control]
    owned: bool
    owners: Sequence[OwnerLine]
    unowned: Sequence[Talker]
    unowned_count: int
    unowned_alerts: int
