"""Plans and results of ``wazuh-cicd install`` as text and as JSON."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from wazuh_cicd.install.desired import RULE
from wazuh_cicd.install.record import ADVICE, PRIVATE

if TYPE_CHECKING:
    from wazuh_cicd.install.apply import Outcome
    from wazuh_cicd.install.plan import Plan
    from wazuh_cicd.install.verify import Verified

_RECORDS = (PRIVATE, ADVICE)
_SIGNS = {"add": "+", "change": "~", "delete": "-"}


def plan_text(plan: Plan, *, diff: bool = True) -> str:
    """What would change, with the difference of every changed text."""
    lines = []
    for change in plan.changes:
        if change.path in _RECORDS:
            continue
        lines.append(f"{_SIGNS[change.kind]} {change.path}")
        if diff and change.before is not None and change.after is not None:
            tell = _rules_difference if change.path.startswith("etc/rules/") else _difference
            lines += [f"    {line}" for line in tell(change.before, change.after)]
    lines += [f"= {path} (has local edits: kept as it is)" for path in plan.kept]
    lines += [f"! {path} (the server API carries no such file: bring it there yourself)" for path in plan.left_out]
    lines += [f"! {path} (the server API cannot remove it: do so yourself if it is there)" for path in plan.left_behind]
    lines += [f"{finding.severity.value}: {finding}" for finding in plan.problems]
    counts = {kind: sum(1 for c in plan.changes if c.kind == kind and c.path not in _RECORDS) for kind in _SIGNS}
    if not plan.changes:
        lines.append("nothing to do: everything is as it should be")
    else:
        lines.append(
            f"{counts['add']} to add, {counts['change']} to change, {counts['delete']} to remove;"
            f" then: {plan.activation}" + (f"; {len(plan.errors)} errors forbid it" if plan.errors else "")
        )
    return "\n".join(lines)


def _rules_difference(before: bytes, after: bytes) -> list[str]:
    """By id: the text of generated rules is long, and the specs are where to read it."""
    old, new = ({m[1].decode(): m[0] for m in RULE.finditer(data)} for data in (before, after))
    lines = [f"+ rules {_ranges(set(new) - set(old))}"] if set(new) - set(old) else []
    changed = {number for number in set(old) & set(new) if old[number] != new[number]}
    lines += [f"~ rules {_ranges(changed)}"] if changed else []
    lines += [f"- rules {_ranges(set(old) - set(new))}"] if set(old) - set(new) else []
    return lines or ["~ order or comments"]


def _ranges(numbers: set[str]) -> str:
    """``111001-111003, 111010``."""
    found: list[list[int]] = []
    for number in sorted(map(int, numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _difference(before: bytes, after: bytes) -> list[str]:
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    return [line for line in difflib.unified_diff(old, new, lineterm="", n=1) if not line.startswith(("---", "+++"))]


def plan_json(plan: Plan) -> str:
    """The same for programs, without contents."""
    document: dict[str, Any] = {
        "changes": [
            {"path": change.path, "kind": change.kind} for change in plan.changes if change.path not in _RECORDS
        ],
        "kept": list(plan.kept),
        "left_out": list(plan.left_out),
        "left_behind": list(plan.left_behind),
        "problems": [
            {
                "code": p.code,
                "severity": p.severity.value,
                "path": p.path,
                "message": p.message,
                "fix": p.fix,
            }
            for p in plan.problems
        ],
        "activation": plan.activation,
        "installed": plan.record.version if plan.record else None,
    }
    return json.dumps(document, indent=2)


def outcome_text(outcome: Outcome) -> str:
    """What an installation did."""
    lines = [plan_text(outcome.plan, diff=False)]
    if outcome.plan.changes:
        done = {"nothing": "the manager does not run: it reads the files at its next start"}
        lines.append(done.get(outcome.activated, f"done: {outcome.activated}"))
    if outcome.verified is not None:
        lines.append(verified_text(outcome.verified))
    return "\n".join(lines)


def verified_text(verified: Verified) -> str:
    """What a verification found."""
    lines = [f"error: {finding}" for finding in verified.failures]
    sources = sorted({probe.source for probe in verified.round_trips})
    lines.append(
        f"{verified.files} files in place, {verified.rules} rules,"
        f" {len(verified.round_trips)} live round trips" + (f" ({', '.join(sources)})" if sources else "")
    )
    if verified.note:
        lines.append(f"note: {verified.note}")
    return "\n".join(lines)
