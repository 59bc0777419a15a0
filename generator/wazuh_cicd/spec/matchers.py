"""Reading ``when`` and ``unless``: YAML to conditions, refusing what Wazuh cannot test exactly."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.spec.commands import CommandPatternError, parse
from wazuh_cicd.spec.model import (
    Affix,
    Bound,
    Cidr,
    Command,
    CommandForm,
    Condition,
    Equals,
    Exists,
    HasElement,
    HasMember,
    InList,
    Matcher,
    Member,
    Regex,
)
from wazuh_cicd.spec.patterns import regex_problem
from wazuh_cicd.spec.problems import did_you_mean
from wazuh_cicd.spec.shapes import COMMAND, MATCHERS
from wazuh_cicd.spec.subjects import ADDRESSES, LISTABLE, NOT_SUBJECTS, is_dynamic
from wazuh_cicd.spec.yamlnodes import kind, scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.spec.yamlnodes import Scalar, SpecReader

_AFFIXES = ("starts_with", "ends_with", "contains", "contains_all")
_TIME = re.compile(r"!? ?\d{1,2}(:\d\d)? ?([ap]m)? ?- ?\d{1,2}(:\d\d)? ?([ap]m)?\Z", re.IGNORECASE)
_DAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "weekdays", "weekends"}


def read_conditions(reader: SpecReader, node: yaml.Node, *, negated: bool) -> tuple[Condition, ...]:
    """Read the mapping of ``when`` (or, ``negated``, of ``unless``)."""
    what = "'unless'" if negated else "'when'"
    conditions = []
    for key, value in reader.items(node, what):
        condition = _read_condition(reader, key, value)
        if condition is None:
            continue
        if _check_subject(reader, key, condition, negated=negated):
            conditions.append(condition)
    return tuple(conditions)


def _read_condition(reader: SpecReader, key: yaml.ScalarNode, node: yaml.Node) -> Condition | None:
    matchers: list[Matcher] = []
    ignore_case = False
    if isinstance(node, yaml.ScalarNode):
        matchers.append(Equals((_equal_value(node),)))
    elif isinstance(node, yaml.SequenceNode):
        values = _scalars(reader, node, "a list of values")
        if not values:
            return None
        matchers.append(Equals(values))
    else:
        before = len(reader.problems.findings)
        entries = reader.mapping(node, f"the condition on '{key.value}'", MATCHERS.names)
        for name, value in entries.items():
            if name in _READERS:
                matcher = _READERS[name](reader, value, entries)
                if matcher is not None:
                    matchers.append(matcher)
        for name, owner in (("by", "in_list"), ("value", "in_list"), ("nonempty", "exists")):
            if name in entries and owner not in entries:
                reader.problem("M302", entries[name], f"'{name}' means nothing without '{owner}'", f"add '{owner}:'")
        if "ignore_case" in entries:
            ignore_case = bool(reader.boolean(entries["ignore_case"], "'ignore_case'"))
        if not matchers:
            if len(reader.problems.findings) == before and not entries:
                reader.problem("M301", node, f"no condition on '{key.value}'", "write a value or a matcher")
            elif len(reader.problems.findings) == before:
                reader.problem("M301", node, f"'{key.value}' has only modifiers", "add a matcher, as 'contains: x'")
            return None
        with_case = (Equals, Affix, Regex, HasElement, HasMember, Command)
        if ignore_case and not any(isinstance(m, with_case) for m in matchers):
            reader.problem("M302", entries["ignore_case"], "nothing here has case", "remove 'ignore_case'")
    return Condition(key.value, tuple(matchers), ignore_case, reader.place(key))


def _equal_value(node: yaml.ScalarNode) -> Scalar:
    value = scalar(node)
    return node.value if isinstance(value, float) and not node.style else value


def _scalars(reader: SpecReader, node: yaml.Node, what: str) -> tuple[Scalar, ...]:
    values = []
    for element in reader.elements(node, what):
        if isinstance(element, yaml.ScalarNode):
            values.append(_equal_value(element))
        else:
            reader.problem("S103", element, f"{what} holds {kind(element)}", "write plain values")
    if isinstance(node, yaml.SequenceNode) and not node.value:
        reader.problem("M301", node, "an empty list matches nothing", "name at least one value")
    return tuple(values)


def _texts(reader: SpecReader, node: yaml.Node, name: str) -> tuple[str, ...]:
    texts = reader.texts(node, f"'{name}'")
    if isinstance(node, yaml.SequenceNode) and not node.value:
        reader.problem("M301", node, f"'{name}' lists nothing", "name at least one text")
    if any(not text for text in texts) and isinstance(node, (yaml.SequenceNode, yaml.ScalarNode)):
        reader.problem("M301", node, f"'{name}' with an empty text holds always", "write a text, or use 'exists: true'")
        return ()
    return texts


# -- the matchers ----------------------------------------------------------------------------------------------------

_Entries = "dict[str, yaml.Node]"


def _equals(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    if isinstance(node, yaml.ScalarNode):
        return Equals((_equal_value(node),))
    reader.problem("S103", node, f"'equals' must be one value, not {kind(node)}", "write 'one_of:' for several")
    return None


def _one_of(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    values = _scalars(reader, node, "'one_of'")
    return Equals(values) if values else None


def _affix(name: str) -> Callable[[SpecReader, yaml.Node, dict[str, yaml.Node]], Matcher | None]:
    def read(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
        texts = _texts(reader, node, name)
        return Affix(name, texts) if texts else None

    return read


def _regex(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        reader.problem("S103", node, f"'regex' must be one expression, not {kind(node)}", "join several with '|'")
        return None
    problem = regex_problem(node.value)
    if problem:
        reader.problem("M303", node, f"bad regex: {problem.what}", problem.mend)
        return None
    return Regex(node.value)


def _cidr(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    networks = []
    for text in _texts(reader, node, "cidr"):
        try:
            networks.append(str(ipaddress.ip_network(text)))
        except ValueError as error:  # noqa: PERF203 - each text has its own message
            mend = "write the network, as 10.0.0.0/8 or fc00::/7"
            with suppress(ValueError):
                mend = f"write {ipaddress.ip_network(text, strict=False)}"
            reader.problem("M304", node, f"'{text}' is not a network: {error}", mend)
    return Cidr(tuple(networks)) if networks else None


def _in_list(reader: SpecReader, node: yaml.Node, entries: dict[str, yaml.Node]) -> Matcher | None:
    name = reader.text(node, "'in_list'")
    by_address = "by" in entries and reader.choice(entries["by"], "'by'", ("key", "address")) == "address"
    value = reader.text(entries["value"], "'value'") if "value" in entries else None
    if value is not None:
        if by_address:
            reader.problem(
                "M305",
                entries["value"],
                "Wazuh tests values of address keys the wrong way round",
                "make a list a value",
            )
        if re.search(r"[|<&]|^[!^]|\$$|^\s|\s$", value) or not value:
            reader.problem(
                "M305", entries["value"], f"the value '{value}' cannot be tested exactly", "use letters, digits, -_."
            )
    return InList(name, by_address, value) if name else None


def _like(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    name = reader.text(node, "'like'")
    if name and name not in reader.patterns:
        fix = did_you_mean(name, reader.patterns, otherwise=f"write lists/{name}.yml with 'keys: pattern'")
        reader.problem("M313", node, f"no list of patterns is called '{name}'", fix)
        return None
    return Regex(reader.patterns[name]) if name else None


def _has_element(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    texts = reader.texts(node, "'has_element'")
    return HasElement(texts) if texts else None


def _has_member(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
    members = []
    for key, value in reader.items(node, "'has_member'"):
        values: list[Scalar | Affix | Regex | HasElement] = []
        for element in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            values.extend(_member_values(reader, element))
        if values:
            members.append(Member(key.value, tuple(values)))
        else:
            reader.problem("M301", value, f"no value for member '{key.value}'", "name at least one value")
    return HasMember(tuple(members)) if members else None


def _member_values(reader: SpecReader, node: yaml.Node) -> list[Scalar | Affix | Regex | HasElement]:
    if isinstance(node, yaml.ScalarNode):
        return [_equal_value(node) if not isinstance(scalar(node), float) else scalar(node)]
    known = ("regex", "starts_with", "ends_with", "contains", "has_element")
    found: list[Scalar | Affix | Regex | HasElement] = []
    entries = reader.mapping(node, "a member's value", known)
    if len(entries) > 1:
        reader.problem("M302", node, "a member's value has one matcher", "keep one, or name the key's values in a list")
    for name, value in entries.items():
        matcher = _READERS[name](reader, value, entries)
        if isinstance(matcher, (Affix, Regex, HasElement)):
            found.append(matcher)
        if isinstance(matcher, Regex) and re.search(r"\\[AzZG]|\(\*|(?<!\\)[\^$].*[\^$].*|.\^|\$.", matcher.pattern):
            simple = re.fullmatch(r"\^?(?:[^\\^$(]|\\[^AzZGKRX]|\((?!\*))*\$?", matcher.pattern)
            if not simple:
                reader.problem(
                    "M306", value, "anchors inside a member's regex cannot be kept", "use ^ first and $ last only"
                )
    return found


def _bound(name: str) -> Callable[[SpecReader, yaml.Node, dict[str, yaml.Node]], Matcher | None]:
    def read(reader: SpecReader, node: yaml.Node, _: dict[str, yaml.Node]) -> Matcher | None:
        value = scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                limit = Decimal(str(node.value))
            except InvalidOperation:
                limit = Decimal(str(value))
            if limit.is_finite() and -15 <= limit.adjusted() <= 15:
                return Bound(name, limit)
        reader.problem("S103", node, f"'{name}' must be a number, not {kind(node)}", "write a plain number")
        return None

    return read


def _exists(reader: SpecReader, node: yaml.Node, entries: dict[str, yaml.Node]) -> Matcher | None:
    wanted = reader.boolean(node, "'exists'")
    if wanted is False:
        reader.problem(
            "M307",
            node,
            "Wazuh cannot test that a field is missing: no condition holds on a missing field",
            "write a level-0 child with 'exists: true' for the other case",
        )
    nonempty = "nonempty" in entries and bool(reader.boolean(entries["nonempty"], "'nonempty'"))
    return Exists(nonempty) if wanted else None


def _command(reader: SpecReader, node: yaml.Node, entries: dict[str, yaml.Node]) -> Matcher | None:
    ignore_case = "ignore_case" in entries
    forms = []
    for element in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        form = _command_form(reader, element, ignore_case=ignore_case)
        if form is not None:
            forms.append(form)
    return Command(tuple(forms)) if forms else None


def _command_form(reader: SpecReader, node: yaml.Node, *, ignore_case: bool) -> CommandForm | None:
    parts = reader.mapping(node, COMMAND.what, COMMAND.names)
    found = {name: reader.texts(value, f"'{name}'") for name, value in parts.items()}
    for name, patterns in found.items():
        for pattern in patterns:
            try:
                parse(pattern, ignore_case=ignore_case)
            except CommandPatternError as error:  # noqa: PERF203 - each expression has its own message
                what, _, mend = str(error).partition("; ")
                reader.problem("M303", parts[name], f"bad expression about a command: {what}", mend)
                return None
    if not found.keys() & {"program", "words", "code", "shell"}:
        reader.problem("M301", node, "a command that may be anything", "name a program, words, code or a shell's text")
        return None
    if "shell" in found and len(found) > 1:
        reader.problem("M302", parts["shell"], "'shell' stands alone", "write the program into the text's expression")
        return None
    return CommandForm(**found)


_READERS: dict[str, Callable[[SpecReader, yaml.Node, dict[str, yaml.Node]], Matcher | None]] = {
    "equals": _equals,
    "one_of": _one_of,
    **{name: _affix(name) for name in _AFFIXES},
    "regex": _regex,
    "cidr": _cidr,
    "in_list": _in_list,
    "like": _like,
    "has_element": _has_element,
    "has_member": _has_member,
    "at_least": _bound("at_least"),
    "at_most": _bound("at_most"),
    "exists": _exists,
    "command": _command,
}


# -- what a subject can be tested for ----------------------------------------------------------------------------------


def _check_subject(reader: SpecReader, key: yaml.ScalarNode, condition: Condition, *, negated: bool) -> bool:
    subject, matchers = condition.subject, condition.matchers
    if subject in NOT_SUBJECTS:
        other = NOT_SUBJECTS[subject]
        mend = f"write '{other}:'" if other else "Wazuh's packages never set it: remove the condition"
        reader.problem("M308", key, f"'{subject}' is not a subject", mend)
        return False
    if is_dynamic(subject) and (re.search(r"[<>&\"']|--", subject) or subject != subject.strip() or not subject):
        reader.problem(
            "M308", key, f"'{subject}' cannot be a field's name in Wazuh's XML", "name the field as JSON has it"
        )
        return False
    if subject in ("decoder", "time", "weekday", "min_size"):
        return _check_special(reader, key, condition, negated=negated)
    good = True
    for matcher in matchers:
        if isinstance(matcher, InList):
            if not is_dynamic(subject) and subject not in LISTABLE or " " in subject:  # noqa: RUF021 - reads as written
                reader.problem("M308", key, f"Wazuh cannot look '{subject}' up in a list", "use a decoded field")
                good = False
            if negated and (len(matchers) > 1 or matcher.value is not None):
                reader.problem(
                    "M309",
                    key,
                    "an exception by list stands alone",
                    "split it: a child rule of level 0 for the exception",
                )
                good = False
        elif subject in ADDRESSES and not _plain_addresses(matcher):
            reader.problem(
                "M310",
                key,
                f"'{subject}' is tested as an address",
                "use equals, one_of or cidr with addresses, or in_list",
            )
            good = False
        elif subject in ADDRESSES and (confused := _confused_network(matcher)):
            reader.problem(
                "M312",
                key,
                f"a manager takes IPv4 addresses for some of {confused}",
                "Wazuh compares blocks that begin with zero bytes with addresses of both families: leave it out",
            )
            good = False
        elif isinstance(matcher, Exists) and negated:
            reader.problem(
                "M307", key, "'unless' needs the field to be there, so this never holds", "write a level-0 child rule"
            )
            good = False
    if good and subject in ADDRESSES and negated and len(matchers) > 1:
        reader.problem("M309", key, f"an exception on '{subject}' has one matcher", "write a level-0 child rule")
        good = False
    if good and subject in ADDRESSES and sum(not isinstance(m, InList) for m in matchers) > 1:
        reader.problem("M310", key, f"Wazuh joins all addresses of '{subject}' with OR", "keep one matcher")
        good = False
    return good


def _plain_addresses(matcher: Matcher) -> bool:
    if isinstance(matcher, Cidr):
        return True
    if not isinstance(matcher, Equals):
        return False
    try:
        for value in matcher.values:
            ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True


def _confused_network(matcher: Matcher) -> str:
    """The first IPv6 block in which a manager finds IPv4 addresses, or an empty string (``docs/engine.md``)."""
    texts: tuple[str, ...] = ()
    if isinstance(matcher, Cidr):
        texts = matcher.networks
    elif isinstance(matcher, Equals):
        texts = tuple(map(str, matcher.values))
    for text in texts:
        network = ipaddress.ip_network(text)
        if network.version == 6:
            number = int(network.network_address)
            if (number >> 96) & ~(number >> 64) & 0xFFFFFFFF == 0:
                return text
    return ""


def _check_special(reader: SpecReader, key: yaml.ScalarNode, condition: Condition, *, negated: bool) -> bool:
    subject, matcher = condition.subject, condition.matchers[0]
    value = matcher.values[0] if isinstance(matcher, Equals) and len(matcher.values) == 1 else None
    if negated or len(condition.matchers) > 1 or value is None or condition.ignore_case:
        reader.problem("M308", key, f"'{subject}' takes one plain value in 'when'", f"write '{subject}: …'")
        return False
    text = str(value)
    if subject == "min_size" and not (isinstance(value, int) and 1 <= value <= 9999):
        reader.problem("M308", key, f"'min_size' {text} is not a number of bytes in 1..9999", "write a number")
        return False
    if subject == "time" and not _TIME.match(text):
        reader.problem("M308", key, f"'{text}' is not a time range", "write it as '22:00 - 06:00' or '10 pm - 6 am'")
        return False
    if subject == "weekday":
        for word in re.split(r"[ ,]+", text.lower()):
            known = _DAYS | {day[:3] for day in _DAYS if day.endswith("day")}
            if word not in known:
                mend = did_you_mean(
                    word, _DAYS, otherwise="write full English names, weekdays or weekends, with commas"
                )
                reader.problem("M308", key, f"'{word}' is not a day", mend)
                return False
    return True
