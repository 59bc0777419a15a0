"""Everything there is to say about specs: reading, links, rendering, house rules, and what the engine makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.check.cost import cost_findings
from wazuh_cicd.check.fieldtypes import field_type_findings
from wazuh_cicd.check.house import finding, house_findings
from wazuh_cicd.check.nearmiss import near_miss_findings
from wazuh_cicd.check.order import order_findings
from wazuh_cicd.check.reach import Dead, counted_twice, dead_rules, group_thieves
from wazuh_cicd.check.ruleset import from_message, silent_findings
from wazuh_cicd.check.runbooks import runbook_findings
from wazuh_cicd.check.titles import title_findings
from wazuh_cicd.content.paths import content_root, stock_root
from wazuh_cicd.engine import RulesetFiles, RulesetLoadError, load_ruleset
from wazuh_cicd.engine.judge.memory import CAPACITY
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.render import Package, render_problems
from wazuh_cicd.render.lock import lock_findings
from wazuh_cicd.spec import RuleSpec, read_specs
from wazuh_cicd.spec.load import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wazuh_cicd.spec import SpecSet

# What is said of any ruleset and holds for specs as well; the others have codes of their own, or cannot come.
_ALSO_OF_SPECS = {"X801", "X809", "X824", "X825", "X826", "X827"}
_WARNING_DROPS = {7605, 7610, 7611, 7612, 7615, 7616, 7617, 7618, 7619, 7620}


def check_specs(
    root: Path | None = None, paths: Sequence[Path] | None = None, *, stock: Path | None = None
) -> list[Finding]:
    """All findings about specs, sorted by place.

    Args:
        root: the folder with ``rules/``, ``decoders/``, ``lists/``; the package's own content when absent.
        paths: rule files to report on; the others are read all the same.
        stock: the real stock ruleset, in the place of the package's stand-ins.

    Raises:
        UsageError: no such folder or file.
    """
    specs, problems = read_specs(root)
    package = render_problems(specs, problems)
    findings = list(problems.findings)
    findings.extend(house_findings(specs))
    findings.extend(title_findings(specs))
    findings.extend(runbook_findings(specs))
    findings.extend(field_type_findings(specs))
    if package is not None and not problems.errors:
        findings.extend(_engine_findings(specs, package, stock))
        findings.extend(lock_findings(specs, package, root if root is not None else content_root()))
    if paths is not None:
        chosen = {shown(path) for path in paths}
        findings = [f for f in findings if f.path in chosen]
    return sorted(dict.fromkeys(findings))


def _engine_findings(specs: SpecSet, package: Package, stock: Path | None) -> Iterator[Finding]:
    files = package.ruleset_files()
    rendered = RulesetFiles(
        decoders=tuple((name, data) for name, data in files.items() if name.startswith("etc/decoders/")),
        rules=tuple((name, data) for name, data in files.items() if name.startswith("etc/rules/")),
        lists={name: data for name, data in files.items() if name.startswith("etc/lists/")},
    )
    try:
        ruleset = load_ruleset([stock or stock_root()], files=rendered)
    except RulesetLoadError as error:
        for message in error.messages:
            yield _placed(from_message(message), specs)
        return
    dropped: set[int] = set()
    for message in ruleset.messages:
        if not message.path.startswith("etc/"):
            continue
        found = _placed(from_message(message), specs)
        rule = specs.by_id.get(message.rule)
        if message.code in {7617, 7619, 7620} and stock is None and rule is not None:
            if rule.id not in dropped:
                dropped.add(rule.id)
                yield _unknown_parent(rule)
            continue
        yield found
    found_dead = [*dead_rules(ruleset.tree), *group_thieves(ruleset.tree), *counted_twice(ruleset.tree)]
    yield from near_miss_findings(specs, ruleset, skip={dead.rule.id for dead in found_dead})
    for dead in found_dead:
        rule = specs.by_id.get(dead.rule.id)
        if rule is not None:
            told = _dead(dead, rule, specs)
            if told.code not in rule.waive:
                yield told
    yield from order_findings(specs, ruleset)
    for found in cost_findings(ruleset, dict(rendered.rules + rendered.decoders)):
        rule = specs.by_id.get(int(found.rule or 0))
        if rule is None or found.code not in rule.waive:
            yield _placed(found, specs)
    for found in silent_findings(ruleset):
        rule = specs.by_id.get(int(found.rule or 0))
        if rule is not None and found.code in _ALSO_OF_SPECS and found.code not in rule.waive:
            yield _placed(found, specs)


def _unknown_parent(rule: RuleSpec) -> Finding:
    wanted = [*rule.parents.stock, *filter(None, [rule.correlate and rule.correlate.stock])]
    text = (
        f"'{rule.name}' needs a stock rule that our stand-ins lack ({', '.join(map(str, wanted))} or what it hangs on)"
    )
    return finding(rule, rule.at("parent"), "R219", text, "check with --stock DIR", Severity.WARNING)


def _placed(found: Finding, specs: SpecSet) -> Finding:
    """A finding about a rendered rule, at the place of its spec."""
    rule = specs.by_id.get(int(found.rule)) if found.rule.isdigit() else None
    if rule is None:
        return found
    severity = Severity.ERROR if found.code.isdigit() and int(found.code) in _WARNING_DROPS else found.severity
    place = rule.place
    return Finding(
        place.path, place.line, place.column, found.code, found.message, found.fix, severity=severity, rule=rule.name
    )


def _named(number: int, specs: SpecSet) -> str:
    spec = specs.by_id.get(number)
    return f"'{spec.name}'" if spec else f"stock rule {number}"


def _dead(dead: Dead, rule: RuleSpec, specs: SpecSet) -> Finding:
    other = specs.by_id.get(dead.other.id)
    name = _named(dead.other.id, specs)
    level = dead.other.level
    if dead.kind == "hidden":
        text = (
            f"'{rule.name}' can never fire: its sibling {name} (level {level}) is tried first and takes all its events"
        )
        parent = f"{{rule: {other.name}}}" if other else f"{{stock: {dead.other.id}}}"
        fix = f"make it a child: 'parent: {parent}'" + (f"; or raise its level above {level}" if level else "")
        code = "H702" if rule.correlate is not None else "H704"
        return finding(rule, rule.place, code, text, fix, Severity.ERROR)
    if dead.kind == "contradiction":
        whose = "another of its conditions" if other is rule else f"{name}, which it hangs on"
        text = f"'{rule.name}' can never fire: its condition on '{dead.about}' contradicts {whose}"
        place = next((c.place for c in rule.when if c.subject.lower() == dead.about), rule.place)
        fix = "correct the value, or hang the rule elsewhere ('parent:')"
        return finding(rule, place, "H705", text, fix, Severity.ERROR)
    place = rule.correlate.of_place if rule.correlate else rule.place
    if dead.kind == "counts-nothing":
        return finding(
            rule, place, "R214", f"{name} is never counted (level 0 or noalert)", "count another rule", Severity.ERROR
        )
    if dead.kind == "counts-too-many":
        text = f"'{rule.name}' counts more events than a manager remembers ({CAPACITY}, of all rules)"
        return finding(rule, place, "R214", text, "count fewer", Severity.ERROR)
    if dead.kind == "counted-twice":
        text = f"'{rule.name}' counts each event of {name} once for each rule that {name} hangs on: it fires too early"
        fix = f"hang {name} on one rule ('parent:'), or leave it out of the group"
        return finding(rule, place, "H710", text, fix, Severity.WARNING)
    names = ", ".join(_named(found.id, specs) for found in (dead.other, *dead.more))
    text = f"'{rule.name}' does not count {names} by group: other composites count the same rules by id"
    return finding(rule, place, "H703", text, "count it by a group of its own in both composites", Severity.ERROR)
