"""Proving the tests: each condition of each rule is dropped or flipped in turn, and some test must notice.

A mutant is killed when a test of its rule fails, or else a test of another rule of the same source. A mutant that no
test kills means a condition that could be deleted without anybody noticing: it wants a near-miss test, or a waiver with
its reason in the rule's ``waive``, under the mutant's name.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError, WazuhCicdError
from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import Outcome, below_passages, run_test, run_tests
from wazuh_cicd.render import render_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.proof.engines import Engine
    from wazuh_cicd.spec import Condition, RuleSpec, SpecSet

#: Wider than any window of Wazuh's (five digits of seconds).
_ENDLESS = 99_999


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    WAIVED = "waived"
    REFUSED = "refused"  # it cannot be rendered or loaded: nobody could deploy it


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed rule and its fate; ``reason`` is the waiver's, or the test that killed it."""

    rule_id: int
    rule: str
    name: str
    fate: Fate
    reason: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Mutants:
    """All mutants of a run."""

    mutants: tuple[Mutant, ...]

    def count(self, fate: Fate) -> int:
        """How many met this fate."""
        return sum(mutant.fate is fate for mutant in self.mutants)

    @property
    def failed(self) -> bool:
        """Whether one survived."""
        return any(mutant.fate is Fate.SURVIVED for mutant in self.mutants)


def mutations(rule: RuleSpec) -> Iterator[tuple[str, RuleSpec]]:
    """The mutants of a rule: (name, changed rule)."""
    for kind, other in (("when", "unless"), ("unless", "when")):
        conditions: tuple[Condition, ...] = getattr(rule, kind)
        for position, condition in enumerate(conditions):
            rest = (*conditions[:position], *conditions[position + 1 :])
            yield f"drop {kind} {condition.subject}", replace(rule, **{kind: rest})  # type: ignore[arg-type]
            flipped = {kind: rest, other: (*getattr(rule, other), condition)}
            yield f"flip {kind} {condition.subject}", replace(rule, **flipped)  # type: ignore[arg-type]
            if len(condition.matchers) > 1:
                for index, matcher in enumerate(condition.matchers):
                    fewer = (*condition.matchers[:index], *condition.matchers[index + 1 :])
                    changed = (*conditions[:position], replace(condition, matchers=fewer), *conditions[position + 1 :])
                    label = type(matcher).__name__.lower()
                    yield f"drop {kind} {condition.subject} {label}", replace(rule, **{kind: changed})  # type: ignore[arg-type]
    if (correlate := rule.correlate) is None:
        return
    if correlate.count > 2:
        yield "count one lower", replace(rule, correlate=replace(correlate, count=correlate.count - 1))
    yield "count one higher", replace(rule, correlate=replace(correlate, count=correlate.count + 1))
    if correlate.within < _ENDLESS:
        yield "endless within", replace(rule, correlate=replace(correlate, within=_ENDLESS))
    for kind in ("same", "different"):
        names: tuple[str, ...] = getattr(correlate, kind)
        for name in names:
            kept = tuple(other for other in names if other != name)
            yield f"drop {kind} {name}", replace(rule, correlate=replace(correlate, **{kind: kept}))  # type: ignore[arg-type]


def run_mutants(specs: SpecSet, rules: Sequence[RuleSpec], *, jobs: int = 1) -> Mutants:
    """Make and try all mutants of some rules.

    Args:
        specs: all specs.
        rules: the rules to mutate.
        jobs: processes.

    Raises:
        UsageError: a test fails without any mutation; nothing can be proved then.
    """
    if jobs == 1 or len(rules) == 1:
        _adopt(specs)
        return Mutants(tuple(mutant for rule in rules for mutant in _try_all(rule.id)))
    # Forked workers inherit the specs; nothing is sent but ids and results.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_adopt, initargs=(specs,)) as pool:
        parts = pool.map(_try_all, [rule.id for rule in rules], chunksize=4)
        return Mutants(tuple(mutant for part in parts for mutant in part))


_adopted: list[SpecSet] = []


def _adopt(specs: SpecSet) -> None:
    _adopted[:] = [specs]
    _source_of.cache_clear()


@cache
def _source_of(source: str) -> SpecSet:
    """The rules of one source and what they refer to, proved to pass unmutated."""
    everything = _adopted[0]
    wanted: dict[int, RuleSpec] = {}
    stack = [rule for rule in everything.rules if rule.source == source]
    while stack:
        rule = stack.pop()
        if rule.id in wanted:
            continue
        wanted[rule.id] = rule
        names = [*rule.parents.rules, *([rule.correlate.rule] if rule.correlate and rule.correlate.rule else [])]
        stack += [everything.by_name[name] for name in names]
    part = replace(everything, rules=tuple(sorted(wanted.values(), key=lambda rule: rule.id)))
    for result in run_tests(part, _engine(part), [rule for rule in part.rules if rule.source == source]).results:
        if result.outcome is Outcome.FAILED:
            raise UsageError(f"{result.path}:{result.line} {result.label} fails unmutated: {result.reason}")
    return part


def _engine(specs: SpecSet) -> Engine:
    return EmbeddedEngine(assemble(package=render_package(specs).ruleset_files()))


def _try_all(rule_id: int) -> list[Mutant]:
    rule = _adopted[0].by_id[rule_id]
    specs = _source_of(rule.source)
    return [_try(specs, rule, name, changed) for name, changed in mutations(rule)]


def _try(specs: SpecSet, rule: RuleSpec, name: str, changed: RuleSpec) -> Mutant:
    def end(fate: Fate, reason: str = "") -> Mutant:
        return Mutant(rule.id, rule.name, name, fate, reason, rule.path, rule.line)

    if name in rule.waive:
        return end(Fate.WAIVED, rule.waive[name])
    mutated = replace(specs, rules=tuple(changed if other.id == rule.id else other for other in specs.rules))
    try:
        engine = _engine(mutated)
    except WazuhCicdError as error:
        return end(Fate.REFUSED, str(error).partition("\n")[0])
    # A silent test of the changed rule must be judged by the rule as it is, whose level and id are the same.
    names = {other.id: other.name for other in specs.rules}
    below = below_passages(specs)
    neighbours = (other for other in specs.rules if other.id != rule.id and other.source == rule.source)
    for witness in (rule, *neighbours):
        for number, test in enumerate(witness.tests, start=1):
            result = run_test(witness, number, test, engine, names, below=below)
            if result.outcome is Outcome.FAILED:
                return end(Fate.KILLED, result.label)
    return end(Fate.SURVIVED)
