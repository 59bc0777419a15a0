"""Matchers as PCRE2 expressions with exactly their meaning.

Every function returns an expression that is searched for in the value (not anchored by the engine). Expressions are in
byte mode, as Wazuh compiles them, and hold neither ``<`` nor ``&`` (``spec.patterns``).
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import TYPE_CHECKING

from wazuh_cicd.render.commands import command_line
from wazuh_cicd.spec.model import (
    Affix,
    Bound,
    Cidr,
    Command,
    Equals,
    Exists,
    HasElement,
    HasMember,
    Matcher,
    Member,
    Regex,
)
from wazuh_cicd.spec.patterns import literal, rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from wazuh_cicd.spec.yamlnodes import Scalar

ANY = r"[\s\S]"
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]|[^\\\[()|]+|.", re.DOTALL)
_INT32 = range(-(2**31), 2**31)


def either(expressions: Iterable[str]) -> str:
    """One of several expressions, grouped when there are more than one."""
    texts = list(dict.fromkeys(expressions))
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"


def expression(matcher: Matcher) -> str:
    """The search expression of one matcher (not of lists, which have a tag of their own)."""
    if isinstance(matcher, Equals):
        return rf"\A{either(literal(text) for value in matcher.values for text in value_texts(value))}\z"
    if isinstance(matcher, Affix):
        return _affix(matcher)
    if isinstance(matcher, Regex):
        return rewrite(matcher.pattern)
    if isinstance(matcher, Bound):
        return rf"\A{number_at_least(matcher.limit) if matcher.kind == 'at_least' else number_at_most(matcher.limit)}\z"
    if isinstance(matcher, Cidr):
        return rf"\A{either(network(text) for text in matcher.networks)}\z"
    if isinstance(matcher, HasElement):
        return has_element(matcher.texts)
    if isinstance(matcher, HasMember):
        return both([has_member(member) for member in matcher.members])
    if isinstance(matcher, Command):
        return command_line(matcher)
    if isinstance(matcher, Exists):
        return ANY if matcher.nonempty else r"\A"
    raise TypeError(matcher)


def both(expressions: Sequence[str], *, negated: Sequence[str] = ()) -> str:
    """All expressions are found, and none of the negated: one expression of look-aheads."""
    if len(expressions) == 1 and not negated:
        return expressions[0]
    ahead = [f"(?={_from_start(text)})" for text in expressions]
    ahead += [f"(?!{_from_start(text)})" for text in negated]
    return r"\A" + "".join(ahead)


def _from_start(text: str) -> str:
    several = len(alternatives(text)) > 1
    if text.startswith(r"\A") and not several:
        return text[2:]
    return f"{ANY}*?(?:{text})" if several else f"{ANY}*?{text}"


def alternatives(text: str) -> list[str]:
    """What stands between the bars outside of every group of an expression."""
    depth = 0
    parts = [""]
    for part in _PARTS.findall(text):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += part
    return parts


def value_texts(value: Scalar) -> tuple[str, ...]:
    """The texts that a JSON value becomes on its way to a rule.

    Whole numbers beyond 32 bits arrive with six decimals when they are JSON numbers, and as written when they are
    strings; both are meant.
    """
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, int) and value not in _INT32:
        return (str(value), f"{float(value):.6f}")
    if isinstance(value, float):
        return (repr(value), f"{value:.6f}")
    return (str(value),)


def _affix(matcher: Affix) -> str:
    texts = [literal(text) for text in matcher.texts]
    if matcher.kind == "contains_all":
        return both(list(dict.fromkeys(texts)))
    found = either(texts)
    return {"starts_with": rf"\A{found}", "ends_with": rf"{found}\z", "contains": found}[matcher.kind]


# -- numbers ---------------------------------------------------------------------------------------------------------


def _digits(limit: Decimal) -> tuple[str, str]:
    text = format(abs(limit), "f")
    whole, _, fraction = text.partition(".")
    return whole.lstrip("0"), fraction.rstrip("0")


def _range(low: int, high: int) -> str:
    if low == high:
        return str(low)
    return r"\d" if (low, high) == (0, 9) else f"[{low}-{high}]"


def _some_digits(count: int) -> str:
    return "" if count == 0 else r"\d" if count == 1 else rf"\d{{{count}}}"


def _size_at_least(limit: Decimal) -> str:
    """Digits, leading zeros allowed, of a number without sign that is >= |limit|."""
    whole, fraction = _digits(limit)
    parts = [rf"[1-9]\d{{{len(whole)},}}(?:\.\d+)?"]
    for position, digit in enumerate(whole):
        if digit != "9":
            rest = len(whole) - position - 1
            parts.append(f"{whole[:position]}{_range(int(digit) + 1, 9)}{_some_digits(rest)}(?:\\.\\d+)?")
    same = whole or "0"
    if not fraction:
        parts.append(rf"{same}(?:\.\d+)?" if whole else r"0(?:\.\d+)?")
    else:
        tails = [
            rf"{fraction[:position]}{_range(int(digit) + 1, 9)}\d*"
            for position, digit in enumerate(fraction)
            if digit != "9"
        ]
        parts.append(rf"{same}\.{either([*tails, rf'{fraction}{chr(92)}d*'])}")
    return f"0*{either(parts)}"


def _size_at_most(limit: Decimal) -> str:
    """Digits, leading zeros allowed, of a number without sign that is <= |limit|."""
    whole, fraction = _digits(limit)
    parts = []
    if len(whole) > 1:
        parts.append(rf"\d{{1,{len(whole) - 1}}}(?:\.\d+)?")
    for position, digit in enumerate(whole):
        rest = len(whole) - position - 1
        if digit != "0" and not (len(whole) == 1 and digit == "0"):
            parts.append(f"{whole[:position]}{_range(0, int(digit) - 1)}{_some_digits(rest)}(?:\\.\\d+)?")
    same = whole or "0"
    if not fraction:
        parts.append(rf"{same}(?:\.0+)?")
    else:
        tails = [
            rf"{fraction[:position]}{_range(0, int(digit) - 1)}\d*"
            for position, digit in enumerate(fraction)
            if digit != "0"
        ]
        tails += [rf"{fraction[:length]}0*" for length in range(1, len(fraction) + 1)]
        parts.append(rf"{same}(?:\.{either(tails)})?")
    return f"0*{either(parts)}"


def number_at_least(limit: Decimal) -> str:
    """A decimal number (sign, digits, fraction; no exponent) that is >= the limit."""
    if limit > 0:
        return _size_at_least(limit)
    return rf"(?:\d+(?:\.\d+)?|-{_size_at_most(limit)})"


def number_at_most(limit: Decimal) -> str:
    """A decimal number that is <= the limit."""
    if limit < 0:
        return f"-{_size_at_least(limit)}"
    return rf"(?:-\d+(?:\.\d+)?|{_size_at_most(limit)})"


# -- addresses -------------------------------------------------------------------------------------------------------

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HEXTET = "[0-9A-Fa-f]{1,4}"
_RUN = re.compile(f"(?:{re.escape(_HEXTET)}:){{2,}}")


def network(text: str) -> str:
    """Every usual textual form of an address in the network, without anchors.

    IPv4: four decimal numbers without leading zeros. IPv6: RFC 4291 section 2.2 in full, compressed and mixed form, in
    either case, without a zone. An IPv4-mapped IPv6 address is an IPv6 address here, as in Wazuh's own ``srcip``.
    """
    parsed = ipaddress.ip_network(text)
    if parsed.version == 4:
        return _quad(int(parsed.network_address), parsed.prefixlen)
    return _ipv6(int(parsed.network_address), parsed.prefixlen)


def _quad(address: int, bits: int) -> str:
    octets = [address >> shift & 255 for shift in (24, 16, 8, 0)]
    out = []
    for position, octet in enumerate(octets):
        fixed = min(max(bits - 8 * position, 0), 8)
        out.append(decimal_range(octet, octet + (1 << (8 - fixed)) - 1))
    free = 0
    while free < 3 and out[-1] == _OCTET:
        out.pop()
        free += 1
    head = r"\.".join(out)
    return head + (rf"(?:\.{_OCTET}){{{free}}}" if free > 1 else rf"\.{_OCTET}" if free else "")


def decimal_range(low: int, high: int) -> str:
    """A number of ``low``..``high`` (at most 255) in decimal, without leading zeros."""
    if (low, high) == (0, 255):
        return _OCTET
    parts: list[str] = []
    for tens in range(low // 10, high // 10 + 1):
        first, last = max(low, tens * 10), min(high, tens * 10 + 9)
        unit = _range(first % 10, last % 10)
        parts.append(f"{tens or ''}{unit}")
    merged: list[str] = []
    while parts:  # 13\d 14\d 15\d -> 1[3-5]\d
        head = parts.pop(0)
        run = [head]
        while (
            head.endswith(r"\d") and parts and parts[0].endswith(r"\d") and parts[0][:-3] == head[:-3] and len(head) > 2
        ):
            run.append(parts.pop(0))
        merged.append(f"{head[:-3]}[{run[0][-3]}-{run[-1][-3]}]\\d" if len(run) > 1 else head)
    return either(merged)


def _ipv6(address: int, bits: int) -> str:
    groups = [address >> shift & 0xFFFF for shift in range(112, -1, -16)]
    need = [min(max(bits - 16 * position, 0), 16) for position in range(8)]
    shapes = [_hextet(groups[position], need[position]) for position in range(8)]
    zero = [groups[position] == 0 for position in range(8)]  # the network's own bits beyond the prefix are zero
    quad = _quad(address & 0xFFFFFFFF, max(bits - 96, 0))
    forms = [":".join(shapes), ":".join([*shapes[:6], quad])]
    for left in range(8):
        head = ":".join(shapes[:left])
        rights: list[str] = []
        free = _free_tail(need, zero, left)
        if free:
            most = 7 - left
            if most:
                rights.append(f"(?:{_HEXTET}(?::{_HEXTET}){{0,{most - 1}}})?" if most > 1 else f"(?:{_HEXTET})?")
            else:
                rights.append("")
            if most >= 2:
                repeat = f"(?:{_HEXTET}:){{0,{most - 2}}}" if most > 2 else ""
                rights.append(f"{repeat}{quad}")
        else:
            for right in range(8 - left):
                if all(zero[left : 8 - right]):
                    tail = shapes[8 - right :]
                    rights.append(":".join(tail))
                    if right >= 2:
                        rights.append(":".join([*tail[:-2], quad]))
        if rights:
            forms.append(f"{head}::{either(rights)}")
    return either(
        _RUN.sub(lambda run: f"(?:{_HEXTET}:){{{len(run[0]) // len(_HEXTET + ':')}}}", form) for form in forms
    )


def _free_tail(need: Sequence[int], zero: Sequence[bool], left: int) -> bool:
    """Whether any groups may follow ``::`` behind ``left`` groups: nothing is demanded of them."""
    return all(bits == 0 for bits in need[left:]) and all(zero[left:])


def _hextet(value: int, bits: int) -> str:
    if bits == 0:
        return _HEXTET
    if bits == 16:
        return _hex_digits(value, value)
    return _hex_digits(value, value + (1 << (16 - bits)) - 1)


def _hex_class(low: int, high: int) -> str:
    if low == high:
        digit = f"{low:x}"
        return digit if digit.isdigit() else f"[{digit.upper()}{digit}]"
    if (low, high) == (0, 15):
        return "[0-9A-Fa-f]"
    decimal = f"{low:x}-{min(high, 9):x}" if low <= 9 else ""
    letters = ""
    if high >= 10:
        first = max(low, 10)
        letters = f"{first:X}-{high:X}{first:x}-{high:x}"
    return f"[{decimal}{letters}]"


def _hex_digits(low: int, high: int) -> str:
    """A group of one to four hex digits whose value is ``low``..``high``, an aligned power-of-two range."""
    low_digits = [low >> shift & 15 for shift in (12, 8, 4, 0)]
    high_digits = [high >> shift & 15 for shift in (12, 8, 4, 0)]
    four = "".join(_hex_class(a, b) for a, b in zip(low_digits, high_digits, strict=True))
    forms = [_squeeze(four, low_digits, high_digits)]
    for dropped in range(1, 4):  # leading zeros may be left out when the range has them
        if any(low_digits[:dropped]):
            break
        rest = list(zip(low_digits[dropped:], high_digits[dropped:], strict=True))
        short = "".join(_hex_class(a, b) for a, b in rest)
        forms.append(_squeeze(short, [a for a, _ in rest], [b for _, b in rest]))
    return either(forms)


def _squeeze(text: str, low: Sequence[int], high: Sequence[int]) -> str:
    full = 0
    while full < len(low) and (low[-1 - full], high[-1 - full]) == (0, 15):
        full += 1
    if full < 2:
        return text
    return text[: -len("[0-9A-Fa-f]") * full] + f"[0-9A-Fa-f]{{{full}}}"


# -- printed arrays --------------------------------------------------------------------------------------------------

# Any JSON value as cJSON prints it, for stepping over the elements before the one looked for.
_JSON_VALUE = (
    r"(?(DEFINE)(?'s'\"(?:[^\"\\]++|\\[\s\S])*+\")"
    r"(?'v'(?>(?P>s)|[-+.\w]++|\[\s*+(?:(?P>v)\s*+(?:,\s*+(?P>v)\s*+)*+)?\]"
    r"|\{\s*+(?:(?P>s)\s*+:\s*+(?P>v)\s*+(?:,\s*+(?P>s)\s*+:\s*+(?P>v)\s*+)*+)?\})))"
)


def printed(text: str) -> str:
    """A string as cJSON prints it inside an array, quotes left out."""
    out = json.dumps(text, ensure_ascii=False)[1:-1]
    return out.replace("\x7f", "\x7f")


def has_element(texts: Sequence[str]) -> str:
    """The value is a printed array with one of the strings as an element of its own."""
    wanted = either(literal(printed(text)) for text in texts)
    return rf'{_JSON_VALUE}\A\[(?:(?P>v),\s*+)*?"{wanted}"\s*+[,\]]'


def has_member(member: Member) -> str:
    r"""The value is a printed array with ``"key": value`` in one of its objects, at any depth.

    cJSON prints each member on a line of its own behind tabs, with a tab behind the colon, and writes a tab inside a
    string as ``\t``: a raw tab, the key in quotes, colon and tab can be nothing but that key.
    """
    values = either(_member_value(value) for value in member.values)
    return rf'\A\[{ANY}*?\t"{literal(printed(member.key))}":\t{values}'


def _member_value(value: Scalar | Affix | Regex | HasElement) -> str:
    inside = r'(?:[^"\\\n]|\\.)*?'
    if isinstance(value, HasElement):
        wanted = either(literal(printed(text)) for text in value.texts)
        return rf'\[(?:(?:"(?:[^"\\\n]|\\.)*+"|[^"\[\],\n]++),\s*+)*?"{wanted}"\s*+[,\]]'
    if isinstance(value, Affix):
        wanted = either(literal(printed(text)) for text in value.texts)
        return {
            "starts_with": f'"{wanted}',
            "ends_with": f'"{inside}{wanted}"',
            "contains": f'"{inside}{wanted}',
        }[value.kind]
    if isinstance(value, Regex):
        pattern = rewrite(value.pattern)
        start = pattern.startswith("^")
        end = pattern.endswith("$") and not pattern.endswith(r"\$")
        core = pattern[1 if start else 0 : -1 if end else None]
        return f'"{"" if start else inside}(?:{core}){chr(34) if end else ""}'
    if isinstance(value, str):
        return f'"{literal(printed(value))}"'
    text = "null" if value is None else json.dumps(value)
    return rf"{literal(text)}(?=[,\n\]}}])"
