"""What can be told about a condition without testing it: values that a field must have for a rule to match.

Guards are necessary, never sufficient: a rule that passes its guard is still tested in full.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.perl_facts import facts_of

if TYPE_CHECKING:
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition, TextTest

# A field that a guard looks at: (is it a static one, its name).
Key = tuple[bool, str]

# So many guards of a rule are used; a field that must only be there counts like one with so many values.
_USED = 2
_ANY = 1000

# The static fields whose conditions can guard a rule; the others are rare.
_STATICS = ("id", "action", "status", "url", "protocol", "data", "extra_data", "system_name")

_ANCHORED = re.compile(rb"\^([^|$]*)\$\Z")


def fold(value: bytes) -> bytes:
    """Return a value as guards compare it: without letter case and without the line end that ``$`` ignores."""
    return value.lower().removesuffix(b"\n")


def exact_values(test: TextTest) -> frozenset[bytes] | None:
    """Return the folded values outside of which a test fails, or None when it is not a choice of whole values."""
    if test.negate or test.source.startswith(b"!"):
        return None
    if test.kind == "string":
        return frozenset({fold(test.source)})
    if test.kind == "pcre2":
        facts = facts_of(test.source)
        if facts is None or facts.whole is None or not facts.whole.only_values:
            return None
        return frozenset(map(fold, facts.whole.values))
    if test.kind == "osregex" and (b"\\" in test.source or b"(" in test.source):
        return None
    values = [_ANCHORED.match(alternative) for alternative in test.source.split(b"|")]
    return frozenset(fold(value[1]) for value in values if value) if all(values) else None


def guards_of(rule: RuleDefinition) -> list[tuple[Key, frozenset[bytes] | None, TextTest]]:
    """Return fields without which a rule cannot match, values where known, and the test; the most telling first."""
    tests: list[tuple[Key, TextTest]] = [((True, name), rule.texts[name]) for name in _STATICS if name in rule.texts]
    tests += [((False, test.name.lower().decode("latin-1")), test) for test in rule.fields]
    guards = [(key, exact_values(test), test) for key, test in tests]
    guards.sort(key=lambda guard: _ANY if guard[1] is None else len(guard[1]))
    # One guard a field: that a value must pass two tests is left to the tests.
    return list({guard[0]: guard for guard in reversed(guards)}.values())[::-1][:_USED]
