"""The verdict as a table, JSON, SARIF 2.1.0, JUnit XML and GitHub annotations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from wazuh_cicd import __version__
from wazuh_cicd.gate.judge import PASS, POLICY, SCANNER, SUPPLY_CHAIN
from wazuh_cicd.gate.policy import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.gate.judge import Decision, Verdict

_OUTCOMES = {
    PASS: "passed",
    POLICY: "failed: the policy is not met",
    SCANNER: "failed: not proved, because a scan did not deliver",
    SUPPLY_CHAIN: "failed: signature or registry",
}
_HEADS = ("", "WHAT", "WHERE", "FIXED IN", "WHY")
_LIMITS = (7, 60, 50, 30, 200)
_WHERE = 2


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
        return issue.fixed or ("remove it" if issue.threat == "malware" else "no fix yet")
    return "-"


def _file(decision: Decision) -> str:
    """Return the path of a finding's file as seen from here, where the pipeline runs; empty for what is in an image."""
    issue, scan = decision.issue, decision.scan
    if scan.kind == "directory":
        return os.path.relpath(Path(scan.artifact, issue.target.lstrip("/")))
    return issue.target if scan.kind == "report" and not scan.system else ""


def as_table(verdict: Verdict, *, colour: bool = False) -> str:
    """Write what fails and warns, by artifact, a line each, widest columns shortened; then notes and the outcome."""
    rows = [
        (d.scan, (d.result.upper(), _what(d), _where(d), _mend(d), d.why))
        for d in verdict.decisions
        if d.result != "pass"
    ]
    everything = [_HEADS, *(row for _, row in rows)]
    widths = [min(limit, max(len(row[i]) for row in everything)) for i, limit in enumerate(_LIMITS)]
    lines = [_row(_HEADS, widths)] if len(everything) > 1 else []
    for scan in verdict.scans:
        found = [row for owner, row in rows if owner is scan]
        if len(verdict.scans) > 1 and (found or scan.problems):
            lines.append(f"{scan.artifact}:")
        lines += [
            _paint(f"FAIL  {scan.artifact}: {problem.text} [{problem.reason}]", "FAIL", colour=colour)
            for problem in scan.problems
        ]
        lines += [_paint(_row(row, widths), row[0], colour=colour) for row in found]
    lines += sorted({f"note: {note}" for scan in verdict.scans for note in scan.notes})
    lines += [
        f"{s.artifact}: {s.suppressed} findings hidden by VEX or ignore rules" for s in verdict.scans if s.suppressed
    ]
    counts = ", ".join(f"{verdict.count(result)} {result}" for result in ("fail", "warn", "excused", "pass"))
    lines.append(f"gate {_OUTCOMES[verdict.code]} (profile {verdict.policy.profile}; {counts})")
    return "".join(f"{line}\n" for line in lines)


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        if len(text) <= width:
            cells.append(text.ljust(width))
        else:  # of a place, the end says more
            cells.append("…" + text[1 - width :] if number == _WHERE else text[: width - 1] + "…")
    return "  ".join(cells).rstrip()


def _paint(line: str, result: str, *, colour: bool) -> str:
    code = {"FAIL": "31", "WARN": "33"}.get(result)
    return f"\x1b[{code}m{line}\x1b[0m" if colour and code else line


def as_json(verdict: Verdict) -> str:
    """Write everything: the outcome, each artifact with its problems, each finding that does not plainly pass."""
    document = {
        "version": 1,
        "code": verdict.code,
        "outcome": _OUTCOMES[verdict.code],
        "profile": verdict.policy.profile,
        "counts": {result: verdict.count(result) for result in ("fail", "warn", "excused", "pass")},
        "artifacts": [
            {
                "artifact": scan.artifact,
                "kind": scan.kind,
                "digest": scan.digest,
                "system": scan.system,
                "scanners": scan.scanners,
                "suppressed": scan.suppressed,
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
    )
    fields = {name: getattr(issue, name) for name in names}
    shown = {name: value for name, value in fields.items() if value}
    return {"result": decision.result, "why": decision.why, "artifact": decision.scan.artifact, **shown}


_LEVELS = {"fail": "error", "warn": "warning", "excused": "note"}
_SCORES = dict(zip(SEVERITIES, ("0.0", "3.0", "5.5", "8.0", "9.5"), strict=True))


def as_sarif(verdict: Verdict) -> str:
    """Write a SARIF log with one run. Excused findings are suppressed results; scan problems fail the invocation."""
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
    run = {
        "tool": {"driver": {"name": "wazuh-cicd gate", "version": __version__, "rules": list(rules.values())}},
        "invocations": [
            {
                "executionSuccessful": verdict.code != SCANNER,
                "exitCode": verdict.code,
                "toolExecutionNotifications": notices,
            }
        ],
        "results": [_sarif_result(d, list(rules)) for d in shown],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _sarif_result(decision: Decision, rules: list[str]) -> dict[str, Any]:
    issue = decision.issue
    mend = f"; fixed in {issue.fixed}" if issue.kind == "vulnerability" and issue.fixed else ""
    place = _file(decision) or issue.target or decision.scan.artifact
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(place.lstrip("/"))}}
    if issue.line:
        location["region"] = {"startLine": issue.line}
    result: dict[str, Any] = {
        "ruleId": issue.id,
        "ruleIndex": rules.index(issue.id),
        "level": _LEVELS[decision.result],
        "message": {"text": f"{_what(decision)}: {decision.why}{mend}"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"wazuhCicdGate/v1": f"{issue.base}|{issue.target}"},
    }
    if decision.result == "excused":
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": decision.why}]
    return result


def as_junit(verdict: Verdict) -> str:
    """Write JUnit XML: an artifact is a suite, a finding a case; problems are errors, failing findings failures."""
    root = ET.Element("testsuites", name="wazuh-cicd gate")
    for scan in verdict.scans:
        suite = ET.SubElement(root, "testsuite", name=scan.artifact)
        cases = [d for d in verdict.decisions if d.scan is scan and d.result != "pass"]
        for problem in scan.problems:
            case = ET.SubElement(suite, "testcase", classname=problem.area, name=problem.reason)
            ET.SubElement(case, "error", message=_xml(problem.text))
        for decision in cases:
            case = ET.SubElement(suite, "testcase", classname=decision.issue.kind, name=_xml(_what(decision)))
            if decision.result == "fail":
                failure = ET.SubElement(case, "failure", message=_xml(decision.why))
                failure.text = _xml(f"where: {_where(decision)}\nfixed in: {_mend(decision)}")
            elif decision.result == "excused":
                ET.SubElement(case, "skipped", message=_xml(decision.why))
        if not scan.problems and not cases:
            ET.SubElement(suite, "testcase", classname="gate", name="nothing found")
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(sum(d.result == "fail" for d in cases)))
        suite.set("errors", str(len(scan.problems)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Drop what XML 1.0 cannot hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or 0x20 <= ord(c) < 0xD800 or 0xDFFF < ord(c) < 0xFFFE or ord(c) > 0xFFFF
    )


def as_github(verdict: Verdict) -> str:
    """Write workflow commands that GitHub shows beside the lines of a pull request."""
    lines = [
        f"::error title={_escape(problem.reason, ',:')}::{_escape(f'{scan.artifact}: {problem.text}')}"
        for scan in verdict.scans
        for problem in scan.problems
    ]
    for decision in verdict.decisions:
        if decision.result in ("fail", "warn"):
            issue = decision.issue
            level = "error" if decision.result == "fail" else "warning"
            file = _file(decision)
            places = {"file": file, "line": str(issue.line or "") if file else "", "title": issue.id}
            properties = ",".join(f"{name}={_escape(value, ',:')}" for name, value in places.items() if value)
            where = "" if file else f" in {_where(decision)}"
            mend = f"; fixed in {issue.fixed}" if issue.kind == "vulnerability" and issue.fixed else ""
            lines.append(f"::{level} {properties}::{_escape(f'{_what(decision)}{where}: {decision.why}{mend}')}")
    return "".join(f"{line}\n" for line in lines)


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


FORMATS: dict[str, Callable[[Verdict], str]] = {
    "text": as_table,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "github": as_github,
}
