"""Whether some silent test of a rule is a near miss: it meets the parent and all of the rule's conditions but one.

Judged by the engine on the decoded events, so that it holds for JSON and for text alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.check.house import finding
from wazuh_cicd.render.gates import is_gate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wazuh_cicd.engine import Ruleset, Session
    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.findings import Finding
    from wazuh_cicd.spec import RuleSpec, SpecSet, TestEvent

ALLOWED_FAILURES = 1


def near_miss_findings(specs: SpecSet, ruleset: Ruleset, *, skip: Collection[int] = ()) -> Iterator[Finding]:
    """Plain rules whose silent tests all differ from what fires in more than one condition.

    Args:
        specs: the rules.
        ruleset: the same rules, loaded.
        skip: ids about which there is worse to say.
    """
    session = ruleset.session(clock=lambda: 0.0)
    for spec in specs.rules:
        rule = ruleset.rules.get(spec.id)
        silent = [event for test in spec.tests if test.expect == "silent" for event in test.events]
        if (
            rule is None
            or spec.id in skip
            or spec.level == 0
            or spec.correlate is not None
            or not silent
            or "H707" in spec.waive
        ):
            continue
        if not any(_is_near(_decoded(session, event), rule, ruleset) for event in silent):
            yield _missing(spec)


def _missing(spec: RuleSpec) -> Finding:
    text = f"no silent test of '{spec.name}' meets its parent and all of its conditions but one"
    return finding(spec, spec.at("tests"), "H707", text, "copy a firing event and change the one thing that decides")


def _decoded(session: Session, event: TestEvent) -> Event:
    if event.decoded is not None:
        name, fields = event.decoded
        return session.process_decoded(name, fields, location=event.location, log=event.log or b"").event
    return session.process(event.log or b"", event.location).event


def _is_near(event: Event, rule: Rule, ruleset: Ruleset) -> bool:
    failed = sum(not condition.test(event) for condition in rule.conditions if condition.test is not None)
    if failed > ALLOWED_FAILURES:
        return False
    return any(all(test(event) for test in parent.checks) for parent in _parents(rule, ruleset))


def _parents(rule: Rule, ruleset: Ruleset) -> Iterator[Rule]:
    """Yield the rules that a spec hangs on, those in front of gates for the gates."""
    for number in rule.parents:
        parent = ruleset.rules[number]
        if is_gate(number):
            yield from _parents(parent, ruleset)
        else:
            yield parent
