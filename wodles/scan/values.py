"""Values of untrusted JSON, checked: objects, lists, severities, numbers and times."""

import re
import time
from typing import Any, Dict, List, Optional

from wodles.scan.errors import ScanError

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


def as_list(value: object, what: str = "") -> List[Any]:
    """Return a list; null and absence are an empty one, anything else makes the report bad."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ScanError("bad_report", what + " is not a list")
    return value


def as_texts(value: object) -> List[str]:
    """Return the strings of a list, and nothing for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def as_severity(value: object) -> str:
    """Map a scanner's word for a severity to Trivy's five."""
    word = value.upper() if isinstance(value, str) else ""
    return {"NEGLIGIBLE": "LOW", "INFO": "LOW", "NOTE": "LOW"}.get(word, word if word in RANK else "UNKNOWN")


def as_number(value: object) -> Optional[float]:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None


def as_epoch(value: object) -> Optional[int]:
    """Return the seconds since 1970 of an RFC 3339 time or date (fractions are dropped), or None."""
    match = isinstance(value, str) and re.match(
        r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?", value
    )
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
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


_DAYS: Dict[int, str] = {}


def day_of(epoch: float) -> str:
    """``2026-01-31``."""
    day = int(epoch // DAY)
    if day not in _DAYS:
        _DAYS[day] = time.strftime("%Y-%m-%d", time.gmtime(day * DAY))
    return _DAYS[day]
