"""The scanner of OS_Regex at speed: the same steps as the reference, many bytes at a time.

Three things repeat in a scan, and each is left to a search in C: looking for a place where the first unit fits, running
through the bytes of a quantified class that nothing else takes, and comparing a run of literals.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.osregex_reference import Result, finish
from wazuh_cicd.engine.patterns.osregex_regular import literal_run, one_of, run_of, taken_by
from wazuh_cicd.engine.patterns.osregex_syntax import CLASS, LITERAL, PAREN

if TYPE_CHECKING:
    import re

    from wazuh_cicd.engine.patterns.osregex_syntax import Alternative

# A scan that takes more steps than this (a quarter of a second) is given up: no match. Only a pattern with several
# quantifiers that take each other's bytes, on a text made for it, comes near; a manager would be busy for minutes.
MAX_STEPS = 200_000

_SLOTS = 4
# Bytes of a run that count as one step, as a power of two.
_RUN_SHIFT = 6
# Stands for an empty run of literals where no subject may fit: longer than any event.
_NOWHERE = b"\xff" * 70_000
_STAR = ord("*")
_OPEN = ord("(")


@cache
def _table(members: frozenset[int]) -> bytes:
    """For each byte, whether it is among the members."""
    return bytes(byte in members for byte in range(256))


class Scanner:
    """One alternative, prepared."""

    __slots__ = (
        "_alternative",
        "_captures",
        "_find",
        "_kinds",
        "_lead",
        "_literals",
        "_own",
        "_quantified",
        "_runs",
        "_skips",
        "_star",
        "_tables",
        "_takers",
    )

    def __init__(self, alternative: Alternative, *, captures: bool) -> None:
        """Precompute what each unit needs."""
        self._alternative = alternative
        self._captures = captures
        units = alternative.units
        size = len(units)
        quantifiers = alternative.quantifiers
        self._kinds = tuple(unit.kind for unit in units)
        self._literals = tuple(unit.byte for unit in units)
        self._tables = tuple(_table(unit.taken) for unit in units)
        self._quantified = tuple(
            unit.kind == CLASS and at + 1 < size and quantifiers[at + 1] for at, unit in enumerate(units)
        )
        self._star = tuple(quantified and units[at + 1].byte == _STAR for at, quantified in enumerate(self._quantified))
        takers: list[tuple[int, int]] = []  # for a quantified class: its taker, and the mark stepped over or -1
        skips: list[re.Pattern[bytes] | None] = []  # the bytes of it that the taker does not take
        for at, unit in enumerate(units):
            if not self._quantified[at]:
                takers.append((0, -1))
                skips.append(None)
                continue
            taker = at + 2
            mark = -1
            if taker < size and alternative.parens[taker] >= 0:
                mark = alternative.parens[taker]
                taker += 1
            takers.append((taker, mark))
            taken: frozenset[int] = frozenset()
            if taker < size:
                taken = frozenset((_OPEN,)) if units[taker].kind == PAREN else taken_by(units[taker])
            skips.append(run_of(unit.taken - taken))
        self._takers = tuple(takers)
        self._skips = tuple(skips)
        self._own = tuple(taker < size and self._quantified[taker] for taker, _ in takers)
        self._runs = tuple(literal_run(alternative, at) or _NOWHERE for at in range(size))
        self._lead, self._find = self._prepare_start()

    def _prepare_start(self) -> tuple[bytes, re.Pattern[bytes] | None]:
        """What a match must start with, where that can be searched for: a run of literals, or one byte of a class."""
        alternative = self._alternative
        units = alternative.units
        if alternative.begin or not units:
            return b"", None
        first = 1 if units[0].kind == PAREN and len(units) > 1 else 0
        unit = units[first]
        if unit.kind == LITERAL:
            # The mark of a parenthesis in front is set while the place is found, hence byte by byte in that case.
            return self._runs[first] if not first else b"", one_of(taken_by(unit))
        if unit.kind == CLASS and not self._star[first]:
            return b"", one_of(unit.taken)
        return b"", None

    def scan(self, subject: bytes) -> Result | None:  # noqa: C901 - a call a byte would cost more than all else
        """Run over the whole subject (in lower case); the answer is the reference scanner's."""
        alternative = self._alternative
        kinds = self._kinds
        literals = self._literals
        parens = alternative.parens
        quantified = self._quantified
        stars = self._star
        tables = self._tables
        runs = self._runs
        find = self._find
        lead = self._lead
        size = len(kinds)
        takers = self._takers
        skips = self._skips
        begin = alternative.begin
        end = alternative.end
        marks: list[int | None] = [None] * (alternative.groups * 2)
        slots: list[tuple[int, int] | None] = [None] * _SLOTS
        filled = 0  # slots fill from below and empty from above, so a count is enough
        p = 0
        i = 0
        last: int | None = 0
        loop = False
        again: int | None = None
        length = len(subject)
        steps = 0
        while i < length:
            steps += 1
            if steps > MAX_STEPS:
                return None
            if p == 0 and find is not None and not filled and again is None and not loop:
                if lead:
                    at = subject.find(lead, i)
                    if at < 0:
                        return None
                    if at > i:
                        last = None
                    i = at
                else:
                    found = find.search(subject, i)
                    if found is None:
                        return None
                    if found.start() > i:
                        last = None
                        i = found.start()
            if p == size and not end:
                return None if last is None else (last, marks)
            if p < size and parens[p] >= 0:
                marks[parens[p]] = i
                p += 1
                if p == size and not end:
                    return None if last is None else (last, marks)
            b = subject[i]
            if p < size and kinds[p] == CLASS:
                if tables[p][b]:
                    if not quantified[p]:
                        p += 1
                        if again is None:
                            again = i
                        last = i
                        i += 1
                        continue
                    taker, mark = takers[p]
                    if not (stars[p] or loop):
                        if mark >= 0:
                            marks[mark] = i + 1 if i + 1 == length else i
                        loop = True
                        last = i
                        i += 1
                        if i == length:
                            break
                        b = subject[i]
                        if not tables[p][b]:
                            continue
                    loop = True
                    skip = skips[p]
                    assert skip is not None  # noqa: S101 - every quantified class has one
                    stop = skip.match(subject, i).end()  # type: ignore[union-attr]
                    steps += (stop - i) >> _RUN_SHIFT
                    if taker == size:
                        if mark >= 0:
                            marks[mark] = stop
                        i = stop
                        continue
                    if stop > i:
                        last = stop - 1
                        i = stop
                        continue
                    if kinds[taker] != CLASS:
                        loop = False
                    if mark >= 0:
                        marks[mark] = i
                    if filled < _SLOTS:
                        slots[filled] = (p, i)
                        filled += 1
                    p = taker if self._own[p] else taker + 1
                    last = i
                    i += 1
                    continue
                follows = size - p - 1
                if (follows == 0 or (follows == 1 and kinds[p + 1] != CLASS)) and loop and last is not None:
                    last = i
                    if not end:
                        return last, marks
                    loop = False
                elif quantified[p] and not stars[p] and loop:
                    p += 2
                    loop = False
                    continue
                elif quantified[p] and stars[p]:
                    p += 2
                    loop = False
                    last = i - 1
                    continue
                else:
                    loop = False
            elif p < size and kinds[p] == LITERAL:
                run = runs[p]
                if subject.startswith(run, i):
                    if again is None:
                        again = i
                    p += len(run)
                    i += len(run)
                    last = i - 1
                    continue
                if literals[p] == b:
                    p += 1
                    if again is None:
                        again = i
                    last = i
                    i += 1
                    continue
            elif p < size and b == _OPEN:
                p += 1
                if again is None:
                    again = i
                last = i
                i += 1
                continue
            # Failure.
            if filled:
                filled -= 1
                choice = slots[filled]
                assert choice is not None  # noqa: S101 - filled
                p, i = choice
                i += 1
                continue
            if begin:
                return None
            if again is not None:
                i = again
                again = None
            p = 0
            last = None
            i += 1
        return finish(alternative, p, last, marks, loop=loop, length=length if self._captures else None)
