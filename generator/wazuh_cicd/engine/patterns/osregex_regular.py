"""The part of OS_Regex that is a regular language in the ordinary sense, as Python expressions on bytes.

An alternative is translated when its scanner gives the same yes or no as an ordinary engine:

* no quantifier at all;
* one ``X+`` at most, and what follows it (if anything does) takes no byte of ``X``;
* begins with ``^``, has any number of ``X+`` and no ``X*``, each ``X+`` followed by the end or something that takes no
  byte of ``X``.

The expressions are for subjects in lower case.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.osregex_syntax import CLASS, LITERAL, NO_BYTE, PAREN

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.patterns.osregex_syntax import Alternative, Unit

_STAR = ord("*")
_ALL = frozenset(range(256))


@cache
def byte_set(members: frozenset[int]) -> bytes:
    """A regular expression for one byte out of ``members``."""
    if len(members) == len(_ALL):
        return rb"[\x00-\xff]"
    if not members:
        return rb"[^\x00-\xff]"
    if len(members) == 1:
        return re.escape(bytes(members))
    ordered = sorted(members)
    pieces: list[bytes] = []
    begin = previous = ordered[0]
    for byte in [*ordered[1:], -1]:
        if byte == previous + 1:
            previous = byte
            continue
        pieces.append(b"\\x%02x" % begin if begin == previous else b"\\x%02x-\\x%02x" % (begin, previous))
        begin = previous = byte
    return b"[" + b"".join(pieces) + b"]"


@cache
def run_of(members: frozenset[int]) -> re.Pattern[bytes]:
    """Any number of bytes out of ``members``, without giving any back."""
    return re.compile(byte_set(members) + b"*" if members else b"")


@cache
def one_of(members: frozenset[int]) -> re.Pattern[bytes]:
    """One byte out of ``members``."""
    return re.compile(byte_set(members))


def taken_by(unit: Unit) -> frozenset[int]:
    """The bytes that a literal or class takes."""
    if unit.kind == CLASS:
        return unit.taken
    return frozenset((unit.byte,)) - {NO_BYTE} if unit.kind == LITERAL else frozenset()


def pieces_of(alternative: Alternative) -> list[tuple[frozenset[int], bool]] | None:
    """The alternative as (bytes, repeated) pairs when it is one of those that translate, else None."""
    units = alternative.units
    pieces: list[tuple[frozenset[int], bool]] = []
    repeated = 0
    for at, unit in enumerate(units):
        if unit.kind == PAREN:
            if at + 1 < len(units) and units[at + 1].kind == PAREN:
                return None
        elif alternative.quantifiers[at]:
            if unit.byte == _STAR:
                return None
            pieces[-1] = (pieces[-1][0], True)
            repeated += 1
        else:
            pieces.append((taken_by(unit), False))
    if repeated > 1 and not alternative.begin:
        return None
    for (members, plus), (following, _) in itertools.pairwise(pieces):
        if plus and members & following:
            return None
    return pieces


def literal_run(alternative: Alternative, at: int) -> bytes:
    """The literals that stand side by side from the unit ``at`` on; may be empty."""
    run = bytearray()
    for unit in alternative.units[at:]:
        if unit.kind != LITERAL or unit.byte == NO_BYTE:
            break
        run.append(unit.byte)
    return bytes(run)


def required_literals(alternative: Alternative) -> tuple[bytes, ...]:
    """Texts that every matching subject (in lower case) contains in this order, without overlap.

    A single literal at the very end, directly behind a class, is not required: the scanner may stop before it.
    """
    runs: list[bytes] = []
    at = 0
    units = alternative.units
    while at < len(units):
        if units[at].kind != LITERAL or alternative.quantifiers[at]:
            at += 1
            continue
        run = literal_run(alternative, at)
        optional = len(run) == 1 and at + 1 == len(units) and at > 0 and units[at - 1].kind == CLASS
        if run and not optional:
            runs.append(run)
        at += max(1, len(run))
    return tuple(runs)


def fixed_start(alternative: Alternative) -> tuple[frozenset[int], ...]:
    """The bytes that a match must begin with, one set for each, where ``^`` stands in front; else nothing."""
    start: list[frozenset[int]] = []
    units = alternative.units
    if not alternative.begin or (len(units) > 1 and units[0].kind == PAREN and units[1].kind == PAREN):
        return ()
    for at, unit in enumerate(units):
        if unit.kind == PAREN:
            if start:
                break  # what stands behind is close to the end or to another parenthesis; not worth the care
            continue
        quantified = at + 1 < len(units) and alternative.quantifiers[at + 1]
        if quantified and units[at + 1].byte == _STAR:
            break
        optional = unit.kind == LITERAL and at + 1 == len(units) and at > 0 and units[at - 1].kind == CLASS
        if not optional:
            start.append(taken_by(unit))
        if quantified:
            break
    return tuple(start)


@dataclass(frozen=True, slots=True)
class Regular:
    """An alternative that is regular.

    Attributes:
        test: finds a match; says yes or no only.
        exact: finds the same match as the scanner, captures included; None when only yes or no are the same.
        last_run: number of the group around a ``X+`` at the end, else 0. The scanner's position is then odd: one byte
            behind the foreign byte that stops the run, or, if the subject or a parenthesis ends it, behind the first
            byte of the run.
        foreign: whether a foreign byte may stop that run (no parenthesis does).
        text: the alternative without anchors when it is plain text, else empty.
    """

    test: Callable[[bytes], object]
    exact: re.Pattern[bytes] | None
    last_run: int
    foreign: bool
    text: bytes


def translate(alternative: Alternative) -> Regular | None:
    """Translate an alternative; None when it is not regular."""
    pieces = pieces_of(alternative)
    units = alternative.units
    if pieces is None or (alternative.end and not pieces):
        return None
    final = len(units) - 1  # the last unit that is no parenthesis
    while final >= 0 and units[final].kind == PAREN:
        final -= 1
    runs_out = final >= 0 and alternative.quantifiers[final]
    out: list[bytes] = [rb"\A"] if alternative.begin else []
    closing = False
    for at, unit in enumerate(units):
        if unit.kind == PAREN:
            out.append(b")" if closing else b"(")
            closing = not closing
        elif alternative.quantifiers[at]:
            out[-1] = b"(" + out[-1] + b"+)" if runs_out and at == final else out[-1] + b"+"
        else:
            out.append(byte_set(taken_by(unit)))
    if alternative.end:
        out.append(rb"\Z")
    compiled = re.compile(b"".join(out))
    text = literal_run(alternative, 0) if all(unit.kind == LITERAL for unit in units) else b""
    text = text if len(text) == len(units) else b""
    exact = compiled if alternative.begin and units else None
    test = _tester(alternative, pieces, compiled, text)
    last_run = alternative.groups + 1 if runs_out else 0
    return Regular(test, exact, last_run, final == len(units) - 1, text)


def _tester(
    alternative: Alternative, pieces: list[tuple[frozenset[int], bool]], compiled: re.Pattern[bytes], text: bytes
) -> Callable[[bytes], object]:
    if text and alternative.begin and alternative.end:
        return text.__eq__
    if text and alternative.begin:
        return lambda subject: subject.startswith(text)
    if text and alternative.end:
        return lambda subject: subject.endswith(text)
    if text:
        return lambda subject: text in subject
    if alternative.begin:
        return compiled.match
    plus = next((at for at, (_, repeated) in enumerate(pieces) if repeated), None)
    if plus is None:
        return compiled.search
    return _bounded(pieces, plus, compiled, end=alternative.end)


# Up to this length a search may try every place again; it stays in the order of microseconds.
_SHORT = 1024


def _bounded(
    pieces: list[tuple[frozenset[int], bool]], plus: int, compiled: re.Pattern[bytes], *, end: bool
) -> Callable[[bytes], object]:
    """Search ``P X+ R`` without trying each place inside one run of ``X`` again: all of them end in the same place."""
    sets = [byte_set(members) for members, _ in pieces]
    head = re.compile(b"".join(sets[: plus + 1]) + b"+").search
    tail = re.compile(b"".join(sets[plus + 1 :]) + (rb"\Z" if end else b"")).match
    short = compiled.search

    def search(subject: bytes) -> object:
        if len(subject) <= _SHORT:
            return short(subject)
        position = 0
        while found := head(subject, position):
            stop = found.end()
            if tail(subject, stop):
                return True
            position = max(found.start() + 1, stop + 1 - plus)
        return None

    return search
