"""Whether an expression takes an address from a place that only the program which writes the log can fill.

A line of text holds what clients wrote: user names, URLs, header fields. An expression that finds the address after
such text finds an address *in* such text as well, and whoever sends it chooses who gets blocked. Two places are safe:

* the beginning of the line, where nothing stands in front but literal text and numbers;
* a line that is read as a whole: anchored at its end too, and with nothing after the address that could hold a blank.
  Then the address is the one that the program wrote last, whatever stands in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What one character of an address, a port or a date may be: no client can put a word of its own there.
_NARROW = frozenset("0123456789abcdefABCDEF.:%[]-")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[+?]?")
_SKIPPED_GROUP = re.compile(r"\(\?(?:[=!]|<[=!])|\(\*(?:pla|nla|plb|nlb):")
_OPEN_GROUP = re.compile(r"\((?:\?(?:[a-zA-Z-]*:|>|\||P?<\w+>|'\w+')|\*\w+:)?")
_FLAGS = re.compile(r"\(\?[a-zA-Z^-]+\)")
_BLANK = re.compile(r" |\\[shWDN]")
_PRINTABLE = [chr(code) for code in range(32, 127)]
_TYPES = {
    "d": r"\d",
    "w": r"\w",
    "s": r"\s",
    "D": r"\D",
    "W": r"\W",
    "S": r"\S",
    "h": r"[ \t]",
    "H": r"[^ \t]",
    "N": ".",
}


@dataclass(frozen=True, slots=True)
class _Atom:
    """One element of an expression: the characters it can be, whether it is plain text, the groups it stands in."""

    characters: frozenset[str]
    literal: bool
    groups: tuple[int, ...]

    @property
    def is_narrow(self) -> bool:
        return self.literal or self.characters <= _NARROW

    @property
    def holds_blank(self) -> bool:
        return not self.literal and " " in self.characters and bool(self.characters - {" "})


def address_fault(pattern: str, group: int | None = None) -> str | None:
    """Why an address taken by this expression may be one that a client wrote; None where it cannot be.

    Args:
        pattern: a PCRE2 expression.
        group: the number of the group that takes the address; None: the first part that can hold nothing but an address
            (for a condition that takes nothing).
    """
    if not re.match(r"(?:\(\?[a-zA-Z]+\))?(?:\^|\\A)", pattern):
        return "the expression is not anchored at the line's beginning"
    atoms = _atoms(pattern)
    places = [n for n, atom in enumerate(atoms) if (group in atom.groups if group else _is_address(atom))]
    if not places:
        return "the expression names no address"
    if any(atoms[n].holds_blank for n in places):
        return "the address itself may hold blanks"
    before, after = atoms[: places[0]], atoms[places[-1] + 1 :]
    if all(atom.is_narrow for atom in before):
        return None
    if not re.search(r"(?<!\\)(?:\$|\\[zZ])\)*$", pattern):
        return "text of others stands in front of the address, and the expression is not anchored at the line's end"
    if any(atom.holds_blank for atom in after):
        return "text of others stands in front of the address, and text that may hold blanks after it"
    return None


def _is_address(atom: _Atom) -> bool:
    return not atom.literal and frozenset("0123456789.") <= atom.characters <= _NARROW


def _atoms(pattern: str) -> list[_Atom]:
    """The elements in order. Alternatives stand one after the other, which can only make more of them suspicious."""
    found: list[_Atom] = []
    groups: list[int] = []
    opened_at: list[tuple[int, int]] = []
    number, position = 0, 0
    while position < len(pattern):
        if (flags := _FLAGS.match(pattern, position)) is not None:
            position = flags.end()
        elif _SKIPPED_GROUP.match(pattern, position):
            position = _closing(pattern, position)
        elif (opened := _OPEN_GROUP.match(pattern, position)) is not None:
            captures = opened[0] == "(" or "<" in opened[0] or "'" in opened[0]
            number += captures
            groups.append(number if captures else 0)
            position = opened.end()
            opened_at.append((position, len(found)))
        elif pattern[position] == ")":
            end = _after_quantifier(pattern, position + 1)
            if groups:
                groups.pop()
                start, first = opened_at.pop()
                if _repeats(pattern[position + 1 : end]) and _BLANK.search(pattern, start, position):
                    found[first:] = [atom if atom.is_narrow else _words(atom) for atom in found[first:]]
            position = end
        elif pattern[position] in "^$|":
            position += 1
        else:
            position = _element(pattern, position, tuple(groups), found)
    return found


def _repeats(quantifier: str) -> bool:
    """Whether what this stands after may come more than once."""
    times = re.match(r"\{(\d+)(,?)(\d*)\}", quantifier)
    if times is None:
        return quantifier[:1] in {"*", "+"}
    return int(times[3] or times[1]) > 1 or (bool(times[2]) and not times[3])


def _words(atom: _Atom) -> _Atom:
    """An element of a group that holds a blank and repeats: any number of words, so text with blanks."""
    return _Atom(characters=atom.characters | {" "}, literal=False, groups=atom.groups)


def _element(pattern: str, position: int, groups: tuple[int, ...], found: list[_Atom]) -> int:
    """Add the class, escape or character at ``position``; return where the next element begins."""
    text = pattern[position]
    if text == "[":
        end = position + 1 + pattern[position + 1 : position + 2].count("^")
        end += pattern[end : end + 1].count("]")
        while end < len(pattern) and pattern[end] != "]":
            end += 2 if pattern[end] == "\\" else 1
        text = pattern[position : end + 1]
    elif text == "\\":
        text = pattern[position : position + 2]
        if text[1:] in {"A", "z", "Z", "b", "B", "K", "G"}:
            return position + len(text)
        text = _TYPES.get(text[1:], text)
    escaped = re.fullmatch(r"\\[^dwsDWShHN]", pattern[position : position + 2]) is not None
    literal = escaped or (len(text) == 1 and text != ".")
    found.append(_Atom(frozenset() if literal else _characters(text), literal, groups))
    width = 2 if pattern[position] == "\\" else len(text)
    return _after_quantifier(pattern, position + width)


def _characters(text: str) -> frozenset[str]:
    try:
        expression = re.compile(text)
    except re.error:  # a spelling of PCRE2 alone: take it for anything
        return frozenset(_PRINTABLE)
    return frozenset(char for char in _PRINTABLE if expression.fullmatch(char))


def _after_quantifier(pattern: str, position: int) -> int:
    quantifier = _QUANTIFIER.match(pattern, position)
    return quantifier.end() if quantifier is not None else position


def _closing(pattern: str, position: int) -> int:
    """After the look-around that opens at ``position``, with its quantifier."""
    depth = 0
    while position < len(pattern):
        if pattern[position] == "\\":
            position += 1
        elif pattern[position] == "[":
            position = max(pattern.find("]", position + 2), position)
        elif pattern[position] == "(":
            depth += 1
        elif pattern[position] == ")":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return position
