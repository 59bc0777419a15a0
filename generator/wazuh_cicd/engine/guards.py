"""What can be told about a condition without testing it: values that a field must have for a rule to match.

Guards are necessary, never sufficient: a rule that passes its guard is still tested in full.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_cicd.engine.rulemodel import Rule, TextTest

# A field that a guard looks at: (is it a static one, its name).
Key = tuple[bool, str]

# The static fields whose conditions can guard a rule; the others are rare.
_STATICS = ("id", "action", "status", "url", "protocol", "data", "extra_data", "system_name")

_PERL_LITERAL = rb"(?:[A-Za-z0-9_ /:@,;=~%&!#\"'<>-]|\\[^A-Za-z0-9])*"
_PERL_EXACT = re.compile(
    rb"(?:\(\?i\))?(?:\^(?P<one>" + _PERL_LITERAL + rb")\$"
    rb"|\^\((?:\?:)?(?P<many>" + _PERL_LITERAL + rb"(?:\|" + _PERL_LITERAL + rb")*)\)\$)\Z"
)
_PERL_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
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
        found = _PERL_EXACT.match(test.source)
        if not found:
            return None
        texts = [found["one"]] if found["one"] is not None else found["many"].split(b"|")
        return frozenset(fold(_PERL_ESCAPE.sub(rb"\1", text)) for text in texts)
    if test.kind == "osregex" and (b"\\" in test.source or b"(" in test.source):
        return None
    values = [_ANCHORED.match(alternative) for alternative in test.source.split(b"|")]
    return frozenset(fold(value[1]) for value in values if value) if all(values) else None


def guard_of(rule: Rule) -> tuple[Key, frozenset[bytes] | None] | None:
    """Return the field, and where known the values, without which a rule cannot match; None when there is no such."""
    best: tuple[Key, frozenset[bytes] | None] | None = None
    tests: list[tuple[Key, TextTest]] = [((True, name), rule.texts[name]) for name in _STATICS if name in rule.texts]
    tests += [((False, test.name.lower().decode("latin-1")), test) for test in rule.fields]
    for key, test in tests:
        values = exact_values(test)
        if values is not None:
            return key, values
        best = best or (key, None)
    return best
