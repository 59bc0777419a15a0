"""OS_Regex: compiled patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.base import Match
from wazuh_cicd.engine.patterns.osregex_reference import scan
from wazuh_cicd.engine.patterns.osregex_syntax import parse_alternatives

if TYPE_CHECKING:
    from wazuh_cicd.engine.patterns.osregex_syntax import Alternative


class OsRegex:
    """A compiled OS_Regex."""

    __slots__ = ("_captures", "alternatives", "literals", "source")

    caseless = True

    def __init__(self, source: bytes, alternatives: tuple[Alternative, ...], *, captures: bool) -> None:
        """See ``compile_osregex``."""
        self.source = source
        self.alternatives = alternatives
        self._captures = captures
        self.literals: tuple[bytes, ...] = ()

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return self.test_folded(subject.lower())

    def test_folded(self, lowered: bytes) -> bool:
        """``test`` for a subject that is already in lower case (ASCII letters only)."""
        return any(scan(alternative, lowered, captures=False) for alternative in self.alternatives)

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match behind ``start``; the captures are empty unless the pattern was compiled with them."""
        text = subject[start:] if start else subject
        lowered = text.lower()
        for alternative in self.alternatives:
            result = scan(alternative, lowered, captures=self._captures)
            if result is not None:
                last, marks = result
                return Match(start + last + 1, _substrings(text, marks) if self._captures else ())
        return None


def _substrings(text: bytes, marks: list[int | None]) -> tuple[bytes, ...]:
    """Pair the marks up to the first that is missing. A pair the wrong way round (fatal to a manager) is empty."""
    groups: list[bytes] = []
    for opening, closing in zip(marks[::2], marks[1::2], strict=True):
        if opening is None or closing is None:
            break
        groups.append(text[opening:closing])
    return tuple(groups)


def compile_osregex(source: bytes, *, captures: bool = False) -> OsRegex:
    """Compile an OS_Regex; ``captures`` as a decoder's ``regex`` asks for.

    Raises:
        PatternError: not an OS_Regex.
    """
    alternatives = parse_alternatives(source)
    return OsRegex(source, alternatives, captures=captures and any(a.groups for a in alternatives))
