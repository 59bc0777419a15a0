"""Which values a pattern can match, where they are few: the ground for saying that two rules exclude each other.

Only what is certain is said: a pattern that is not understood has no finite language, and no finding comes of it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache

from wazuh_cicd.check.osregex import branches

MAX_VALUES = 400


@dataclass(frozen=True, slots=True)
class Language:
    """All values that a pattern matches.

    Attributes:
        values: the values, as written.
        ignore_case: ASCII case does not count.
    """

    values: frozenset[bytes]
    ignore_case: bool

    def spellings(self) -> frozenset[bytes]:
        """The values, with the lower and upper case of each when case does not count."""
        if not self.ignore_case:
            return self.values
        return self.values | {v.lower() for v in self.values} | {v.upper() for v in self.values}


@cache
def language(kind: str, source: bytes) -> Language | None:
    """The finite language of a pattern, or None when it is infinite, large, or not understood."""
    if kind == "string":
        return Language(frozenset({source}), ignore_case=False)
    if kind == "osmatch":
        return _os_match(source)
    if kind == "osregex":
        return _os_regex(source)
    if kind == "pcre2":
        return _pcre2(source)
    return None


def _os_match(source: bytes) -> Language | None:
    if source.startswith(b"!"):
        return None
    values = set()
    for part in source.split(b"|"):
        if not (part.startswith(b"^") and part.endswith(b"$") and len(part) > 1):
            return None
        values.add(part[1:-1])
    return Language(frozenset(values), ignore_case=True)


_OS_REGEX_LITERAL = re.compile(rb"(?:[^\\^$|()]|\\[$|()\\<])*\Z")


def _os_regex(source: bytes) -> Language | None:
    values = set()
    for part in branches(source):
        core = part[1:-1]
        if not (part.startswith(b"^") and part.endswith(b"$") and len(part) > 1) or core.endswith(b"\\"):
            return None
        if not _OS_REGEX_LITERAL.match(core):
            return None
        values.add(re.sub(rb"\\(.)", rb"\1", core))
    return Language(frozenset(values), ignore_case=True)


# -- PCRE2: the plain part of the language -----------------------------------------------------------------------------


class _NotPlainError(Exception):
    """The expression is more than literals, alternatives and small sets."""


_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


def _pcre2(source: bytes) -> Language | None:
    ignore_case = source.startswith(b"(?i)")
    text = source[4:] if ignore_case else source
    try:
        values, rest = _alternatives(text, 0, anchored=True)
    except (_NotPlainError, IndexError):
        return None
    if rest != len(text):
        return None
    return Language(frozenset(values), ignore_case)


def _alternatives(text: bytes, at: int, *, anchored: bool) -> tuple[set[bytes], int]:
    values: set[bytes] = set()
    while True:
        branch, at = _branch(text, at, anchored=anchored)
        values |= branch
        if len(values) > MAX_VALUES:
            raise _NotPlainError
        if text[at : at + 1] != b"|":
            return values, at
        at += 1


def _branch(text: bytes, at: int, *, anchored: bool) -> tuple[set[bytes], int]:
    """One alternative; with ``anchored`` it must be tied to both ends of the value."""
    values = {b""}
    ended = not anchored
    if anchored:
        if text.startswith(b"\\A", at):
            at += 2
        elif text.startswith(b"^", at):
            at += 1
        else:
            raise _NotPlainError
    while at < len(text) and text[at : at + 1] not in (b"|", b")"):
        if text.startswith(b"\\z", at) or text[at : at + 1] == b"$":
            if not anchored or ended:
                raise _NotPlainError
            if text[at : at + 1] == b"$":  # holds before a final line feed, too
                values |= {value + b"\n" for value in values}
                at += 1
            else:
                at += 2
            ended = True
            continue
        if ended and anchored:
            raise _NotPlainError
        piece, at = _atom(text, at)
        if text[at : at + 1] == b"?":
            piece, at = piece | {b""}, at + 1
        if text[at : at + 1] in (b"*", b"+", b"{", b"?"):
            raise _NotPlainError
        values = {a + b for a, b in itertools.product(values, piece)}
        if len(values) > MAX_VALUES:
            raise _NotPlainError
    if not ended:
        raise _NotPlainError
    return values, at


def _atom(text: bytes, at: int) -> tuple[set[bytes], int]:
    here = text[at : at + 1]
    if here == b"(":
        if text.startswith(b"(?:", at):
            at += 3
        elif text.startswith((b"(?", b"(*"), at):
            raise _NotPlainError
        else:
            at += 1
        values, at = _alternatives(text, at, anchored=False)
        if text[at : at + 1] != b")":
            raise _NotPlainError
        return values, at + 1
    if here == b"[":
        found = re.compile(rb"\[([A-Za-z0-9_ ./:@]{1,12})\]").match(text, at)
        if found is None:
            raise _NotPlainError
        return {bytes([byte]) for byte in found[1]}, found.end()
    if here == b"\\":
        found = re.compile(rb"\\x([0-9A-Fa-f]{2})").match(text, at)
        if found is not None:
            return {bytes([int(found[1], 16)])}, found.end()
        letter = text[at + 1 : at + 2]
        if letter in _ESCAPED:
            return {_ESCAPED[letter]}, at + 2
        if letter.isalnum() or not letter:
            raise _NotPlainError
        return {letter}, at + 2
    if here in (b".", b"^", b"$", b"*", b"+", b"?", b"{"):
        raise _NotPlainError
    return {here}, at + 1
