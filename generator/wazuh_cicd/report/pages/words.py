"""Conditions of specs in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.spec.model import (
    Affix,
    Bound,
    Cidr,
    Command,
    Equals,
    Exists,
    HasElement,
    HasMember,
    InList,
    Regex,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.spec.model import CommandForm, Condition, Correlate, Matcher, Member
    from wazuh_cicd.spec.yamlnodes import Scalar

_AFFIXES = {
    "starts_with": "starts with",
    "ends_with": "ends with",
    "contains": "contains",
    "contains_all": "contains all of",
}
_SUBJECTS = {
    "log": "the log line",
    "decoder": "the decoder",
    "time": "the time of day",
    "weekday": "the weekday",
    "min_size": "the size of the log line",
}
_TIMES = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that must hold, or must not.

    Attributes:
        subject: the field, or what else is looked at.
        is_field: whether the subject is a field's name.
        verb: ``is``, ``contains``, ...
        values: what it is compared with, any of them unless the verb says otherwise.
        list_name: the CDB list it is looked up in; empty for none.
    """

    subject: str
    is_field: bool
    verb: str
    values: tuple[str, ...] = ()
    list_name: str = ""

    def __str__(self) -> str:
        """As one line of plain text."""
        values = " or ".join([", ".join(self.values[:-1]), self.values[-1]] if self.values[1:] else self.values)
        if self.verb.endswith("all of"):
            values = ", ".join(self.values)
        return " ".join(filter(None, [self.subject, self.verb, values or self.list_name]))


def clauses(condition: Condition) -> Iterator[Clause]:
    """A condition, one clause a matcher."""
    subject = _SUBJECTS.get(condition.subject, condition.subject)
    is_field = condition.subject not in _SUBJECTS
    for matcher in condition.matchers:
        verb, values, name = _matcher(matcher)
        if condition.ignore_case and values:
            verb += " (in any case)"
        yield Clause(subject, is_field, verb, values, name)


def _matcher(matcher: Matcher) -> tuple[str, tuple[str, ...], str]:
    if isinstance(matcher, Equals):
        return "is", tuple(map(_value, matcher.values)), ""
    if isinstance(matcher, Affix):
        return _AFFIXES[matcher.kind], matcher.texts, ""
    if isinstance(matcher, Regex):
        return "matches", (matcher.pattern,), ""
    if isinstance(matcher, Cidr):
        return "is an address in", matcher.networks, ""
    if isinstance(matcher, InList):
        how = "begins with an entry of the list" if matcher.by_address else "is in the list"
        return how, ((f"{matcher.name} with the value {matcher.value}",) if matcher.value else ()), matcher.name
    if isinstance(matcher, HasElement):
        return "is an array with the element", matcher.texts, ""
    if isinstance(matcher, HasMember):
        return "is an array whose objects have all of", tuple(map(_member, matcher.members)), ""
    if isinstance(matcher, Bound):
        return ("is at least" if matcher.kind == "at_least" else "is at most"), (str(matcher.limit),), ""
    if isinstance(matcher, Exists):
        return ("is there and not empty" if matcher.nonempty else "is there"), (), ""
    assert isinstance(matcher, Command)  # noqa: S101 - for the type checker: the last kind
    return "is a command of the form", tuple(map(_form, matcher.forms)), ""


def _value(value: Scalar) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _member(member: Member) -> str:
    values = []
    for value in member.values:
        if isinstance(value, (Affix, Regex, HasElement)):
            verb, texts, _ = _matcher(value)
            values.append(f"{verb} {' or '.join(texts)}")
        else:
            values.append(_value(value))
    return f"{member.key}: {' or '.join(values)}"


def _form(form: CommandForm) -> str:
    parts = [f"program {' or '.join(form.program)}"] if form.program else []
    parts += [f"argument {word}" for word in form.words]
    parts += [f"program text with {code}" for code in form.code]
    parts += [f"no argument {word}" for word in form.without]
    parts += [f"shell text with {' or '.join(form.shell)}"] if form.shell else []
    return ", ".join(parts)


def duration(seconds: int) -> str:
    """``90`` as ``90 seconds``, ``3600`` as ``1 hour``."""
    for size, name in _TIMES:
        if seconds % size == 0 and seconds >= size:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def correlation(correlate: Correlate) -> str:
    """What a composite counts, but for the rule itself: ``5 times within 2 minutes with the same srcip``."""
    text = f"{correlate.count} times within {duration(correlate.within)}"
    if correlate.same:
        text += f", with the same {' and '.join(correlate.same)}"
    if correlate.different:
        text += f", each with another {' and '.join(correlate.different)}"
    if correlate.across_agents:
        text += ", on any agent"
    return text
