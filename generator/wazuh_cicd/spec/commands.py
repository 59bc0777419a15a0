r"""Expressions about commands: what an author writes about words and texts, as a tree that every view can spell.

One command reaches a manager in several spellings: auditd writes an argument in quotes or, when it holds a blank or a
quote, in hexadecimal digits; Docker joins all arguments with blanks. The author writes about the *word*, in a subset of
PCRE2; :mod:`wazuh_cicd.render.commands` spells it for each view. In the subset

* a blank is the border between two words;
* ``^`` and ``$`` are the ends of a word (in ``shell``: ``^`` is a place where a command begins);
* ``\b`` is the border between word characters and others;
* there are literals, ``.``, sets, ``\d \w \s \S \W \D``, groups, alternatives, look-aheads and all quantifiers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

EVERY = frozenset(range(256))
DIGITS = frozenset(b"0123456789")
WORD = frozenset(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
BLANKS = frozenset(b" \t\r\n\f\v")
_CLASSES = {"d": DIGITS, "w": WORD, "s": BLANKS, "D": EVERY - DIGITS, "W": EVERY - WORD, "S": EVERY - BLANKS}
_CONTROL = {"n": 10, "t": 9, "r": 13}
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")
_GROUPS = {"(?:": "", "(?=": "=", "(?!": "!", "(?>": ">"}


class CommandPatternError(ValueError):
    """An expression about a command that is outside of the subset; the text says what and how to write it."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """One byte out of a set. ``inside``: written as ``.`` or by exclusion, so that it never stands for a border."""

    values: frozenset[int]
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A place: ``border`` between two words, ``start`` or ``end`` of a word, ``left`` or ``right`` edge of a name."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of them."""

    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """``times`` is the quantifier as written."""

    part: Node
    times: str


@dataclass(frozen=True, slots=True)
class Group:
    """``kind``: ``=`` and ``!`` look ahead, ``>`` keeps what it found."""

    kind: str
    part: Node


Node: TypeAlias = "Bytes | Mark | Sequence | Either | Repeated | Group"


def parse(pattern: str, *, ignore_case: bool = False) -> Node:
    """Read an expression.

    Raises:
        CommandPatternError: it is empty or uses what the subset lacks.
    """
    if not pattern:
        raise CommandPatternError("an empty expression is found everywhere; write the word")
    reader = _Reader(pattern, ignore_case)
    node = reader.either()
    if reader.rest:
        raise CommandPatternError(f"a ')' without its '(' before {reader.rest!r}; write '\\)' for the character")
    return node


class _Reader:
    def __init__(self, pattern: str, ignore_case: bool) -> None:  # noqa: FBT001 - private, one caller
        self.rest = pattern
        self.ignore_case = ignore_case

    def either(self) -> Node:
        choices = [self._sequence()]
        while self.rest.startswith("|"):
            self.rest = self.rest[1:]
            choices.append(self._sequence())
        return choices[0] if len(choices) == 1 else Either(tuple(choices))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        edges: list[int] = []
        while self.rest and self.rest[0] not in "|)":
            if self.rest.startswith(r"\b"):
                self.rest = self.rest[2:]
                edges.append(len(parts))
                parts.append(Mark("right"))
                continue
            node = self._atom()
            found = _QUANTIFIER.match(self.rest)
            if found:
                if isinstance(node, Mark) and node.kind != "border":
                    raise CommandPatternError(f"a place cannot be repeated: {self.rest!r}; put it into a group")
                self.rest = self.rest[found.end() :]
                node = Repeated(node, found[0])
            parts.append(node)
        for place in edges:
            if _begins_with_word(Sequence(tuple(parts[place + 1 :]))):
                parts[place] = Mark("left")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Node:
        for opening, kind in _GROUPS.items():
            if self.rest.startswith(opening):
                self.rest = self.rest[len(opening) :]
                inner = self.either()
                if not self.rest.startswith(")"):
                    raise CommandPatternError("a '(' without its ')'; write '\\(' for the character")
                self.rest = self.rest[1:]
                return Group(kind, inner) if kind else inner
        first = self.rest[0]
        if first == "(":
            raise CommandPatternError(f"groups are (?:...), not {self.rest[:3]!r}; write '\\(' for the character")
        if first in "*+?{" and (first != "{" or _QUANTIFIER.match(self.rest)):
            raise CommandPatternError(f"nothing to repeat before {self.rest!r}; write '\\{first}' for the character")
        if first == "\\":
            return self._escape()
        if first == "[":
            return self._set()
        self.rest = self.rest[1:]
        if first == ".":
            return Bytes(EVERY, inside=True)
        if first in "^$ ":
            return Mark({"^": "start", "$": "end", " ": "border"}[first])
        return self._literal(first)

    def _literal(self, text: str) -> Node:
        return sequence([Bytes(self._cases({byte})) for byte in text.encode("utf-8", "surrogateescape")])

    def _cases(self, values: set[int]) -> frozenset[int]:
        if self.ignore_case:
            values = values | set(bytes(values).lower()) | set(bytes(values).upper())
        return frozenset(values)

    def _escape(self) -> Node:
        name = self.rest[1:2]
        if name in _CLASSES and name:
            self.rest = self.rest[2:]
            values = _CLASSES[name]
            return Bytes(values, inside=32 not in values or name in "DW")
        return Bytes(self._cases({self._escaped()}))

    def _escaped(self) -> int:
        """The byte that an escape at the beginning of the rest stands for."""
        found = re.match(r"\\(?:x([0-9A-Fa-f]{2})|([ntr])|([^\w\s]| ))", self.rest)
        if found is None:
            raise CommandPatternError(
                f"{self.rest[:2]!r} is unknown here; escapes are \\b \\d \\w \\s \\S \\n \\t \\xHH"
            )
        self.rest = self.rest[found.end() :]
        if found[1]:
            return int(found[1], 16)
        return _CONTROL[found[2]] if found[2] else ord(found[3])

    def _set(self) -> Node:
        self.rest = self.rest[1:]
        negated = self.rest.startswith("^")
        self.rest = self.rest[negated:]
        values: set[int] = set()
        first = True
        while first or not self.rest.startswith("]"):
            if not self.rest:
                raise CommandPatternError("a '[' without its ']'; write '\\[' for the character")
            first = False
            if self.rest[0] == "\\" and self.rest[1:2] in _CLASSES and self.rest[1:2]:
                values |= _CLASSES[self.rest[1]]
                self.rest = self.rest[2:]
                continue
            low = self._member()
            if re.match(r"-[^\]]", self.rest):
                self.rest = self.rest[1:]
                high = self._member()
                values |= set(range(low, high + 1))
            else:
                values.add(low)
        self.rest = self.rest[1:]
        cases = self._cases(values)
        return Bytes(EVERY - cases if negated else cases, inside=negated)

    def _member(self) -> int:
        if self.rest[0] == "\\":
            return self._escaped()
        if not self.rest[0].isascii():
            raise CommandPatternError("a character beyond ASCII in [...]; write it as an alternative: (?:ä|ö)")
        found, self.rest = ord(self.rest[0]), self.rest[1:]
        return found


def sequence(parts: list[Node]) -> Node:
    """The parts one after the other."""
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _begins_with_word(node: Node) -> bool:
    """Whether whatever the node finds begins with a character of a word."""
    if isinstance(node, Sequence):
        for part in node.parts:
            optional = isinstance(part, Repeated) and (part.times[0] in "*?" or part.times.startswith("{0"))
            if not _begins_with_word(part.part if isinstance(part, Repeated) else part):
                return False
            if not optional:
                return True
        return False
    if isinstance(node, Bytes):
        return node.values <= WORD
    if isinstance(node, Either):
        return all(_begins_with_word(choice) for choice in node.choices)
    if isinstance(node, Repeated):
        return node.times[0] not in "*?" and _begins_with_word(node.part)
    return isinstance(node, Group) and node.kind == ">" and _begins_with_word(node.part)
