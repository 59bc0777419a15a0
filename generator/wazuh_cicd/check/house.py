"""House rules for specs: what makes an alert worth reading and a test worth having."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.spec.problems import did_you_mean
from wazuh_cicd.spec.subjects import PREDECODED, STATIC_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_cicd.spec import RuleSpec, SpecSet, TestEvent
    from wazuh_cicd.spec.problems import Place

_FIELD = re.compile(r"\$\(([^)]+)\)")
_STATIC_KEYS = {"srcuser", "dstuser", *STATIC_FIELDS}
# What the stock decoder of the Linux audit system gives to rules of any source.
_AUDIT_FIELDS = {
    f"audit.{name}"
    for name in (
        "type", "id", "arch", "syscall", "success", "exit", "ppid", "pid", "auid", "uid", "gid", "euid", "tty",
        "session",
        "command", "exe", "key", "cwd", "file.name", "directory.name", "op", "res", *(f"execve.a{n}" for n in range(8)),
    )
}  # fmt: skip


def house_findings(specs: SpecSet) -> Iterator[Finding]:
    """All findings that a single rule, or two rules side by side, can give; waived ones are left out."""
    produced = produced_fields(specs)
    for rule in specs.rules:
        for found in (*_title(rule, produced), *_short_sequence(rule), *_composite_level(rule, specs)):
            if found.code not in rule.waive:
                yield found


def finding(  # noqa: PLR0917 - what a finding has
    rule: RuleSpec, place: Place, code: str, text: str, fix: str, severity: Severity = Severity.WARNING
) -> Finding:
    """A finding about a rule."""
    return Finding(place.path, place.line, place.column, code, text, fix, severity=severity, rule=rule.name)


def title_fields(rule: RuleSpec) -> list[str]:
    """The fields that a rule's title names, in order."""
    return _FIELD.findall(rule.title)


def _title(rule: RuleSpec, produced: Mapping[str, set[str]]) -> Iterator[Finding]:
    if rule.level < 3:
        return
    fields = title_fields(rule)
    if not fields:
        yield finding(
            rule,
            rule.at("title"),
            "H701",
            f"the title of '{rule.name}' names nothing of the event",
            "say who did what: $(field)",
        )
        return
    known = produced[rule.source]
    folded = {name.lower() for name in known}
    for name in fields:
        if name.lower() not in folded:
            text = f"$({name}) in the title of '{rule.name}' is in no event, condition or decoder of '{rule.source}'"
            fix = did_you_mean(name, known, otherwise="correct the field, or add it to a test", cutoff=0.88)
            yield finding(rule, rule.at("title"), "H706", text, fix)


def produced_fields(specs: SpecSet) -> dict[str, set[str]]:
    """The fields that each source is known to have: from its tests' events, its conditions and its decoders."""
    known: dict[str, set[str]] = {}
    for rule in specs.rules:
        names = known.setdefault(rule.source, {*PREDECODED, *_STATIC_KEYS})
        names.update(condition.subject for condition in (*rule.when, *rule.unless))
        for test in rule.tests:
            for event in test.events:
                names.update(_flat(event) or ())
    for decoder in specs.decoders:
        names = known.setdefault(decoder.source, set())
        names.update(*(extraction.fields for extraction in decoder.extract))
    for names in known.values():
        names.update(_AUDIT_FIELDS)
    return known


def _flat(event: TestEvent) -> dict[str, str] | None:
    if event.decoded is not None:
        return dict(event.decoded[1])
    try:
        value = json.loads(event.log or b"")
    except ValueError:
        return None
    return dict(_leaves("", value)) if isinstance(value, dict) else None


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    else:
        yield path, json.dumps(value, sort_keys=True)


def _short_sequence(rule: RuleSpec) -> Iterator[Finding]:
    """Some silent test of a composite must come near its number of events (for plain rules see ``nearmiss``)."""
    firing = [test for test in rule.tests if test.expect == "fires"]
    silent = [test for test in rule.tests if test.expect == "silent"]
    if firing and silent and rule.correlate is not None:
        counts = max(len(test.events) for test in firing)
        if any(len(test.events) >= max(2, counts // 2) for test in silent):
            return
        text = f"no silent test of composite '{rule.name}' comes near its {rule.correlate.count} events"
        yield finding(
            rule, rule.at("tests"), "H707", text, "add a sequence one short, too slow, or of different actors"
        )
        return


def _composite_level(rule: RuleSpec, specs: SpecSet) -> Iterator[Finding]:
    """A composite that hangs on the rule it counts has plain siblings: the other children of that rule."""
    if rule.correlate is None or rule.correlate.rule is None or rule.parents.rules or rule.parents.stock:
        return
    counted = rule.correlate.rule
    for sibling in specs.rules:
        if sibling.correlate is None and counted in sibling.parents.rules and sibling.level >= rule.level > 0:
            text = (
                f"composite '{rule.name}' (level {rule.level}) is tried behind '{sibling.name}' (level {sibling.level})"
            )
            yield finding(rule, rule.at("level"), "H702", text, f"give it a level above {sibling.level}")
