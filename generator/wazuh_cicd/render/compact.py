"""Shorter spellings of long PCRE2 expressions: a group that stands in several places is written once.

wazuh-analysisd refuses a rule whose joined texts are longer than about 4,095 bytes, and with it the whole ruleset. An
expression made by a program repeats itself. Each group that it repeats becomes a subroutine: its body goes into a
``(?(DEFINE)…)`` at the end, and where it stood a call ``(?P>a)``. Since PCRE2 10.30 a call can be entered again when
what follows fails, as the group itself could, so that what matches stays the same.

A call costs many times what a group does. A group that repeats without bound, often once a byte, therefore moves
together with its quantifier: one call, however often it repeats.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFINE = "(?(DEFINE)"
# Groups that may move: they set no option for what follows, capture nothing and bear no name.
_BEHIND = ("(*plb:", "(*nlb:", "(?<=", "(?<!")
_MOVABLE = ("(?:", "(?=", "(?!", "(?>", *_BEHIND)
# Groups whose inside may be looked into: not that of options, conditions and verbs, nor of look-behinds, whose length
# must be known.
_OPEN = ("(?:", "(?=", "(?!", "(?>", "(?'")
# What a reader has to tell apart: escapes, classes, an option for all that follows, and brackets.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-z]+\)|[()]", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+][+?]?")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class _Group(NamedTuple):
    start: int
    end: int


def compact(pattern: str) -> str:
    """The same pattern, shorter where it repeats itself."""
    body, defined = _parted(pattern)
    names = _names(pattern)
    while True:
        best = _most_saving(body, defined)
        if best is None:
            break
        name = next(names)
        call = f"(?P>{name})"
        # Not where a quantifier that belongs to the group follows: that is another piece.
        place = re.compile(re.escape(best) + ("(?![*+])" if best.endswith(")") else "(?![*+?])"))
        body = place.sub(call, body)
        defined = [place.sub(call, text) for text in defined]
        defined.append(f"(?'{name}'{best})")
    return body + (f"{_DEFINE}{''.join(defined)})" if defined else "")


def _parted(pattern: str) -> tuple[str, list[str]]:
    """The pattern and the subroutines that it has at its end."""
    at = pattern.rfind(_DEFINE)
    if at < 0 or not pattern.endswith(")"):
        return pattern, []
    inside = pattern[at + len(_DEFINE) : -1]
    return pattern[:at], [inside] if inside else []


def _names(pattern: str) -> Iterator[str]:
    taken = set(re.findall(r"\(\?(?:P?<|')(\w+)[>']", pattern))
    for length in count(1):
        for number in range(len(_ALPHABET) ** length):
            letters, rest = "", number
            for _ in range(length):
                rest, letter = divmod(rest, len(_ALPHABET))
                letters = _ALPHABET[letter] + letters
            if letters not in taken:
                yield letters


def _most_saving(body: str, defined: list[str]) -> str | None:
    counts: dict[str, int] = {}
    for text in (body, *defined):
        for group in _groups(text):
            piece = text[group.start : group.end]
            counts[piece] = counts.get(piece, 0) + 1
    best, saved = None, 0 if defined else len(_DEFINE) + len(")")  # the first one brings the frame, too
    for piece, times in counts.items():
        # The calls, and "(?'a'…)" around the one copy that stays.
        saving = (times - 1) * len(piece) - times * len("(?P>a)") - len("(?'a')")
        if saving > saved:
            best, saved = piece, saving
    return best


def _groups(text: str) -> Iterator[_Group]:
    """The movable groups of a text, outer ones and those inside them."""
    opened: list[tuple[int, bool, bool]] = []  # where, whether it may move, whether its inside stays
    fixed = 0  # how many of those that are open keep their inside
    for token in _TOKEN.finditer(text):
        at, sign = token.start(), token[0]
        if sign == "(":
            movable = text.startswith(_MOVABLE, at)
            whole = not text.startswith(_OPEN, at)
            opened.append((at, movable and not fixed, whole))
            fixed += whole
        elif sign == ")" and opened:
            start, movable, whole = opened.pop()
            fixed -= whole
            if movable:
                quantifier = _UNBOUNDED.match(text, token.end())
                yield _Group(start, quantifier.end() if quantifier else token.end())
