"""Alerts in, a report out: each alert is looked at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from wazuh_cicd import __version__
from wazuh_cicd.incidents.entities import entities_of, keys_of
from wazuh_cicd.incidents.grouping import FOREIGN, NOTABLE, Event, Grouping
from wazuh_cicd.incidents.model import (
    Control,
    Incident,
    Line,
    OwnerLine,
    Quiet,
    Reading,
    Report,
    RuleLine,
    Sla,
    SourceLine,
    Talker,
    Vulnerability,
)
from wazuh_cicd.incidents.reading import Clock, Input, Period
from wazuh_cicd.incidents.tallies import Findings, Hours, RuleTally, SourceTally, Talkers
from wazuh_cicd.spec.model import SOURCES, InList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wazuh_cicd.incidents.grouping import Group, Row
    from wazuh_cicd.incidents.reading import Alert
    from wazuh_cicd.owners import Owner, Owners
    from wazuh_cicd.spec import RuleSpec, SpecSet

OTHER = "other"
_DAY = 86_400
_TITLE = 400
_RULES = 20_000
_WORST_LEVEL = 16

_INCIDENTS = 50  # described one by one
_NAMES = 8  # of one kind in an incident
_STEPS = 6
_TALKERS = 10  # of one kind
_NOISY = 25
_GENERATIONS = 5  # of parents whose lists are looked at
_ASKED = 3  # lists of a rule
_QUIET = 3  # entries proposed for a rule
_WORST = 40  # vulnerabilities listed
_UNOWNED = 20

#: Static fields of Wazuh that conditions name otherwise than alerts do.
_IN_ALERTS = {"user": "dstuser"}


@dataclass
class Analysis:
    """Takes alerts one by one, then makes the report.

    Attributes:
        specs: the rules, for what an alert itself does not say.
        period: alerts outside are counted, and left out.
        found: what was read; alerts without rule or time are counted there.
        owners: whose repositories and images are.
        incident_level: incidents whose gravest alert is below are counted only.
        described: how many incidents are described.
    """

    specs: SpecSet
    period: Period = field(default_factory=Period)
    found: Input = field(default_factory=Input)
    owners: Owners | None = None
    incident_level: int = NOTABLE
    described: int = _INCIDENTS

    def __post_init__(self) -> None:
        """Begin with nothing counted."""
        self._clock = Clock()
        self._rules: dict[str, RuleTally] = {}
        self._sources: dict[str, SourceTally] = {}
        self._talkers = Talkers()
        self._hours = Hours()
        self._findings = Findings()
        self._grouping = Grouping()
        self._bounded = self.period != Period()

    # -- taking alerts ---------------------------------------------------------------------------------------------

    def take(self, alerts: Iterable[Alert]) -> None:
        """Look at alerts, one after the other."""
        read = self._clock.read
        for alert in alerts:
            try:
                about = alert["rule"]
                number, level = about["id"], about["level"]
            except (KeyError, TypeError):
                self._refuse("no rule, id or level in it")
                continue
            if type(level) is not int or type(number) is not str or not 0 <= level <= _WORST_LEVEL:
                level = _level(level)
                if level is None or type(number) is not str or type(about) is not dict:
                    self._refuse("no rule, id or level in it")
                    continue
            when = read(alert)
            if when is None:
                self._refuse("no time in it")
            elif self._bounded and not self.period.holds(when):
                self.found.outside += 1
            else:
                self._count(alert, about, number, level, when)

    def _refuse(self, reason: str) -> None:
        self.found.refuse(self.found.files[-1] if self.found.files else "alerts", 0, reason)

    def _count(self, alert: Alert, about: Alert, number: str, level: int, when: int) -> None:
        tally = self._rules.get(number) or self._first(number, when, about)
        tally.add(alert, when, level)
        source = tally.source
        self._hours.add(when, level)
        named = entities_of(alert, source)
        self._talkers.add(named, level)
        if source == "scanner":
            self._findings.add(alert, when)
        notable = level >= (NOTABLE if source != OTHER else FOREIGN)
        if not notable and not named.actor and not named.address:
            return  # nobody's: it can join nothing
        title = about.get("description")
        title = title[:_TITLE] if type(title) is str else ""
        event = Event(when, tally.rule, level, title, source, named, tally.techniques)
        if notable:
            self._grouping.notable(event, keys_of(alert, source, named))
        else:
            self._grouping.ordinary(event)

    @property
    def alerts(self) -> int:
        """How many alerts were taken."""
        return sum(one.count for one in self._sources.values())

    def _first(self, number: str, when: int, about: Alert) -> RuleTally:
        """Begin to count a rule; beyond what a ruleset can hold, what is left is one rule."""
        number = number[:20]
        source = self._source_of(number)
        heard = self._sources.setdefault(source, SourceTally(source, when))
        if len(self._rules) >= _RULES:
            number = "more"
        known = self._rules.get(number)
        if known is None:
            fields = [_IN_ALERTS.get(one, one) for one, _, _ in self._asked(number)]
            known = self._rules[number] = RuleTally(number, heard, fields, when, about)
        return known

    def _source_of(self, number: str) -> str:
        spec = self._spec(number)
        if spec is not None:
            return spec.source
        block = number[:3]
        return self._blocks.get(block, OTHER) if len(number) == 6 else OTHER

    @cached_property
    def _blocks(self) -> Mapping[str, str]:
        return {str(source.block): name for name, source in SOURCES.items()}

    def _spec(self, number: str) -> RuleSpec | None:
        return self.specs.by_id.get(int(number)) if number.isascii() and number.isdigit() else None

    def _asked(self, number: str) -> list[tuple[str, str, bool]]:
        """Which field of a rule is looked up in which list, and whether by address: an entry there quiets it.

        A list that its only parent asks, or the rule whose alerts it counts, quiets it as well.
        """
        spec, found = self._spec(number), dict[tuple[str, str, bool], None]()
        for _ in range(_GENERATIONS):
            if spec is None:
                break
            for condition in spec.unless:
                for matcher in condition.matchers:
                    if isinstance(matcher, InList) and matcher.value is None:
                        found[condition.subject, matcher.name, matcher.by_address] = None
            counted = spec.correlate.rule if spec.correlate is not None else None
            above = (counted,) if counted else spec.parents.rules
            spec = self.specs.by_name.get(above[0]) if len(above) == 1 and not spec.parents.stock else None
        return list(found)[:_ASKED]

    # -- the report ------------------------------------------------------------------------------------------------

    def report(self, now: int) -> Report:
        """Everything that was found, as of ``now`` in seconds since the epoch; ends the analysis."""
        groups = self._grouping.finish()
        self._talkers.settle()
        shown = [one for one in groups if one.level >= self.incident_level]
        incidents = self._incidents(shown[: self.described])
        more = Counter(one.level for one in shown[self.described :])
        more.update({level: n for level, n in self._grouping.dropped.items() if level >= self.incident_level})
        first = min((one.first for one in self._sources.values()), default=0)
        last = max((one.last for one in self._sources.values()), default=0)
        sla = self._sla(last)
        owners, unowned = self._owned(incidents, sla)
        return Report(
            made=now,
            version=__version__,
            reading=self._reading(),
            first=first,
            last=last,
            levels=sorted(self._hours.levels().items(), reverse=True),
            hours=self._hours.hours(),
            incidents=incidents,
            more=sorted(more.items(), reverse=True),
            talkers=[one for kind in self._talkers.kinds for one in self._top_talkers(kind, _TALKERS)],
            forgotten=[(kind, count) for kind, count in self._talkers.forgotten.items() if count],
            rules=[self._rule_line(one) for one in self._noisy()],
            rule_count=len(self._rules),
            sources=list(self._source_lines(last)),
            sla=sla,
            controls=self._controls(),
            owned=self.owners is not None,
            owners=owners,
            unowned=unowned[:_UNOWNED],
            unowned_count=len(unowned),
            unowned_alerts=sum(one.count for one in unowned),
        )

    def _reading(self) -> Reading:
        return Reading(
            inputs=tuple(self.found.files),
            alerts=self.alerts,
            outside=self.found.outside,
            bad=self.found.bad.most_common(),
            first_bad=self.found.first_bad,
            broken=tuple(self.found.broken),
            skipped_files=self.found.skipped,
        )

    # -- incidents -------------------------------------------------------------------------------------------------

    def _incidents(self, groups: Sequence[Group]) -> list[Incident]:
        mentions: dict[tuple[str, str], list[int]] = {}
        for number, group in enumerate(groups, 1):
            for key in group.values:
                if key[0] in ("actor", "address", "repository", "image"):
                    mentions.setdefault(key, []).append(number)
        return [self._incident(number, group, mentions) for number, group in enumerate(groups, 1)]

    def _incident(self, number: int, group: Group, mentions: Mapping[tuple[str, str], list[int]]) -> Incident:
        rows = sorted(group.rows.values(), key=lambda one: (one.first, -one.event.level))
        worst = min(rows, key=lambda one: (-one.event.level, one.first))
        spec = self._spec(worst.event.rule)
        names = {kind: _most(group, kind) for kind in ("actor", "address", "repository", "host", "image")}
        owned = [self.owners.of(one) for one in (*names["repository"], *names["image"])] if self.owners else []
        notable = [one for one in rows if one.event.level >= NOTABLE]
        tactics = dict.fromkeys(one for row in notable for one in self._rules[row.event.rule].tactics)
        related = Counter(other for key in group.values for other in mentions.get(key, ()) if other != number)
        return Incident(
            number=number,
            level=group.level,
            title=worst.event.title,
            rule=worst.event.rule,
            rule_name=spec.name if spec else "",
            first=group.first,
            last=group.last,
            alerts=group.count,
            who=names["actor"],
            addresses=names["address"],
            repositories=names["repository"],
            hosts=names["host"],
            images=names["image"],
            owners=list(dict.fromkeys(str(one) for one in owned if one)),
            unowned=sum(one is None for one in owned),
            why=spec.why if spec else "",
            next_steps=list(self._steps(rows)),
            harmless=list(spec.false_positives) if spec else [],
            references=[one for one in spec.references if one.startswith("https://")] if spec else [],
            tactics=list(tactics),
            techniques=list(dict.fromkeys(one for row in notable for one in row.event.techniques)),
            reasons=list(_reasons(group)),
            lines=[self._line(one) for one in rows],
            unshown=group.unshown,
            related=[other for other, _ in related.most_common(_NAMES)],
        )

    def _steps(self, rows: Iterable[Row]) -> Iterator[str]:
        """What to do: everything that the gravest rule says, then the first of the next ones."""
        seen: dict[str, None] = {}
        for row in sorted(rows, key=lambda one: (-one.event.level, one.first)):
            spec = self._spec(row.event.rule)
            if spec is None or row.event.level < NOTABLE:
                continue
            steps = spec.triage if not seen else spec.triage[:1]
            seen.update(dict.fromkeys(step.text for step in steps))
            if len(seen) >= _STEPS:
                break
        yield from list(seen)[:_STEPS]

    def _line(self, row: Row) -> Line:
        event = row.event
        spec = self._spec(event.rule)
        return Line(
            first=row.first,
            last=row.last,
            count=row.count,
            level=event.level,
            rule=event.rule,
            name=spec.name if spec else "",
            source=event.source,
            title=event.title,
            last_title=row.last_title,
            actor=event.named.actor,
            address=event.named.address,
            techniques=event.techniques,
            times=sorted(row.times),
        )

    # -- tables ----------------------------------------------------------------------------------------------------

    def _top_talkers(self, kind: str, most: int) -> list[Talker]:
        table = self._talkers.kinds[kind]
        ordered = sorted(table.items(), key=lambda item: (item[1].count, item[1].notable, item[0]), reverse=True)
        return [
            Talker(kind, name, one.count, one.notable, one.worst, self._owner_of(kind, name))
            for name, one in ordered[:most]
        ]

    def _owner_of(self, kind: str, name: str) -> str:
        owner = self.owners.of(name) if self.owners and kind in ("repository", "image") else None
        return str(owner) if owner else ""

    def _noisy(self) -> list[RuleTally]:
        return sorted(self._rules.values(), key=lambda one: (one.count, one.level), reverse=True)[:_NOISY]

    def _rule_line(self, tally: RuleTally) -> RuleLine:
        spec = self._spec(tally.rule)
        quiet = [
            Quiet(list_name, subject, value, count, by_address)
            for (subject, list_name, by_address), (_, values) in zip(self._asked(tally.rule), tally.asked, strict=True)
            for value, count in Counter(values).most_common(_QUIET)
        ]
        return RuleLine(
            rule=tally.rule,
            name=spec.name if spec else "",
            source=tally.source,
            level=tally.level,
            title=tally.title,
            count=tally.count,
            first=tally.first,
            last=tally.last,
            quiet=sorted(quiet, key=lambda one: -one.count)[:_QUIET],
        )

    def _source_lines(self, end: int) -> Iterator[SourceLine]:
        for name in (*SOURCES, OTHER):
            one = self._sources.get(name)
            if one is None:
                if name != OTHER:
                    yield SourceLine(name, 0, 0, 0, 0, 0, 0, "none")
                continue
            rest = end - one.last
            state = "silent" if rest >= _DAY and rest > one.gap[0] else "heard"
            yield SourceLine(name, one.count, one.notable, one.first, one.last, *one.gap, state)

    def _controls(self) -> list[Control]:
        counts: dict[tuple[str, str], list[int]] = {}
        for tally in self._rules.values():
            for key in set(tally.controls):
                count = counts.setdefault(key, [0, 0, 0])
                count[0] += tally.count
                count[1] += tally.count if tally.level >= NOTABLE else 0
                count[2] += 1
        return [Control(*key, *count) for key, count in sorted(counts.items())]

    def _sla(self, end: int) -> Sla:
        counts: Counter[str] = Counter()
        teams: dict[str, list[int]] = {}
        listed: list[Vulnerability] = []
        for one in self._findings.known.values():
            kind, late = _standing(one.state, one.due, end, excepted=one.exception)
            counts[kind] += 1
            if kind == "resolved":
                continue
            owner = self._owner_of("image", one.artifact)
            team = teams.setdefault(owner, [0, 0])
            team[0] += 1
            team[1] += kind == "overdue"
            if kind in ("overdue", "soon"):
                listed.append(
                    Vulnerability(
                        one.artifact, one.id, one.package, one.severity, one.state, one.since, one.due, one.threat,
                        late, owner,
                    )
                )  # fmt: skip
        listed.sort(key=lambda one: (-one.days_late, one.due, one.artifact, one.id))
        return Sla(
            open=sum(counts.values()) - counts["resolved"],
            overdue=counts["overdue"],
            soon=counts["soon"],
            excepted=counts["excepted"],
            resolved=counts["resolved"],
            undated=counts["undated"],
            worst=listed[:_WORST],
            by_owner=sorted(((team, *count) for team, count in teams.items()), key=lambda one: -one[2]),  # type: ignore[misc]
            forgotten=self._findings.forgotten,
        )

    def _owned(self, incidents: Sequence[Incident], sla: Sla) -> tuple[list[OwnerLine], list[Talker]]:
        """What each team has, and the repositories and images that have none, the loudest first."""
        if self.owners is None:
            return [], []
        counts: dict[Owner, list[int]] = {}
        unowned: list[Talker] = []
        for kind in ("repository", "image"):
            for name, one in self._talkers.kinds[kind].items():
                owner = self.owners.of(name)
                if owner is None:
                    unowned.append(Talker(kind, name, one.count, one.notable, one.worst, ""))
                    continue
                count = counts.setdefault(owner, [0, 0])
                count[0] += one.count
                count[1] += one.notable
        overdue = {team: late for team, _, late in sla.by_owner}
        lines = [
            OwnerLine(
                team=owner.team,
                contact=owner.contact,
                alerts=alerts,
                notable=notable,
                incidents=sum(str(owner) in one.owners for one in incidents),
                overdue=overdue.get(str(owner), 0),
            )
            for owner, (alerts, notable) in counts.items()
        ]
        lines.sort(key=lambda one: (-one.incidents, -one.notable, -one.alerts, one.team))
        return lines, sorted(unowned, key=lambda one: (-one.worst, -one.count, one.name))


def _level(value: object) -> int | None:
    """A level that is written as text, as some indexers give it; None where it is none."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 3 and int(value) <= _WORST_LEVEL:
        return int(value)
    return None


def _most(group: Group, kind: str) -> list[str]:
    """The names of one kind in an incident, those of its grave alerts first, then the most frequent."""
    grave = Counter(getattr(row.event.named, kind) for row in group.rows.values() if row.event.level >= NOTABLE)
    names = [(grave[name], count, name) for (one, name), count in group.values.items() if one == kind]
    return [name for _, _, name in sorted(names, key=lambda one: (-one[0], -one[1], one[2]))][:_NAMES]


_WORDS = {
    "actor": "the same actor",
    "token": "the same token or session",
    "run": "the same workflow run",
    "container": "the same container",
    "role": "the same role",
    "address": "the same address",
    "image": "the same image",
    "repository": "the same repository",
    "host": "the same host",
    "time": "time",
}
_SECRET_KEYS = ("token", "container", "run")  # long, and nothing that a reader knows


def _reasons(group: Group) -> Iterator[str]:
    """Why its alerts belong together, the most frequent reason of each kind."""
    by_kind: dict[str, list[tuple[int, str]]] = {}
    for (kind, value), count in group.reasons.items():
        by_kind.setdefault(kind, []).append((count, value))
    for kind in sorted(by_kind, key=lambda one: list(_WORDS).index(one)):
        count, value = max(by_kind[kind])
        shown = value if kind == "time" else _shown(group, kind, value)
        yield f"{_WORDS[kind]}: {shown}" if shown else _WORDS[kind]


def _shown(group: Group, kind: str, value: str) -> str:
    """A key as readers know it, empty where they do not: ids, and users with their host, stand for names."""
    if kind in _SECRET_KEYS:
        return ""
    name = value.partition("@")[0] if kind == "actor" and ("actor", value) not in group.values else value
    return name if kind != "actor" or ("actor", name) in group.values else ""


def _standing(state: str, due: str, end: int, *, excepted: bool) -> tuple[str, int]:
    """What a vulnerability is at a moment: resolved, excepted, overdue, soon, dated or undated; days late."""
    if state == "resolved":
        return "resolved", 0
    day = _day(due)
    late = (end - day) // _DAY if day is not None else 0
    if state == "overdue":  # the scanner has judged it, an expired exception included
        return "overdue", max(0, late)
    if excepted or state == "suppressed":
        return "excepted", 0
    if day is None:
        return "undated", 0
    if end > day:
        return "overdue", late
    return ("soon" if day - end <= 7 * _DAY else "dated"), 0


def _day(value: str) -> int | None:
    """The end of a day such as 2026-11-29, in seconds since the epoch."""
    try:
        return int(datetime.strptime(value[:10], "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()) + _DAY
    except ValueError:
        return None
