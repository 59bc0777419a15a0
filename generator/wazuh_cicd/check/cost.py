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

#: The sizes of the subjects in bytes: what screens, what is compared (and the longest event).
SCREENED, SMALL, MIDDLE, LARGE = 512, 4096, 16384, 65536
#: 64 KiB may cost so many times what 16 KiB cost.
MOST_GROWTH = 6.0
#: So many times what the usual pattern costs on as long a subject.
MOST_TIMES = 20.0
#: A usual pattern: a choice of words anywhere in the text, which each of its bytes is looked at for.
REFERENCE = rb"\b(?:alpha|beta|gamma)[0-9]"
#: What it is run on: words that it begins to match and then does not.
REFERENCE_TEXT = b"alpha beta gamma delta "
# Growth counts from here on, in times of the usual pattern: what is cheaper at 64 KiB harms nobody.
_CHEAP = 2.0
_FINALISTS = 4
# Nanoseconds: what takes longer is measured once.
_LONG = 20_000_000
# So often is measured again what seems too slow.
_AGAIN = 4
_VERSION = 3

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
    made = pumped.pumps(source)
    worst = Cost("fine", 0.0, SCREENED, 1.0, 0.0, b"")
    try:
        timed = [(_time(interpreter, pump.subject(SCREENED), runs=1), pump) for pump in made]
        for _, pump in sorted(timed, reverse=True)[:_FINALISTS]:
            cost = _followed(interpreter, pump)
            worst = max(worst, cost, key=lambda one: (_ORDER[one.verdict], one.times))
            if cost.verdict != "fine":
                break  # one way to harm is enough
    except _Limit as limit:
        subject: bytes = limit.args[0]
        return Cost("limit", 0.0, len(subject), 0.0, 0.0, subject[:60])
    return worst


_ORDER: Mapping[Verdict, int] = {"fine": 0, "grows": 1, "dear": 2, "limit": 3}


def _followed(interpreter: Callable[[bytes], object], pump: Pump) -> Cost:
    """Follow one subject to 64 KiB, or to the size at which it costs too much."""
    before, cost = 0, Cost("fine", 0.0, SMALL, 1.0, 0.0, b"")
    for size in (SMALL, MIDDLE, LARGE):
        subject = pump.subject(size)
        spent = _time(interpreter, subject)
        for _ in range(_AGAIN):
            growth = spent / before if before else 1.0
            times = spent / _reference(size)
            if spent > _LONG or (times <= MOST_TIMES and growth <= MOST_GROWTH):
                break
            spent = min(spent, _time(interpreter, subject))  # a busy machine has slow moments
        growth = spent / before if before else 1.0
        times = spent / _reference(size)
        verdict: Verdict = "fine"
        if times > MOST_TIMES:
            verdict = "dear"
        elif growth > MOST_GROWTH and times > _CHEAP and size == LARGE:
            verdict = "grows"
        cost = Cost(verdict, round(spent / 1e6, 3), size, round(growth, 1), round(times, 1), subject[:60])
        if verdict != "fine":
            break
        before = spent
    return cost


def _time(interpreter: Callable[[bytes], object], subject: bytes, *, runs: int = 3) -> int:
    """Processor time in nanoseconds: the least of a few runs, of one when it takes long."""
    best = 0
    for _ in range(runs):
        begin = thread_time_ns()
        try:
            interpreter(subject)
        except perl.LimitError:
            raise _Limit(subject) from None
        spent = thread_time_ns() - begin
        best = min(best, spent) if best else spent
        if spent > _LONG:
            break
    return best


@lru_cache(maxsize=8)
def _reference(size: int) -> int:
    """Nanoseconds that the usual pattern takes for so many bytes on this machine, now."""
    usual = perl.interpreter(REFERENCE)
    if usual is None:
        raise UsageError("PCRE2 refuses a plain pattern: reinstall the Python package pcre2")
    subject = REFERENCE_TEXT * (size // len(REFERENCE_TEXT))
    return max(1, min(_time(usual, subject) for _ in range(5)))


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
