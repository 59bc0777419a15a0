r"""The part of PCRE2's syntax that can be read without the library, for what can be told about a pattern beforehand.

Reading is cautious: whatever is not certain (other flags than a leading ``(?i)``, back references, ``\Q``, verbs,
conditions, POSIX classes, …) makes ``read`` return None, and nothing is then assumed about the pattern. The library
has compiled it before; what is read here is never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EdgeKind = Literal["begin", "end", "line_end", "boundary"]


@dataclass(frozen=True, slots=True)
class Chars:
    """One byte out of a set; where letter case does not count, letters stand there in lower case."""

    values: frozenset[int]


@dataclass(frozen=True, slots=True)
class Text:
    """Some bytes as they are (in lower case where letter case does not count)."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Edge:
    r"""A place: ``^`` and ``\A`` begin, ``\z`` end, ``$`` and ``\Z`` line_end (also before a last line end), ``\b``."""

    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Several times; without an upper bound when ``most`` is None. ``final``: never given back (possessive)."""

    item: Syntax
    least: int
    most: int | None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Atomic:
    """``(?>…)``: never entered again."""

    item: Syntax


@dataclass(frozen=True, slots=True)
class Capture:
    """``(…)``: what it matches is kept."""

    item: Syntax


@dataclass(frozen=True, slots=True)
class Look:
    """``(?=…)`` and its kin; they take no text. ``behind``: it ends here instead of beginning here."""

    item: Syntax
    negative: bool
    behind: bool


Syntax = Chars | Text | Edge | Sequence | Choice | Repeat | Atomic | Capture | Look

_ALL = frozenset(range(256))
_DIGITS = frozenset(b"0123456789")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = frozenset(b" \t\n\x0b\x0c\r")
_CLASSES = {
    b"d": _DIGITS,
    b"D": _ALL - _DIGITS,
    b"w": _WORD,
    b"W": _ALL - _WORD,
    b"s": _SPACE,
    b"S": _ALL - _SPACE,
    b"h": frozenset(b" \t\xa0"),
}
_CONTROLS = {b"t": 9, b"n": 10, b"r": 13, b"f": 12, b"e": 27, b"a": 7}
_EDGES: dict[bytes, EdgeKind] = {b"A": "begin", b"z": "end", b"Z": "line_end", b"b": "boundary", b"B": "boundary"}
_HEX = b"0123456789abcdefABCDEF"
_SINGLE = tuple(Text(bytes((byte,))) for byte in range(256))
_FOLDED = tuple(Text(bytes((byte,)).lower()) for byte in range(256))
_DOTALL = b"?s)"
_DOTALL_GROUP = b"?s:"
_CASELESS = b"(?i)"
# What opens a look around, and whether it is negative and looks back; in XML without ``<`` it has to be a word.
_LOOKS = {
    opening: (negative, behind)
    for openings, negative, behind in (
        ((b"(?=", b"(*pla:", b"(*positive_lookahead:"), False, False),
        ((b"(?!", b"(*nla:", b"(*negative_lookahead:"), True, False),
        ((b"(?<=", b"(*plb:", b"(*positive_lookbehind:"), False, True),
        ((b"(?<!", b"(*nlb:", b"(*negative_lookbehind:"), True, True),
    )
    for opening in openings
}
LOOKS_BACK = tuple(opening for opening, (_, behind) in _LOOKS.items() if behind)


class _Unread(Exception):  # noqa: N818 - not an error: something that is not read here
    """The pattern has something that is not read here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        syntax: the pattern.
        caseless: letter case does not count.
        loose: some ``.`` may stand for less than is said here (``(?s)`` holds to the end of its group only).
    """

    syntax: Syntax
    caseless: bool
    loose: bool


def read(source: bytes) -> Reading | None:
    """Return the structure of a pattern; None when it is not read here."""
    caseless = source.startswith(_CASELESS)
    reader = _Reader(source, len(_CASELESS) if caseless else 0, caseless=caseless)
    try:
        syntax = reader.choice(0)
        reader.finish()
    except _Unread:
        return None
    return Reading(syntax, caseless, reader.loose)


class _Reader:
    """A recursive reader with one byte of foresight."""

    __slots__ = ("_at", "_bytes", "_caseless", "_dot_takes_all", "_source", "loose")

    _DEEPEST = 20

    def __init__(self, source: bytes, at: int, *, caseless: bool) -> None:
        self._source = source
        self._at = at
        self._caseless = caseless
        self._bytes = _FOLDED if caseless else _SINGLE
        self._dot_takes_all = False
        self.loose = False

    def finish(self) -> None:
        """Make sure that all was read."""
        if self._at != len(self._source):
            raise _Unread

    def _next(self) -> bytes:
        return self._source[self._at : self._at + 1]

    def _take(self) -> bytes:
        taken = self._next()
        if not taken:
            raise _Unread
        self._at += 1
        return taken

    def _takes(self, text: bytes) -> bool:
        if self._source.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def choice(self, depth: int) -> Syntax:
        """Read up to the closing parenthesis or the end."""
        if depth > self._DEEPEST:
            raise _Unread
        options = [self._sequence(depth)]
        while self._takes(b"|"):
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, depth: int) -> Sequence:
        parts: list[Syntax] = []
        while (upcoming := self._next()) and upcoming not in b"|)":
            atom = self._atom(depth)
            part = self._repeated(atom)
            if part is atom and isinstance(part, Text) and parts and isinstance(parts[-1], Text):
                parts[-1] = Text(parts[-1].value + part.value)
            else:
                parts.append(part)
        return Sequence(tuple(parts))

    def _repeated(self, item: Syntax) -> Syntax:
        least, most = 1, 1
        some: int | None = most
        if self._takes(b"*"):
            least, some = 0, None
        elif self._takes(b"+"):
            some = None
        elif self._takes(b"?"):
            least = 0
        elif self._next() == b"{":
            bounds = self._bounds()
            if bounds is None:
                return item
            least, some = bounds
        else:
            return item
        if isinstance(item, (Edge, Look)):
            raise _Unread
        final = self._takes(b"+")
        if not final:
            self._takes(b"?")
        if self._next() and self._next() in b"*+?":
            raise _Unread
        return Repeat(item, least, some, final)

    def _bounds(self) -> tuple[int, int | None] | None:
        """Read ``{2}``, ``{2,}``, ``{2,3}``; None when the brace is a letter like others."""
        closing = self._source.find(b"}", self._at)
        inside = self._source[self._at + 1 : closing] if closing >= 0 else b""
        low, comma, high = inside.partition(b",")
        if not (inside and all(byte in b"0123456789, \t" for byte in inside)):
            return None
        if not low.isdigit() or not (high.isdigit() or not high):
            raise _Unread  # versions of the library differ: {,3} and { 2 }
        self._at = closing + 1
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    def _atom(self, depth: int) -> Syntax:
        taken = self._take()
        if taken == b"(":
            return self._group(depth)
        if taken == b"[":
            return Chars(self._folded(self._set()))
        if taken == b".":
            return Chars(self._folded(_ALL if self._dot_takes_all else _ALL - {10}))
        if taken == b"^":
            return Edge("begin")
        if taken == b"$":
            return Edge("line_end")
        if taken in b"*+?":
            raise _Unread
        if taken == b"{":
            self._at -= 1
            if self._bounds() is not None:
                raise _Unread
            self._at += 1
        if taken != b"\\":
            return self._bytes[taken[0]]
        return self._escape()

    def _escape(self) -> Syntax:
        letter = self._take()
        if letter in _CLASSES:
            return Chars(self._folded(_CLASSES[letter]))
        if letter in _EDGES:
            return Edge(_EDGES[letter])
        return self._bytes[self._escaped_byte(letter)]

    def _escaped_byte(self, letter: bytes) -> int:
        r"""The byte that ``\`` and a letter stand for."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == b"x":
            digits = self._take() + self._take()
            if digits[0] not in _HEX or digits[1] not in _HEX:
                raise _Unread
            return int(digits, 16)
        if letter.isalnum() or letter[0] >= 128:
            raise _Unread
        return letter[0]

    def _group(self, depth: int) -> Syntax:
        if self._takes(_DOTALL):
            self._dot_takes_all = self.loose = True
            return Edge("boundary")
        if self._takes(_DOTALL_GROUP):
            outside, self._dot_takes_all = self._dot_takes_all, True
            inside = self._closed(depth)
            self._dot_takes_all = outside
            return inside
        self._at -= 1
        for opening, (negative, behind) in _LOOKS.items():
            if self._takes(opening):
                return Look(self._closed(depth), negative=negative, behind=behind)
        if self._takes(b"(?>"):
            return Atomic(self._closed(depth))
        if self._takes(b"(?:"):
            return self._closed(depth)
        if self._takes(b"(?<") or self._takes(b"(?P<"):
            while (letter := self._take()) != b">":
                if not (letter.isalnum() or letter == b"_"):
                    raise _Unread
            return Capture(self._closed(depth))
        self._at += 1
        if self._next() and self._next() in b"?*":
            raise _Unread
        return Capture(self._closed(depth))

    def _closed(self, depth: int) -> Syntax:
        inside = self.choice(depth + 1)
        if self._take() != b")":
            raise _Unread
        return inside

    def _set(self) -> frozenset[int]:
        """Read a class behind its opening bracket."""
        inverted = self._takes(b"^")
        found: set[int] = set()
        first = True
        while first or self._next() != b"]":
            first = False
            low = self._member(found)
            if low is None:
                continue
            if self._next() == b"-" and self._source[self._at + 1 : self._at + 2] != b"]":
                self._take()
                high = self._member(found)
                if high is None or high < low:
                    raise _Unread
                found.update(range(low, high + 1))
            else:
                found.add(low)
        self._take()
        members = frozenset(found)
        if self._caseless:
            members |= {byte ^ 32 for byte in members if chr(byte).isascii() and chr(byte).isalpha()}
        return _ALL - members if inverted else members

    def _member(self, found: set[int]) -> int | None:
        """Read one member; None when it was a class, which is then in ``found``."""
        taken = self._take()
        if taken == b"[" and self._next() in (b":", b".", b"="):
            raise _Unread
        if taken != b"\\":
            return taken[0]
        letter = self._take()
        if letter == b"b":
            return 8
        if letter in _CLASSES:
            found.update(_CLASSES[letter])
            if self._next() == b"-" and self._source[self._at + 1 : self._at + 2] != b"]":
                raise _Unread
            return None
        return self._escaped_byte(letter)

    def _folded(self, values: frozenset[int]) -> frozenset[int]:
        if not self._caseless:
            return values
        return frozenset(byte | 32 if 65 <= byte <= 90 else byte for byte in values)
