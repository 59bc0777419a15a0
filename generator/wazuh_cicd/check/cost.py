"""What a PCRE2 pattern can be made to cost a manager.

wazuh-analysisd runs patterns on the interpreter of PCRE2 with the library's limits, one thread an event. A pattern
whose cost grows faster than its subject lets whoever writes the log hold that thread; one that reaches the limit counts
as "no match", so that a few hundred bytes switch the rule off. Every pattern is therefore run on subjects made from it
(``check.pumped``), up to the 64 KiB that an event may have, and compared with a usual pattern in the same run.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from json import JSONDecodeError, dumps, loads
from time import thread_time_ns
from typing import TYPE_CHECKING, Literal, NamedTuple

from wazuh_cicd import caches
from wazuh_cicd.check import pumped
from wazuh_cicd.engine.patterns import perl
from wazuh_cicd.errors import UsageError
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from wazuh_cicd.check.pumped import Pump
    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition

#: The sizes of the subjects in bytes: two that screen, and two that are compared (the longest event last).
SCREENED, SMALL, MIDDLE, LARGE = 512, 4096, 16384, 65536
#: 64 KiB may cost so many times what 16 KiB cost.
MOST_GROWTH = 6.0
#: So many times what the usual pattern costs on as long a subject. A pattern that stays below costs some 35 ms for the
#: longest event of 64 KiB on a usual server, in proportion to its length: a fifth of what PCRE2's own limit lets any
#: pattern cost. A condition on a command in hexadecimal digits comes to 15 to 30 times honestly: it looks at each byte
#: as a blank, a separator, a quote and the beginning of a name.
MOST_TIMES = 32.0
#: A usual pattern: a choice of words anywhere in the text, which each of its bytes is looked at for.
REFERENCE = rb"\b(?:alpha|beta|gamma)[0-9]"
#: What it is run on: words that it begins to match and then does not.
REFERENCE_TEXT = b"alpha beta gamma delta "
# Growth counts from here on, in times of the usual pattern: what is cheaper at 64 KiB harms nobody.
_CHEAP = 2.0
# So many of the subjects that are slowest on SCREENED bytes are run on SMALL ones: what grows is not slow yet.
_CANDIDATES = 24
# So many of these are followed: half of them the slowest, half those that grow into the slowest.
_FINALISTS = 6
# A subject is not followed when the cost that its growth promises for LARGE is so many times below ``_CHEAP``.
_SAFETY = 4.0
# From SCREENED to SMALL a subject becomes eight times longer, from SMALL to LARGE sixteen times: 8 ** (4 / 3).
_PROMISE = 4 / 3
# Nanoseconds: what takes longer is measured once.
_LONG = 20_000_000
# What costs so many times the usual pattern costs too much on the slowest machine, too.
_HOPELESS = 3 * MOST_TIMES
# So often is measured again what seems too slow.
_AGAIN = 5
_VERSION = 7

Verdict = Literal["fine", "grows", "dear", "limit"]


class Cost(NamedTuple):
    """What a pattern costs at worst.

    Attributes:
        verdict: ``limit`` when a subject makes the library give up; ``grows`` when 64 KiB cost more than
            ``MOST_GROWTH`` times 16 KiB; ``dear`` when a
            subject costs more than ``MOST_TIMES`` times what it costs the usual pattern; else ``fine``.
        milliseconds: processor time of the worst subject, on the machine that measured it.
        size: bytes of that subject.
        growth: times of a subject four times shorter.
        times: times of the usual pattern.
        lead: how the worst subject begins (at most 60 bytes).
    """

    verdict: Verdict
    milliseconds: float
    size: int
    growth: float
    times: float
    lead: bytes


def cost_findings(ruleset: Ruleset, paths: Container[str] | None = None) -> Iterator[Finding]:
    """What is said of the PCRE2 patterns of a ruleset, at the rule or decoder that has them.

    Args:
        ruleset: the ruleset.
        paths: only rules and decoders of these files; of all when absent.
    """
    users: dict[bytes, list[RuleDefinition | DecoderDefinition]] = {}
    for user, source in _patterns(ruleset):
        if paths is None or user.path in paths:
            users.setdefault(source, []).append(user)
    for source, cost in costs(users).items():
        if cost.verdict == "fine":
            continue
        for user in users[source]:
            yield _finding(user, cost)


def _patterns(ruleset: Ruleset) -> Iterator[tuple[RuleDefinition | DecoderDefinition, bytes]]:
    for rule in ruleset.tree.ordered:
        definition = rule.definition
        for test in (*definition.texts.values(), *definition.fields):
            if test.kind == "pcre2":
                yield definition, test.source
    for decoder in ruleset.decoders.decoders:
        for pattern in (decoder.definition.program_name, decoder.definition.prematch, decoder.definition.regex):
            if pattern is not None and pattern.kind == "pcre2":
                yield decoder.definition, pattern.source


def _finding(user: RuleDefinition | DecoderDefinition, cost: Cost) -> Finding:
    number = getattr(user, "id", 0)
    who = f"rule {number}" if number else f"decoder '{getattr(user, 'declared', '')}'"
    begins = cost.lead.decode("latin-1").encode("unicode_escape").decode("ascii")
    if cost.verdict == "limit":
        text = f"{who}: {cost.size} bytes like '{begins}…' reach the limit of PCRE2: the pattern then matches nothing"
        code, severity = "X820", Severity.ERROR
    elif cost.verdict == "dear":
        text = (
            f"{who}: {cost.size} bytes like '{begins}…' cost {cost.times:.0f} times as much as a usual pattern "
            f"({cost.milliseconds:.1f} ms here)"
        )
        code, severity = "X821", Severity.WARNING
    else:
        text = f"{who}: four times as many bytes like '{begins}…' cost {cost.growth:.1f} times as much"
        code, severity = "X822", Severity.WARNING
    fix = "bound or anchor the repeated parts, make them possessive ('[^/]*+'), or test one word at a time"
    return Finding(
        user.path, user.line, user.column, code, text, fix, severity=severity, rule=str(number) if number else ""
    )


class _Limit(Exception):  # noqa: N818 - not an error: a way out
    """The library gave up."""


def costs(sources: Iterable[bytes]) -> dict[bytes, Cost]:
    """What each pattern costs; patterns that the library refuses are left out.

    Measured once for a pattern: later runs read it from a cache.
    """
    kept = _Kept()
    found: dict[bytes, Cost] = {}
    for source in dict.fromkeys(sources):
        known = kept.cost(source)
        if known is None:
            interpreter = perl.interpreter(source)
            if interpreter is None:
                continue
            known = kept.add(source, measure(source, interpreter))
        found[source] = known
    kept.save()
    return found


def measure(source: bytes, interpreter: Callable[[bytes], object]) -> Cost:
    """What a pattern costs on the subjects made from it.

    Args:
        source: the pattern.
        interpreter: runs it without machine code; raises ``perl.LimitError`` over the library's limit.
    """
    worst = Cost("fine", 0.0, SCREENED, 1.0, 0.0, b"")
    try:
        for pump, spent in _finalists(interpreter, pumped.pumps(source)):
            cost = _followed(interpreter, pump, spent)
            worst = max(worst, cost, key=lambda one: (_ORDER[one.verdict], one.times))
            if cost.verdict != "fine":
                break  # one way to harm is enough
    except _Limit as limit:
        subject: bytes = limit.args[0]
        return Cost("limit", 0.0, len(subject), 0.0, 0.0, subject[:60])
    return worst


_ORDER: Mapping[Verdict, int] = {"fine": 0, "grows": 1, "dear": 2, "limit": 3}


class _Screened(NamedTuple):
    """A subject that was run on few bytes: its cost on SMALL ones, and what its growth promises for LARGE ones."""

    spent: int
    promised: float
    pump: Pump


def _finalists(interpreter: Callable[[bytes], object], pumps: Iterable[Pump]) -> list[tuple[Pump, int]]:
    """The subjects that are worth following, and what SMALL bytes of each cost in nanoseconds; the worst first."""
    subjects = {pump.subject(SCREENED): pump for pump in pumps}
    timed = [(_time(interpreter, subject, runs=1), pump) for subject, pump in subjects.items()]
    screened = []
    for before, pump in sorted(timed, reverse=True)[:_CANDIDATES]:
        spent = _time(interpreter, pump.subject(SMALL), runs=1)
        screened.append(_Screened(spent, spent * (spent / before) ** _PROMISE, pump))
    telling = _CHEAP * _reference(LARGE) / _SAFETY
    slow = sorted(screened, reverse=True)[: _FINALISTS // 2]
    growing = sorted(screened, key=lambda one: one.promised, reverse=True)[:_FINALISTS]
    chosen = [one for one in dict.fromkeys((*slow, *growing)) if one.promised > telling][:_FINALISTS]
    return [(one.pump, one.spent) for one in sorted(chosen, key=lambda one: one.promised, reverse=True)]


def _followed(interpreter: Callable[[bytes], object], pump: Pump, spent: int) -> Cost:
    """Follow one subject to 64 KiB, or to the size at which it costs too much.

    A first run says whether anything is wrong. Only what seems wrong is measured with care.
    """
    before, cost = 0, Cost("fine", 0.0, SMALL, 1.0, 0.0, b"")
    for size in (SMALL, MIDDLE, LARGE):
        subject = pump.subject(size)
        if size != SMALL:
            spent = _time(interpreter, subject, runs=1)
        usual = _reference(size)
        if spent / usual > MOST_TIMES:
            spent, usual = _compared(interpreter, subject, size, spent)
        times = spent / usual
        verdict: Verdict = "dear" if times > MOST_TIMES else "fine"
        if size == LARGE and verdict == "fine" and times > _CHEAP:
            before = min(before, _time(interpreter, pump.subject(MIDDLE)))
            again = _AGAIN
            while again and spent > MOST_GROWTH * before:
                # A busy machine has slow moments: both are run in the same ones, and the least of each counts.
                spent = min(spent, _time(interpreter, subject, runs=1))
                before = min(before, _time(interpreter, pump.subject(MIDDLE), runs=1))
                again -= 1
            if spent > MOST_GROWTH * before and spent > _CHEAP * usual:
                verdict = "grows"
        growth = spent / before if before else 1.0
        cost = Cost(verdict, round(spent / 1e6, 3), size, round(growth, 1), round(spent / usual, 1), subject[:60])
        if verdict != "fine":
            break
        before = spent
    return cost


def _compared(interpreter: Callable[[bytes], object], subject: bytes, size: int, spent: int) -> tuple[int, int]:
    """Nanoseconds of the subject and of the usual pattern, run in turn on a machine that may be busy.

    The least of each counts: another program's work can slow a run down, but nothing makes it faster. Ends as soon as
    the subject is found to cost little enough, and early when no slow moment could explain its cost.
    """
    usual = _measured_reference(size)
    for turn in range(_AGAIN):
        spent = min(spent, _time(interpreter, subject, runs=1))
        usual = min(usual, _measured_reference(size))
        if spent <= MOST_TIMES * usual or (turn and spent > _HOPELESS * usual):
            break
    return spent, usual


def _time(interpreter: Callable[[bytes], object], subject: bytes, *, runs: int = 3) -> int:
    """Processor time of this thread in nanoseconds: the least of a few runs, of one when it takes long; never 0."""
    best = 0
    for _ in range(runs):
        begin = thread_time_ns()
        try:
            interpreter(subject)
        except perl.LimitError:
            raise _Limit(subject) from None
        spent = max(1, thread_time_ns() - begin)
        best = min(best, spent) if best else spent
        if spent > _LONG:
            break
    return best


@lru_cache(maxsize=8)
def _reference(size: int) -> int:
    """Nanoseconds that the usual pattern takes for so many bytes, measured once: good enough to screen with."""
    return min(_measured_reference(size) for _ in range(_AGAIN))


def _measured_reference(size: int) -> int:
    """Nanoseconds that the usual pattern takes for so many bytes on this machine, now."""
    usual = perl.interpreter(REFERENCE)
    if usual is None:
        raise UsageError("PCRE2 refuses a plain pattern: reinstall the Python package pcre2")
    return _time(usual, REFERENCE_TEXT * (size // len(REFERENCE_TEXT)))


class _Kept:
    """Costs measured before."""

    def __init__(self) -> None:
        identity = dumps([_VERSION, MOST_GROWTH, MOST_TIMES, perl.library_version()])
        self._path = caches.cache_folder("costs") / sha256(identity.encode()).hexdigest()[:32]
        self._costs: dict[str, list[object]] = {}
        self._changed = False
        data = caches.read(self._path)
        if data is not None:
            try:
                self._costs = loads(data)
            except (JSONDecodeError, UnicodeDecodeError):
                self._costs = {}

    def cost(self, source: bytes) -> Cost | None:
        """The cost of a pattern, when it was measured before."""
        known = self._costs.get(sha256(source).hexdigest())
        if known is None:
            return None
        verdict, milliseconds, size, growth, times, lead = known
        return Cost(verdict, milliseconds, size, growth, times, str(lead).encode("latin-1"))  # type: ignore[arg-type]

    def add(self, source: bytes, cost: Cost) -> Cost:
        """Remember a cost."""
        self._costs[sha256(source).hexdigest()] = [*cost[:5], cost.lead.decode("latin-1")]
        self._changed = True
        return cost

    def save(self) -> None:
        """Write what is new."""
        if self._changed:
            caches.write(self._path, dumps(self._costs).encode(), kept=2)
