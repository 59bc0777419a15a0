"""Whether an analyst can act on a rule: enough steps, a search that finds something, and a way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.check.house import finding, produced_fields
from wazuh_cicd.spec.model import SOURCES
from wazuh_cicd.spec.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.findings import Finding
    from wazuh_cicd.spec import RuleSpec, SpecSet

DEPTH = "H711"
SEARCH = "H712"
STEPS = 3
STEPS_FROM_LEVEL = 10
CONTAIN_FROM_LEVEL = 13
_QUOTED = re.compile(r'"[^"]*"')
_FIELD = re.compile(r"([A-Za-z@][\w.@-]*)\s*(?::|>=|<=|>|<)")
_GROUPS = re.compile(r"rule\.groups:(\([^)]*\)|[\w-]+)")
_ALERT = frozenset(
    {"rule.id", "rule.groups", "rule.level", "agent.name", "agent.id", "location", "syscheck.path"}
    | {f"predecoder.{name}" for name in ("hostname", "program_name")}
)
# Groups of Wazuh's own rules that searches name.
_STOCK_GROUPS = frozenset({"cicd", "syscheck", "authentication_success", "authentication_failed"})


def runbook_findings(specs: SpecSet) -> Iterator[Finding]:
    """What is missing, one finding a rule and code; waived ones are left out."""
    fields = {f"data.{name}".lower() for names in produced_fields(specs).values() for name in names} | _ALERT
    groups = {*_STOCK_GROUPS, *SOURCES, *(group for rule in specs.rules for group in rule.groups)}
    seen: set[str] = set()
    for rule in specs.rules:
        if DEPTH not in rule.waive and not rule.noalert:
            yield from _depth(rule)
        if SEARCH not in rule.waive:
            yield from _searches(rule, fields, groups, seen)


def _depth(rule: RuleSpec) -> Iterator[Finding]:
    if rule.level < STEPS_FROM_LEVEL:
        return
    lacks = []
    if len(rule.steps) < STEPS:
        lacks.append(f"{STEPS} steps (it has {len(rule.steps)})")
    if not any(step.query or step.command for step in rule.steps):
        lacks.append("a search or a command")
    if rule.level >= CONTAIN_FROM_LEVEL and not rule.containment:
        lacks.append("a way to contain it")
    if lacks:
        text = f"the runbook of '{rule.name}' (level {rule.level}) lacks {' and '.join(lacks)}"
        fix = f"add to 'triage' and 'contain', or to a family in rules/{rule.source}/runbook.yml"
        yield finding(rule, rule.at("triage"), DEPTH, text, fix)


def _searches(rule: RuleSpec, fields: set[str], groups: set[str], seen: set[str]) -> Iterator[Finding]:
    """Names in the searches that no alert has; what is shared by many rules is reported at the first of them."""
    for step in (*rule.steps, *rule.containment):
        if step.query in seen:
            continue
        seen.add(step.query)
        plain = _QUOTED.sub('""', step.query)
        for name in _FIELD.findall(plain):
            if name.lower() not in fields:
                text = f"a search in the runbook of '{rule.name}' names {name}, which no alert has"
                yield finding(rule, rule.at("triage"), SEARCH, text, did_you_mean(name, fields, otherwise="correct it"))
        for found in _GROUPS.findall(plain):
            for group in re.findall(r"[\w-]+", found):
                if group not in groups and group not in ("OR", "AND"):
                    text = f"a search in the runbook of '{rule.name}' names the group {group}, which no rule has"
                    fix = did_you_mean(group, groups, otherwise="correct it")
                    yield finding(rule, rule.at("triage"), SEARCH, text, fix)
