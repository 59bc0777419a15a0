"""The gate's verdict for the developer whose build just failed: a table in the log, and the same as a job summary.

One line is one thing to do: a package, with the upgrade that clears all of its findings, or one other finding. Below it
stand the advisories with their addresses and ages, and what an exception would need. Nothing is cut to a width.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from wazuh_cicd.gate.judge import PASS, POLICY, SCANNER, SUPPLY_CHAIN
from wazuh_cicd.report import tables
from wazuh_cicd.report.annotations import harmless
from wazuh_cicd.report.packages import days, exception_for, fix_age, link, rows
from wodles.scan.sla import EXCEPTION_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_cicd.gate.judge import Decision, Verdict
    from wazuh_cicd.gate.scans import Scan
    from wazuh_cicd.report.packages import Row

OUTCOMES = {
    PASS: "passed",
    POLICY: "failed: the policy is not met",
    SCANNER: "failed: not proved, because a scan did not deliver",
    SUPPLY_CHAIN: "failed: signature or registry",
}
RESULTS = ("fail", "warn", "hidden", "excused", "pass")
_HEADS = ("", "PACKAGE OR FINDING", "UPGRADE TO", "FINDINGS", "FIX OUT FOR", "WHERE", "WHY")
_ADVISORY_HEADS = ("ADVISORY", "PACKAGE OR FINDING", "SEVERITY", "FIXED IN", "FIX OUT FOR", "LINK")
_STYLES = {"fail": "red", "warn": "yellow", "hidden": "yellow"}
_EXCEPTION = (
    "an exception needs an owner, a reason of at least two words, and an end within "
    f"{EXCEPTION_DAYS} days, one entry for each id; in the policy, under exceptions:"
)
# GitHub shows no summary at all that is larger than a mebibyte.
_SUMMARY_BYTES = 900_000


def as_table(verdict: Verdict, *, colour: bool = False) -> str:
    """Write what fails and warns, by artifact, a line a package or finding; then advisories, notes and the outcome."""
    shown = rows(verdict)
    cells = [_cells(row) for row in shown]
    styles = [_STYLES.get(row.result, "") for row in shown] if colour else None
    head, *drawn = tables.lines(_HEADS, cells, styles=styles)
    lines = [head] if shown else []
    for scan in verdict.scans:
        found = [line for row, line in zip(shown, drawn, strict=True) if row.scan is scan]
        if len(verdict.scans) > 1 and (found or scan.problems):
            lines.append(f"{scan.artifact}:")
        problems = _problems(scan)
        lines += [tables.line(text, _STYLES["fail"]) for text in problems] if colour else problems
        lines += found
    listed = _advisories(shown)
    if listed:
        lines += ["", *tables.lines(_ADVISORY_HEADS, listed)]
    failed = _first_failed(shown)
    if failed is not None:
        lines += ["", _EXCEPTION, f"  {exception_for(failed)}", ""]
    lines += [f"note: {note}" for note in _notes(verdict)]
    lines.append(_outcome(verdict))
    return harmless("".join(f"{line}\n" for line in lines))


def as_markdown(verdict: Verdict) -> str:
    """The same for a job summary. Tables are HTML, in which no text from a report is anything but text."""
    shown = rows(verdict)
    mark = "✅" if verdict.code == PASS else "❌"
    parts = [f"<h3>{mark} {escape(_outcome(verdict))}</h3>\n"]
    problems = [text for scan in verdict.scans for text in _problems(scan)]
    if problems:
        parts.append(_html_list(problems))
    notes = [f"note: {note}" for note in _notes(verdict)]
    tail = [_html_list(notes)] if notes else []
    failed = _first_failed(shown)
    if failed is not None:
        tail.insert(0, f"<p>{escape(_EXCEPTION)}<br><code>{escape(exception_for(failed))}</code></p>\n")
    left = _SUMMARY_BYTES - sum(len(part.encode("utf-8", "replace")) for part in (*parts, *tail))
    table, left = _html_table(_HEADS, map(_cells, shown), left)
    advisories, left = _html_table(_ADVISORY_HEADS, _advisories(shown), left)
    if advisories:
        advisories = f"<details><summary>Advisories</summary>\n{advisories}</details>\n"
    return "\n".join(filter(None, [*parts, table, advisories, *tail]))


def _cells(row: Row) -> tuple[str, ...]:
    return row.result.upper(), row.subject, row.upgrade, row.findings, row.age, row.places, row.why


def _advisories(shown: Sequence[Row]) -> list[tuple[str, ...]]:
    """The findings that fail or warn and have an address, and all of those that the table only counts or joins."""
    listed = []
    for row in shown:
        if row.result in ("fail", "warn"):
            listed += [_advisory(row, d) for d in row.decisions if row.is_package or link(d)]
    return list(dict.fromkeys(listed))


def _advisory(row: Row, decision: Decision) -> tuple[str, ...]:
    issue, age = decision.issue, fix_age(decision)
    fixed = issue.fixed if row.is_package else ""
    subject = row.subject if row.is_package else row.places
    since = "-" if age is None else days(age)
    return issue.id, subject, issue.severity, fixed or "-", since, link(decision) or "-"


def _first_failed(shown: Sequence[Row]) -> Decision | None:
    return next((row.decisions[0] for row in shown if row.result == "fail"), None)


def _problems(scan: Scan) -> list[str]:
    return [f"FAIL  {scan.artifact}: {problem.text} [{problem.reason}]" for problem in scan.problems]


def _notes(verdict: Verdict) -> list[str]:
    hidden = [f"{s.artifact}: the report itself hides {s.hidden} findings" for s in verdict.scans if s.hidden]
    return [*sorted({note for scan in verdict.scans for note in scan.notes}), *verdict.notes, *hidden]


def _outcome(verdict: Verdict) -> str:
    counts = ", ".join(f"{verdict.count(result)} {result}" for result in RESULTS)
    return f"gate {OUTCOMES[verdict.code]} (profile {verdict.policy.profile}; {counts})"


def _html_table(heads: Sequence[str], cells: Iterable[Sequence[str]], left: int) -> tuple[str, int]:
    """A table of at most ``left`` bytes, and what is left after it; rows that find no room are counted."""
    named = "".join(f"<th>{escape(text)}</th>" for text in heads)
    lines, missing = [f"<table>\n<tr>{named}</tr>\n"], 0
    for row in cells:
        line = (
            "<tr>"
            + "".join(
                f"<td>{_html_cell(cell, linked=head == 'LINK')}</td>" for head, cell in zip(heads, row, strict=True)
            )
            + "</tr>\n"
        )
        size = len(line.encode("utf-8", "replace"))
        if missing or size > left:
            missing += 1
            continue
        left -= size
        lines.append(line)
    if len(lines) == 1 and not missing:
        return "", left
    more = f"<p>{missing} more lines find no room here; the log has them.</p>\n" if missing else ""
    return "".join([*lines, "</table>\n", more]), left


def _html_cell(text: str, *, linked: bool) -> str:
    shown = escape(tables.printable(text))
    return f'<a href="{shown}">{shown}</a>' if linked and text != "-" else shown


def _html_list(texts: Iterable[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{escape(tables.printable(text))}</li>\n" for text in texts) + "</ul>\n"
