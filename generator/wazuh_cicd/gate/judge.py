"""Findings held against a policy: what fails, what warns, and why, in words for the developer who has to act."""

from __future__ import annotations

import fnmatch
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate.policy import SEVERITIES
from wodles.scan.sla import check_exceptions, find_waiver, sla_due
from wodles.scan.values import DAY, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wazuh_cicd.gate.policy import Policy
    from wazuh_cicd.gate.scans import Issue, Scan

PASS, POLICY, SCANNER, SUPPLY_CHAIN = 0, 10, 20, 30
_THREAT_TEXTS = {
    "malware": "malicious package",
    "kev": "exploited in the wild (KEV)",
    "epss": "exploit is likely (EPSS 0.5 or more)",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says about one finding: ``fail``, ``warn``, ``excused``, ``hidden`` or ``pass``, and why."""

    scan: Scan
    issue: Issue
    result: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer about everything it was given."""

    policy: Policy
    scans: tuple[Scan, ...]
    decisions: tuple[Decision, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Decision, ...]:
        """The findings that fail."""
        return tuple(d for d in self.decisions if d.result == "fail")

    @property
    def code(self) -> int:
        """The exit code. A scanner's failure comes first: after it, nothing else that was found can be trusted."""
        areas = {problem.area for scan in self.scans for problem in scan.problems}
        if "scanner" in areas or not self.scans:
            return SCANNER
        if "supply-chain" in areas:
            return SUPPLY_CHAIN
        return POLICY if self.failed else PASS

    def count(self, result: str) -> int:
        """Count decisions of one result."""
        return sum(d.result == result for d in self.decisions)


class Judge:
    """Applies one policy.

    ``history`` maps a vulnerability in a package, whatever the artifact is called, to when it was first seen (seconds
    since 1970); it is extended with what is new.
    """

    def __init__(self, policy: Policy, history: dict[str, int] | None = None, now: float | None = None) -> None:
        """Check the policy's exceptions; raises ``UsageError`` when one of them lacks something."""
        self.policy = policy
        self.history = history
        self.now = int(time.time() if now is None else now)
        self._waivers, refused = check_exceptions([dict(e) for e in policy.exceptions], self.now)
        if refused:
            raise UsageError("; ".join(refused))

    def verdict(self, scans: Sequence[Scan]) -> Verdict:
        """Judge every finding of every scan."""
        decisions = [self.decide(scan, issue) for scan in scans for issue in scan.issues]
        rank = {"fail": 0, "warn": 1, "hidden": 2, "excused": 3, "pass": 4}
        unused = [
            f"the exception for {waiver.id} (owner {waiver.owner}) is about nothing that was found: remove it"
            for waiver in self._waivers
            if not any(waiver.covers(decision.issue.raw, decision.scan.artifact) for decision in decisions)
        ]
        ordered = tuple(sorted(decisions, key=lambda d: rank[d.result]))
        return Verdict(self.policy, tuple(scans), ordered, tuple(unused))

    def decide(self, scan: Scan, issue: Issue) -> Decision:
        """Judge one finding."""
        result, why = self._by_kind(issue)
        if issue.hidden:
            result, why = self._hidden(issue, result, why)
        waiver = find_waiver(self._waivers, issue.raw, scan.artifact)
        if waiver is not None:
            until = day_of(waiver.expires - DAY)
            if waiver.expires <= self.now:
                return Decision(scan, issue, "fail", f"its exception expired on {until} (owner {waiver.owner})")
            if result in ("fail", "warn"):
                return Decision(scan, issue, "excused", f"exception until {until} by {waiver.owner}: {waiver.reason}")
        return Decision(scan, issue, result, why)

    def _hidden(self, issue: Issue, result: str, why: str) -> tuple[str, str]:
        """Judge what the report itself hides: shown in any case, and as if nothing hid it where the policy says so."""
        if self.policy.hidden == "fail":
            return result, f"{why}; the report hides it ({issue.hidden}), which the policy does not accept"
        shown = "hidden" if self.policy.hidden == "warn" else "pass"
        return shown, f"the report hides it ({issue.hidden})"

    def _by_kind(self, issue: Issue) -> tuple[str, str]:
        policy = self.policy
        if issue.kind == "vulnerability":
            return self._vulnerability(issue)
        if issue.kind == "end-of-life":
            return (
                "fail",
                "the operating system is past its end of life: nobody fixes it any more, build on a newer one",
            )
        if issue.kind == "secret":
            return self._threshold(
                issue, policy.secrets, "secret: remove it, and revoke it, because copies of it remain"
            )
        if issue.kind == "misconfiguration":
            mend = issue.fixed or f"misconfiguration of severity {issue.severity}"
            return self._threshold(issue, policy.misconfiguration, mend)
        if any(fnmatch.fnmatchcase(issue.id, pattern) for pattern in policy.licenses):
            return "fail", "licence is forbidden by the policy"
        return self._threshold(issue, policy.license_severity, f"licence of severity {issue.severity}")

    def _threshold(self, issue: Issue, threshold: str, why: str) -> tuple[str, str]:
        return ("fail", why) if _reaches(issue.severity, threshold) else ("pass", "below the policy's threshold")

    def _vulnerability(self, issue: Issue) -> tuple[str, str]:
        policy = self.policy
        first = self._first_seen(issue)
        due = self._due(issue, first)
        if due is not None and due <= self.now:
            known = f"{_THREAT_TEXTS[issue.threat]}, " if issue.threat else ""
            return "fail", f"{known}open past its SLA, which ended on {day_of(due)}"
        threat = issue.threat if issue.threat in policy.threats else ""
        if not threat and not _reaches(issue.severity, policy.severity):
            return "pass", "below the policy's threshold"
        unrated = issue.severity == "UNKNOWN"
        why = _THREAT_TEXTS[threat] if threat else f"the policy fails from {policy.severity} on"
        if unrated and not threat:
            why = "it is not rated, so nothing says that it is harmless"
        if issue.threat == "malware":
            return ("fail", why) if threat else ("pass", "the policy lets malicious packages pass")
        if due is not None and policy.grace:
            return "warn", f"{why}; may stay until {day_of(due)}"
        if not threat and issue.fix_state == "unfixed":
            return policy.unfixed, f"{why}; without a fix it may {'not ' if policy.unfixed == 'fail' else ''}pass"
        if not threat and unrated:
            return policy.unrated, why
        if issue.fix_state == "unknown":
            why += "; whether there is a fix is not said"
        return "fail", why

    def _first_seen(self, issue: Issue) -> int | None:
        if self.history is None:
            return None
        return self.history.setdefault(issue.base, self.now)

    def _due(self, issue: Issue, first: int | None) -> int | None:
        """Return when the SLA ends; None when there is none, or the finding's age is not known."""
        if issue.fix_state != "fixed":
            return None
        # A fix of tomorrow says nothing of how long there has been one.
        fix_date = issue.fix_date if issue.fix_date is not None and issue.fix_date <= self.now else None
        if first is None and fix_date is None:
            return None
        threat = issue.threat if issue.threat in ("kev", "malware") else ""
        fix_since = fix_date or first or self.now
        return sla_due(issue.severity, threat, first or 0, fix_since, dict(self.policy.sla_days))


def _reaches(severity: str, threshold: str) -> bool:
    """Say whether a threshold is met; what is not rated meets every one, except that nothing fails at NEVER."""
    if threshold == "NEVER":
        return False
    return severity == "UNKNOWN" or SEVERITIES.index(severity) >= SEVERITIES.index(threshold)


def summary_counts(decisions: Sequence[Decision]) -> Mapping[str, Any]:
    """Count failing findings by kind, for the evidence."""
    kinds = ("vulnerability", "misconfiguration", "secret", "license", "end-of-life")
    return {kind: sum(d.issue.kind == kind and d.result == "fail" for d in decisions) for kind in kinds}
