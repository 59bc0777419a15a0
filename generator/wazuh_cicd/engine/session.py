"""A loaded ruleset, and its sessions: events go in one after the other, verdicts come out."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode.accumulator import Accumulator
from wazuh_cicd.engine.decode.event import Event
from wazuh_cicd.engine.decode.predecode import PredecodeError, predecode
from wazuh_cicd.engine.judge.conditions import compile_rule
from wazuh_cicd.engine.judge.explain import Explanation, Trace
from wazuh_cicd.engine.judge.memory import Memory
from wazuh_cicd.engine.judge.output import MAX_DEPTH, too_deep
from wazuh_cicd.engine.judge.places import make_plan
from wazuh_cicd.engine.judge.verdict import Verdict
from wazuh_cicd.engine.judge.walk import explain, find, replay
from wazuh_cicd.engine.load.decoderdefinition import STATIC_FIELDS
from wazuh_cicd.engine.load.messages import ERROR, LoadMessage
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_cicd.engine.decode.decoders import DecoderSet
    from wazuh_cicd.engine.judge.places import Node, Plan
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.ruletree import RuleTree
    from wazuh_cicd.engine.judge.seen import Texts
    from wazuh_cicd.engine.load.cdb import CdbList
    from wazuh_cicd.engine.load.files import EngineOptions

# Plans of the category roots that are remembered; see ``Ruleset.plan``.
_REMEMBERED = 1024

# Messages that logtest keeps while it loads a ruleset: 50, of which its own is one.
SESSION_MESSAGES = 49

_NOT_PROCESSED = LoadMessage(ERROR, 7312, "(7312): Failed to process the event")
_NO_LOCATION = LoadMessage(ERROR, 7308, "(7308): 'location' JSON field is required and must be a string")
_NO_EVENT = LoadMessage(ERROR, 7317, "(7317): 'event' JSON field value is not valid")
# What logtest says of a request that it does not take.
REQUEST_CODES = frozenset({_NO_LOCATION.code, _NO_EVENT.code})


class Ruleset:
    """Decoders, rules and lists, ready to run. Shared by its sessions; nothing in it changes any more.

    Attributes:
        messages: what the manager logs while loading.
        decoders: the decoders.
        tree: the rules.
        lists: the declared CDB lists by name.
        options: the settings it was loaded with.
    """

    def __init__(
        self, tree: RuleTree, decoders: DecoderSet, lists: Mapping[bytes, CdbList], options: EngineOptions
    ) -> None:
        """Put a ruleset together; use ``load_ruleset``."""
        self.tree = tree
        self.decoders = decoders
        self.lists = lists
        self.messages = tuple(tree.messages)
        self.options = options
        self._local_time = clock.gmtime if options.utc else clock.localtime
        self._plans: dict[tuple[str, int, bytes | None], Plan] = {}

    def compile_rule(self, rule: Rule) -> None:
        """Compile the conditions of a rule; done when it is tried first, since most rules never are."""
        compile_rule(rule, self.lists, local_time=self._local_time)

    def plan(self, event: Event) -> Plan:
        """Return the plan of the category roots for an event."""
        key = (event.category, event.decoder_id, event.program_name)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _REMEMBERED:
                self._plans.clear()
            roots = [root for root in self.tree.roots if root.rule.category == event.category]
            plan = self._plans[key] = make_plan(roots, event, self.compile_rule)
        return plan

    @property
    def rules(self) -> Mapping[int, Rule]:
        """The loaded rules by id."""
        return self.tree.rules

    @property
    def testable(self) -> bool:
        """Whether logtest and the server API accept the ruleset: they refuse any of which they see an error."""
        return all(message.severity != ERROR for message in self.session_messages)

    @property
    def session_messages(self) -> tuple[LoadMessage, ...]:
        """What a logtest session says of the loading: the last messages of all."""
        return self.messages[-SESSION_MESSAGES:]

    def session(
        self, *, clock: Callable[[], float] = clock.time, texts: Texts | None = None, daemon: bool = False
    ) -> Session:
        """Start a session with an empty memory; see ``Session``."""
        return Session(self, time=clock, texts=texts, daemon=daemon)


class Session:
    """State of one logtest session. Not for use by several threads at once."""

    def __init__(
        self,
        ruleset: Ruleset,
        *,
        time: Callable[[], float] = clock.time,
        texts: Texts | None = None,
        daemon: bool = False,
    ) -> None:
        """Start with an empty memory.

        Args:
            ruleset: the decoders, rules and lists.
            time: gives the time of reception, in seconds since the epoch, of events that bring none.
            texts: what ``<check_diff/>`` remembers. A manager keeps it on disk: sessions that are given the same
                share it.
            daemon: do what the daemon does and not what logtest does, where the two differ: within the time of
                ``ignore`` it alerts of the parent.
        """
        self.ruleset = ruleset
        self._clock = time
        self._daemon = daemon
        self._memory = Memory(ruleset.tree.ordered, texts)
        self._accumulator = Accumulator()

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
        if not raw or not location or not raw[0] or location[0] == "\0":  # texts end at a NUL
            no_location = not location or location[0] == "\0"
            return self._refused(Event(raw, location, time=now), _NO_LOCATION if no_location else _NO_EVENT)
        try:
            event = predecode(raw, location, manager_hostname=options.manager.encode())
        except PredecodeError as error:
            return self._refused(Event(raw, location, time=now), error.message, _NOT_PROCESSED)
        event.time = now
        self.ruleset.decoders.decode(event)
        if event.decoder_info is not None and event.decoder_info.accumulate:
            self._accumulator.complete(event)
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
            return self._refused(Event(log, location, time=now), error.message, _NOT_PROCESSED)
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

    def _refused(self, event: Event, *messages: LoadMessage) -> Verdict:
        """Return the verdict on an event that the manager answers with an error."""
        verdict = Verdict(event, self.ruleset.options.manager)
        verdict.failed = True
        verdict.seen_messages += messages
        return verdict

    def _judge(self, event: Event, trace: Trace | None) -> Verdict:
        """Find the final rule and do what logtest does with it."""
        verdict = Verdict(event, self.ruleset.options.manager)
        memory = self._memory
        seen = memory.seen
        seen.begin_event()
        roots = self.ruleset.tree.roots
        if not roots:
            verdict.failed = True
            verdict.seen_messages.append(_NOT_PROCESSED)
            return verdict
        category, compile_rule = event.category, self.ruleset.compile_rule
        if trace is not None:
            tops = [root for root in roots if root.rule.category == category]
            place = explain(tops, event, memory, trace, compile_rule)
            verdict.walk = [step.rule.id for step in trace.steps]
        else:
            outcomes: dict[Node, bool] = {}
            place = find(self.ruleset.plan(event), event, memory, outcomes, compile_rule)
            verdict.walk = lambda: replay(
                [root for root in roots if root.rule.category == category], event, outcomes, compile_rule
            )
        verdict.previous, verdict.previous_log = seen.previous, seen.previous_log
        if len(event.full_log) > MAX_DEPTH - 2 and too_deep(event):
            verdict.failed = True
            verdict.seen_messages.append(_NOT_PROCESSED)
        if place is None:
            return verdict
        rule = place.rule
        verdict.rule = rule
        verdict.firedtimes = memory.fired[rule.index]
        definition = rule.definition
        if definition.level == 0:
            return verdict
        quiet = silent = False
        if definition.ignore:
            quiet, silent = self._quiet(rule, event), self._silent(rule, event)
            if silent and self._daemon and place.parent is not None:
                verdict.rule = rule = place.parent.rule
                definition, silent = rule.definition, False
                verdict.previous = ()
        verdict.alert = definition.options.log and not silent
        verdict.logtest_alert = definition.level >= self.ruleset.options.alert_level and not quiet
        if not (silent if self._daemon else quiet):
            memory.store(rule, event)
        return verdict

    def _quiet(self, rule: Rule, event: Event) -> bool:
        """Whether ``ignore`` silences the rule in logtest. There the first alert behind the time starts no new one."""
        quiet_since = self._memory.quiet_since
        began = quiet_since.get(rule.index)
        if began is None:
            quiet_since[rule.index] = int(event.time)
            return False
        if int(event.time) - began < rule.definition.ignore:
            return True
        del quiet_since[rule.index]
        return False

    def _silent(self, rule: Rule, event: Event) -> bool:
        """Whether ``ignore`` silences the rule in the daemon. There every alert behind the time starts a new one."""
        silent_since = self._memory.silent_since
        began = silent_since.get(rule.index)
        if began is not None and int(event.time) - began < rule.definition.ignore:
            return True
        silent_since[rule.index] = int(event.time)
        return False
