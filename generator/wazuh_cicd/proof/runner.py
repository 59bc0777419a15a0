"""Running the specs' own tests on an engine.

A test is a short session of its own: its events are judged in order, with simulated time between them, and what
counts is the rule each event ends at. ``fires`` looks at the last event, ``silent`` at all of them
(``docs/specs.md``, Tests).
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.sharing import SharedSession, plain_rules
from wazuh_cicd.render import render_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wazuh_cicd.proof.engines import Engine, Session, Verdict
    from wazuh_cicd.spec import RuleSpec, SpecSet, TestEvent, TestSpec

#: Where simulated time starts: an ordinary Wednesday noon, so that tests of office hours are the exception.
EPOCH = 1_767_787_200.0  # 2026-01-07T12:00:00Z

#: Wazuh's log_alert_level: from this level on a rule writes an alert.
ALERT_LEVEL = 3


class Outcome(Enum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One test of one rule.

    Attributes:
        rule_id: the rule's number.
        rule: its name.
        source: its source (``github``).
        number: which of the rule's tests, from 1.
        expect: ``fires`` or ``silent``.
        outcome: how it ended.
        reason: why it failed or was skipped; empty when it passed.
        note: the author's note.
        path: the spec file.
        line: where the test stands in it.
    """

    rule_id: int
    rule: str
    source: str
    number: int
    expect: str
    outcome: Outcome
    reason: str = ""
    note: str = ""
    path: str = ""
    line: int = 0

    @property
    def label(self) -> str:
        """``111051 branch-protection-removed, fires #1``."""
        return f"{self.rule_id} {self.rule}, {self.expect} #{self.number}"


@dataclass(frozen=True, slots=True)
class Results:
    """All tests of a run, in the order of the specs."""

    engine: str
    results: tuple[Result, ...]
    messages: tuple[str, ...] = field(default=())

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return any(result.outcome is Outcome.FAILED for result in self.results)


def select(specs: SpecSet, words: Sequence[str] = ()) -> Iterator[RuleSpec]:
    """The rules whose id, name, source, family or title holds every word (ASCII case ignored)."""
    wanted = [word.lower() for word in words]
    for rule in specs.rules:
        text = f"{rule.id} {rule.name} {rule.source} {rule.family} {rule.title}".lower()
        if all(word in text for word in wanted):
            yield rule


def run_tests(specs: SpecSet, engine: Engine, rules: Iterable[RuleSpec] | None = None, *, jobs: int = 1) -> Results:
    """Run the tests of some rules, or of all.

    Args:
        specs: all specs, to tell names from numbers.
        engine: what judges.
        rules: the rules to prove; all of ``specs`` when absent.
        jobs: processes to use. Each test is a session of its own, so their order does not matter; an engine that talks
            to a manager cannot be shared, and gets one process.
    """
    chosen = tuple(specs.rules if rules is None else rules)
    names = {rule.id: rule.name for rule in specs.rules}
    shared = SharedSession(engine, plain_rules(specs)) if engine.reloads else None
    below = below_passages(specs)
    paced = frozenset() if engine.simulates_time else _need_pauses(specs, chosen, below)
    run = _Run(engine, names, below, frozenset(map(str, engine.load_messages)), shared, paced)
    if jobs == 1 or not isinstance(engine, EmbeddedEngine):
        results = [result for rule in chosen for result in run.rule(rule)]
    else:
        results = _in_processes(run, chosen, jobs)
    return Results(engine=engine.name, results=tuple(results))


@dataclass(frozen=True, slots=True)
class _Run:
    """What all tests of a run share.

    Attributes:
        engine: what judges.
        names: all rules' names by id.
        below: as ``below_passages`` gives it.
        told: what the engine had to say about the ruleset: a manager repeats it with the first event of a session.
        shared: for the tests that need no session of their own; None where sessions cost nothing.
        paced: the rule and number of the tests that pass only with the time between their events; empty where it is
            simulated.
    """

    engine: Engine
    names: dict[int, str]
    below: Mapping[int, frozenset[int]]
    told: frozenset[str]
    shared: SharedSession | None = None
    paced: frozenset[tuple[int, int]] = frozenset()

    def rule(self, rule: RuleSpec) -> list[Result]:
        """Run the tests of one rule."""
        return [
            run_test(
                rule,
                number,
                test,
                self.engine,
                self.names,
                below=self.below,
                told=self.told,
                shared=self.shared,
                paced=(rule.id, number) in self.paced,
            )
            for number, test in enumerate(rule.tests, start=1)
        ]


_shared: list[tuple[_Run, tuple[RuleSpec, ...]]] = []


def _in_processes(run: _Run, rules: tuple[RuleSpec, ...], jobs: int) -> list[Result]:
    """Share the rules out; forked workers inherit them and the loaded ruleset, only results are sent."""
    _shared[:] = [(run, rules)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        parts = pool.map(_run_nth, range(len(rules)), chunksize=max(1, len(rules) // (jobs * 4)))
        return [result for part in parts for result in part]


def _run_nth(position: int) -> list[Result]:
    run, rules = _shared[0]
    return run.rule(rules[position])


def below_passages(specs: SpecSet) -> dict[int, frozenset[int]]:
    """For each ``noalert`` rule, at which no event ends, the ids of the rules below it, at any depth."""
    children: dict[str, list[RuleSpec]] = {}
    for rule in specs.rules:
        counted = [rule.correlate.rule] if rule.correlate and rule.correlate.rule and not rule.parents.rules else []
        for parent in (*rule.parents.rules, *counted):
            children.setdefault(parent, []).append(rule)
    found = {}
    for passage in specs.rules:
        if passage.noalert:
            ids: set[int] = set()
            stack = [passage.name]
            while stack:
                for child in children.get(stack.pop(), ()):
                    if child.id not in ids:
                        ids.add(child.id)
                        stack.append(child.name)
            found[passage.id] = frozenset(ids)
    return found


def _need_pauses(
    specs: SpecSet, rules: Iterable[RuleSpec], below: Mapping[int, frozenset[int]]
) -> frozenset[tuple[int, int]]:
    """The tests that do not fire when their events come all at once, by rule and number.

    Sooner than the rule, one that counts within a shorter time may take an event. The evaluator decides, so that a
    manager's answer is never its own excuse.
    """
    slow = [
        (rule, number, test)
        for rule in rules
        for number, test in enumerate(rule.tests, start=1)
        if test.expect == "fires" and any(event.after for event in test.events)
    ]
    if not slow:
        return frozenset()
    engine = EmbeddedEngine(assemble(package=render_package(specs).ruleset_files()))
    told = frozenset(map(str, engine.load_messages))
    found = set()
    for rule, number, test in slow:
        hurried = replace(test, events=tuple(replace(event, after=0.0) for event in test.events))
        result = run_test(rule, number, hurried, engine, {}, below=below, told=told)
        if result.outcome is not Outcome.PASSED:
            found.add((rule.id, number))
    return frozenset(found)


def run_test(
    rule: RuleSpec,
    number: int,
    test: TestSpec,
    engine: Engine,
    names: dict[int, str],
    *,
    below: Mapping[int, frozenset[int]],
    told: frozenset[str] = frozenset(),
    shared: SharedSession | None = None,
    paced: bool = False,
) -> Result:
    """Run one test in a session of its own, or where that says the same in one that it shares.

    Args:
        rule: whose test it is.
        number: which of its tests, from 1.
        test: the test.
        engine: what judges.
        names: our rules' names by number, for messages.
        below: what ``below_passages`` says: such a rule fires when the event ends below it.
        told: messages that are known and no failure of the test.
        shared: the session that tests of one event take turns in.
        paced: it passes only with the time between its events, and the engine cannot simulate that.
    """
    ends = below.get(rule.id) or frozenset({rule.id})
    if paced:
        outcome, reason = Outcome.SKIPPED, f"{engine.name} cannot simulate the time between the events"
    else:
        outcome, reason = _judge(rule, ends, test, engine, names, told, shared)
    return Result(
        rule_id=rule.id,
        rule=rule.name,
        source=rule.source,
        number=number,
        expect=test.expect,
        outcome=outcome,
        reason=reason,
        note=test.note or "",
        path=test.path,
        line=test.line,
    )


def _judge(  # noqa: PLR0917 - as run_test
    rule: RuleSpec,
    ends: frozenset[int],
    test: TestSpec,
    engine: Engine,
    names: dict[int, str],
    told: frozenset[str],
    shared: SharedSession | None,
) -> tuple[Outcome, str]:
    if unable := _cannot_run(rule, test, engine):
        return Outcome.SKIPPED, unable
    # Without the pauses, a rule that counts within a shorter time may rightly be first.
    hurried = not engine.simulates_time and any(event.after for event in test.events)
    assess = partial(_assess, rule, ends, test, names=names, told=told, hurried=hurried)
    if shared is None or len(test.events) > 1 or test.events[0].decoded is not None:
        return assess(list(play(engine.open_session(), test.events)))
    verdict = shared.ask(test.events[0], time=EPOCH)
    outcome, reason = (Outcome.SKIPPED, "") if verdict is None else assess([verdict])
    if outcome is not Outcome.PASSED:
        session = engine.open_session()
        verdicts = list(play(session, test.events))
        outcome, reason = assess(verdicts)
        shared.learn(test.events[0], verdicts[0], session, time=EPOCH)
    return outcome, reason


def _assess(
    rule: RuleSpec,
    ends: frozenset[int],
    test: TestSpec,
    verdicts: Sequence[Verdict],
    *,
    names: dict[int, str],
    told: frozenset[str],
    hurried: bool,
) -> tuple[Outcome, str]:
    logged = "; ".join(text for verdict in verdicts for text in map(str, verdict.messages) if text not in told)
    if logged:
        return Outcome.FAILED, f"the engine logged: {logged}"
    last = verdicts[-1]
    if test.expect == "fires":
        if last.rule_id not in ends:
            pauses = "; its events were sent without the pauses between them" if hurried else ""
            return Outcome.FAILED, f"the event ended at {describe(last, names)}{pauses}"
        if rule.level >= ALERT_LEVEL and not last.alert:
            return Outcome.FAILED, "the rule took the event but wrote no alert"
        return Outcome.PASSED, ""
    for position, verdict in enumerate(verdicts, start=1):
        if verdict.rule_id in ends:
            return Outcome.FAILED, "the rule took the event" if len(
                verdicts
            ) == 1 else f"the rule took event {position}"
    if test.instead is not None and not _is_rule(last, test.instead, names):
        return Outcome.FAILED, f"the event was to end at {test.instead}, but ended at {describe(last, names)}"
    return Outcome.PASSED, ""


def _cannot_run(rule: RuleSpec, test: TestSpec, engine: Engine) -> str:
    """Why this engine cannot run this test, or an empty string."""
    if not engine.takes_decoded and any(event.decoded is not None for event in test.events):
        return f"{engine.name} takes no pre-decoded events (no log line can produce this one)"
    if not engine.simulates_time:
        if test.expect == "silent" and any(event.after for event in test.events):
            return f"{engine.name} cannot simulate the time between the events"
        if rule.ignore and len(test.events) > 1:
            return f"{engine.name} cannot simulate the time that `ignore` needs"
        if {"time", "weekday"} & {condition.subject for condition in (*rule.when, *rule.unless)}:
            return f"{engine.name} cannot simulate the time of day"
    return ""


def play(session: Session, events: Iterable[TestEvent], start: float = EPOCH) -> Iterator[Verdict]:
    """Judge events one after the other, ``after`` seconds apart.

    Yields:
        One verdict an event.
    """
    now = start
    for event in events:
        now += event.after
        if event.decoded is not None:
            decoder, fields = event.decoded
            yield session.process_decoded(
                decoder, dict(fields), location=event.location, log=event.log or b"", time=now
            )
        else:
            yield session.process(event.log or b"", event.location, time=now)


def describe(verdict: Verdict, names: dict[int, str]) -> str:
    """The rule an event ended at, for a message: number, our name or the description, level."""
    if verdict.rule_id is None:
        decoder = verdict.output.get("decoder", {}).get("name")
        return f"no rule (decoder {decoder})" if decoder else "no rule (no decoder took it)"
    rule = verdict.output.get("rule", {})
    name = names.get(verdict.rule_id) or f"“{rule.get('description', '')}”"
    return f"{verdict.rule_id} {name} (level {rule.get('level', 0)})"


def _is_rule(verdict: Verdict, wanted: str | int, names: dict[int, str]) -> bool:
    if verdict.rule_id is None:
        return str(wanted) == "none"
    return str(wanted) in {str(verdict.rule_id), names.get(verdict.rule_id)}
