"""What can be told about a condition without testing it: values that a field must have for a rule to match.

Guards are necessary, never sufficient: a rule that passes its guard is still tested in full.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.rulemodel import Rule, TextTest

# A field that a guard looks at: (is it a static one, its name).
Key = tuple[bool, str]

# So many guards of a rule are used; a field that must only be there counts like one with so many values.
_USED = 2
_ANY = 1000

# The static fields whose conditions can guard a rule; the others are rare.
_STATICS = ("id", "action", "status", "url", "protocol", "data", "extra_data", "system_name")

_PERL_LITERAL = rb"(?:[A-Za-z0-9_ /:@,;=~%&!#\"'<>-]|\\[^A-Za-z0-9|])*"
_PERL_BEGIN = rb"(?:\(\?i\))?(?:\^|\\A)"
_PERL_END = rb"(?:\$|\\[zZ])\Z"
_PERL_EXACT = re.compile(
    _PERL_BEGIN
    + rb"(?:(?P<one>"
    + _PERL_LITERAL
    + rb")|\((?:\?:)?(?P<many>"
    + _PERL_LITERAL
    + rb"(?:\|"
    + _PERL_LITERAL
    + rb")*)\))"
    + _PERL_END
)
# The same with any of the anchors missing: what ``plain_test`` can do without the library.
_PERL_PLAIN = re.compile(
    rb"(?P<caseless>\(\?i\))?(?P<begin>\^|\\A)?(?:(?P<one>"
    + _PERL_LITERAL
    + rb")|\((?:\?:)?(?P<many>"
    + _PERL_LITERAL
    + rb"(?:\|"
    + _PERL_LITERAL
    + rb")*)\))(?P<end>\$|\\[zZ])?\Z"
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


def guards_of(rule: Rule) -> list[tuple[Key, frozenset[bytes] | None]]:
    """Return fields, and where known their values, without which a rule cannot match: the most telling first."""
    tests: list[tuple[Key, TextTest]] = [((True, name), rule.texts[name]) for name in _STATICS if name in rule.texts]
    tests += [((False, test.name.lower().decode("latin-1")), test) for test in rule.fields]
    guards = [(key, exact_values(test)) for key, test in tests]
    guards.sort(key=lambda guard: _ANY if guard[1] is None else len(guard[1]))
    # One guard a field: that a value must pass two tests is left to the tests.
    return list({key: (key, values) for key, values in reversed(guards)}.values())[::-1][:_USED]


def plain_test(test: TextTest) -> Callable[[bytes], bool] | None:
    """Return a test that answers as a PCRE2 pattern does, for patterns that are whole texts, beginnings, ends or parts.

    None for every other pattern. Most patterns of a careful author are such, and each call of the library costs more
    than the comparison.
    """
    found = _PERL_PLAIN.match(test.source) if test.kind == "pcre2" else None
    if found is None:
        return None
    raw = [found["one"]] if found["one"] is not None else found["many"].split(b"|")
    texts = tuple(_PERL_ESCAPE.sub(rb"\1", text) for text in raw)
    if found["end"] in {b"$", b"\\Z"}:
        # These anchors also hold before a line end at the very end.
        texts += tuple(text + b"\n" for text in texts)
    if found["caseless"]:
        texts = tuple(text.lower() for text in texts)
    plain = _comparison(texts, begin=bool(found["begin"]), end=bool(found["end"]))
    if found["caseless"]:
        return (lambda value: not plain(value.lower())) if test.negate else (lambda value: plain(value.lower()))
    return (lambda value: not plain(value)) if test.negate else plain


def _comparison(texts: tuple[bytes, ...], *, begin: bool, end: bool) -> Callable[[bytes], bool]:
    if begin and end:
        return frozenset(texts).__contains__
    if begin:
        return lambda value: value.startswith(texts)
    if end:
        return lambda value: value.endswith(texts)
    if len(texts) == 1:
        part = texts[0]
        return lambda value: part in value
    return lambda value: any(map(value.__contains__, texts))
