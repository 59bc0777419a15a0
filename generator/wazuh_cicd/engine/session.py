"""One logtest session: events go in one after the other, verdicts come out."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.decode.event import STATIC_FIELDS, Event
from wazuh_cicd.engine.decode.predecode import PredecodeError, predecode
from wazuh_cicd.engine.judge.explain import Explanation, Trace
from wazuh_cicd.engine.judge.memory import Memory
from wazuh_cicd.engine.judge.output import alert_of, rule_of
from wazuh_cicd.engine.judge.walk import find, replay, tell
from wazuh_cicd.engine.load.messages import ERROR, LoadMessage
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wazuh_cicd.engine.judge.rulemodel import Node, Rule
    from wazuh_cicd.engine.ruleset import Ruleset


class Verdict:
    """What one event became.

    Attributes:
        event: the event with all of its fields.
        rule: the final rule, or None.
        alert: the manager would write an alert (``alert`` of logtest): the rule's level reaches the configured one and
            the rule is not suppressed by ``ignore``.
        firedtimes: how often the rule has been the result in this session.
        failed: the manager answers with an error and no output (a location it cannot read, a ruleset without roots).
    """

    __slots__ = (
        "_manager",
        "_output",
        "alert",
        "event",
        "failed",
        "firedtimes",
        "previous",
        "previous_log",
        "rule",
        "seen_messages",
        "walk",
    )

    def __init__(self, event: Event, manager: str) -> None:
        """Start without a rule."""
        self.event = event
        self.rule: Rule | None = None
        self.alert = False
        self.firedtimes = 0
        self.failed = False
        self._manager = manager
        self.seen_messages: list[LoadMessage] = []
        self._output: dict[str, Any] | None = None
        self.previous: Sequence[bytes] = ()
        self.previous_log: bytes | None = None
        self.walk: Callable[[], list[int]] | list[int] = []

    @property
    def rule_id(self) -> int | None:
        """Id of the final rule."""
        return self.rule.id if self.rule is not None else None

    @property
    def level(self) -> int:
        """Level of the final rule, 0 without one."""
        return self.rule.level if self.rule is not None else 0

    @property
    def output(self) -> dict[str, Any]:
        """The ``output`` of logtest: same keys, same values. Empty when the manager gives none."""
        if self._output is None:
            self._output = {} if self.failed else self._build()
        return self._output

    @property
    def messages(self) -> list[LoadMessage]:
        """What the manager logs while it works on this event."""
        _ = self.output
        return self.seen_messages

    @property
    def tried(self) -> list[int]:
        """Ids of the rules in the order in which they were tested."""
        if callable(self.walk):
            self.walk = self.walk()
        return self.walk

    def _build(self) -> dict[str, Any]:
        shown, full_log = None, True
        if self.rule is not None:
            shown, messages = rule_of(self.rule, self.event, self.firedtimes)
            self.seen_messages += messages
            full_log = self.rule.options.full_log
        return alert_of(
            self.event,
            shown,
            full_log=full_log,
            previous=self.previous,
            previous_log=self.previous_log,
            manager=self._manager,
        )


class Session:
    """State of one logtest session. Not for use by several threads at once."""

    def __init__(self, ruleset: Ruleset, *, time: Callable[[], float] = clock.time) -> None:
        """Start with an empty memory.

        Args:
            ruleset: the decoders, rules and lists.
            time: gives the time of reception, in seconds since the epoch, of events that bring none.
        """
        self.ruleset = ruleset
        self._clock = time
        self._memory = Memory(ruleset.tree.ordered)

    def process(self, log: bytes | str, location: str = "stdin", *, time: float | None = None) -> Verdict:
        """Evaluate one event.

        Args:
            log: the event as received, header included; text is encoded as UTF-8 (lone surrogates as raw bytes).
            location: where it comes from, as in a logtest request (``[001] (web) 192.0.2.1->/var/log/x`` for an agent).
            time: time of reception in seconds since the epoch; the session's clock when absent.
        """
        return self._process(log, location, time, None)

    def explain(self, log: bytes | str, location: str = "stdin", *, time: float | None = None) -> Explanation:
        """Evaluate one event, as ``process`` does and with the same effect on the session, and say why."""
        trace = Trace()
        verdict = self._process(log, location, time, trace)
        return Explanation(verdict, tuple(trace.steps), trace.chain, trace.siblings_before)

    def _process(self, log: bytes | str, location: str, time: float | None, trace: Trace | None) -> Verdict:
        raw = log.encode("utf-8", "surrogateescape") if isinstance(log, str) else log
        options = self.ruleset.options
        now = self._clock() if time is None else time
        try:
            event = predecode(raw, location, manager_hostname=options.manager.encode())
        except PredecodeError as error:
            return self._refused(Event(raw, location, time=now), error.message)
        event.time = now
        self.ruleset.decoders.decode(event)
        if event.decoder_info is not None and event.decoder_info.accumulate:
            self._memory.gather(event)
        return self._judge(event, trace)

    def process_decoded(
        self,
        decoder: str,
        fields: Mapping[str, str],
        *,
        location: str = "stdin",
        log: bytes = b"",
        time: float | None = None,
    ) -> Verdict:
        """Evaluate an event that one of the manager's internal decoders has taken apart (file integrity, SCA, ...).

        Args:
            decoder: its name, as ``decoded_as`` names it.
            fields: static and dynamic fields by name.
            location: as for ``process``.
            log: the text of the event, where it has one.
            time: as for ``process``.

        Raises:
            UsageError: nothing declares the decoder.
        """
        now = self._clock() if time is None else time
        try:
            # The location alone is taken apart: the text of such an event has no header.
            event = predecode(b"", location, manager_hostname=self.ruleset.options.manager.encode())
        except PredecodeError as error:
            return self._refused(Event(log, location, time=now), error.message)
        event.full_log = event.log = log
        event.time = now
        try:
            self.ruleset.decoders.assume(event, decoder)
        except KeyError:
            raise UsageError(f"no decoder is called '{decoder}'") from None
        for name, value in fields.items():
            raw = value.encode("utf-8", "surrogateescape")
            if name in STATIC_FIELDS:
                event.statics[name] = raw
            else:
                event.add_dynamic(name.encode("utf-8", "surrogateescape"), raw)
        return self._judge(event, None)

    def _refused(self, event: Event, message: LoadMessage) -> Verdict:
        """Return the verdict on an event that the manager answers with an error."""
        verdict = Verdict(event, self.ruleset.options.manager)
        verdict.failed = True
        verdict.seen_messages.append(message)
        verdict.seen_messages.append(LoadMessage(ERROR, 7312, "(7312): Failed to process the event"))
        return verdict

    def _judge(self, event: Event, trace: Trace | None) -> Verdict:
        """Find the final rule and do what logtest does with it."""
        verdict = Verdict(event, self.ruleset.options.manager)
        memory = self._memory
        memory.previous = []
        memory.previous_log = None
        roots = self.ruleset.tree.roots
        if not roots:
            verdict.failed = True
            verdict.seen_messages.append(LoadMessage(ERROR, 7312, "(7312): Failed to process the event"))
            return verdict
        category, settle = event.category, self.ruleset.settle
        if trace is not None:
            rule = tell([root for root in roots if root.rule.category == category], event, memory, trace, settle)
            verdict.walk = [step.rule.id for step in trace.steps]
        else:
            outcomes: dict[Node, bool] = {}
            rule = find(self.ruleset.plan(event), event, memory, outcomes, settle)
            verdict.walk = lambda: replay(
                [root for root in roots if root.rule.category == category], event, outcomes, settle
            )
        verdict.previous, verdict.previous_log = memory.previous, memory.previous_log
        if rule is None:
            return verdict
        verdict.rule = rule
        verdict.firedtimes = memory.fired[rule.index]
        if rule.level == 0 or (rule.ignore and self._suppressed(rule, event)):
            return verdict
        memory.store(rule, event)
        verdict.alert = rule.level >= self.ruleset.options.alert_level
        return verdict

    def _suppressed(self, rule: Rule, event: Event) -> bool:
        """Whether ``ignore`` silences the rule now. The first alert behind the window does not start a new one."""
        silent_since = self._memory.silent_since
        began = silent_since.get(rule.index)
        if began is None:
            silent_since[rule.index] = int(event.time)
            return False
        if int(event.time) - began < rule.ignore:
            return True
        del silent_since[rule.index]
        return False
