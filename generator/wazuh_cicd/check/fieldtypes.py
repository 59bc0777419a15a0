"""Fields whose type the event decides: a rule reads a value where another event has an object.

An index has one type for a field, and the first document of a day decides which. The package's own pipeline moves aside
what does not fit; then nobody can ask for it, and without the pipeline the whole alert is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.check.house import finding
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.indexer.fields import doubts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.spec import SpecSet

CODE = "H715"


def field_type_findings(specs: SpecSet) -> Iterator[Finding]:
    """One note a field, at the first rule that reads it."""
    for doubt in doubts(specs):
        rule = doubt.rule
        if CODE in rule.waive:
            continue
        name = ".".join(doubt.path)
        place = next((c.place for c in (*rule.when, *rule.unless) if c.subject == name), rule.place)
        text = (
            f"the type of '{name}' depends on the event: a value in the tests of '{doubt.value_in.name}',"
            f" an object in those of '{doubt.object_in.name}'"
        )
        fix = "read a member of the object, or take the value out with a decoder of its own"
        yield finding(rule, place, CODE, text, fix, Severity.NOTE)
