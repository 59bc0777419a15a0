"""Values of untrusted JSON, checked: objects, lists, severities, numbers and times."""

import re
import time
from typing import Any, Dict, Iterable, List, Optional, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.text import FIELD_CHARS, clean

DAY = 86400
HOUR = 3600
SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
RANK = {name: rank for rank, name in enumerate(SEVERITIES)}


def as_dict(value: object, what: str = "") -> Dict[str, Any]:
    """Return an object; null and absence are an empty one, anything else makes the report bad."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ScanError("bad_report", what + " is not an object")
    return value


def object_of(value: object, what: str) -> Dict[str, Any]:
    """Return an object; anything else, null included, makes the report bad."""
    if not isinstance(value, dict):
        raise ScanError("bad_report", what + " is not an object")
    return value


def as_list(value: object, what: str = "") -> List[Any]:
    """Return a list; null and absence are an empty one, anything else makes the report bad."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ScanError("bad_report", what + " is not a list")
    return value


def list_in(owner: Dict[str, Any], key: str) -> List[Any]:
    """Return the list under a key; absence is an empty one, null or anything else makes the report bad.

    For lists of findings: the tools leave an empty one out or write it, so that a null is none of theirs.
    """
    if key not in owner:
        return []
    found = owner[key]
    if not isinstance(found, list):
        raise ScanError("bad_report", key + " is not a list")
    return found


def texts_in(owner: Dict[str, Any], key: str) -> List[str]:
    """Return the list of texts under a key; null and absence are an empty one, anything else makes the report bad."""
    found = as_list(owner.get(key), key)
    if not all(isinstance(item, str) for item in found):
        raise ScanError("bad_report", key + " holds something that is not a text")
    return found


def text_in(owner: Dict[str, Any], key: str) -> str:
    """Return the text under a key; null and absence are an empty one, anything else makes the report bad."""
    found = owner.get(key)
    if found is not None and not isinstance(found, str):
        raise ScanError("bad_report", key + " is not a text")
    return found or ""


def strangers(owner: Dict[str, Any], known: Iterable[str], where: str) -> Tuple[str, ...]:
    """Say which parts of an object this version does not know: a list or object there may hold findings."""
    found = sorted(key for key in set(owner) - set(known) if isinstance(owner[key], (list, dict)))
    return tuple("%s holds '%s', which this version does not know" % (where, clean(key, 40)) for key in found)


def text_of(value: object, limit: int = FIELD_CHARS) -> str:
    """Return a text made harmless, and nothing for anything else: a number is no name."""
    return clean(value, limit) if isinstance(value, str) else ""


def as_texts(value: object) -> List[str]:
    """Return the strings of a list, and nothing for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def as_severity(value: object) -> str:
    """Map a scanner's word for a severity to Trivy's five."""
    word = value.upper() if isinstance(value, str) else ""
    return {"NEGLIGIBLE": "LOW", "INFO": "LOW", "NOTE": "LOW"}.get(word, word if word in RANK else "UNKNOWN")


def severity_of(word: object, scores: Iterable[object] = (), unrated: Iterable[str] = ("UNKNOWN",)) -> str:
    """Rate a finding by its word, and where that says "not rated" by the highest CVSS score; UNKNOWN: not rated.

    Args:
        word: what the report says; for one that nobody knows, or no text at all, no score may stand in.
        scores: CVSS base scores, of any type; only numbers above 0, up to 10, are ratings.
        unrated: the words, in capitals, that say "not rated".
    """
    severity = as_severity(word)
    if severity != "UNKNOWN" or not isinstance(word, str) or word.upper() not in unrated:
        return severity
    rated = [number for number in map(as_number, scores) if number is not None and 0 < number <= 10]
    return score_severity(max(rated)) if rated else "UNKNOWN"


def score_severity(score: float) -> str:
    """Name a CVSS base score as the standard does."""
    return "CRITICAL" if score >= 9 else "HIGH" if score >= 7 else "MEDIUM" if score >= 4 else "LOW"


def as_number(value: object) -> Optional[float]:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None


_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?(?: UTC)?)?\Z"
)


def as_epoch(value: object) -> Optional[int]:
    """Return the seconds since 1970 of an RFC 3339 time or date (fractions are dropped), or None.

    Nothing may stand after it, except the zone's name, as Go's databases write it.
    """
    match = isinstance(value, str) and _TIME.match(value)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 61):
        return None
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _MONTH_DAYS[month - 1] + leap:
        return None
    zone = match.group(7) or "Z"
    offset = 0
    if zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-60 if zone[0] == "-" else 60)
    return _day_number(year, month, day) * DAY + hour * HOUR + minute * 60 + second - offset


def _day_number(year: int, month: int, day: int) -> int:
    """Count the days since 1970-01-01: years that begin in March have their odd day at the end."""
    year -= month <= 2
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719468


def as_day(value: object) -> Optional[int]:
    """Return the seconds since 1970 at which ``2026-01-31`` begins; None for anything else, longer texts included."""
    return as_epoch(value) if isinstance(value, str) and len(value) == len("2026-01-31") else None


CLOCK_SKEW = 10 * 60  # seconds by which another machine's clock may be ahead of ours


def age_doubt(when: Optional[int], now: float, hours: int) -> str:
    """Say why data of a time do not prove what is true now; empty when they do.

    Args:
        when: seconds since 1970; None or 0: not known.
        now: seconds since 1970.
        hours: how old data may be.
    """
    if not when:
        return "their age is not known"
    if when > now + CLOCK_SKEW:
        return "they are dated in the future, %s" % day_of(when)
    if now - when > hours * HOUR:
        return "they are %d hours old, the limit is %d" % ((now - when) // HOUR, hours)
    return ""


_DAYS: Dict[int, str] = {}


def day_of(epoch: float) -> str:
    """``2026-01-31``."""
    day = int(epoch // DAY)
    if day not in _DAYS:
        _DAYS[day] = time.strftime("%Y-%m-%d", time.gmtime(day * DAY))
    return _DAYS[day]
