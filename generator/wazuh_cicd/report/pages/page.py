"""The page of one rule, put together from its spec and those around it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.mitre import attack
from wazuh_cicd.render.info import info_text
from wazuh_cicd.render.responses import TIMEOUTS
from wazuh_cicd.report.pages.words import Clause, clauses, correlation, duration
from wazuh_cicd.spec.compliance import framework_of
from wazuh_cicd.spec.links import all_groups, is_sure, parents_of
from wazuh_cicd.spec.model import QUIET, InList
from wazuh_cicd.spec.runbooks import index_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.spec import RuleSpec, SpecSet, TestSpec
    from wazuh_cicd.spec.model import ListSpec, Step

_FIELD = re.compile(r"\$\(([^)]+)\)")
_KEPT = 11  # logs that a manager keeps for a composite's previous_output
_SHOWN_EVENTS = 3  # of a test; more of them are counted
_ALERTS_FROM = 3  # the level from which on a manager writes an alert
_STATIC_TAGS = frozenset(
    {"srcip", "dstip", "srcport", "dstport", "url", "id", "status", "action", "protocol", "hostname"}
)
# Sources that run elsewhere: a firewall of ours does not stand in front of them.
_SERVICES: Mapping[str, str] = {"github": "GitHub", "aws": "AWS"}
#: What a level asks for (docs/analyst.md).
_MEANINGS = (
    (13, "An attack, or its exact likeness: now, with the incident process."),
    (10, "Likely wrong: now."),
    (7, "Somebody should know: the same day."),
    (4, "Unusual, mostly harmless: look when you are there anyway."),
    (1, "Worth keeping: context for an investigation."),
    (0, "A step on the way; no alert."),
)
_DOES: Mapping[str, str] = {
    "block-ip": "Drops every packet from the address in {address} on the agent that reported the event, for {time}."
    " It ends by itself. Internal, private and shared addresses are not blocked unless the site says so, and those of"
    " the allow list never.",
    "quarantine-container": "Takes the container off its networks and pauses it, for {time}. Evidence is kept, and it"
    " is put back afterwards. A service that the container gives stops for that time.",
    "scan-image": "Puts the image into the scanner's queue. It changes nothing that runs.",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """Another rule: its name, id, level and title; ``name`` is empty for one of Wazuh's own."""

    name: str
    id: int
    level: int
    title: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and a name: a technique, a control, a log source."""

    id: str
    name: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Tuning:
    """A list that the rule asks: entries of it quiet the rule, or widen it."""

    list: ListSpec
    quiets: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Example:
    """A test, as an example.

    Attributes:
        fires: whether the rule fires on the last event.
        events: the first ones, as text.
        more: how many events follow.
        note: the author's remark.
        instead: the rule that takes the last event; empty where it is this one or nobody's.
    """

    fires: bool
    events: tuple[str, ...]
    more: int
    note: str
    instead: str


@dataclass(frozen=True, slots=True)
class RulePage:
    """Everything that a page shows; see the attributes of ``RuleSpec`` for the rest."""

    rule: RuleSpec
    id: int
    looks_like: str
    info: str
    hangs_on: tuple[Ref, ...]
    when: tuple[Clause, ...]
    unless: tuple[Clause, ...]
    counts: str
    evidence: str
    evidence_query: str
    triage: tuple[Step, ...]
    contain: tuple[Step, ...]
    response: str
    response_safety: tuple[str, ...]
    tuning: tuple[Tuning, ...]
    child_rule: str
    techniques: tuple[Named, ...]
    controls: tuple[Named, ...]
    needs: tuple[Named, ...]
    related: tuple[Ref, ...]
    examples: tuple[Example, ...]

    @property
    def meaning(self) -> str:
        """What its level asks for."""
        return meaning_of(self.rule.level)

    @property
    def title(self) -> str:
        """The title with fields as words in brackets."""
        return plain_title(self.rule.title)


def meaning_of(level: int) -> str:
    """What a level asks of whoever reads the alert."""
    return next(text for least, text in _MEANINGS if level >= least)


def plain_title(title: str) -> str:
    """A title with fields as ``[field]``."""
    return _FIELD.sub(r"[\1]", title)


class Pages:
    """All pages of a package; what they share is looked up once."""

    def __init__(self, specs: SpecSet, ids: Ids) -> None:
        """Pages of these specs, with the ids on the target."""
        self.specs = specs
        self._ids = ids
        self._lists = {entry.name: entry for entry in specs.lists}
        self._groups = all_groups(specs)
        self._below: dict[str, list[RuleSpec]] = {}
        for rule in specs.rules:
            for parent in parents_of(rule, specs):
                self._below.setdefault(parent.name, []).append(rule)

    def __iter__(self) -> Iterator[RulePage]:
        """In the order of the ids."""
        return (self.page(rule) for rule in self.specs.rules)

    def page(self, rule: RuleSpec) -> RulePage:
        """The page of a rule."""
        number = self._ids.of(rule.name)
        response, safety = _response(rule)
        evidence, query = self._evidence(rule)
        return RulePage(
            rule=rule,
            id=number,
            looks_like=_looks_like(rule),
            info=info_text(rule),
            hangs_on=tuple(self._hangs_on(rule)),
            when=tuple(clause for condition in rule.when for clause in clauses(condition)),
            unless=tuple(clause for condition in rule.unless for clause in clauses(condition)),
            counts=self._counts(rule),
            evidence=evidence,
            evidence_query=query,
            triage=tuple(_with_id(step, number) for step in rule.steps),
            contain=tuple(_with_id(step, number) for step in rule.containment),
            response=response,
            response_safety=safety,
            tuning=tuple(self._tuning(rule)),
            child_rule=_child_rule(rule, number),
            techniques=tuple(_techniques(rule)),
            controls=tuple(_controls(rule)),
            needs=tuple(Named(name, self.specs.log_sources.get(name, "")) for name in rule.needs),
            related=tuple(self._related(rule)),
            examples=tuple(_example(test) for test in rule.tests),
        )

    def ref(self, rule: RuleSpec, how: str = "") -> Ref:
        """A reference to one of our rules."""
        return Ref(rule.name, self._ids.of(rule.name), rule.level, plain_title(rule.title), how)

    def _hangs_on(self, rule: RuleSpec) -> Iterator[Ref]:
        for name in rule.parents.rules:
            yield self.ref(self.specs.by_name[name])
        for number in rule.parents.stock:
            yield Ref("", number, 0, "rule of Wazuh's own ruleset")

    def _counted(self, rule: RuleSpec) -> list[RuleSpec]:
        correlate = rule.correlate
        if correlate is None:
            return []
        if correlate.rule is not None:
            return [self.specs.by_name[correlate.rule]]
        return self._groups.get(correlate.group, []) if correlate.group else []

    def _counts(self, rule: RuleSpec) -> str:
        correlate = rule.correlate
        if correlate is None:
            return ""
        what = f"the rule {correlate.rule}" if correlate.rule else f"Wazuh's rule {correlate.stock}"
        if correlate.group:
            what = f"any rule of the group {correlate.group}"
        return f"Events of {what} have come {correlation(correlate)}."

    def _evidence(self, rule: RuleSpec) -> tuple[str, str]:
        """What a composite's alert holds of the events that it counted, and how to find them."""
        correlate = rule.correlate
        if correlate is None:
            return "", ""
        counted = self._counted(rule)
        numbers = [str(self._ids.of(other.name)) for other in counted if other.level >= _ALERTS_FROM]
        query = f"rule.groups:{correlate.group}" if correlate.group and numbers else ""
        if not query and (numbers or correlate.stock):
            query = f"rule.id:{numbers[0] if numbers else correlate.stock}"
        if query:
            query += "".join(f' AND {index_path(name)}:"$({name})"' for name in correlate.same)
        if correlate.count <= 2:
            text = (
                "The alert shows the last event only: a manager adds earlier ones (previous_output) from the third on."
            )
        elif correlate.count > _KEPT + 1:
            text = (
                f"previous_output holds the newest {_KEPT} of the events before the last one; a manager keeps no more."
            )
        else:
            text = f"previous_output holds the {correlate.count - 1} events before the last one, the newest first."
        if "no_full_log" in rule.options:
            text += " The last event's own text (full_log) is left out."
        if not query:
            text += " What it counts writes no alert of its own (below level 3): look at the source or in the archives."
        return text, query

    def _tuning(self, rule: RuleSpec) -> Iterator[Tuning]:
        seen: set[str] = set()
        todo, known = [rule], {rule.name}
        while todo:
            current = todo.pop(0)
            for conditions, quiets in ((current.unless, True), (current.when, False)):
                for condition in conditions:
                    for name in _lists_of(condition.matchers):
                        if name in self._lists and name not in seen:
                            seen.add(name)
                            yield Tuning(self._lists[name], quiets, condition.subject)
            for parent in parents_of(current, self.specs):
                if parent.name not in known:
                    known.add(parent.name)
                    todo.append(parent)

    def _related(self, rule: RuleSpec) -> Iterator[Ref]:
        shown = {rule.name, *rule.parents.rules}
        for other in self._counted(rule)[:12]:
            if other.name not in shown:
                shown.add(other.name)
                yield self.ref(other, "is counted by this rule")
        for other in self._below.get(rule.name, ())[:40]:
            if other.name in shown:
                continue
            shown.add(other.name)
            counted = other.correlate is not None and other.correlate.rule == rule.name
            yield self.ref(other, "counts this rule" if counted else "is tried when this rule fires")
        if rule.level > QUIET:
            alike = Counter(
                {
                    other.name: len(set(rule.groups) & set(other.groups))
                    + 2 * len(set(rule.covers) & set(other.covers))
                    for other in self.specs.rules
                    if other.source == rule.source and other.name not in shown and other.level > QUIET
                    if set(rule.mitre) & set(other.mitre) and rule.family == other.family
                }
            )
            for name, _ in alike.most_common(5):
                yield self.ref(self.specs.by_name[name], "same technique, same kind of event")


def _lists_of(matchers: Sequence[object]) -> Iterator[str]:
    for matcher in matchers:
        if isinstance(matcher, InList):
            yield matcher.name


def _with_id(step: Step, number: int) -> Step:
    return replace(step, query=step.query.replace("{id}", str(number)), text=step.text.replace("{id}", str(number)))


def _looks_like(rule: RuleSpec) -> str:
    """The title with the values of its first firing test that has them all; empty for none."""
    for test in rule.tests:
        if test.expect != "fires":
            continue
        event = test.events[-1]
        fields = dict(event.decoded[1]) if event.decoded is not None else _flat(event.log)
        lower = {name.lower(): value for name, value in fields.items()}
        parts = _FIELD.split(rule.title)  # text, field, text, field, ..., text
        if len(parts) > 1 and all(name.lower() in lower for name in parts[1::2]):
            return "".join(lower[part.lower()] if position % 2 else part for position, part in enumerate(parts))
    return ""


def _flat(log: bytes | None) -> dict[str, str]:
    try:
        value = json.loads(log or b"")
    except ValueError:
        return {}
    return dict(_leaves("", value))


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, json.dumps(value)


def _response(rule: RuleSpec) -> tuple[str, tuple[str, ...]]:
    """What may act on the rule, and what makes that safe or not."""
    response = rule.response
    if response is None:
        text = "No response is bound to this rule; contain it by hand."
        if rule.forgeable:
            return text, ("Whoever is seen in this event can write its text: a response could be turned on others.",)
        return text, ()
    shown = _DOES[response.action].format(
        address=response.arguments.get("address", ""),
        time=duration(response.timeout or TIMEOUTS[response.action] or 0),
    )
    confidence = response.arguments.get("confidence", "low")
    safety = [f"The author's confidence that an event of this rule is an attack: {confidence}."]
    if is_sure(response):
        safety.append(
            f"Off unless the site switches it on (wazuh-cicd install apply --respond {response.action}); with --observe"
            " it only logs what it would do."
        )
    else:
        safety.append("It is never bound: the confidence is too low for it. Take it as a hint, and act by hand.")
    if response.action == "block-ip" and rule.source in _SERVICES:
        safety.append(
            f"It protects your own hosts only: {_SERVICES[rule.source]} is reached from the address as before."
        )
    if response.origins:
        safety.append(f"Acts on events from {', '.join(response.origins)} only.")
    if response.repeated:
        times = ", ".join(f"{minutes} minutes" for minutes in response.repeated)
        safety.append(f"Lasts longer when it comes again: {times}.")
    return f"{response.action}: {shown}", tuple(safety)


def _child_rule(rule: RuleSpec, number: int) -> str:
    """A rule of the site's own that silences one case; empty for a rule that is silent itself."""
    if rule.level < _ALERTS_FROM:
        return ""
    names = _FIELD.findall(rule.title)
    field = next((name for name in names if "." in name), next(iter(names), ""))
    if field in ("dstuser", "srcuser"):
        tag = "<user>^VALUE$</user>"
    elif field in _STATIC_TAGS:
        tag = f"<{field}>VALUE</{field}>"
    elif field:
        tag = f'<field name="{field}">^VALUE$</field>'
    else:
        tag = "<match>VALUE</match>"
    return (
        '<group name="local,">\n'
        '  <rule id="100100" level="0">\n'
        f"    <if_sid>{number}</if_sid>\n"
        f"    {tag}\n"
        "    <description>Known and agreed: say by whom.</description>\n"
        "  </rule>\n"
        "</group>"
    )


def _techniques(rule: RuleSpec) -> Iterator[Named]:
    table = attack()
    for technique in rule.mitre:
        name, tactics = table.techniques.get(technique, ("", ()))
        parent = table.techniques.get(technique.partition(".")[0], ("", ()))[0]
        shown = f"{parent}: {name}" if "." in technique and parent else name
        yield Named(technique, shown, ", ".join(table.tactics[tactic] for tactic in tactics))


def _controls(rule: RuleSpec) -> Iterator[Named]:
    for control in rule.compliance:
        framework = framework_of(control)
        if framework is not None:
            yield Named(control[len(framework.prefix) :], framework.short, framework.prefix.rstrip("_"))


def _example(test: TestSpec) -> Example:
    shown = tuple(_event_text(event.log, event.decoded) for event in test.events[:_SHOWN_EVENTS])
    more = max(0, len(test.events) - _SHOWN_EVENTS)
    return Example(test.expect == "fires", shown, more, test.note, test.instead or "")


def _event_text(log: bytes | None, decoded: tuple[str, Mapping[str, str]] | None) -> str:
    if decoded is not None:
        return "\n".join([f"decoded by {decoded[0]}", *(f"{name}: {value}" for name, value in decoded[1].items())])
    text = (log or b"").decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(value, indent=1, ensure_ascii=False) if isinstance(value, dict) else text
