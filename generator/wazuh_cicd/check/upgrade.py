"""What a manager's upgrade would change for our rules: its new stock ruleset, compared with the one that it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import ROOTS_FILE, assemble
from wazuh_cicd.proof.runner import Outcome, run_tests
from wazuh_cicd.render import render_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wazuh_cicd.proof.runner import Results
    from wazuh_cicd.spec.model import SpecSet

_RULE = re.compile(r'<rule\s[^>]*?\bid="(\d+)".*?</rule>', re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def stock_folder(folder: Path) -> Path:
    """The stock ruleset in a folder: itself, or what lies below it (a manager's folder, an unpacked package).

    Raises:
        UsageError: there is none.
    """
    for place in (folder, folder / "ruleset", folder / "var" / "ossec" / "ruleset"):
        if (place / "rules" / ROOTS_FILE).is_file():
            return place
    raise UsageError(f"{folder}: no stock ruleset there (rules/{ROOTS_FILE} is missing)")


def upgrade_findings(specs: SpecSet, old: Path, new: Path, *, jobs: int = 1) -> list[Finding]:
    """What would be different, sorted by place.

    Args:
        specs: our rules with their tests.
        old: the stock ruleset that the manager has.
        new: the one that it would get.
        jobs: processes for the tests.

    Raises:
        UsageError: a folder is no stock ruleset.
        RulesetError: a manager would refuse one of the two, with our rules in it.
    """
    old, new = stock_folder(old), stock_folder(new)
    files = render_package(specs).ruleset_files()
    before, after = (EmbeddedEngine(assemble(stock=place, package=files)) for place in (old, new))
    known = {str(message) for message in before.load_messages}
    found = [
        Finding(message.path, message.line, 0, "X841", f"the new manager would say: {message}", rule=str(message.rule))
        for message in after.load_messages
        if str(message) not in known and "cicd_" in f"{message.path} {message}"
    ]
    found += _failing(specs, before, after, jobs)
    found += _changed_parents(specs, old, new)
    return sorted(dict.fromkeys(found))


def _failing(specs: SpecSet, before: EmbeddedEngine, after: EmbeddedEngine, jobs: int) -> Iterator[Finding]:
    """Tests that pass today and would fail then."""
    failed = {(r.rule, r.number): r for r in run_tests(specs, after, jobs=jobs).results if r.outcome is Outcome.FAILED}
    if not failed:
        return
    again: Results = run_tests(specs, before, [r for r in specs.rules if any(r.name == name for name, _ in failed)])
    today = {(r.rule, r.number) for r in again.results if r.outcome is Outcome.PASSED}
    for key, result in failed.items():
        if key in today:
            text = f"{result.label} passes with the old stock ruleset and not with the new: {result.reason}"
            fix = "see 'wazuh-cicd logtest --explain --ruleset DIR' with the test's event"
            yield Finding(result.path, result.line, 0, "X840", text, fix, rule=str(result.rule_id))


def _changed_parents(specs: SpecSet, old: Path, new: Path) -> Iterator[Finding]:
    """Stock rules that ours hang on and that read otherwise."""
    before, after = _texts(old), _texts(new)
    hanging: dict[int, int] = {}
    for rule in specs.rules:
        parents = set(rule.parents.stock)
        if rule.correlate is not None and rule.correlate.stock is not None:
            parents.add(rule.correlate.stock)
        for number in parents:
            hanging[number] = hanging.get(number, 0) + 1
    for number, count in sorted(hanging.items()):
        if before.get(number) == after.get(number) or number not in before:
            continue
        many = f"{count} rule{'' if count == 1 else 's'} of ours hang on it"
        if number in after:
            text = f"stock rule {number} reads otherwise in the new version; {many}"
            yield Finding("", 0, 0, "X842", text, "compare the two", Severity.NOTE, str(number))
        else:
            text = f"stock rule {number} is gone in the new version; {many}"
            yield Finding("", 0, 0, "X842", text, "wait for a version of wazuh-cicd that knows it", rule=str(number))


def _texts(stock: Path) -> Mapping[int, str]:
    """Each stock rule's text, blanks and comments aside."""
    found: dict[int, str] = {}
    for place in sorted((stock / "rules").glob("*.xml")):
        text = _COMMENT.sub("", place.read_text(encoding="utf-8", errors="replace"))
        found |= {int(rule[1]): " ".join(rule[0].split()) for rule in _RULE.finditer(text)}
    return found
