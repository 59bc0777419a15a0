"""OS_Regex: compiled patterns.

Each alternative is asked in the cheapest way that gives the scanner's answer: a text that a match must contain, an
ordinary expression where the alternative is regular, the scanner otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.base import Match
from wazuh_cicd.engine.patterns.osregex_fast import Scanner
from wazuh_cicd.engine.patterns.osregex_regular import (
    Piece,
    Regular,
    certain_start,
    expression,
    first_bytes,
    required_literals,
    translate,
)
from wazuh_cicd.engine.patterns.osregex_syntax import check_syntax, parse_alternatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.patterns.osregex_reference import Result
    from wazuh_cicd.engine.patterns.osregex_syntax import Alternative


class _Option:
    """One alternative, prepared on first use."""

    __slots__ = ("_alternative", "_captures", "_gate", "_regular", "_scanner", "literal", "runs", "start")

    def __init__(self, alternative: Alternative, *, captures: bool) -> None:
        self._alternative = alternative
        self._captures = captures
        self.runs = required_literals(alternative)
        self.literal = max(self.runs, key=len, default=b"")
        self.start: list[Piece] = certain_start(alternative)
        self._regular: Regular | None = translate(alternative)
        self._gate = re.compile(expression(self.start)).match if self.start and not self._regular else None
        self._scanner: Scanner | None = None

    def tester(self) -> Callable[[bytes], object]:
        """The function that says yes or no."""
        return self._regular.test if self._regular else self._scan

    def _scan(self, lowered: bytes) -> Result | None:
        """Ask the scanner, unless it is plain that it cannot succeed."""
        if self._gate and not self._gate(lowered):
            return None
        position = 0
        for run in self.runs:
            position = lowered.find(run, position)
            if position < 0:
                return None
            position += len(run)
        if self._scanner is None:
            self._scanner = Scanner(self._alternative, captures=self._captures)
        return self._scanner.scan(lowered)

    def search(self, lowered: bytes, text: bytes, start: int) -> Match | None:
        """Match, with position and captures."""
        regular = self._regular
        if regular is not None:
            if regular.exact is not None:
                found = regular.exact.match(lowered)
                if found is None:
                    return None
                end = found.end()
                if regular.last_run:
                    foreign = regular.foreign and end < len(lowered)
                    end = end + 1 if foreign else found.start(regular.last_run) + 1
                groups: tuple[bytes, ...] = ()
                if self._captures:
                    groups = tuple(text[found.start(n) : found.end(n)] for n in range(1, self._alternative.groups + 1))
                return Match(start + end, groups)
            if not regular.test(lowered):
                return None
        result = self._scan(lowered)
        if result is None:
            return None
        last, marks = result
        return Match(start + last + 1, _substrings(text, marks) if self._captures else ())


class OsRegex:
    """A compiled OS_Regex. What a search needs is prepared on first use: most patterns never meet an event."""

    __slots__ = ("_capturing", "_gate", "_prepared", "_tests", "source")

    caseless = True

    def __init__(self, source: bytes, *, captures: bool) -> None:
        """See ``compile_osregex``."""
        self.source = source
        self._capturing = captures and b"(" in source
        self._gate = b""  # a text that every matching subject contains, known once the pattern is prepared
        self._prepared: tuple[_Option, ...] | None = None
        self._tests: tuple[Callable[[bytes], object], ...] | None = None

    def _options(self) -> tuple[_Option, ...]:
        if self._prepared is None:
            alternatives = parse_alternatives(self.source)
            captures = self._capturing and any(alternative.groups for alternative in alternatives)
            self._prepared = tuple(_Option(alternative, captures=captures) for alternative in alternatives)
            self._gate = _common_text([option.runs for option in self._prepared])
        return self._prepared

    @property
    def literals(self) -> tuple[bytes, ...]:
        """Texts of which every matching subject (in lower case) contains one; empty when nothing is known."""
        found = tuple(option.literal for option in self._options())
        return found if all(found) else ()

    @property
    def first_bytes(self) -> frozenset[int] | None:
        """The first bytes (in lower case) that a matching subject may have; None when any may come, or none at all."""
        found: frozenset[int] = frozenset()
        for option in self._options():
            firsts = first_bytes(option.start)
            if firsts is None:
                return None
            found |= firsts
        return found

    def tester(self) -> Callable[[bytes], object]:
        """The fastest function that says for a subject in lower case whether it matches (truthy or falsy)."""
        tests = self._tests
        if tests is None:
            tests = self._tests = tuple(option.tester() for option in self._options())
        return tests[0] if len(tests) == 1 else self.test_folded

    def test_folded(self, lowered: bytes) -> bool:
        """``test`` for a subject that is already in lower case (ASCII letters only)."""
        tests = self._tests
        if tests is None:
            tests = self._tests = tuple(option.tester() for option in self._options())
        for test in tests:  # noqa: SIM110 - any() with a generator costs more than the tests
            if test(lowered):
                return True
        return False

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return self.test_folded(subject.lower())

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match behind ``start``; the captures are empty unless the pattern was compiled with them."""
        return self.search_folded(subject.lower(), subject, start)

    def search_folded(self, lowered: bytes, subject: bytes, start: int = 0) -> Match | None:
        """``search`` in a subject whose lower case is known."""
        options = self._prepared or self._options()
        gate = self._gate
        if gate and gate not in lowered:
            return None
        if start:
            if gate and lowered.find(gate, start) < 0:
                return None
            lowered = lowered[start:]
            subject = subject[start:]
        for option in options:
            found = option.search(lowered, subject, start)
            if found is not None:
                return found
        return None


# A longer text is not looked for in pieces when alternatives are compared.
_MAX_COMMON = 24


def _common_text(required: list[tuple[bytes, ...]]) -> bytes:
    """The longest text that is part of a required text of every alternative; empty when there is none."""
    first, *others = required
    if not others:
        return max(first, key=len, default=b"")
    for size in range(min(_MAX_COMMON, max(map(len, first), default=0)), 0, -1):
        for run in first:
            for at in range(len(run) - size + 1):
                text = run[at : at + size]
                if all(any(text in other for other in runs) for runs in others):
                    return text
    return b""


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
    check_syntax(source)
    return OsRegex(source, captures=captures)
