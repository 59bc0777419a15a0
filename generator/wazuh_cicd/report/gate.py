"""The gate's verdict as JSON, SARIF 2.1.0, JUnit XML and GitHub annotations; ``gatetable`` writes it for people."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.gate.judge import SCANNER
from wazuh_cicd.gate.policy import SEVERITIES
from wazuh_cicd.report import junit, sarif
from wazuh_cicd.report.annotations import annotation
from wazuh_cicd.report.gatetable import OUTCOMES, RESULTS, as_markdown, as_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_cicd.gate.judge import Decision, Verdict

__all__ = ["FORMATS", "as_table"]


def _what(decision: Decision) -> str:
    issue = decision.issue
    package = (issue.package, issue.version)
    named = package if issue.kind in ("vulnerability", "license") else (issue.title or issue.package,)
    subject = " ".join(filter(None, named))
    return f"{issue.severity} {issue.id}" + (f" {subject}" if subject else "")


def _where(decision: Decision) -> str:
    issue = decision.issue
    place = issue.target or decision.scan.artifact
    return f"{place}:{issue.lines}" if issue.lines else place


def _mend(decision: Decision) -> str:
    issue = decision.issue
    if issue.kind == "vulnerability":
        without = "no fix yet" if issue.fix_state == "unfixed" else "not said"
        return issue.fixed or ("remove it" if issue.threat == "malware" else without)
    return "-"


def _file(decision: Decision) -> str:
    """Return the path of a finding's file as seen from here, where the pipeline runs; empty for what is in an image."""
    issue, scan = decision.issue, decision.scan
    if scan.kind == "directory":
        return os.path.relpath(Path(scan.artifact, issue.target.lstrip("/")))
    return issue.target if scan.kind == "report" and not scan.system else ""


def as_json(verdict: Verdict) -> str:
    """Write everything: the outcome, each artifact with its problems, each finding that does not plainly pass."""
    document = {
        "version": 1,
        "code": verdict.code,
        "outcome": OUTCOMES[verdict.code],
        "profile": verdict.policy.profile,
        "counts": {result: verdict.count(result) for result in RESULTS},
        "notes": list(verdict.notes),
        "artifacts": [
            {
                "artifact": scan.artifact,
                "kind": scan.kind,
                "digest": scan.digest,
                "system": scan.system,
                "scanners": scan.scanners,
                "hidden": scan.hidden,
                "problems": [{"area": p.area, "reason": p.reason, "text": p.text} for p in scan.problems],
                "notes": list(scan.notes),
            }
            for scan in verdict.scans
        ],
        "findings": [_finding(d) for d in verdict.decisions if d.result != "pass"],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _finding(decision: Decision) -> dict[str, Any]:
    issue = decision.issue
    names = (
        "kind",
        "id",
        "severity",
        "package",
        "version",
        "fixed",
        "target",
        "lines",
        "title",
        "url",
        "threat",
        "scanner",
        "hidden",
    )
    fields = {name: getattr(issue, name) for name in names}
    shown = {name: value for name, value in fields.items() if value}
    return {"result": decision.result, "why": decision.why, "artifact": decision.scan.artifact, **shown}


_LEVELS = {"fail": "error", "warn": "warning", "hidden": "note", "excused": "note"}
_SCORES = dict(zip(SEVERITIES, ("0.0", "3.0", "5.5", "8.0", "9.5"), strict=True))


def as_sarif(verdict: Verdict) -> str:
    """Write a SARIF log with one run: what is excused or hidden is suppressed, scan problems fail the invocation."""
    shown = [d for d in verdict.decisions if d.result != "pass"]
    rules: dict[str, dict[str, Any]] = {}
    for decision in shown:
        issue = decision.issue
        rule = rules.setdefault(issue.id, {"id": issue.id, "shortDescription": {"text": issue.title or issue.id}})
        if issue.url.startswith("http"):
            rule["helpUri"] = issue.url
        rule["properties"] = {
            "security-severity": _SCORES[issue.severity],
            "tags": ["security", issue.kind, issue.severity],
        }
    problems = [(scan, problem) for scan in verdict.scans for problem in scan.problems]
    notices = [
        {"level": "error", "message": {"text": f"{scan.artifact}: {problem.text}"}} for scan, problem in problems
    ]
    invocation = {
        "executionSuccessful": verdict.code != SCANNER,
        "exitCode": verdict.code,
        "toolExecutionNotifications": notices,
    }
    order = {identifier: number for number, identifier in enumerate(rules)}
    results = [_sarif_result(d, order) for d in shown]
    return sarif.log("wazuh-cicd gate", list(rules.values()), results, invocation)


def _sarif_result(decision: Decision, rules: Mapping[str, int]) -> dict[str, Any]:
    issue = decision.issue
    place = _file(decision) or issue.target or decision.scan.artifact
    text = f"{_what(decision)}: {decision.why}{_fixed_in(decision)}"
    result = {
        **sarif.result(rules, issue.id, _LEVELS[decision.result], text),
        "locations": [sarif.location(place.lstrip("/"), issue.line)],
        "partialFingerprints": {"wazuhCicdGate/v1": f"{issue.base}|{issue.target}"},
    }
    if decision.result in {"excused", "hidden"}:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": decision.why}]
    return result


def _fixed_in(decision: Decision) -> str:
    issue = decision.issue
    return f"; fixed in {issue.fixed}" if issue.kind == "vulnerability" and issue.fixed else ""


def as_junit(verdict: Verdict) -> str:
    """Write JUnit XML: an artifact is a suite, a finding a case; problems are errors, failing findings failures."""
    suites = []
    for scan in verdict.scans:
        problems = [junit.Case(p.area, p.reason, junit.ERROR, p.text) for p in scan.problems]
        found = [_junit_case(d) for d in verdict.decisions if d.scan is scan and d.result != "pass"]
        suites.append((scan.artifact, [*problems, *found] or [junit.Case("gate", "nothing found")]))
    return junit.document("wazuh-cicd gate", suites) + "\n"


def _junit_case(decision: Decision) -> junit.Case:
    case = junit.Case(decision.issue.kind, _what(decision))
    if decision.result == "fail":
        details = f"where: {_where(decision)}\nfixed in: {_mend(decision)}"
        return replace(case, outcome=junit.FAILURE, message=decision.why, details=details)
    if decision.result in {"excused", "hidden"}:
        return replace(case, outcome=junit.SKIPPED, message=decision.why)
    return case


def as_github(verdict: Verdict) -> str:
    """Write workflow commands that GitHub shows beside the lines of a pull request."""
    lines = [
        annotation("error", f"{scan.artifact}: {problem.text}", title=problem.reason)
        for scan in verdict.scans
        for problem in scan.problems
    ]
    for decision in verdict.decisions:
        if decision.result in ("fail", "warn"):
            issue, file = decision.issue, _file(decision)
            where = "" if file else f" in {_where(decision)}"
            text = f"{_what(decision)}{where}: {decision.why}{_fixed_in(decision)}"
            line = issue.line if file else 0
            lines.append(annotation(_LEVELS[decision.result], text, title=issue.id, path=file, line=line))
    return "".join(lines)


FORMATS: dict[str, Callable[[Verdict], str]] = {
    "text": as_table,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "github": as_github,
    "markdown": as_markdown,
}
