"""The gate's decisions as a developer acts on them: a package is one thing to upgrade, however many findings it has."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.gate.policy import SEVERITIES
from wazuh_cicd.report.versions import order
from wodles.scan.sla import EXCEPTION_DAYS
from wodles.scan.values import DAY, day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.gate.judge import Decision, Verdict
    from wazuh_cicd.gate.scans import Scan

_RANK = {"fail": 0, "warn": 1, "hidden": 2, "excused": 3}
# Up to so many ids stand in the table itself; more are counted there, and all of them stand below it.
_NAMED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What is shown as one line: a package with all findings of it that fail or warn, or one other finding."""

    scan: Scan
    result: str
    decisions: tuple[Decision, ...]

    @property
    def is_package(self) -> bool:
        """Whether an upgrade can clear it."""
        return self.decisions[0].issue.kind == "vulnerability"

    @property
    def subject(self) -> str:
        """The package and its version, or the finding's id and title."""
        issue = self.decisions[0].issue
        if self.is_package:
            return " ".join(filter(None, (issue.package, issue.version))) or issue.id
        named = f"{issue.package} {issue.version}" if issue.kind == "license" else issue.title or issue.package
        return " ".join(f"{issue.id} {named}".split())

    @property
    def places(self) -> str:
        """Where it is: paths and lines as the scanner names them, whole."""
        places = (f"{d.issue.target}:{d.issue.lines}" if d.issue.lines else d.issue.target for d in self.decisions)
        return ", ".join(dict.fromkeys(place or self.scan.artifact for place in places))

    @property
    def findings(self) -> str:
        """How many of which severity; few of them by name."""
        issues = [d.issue for d in self.decisions]
        if not self.is_package:
            return issues[0].severity
        if len(issues) <= _NAMED:
            return ", ".join(f"{issue.severity} {issue.id}" for issue in issues)
        counts = {severity: sum(i.severity == severity for i in issues) for severity in reversed(SEVERITIES)}
        return ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)

    @property
    def why(self) -> str:
        """What the policy says about what decides the line's result, each reason once."""
        return "; ".join(dict.fromkeys(d.why for d in self.decisions if d.result == self.result))

    @property
    def upgrade(self) -> str:
        """The earliest known version in which every finding that has a fix is fixed, and what has none."""
        if not self.is_package:
            return "-"
        issues = [d.issue for d in self.decisions]
        if any(issue.threat == "malware" for issue in issues):
            return "remove it"
        fixes = [tuple(filter(None, map(str.strip, i.fixed.split(",")))) for i in issues if i.fixed]
        purl = issues[0].raw.purl
        kind = purl[len("pkg:") :].partition("/")[0] if purl.startswith("pkg:") else ""
        parts = [clearing(kind, issues[0].version, fixes)] if fixes else []
        for state, text in (("unfixed", "no fix yet"), ("", "not said")):
            left = [i.id for i in issues if not i.fixed and (i.fix_state == "unfixed") == (state == "unfixed")]
            if left:
                parts.append(text if len(left) == len(issues) else f"{text}: {', '.join(left)}")
        return "; ".join(parts)

    @property
    def age(self) -> str:
        """For how long the oldest of its fixes has been out, as far as the scanner gives dates."""
        ages = [age for d in self.decisions if (age := fix_age(d)) is not None]
        return days(max(ages)) if ages else "-"


def days(count: int) -> str:
    """A number of days in words."""
    return f"{count} day" + ("" if count == 1 else "s")


def fix_age(decision: Decision) -> int | None:
    """Days since the fix came out; None when that is not said, or is a date to come."""
    date = decision.issue.fix_date
    now = int(time.time())
    return (now - date) // DAY if date and date <= now else None


def rows(verdict: Verdict) -> list[Row]:
    """What does not plainly pass, the worst first; hidden and excused findings stay apart from those that count."""
    found: dict[tuple[object, ...], list[Decision]] = {}
    for number, decision in enumerate(verdict.decisions):
        if decision.result == "pass":
            continue
        issue, counts = decision.issue, decision.result in ("fail", "warn")
        key: tuple[object, ...] = (number,)
        if issue.kind == "vulnerability" and counts:
            key = (id(decision.scan), issue.raw.purl.partition("/")[0], issue.package, issue.version)
        found.setdefault(key, []).append(decision)
    made = []
    for group in found.values():
        severe = sorted(group, key=lambda d: (_RANK[d.result], -_severity(d), d.issue.id))
        made.append(Row(group[0].scan, severe[0].result, tuple(severe)))
    return sorted(made, key=lambda row: (_RANK[row.result], -max(_severity(d) for d in row.decisions)))


def _severity(decision: Decision) -> int:
    return SEVERITIES.index(decision.issue.severity)


def clearing(kind: str, installed: str, fixes: Sequence[Sequence[str]]) -> str:
    """The version that clears all findings.

    Args:
        kind: the type of the package URL.
        installed: the version that is there.
        fixes: for each finding the versions that fix it, one for each line of releases that is cared for.

    Returns:
        The earliest that is later than the installed one and fixes every finding; where the order of versions is not
        sure, all of them, joined by "and".
    """
    every = list(dict.fromkeys(version for versions in fixes for version in versions))
    if len(every) == 1:
        return every[0]
    later = [version for version in every if (order(kind, version, installed) or 0) > 0]
    clears = [v for v in later if all(_fixes(kind, v, versions) for versions in fixes)]
    for candidate in clears:
        if all((order(kind, candidate, other) or 0) <= 0 for other in clears):
            return candidate
    return " and ".join(" or ".join(versions) for versions in dict.fromkeys(map(tuple, fixes)))


def _fixes(kind: str, version: str, fixed_in: Sequence[str]) -> bool:
    """Whether a version has the fix: it is not earlier than the fix of its own line of releases."""
    orders = [order(kind, version, fixed) for fixed in fixed_in]
    shared = [_shared(version, fixed) for fixed in fixed_in]
    own = [found for found, common in zip(orders, shared, strict=True) if common == max(shared)]
    return None not in orders and all(found is not None and found >= 0 for found in own)


def _shared(one: str, other: str) -> int:
    """How many parts of two versions are the same, from the first on."""
    count = 0
    for left, right in zip(one.split("."), other.split("."), strict=False):
        if left != right:
            break
        count += 1
    return count


def exception_for(decision: Decision) -> str:
    """The entry that the policy's ``exceptions`` would need; it is refused until a person adds owner and reason."""
    now = int(time.time())
    issue = decision.issue
    fields = [("id", issue.id), *([("package", issue.package)] if issue.kind == "vulnerability" else [])]
    quoted = [f"{name}: {json.dumps(text)}" for name, text in fields]
    dates = f"granted: {day_of(now)}, expires: {day_of(now + EXCEPTION_DAYS * DAY)}"
    return "- {" + ", ".join([*quoted, 'owner: "", reason: ""', dates]) + "}"


def link(decision: Decision) -> str:
    """The address of the advisory; empty when the report names none that a browser should open."""
    url = decision.issue.url
    good = url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url
    return url if good and not set(url) & set("<>\"'`\\") else ""
