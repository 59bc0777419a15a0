"""The conditions of a rule, in the order in which the engine tests them.

Each tag becomes a ``Condition``: a test for the fast path, and the value it looks at for explanations. A value that the
event does not have fails the test, negated or not.
"""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.compiledrules import COMPILED_RULES
from wazuh_cicd.engine.load.addresses import parse_address
from wazuh_cicd.engine.load.xmlreader import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.memory import Memory
    from wazuh_cicd.engine.judge.rulemodel import AddressTest, ListTest, Rule, TextTest

    EventTest = Callable[[Event], bool]
    StateTest = Callable[[Event, Memory], bool]
    Value = Callable[[Event], bytes | None]

_BEFORE_FIELDS = ("program_name", "id", "system_name", "protocol", "match", "regex", "action", "url", "location")
_BEHIND_ADDRESSES = ("srcport", "dstport")
_BEHIND_WEEKDAY = ("data", "extra_data", "hostname", "status")


class Condition:
    """One condition of a rule.

    Attributes:
        tag: the tag, with the field's name where one is meant: ``field github.action``.
        wanted: what the rule asks for, for people.
        test: whether the event satisfies it; None for conditions on the session's state.
        state_test: the same with the session's memory, for those that have one.
        value: what the test looks at; None where the event does not have it.
    """

    __slots__ = ("state_test", "tag", "test", "value", "wanted")

    def __init__(
        self,
        tag: str,
        wanted: str,
        value: Value,
        test: EventTest | None = None,
        state_test: StateTest | None = None,
    ) -> None:
        """Put a condition together."""
        self.tag = tag
        self.wanted = wanted
        self.value = value
        self.test = test
        self.state_test = state_test

    def holds(self, event: Event, memory: Memory) -> bool:
        """Test it."""
        if self.test is not None:
            return self.test(event)
        return self.state_test is None or self.state_test(event, memory)


def settle(rule: Rule, *, local_time: Callable[[float], clock.struct_time] = clock.localtime) -> None:
    """Compile the conditions of a rule into ``conditions``, ``checks`` and ``state_checks``."""
    rule.conditions = tuple(_conditions(rule, local_time))
    checks: list[EventTest] = []
    state_checks: list[StateTest] = []
    for condition in rule.conditions:
        # Behind a condition that remembers what it saw, the order must stay: it remembers even if a later one fails.
        if condition.test is not None and not state_checks:
            checks.append(condition.test)
        else:
            state_checks.append(condition.holds)
    rule.checks, rule.state_checks = tuple(checks), tuple(state_checks)
    rule.stateful = bool(rule.state_checks) or rule.composite
    rule.unsettled = False


def _conditions(rule: Rule, local_time: Callable[[float], clock.struct_time]) -> Iterator[Condition]:
    texts = rule.texts
    if rule.decoded_as is not None:
        yield _decoded_as(rule)
    yield from (_text(texts[tag]) for tag in _BEFORE_FIELDS if tag in texts)
    yield from map(_field, rule.fields)
    yield from (_address(tag, rule.addresses[tag]) for tag in ("srcip", "dstip") if tag in rule.addresses)
    yield from (_text(texts[tag]) for tag in _BEHIND_ADDRESSES if tag in texts)
    if rule.compiled_rule is not None:
        yield _compiled_rule(rule.compiled_rule)
    if "user" in texts:
        yield _text(texts["user"])
    yield from (_text(texts[tag]) for tag in ("srcgeoip", "dstgeoip") if tag in texts)
    if rule.maxsize:
        yield _maxsize(rule.maxsize)
    yield from _calendar(rule, local_time)
    yield from (_text(texts[tag]) for tag in _BEHIND_WEEKDAY if tag in texts)
    if rule.check_diff:
        yield Condition("check_diff", "another text than last time", _log, state_test=_check_diff(rule))
    if rule.if_fts:
        yield Condition("if_fts", "first time seen", _fts_key, state_test=_if_fts)
    # From the third list on, the engine loses sight of all but the last two.
    yield from map(_list, rule.lists[-2:])


def _log(event: Event) -> bytes:
    return event.log


def _fts_key(event: Event) -> bytes | None:
    return event.decoder_info.fts_key(event) if event.decoder_info is not None else None


def _user(event: Event) -> bytes | None:
    return event.statics.get("dstuser", event.statics.get("srcuser"))


def _program_name(event: Event) -> bytes | None:
    return event.program_name


def _hostname(event: Event) -> bytes | None:
    return event.hostname


def _location(event: Event) -> bytes | None:
    return event.location.encode("utf-8", "surrogateescape")


_SUBJECTS: dict[str, Value] = {
    "match": _log,
    "regex": _log,
    "user": _user,
    "program_name": _program_name,
    "hostname": _hostname,
    "location": _location,
}


def _static(name: str) -> Value:
    return lambda event: event.statics.get(name)


def _shown(test: TextTest) -> str:
    return f"{'not ' if test.negate else ''}{test.kind} {test.source.decode('utf-8', 'backslashreplace')}"


def _text(test: TextTest) -> Condition:
    if test.tag in {"match", "regex"}:
        return Condition(test.tag, _shown(test), _log, _log_test(test))
    value = _SUBJECTS.get(test.tag) or _static(test.tag)
    matches = test.tester()

    def check(event: Event) -> bool:
        subject = value(event)
        return subject is not None and matches(subject)

    return Condition(test.tag, _shown(test), value, check)


def _log_test(test: TextTest) -> EventTest:
    """Return the test of the log; where letter case does not count, all rules share one lower-cased copy of it."""
    pattern = test.compiled()
    if not pattern.caseless:
        matches = test.tester()
        return lambda event: matches(event.log)
    folded = pattern.test_folded
    return lambda event: bool(folded(event.log_lower))


def _field(test: TextTest) -> Condition:
    matches = test.tester()
    name = test.name.lower()

    def check(event: Event) -> bool:
        subject = event.index().get(name)
        return subject is not None and matches(subject)

    shown = test.name.decode("utf-8", "backslashreplace")
    return Condition(f"field {shown}", _shown(test), lambda event: event.field(name), check)


def _decoded_as(rule: Rule) -> Condition:
    wanted = rule.decoder_id
    shown = (rule.decoded_as or b"").decode("utf-8", "backslashreplace")

    def value(event: Event) -> bytes | None:
        return to_bytes(event.decoder_info.name) if event.decoder_info is not None else None

    return Condition("decoded_as", shown, value, lambda event: event.decoder_id == wanted)


def _address(tag: str, test: AddressTest) -> Condition:
    networks, negate = test.networks, test.negate

    def check(event: Event) -> bool:
        subject = event.statics.get(tag)
        if subject is None:
            return False
        parsed = parse_address(subject)
        inside = parsed is not None and any(network.contains(*parsed) for network in networks)
        return inside is not negate

    return Condition(tag, f"{'not ' if negate else ''}in {len(networks)} network(s)", _static(tag), check)


def _compiled_rule(name: str) -> Condition:
    return Condition("compiled_rule", name, _log, COMPILED_RULES[name])


def _maxsize(size: int) -> Condition:
    return Condition(
        "maxsize",
        f"at least {size} bytes",
        lambda event: b"%d" % len(event.log),
        lambda event: len(event.log) >= size,
    )


def _calendar(rule: Rule, local_time: Callable[[float], clock.struct_time]) -> Iterator[Condition]:
    def value(event: Event) -> bytes:
        return clock.strftime("%A %H:%M", local_time(event.time)).encode()

    if (span := rule.time) is not None:

        def in_time(event: Event) -> bool:
            now = local_time(event.time)
            return span.holds(now.tm_hour * 60 + now.tm_min)

        yield Condition("time", f"{'outside' if span.outside else 'within'} a span of the day", value, in_time)
    if (days := rule.weekday) is not None:
        yield Condition(
            "weekday",
            ", ".join(map(str, sorted(days))),
            value,
            lambda event: local_time(event.time).tm_wday in days,
        )


def _check_diff(rule: Rule) -> StateTest:
    index = rule.index

    def check(event: Event, memory: Memory) -> bool:
        return memory.differs(index, event)

    return check


def _if_fts(event: Event, memory: Memory) -> bool:
    return memory.first_time_seen(event)


def _list_value(name: bytes) -> Value:
    static = name.decode("utf-8", "backslashreplace")
    if static == "user":
        return lambda event: event.statics.get("srcuser", event.statics.get("dstuser"))
    if static in {"hostname", "program_name"}:
        return _SUBJECTS[static]
    if static in _LIST_STATICS:
        return _static(static)
    lowered = name.lstrip(b" ").split(b" ", 1)[0].lower()
    return lambda event: event.field(lowered)


_LIST_STATICS = frozenset(
    {
        "srcip",
        "dstip",
        "srcport",
        "dstport",
        "url",
        "id",
        "status",
        "action",
        "protocol",
        "system_name",
        "data",
        "extra_data",
    }
)


def _list(test: ListTest) -> Condition:
    value = _list_value(test.field)
    lookup, kind = test.content.lookup, test.lookup
    accepted = test.check_value.test if test.check_value is not None else None

    def check(event: Event) -> bool:
        subject = value(event)
        return subject is not None and lookup(kind, subject, accepted)

    field = test.field.decode("utf-8", "backslashreplace")
    name = test.name.decode("utf-8", "backslashreplace")
    return Condition(f"list {field}", f"{test.lookup} in {name}", value, check)
