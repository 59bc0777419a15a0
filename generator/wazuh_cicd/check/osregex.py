"""Which OS_Regex patterns mean what an ordinary regex engine would make of them.

OS_Regex keeps four choice points and never looks back further: beyond a plain part of the language it misses matches.
That part, by differential tests against the real engine: no quantifier at all; or, un-anchored, one ``X+`` whose
successor cannot match what X matches; or, anchored with ``^``, any number of such ``X+``.
"""

from __future__ import annotations

import re

_UNIT = re.compile(rb"\\.|.", re.DOTALL)
_DIGITS = frozenset(b"0123456789")
_LOWER = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_ALL = frozenset(range(256))
_CLASSES: dict[bytes, frozenset[int]] = {
    b"\\w": _LOWER | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ") | _DIGITS | frozenset(b"-@_"),
    b"\\d": _DIGITS,
    b"\\s": frozenset(b" "),
    b"\\t": frozenset(b"\t"),
    b"\\p": frozenset(b"!\"#$%&'()*+,-.:;<=>?[]{|}"),
    b"\\.": _ALL,
}
_CLASSES |= {name.upper(): _ALL - _CLASSES[name] for name in (b"\\w", b"\\d", b"\\s")}


def portable(pattern: bytes) -> bool:
    """Whether the pattern lies in the part of OS_Regex that holds no surprise."""
    return all(_portable_branch(branch) for branch in branches(pattern))


def branches(pattern: bytes) -> list[bytes]:
    """The alternatives of a pattern."""
    found = [b""]
    for unit in _UNIT.findall(pattern):
        if unit == b"|":
            found.append(b"")
        else:
            found[-1] += unit
    return found


def _bytes_of(unit: bytes) -> frozenset[int]:
    if unit in _CLASSES:
        return _CLASSES[unit]
    return frozenset(unit[-1:].lower() + unit[-1:].upper())


def _portable_branch(branch: bytes) -> bool:
    anchored = branch.startswith(b"^")
    units = [unit for unit in _UNIT.findall(branch[1:] if anchored else branch) if unit not in (b"(", b")")]
    if units and units[-1] == b"$":
        units.pop()
    plus = 0
    for position, unit in enumerate(units):
        if unit not in (b"+", b"*") or position == 0 or len(units[position - 1]) != 2:
            continue
        last = position == len(units) - 1
        if unit == b"*":
            # \.* alone, or trailing without an end anchor, is the usual way to ask that a field is there.
            if units[position - 1] == b"\\." and last and not branch.endswith(b"$"):
                continue
            return False
        plus += 1
        if not last and _bytes_of(units[position - 1]) & _bytes_of(units[position + 1]):
            return False
    return plus <= 1 or anchored
