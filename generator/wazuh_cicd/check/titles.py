"""Fields that a title names although the rule fires without them: the alert would show a hole.

Wazuh replaces ``$(field)`` with nothing when the event does not have the field. A field is certain when the rule, or
every rule that it hangs on, has a condition on it: in Wazuh no condition holds on a missing field, whether it is denied
or not. A composite also needs the fields whose values must agree. Where a decoder takes several fields out of a line
with one expression, none of them comes without the others. Of events that a program of this package writes, the spec
says itself which fields are certain (``certain``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.check.house import finding, title_fields
from wazuh_cicd.engine.patterns import PatternError, compile_pattern
from wazuh_cicd.engine.patterns.perl_facts import certain_captures
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.spec.model import Affix, Regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_cicd.spec import RuleSpec, SpecSet
    from wazuh_cicd.spec.model import Condition

CODE = "H708"
SHOWN_FROM_LEVEL = 3  # a manager writes no alert below it
_ALWAYS = frozenset({"hostname"})
_NO_FIELDS: frozenset[str] = frozenset()
# Stock rules of access logs, and what the decoders take out of one line (0375-web-accesslog_decoders.xml,
# 0380-windows_decoders.xml): only the formats of IIS and GLPI leave some of it out.
_WEB_RULES = frozenset({31100, 31101, 31102, 31103, 31104, 31105, 31108, 31109, 31110, 31511})
_WEB_LOG: Mapping[str, frozenset[str]] = {
    "protocol": frozenset({"srcip", "url", "id"}),
    "id": frozenset({"srcip", "url"}),
    "url": frozenset({"srcip"}),
}


def title_findings(specs: SpecSet) -> Iterator[Finding]:
    """One note a rule whose title names fields that need not be there when it fires."""
    certain = _Certain(specs)
    for rule in specs.rules:
        if rule.level < SHOWN_FROM_LEVEL or CODE in rule.waive:
            continue
        known = certain.fields(rule)
        missing = [name for name in dict.fromkeys(title_fields(rule)) if name.lower() not in known]
        if missing:
            names = ", ".join(f"$({name})" for name in missing)
            text = f"the title of '{rule.name}' shows a hole when the event lacks {names}"
            fix = "ask for the field in 'when', name one that is certain, or name it in a child rule that asks for it"
            yield finding(rule, rule.at("title"), CODE, text, fix, Severity.NOTE)


class _Certain:
    """The fields that every event of a rule has, by the conditions of the rule and of what it hangs on."""

    def __init__(self, specs: SpecSet) -> None:
        self._specs = specs
        self._known: dict[str, frozenset[str]] = {}
        self._together = _together(specs)

    def fields(self, rule: RuleSpec) -> frozenset[str]:
        """Names in lower case."""
        if rule.name not in self._known:
            self._known[rule.name] = _ALWAYS  # a circle of parents is another finding
            known = _ALWAYS | _own(rule) | self._inherited(rule)
            tables = [self._together, _WEB_LOG] if _hangs_on_web_log(rule) else [self._together]
            self._known[rule.name] = known.union(*(table.get(name, _NO_FIELDS) for table in tables for name in known))
        return self._known[rule.name]

    def _inherited(self, rule: RuleSpec) -> frozenset[str]:
        names = list(rule.parents.rules)
        counted = rule.correlate.rule if rule.correlate is not None else None
        if rule.parents.stock:
            return _NO_FIELDS
        if not names and counted is not None:
            names = [counted]
        above = [self.fields(self._specs.by_name[name]) for name in names if name in self._specs.by_name]
        return frozenset.intersection(*above) if above else _NO_FIELDS


def _together(specs: SpecSet) -> Mapping[str, frozenset[str]]:
    """Which fields an event has besides a field, by what our decoders take out together."""
    ours: dict[str, frozenset[str]] = {}
    for decoder in specs.decoders:
        for extraction in decoder.extract:
            names = [name.lower() for name in extraction.fields]
            certain = certain_captures(extraction.pattern.encode())
            always = frozenset(name for number, name in enumerate(names) if number in certain)
            for name in names:
                ours[name] = ours[name] & always if name in ours else always
    # Dynamic fields alone: stock decoders make the static ones, and these, in other company.
    return {name: others for name, others in ours.items() if "." in name}


def _hangs_on_web_log(rule: RuleSpec) -> bool:
    return bool(rule.parents.stock) and not rule.parents.rules and _WEB_RULES.issuperset(rule.parents.stock)


def _own(rule: RuleSpec) -> frozenset[str]:
    asked = {condition.subject.lower() for condition in rule.when if _shows_something(condition)}
    denied = {condition.subject.lower() for condition in rule.unless}
    agreeing = {name.lower() for name in rule.correlate.same} if rule.correlate is not None else set()
    declared = {name.lower() for name in rule.certain}
    return frozenset(asked | denied | agreeing | declared)


def _shows_something(condition: Condition) -> bool:
    """Whether a value that meets the condition is there; an expression that takes the empty text proves nothing."""
    return any(_nonempty(matcher) for matcher in condition.matchers)


def _nonempty(matcher: object) -> bool:
    if isinstance(matcher, Regex):
        try:
            return not compile_pattern("pcre2", matcher.pattern.encode()).test(b"")
        except PatternError:
            return False
    if isinstance(matcher, Affix):
        return all(matcher.texts)
    return True
