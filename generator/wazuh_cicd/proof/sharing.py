"""Tests that take turns in one session, where that cannot change what they say.

A manager loads its whole ruleset for each session, a second or more; thousands of tests of one event each need no
ruleset of their own. What a session remembers of earlier events can change a verdict in two ways only: a composite
rule counts them, or a first-time-seen rule has seen them (``ignore`` changes no verdict, only the alert). A rule is
called plain when neither stands on the way from the roots to it. Without a history no composite matches, so an event
that ends at a plain rule in a session whose events all ended at plain rules ends there in a fresh session as well.
Whatever is not sure is asked in a fresh session, whose answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_cicd.proof.engines import Engine, Session, Verdict
    from wazuh_cicd.spec import RuleSpec, SpecSet, TestEvent


def plain_rules(specs: SpecSet) -> set[int]:
    """The ids of our rules that count nothing, ignore nothing, and hang below such rules alone.

    What they hang on in the stock ruleset is plain as well; ``tests/manager/test_manager.py`` looks.
    """
    known: dict[str, bool] = {}

    def plain(rule: RuleSpec) -> bool:
        if rule.name not in known:
            alone = rule.correlate is None and not rule.ignore
            known[rule.name] = alone and all(plain(specs.by_name[parent]) for parent in rule.parents.rules)
        return known[rule.name]

    return {rule.id for rule in specs.rules if plain(rule)}


@dataclass(slots=True)
class SharedSession:
    """A session of an engine for tests of one event each.

    Attributes:
        engine: opens the sessions.
        plain: the ids of rules that are known to be plain; more are learned.
    """

    engine: Engine
    plain: set[int]
    _session: Session | None = field(default=None, init=False, repr=False)
    _last: int | None = field(default=None, init=False, repr=False)

    def _knows(self, rule_id: int | None) -> bool:
        return rule_id is None or rule_id in self.plain

    def ask(self, event: TestEvent, *, time: float) -> Verdict | None:
        """The verdict of the shared session; None when a fresh one might say something else."""
        if self._session is None or not self._knows(self._last):
            # The event before may have been counted, or be remembered as seen.
            self._session = self.engine.open_session()
        verdict = self._session.process(event.log or b"", event.location, time=time)
        self._last = verdict.rule_id
        return verdict if self._knows(verdict.rule_id) else None

    def learn(self, event: TestEvent, verdict: Verdict, fresh: Session, *, time: float) -> None:
        """Judge the only event of a fresh session again: a rule that takes it both times is plain.

        The first time no composite can have matched, and the second time no rule for what is seen first.

        Args:
            event: what the fresh session has judged.
            verdict: what it said.
            fresh: the session.
            time: as before.
        """
        if verdict.rule_id is None or verdict.rule_id in self.plain:
            return
        again = fresh.process(event.log or b"", event.location, time=time)
        if again.rule_id == verdict.rule_id:
            self.plain.add(verdict.rule_id)
