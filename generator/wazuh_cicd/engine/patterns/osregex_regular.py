"""The part of OS_Regex that is a regular language in the ordinary sense, as Python expressions on bytes.

An alternative is translated when its scanner gives the same yes or no as an ordinary engine:

* no quantifier at all;
* one ``X+`` at most, and what follows it (if anything does) takes no byte of ``X``;
* begins with ``^``, and of any number of ``X+`` and ``X*`` each is followed by something that takes no byte of ``X``
  (a ``X+`` may also be the end if there is no star).

The expressions are for subjects in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.engine.patterns.osregex_syntax import CLASS, LITERAL, NO_BYTE, PAREN

if TYPE_CHECKING:
    from collections.abc import Iterable

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


class Piece(NamedTuple):
    """One byte out of ``members``, or a run of them."""

    members: frozenset[int]
    quantifier: bytes  # empty, ``+`` or ``*``


def pieces_of(alternative: Alternative) -> list[Piece] | None:
    """The alternative as pieces when it is one of those that translate, else None."""
    pieces, whole = _deterministic(alternative)
    if not whole or (_loose_end(alternative) and any(piece.quantifier == b"*" for piece in pieces)):
        return None
    if not alternative.begin and (
        sum(bool(piece.quantifier) for piece in pieces) > 1 or any(piece.quantifier == b"*" for piece in pieces)
    ):
        return None
    return pieces


def _loose_end(alternative: Alternative) -> bool:
    """Whether the scanner may do without some of the last pieces: there is a star, and a quantifier comes last."""
    units = alternative.units
    final = len(units) - 1
    while final >= 0 and units[final].kind == PAREN:
        final -= 1
    stars = (quantifier and units[at].byte == _STAR for at, quantifier in enumerate(alternative.quantifiers))
    return final >= 0 and alternative.quantifiers[final] and any(stars)


# So many pieces at most.
_LOOSE = 3


def _deterministic(alternative: Alternative) -> tuple[list[Piece], bool]:
    """The pieces up to the first run that something behind it competes for; whether that is the whole alternative.

    Behind a run must stand something that takes none of its bytes, and a run that may be empty must not be the end.
    """
    units = alternative.units
    pieces: list[Piece] = []
    whole = True
    for at, unit in enumerate(units):
        if unit.kind == PAREN:
            if at + 1 < len(units) and units[at + 1].kind == PAREN:
                whole = False
                break
        elif alternative.quantifiers[at]:
            pieces[-1] = pieces[-1]._replace(quantifier=bytes((unit.byte,)))
        else:
            pieces.append(Piece(taken_by(unit), b""))
    for at, piece in enumerate(pieces):
        if not piece.quantifier:
            continue
        behind = at + 1
        while behind < len(pieces):
            if piece.members & pieces[behind].members:
                return pieces[:at], False
            if pieces[behind].quantifier != b"*":
                break
            behind += 1
        else:
            if behind > at + 1 or piece.quantifier == b"*":
                return pieces[:at], False
    return pieces, whole


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


def certain_start(alternative: Alternative) -> list[Piece]:
    """Pieces that a match must begin with, where ``^`` stands in front; else nothing.

    They end with the first run that something behind it competes for, and leave out a literal at the very end that the
    scanner may do without.
    """
    units = alternative.units
    if not alternative.begin:
        return []
    pieces, whole = _deterministic(alternative)
    if any(unit.kind == PAREN and units[at + 1].kind == PAREN for at, unit in enumerate(units[:-1])):
        return []
    if whole and len(units) > 1 and units[-1].kind == LITERAL and units[-2].kind == CLASS:
        pieces.pop()
    if _loose_end(alternative):
        count = sum(unit.kind != PAREN for unit in units) - sum(alternative.quantifiers)
        del pieces[max(0, count - _LOOSE) :]
    while pieces and pieces[-1].quantifier:
        pieces.pop()
    return pieces


def first_bytes(start: list[Piece]) -> frozenset[int] | None:
    """The bytes that may come first; None when there is no certain start."""
    found: frozenset[int] = frozenset()
    for piece in start:
        found |= piece.members
        if piece.quantifier != b"*":
            return found
    return None


def expression(pieces: Iterable[Piece]) -> bytes:
    """The pieces as a regular expression."""
    return b"".join(byte_set(piece.members) + piece.quantifier for piece in pieces)


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
            repeated = out[-1] + bytes((unit.byte,))
            out[-1] = b"(" + repeated + b")" if runs_out and at == final else repeated
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
    alternative: Alternative, pieces: list[Piece], compiled: re.Pattern[bytes], text: bytes
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
    plus = next((at for at, piece in enumerate(pieces) if piece.quantifier), None)
    if plus is None:
        return compiled.search
    return _bounded(pieces, plus, compiled, end=alternative.end)


# Up to this length a search may try every place again; it stays in the order of microseconds.
_SHORT = 1024


def _bounded(pieces: list[Piece], plus: int, compiled: re.Pattern[bytes], *, end: bool) -> Callable[[bytes], object]:
    """Search ``P X+ R`` without trying each place inside one run of ``X`` again: all of them end in the same place."""
    head = re.compile(expression(pieces[: plus + 1])).search
    tail = re.compile(expression(pieces[plus + 1 :]) + (rb"\Z" if end else b"")).match
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
