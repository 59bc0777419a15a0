"""What every compiled pattern offers."""

from __future__ import annotations

from typing import Protocol

# The manager's numbers for what is wrong with an OS_Regex or OS_Match.
TOO_LONG = 3
BAD_ESCAPE = 6
BAD_PARENTHESIS = 7


class PatternError(Exception):
    """A pattern that the manager refuses to compile; the text says why in our words.

    Attributes:
        code: the manager's number for the reason; 0 for PCRE2, which has numbers of its own.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        """Keep both."""
        super().__init__(text)
        self.code = code


class Match:
    """Where a pattern matched.

    Not a dataclass: their constructor stays interpreted when the rest is compiled.

    Attributes:
        end: index of the byte at which the engine continues (``offset="after_prematch"`` and the like). For OS_Regex
            this is not always the byte after the matched text.
        groups: the captures in order. For PCRE2 a group that took no part is the empty text, unless no later group
            took part either: then it is missing.
    """

    __slots__ = ("end", "groups")

    def __init__(self, end: int, groups: tuple[bytes, ...] = ()) -> None:
        """Keep both."""
        self.end = end
        self.groups = groups

    def __eq__(self, other: object) -> bool:
        """Whether both are equal."""
        return isinstance(other, Match) and self.end == other.end and self.groups == other.groups

    def __hash__(self) -> int:
        """As ``__eq__`` has it."""
        return hash((self.end, self.groups))

    def __repr__(self) -> str:
        """For people."""
        return f"Match({self.end}, {self.groups})"


class Pattern(Protocol):
    """A compiled pattern."""

    source: bytes
    # Whether letter case (ASCII) does not count; then ``test_folded`` may be asked with a subject in lower case.
    caseless: bool

    @property
    def literals(self) -> tuple[bytes, ...]:
        """Lower-cased texts, of which every matching subject, lower-cased, contains at least one. Empty: not known."""

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""

    def test_folded(self, lowered: bytes) -> object:
        """``test`` for a subject in lower case; only of a caseless pattern. Truthy or falsy."""

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match the part of the subject behind ``start`` (which counts as its beginning for anchors)."""
