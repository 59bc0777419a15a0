"""OS_Regex: its grammar, parsed into alternatives of units."""

import re
from dataclasses import dataclass

from wazuh_cicd.engine.patterns.base import BAD_ESCAPE, BAD_PARENTHESIS, TOO_LONG, PatternError

MAX_SOURCE = 20_480


LITERAL = 0
CLASS = 1
PAREN = 2

NO_BYTE = -1
_ASCII_END = 0x80

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_WORD = frozenset(_LETTERS + _DIGITS + b"-@_")
_PUNCTUATION = frozenset(b"!\"#$%&'()*+,-.:;<=>?[]{|}")
_ALL = frozenset(range(256))

# What a backslash token takes. Lower-case letters stand for both cases: subjects are compared without letter case.
CLASSES: dict[int, frozenset[int]] = {
    ord("w"): _WORD,
    ord("d"): frozenset(_DIGITS),
    ord("s"): frozenset(b" "),
    ord("t"): frozenset(b"\t"),
    ord("p"): _PUNCTUATION,
    ord("W"): _ALL - _WORD,
    ord("D"): _ALL - frozenset(_DIGITS),
    ord("S"): _ALL - frozenset(b" "),
    ord("."): _ALL,
    ord("$"): frozenset(b"$"),
    ord("|"): frozenset(b"|"),
    ord("("): frozenset(b"("),
    ord(")"): frozenset(b")"),
    ord("\\"): frozenset(b"\\"),
    ord("<"): frozenset(b"<"),
}

_PLUS = ord("+")
_STAR = ord("*")
_OPEN = ord("(")


@dataclass(frozen=True, slots=True)
class Unit:
    """One element of an alternative: a literal byte (lower case), a class of bytes, or a parenthesis."""

    kind: int
    byte: int = 0
    taken: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the texts between ``|``.

    Attributes:
        units: its elements, anchors left out.
        begin: starts with ``^``.
        end: finishes with ``$``.
        quantifiers: for each unit, whether it is a ``+`` or ``*`` directly behind a class.
        parens: for each unit, the number of the parenthesis it is, or -1.
        groups: number of captures.
    """

    units: tuple[Unit, ...]
    begin: bool
    end: bool
    quantifiers: tuple[bool, ...]
    parens: tuple[int, ...]
    groups: int


_TOKEN = rb"(?:[^\\()|]|\\[%s])" % re.escape(bytes(CLASSES))
_VALID = re.compile(rb"(?:%s|\(%s*\)|\|)*" % (_TOKEN, _TOKEN), re.DOTALL)


def check_syntax(source: bytes) -> None:
    """Raise ``PatternError`` as ``parse_alternatives`` does, without building anything."""
    if len(source) > MAX_SOURCE or not _VALID.fullmatch(source):
        parse_alternatives(source)
        raise PatternError("not an OS_Regex")  # not reached: the parser says more


def parse_alternatives(source: bytes) -> tuple[Alternative, ...]:
    """Split and parse a pattern.

    Raises:
        PatternError: unknown escape, a ``|`` in parentheses, nested or unbalanced parentheses, too long.
    """
    if len(source) > MAX_SOURCE:
        raise PatternError(f"longer than {MAX_SOURCE} bytes", TOO_LONG)
    return tuple(_parse_one(text) for text in _split(source))


def _split(source: bytes) -> list[bytes]:
    parts: list[bytes] = []
    begin = 0
    inside = False
    escaped = False
    for index, byte in enumerate(source):
        if escaped:
            if byte not in CLASSES:
                raise PatternError(f"no escape \\{chr(byte)} in OS_Regex (position {index})", BAD_ESCAPE)
            escaped = False
        elif byte == ord("\\"):
            escaped = True
        elif byte == ord("("):
            if inside:
                raise PatternError(f"nested parentheses (position {index})", BAD_PARENTHESIS)
            inside = True
        elif byte == ord(")"):
            if not inside:
                raise PatternError(f"closing parenthesis without an opening one (position {index})", BAD_PARENTHESIS)
            inside = False
        elif byte == ord("|"):
            if inside:
                raise PatternError(f"'|' inside parentheses (position {index})", BAD_PARENTHESIS)
            parts.append(source[begin:index])
            begin = index + 1
    if escaped:
        raise PatternError("backslash at the end", BAD_ESCAPE)
    if inside:
        raise PatternError("parenthesis not closed", BAD_PARENTHESIS)
    parts.append(source[begin:])
    return parts


def _parse_one(text: bytes) -> Alternative:
    begin = text.startswith(b"^")
    if begin:
        text = text[1:]
    end = text.endswith(b"$") and not _ends_in_escape(text)
    if end:
        text = text[:-1]
    units: list[Unit] = []
    parens: list[int] = []
    count = 0
    index = 0
    while index < len(text):
        byte = text[index]
        if byte == ord("\\"):
            index += 1
            units.append(Unit(CLASS, taken=CLASSES[text[index]]))
        elif byte in b"()":
            units.append(Unit(PAREN))
        else:
            # Signed and unsigned bytes are compared here: a literal beyond ASCII equals nothing.
            units.append(Unit(LITERAL, byte=text[index : index + 1].lower()[0] if byte < _ASCII_END else NO_BYTE))
        if units[-1].kind == PAREN:
            parens.append(count)
            count += 1
        else:
            parens.append(-1)
        index += 1
    quantifiers = tuple(
        unit.kind == LITERAL and unit.byte in (_PLUS, _STAR) and at > 0 and units[at - 1].kind == CLASS
        for at, unit in enumerate(units)
    )
    return Alternative(tuple(units), begin, end, quantifiers, tuple(parens), count // 2)


def _ends_in_escape(text: bytes) -> bool:
    body = text[:-1]
    return (len(body) - len(body.rstrip(b"\\"))) % 2 == 1
