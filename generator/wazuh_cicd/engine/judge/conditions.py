"""The conditions of a rule, in the order in which the engine tests them.

Each tag becomes a ``Condition``: a test for the fast path, and the value it looks at for explanations. A value that the
event does not have fails the test, negated or not.
"""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.compiledrules import COMPILED_RULES
from wazuh_cicd.engine.judge.condition import Condition
from wazuh_cicd.engine.judge.seen import fts_key
from wazuh_cicd.engine.judge.texts import matcher_of, pattern_of
from wazuh_cicd.engine.load.addresses import parse_address
from wazuh_cicd.engine.load.xmlreader import to_bytes
from wazuh_cicd.engine.patterns import shared_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.condition import EventTest, StateTest, Value
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.seen import Seen
    from wazuh_cicd.engine.load.cdb import CdbList
    from wazuh_cicd.engine.load.ruledefinition import AddressTest, ListTest, RuleDefinition, TextTest

_BEFORE_FIELDS = ("program_name", "id", "system_name", "protocol", "match", "regex", "action", "url", "location")
_BEHIND_ADDRESSES = ("srcport", "dstport")
_BEHIND_WEEKDAY = ("data", "extra_data", "hostname", "status")


def compile_rule(
    rule: Rule, lists: Mapping[bytes, CdbList], *, local_time: Callable[[float], clock.struct_time]
) -> None:
    """Compile the conditions of a rule into ``conditions``, ``checks`` and ``state_checks``.

    Args:
        rule: a rule of the tree.
        lists: the declared CDB lists.
        local_time: what ``<time>`` and ``<weekday>`` see of a time.
    """
    rule.conditions = tuple(_conditions(rule, lists, local_time))
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
    rule.compiled = True


def _conditions(
    loaded: Rule, lists: Mapping[bytes, CdbList], local_time: Callable[[float], clock.struct_time]
) -> Iterator[Condition]:
    rule = loaded.definition
    texts = rule.texts
    if rule.decoded_as is not None:
        yield _decoded_as(rule.decoded_as, loaded.decoder_id)
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
        yield Condition("check_diff", "another text than last time", _log, state_test=_check_diff(rule.id))
    if rule.if_fts:
        yield Condition("if_fts", "first time seen", _fts_key, state_test=_if_fts)
    # From the third list on, the engine loses sight of all but the last two.
    yield from (_list(test, lists[test.declared]) for test in rule.lists[-2:])


def _log(event: Event) -> bytes:
    return event.log


def _fts_key(event: Event) -> bytes | None:
    return fts_key(event.decoder_info, event)


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
    matches = matcher_of(test)

    def check(event: Event) -> bool:
        subject = value(event)
        return subject is not None and matches(subject)

    return Condition(test.tag, _shown(test), value, check)


def _log_test(test: TextTest) -> EventTest:
    """Return the test of the log; where letter case does not count, all rules share one lower-cased copy of it."""
    pattern = pattern_of(test)
    if not pattern.caseless:
        matches = matcher_of(test)
        return lambda event: matches(event.log)
    folded = pattern.test_folded
    return lambda event: bool(folded(event.log_lower))


def _field(test: TextTest) -> Condition:
    matches = matcher_of(test)
    name = test.name.lower()

    def check(event: Event) -> bool:
        subject = event.index().get(name)
        return subject is not None and matches(subject)

    shown = test.name.decode("utf-8", "backslashreplace")
    return Condition(f"field {shown}", _shown(test), lambda event: event.field(name), check)


def _decoded_as(name: bytes, wanted: int) -> Condition:
    shown = name.decode("utf-8", "backslashreplace")

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


def _calendar(rule: RuleDefinition, local_time: Callable[[float], clock.struct_time]) -> Iterator[Condition]:
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


def _check_diff(rule_id: int) -> StateTest:
    def check(event: Event, seen: Seen) -> bool:
        return seen.differs(rule_id, event)

    return check


def _if_fts(event: Event, seen: Seen) -> bool:
    return seen.is_first(event)


def _list_value(name: bytes) -> Value:
    static = name.decode("utf-8", "backslashreplace").lower()
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


def _list(test: ListTest, content: CdbList) -> Condition:
    value = _list_value(test.field)
    lookup, kind = content.lookup, test.lookup
    accepted = shared_pattern("osmatch", test.check_value).test if test.check_value is not None else None

    def check(event: Event) -> bool:
        subject = value(event)
        return subject is not None and lookup(kind, subject, accepted)

    field = test.field.decode("utf-8", "backslashreplace")
    name = test.name.decode("utf-8", "backslashreplace")
    return Condition(f"list {field}", f"{test.lookup} in {name}", value, check)
