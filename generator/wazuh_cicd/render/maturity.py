"""What a rule's ``status`` means for a package: the levels that a site starts with.

A site begins with the rules that are ``stable`` and promotes the others when it has seen what they would say. A rule
that is less mature than the site asks for is demoted:

* it alerts at level 3 at most, and no response is bound to it;
* where an event would otherwise end at a louder rule above it, or where rules that are not demoted hang on it, it lets
  the search go on (``noalert``), so that it never hides what a rule that is not demoted says;
* a composite follows its own status. It is never more mature than the rule that it counts (code R221), so no composite
  rests on what a first start leaves out.

Whatever ends at a rule that is not demoted ends there at every status.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.spec.links import parents_of
from wazuh_cicd.spec.model import QUIET
from wazuh_cicd.spec.shapes import STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.spec.model import RuleSpec, SpecSet

_RULE = re.compile(r'<rule id="(\d+)" level="(\d+)"')


def is_demoted(rule: RuleSpec, status: str) -> bool:
    """Whether a rule alerts above level 3 and is less mature than a site asks for."""
    return rule.level > QUIET and not rule.noalert and STATUSES.index(rule.status) < STATUSES.index(status)


def at_status(specs: SpecSet, status: str) -> SpecSet:
    """The specs with the levels of a site that asks for ``status``.

    A demoted rule has no response and no tests: they hold at its own level. So does what the tests of others want to
    happen at a demoted rule instead.
    """
    demoted = {rule.name for rule in specs.rules if is_demoted(rule, status)}
    passed = _passed(specs, demoted)
    chosen: dict[str, RuleSpec] = {}

    def level_without(rule: RuleSpec) -> int:
        """The loudest level at which an event ends when the rule lets it pass."""
        above = [chosen[parent.name] for parent in parents_of(rule, specs)]
        ours = [level_without(parent) if parent.noalert else parent.level for parent in above]
        kept = [parent.level for parent in above if parent.name in passed]
        stock = [*rule.parents.stock, *([rule.correlate.stock] if rule.correlate and rule.correlate.stock else [])]
        return max((*ours, *kept, *(_stock_levels().get(number, QUIET + 1) for number in stock)), default=0)

    for rule in _parents_first(specs):
        if rule.name not in demoted:
            chosen[rule.name] = _without_instead(rule, demoted)
        elif rule.name in passed:
            chosen[rule.name] = replace(rule, noalert=True, response=None, tests=())
        else:
            loud = level_without(rule) > QUIET
            chosen[rule.name] = replace(rule, level=QUIET, noalert=loud, response=None, tests=())
    return replace(specs, rules=tuple(chosen[rule.name] for rule in specs.rules))


def _without_instead(rule: RuleSpec, demoted: set[str]) -> RuleSpec:
    """The rule with tests that do not ask for an event to end at a demoted rule."""
    if not any(test.instead in demoted for test in rule.tests):
        return rule
    tests = (replace(test, instead=None) if test.instead in demoted else test for test in rule.tests)
    return replace(rule, tests=tuple(tests))


def _passed(specs: SpecSet, demoted: set[str]) -> set[str]:
    """The demoted rules that keep their place in the order, for the rules below them that are not demoted."""
    passed: set[str] = set()
    todo = [rule for rule in specs.rules if rule.name not in demoted]
    seen: set[str] = set()
    while todo:
        for parent in parents_of(todo.pop(), specs):
            if parent.name not in seen:
                seen.add(parent.name)
                todo.append(parent)
                if parent.name in demoted:
                    passed.add(parent.name)
    return passed


def _parents_first(specs: SpecSet) -> list[RuleSpec]:
    """The rules, each after those that it hangs on or counts."""
    done: dict[str, RuleSpec] = {}
    todo = [(rule, False) for rule in reversed(specs.rules)]
    while todo:
        rule, ready = todo.pop()
        if rule.name in done:
            continue
        if ready:
            done[rule.name] = rule
        else:
            todo.append((rule, True))
            todo += [(parent, False) for parent in parents_of(rule, specs) if parent.name not in done]
    return list(done.values())


@cache
def _stock_levels() -> Mapping[int, int]:
    """The levels of the stock rules that ours hang on; one that is not there counts as loud."""
    levels = {}
    for path in sorted((stock_root() / "rules").glob("*.xml")):
        levels.update({int(number): int(level) for number, level in _RULE.findall(path.read_text("utf-8"))})
    return levels
