"""Rules that load without a word and test something else than they seem to test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.check.demands import demands_of, follows
from wazuh_cicd.check.fieldsource import ALWAYS_STATIC
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.check.demands import Demand
    from wazuh_cicd.check.fieldsource import FieldSource
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.ruletree import RuleTree
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition

# What an alert or the event's header has, and what people take for a field of the event.
_ALERT_NAMES = frozenset({"hostname", "location", "program_name", "full_log", "timestamp"})
_ALERT_PARTS = ("agent.", "manager.", "rule.", "decoder.", "predecoder.")
# The tags that compare what is no dynamic field.
_COMPARED = ALWAYS_STATIC | {"location", "user"}
# What ``<list>`` reads by another name than decoders write it.
_LIST_NAMES = {"srcuser": "user", "dstuser": "user"}
_LIST_ANYWAY = frozenset({"hostname", "program_name"})


def inverted_lookups(rule: RuleDefinition) -> Iterator[Finding]:
    """Lists that hold where the author thinks they do not."""
    for test in rule.lists:
        if test.lookup == "address_match_key_value":
            text = (
                f"rule {rule.id}: address_match_key_value is the wrong way round in Wazuh 4: it holds where the list"
                " has no such address, or has another value for it"
            )
            yield _finding("X824", rule, text, "use address_match_key, with a list for each value")


def rule_trap_findings(loaded: Rule, tree: RuleTree, fields: FieldSource) -> Iterator[Finding]:
    """What no manager says of a rule that asks of an event what it never has, or asks it of one event alone."""
    yield from _lists(loaded, fields)
    if loaded.composite:
        yield from _last_event(loaded, tree)
        yield from _compared(loaded, fields)


def _finding(code: str, rule: RuleDefinition, text: str, fix: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(rule.path, rule.line, rule.column, code, text, fix, severity=severity, rule=str(rule.id))


def _lists(loaded: Rule, fields: FieldSource) -> Iterator[Finding]:
    rule = loaded.definition
    for test in rule.lists:
        name = test.field.decode("utf-8", "replace").lstrip(" ").split(" ", 1)[0].lower()
        text = ""
        fix = "name a field that these events have"
        if name in _LIST_NAMES:
            text = f"rule {rule.id}: a list never finds '{name}', which is no dynamic field"
            fix = f'write field="{_LIST_NAMES[name]}"'
        elif name == "user":
            who = fields.lacks(loaded, "srcuser")
            if who and fields.lacks(loaded, "dstuser"):
                text = f"rule {rule.id} looks up '{name}' in a list, which {who} never fills"
        elif name not in _LIST_ANYWAY and (who := fields.lacks(loaded, name)):
            text = f"rule {rule.id} looks up '{name}' in a list, which {who} never fills"
        if text:
            yield _finding("X827", rule, text, fix)


def _compared(loaded: Rule, fields: FieldSource) -> Iterator[Finding]:
    rule = loaded.definition
    for tag, names in (("same", rule.same_fields), ("different", rule.different_fields)):
        effect = "the rule never fires" if tag == "same" else "nothing is compared"
        for raw in names:
            name = raw.decode("utf-8", "replace")
            start = f"rule {rule.id}, {tag}_field: '{name}'"
            lowered = name.lower()
            fix = f"write <{tag}_{lowered} />" if lowered in _COMPARED else "name a field that a decoder fills"
            if "," in name:
                yield _finding("X826", rule, f"{start} is read as one name: {effect}", "write one tag for each field")
            elif lowered in ALWAYS_STATIC:
                yield _finding("X826", rule, f"{start} is no dynamic field: {effect}", fix)
            elif who := fields.lacks(loaded, lowered):
                yield _finding("X826", rule, f"{start} is a field that {who} never fills: {effect}", fix)
            elif lowered in _ALERT_NAMES or lowered.startswith(_ALERT_PARTS):
                text = f"{start} is a name of the alert: unless the event is JSON that has this key, {effect}"
                yield _finding("X826", rule, text, fix, Severity.NOTE)


def _last_event(loaded: Rule, tree: RuleTree) -> Iterator[Finding]:
    """Composites that hang on what they count and test a field as if it were of each counted event."""
    rule, counted = loaded.definition, loaded.counted
    if loaded.search != "sid" or counted is None or rule.if_sid != rule.if_matched_sid or not rule.fields:
        return
    given = _above(counted, tree)
    asked = [demand for demand in demands_of(rule) if demand.subject.startswith("field ")]
    open_ = [demand.subject.removeprefix("field ") for demand in asked if not follows(demand, given)]
    if open_:
        text = (
            f"rule {rule.id} tests {_named(open_)} in the last event only: the events of rule {counted.id} that it"
            " counts may have any value"
        )
        fix = f"test it in a child of {counted.id}, and count that child"
        if rule.frequency is None:
            fix += f"; write <if_sid>{counted.id}</if_sid> if one event is enough"
        yield _finding("X825", rule, text, fix)


def _named(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in dict.fromkeys(names)]
    return " and ".join(quoted)


def _above(rule: Rule, tree: RuleTree) -> list[Demand]:
    """What a rule and those above it ask, as long as each hangs on one."""
    found: list[Demand] = []
    seen: set[int] = set()
    while rule.id not in seen:
        seen.add(rule.id)
        found += demands_of(rule.definition)
        if len(rule.parents) != 1 or rule.parents[0] not in tree.rules:
            break
        rule = tree.rules[rule.parents[0]]
    return found
