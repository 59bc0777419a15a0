"""Equality, negation, and the word match of ``<if_group>``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.base import Match

if TYPE_CHECKING:
    from wazuh_cicd.engine.patterns.base import Pattern


class PlainPattern:
    """``type="string"``: the whole subject equals the text, letter case included."""

    __slots__ = ("literals", "source")

    caseless = False

    def __init__(self, source: bytes) -> None:
        """Nothing to compile."""
        self.source = source
        self.literals: tuple[bytes, ...] = (source.lower(),) if source else ()

    def test(self, subject: bytes) -> bool:
        """Whether the texts are equal."""
        return subject == self.source

    def test_folded(self, lowered: bytes) -> bool:
        """Never asked: letter case counts."""
        raise NotImplementedError

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """A match that ends with the subject."""
        return Match(len(subject)) if subject[start:] == self.source else None


class Negated:
    """The ``negate="yes"`` of a condition. What it matches has no position and no captures."""

    __slots__ = ("caseless", "literals", "pattern", "source")

    def __init__(self, pattern: Pattern) -> None:
        """Invert ``pattern``."""
        self.pattern = pattern
        self.source = pattern.source
        self.caseless = pattern.caseless
        self.literals: tuple[bytes, ...] = ()

    def test(self, subject: bytes) -> bool:
        """Whether the inner pattern does not match."""
        return not self.pattern.test(subject)

    def test_folded(self, lowered: bytes) -> bool:
        """``test`` for a subject in lower case."""
        return not self.pattern.test_folded(lowered)

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """A match at the start when the inner pattern does not match behind it."""
        return None if self.pattern.test(subject[start:]) else Match(start)


def word_match(pattern: bytes, groups: bytes) -> bool:
    """Whether a group text is meant by ``<if_group>``.

    ``|`` separates alternatives; each is a substring without regard to letter case, or a prefix when it begins with
    ``^``. There is no ``$`` and no negation. An empty pattern matches nothing.
    """
    if not pattern:
        return False
    subject = groups.lower()
    return any(
        subject.startswith(word[1:]) if word.startswith(b"^") else word in subject
        for word in pattern.lower().split(b"|")
    )
