"""Exceptions, and the time in which a vulnerability must be gone."""

import fnmatch
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from wodles.scan.reports import Finding
from wodles.scan.text import clean
from wodles.scan.values import DAY, as_day

EXCEPTION_DAYS = 90


class Waiver(NamedTuple):
    """An exception: who takes the risk of which findings, why, and until when (seconds since 1970)."""

    id: str
    package: str
    artifact: str
    owner: str
    reason: str
    expires: int

    def covers(self, finding: Finding, artifact: str) -> bool:
        """Say whether it is about this finding, expired or not."""
        return (
            self.id in _names_of(finding)
            and fnmatch.fnmatchcase(finding.package, self.package or "*")
            and fnmatch.fnmatchcase(artifact, self.artifact or "*")
        )


# Databases that give each vulnerability an id of its own; a vendor's advisory is about several.
_ONE_EACH = re.compile(r"(?:CVE|GHSA|PYSEC|RUSTSEC|GO|OSV|MAL)-|[A-Z]+-CVE-")


def _names_of(finding: Finding) -> Tuple[str, ...]:
    """Return the ids that mean this finding and no other one beside it."""
    names = (finding.id,) + finding.aliases
    if len([name for name in names if name.startswith("CVE-")]) > 1:
        return (finding.id,)
    return (finding.id,) + tuple(alias for alias in finding.aliases if _ONE_EACH.match(alias))


def check_exceptions(entries: object, now: float) -> Tuple[List[Waiver], List[str]]:
    """Read exceptions. One that lacks something, or lasts longer than 90 days, is refused with its reason.

    Args:
        entries: a list of ``{id, package?, artifact?, owner, reason, granted, expires}``, dates as ``2026-01-31``.
        now: seconds since 1970.
    """
    waivers: List[Waiver] = []
    refused: List[str] = []
    if not isinstance(entries, list):
        return [], ["the exceptions are not a list"]
    for number, entry in enumerate(entries, 1):
        where = "exception %d" % number
        if not isinstance(entry, dict):
            refused.append(where + " is not an object")
            continue
        problem, waiver = _check_entry(entry, now)
        if waiver is None:
            refused.append(where + " " + problem)
        else:
            waivers.append(waiver)
    return waivers, refused


_TEXTS = ("id", "package", "artifact", "owner", "reason")
# A word; of scripts that put no blanks between words (Chinese, Japanese, Thai), two characters.
_WORD = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{2}|[^\\W\\d_]{2,}")
# What stands where nobody wanted to name somebody, or to say why.
_EMPTY_WORDS = frozenset((
    "na", "none", "null", "nil", "nobody", "unknown", "todo", "tbd", "tba", "fixme", "xx", "xxx", "test", "foo", "bar",
    "any", "all", "no", "nothing", "reason", "owner", "because",
))  # fmt: skip


def _check_entry(entry: Dict[str, Any], now: float) -> Tuple[str, Optional[Waiver]]:
    """Return what is wrong with an exception, or the exception."""
    unknown = sorted(str(key) for key in set(entry) - set(_TEXTS) - {"granted", "expires"})
    texts = {key: clean(entry.get(key), 200) for key in _TEXTS}
    granted, expires = as_day(entry.get("granted")), as_day(entry.get("expires"))
    if unknown:
        return "has the unknown key " + clean(unknown[0], 40), None
    if any(not isinstance(entry.get(key, ""), str) for key in _TEXTS):
        return "has a value that is not a text", None
    if not (texts["id"] and texts["owner"] and texts["reason"]):
        return "lacks id, owner or reason", None
    if re.search(r"[*?\[\]\s]", texts["id"]):
        return "must name one finding: its id is a pattern", None
    if not _says_something(texts["owner"], 1) or not _says_something(texts["reason"], 2):
        return "needs an owner, and a reason of at least two words", None
    if granted is None or expires is None or expires < granted:
        return "lacks the dates granted and expires", None
    if expires - granted > EXCEPTION_DAYS * DAY or granted > now + DAY:
        return "lasts longer than %d days, or starts in the future" % EXCEPTION_DAYS, None
    return "", Waiver(expires=expires + DAY, **texts)


def _says_something(text: str, words: int) -> bool:
    return len([word for word in _WORD.findall(text) if word.lower() not in _EMPTY_WORDS]) >= words


def find_waiver(waivers: Iterable[Waiver], finding: Finding, artifact: str) -> Optional[Waiver]:
    """Return the exception about a finding, the one that lasts longest."""
    about = [w for w in waivers if w.covers(finding, artifact)]
    return max(about, key=lambda w: w.expires) if about else None


def sla_days(finding_severity: str, threat: str, days: Dict[str, int]) -> Optional[int]:
    """Return how many days a vulnerability may stay open; None without a limit."""
    limit = days.get(finding_severity)
    if threat in ("kev", "malware") and "KEV" in days:
        return days["KEV"] if limit is None else min(limit, days["KEV"])
    return limit


def sla_due(severity: str, threat: str, first_seen: int, fix_since: int, days: Dict[str, int]) -> Optional[int]:
    """Return when a vulnerability must be gone: counted from max(first seen, fix available); None without a fix."""
    limit = sla_days(severity, threat, days)
    return None if limit is None or not fix_since else max(first_seen, fix_since) + limit * DAY
