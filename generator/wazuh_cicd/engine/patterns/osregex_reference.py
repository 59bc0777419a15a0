"""The reference scanner of OS_Regex: one byte at a time, exactly as the language is defined.

The language is defined by a left-to-right scanner with at most four remembered choice points; it is neither greedy nor
lazy and misses matches that a regular engine finds. Everything faster than this module is tested against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.osregex_syntax import CLASS, LITERAL, PAREN

if TYPE_CHECKING:
    from wazuh_cicd.engine.patterns.osregex_syntax import Alternative

SLOTS = 4
_STAR = ord("*")
_OPEN = ord("(")
# A scan that takes more steps than this is given up: no match. A 64 KiB subject takes about 65,000 steps for each
# useful choice point; only a pattern that was made to be slow comes near.
MAX_STEPS = 20_000_000

Result = tuple[int, list[int | None]]


def scan(  # noqa: C901 - one step a byte, in the order of the language's definition
    alternative: Alternative, subject: bytes, *, captures: bool, max_steps: int = MAX_STEPS
) -> Result | None:
    """Run one alternative over the whole subject.

    Args:
        alternative: what to look for.
        subject: in lower case already (ASCII letters).
        captures: whether the pattern collects captures (a decoder's ``regex`` with parentheses).
        max_steps: bytes looked at before the scan is given up.

    Returns:
        The index of the "last matched byte" (the engine continues one byte later) and the marks of the parentheses;
        None when the alternative does not match.
    """
    units = alternative.units
    quantifiers = alternative.quantifiers
    parens = alternative.parens
    size = len(units)
    begin = alternative.begin
    end = alternative.end
    marks: list[int | None] = [None] * (alternative.groups * 2)
    slots: list[tuple[int, int] | None] = [None] * SLOTS
    p = 0
    i = 0
    last: int | None = 0
    loop = False
    again: int | None = None
    length = len(subject)
    steps = 0
    while i < length:
        steps += 1
        if steps > max_steps:
            return None
        b = subject[i]
        if p == size and not end:
            return None if last is None else (last, marks)
        if p < size and parens[p] >= 0:
            marks[parens[p]] = i
            p += 1
            if p == size and not end:
                return None if last is None else (last, marks)
        if p < size and units[p].kind == CLASS:
            q = p + 1
            if b in units[p].taken:
                if q == size or not quantifiers[q]:
                    p = q
                    if again is None:
                        again = i
                    last = i
                    i += 1
                    continue
                if units[q].byte == _STAR or loop:
                    loop = True
                    taker = q + 1
                    mark = -1
                    if taker < size and parens[taker] >= 0:
                        mark = parens[taker]
                        taker += 1
                    if taker == size:
                        if mark >= 0:
                            marks[mark] = i + 1
                        i += 1
                        continue
                    unit = units[taker]
                    if unit.kind == CLASS:
                        takes = b in unit.taken
                    else:
                        takes = unit.byte == b if unit.kind == LITERAL else b == _OPEN
                        if takes:
                            loop = False
                    if takes:
                        if mark >= 0:
                            marks[mark] = i
                        for slot in range(SLOTS):
                            if slots[slot] is None:
                                slots[slot] = (p, i)
                                break
                        own = unit.kind == CLASS and taker + 1 < size and quantifiers[taker + 1]
                        p = taker if own else taker + 1
                    last = i
                    i += 1
                    continue
                if q + 1 < size and parens[q + 1] >= 0:
                    marks[parens[q + 1]] = i + 1 if i + 1 == length else i
                loop = True
                last = i
                i += 1
                continue
            follows = size - q
            if (follows == 0 or (follows == 1 and units[q].kind != CLASS)) and loop and last is not None:
                last = i
                if not end:
                    return last, marks
                loop = False
            elif q < size and quantifiers[q] and units[q].byte != _STAR and loop:
                p = q + 1
                loop = False
                continue
            elif q < size and quantifiers[q] and units[q].byte == _STAR:
                p = q + 1
                loop = False
                last = i - 1
                continue
            else:
                loop = False
        elif p < size and (
            (units[p].kind == LITERAL and units[p].byte == b) or (units[p].kind == PAREN and b == _OPEN)
        ):
            p += 1
            if again is None:
                again = i
            last = i
            i += 1
            continue
        # Failure.
        for slot in range(SLOTS - 1, -1, -1):
            choice = slots[slot]
            if choice is not None:
                p, i = choice
                slots[slot] = None
                i += 1
                break
        else:
            if begin:
                return None
            if again is not None:
                i = again
                again = None
            p = 0
            last = None
            i += 1
    return finish(alternative, p, last, marks, loop=loop, length=length if captures else None)


def finish(
    alternative: Alternative, p: int, last: int | None, marks: list[int | None], *, loop: bool, length: int | None
) -> Result | None:
    """What still may be left of the pattern when the subject has ended."""
    parens = alternative.parens
    size = len(alternative.units)
    if length is not None:
        while _is_class(alternative, p) and _is_star(alternative, p + 1):
            p += 2
        if p < size and parens[p] >= 0:
            marks[parens[p]] = length
    p = _over_paren(alternative, p)
    if p == size:
        return None if last is None else (last, marks)
    if _is_class(alternative, p) and loop:
        p += 1
        if p < size and alternative.quantifiers[p]:
            p = _over_paren(alternative, p + 1)
            if p == size:
                return None if last is None else (last, marks)
            if _is_class(alternative, p):
                p += 1
                if _is_star(alternative, p):
                    p = _over_paren(alternative, p + 1)
                    if p == size:
                        return None if last is None else (last, marks)
    if _is_class(alternative, p) and _is_star(alternative, p + 1) and _over_paren(alternative, p + 2) == size:
        return None if last is None else (last, marks)
    return None


def _is_class(alternative: Alternative, at: int) -> bool:
    return at < len(alternative.units) and alternative.units[at].kind == CLASS


def _is_star(alternative: Alternative, at: int) -> bool:
    return at < len(alternative.units) and alternative.quantifiers[at] and alternative.units[at].byte == _STAR


def _over_paren(alternative: Alternative, at: int) -> int:
    return at + 1 if at < len(alternative.parens) and alternative.parens[at] >= 0 else at
