"""What can be told about a PCRE2 pattern without running it.

Each call of the library costs far more than a comparison, and most patterns of rules fail on most events. So a pattern
that is nothing but a choice of texts is compared as such, and any other is only run on a subject that begins as a match
must and contains what every match contains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.perl_syntax import (
    LOOKS_BACK,
    Atomic,
    Capture,
    Chars,
    Choice,
    Edge,
    Look,
    Repeat,
    Sequence,
    Syntax,
    Text,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Texts = frozenset[bytes]
    Test = Callable[[bytes], bool]

# So many texts are compared one by one at the most: whole values are looked up, parts are searched for.
_MOST_TEXTS = 512
_MOST_PARTS = 16
# A set of more bytes than this is no text to search for.
_MOST_BYTES = 2
# A part shorter than this says too little; so many parts are searched for.
_SHORTEST = 2
_USED = 2


@dataclass(frozen=True, slots=True)
class Whole:
    """What a pattern matches that is nothing but a choice of texts.

    Attributes:
        values: every subject that is one of these,
        begins: that begins with one of these,
        ends: that ends with one of these,
        parts: or that contains one of these.
        denied: it is the other subjects that match (``^(?!…)`` with nothing behind it).
    """

    values: Texts = frozenset()
    begins: Texts = frozenset()
    ends: Texts = frozenset()
    parts: Texts = frozenset()
    denied: bool = False

    @property
    def only_values(self) -> bool:
        """Whether it matches these values and nothing else."""
        return not (self.denied or self.begins or self.ends or self.parts)

    def test(self) -> Test | None:
        """The test for it; None when too many texts would be searched for one by one."""
        if len(self.parts) > _MOST_PARTS:
            return None
        values, begins, ends = self.values, tuple(sorted(self.begins)), tuple(sorted(self.ends))
        tests: list[Test] = []
        if values:
            tests.append(values.__contains__)
        if begins:
            tests.append(lambda value: value.startswith(begins))
        if ends:
            tests.append(lambda value: value.endswith(ends))
        if self.parts:
            tests.append(_containing(tuple(sorted(self.parts))))
        one = tests[0]
        for other in tests[1:]:
            one = _either(one, other)
        return _none(one) if self.denied else one


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a pattern. All texts are in lower case when it is caseless.

    Attributes:
        caseless: letter case does not count.
        whole: what it matches, when it is nothing but a choice of texts.
        prefixes: every matching subject begins with one of these; empty when nothing is known.
        firsts: the first bytes that a matching subject may have; None when any may come, or none at all.
        needs: of each of these choices every matching subject contains at least one text.
        free: every subject that contains none of these texts matches; empty when nothing is known.
    """

    caseless: bool
    whole: Whole | None = None
    prefixes: tuple[bytes, ...] = ()
    firsts: frozenset[int] | None = None
    needs: tuple[tuple[bytes, ...], ...] = ()
    free: tuple[bytes, ...] = ()

    def plain(self) -> Test | None:
        """The test that answers as the pattern does, without the library; None when there is none."""
        test = self.whole.test() if self.whole is not None else None
        return self._folding(test) if test is not None else None

    def pardon(self) -> Test | None:
        """A test that only matching subjects fail; None when there is none."""
        return self._folding(_containing(self.free)) if self.free else None

    def _folding(self, test: Test) -> Test:
        return (lambda value: test(value.lower())) if self.caseless else test

    def gate(self) -> Test | None:
        """A test that every matching subject passes; None when there is none that is worth its time."""
        tests: list[Test] = []
        prefixes, firsts = self.prefixes, self.firsts
        if prefixes:
            tests.append(lambda value: value.startswith(prefixes))
        elif firsts is not None:
            tests.append(lambda value: bool(value) and value[0] in firsts)
        tests += map(_containing, self.needs)
        if not tests:
            return None
        gate = tests[0]
        for test in tests[1:]:
            gate = _both(gate, test)
        return self._folding(gate)


def _both(one: Test, other: Test) -> Test:
    return lambda value: one(value) and other(value)


def _either(one: Test, other: Test) -> Test:
    return lambda value: one(value) or other(value)


def _none(test: Test) -> Test:
    return lambda value: not test(value)


def _containing(texts: tuple[bytes, ...]) -> Test:
    """The test for one of some texts anywhere."""
    if len(texts) == 1:
        part = texts[0]
        return lambda value: part in value

    def contains(value: bytes) -> bool:
        for part in texts:  # noqa: SIM110 - any() with a generator costs more than the search
            if part in value:
                return True
        return False

    return contains


@lru_cache(maxsize=8192)
def facts_of(source: bytes) -> Facts | None:
    """Return what is known about a pattern that the library takes; None when nothing is."""
    reading = read(source)
    if reading is None:
        return None
    syntax = reading.syntax
    options = syntax.options if isinstance(syntax, Choice) else (syntax,)
    anchored = all(map(_anchored, options))
    prefixes = _prefixes(options) if anchored else ()
    # What every beginning has is not looked for again.
    needs = [need for need in _needs_of_choice(options) if not (prefixes and _said(need, prefixes))]
    return Facts(
        caseless=reading.caseless,
        whole=None if reading.loose else _denied(options) or _whole(options),
        prefixes=prefixes,
        firsts=_first_bytes(options) if anchored else None,
        needs=_best(needs, _USED),
        free=_free(options),
    )


def _said(need: Texts, prefixes: tuple[bytes, ...]) -> bool:
    return all(any(text in prefix for text in need) for prefix in prefixes)


def _whole(options: Iterable[Syntax], *, begins: bool = False) -> Whole | None:
    """Return what a choice of texts matches; None when it is more than that.

    Args:
        options: of the choice.
        begins: they are looked for at the beginning only.
    """
    found: dict[tuple[bool, bool], set[bytes]] = {}
    for option in _unwrapped(options):
        parts = list(option.parts) if isinstance(option, Sequence) else [option]
        begin = bool(parts) and parts[0] == Edge("begin")
        if begin:
            parts.pop(0)
        last = parts[-1].kind if parts and isinstance(parts[-1], Edge) else None
        end = last in {"end", "line_end"}
        if end:
            parts.pop()
        texts = _texts(Sequence(tuple(parts)), _MOST_TEXTS)
        if texts is None:
            return None
        known = found.setdefault((begin or begins, end), set())
        known |= texts
        if last == "line_end":
            known |= {text + b"\n" for text in texts}
        if len(known) > 2 * _MOST_TEXTS:
            return None
    tied = {place: frozenset(texts) for place, texts in found.items()}
    nothing: Texts = frozenset()
    return Whole(
        values=tied.get((True, True), nothing),
        begins=tied.get((True, False), nothing),
        ends=tied.get((False, True), nothing),
        parts=tied.get((False, False), nothing),
    )


def _unwrapped(options: Iterable[Syntax]) -> Iterator[Syntax]:
    """Yield the options of a choice, and those of groups that stand alone as one of them."""
    for option in options:
        if isinstance(option, Choice):
            yield from _unwrapped(option.options)
        elif isinstance(option, Capture):
            yield from _unwrapped((option.item,))
        elif isinstance(option, Sequence) and len(option.parts) == 1:
            yield from _unwrapped(option.parts)
        else:
            yield option


def _refused(options: tuple[Syntax, ...]) -> tuple[Syntax, ...]:
    """Return the options of a pattern that is ``^(?!…)`` and nothing else; none when it is not."""
    if len(options) != 1 or not isinstance(options[0], Sequence):
        return ()
    match options[0].parts:
        case (Edge("begin"), Look(item, negative=True, behind=False)):
            return item.options if isinstance(item, Choice) else (item,)
        case _:
            return ()


def _denied(options: tuple[Syntax, ...]) -> Whole | None:
    """Return what ``^(?!…)`` matches, when it refuses a choice of texts."""
    refused = _refused(options)
    whole = _whole(refused, begins=True) if refused else None
    return replace(whole, denied=True) if whole is not None else None


def _free(options: tuple[Syntax, ...]) -> tuple[bytes, ...]:
    """Return texts: what contains none of them is matched by ``^(?!…)``, as each text it refuses contains one."""
    refused = _refused(options)
    best = _best(_needs_of_choice(refused), 1) if refused else ()
    return best[0] if best else ()


def _texts(syntax: Syntax, most: int) -> Texts | None:
    """Return all texts that a part of a pattern can match, when these are at most so many."""
    if isinstance(syntax, Text):
        return frozenset((syntax.value,))
    if isinstance(syntax, Capture):
        return _texts(syntax.item, most)
    if isinstance(syntax, Chars):
        return frozenset(bytes((value,)) for value in syntax.values) if len(syntax.values) <= most else None
    if isinstance(syntax, Choice):
        united: set[bytes] = set()
        for option in syntax.options:
            texts = _texts(option, most)
            if texts is None or len(united) + len(texts) > most:
                return None
            united |= texts
        return frozenset(united)
    if isinstance(syntax, Sequence):
        return _joined(syntax.parts, most)
    if isinstance(syntax, Repeat) and not syntax.final and syntax.most is not None and syntax.most <= most:
        every: set[bytes] = set()
        for count in range(syntax.least, syntax.most + 1):
            texts = _joined((syntax.item,) * count, most)
            if texts is None or len(every) + len(texts) > most:
                return None
            every |= texts
        return frozenset(every)
    return None


def _joined(parts: Iterable[Syntax], most: int) -> Texts | None:
    run: Texts = frozenset((b"",))
    for part in parts:
        texts = _texts(part, most)
        if texts is None or len(run) * len(texts) > most:
            return None
        run = _behind(run, texts)
    return run


def _behind(run: Texts, texts: Texts) -> Texts:
    """Return each text of the second set behind each of the first."""
    return frozenset(one + other for one, other in product(run, texts))


def _anchored(syntax: Syntax) -> bool:
    """Whether a match can only begin where the subject does."""
    if isinstance(syntax, Sequence):
        for part in syntax.parts:
            if part == Edge("begin") or _anchored(part):
                return True
            if not isinstance(part, (Edge, Look)):
                return False
        return False
    if isinstance(syntax, Choice):
        return all(map(_anchored, syntax.options))
    if isinstance(syntax, (Atomic, Capture)):
        return _anchored(syntax.item)
    return isinstance(syntax, Repeat) and syntax.least > 0 and _anchored(syntax.item)


def _prefixes(options: Iterable[Syntax]) -> tuple[bytes, ...]:
    """Return what an anchored pattern's matches begin with."""
    found: set[bytes] = set()
    for option in options:
        run: Texts = frozenset((b"",))
        for part in option.parts if isinstance(option, Sequence) else (option,):
            if isinstance(part, (Edge, Look)):
                continue
            texts = _texts(part, _MOST_PARTS)
            if texts is None or len(run) * len(texts) > _MOST_PARTS:
                break
            run = _behind(run, texts)
        found |= run
    return () if b"" in found or len(found) > _MOST_PARTS else tuple(sorted(found))


def _first_bytes(options: Iterable[Syntax]) -> frozenset[int] | None:
    found: frozenset[int] = frozenset()
    for option in options:
        firsts, empty = _firsts(option)
        if empty:
            return None
        found |= firsts
    return found


def _firsts(syntax: Syntax) -> tuple[frozenset[int], bool]:
    """Return the bytes that a match of a part can begin with, and whether it can be empty."""
    nothing: frozenset[int] = frozenset()
    if isinstance(syntax, Text):
        return frozenset(syntax.value[:1]), False
    if isinstance(syntax, Chars):
        return syntax.values, False
    if isinstance(syntax, (Edge, Look)):
        return nothing, True
    if isinstance(syntax, (Atomic, Capture)):
        return _firsts(syntax.item)
    if isinstance(syntax, Repeat):
        firsts, empty = _firsts(syntax.item)
        return firsts, empty or syntax.least == 0
    if isinstance(syntax, Choice):
        found = [_firsts(option) for option in syntax.options]
        return nothing.union(*(firsts for firsts, _ in found)), any(empty for _, empty in found)
    united = nothing
    for part in syntax.parts:
        firsts, empty = _firsts(part)
        united |= firsts
        if not empty:
            return united, False
    return united, True


def _needs(syntax: Syntax) -> list[Texts]:
    """Return choices of texts: every match of a part, with what stands around it, contains one of each."""
    if isinstance(syntax, (Edge, Chars, Text)):
        return []
    if isinstance(syntax, Choice):
        return _needs_of_choice(syntax.options)
    if isinstance(syntax, Look):
        return [] if syntax.negative else _needs(_sequence(syntax.item))
    if isinstance(syntax, (Atomic, Capture)):
        return _needs(_sequence(syntax.item))
    if isinstance(syntax, Repeat):
        return _needs(_sequence(syntax.item)) if syntax.least else []
    needs: list[Texts] = []
    run: Texts = frozenset((b"",))
    for part in syntax.parts:
        if isinstance(part, (Edge, Look)):  # these take no text: what stands around them stays together
            needs += _needs(part)
            continue
        texts = None if isinstance(part, Chars) and len(part.values) > _MOST_BYTES else _texts(part, _MOST_PARTS)
        if texts is not None and len(run) * len(texts) <= _MOST_PARTS:
            run = _behind(run, texts)
            continue
        needs.append(run)
        run = texts or frozenset((b"",))
        if texts is None:
            needs += _needs(part)
    needs.append(run)
    return [need for need in needs if _telling(need)]


def _sequence(syntax: Syntax) -> Syntax:
    if isinstance(syntax, Capture):
        return _sequence(syntax.item)
    return Sequence((syntax,)) if isinstance(syntax, (Chars, Text, Choice)) else syntax


def _needs_of_choice(options: Iterable[Syntax]) -> list[Texts]:
    united: Texts = frozenset()
    options = tuple(options)
    if len(options) == 1:
        return _needs(_sequence(options[0]))
    for option in options:
        best = _best(_needs(_sequence(option)), 1)
        if not best:
            return []
        united |= frozenset(best[0])
    return [united] if _telling(united) else []


def _telling(need: Texts) -> bool:
    return len(need) <= _MOST_PARTS and min(map(len, need), default=0) >= _SHORTEST


def _best(needs: Iterable[Texts], count: int) -> tuple[tuple[bytes, ...], ...]:
    """Return the choices that say most: long texts, and few of them."""
    ranked = sorted(set(needs), key=lambda need: (-min(map(len, need)) / len(need), sorted(need)))
    return tuple(tuple(sorted(need)) for need in ranked[:count])


def may_take_nothing(source: bytes) -> bool:
    """Whether a match of the pattern can be empty, as far as can be told."""
    reading = read(source)
    return reading is not None and _firsts(reading.syntax)[1]


def may_capture_nothing(source: bytes) -> bool:
    """Whether all groups of the pattern can stay out of a match, as far as can be told."""
    reading = read(source)
    return reading is not None and _without_captures(reading.syntax)


def _without_captures(syntax: Syntax) -> bool:
    """Whether a part can match without a group taking part."""
    if isinstance(syntax, Capture):
        return False
    if isinstance(syntax, Choice):
        return any(map(_without_captures, syntax.options))
    if isinstance(syntax, Repeat) and not syntax.least:
        return True
    return (isinstance(syntax, Look) and syntax.negative) or all(map(_without_captures, _inside(syntax)))


def certain_captures(source: bytes) -> frozenset[int]:
    """The groups, counted from 0, that every match fills with text; none when the pattern cannot be read."""
    reading = read(source)
    if reading is None:
        return frozenset()
    found: list[bool] = []
    _note_captures(reading.syntax, certain=True, found=found)
    return frozenset(number for number, certain in enumerate(found) if certain)


def _note_captures(syntax: Syntax, *, certain: bool, found: list[bool]) -> None:
    """Add, for each group in the order of their openings, whether every match fills it."""
    if isinstance(syntax, Capture):
        found.append(certain and not _firsts(syntax.item)[1])
    elif isinstance(syntax, Choice):
        certain = certain and len(syntax.options) == 1
    elif isinstance(syntax, Repeat):
        certain = certain and syntax.least > 0
    elif isinstance(syntax, Look):
        certain = certain and not syntax.negative
    for part in _inside(syntax):
        _note_captures(part, certain=certain, found=found)


def has_loose_lookbehind(source: bytes) -> bool:
    """Whether the pattern looks back over a text of no fixed length. A manager's library refuses that."""
    reading = read(source) if any(opening in source for opening in LOOKS_BACK) else None
    return reading is not None and _looks_back_loosely(reading.syntax)


def _looks_back_loosely(syntax: Syntax) -> bool:
    if isinstance(syntax, Look) and syntax.behind:
        # Its own alternatives may differ in length, those of groups within may not.
        options = syntax.item.options if isinstance(syntax.item, Choice) else (syntax.item,)
        if any(_width(option) is None for option in options):
            return True
    return any(map(_looks_back_loosely, _inside(syntax)))


def _inside(syntax: Syntax) -> tuple[Syntax, ...]:
    if isinstance(syntax, Sequence):
        return syntax.parts
    if isinstance(syntax, Choice):
        return syntax.options
    return (syntax.item,) if isinstance(syntax, (Repeat, Atomic, Capture, Look)) else ()


def _width(syntax: Syntax) -> int | None:
    """Return the bytes that a part takes; None when that is not fixed."""
    if isinstance(syntax, Text):
        return len(syntax.value)
    if isinstance(syntax, Chars):
        return 1
    if isinstance(syntax, (Edge, Look)):
        return 0
    if isinstance(syntax, Repeat):
        width = _width(syntax.item)
        return None if width is None or syntax.least != syntax.most else width * syntax.least
    widths = list(map(_width, _inside(syntax)))
    known = [width for width in widths if width is not None]
    if len(known) < len(widths):
        return None
    if isinstance(syntax, Choice):
        return known[0] if len(set(known)) == 1 else None
    return sum(known)
