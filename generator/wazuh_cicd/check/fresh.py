"""Stale rules: what the rules name, compared with what the sources of events document today.

Two questions for each list: what does it name that no rule names, and what do the rules name that it does not have?
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from wazuh_cicd.check.house import finding
from wazuh_cicd.content.documented.names import harmless_actions
from wazuh_cicd.engine import load_ruleset, read_folder
from wazuh_cicd.engine.patterns import PatternError, compile_pattern
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.spec.model import Affix, Equals, HasElement, Regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from wazuh_cicd.content.documented.names import Documented
    from wazuh_cicd.spec import RuleSpec, SpecSet
    from wazuh_cicd.spec.model import Condition, Matcher

UNNAMED, GONE, STOCK_GONE, TECHNIQUE_GONE, GROUP_GONE = "F901", "F902", "F903", "F904", "F905"
WORTH_A_RULE = 8
_ACTION_FIELD, _GROUP_FIELD = "github.action", "objectRef.apiGroup"
# A condition that takes more of the list than this looks at a class of actions and names none.
_MOST_NAMED = 60

_DISARMING = re.compile(
    r"(?:^|[._])(?:disabled?|cleare?d?|deleted?|destroy(?:ed)?|transfer(?:red)?|promoted?|bypass(?:ed)?|unlock(?:ed)?|unset|reset)"
    r"(?:_|$)"
)
_CHANGING = re.compile(
    r"(?:^|[._])(?:updated?|changed?|added?|created?|enabled?|granted?|approved?|set|install(?:ed)?|invited?|assign(?:ed)?|"
    r"register(?:ed)?|generated?|removed?|revoked?|export\w*|download\w*|disclosure)(?:_|$)"
)
_EVERYDAY = re.compile(
    r"(?:project|issue|sub_issues|discussion|commit_comment|pull_request|merge_queue|marketplace|sponsors|billing|metered_billing"
    r"|advisory_credit|repository_advisory|enterprise_announcement|organization_default_label|profile_picture|user_status"
    r"|user_content_edit|repository_image|prebuild_configuration|team_discussions|repository_limit|account|payment_method)\w*\."
)


def fresh_findings(specs: SpecSet, actions: Documented, groups: Documented) -> Iterator[Finding]:
    """What GitHub documents and no rule names, and what the rules name that GitHub or Kubernetes does not document."""
    yield from _actions(specs, actions)
    for rule, condition, name in _named_values(specs, _GROUP_FIELD):
        # Groups of operators are not on the list of a bare API server: only its own kind can be judged.
        if (name.endswith(".k8s.io") or "." not in name) and name not in groups.names and GROUP_GONE not in rule.waive:
            text = f"'{rule.name}' names the API group '{name}', which is not among {groups.origin}"
            yield finding(rule, condition.place, GROUP_GONE, text, "correct the name, or waive it with the reason")


def manager_findings(specs: SpecSet, stock: Path | None, techniques: Documented | None) -> Iterator[Finding]:
    """What the rules need of a manager that it does not have: stock rules and ATT&CK techniques.

    Args:
        specs: the rules.
        stock: the manager's ``ruleset`` folder.
        techniques: those that the manager knows.
    """
    if stock is not None:
        known = load_ruleset([read_folder(stock)]).rules
        for rule in specs.rules:
            counted = rule.correlate.stock if rule.correlate is not None else None
            needed = {*rule.parents.stock, *([] if counted is None else [counted])}
            for number in sorted(needed - set(known)):
                text = f"'{rule.name}' hangs on stock rule {number}, which {stock} does not have"
                yield finding(rule, rule.at("parent"), STOCK_GONE, text, "hang it on the rule that took its place")
    if techniques is not None:
        for rule in specs.rules:
            for name in rule.mitre:
                if name not in techniques.names:
                    text = f"'{rule.name}' names technique {name}, which is not in {techniques.origin}"
                    yield finding(
                        rule, rule.at("mitre"), TECHNIQUE_GONE, text, "write the technique that took its place"
                    )


def proposed_level(action: str) -> int:
    """The level to begin with for an audit log action that no rule names: 10, 8, 5 or 3, by what its words say."""
    if _EVERYDAY.match(action):
        return 3
    if _DISARMING.search(action):
        return 10 if action.startswith(("org.", "business.")) else WORTH_A_RULE
    return 5 if _CHANGING.search(action) else 3


def _actions(specs: SpecSet, documented: Documented) -> Iterator[Finding]:
    named: set[str] = set()
    for rule in specs.rules:
        for condition in rule.when:
            if condition.subject != _ACTION_FIELD or UNNAMED in rule.waive:
                continue
            taken = _taken(condition, documented.names)
            if len(taken) <= _MOST_NAMED:
                named |= taken
            if not taken and GONE not in rule.waive:
                text = f"no action that '{rule.name}' names is among {documented.origin}"
                yield finding(rule, condition.place, GONE, text, "correct the name, or waive it with the reason")
    for rule, condition, name in _named_values(specs, _ACTION_FIELD):
        if name not in documented.names and GONE not in rule.waive and _taken(condition, documented.names):
            text = f"'{rule.name}' names '{name}', which is not among {documented.origin}"
            yield finding(rule, condition.place, GONE, text, "correct the name, or waive it with the reason")
    levels: Counter[int] = Counter()
    for action in sorted(documented.names - named - harmless_actions()):
        level = proposed_level(action)
        levels[level] += 1
        if level >= WORTH_A_RULE:
            text = f"no rule names the audit log action '{action}'; proposed level {level}"
            yield _about_list(documented, UNNAMED, text, "name it in a rule", Severity.WARNING)
    rest = ", ".join(f"{count} of level {level}" for level, count in sorted(levels.items()) if level < WORTH_A_RULE)
    if rest:
        yield _about_list(documented, UNNAMED, f"no rule names {rest}, by the proposal", "", Severity.NOTE)


def _about_list(documented: Documented, code: str, text: str, fix: str, severity: Severity) -> Finding:
    return Finding(documented.origin, 0, 0, code, text, fix, severity=severity)


def _named_values(specs: SpecSet, subject: str) -> Iterator[tuple[RuleSpec, Condition, str]]:
    """Every single value that a rule compares a field with."""
    for rule in specs.rules:
        for condition in rule.when:
            if condition.subject != subject:
                continue
            for matcher in condition.matchers:
                if isinstance(matcher, Equals):
                    yield from ((rule, condition, str(value)) for value in matcher.values)


def _taken(condition: Condition, names: Iterable[str]) -> set[str]:
    """The names that meet a condition."""
    tests = [_test(matcher) for matcher in condition.matchers]
    return {name for name in names if all(test(name) for test in tests)}


def _test(matcher: Matcher) -> Callable[[str], bool]:
    if isinstance(matcher, Equals):
        values = {str(value) for value in matcher.values}
        return values.__contains__
    if isinstance(matcher, Regex):
        try:
            pattern = compile_pattern("pcre2", matcher.pattern.encode())
        except PatternError:
            return lambda name: False  # noqa: ARG005 - another finding says so
        return lambda name: pattern.test(name.encode())
    if isinstance(matcher, Affix):
        return _AFFIXES[matcher.kind](matcher.texts)
    return lambda name: not isinstance(matcher, HasElement)  # noqa: ARG005 - lists and the like name nothing


_AFFIXES: dict[str, Callable[[tuple[str, ...]], Callable[[str], bool]]] = {
    "starts_with": lambda texts: lambda name: name.startswith(texts),
    "ends_with": lambda texts: lambda name: name.endswith(texts),
    "contains": lambda texts: lambda name: any(text in name for text in texts),
    "contains_all": lambda texts: lambda name: all(text in name for text in texts),
}
