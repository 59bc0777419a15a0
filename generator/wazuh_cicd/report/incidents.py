"""The report on alerts as one HTML file, as Markdown and as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from wazuh_cicd.report import timeline
from wazuh_cicd.report.untrusted import code, short, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wazuh_cicd.incidents.model import Incident, Line, Report, Talker

_TEMPLATES = Path(__file__).parent / "templates"
_ROWS = 12  # of an incident that are shown at once; the others are folded away
_MARKDOWN_ROWS = 15
_LOWEST = 7

#: What a level asks for (docs/analyst.md).
_MEANINGS = {
    "attack": "An attack, or its exact likeness: act now",
    "wrong": "Likely wrong: look now",
    "notice": "Somebody should know: look today",
    "context": "Context",
}
_KINDS = {
    "actor": "Actors",
    "address": "Addresses",
    "repository": "Repositories and jobs",
    "host": "Hosts",
    "image": "Images",
}


def meaning(level: int) -> str:
    """What a level asks for, in words."""
    return _MEANINGS[timeline.band(level)]


def headline(report: Report) -> str:
    """The state of things in a sentence."""
    grave = [one for one in report.incidents if one.level >= 13]
    hidden = sum(count for _, count in report.more)
    total = len(report.incidents) + hidden
    if not total:
        return "No incident in what was read."
    incidents = f"{total:,} incident{'' if total == 1 else 's'}"
    attacks = len(grave) + sum(count for level, count in report.more if level >= 13)
    if not attacks:
        return f"{incidents}, none of level 13 or above; the worst has level {report.incidents[0].level}."
    which = "it looks" if attacks == total == 1 else f"{attacks:,} of them look{'s' if attacks == 1 else ''}"
    return f"{incidents}; {which} like an attack (level 13 and above)."


def doubts(report: Report) -> Iterator[str]:
    """What the report cannot vouch for, each in a sentence."""
    reading = report.reading
    bad = sum(count for _, count in reading.bad)
    if bad:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in reading.bad)
        yield (
            f"{bad:,} line{'' if bad == 1 else 's'} could not be read as alerts and are missing here ({reasons})."
            f" The first: {reading.first_bad}."
        )
    for one in reading.broken:
        yield f"Not read to its end: {one}."
    silent = [one.source for one in report.sources if one.state == "silent"]
    if silent:
        yield f"Silent for a day or longer at the end, and longer than ever before: {', '.join(silent)}."
    if report.sla.forgotten:
        yield f"{report.sla.forgotten:,} findings of the scanner are beyond what is kept, and missing below."
    if report.forgotten:
        kinds = ", ".join(f"{_KINDS[kind].lower()}: {count:,} alerts" for kind, count in report.forgotten)
        yield f"Too many names to keep all; the rarest are missing among the top talkers and owners ({kinds})."


def places(incident: Incident) -> list[str]:
    """Repositories, hosts and images in turn, so that the first few show each kind."""
    kinds = (incident.repositories, incident.hosts, incident.images)
    return [name for turn in zip_longest(*kinds) for name in turn if name]


# -- HTML ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """An incident as the page shows it: the gravest rows in time, the others folded away."""

    incident: Incident
    axis: timeline.Axis
    shown: Sequence[Line]
    hidden: Sequence[Line]
    places: Sequence[str]
    sources: str


def _shown(incident: Incident, most: int) -> Mapping[str, object]:
    gravest = sorted(incident.lines, key=lambda one: (-one.level, one.first))[:most]
    chosen = {id(one) for one in gravest}
    extra = _Shown(
        incident=incident,
        axis=timeline.axis(incident),
        shown=[one for one in incident.lines if id(one) in chosen],
        hidden=[one for one in incident.lines if id(one) not in chosen],
        places=places(incident),
        sources=", ".join(dict.fromkeys(one.source for one in incident.lines)),
    )
    fields = {name: getattr(incident, name) for name in incident.__slots__}
    return {**fields, **{name: getattr(extra, name) for name in extra.__slots__ if name != "incident"}}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_made_visible,
    )
    filters: Mapping[str, Callable[..., str]] = {
        "band": timeline.band,
        "clock": timeline.clock,
        "day": lambda seconds: timeline.moment(seconds)[:10],
        "grouped": lambda number: f"{number:,}",
        "length_of": timeline.length,
        "meaning": meaning,
        "moment": timeline.moment,
        "short": short,
    }
    environment.filters.update(filters)
    return environment


def _made_visible(value: object) -> object:
    """Whatever the template prints goes through here, then is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def as_html(report: Report) -> str:
    """One page, complete in itself: no script, nothing from elsewhere, and a policy that allows none."""
    style = (_TEMPLATES / "incidents.css").read_text("utf-8")
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    frameworks = dict.fromkeys(one.framework for one in report.controls)
    return (
        _environment()
        .get_template("incidents.html.j2")
        .render(
            report={
                **{name: getattr(report, name) for name in report.__slots__},
                "incidents": [_shown(one, _ROWS) for one in report.incidents],
            },
            headline=headline(report),
            doubts=list(doubts(report)),
            bars=timeline.overview(report.hours, report.first, report.last),
            talkers=list(_by_kind(report.talkers)),
            controls=[(name, [one for one in report.controls if one.framework == name]) for name in frameworks],
            sla_known=bool(report.sla.open or report.sla.resolved or report.sla.forgotten),
            lowest=_LOWEST,
            style=Markup(style),  # noqa: S704 - our own file, whose hash the policy names
            style_hash=f"sha256-{digest}",
        )
    )


def _by_kind(talkers: Sequence[Talker]) -> Iterator[tuple[str, list[Talker]]]:
    for kind, title in _KINDS.items():
        members = [one for one in talkers if one.kind == kind]
        if members:
            yield title, members


# -- JSON ------------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """Everything, in ASCII; times are seconds since the epoch, texts as the alerts have them."""
    return json.dumps({"schema": 1, "headline": headline(report), **asdict(report)}, indent=1) + "\n"


# -- Markdown --------------------------------------------------------------------------------------------------------


def as_markdown(report: Report) -> str:
    """The same for tickets and chats; what came from alerts stands as code, so that nothing of it is markup."""
    lines = [
        "# CI/CD security report",
        "",
        f"{timeline.moment(report.first)} to {timeline.moment(report.last)} UTC, {report.reading.alerts:,} alerts",
        "",
        f"**{headline(report)}**",
        "",
    ]
    for one in doubts(report):
        lines += [f"> {code(one)}", ""]
    lines += ["## Incidents", ""]
    for incident in report.incidents:
        lines += [*_incident(incident, owned=report.owned), ""]
    if report.more:
        lines += ["Not described: " + ", ".join(f"{n:,} of level {level}" for level, n in report.more) + ".", ""]
    lines += [*_sla(report), *_talkers(report), *_noise(report), *_sources(report)]
    if report.owned:
        lines += list(_owners(report))
    lines += list(_controls(report))
    return "\n".join(lines).rstrip() + "\n"


def _codes(values: Sequence[str]) -> str:
    return ", ".join(map(code, values)) or "not named"


def _incident(one: Incident, *, owned: bool) -> Iterator[str]:
    yield f"### {one.number}. Level {one.level}: {code(one.title)}"
    yield ""
    yield f"* **{meaning(one.level)}**"
    yield f"* Who: {_codes(one.who)}" + (f" from {_codes(one.addresses)}" if one.addresses else "")
    yield f"* Where: {_codes(places(one))}"
    yield f"* When: {timeline.moment(one.first)} to {timeline.moment(one.last)} UTC, {one.alerts:,} alerts"
    if owned:
        yield f"* Owner: {_codes(one.owners) if one.owners else 'nobody'}"
    yield f"* So what: {one.why or 'not a rule of this package'}"
    if one.techniques:
        yield f"* ATT&CK: {_codes(one.techniques)}"
    yield "* What next:"
    for number, step in enumerate(one.next_steps, 1):
        yield f"  {number}. {step}"
    if one.reasons:
        yield f"* Together because of {_codes(one.reasons)}"
    yield ""
    yield from _table(
        ("time (UTC)", "level", "what happened", "rule", "times"),
        (
            (
                timeline.moment(line.first),
                str(line.level),
                code(short(line.title, 200)),
                code(line.rule),
                f"{line.count:,}",
            )
            for line in one.lines[:_MARKDOWN_ROWS]
        ),
    )
    rest = sum(line.count for line in one.lines[_MARKDOWN_ROWS:]) + one.unshown
    if rest:
        yield f"and {rest:,} more alerts"


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _sla(report: Report) -> Iterator[str]:
    sla = report.sla
    if not (sla.open or sla.resolved):
        return
    yield "## Vulnerabilities and their SLA"
    yield ""
    yield (
        f"{sla.overdue:,} overdue, {sla.soon:,} due within a week, {sla.open:,} open, {sla.undated:,} without a due"
        f" date, {sla.excepted:,} excepted or hidden, {sla.resolved:,} resolved."
    )
    yield ""
    if sla.worst:
        yield from _table(
            ("due", "days late", "finding", "package", "artifact", "owner"),
            (
                (code(one.due), str(one.days_late), code(f"{one.id} {one.severity}"), code(one.package),
                 code(one.artifact), code(one.owner) if one.owner else "")
                for one in sla.worst
            ),
        )  # fmt: skip
        yield ""


def _talkers(report: Report) -> Iterator[str]:
    yield "## Top talkers"
    yield ""
    yield from _table(
        ("kind", "name", "alerts", "level 7 and above", "worst"),
        ((one.kind, code(one.name), f"{one.count:,}", f"{one.notable:,}", str(one.worst)) for one in report.talkers),
    )
    yield ""


def _noise(report: Report) -> Iterator[str]:
    yield "## Noise per rule"
    yield ""
    yield from _table(
        ("alerts", "level", "rule", "what would quiet it"),
        (
            (f"{one.count:,}", str(one.level), f"{code(one.rule)} {one.name}",
             ", ".join(f"{code(entry.value)} in lists/{entry.list_name}" for entry in one.quiet))
            for one in report.rules
        ),
    )  # fmt: skip
    yield ""


def _sources(report: Report) -> Iterator[str]:
    yield "## Coverage of sources"
    yield ""
    states = {"none": "no alert at all", "silent": "silent", "heard": ""}
    yield from _table(
        ("source", "alerts", "first", "last", "state"),
        (
            (one.source, f"{one.count:,}", timeline.moment(one.first) if one.count else "",
             timeline.moment(one.last) if one.count else "", states[one.state])
            for one in report.sources
        ),
    )  # fmt: skip
    yield ""


def _owners(report: Report) -> Iterator[str]:
    yield "## Owners"
    yield ""
    yield from _table(
        ("team", "contact", "incidents", "alerts", "overdue"),
        (
            (code(one.team), code(one.contact), str(one.incidents), f"{one.alerts:,}", f"{one.overdue:,}")
            for one in report.owners
        ),
    )
    yield ""
    yield f"{report.unowned_count:,} repositories and images have no owner ({report.unowned_alerts:,} alerts)."
    yield ""


def _controls(report: Report) -> Iterator[str]:
    yield "## Controls"
    yield ""
    yield from _table(
        ("framework", "control", "alerts", "level 7 and above", "rules"),
        (
            (one.framework, code(one.control), f"{one.alerts:,}", f"{one.notable:,}", str(one.rules))
            for one in report.controls
        ),
    )


FORMATS: Mapping[str, Callable[[Report], str]] = {"html": as_html, "json": as_json, "md": as_markdown}
