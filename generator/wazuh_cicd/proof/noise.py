"""How often rules speak on ordinary life: alerts above level 5 for each 500 benign events that they read.

The figure of a rule counts the events of the kind that it reads: those that end below the same root as the rule.
Kubernetes audit events say nothing about a rule for sshd. A rule's budget is one such alert, and a tenth from level 8
on, unless its spec states another (``noise``) with the reason. A rule is ``stable`` only with a figure, or with such a
reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.proof.engines import EmbeddedEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.spec import RuleSpec, SpecSet

#: Alerts above this level interrupt somebody.
LOUD = 5
#: Alerts from this level on say that something is wrong.
ALARM = 8
#: Figures are alerts for this many events. A shorter corpus counts as one of this length.
PER = 500


@dataclass(frozen=True, slots=True)
class BenignEvent:
    """One event: its log or its decoder and fields, where it comes from, and when (seconds since the epoch)."""

    log: bytes | str
    location: str
    time: float
    decoded: tuple[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """Events of ordinary life.

    Attributes:
        name: as the figures call it.
        origin: where the events come from, in words.
        events: in order.
        foreign: whether others than the rules' authors decided what is in it.
        rates: whether things happen in it as often as in life. Where each thing stands once, an alert says nothing
            about how often it comes, and only what stays silent counts.
    """

    name: str
    origin: str
    events: Sequence[BenignEvent]
    foreign: bool = True
    rates: bool = True


@dataclass
class Heard:
    """What the rules said of one corpus.

    Attributes:
        corpus: the events.
        loud: alerts above level 5 by rule id.
        alarms: those from level 8 on.
        read: events by the root that they ended below.
    """

    corpus: Corpus
    loud: Counter[int] = field(default_factory=Counter)
    alarms: int = 0
    read: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Figure:
    """One rule on all corpora: alerts above level 5, and the events that it reads."""

    rule: RuleSpec
    alerts: int
    events: int

    @property
    def rate(self) -> float:
        """Alerts for each 500 events."""
        return self.alerts * PER / max(self.events, PER)

    @property
    def over(self) -> bool:
        """Whether it says more than its budget allows."""
        return self.rate > budget_of(self.rule)


def budget_of(rule: RuleSpec) -> float:
    """Alerts above level 5 that a rule may write for 500 benign events."""
    if rule.noise is not None:
        return rule.noise.budget
    return 0.1 if rule.level >= ALARM else 1.0


def listen(corpora: Iterable[Corpus], ruleset: Ruleset, ours: frozenset[int]) -> list[Heard]:
    """Judge each corpus in a session of its own; only alerts of ``ours`` count."""
    roots = _roots(ruleset)
    engine = EmbeddedEngine(ruleset)
    found = []
    for corpus in corpora:
        heard = Heard(corpus)
        session = engine.open_session()
        for event in corpus.events:
            if event.decoded is not None:
                decoder, fields = event.decoded
                verdict = session.process_decoded(decoder, fields, location=event.location, time=event.time)
            else:
                verdict = session.process(event.log, event.location, time=event.time)
            if verdict.rule_id is None:
                continue
            heard.read.update(roots.get(verdict.rule_id, ()))
            level = int(verdict.output["rule"]["level"])
            if verdict.alert and level > LOUD and verdict.rule_id in ours:
                heard.loud[verdict.rule_id] += 1
                heard.alarms += level >= ALARM
        found.append(heard)
    return found


def figures(specs: SpecSet, heard: Iterable[Heard], ruleset: Ruleset) -> list[Figure]:
    """The figure of each rule that can alert above level 5; ``events`` is 0 where nothing foreign is what it reads."""
    roots = _roots(ruleset)
    foreign = [one for one in heard if one.corpus.foreign]
    out = []
    for rule in specs.rules:
        if rule.level > LOUD and not rule.noalert:
            # A rule below several roots counts, of each corpus, the events of the root that has most.
            events = sum(max((one.read[root] for root in roots.get(rule.id, ())), default=0) for one in foreign)
            alerts = sum(one.loud[rule.id] for one in foreign if one.corpus.rates)
            out.append(Figure(rule, alerts, events))
    return out


def without_figure(found: Iterable[Figure]) -> list[RuleSpec]:
    """The stable rules for which neither a figure nor a reason in the spec speaks: they may not be stable."""
    return [one.rule for one in found if one.rule.status == "stable" and not one.events and one.rule.noise is None]


def _roots(ruleset: Ruleset) -> dict[int, frozenset[int]]:
    """For each rule the rules right below a category root that it hangs below, itself included."""
    found: dict[int, set[int]] = {}
    top: dict[int, int] = {}
    for node in ruleset.tree.walk():
        if node.parent is None:
            continue
        root = node.rule.id if node.parent.parent is None else top[id(node.parent)]
        top[id(node)] = root
        found.setdefault(node.rule.id, set()).add(root)
    return {number: frozenset(ids) for number, ids in found.items()}
