"""OS_Match, the language of ``<match>`` and of most other conditions.

Grammar: an optional leading ``!`` negates the whole; then alternatives separated by ``|``. An alternative is a text to
be found anywhere, ``^text`` (prefix), ``text$`` (suffix) or ``^text$`` (equality). Nothing can be escaped. ASCII letter
case does not count.
"""

from __future__ import annotations

import re

from wazuh_cicd.engine.patterns.base import Match, PatternError

MAX_SOURCE = 20_480
_ASCII_END = 0x80
# From this number of plain alternatives on, one compiled alternation beats a chain of substring searches.
_MANY = 4


class OsMatch:
    """A compiled OS_Match."""

    __slots__ = ("_always", "_equal", "_find", "_negate", "_prefixes", "_search", "_suffixes", "literals", "source")

    caseless = True

    def __init__(self, source: bytes) -> None:
        """Split into alternatives; see ``compile_osmatch``."""
        self.source = source
        self._negate = source.startswith(b"!")
        text = source[1:] if self._negate else source
        self._always = False
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
                self._always = True
            elif begin:
                prefixes.append(body)
            elif end:
                suffixes.append(body)
            elif max(body) < _ASCII_END:  # the engine compares signed with unsigned bytes here: others never match
                found.append(body)
        self._equal = tuple(equal)
        self._prefixes = tuple(prefixes)
        self._suffixes = tuple(suffixes)
        self._find: tuple[bytes, ...] = tuple(dict.fromkeys(found))
        self._search = re.compile(b"|".join(map(re.escape, self._find))).search if len(self._find) >= _MANY else None
        known = (*self._find, *self._equal, *self._prefixes, *self._suffixes)
        self.literals: tuple[bytes, ...] = () if self._negate or self._always or not all(known) else known

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return self.test_folded(subject.lower())

    def test_folded(self, lowered: bytes) -> bool:
        """``test`` for a subject that is already in lower case (ASCII letters only)."""
        if self._always:
            return not self._negate
        if self._search:
            if self._search(lowered):
                return not self._negate
        else:
            for text in self._find:
                if text in lowered:
                    return not self._negate
        if (
            (self._prefixes and lowered.startswith(self._prefixes))
            or (self._suffixes and lowered.endswith(self._suffixes))
            or (self._equal and lowered in self._equal)
        ):
            return not self._negate
        return self._negate

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """A match at the end of the subject: OS_Match knows no position."""
        return Match(len(subject)) if self.test(subject[start:] if start else subject) else None


def compile_osmatch(source: bytes) -> OsMatch:
    """Compile an OS_Match.

    Raises:
        PatternError: the source is longer than ``MAX_SOURCE`` bytes; every other text is a valid OS_Match.
    """
    if len(source) > MAX_SOURCE:
        raise PatternError(f"longer than {MAX_SOURCE} bytes")
    return OsMatch(source)
