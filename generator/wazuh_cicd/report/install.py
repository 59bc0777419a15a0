"""Plans and results of ``wazuh-cicd install`` as text and as JSON.

Names of lists and what a manager says are other people's text: of it, only what is printable reaches a terminal.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from wazuh_cicd.install.desired import RULE, is_list, is_program
from wazuh_cicd.install.indexed import is_indexed
from wazuh_cicd.install.record import ADVICE, PRIVATE
from wazuh_cicd.spec.model import FIRST_ID, SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wazuh_cicd.install.apply import Outcome
    from wazuh_cicd.install.plan import Change, Plan
    from wazuh_cicd.install.smoke import Way
    from wazuh_cicd.install.status import Status
    from wazuh_cicd.install.verify import Verified

_RECORDS = (PRIVATE, ADVICE)
_SIGNS = {"add": "+", "change": "~", "delete": "-"}
_DONE = {
    "nothing": "nothing was reloaded",
    "reload": "the ruleset was reloaded",
    "restart": "the manager was restarted",
}
_SHOWN = 5


def plain(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def plan_text(plan: Plan, *, details: bool = False) -> str:
    """What would change: one screen, or (``details``) every file with the difference of every changed text."""
    changes = [change for change in plan.changes if change.path not in _RECORDS]
    lines = [f"> {line}" for line in plan.switches]
    lines += _each(changes) if details else _summary(plan, changes)
    lines += _some("= {} (has local edits: kept as it is)", plan.kept, details=details)
    lines += _left(
        plan.left_out, "the server API carries no such file: bring it there yourself", _NO_DASHBOARDS, details=details
    )
    lines += _left(
        plan.left_behind,
        "the server API cannot remove it: do so yourself if it is there",
        "no OpenSearch Dashboards on the indexer that has them",
        details=details,
    )
    if details or not changes:  # else it is loaded anyway
        lines += _some("* {} (written after the manager loaded it)", plan.stale, details=details)
    lines += [f"{finding.severity.value}: {finding}" for finding in plan.problems]
    counts = Counter(change.kind for change in changes)
    if not changes and plan.activation == "nothing":
        lines.append("nothing to do: everything is as it should be")
    else:
        lines.append(
            f"{counts['add']} to add, {counts['change']} to change, {counts['delete']} to remove;"
            f" then: {plan.activation}" + (f"; {len(plan.errors)} errors forbid it" if plan.errors else "")
        )
    return plain("\n".join(lines))


_NO_DASHBOARDS = (
    "no OpenSearch Dashboards has started on the indexer yet: apply again when it has, or import"
    " build/indexer/saved-objects.ndjson there"
)


def _left(paths: Iterable[str], of_the_manager: str, of_the_indexer: str, *, details: bool) -> list[str]:
    """What cannot be brought or removed: files by name, saved objects by their number."""
    paths = list(paths)
    saved = sum(map(is_indexed, paths))
    lines = _some(f"! {{}} ({of_the_manager})", [path for path in paths if not is_indexed(path)], details=details)
    return [*lines, f"! {saved} dashboards, panels and searches ({of_the_indexer})"] if saved else lines


def _each(changes: Iterable[Change]) -> list[str]:
    lines = []
    for change in changes:
        lines.append(f"{_SIGNS[change.kind]} {change.path}")
        if change.before is not None and change.after is not None:
            tell = _rules_difference if change.path.startswith("etc/rules/") else _difference
            lines += [f"    {line}" for line in tell(change.before, change.after)]
    return lines


def _summary(plan: Plan, changes: list[Change]) -> list[str]:
    """By kind, and the rules by source."""
    lines = []
    for name, belongs in _KINDS.items():
        counts = Counter(change.kind for change in changes if belongs(change.path))
        if counts:
            told = ", ".join(f"{_SIGNS[kind]}{counts[kind]}" for kind in _SIGNS if counts[kind])
            lines.append(f"{name:<11} {told}")
    base = plan.id_base
    rules = {sign: Counter[str]() for sign in _SIGNS.values()}
    for change in changes:
        if change.path.startswith("etc/rules/"):
            old, new = (_rules(data or b"") for data in (change.before, change.after))
            rules["+"].update(_source(number, base) for number in set(new) - set(old))
            rules["-"].update(_source(number, base) for number in set(old) - set(new))
            rules["~"].update(_source(number, base) for number in set(old) & set(new) if old[number] != new[number])
    for source in (*SOURCES, _OTHER):
        told = ", ".join(f"{sign}{rules[sign][source]} rules" for sign in rules if rules[sign][source])
        if told:
            lines.append(f"  {source:<11} {told}")
    return lines


_OTHER = "other ids"
_KINDS: Mapping[str, Callable[[str], bool]] = {
    "rules": lambda path: path.startswith("etc/rules/"),
    "decoders": lambda path: path.startswith("etc/decoders/"),
    "lists": is_list,
    "programs": is_program,
    "ossec.conf": lambda path: path.endswith("ossec.conf"),
    "indexer": is_indexed,
}


def _source(number: str, base: int) -> str:
    """The source that a rule's id belongs to."""
    block = (int(number) - base + FIRST_ID) // 1000
    return next((name for name, source in SOURCES.items() if int(source.block) == block), _OTHER)


def _some(line: str, paths: Iterable[str], *, details: bool) -> list[str]:
    """One line a path, or the first few and how many more there are."""
    paths = list(paths)
    shown = paths if details or len(paths) <= _SHOWN else paths[:_SHOWN]
    lines = [line.format(path) for path in shown]
    if len(shown) < len(paths):
        lines.append(f"  and {len(paths) - len(shown)} more of these (--details lists them in a plan)")
    return lines


def _rules(data: bytes) -> dict[str, bytes]:
    return {found[1].decode(): found[0] for found in RULE.finditer(data)}


def _rules_difference(before: bytes, after: bytes) -> list[str]:
    """By id: the text of generated rules is long, and the specs are where to read it."""
    old, new = _rules(before), _rules(after)
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
        "switches": list(plan.switches),
        "stale": list(plan.stale),
        "installed": plan.record.version if plan.record else None,
    }
    return json.dumps(document, indent=2)


def outcome_text(outcome: Outcome) -> str:
    """What an installation did."""
    lines = []
    if outcome.plan.changes:
        lines += [plan_text(outcome.plan), _DONE[outcome.activated]]
    return plain("\n".join([*lines, verified_text(outcome.verified)]))


def verified_text(verified: Verified) -> str:
    """What a verification found, the verdict last."""
    lines = [f"error: {finding}" for finding in verified.failures]
    lines += _some("waiting: {}", verified.inactive, details=False)
    sources = sorted({probe.source for probe in verified.round_trips})
    lines.append(
        f"{verified.files} files in place, {verified.rules} rules,"
        f" {len(verified.round_trips)} live round trips" + (f" ({', '.join(sources)})" if sources else "")
    )
    if verified.unanswered:
        lines.append(f"error: {verified.unanswered}")
    lines.append(_VERDICTS[verified.code])
    return plain("\n".join(lines))


_VERDICTS = {
    0: "verified on the running manager",
    1: "not as it should be",
    3: "in place, but not what the running manager has loaded: run 'wazuh-cicd install apply'",
    4: "not verified: the manager does not answer as it should; when it runs, 'wazuh-cicd install verify' tells",
}


def smoke_text(ways: Iterable[Way], *, indexed: bool) -> str:
    """How far the event of each source came, and when it was seen where."""
    ways = list(ways)
    lines = []
    for way in ways:
        steps = [] if way.alert is None else [f"alerts.json {way.alert:.1f} s"]
        steps += [] if way.indexed is None else [f"index {way.indexed:.1f} s"]
        seen = f"rule {way.rule_id}: {', '.join(steps)}" if steps else ""
        told = f"error: {way.problem}" if way.problem else "arrived"
        lines.append(f"{way.source:<11} " + "; ".join(part for part in (seen, told) if part))
    good = sum(not way.problem for way in ways)
    end = "the index" if indexed else "alerts.json (no indexer is named: nothing is known of the index)"
    lines.append(f"{good} of {len(ways)} sources' events arrived in {end}")
    return plain("\n".join(lines))


def status_text(status: Status) -> str:
    """What is installed, what the site edited, and whether it runs."""
    if status.record is None:
        return "wazuh-cicd is not installed"
    lines = [f"version {status.record.version} is installed (this is {status.this})", f"chosen: {status.chosen}"]
    lines += [f"> the settings file would change this: {line}" for line in status.switches]
    lines.append(f"{status.files} files, {status.rules} rules, {status.lists} lists")
    lines += _some("= {} (list edited by the site)", status.edited_lists, details=True)
    lines += _some("error: {} was edited by hand", status.edited, details=True)
    lines += _some("error: {} is missing", status.missing, details=True)
    lines += _some("waiting: {}", status.waiting, details=False)
    if status.cut_off:
        lines.append("error: an installation was cut off; run 'wazuh-cicd install rollback' or 'apply'")
    lines.append(_RUNS[status.code])
    return plain("\n".join(lines))


_RUNS = {
    0: "what runs is what lies there",
    1: "not as it was installed: 'wazuh-cicd install plan' shows how to put it right",
    3: "in place, but not what the running manager has loaded: run 'wazuh-cicd install apply'",
    4: "the manager does not answer",
}


def status_json(status: Status) -> str:
    """The same for programs."""
    record = status.record
    return json.dumps(
        {
            "installed": record.version if record else None,
            "this": status.this,
            "sources": list(record.sources) if record else [],
            "responses": list(record.responses) if record else [],
            "id_base": record.id_base if record else None,
            "switches": list(status.switches),
            "files": status.files,
            "rules": status.rules,
            "lists": status.lists,
            "edited_lists": list(status.edited_lists),
            "edited": list(status.edited),
            "missing": list(status.missing),
            "stale": list(status.stale),
            "cut_off": status.cut_off,
            "code": status.code,
        },
        indent=2,
    )
