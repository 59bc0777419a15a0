"""Findings as text, JSON, SARIF 2.1.0 and GitHub workflow annotations."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.report import sarif
from wazuh_cicd.report.annotations import annotation
from wazuh_cicd.spec.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_GITHUB_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_text(findings: Sequence[Finding]) -> str:
    """One line a finding, and how many there are."""
    lines = [f"{finding}" if finding.severity is Severity.ERROR else _soft(finding) for finding in findings]
    if findings:
        lines.append(summary(findings))
    return "".join(f"{line}\n" for line in lines)


def _soft(finding: Finding) -> str:
    place, _, rest = str(finding).partition(f" {finding.code} ")
    return f"{place} {finding.code} [{finding.severity.value}] {rest}"


def summary(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``."""
    counts = [(sum(f.severity is severity for f in findings), severity.value) for severity in Severity]
    shown = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count]
    return ", ".join(shown) or "no findings"


def as_json(findings: Sequence[Finding]) -> str:
    """A JSON array of objects with the attributes of ``Finding``."""
    rows = [
        {
            "path": f.path,
            "line": f.line,
            "column": f.column,
            "code": f.code,
            "severity": f.severity.value,
            "message": f.message,
            "fix": f.fix,
            "rule": f.rule,
        }
        for f in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_sarif(findings: Sequence[Finding]) -> str:
    """A SARIF 2.1.0 log with one run; each code is described as a rule of the tool."""
    codes = sorted({finding.code for finding in findings})
    order = {code: number for number, code in enumerate(codes)}
    results = [_sarif_result(finding, order) for finding in findings]
    return sarif.log("wazuh-cicd", [_sarif_rule(code) for code in codes], results)


def _sarif_rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    title = known.title if known else f"The manager's message {code}"
    rule: dict[str, Any] = {"id": code, "name": code, "shortDescription": {"text": title}}
    if known:
        rule["fullDescription"] = {"text": known.why}
        rule["help"] = {"text": f"{known.mend} See docs/codes.md, {code}."}
    return rule


def _sarif_result(finding: Finding, codes: Mapping[str, int]) -> dict[str, Any]:
    result = {
        **sarif.result(codes, finding.code, _SARIF_LEVELS[finding.severity], _advice(finding)),
        "partialFingerprints": {"wazuhCicd/v1": _fingerprint(finding)},
    }
    if finding.path:
        path = PurePath(finding.path).as_posix()
        result["locations"] = [sarif.location(path, finding.line, finding.column)]
    return result


def _advice(finding: Finding) -> str:
    return finding.message + (f"; {finding.fix}" if finding.fix else "")


def _fingerprint(finding: Finding) -> str:
    """The same for a finding that only moved inside its file."""
    raw = f"{finding.path}\0{finding.code}\0{finding.rule}\0{finding.message}"
    return hashlib.sha256(raw.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    return "".join(
        annotation(
            _GITHUB_COMMANDS[finding.severity],
            _advice(finding),
            title=finding.code,
            path=finding.path,
            line=finding.line,
            column=finding.column,
        )
        for finding in findings
    )


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
