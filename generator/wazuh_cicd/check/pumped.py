"""Long subjects made from a PCRE2 pattern: what it can be made to search through at length.

A backtracking search is slow where a part of the pattern repeats and what follows cannot be found. Each subject leads
the pattern to such a part, feeds it, and denies it the end. A pattern that cannot be read (``engine.patterns``) gets
subjects from the words that stand in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.engine.patterns.perl_syntax import (
    Atomic,
    Capture,
    Chars,
    Choice,
    Look,
    Repeat,
    Sequence,
    Syntax,
    Text,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# An item that may repeat less often than this is no place to feed.
_OFTEN = 8
# Bytes that stand for a set: what words, paths, numbers and lists are made of, before any other.
_TYPICAL = b"a0 /-._=:,;\"'%\\\nAZ9\t{[("
# What a search rarely wants at the end.
_TAILS = (b"", b"\x01", b"\n!")
_WORD = re.compile(rb"[A-Za-z0-9_/ .:=-]{2,}")
#: No more subjects than this for a pattern; what leads in comes first.
MOST = 120


class Pump(NamedTuple):
    """A subject of any length: ``lead``, then ``fed`` again and again, then ``tail``."""

    lead: bytes
    fed: bytes
    tail: bytes

    def subject(self, size: int) -> bytes:
        """The subject of about ``size`` bytes."""
        room = size - len(self.lead) - len(self.tail)
        return self.lead + self.fed * max(1, room // len(self.fed)) + self.tail


def pumps(source: bytes) -> tuple[Pump, ...]:
    """The subjects for a pattern, most telling first; no two alike."""
    reading = read(source)
    found = _from_words(source) if reading is None else _from_syntax(reading.syntax)
    unique = dict.fromkeys(pump for pump in found if pump.fed)
    return tuple(unique)[:MOST]


def _from_words(source: bytes) -> Iterator[Pump]:
    words = [word for word in _WORD.findall(re.sub(rb"\\[A-Za-z]|\(\?[a-z]+\)", b"|", source)) if word.strip()][:6]
    joined = b" ".join(words)
    for lead in (b"", joined, *words):
        for fed in (joined, *words, b"a", b" ", b"/", b"0", b"=", b"a ", b'"'):
            yield from (Pump(lead, fed, tail) for tail in _TAILS[:2])


def _from_syntax(syntax: Syntax) -> Iterator[Pump]:
    yield from _places(syntax, b"", b"")
    for start in _starts(syntax):
        yield from (Pump(b"", start, tail) for tail in _TAILS[:2])
        yield from (Pump(b"", start + blank, b"") for blank in (b" ", b"\n"))
    yield from (Pump(b"", bytes((byte,)), b"") for byte in b"a 0/\n")


def _places(node: Syntax, lead: bytes, follows: bytes) -> Iterator[Pump]:
    """The pumps of the repeated parts of ``node``; ``lead`` is what was matched before, ``follows`` what comes next."""
    if isinstance(node, Sequence):
        yield from _in_sequence(node, lead, follows)
    elif isinstance(node, Choice):
        for option in node.options:
            yield from _places(option, lead, follows)
    elif isinstance(node, (Atomic, Capture, Look)):
        yield from _places(node.item, lead, follows)
    elif isinstance(node, Repeat):
        if node.most is None or node.most >= _OFTEN:
            yield from _fed(node, lead, follows)
        yield from _places(node.item, lead, follows)


def _in_sequence(node: Sequence, lead: bytes, follows: bytes) -> Iterator[Pump]:
    words = [_word(part) for part in node.parts]
    for index, part in enumerate(node.parts):
        before = lead + b"".join(words[:index])
        after = b"".join(words[index + 1 :]) + follows
        yield from _places(part, before, after)


def _fed(node: Repeat, lead: bytes, follows: bytes) -> Iterator[Pump]:
    # The library first looks for a byte that every match ends with: the tail has it, and still no match ends there.
    denied = b"\x01" + follows + b"\x01"
    nearly = follows[1:] + b"\x01"
    if lead:
        yield from (Pump(b"", lead, tail) for tail in (denied, nearly, b"\x01"))
        yield Pump(lead, lead, denied)
    for item in dict.fromkeys(_words(node.item)):
        for fed in dict.fromkeys((item, item + follows[:1], lead + item, item + follows[:-1], item + follows)):
            yield from (Pump(lead, fed, tail) for tail in (denied, nearly, *_TAILS))


def _starts(syntax: Syntax) -> Iterator[bytes]:
    """Words of the first parts of each way through the pattern: one part, two parts, and so on, but not all."""
    for option in syntax.options if isinstance(syntax, Choice) else (syntax,):
        inner = option
        while isinstance(inner, (Atomic, Capture)):
            inner = inner.item
        if not isinstance(inner, Sequence):
            continue
        words = [_word(part) for part in inner.parts]
        for end in range(1, len(words)):
            yield b"".join(words[:end])
        if len(words) > 1:
            yield b"".join(words)[:-1]


def _word(node: Syntax) -> bytes:
    """A short text that the node matches (look-arounds are passed over)."""
    return next(iter(_words(node)), b"")


def _words(node: Syntax) -> Iterable[bytes]:
    """A few texts that the node matches."""
    if isinstance(node, Text):
        return (node.value,)
    if isinstance(node, Chars):
        return tuple(_members(node.values))
    if isinstance(node, (Atomic, Capture)):
        return _words(node.item)
    if isinstance(node, Choice):
        return tuple(_word(option) for option in node.options)
    if isinstance(node, Repeat):
        once = tuple(_words(node.item))[:3]
        return tuple(word * node.least for word in once) if node.least else (b"", *once)
    if isinstance(node, Sequence):
        return (b"".join(_word(part) for part in node.parts),)
    return (b"",)  # a place or a look-around takes no text


def _members(values: frozenset[int]) -> Iterator[bytes]:
    typical = [byte for byte in _TYPICAL if byte in values][:4]
    for byte in typical or sorted(values)[:1]:
        yield bytes((byte,))
