"""OS_Match, the language of ``<match>`` and of most other conditions.

Grammar: an optional leading ``!`` negates the whole; then alternatives separated by ``|``. An alternative is a text to
be found anywhere, ``^text`` (prefix), ``text$`` (suffix) or ``^text$`` (equality). Nothing can be escaped. ASCII letter
case does not count.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.base import TOO_LONG, Match, PatternError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SOURCE = 20_480
_ASCII_END = 0x80
# From this number of plain alternatives on, one compiled alternation beats a chain of substring searches.
_MANY = 4


class OsMatch:
    """A compiled OS_Match."""

    __slots__ = ("literals", "source", "test_folded")

    caseless = True

    def __init__(self, source: bytes) -> None:
        """Split into alternatives; see ``compile_osmatch``."""
        self.source = source
        negate = source.startswith(b"!")
        text = source[1:] if negate else source
        always = False
        found: list[bytes] = []
        equal: list[bytes] = []
        prefixes: list[bytes] = []
        suffixes: list[bytes] = []
        for alternative in text.lower().split(b"|"):
            begin = alternative.startswith(b"^")
            body = alternative[1:] if begin else alternative
            end = body.endswith(b"$")
            body = body[:-1] if end else body
            if begin and end:
                equal.append(body)
            elif not body:
                always = True
            elif begin:
                prefixes.append(body)
            elif end:
                suffixes.append(body)
            elif max(body) < _ASCII_END:  # the engine compares signed with unsigned bytes here: others never match
                found.append(body)
        known = (*found, *equal, *prefixes, *suffixes)
        self.literals: tuple[bytes, ...] = () if negate or always or not all(known) else known
        test: Callable[[bytes], object] = _always
        if not always:
            test = _tester(tuple(dict.fromkeys(found)), tuple(equal), tuple(prefixes), tuple(suffixes))
        # Says for a subject in lower case (ASCII letters) whether it matches; truthy or falsy.
        self.test_folded: Callable[[bytes], object] = (lambda lowered: not test(lowered)) if negate else test

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return bool(self.test_folded(subject.lower()))

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """A match at the end of the subject: OS_Match knows no position."""
        return Match(len(subject)) if self.test(subject[start:] if start else subject) else None


def _always(lowered: bytes) -> bool:
    del lowered
    return True


def _tester(
    found: tuple[bytes, ...], equal: tuple[bytes, ...], prefixes: tuple[bytes, ...], suffixes: tuple[bytes, ...]
) -> Callable[[bytes], object]:
    """The cheapest function for one kind of alternative; a chain of them for several."""
    tests: list[Callable[[bytes], object]] = []
    if equal:
        tests.append(equal[0].__eq__ if len(equal) == 1 else frozenset(equal).__contains__)
    if prefixes:
        tests.append(lambda lowered: lowered.startswith(prefixes))
    if suffixes:
        tests.append(lambda lowered: lowered.endswith(suffixes))
    if len(found) >= _MANY:
        tests.append(re.compile(b"|".join(map(re.escape, found))).search)
    else:
        tests += [partial(_contains, text) for text in found]
    if len(tests) == 1:
        return tests[0]

    def test_any(lowered: bytes) -> bool:
        for test in tests:  # noqa: SIM110 - any() with a generator costs more than the tests
            if test(lowered):
                return True
        return False

    return test_any


def _contains(text: bytes, lowered: bytes) -> bool:
    return text in lowered


def compile_osmatch(source: bytes) -> OsMatch:
    """Compile an OS_Match.

    Raises:
        PatternError: the source is longer than ``MAX_SOURCE`` bytes; every other text is a valid OS_Match.
    """
    if len(source) > MAX_SOURCE:
        raise PatternError(f"longer than {MAX_SOURCE} bytes", TOO_LONG)
    return OsMatch(source)
