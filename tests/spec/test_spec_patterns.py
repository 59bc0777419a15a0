"""An author's expression keeps its meaning in the spelling that Wazuh's XML reader and server API keep."""

from __future__ import annotations

import re

import pcre2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.spec.patterns import literal, regex_problem, rewrite

SUBJECTS = ["", "a", "ab", "aab", "<", "&", "a<b", "x=a", "=a", " a ", "a\n", "<tag>", "&&", "\t", "ba", "name"]


@pytest.mark.parametrize(
    "pattern",
    [
        "(?<=a)b", "(?<!a)b", "(?<n>a)b", "(?P<n>a)(?P=n)", "(?<n>a)\\k{n}", "<", "\\<", "[<&]", "[^<]", "&", "\\&",
        "a&b|<", "=a", "-a", "@", " a", "a ", "a\\ ", "\\\\<", "(?i)A<", "a\tb", "\n", "(?=<)", "(?!<)",
        "(?><)", "(?:<|&)+",
        "\\Q[a]\\E<", "^$", "a{1,2}", "\\d+(?<!1)", "(*UTF)<",
    ],
)  # fmt: skip
def test_meaning_is_kept_and_the_signs_are_gone(pattern):
    written = rewrite(pattern)
    assert not re.search(r"[<&\n\t]", written)
    assert written == written.strip(" ")
    assert written[:1] not in tuple("=-@")
    before, after = (pcre2.compile(text.encode()) for text in (pattern, written))
    for subject in SUBJECTS:
        spans = [m.span() if (m := p.search(subject.encode())) else None for p in (before, after)]
        assert spans[0] == spans[1], subject


@given(st.text(alphabet="ab<>&\\|()[]{}.*+?^$#\n\t\r =-@é\x00\x1f\x7f", max_size=8), st.text(max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_literal_is_exactly_its_text(text, other):
    pattern = literal(text)
    assert not re.search(r"[<&\n\t\r]", pattern)
    assert pattern == pattern.strip(" ")
    found = pcre2.compile(f"\\A{pattern}\\z".encode())
    assert found.search(text.encode("utf-8", "surrogateescape"))
    if other != text:
        assert not found.search(other.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("a(b", "missing closing parenthesis"),
        ("*a", "quantifier does not follow"),
        ("[z-a]", "range out of order"),
        ("\\Qa<b\\E", "inside \\Q...\\E"),
        ("[äö]", "beyond ASCII"),
        ("ä+", "beyond ASCII"),
    ],
)
def test_what_cannot_be_used_is_told(pattern, what):
    problem = regex_problem(pattern)
    assert problem is not None
    assert what in problem.what
    assert problem.mend


@pytest.mark.parametrize("pattern", ["ä", "(*UTF)[äö]+", "(?:ä|ö)", r"(?<=\d)x"])
def test_what_can_be_used_is_not(pattern):
    assert regex_problem(pattern) is None
