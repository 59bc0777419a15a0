"""What a loaded rule asks of an event, and what follows from it: that another rule's demands hold, or cannot hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.check.language import Language, language
from wazuh_cicd.engine.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition, TextTest
    from wazuh_cicd.engine.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Demand:
    """One condition.

    Attributes:
        subject: ``field github.action``, ``srcip``, ``list …``: what is looked at.
        kind: pattern language, or empty for a condition that is only compared as a whole.
        source: the pattern, or what the condition says.
        negate: the pattern must not match (the value must be there all the same).
        rule: id of the rule that asks.
    """

    subject: str
    kind: str
    source: bytes
    negate: bool
    rule: int

    @property
    def needs_value(self) -> bool:
        """Whether the condition fails on an event without the subject."""
        return bool(self.kind)


def demands_of(rule: RuleDefinition) -> list[Demand]:
    """Everything a rule asks of the event itself; correlation and memory are left out."""
    found = [_text(tag, test, rule) for tag, test in rule.texts.items()]
    found += [_text(f"field {test.name.decode('latin-1').lower()}", test, rule) for test in rule.fields]
    plain: list[tuple[str, object]] = []
    if rule.decoded_as is not None:
        plain.append(("decoded_as", rule.decoded_as))
    plain += [(name, (address.networks, address.negate)) for name, address in rule.addresses.items()]
    for test in rule.lists:
        plain.append((f"list {test.field!r}", (test.name, test.lookup, test.check_value)))
    others = (("time", rule.time), ("weekday", rule.weekday), ("compiled_rule", rule.compiled_rule))
    plain += [(name, what) for name, what in others if what is not None]
    found += [Demand(subject, "", repr(what).encode(), negate=False, rule=rule.id) for subject, what in plain]
    if rule.maxsize:
        found.append(Demand("maxsize", "", str(rule.maxsize).encode(), negate=False, rule=rule.id))
    return found


def _text(subject: str, test: TextTest, rule: RuleDefinition) -> Demand:
    return Demand(subject, test.kind, test.source, test.negate, rule.id)


@cache
def _compiled(kind: str, source: bytes) -> Pattern | None:
    try:
        return compile_pattern(kind, source)  # type: ignore[arg-type]
    except PatternError:
        return None


def holds_on(demand: Demand, value: bytes) -> bool | None:
    """Whether a value satisfies the demand; None when its pattern cannot be compiled."""
    pattern = _compiled(demand.kind, demand.source)
    return None if pattern is None else pattern.test(value) is not demand.negate


_ANY_VALUE = {
    ("osregex", rb"\.*"),
    ("osregex", b""),
    ("osmatch", b""),
    ("pcre2", b""),
    ("pcre2", b".*"),
    ("pcre2", rb"\A"),
}


def follows(demand: Demand, given: Sequence[Demand]) -> bool:
    """Whether every event that satisfies all of ``given`` satisfies ``demand``. False when that is not certain."""
    for other in given:
        if other.subject != demand.subject:
            continue
        if (other.kind, other.source, other.negate) == (demand.kind, demand.source, demand.negate):
            return True
        if demand.subject == "maxsize":
            return int(other.source) >= int(demand.source)
        if not demand.kind or not other.kind:
            continue
        if (demand.kind, demand.source) in _ANY_VALUE and not demand.negate:
            return True
        values = _values(other)
        if values is not None and all(holds_on(demand, value) for value in values.spellings()):
            return True
    return False


def contradict(one: Demand, other: Demand) -> bool:
    """Whether no value satisfies both. False when that is not certain."""
    if one.subject != other.subject:
        return False
    if not one.kind or not other.kind:
        return one.subject == "decoded_as" and one.source != other.source
    for first, second in ((one, other), (other, one)):
        values = _values(first)
        if values is not None:
            tested = [holds_on(second, value) for value in values.spellings()]
            if tested and not any(result is None or result for result in tested):
                return True
    return False


def _values(demand: Demand) -> Language | None:
    return None if demand.negate else language(demand.kind, demand.source)


def all_follow(demands: Iterable[Demand], given: Sequence[Demand]) -> bool:
    """Whether every one of ``demands`` follows from ``given``."""
    return all(follows(demand, given) for demand in demands)
