"""Everything fast about OS_Regex gives the answer of the byte-by-byte scanner."""

from hypothesis import given, settings
from osregex_strategies import alternatives, subjects

from wazuh_cicd.engine.patterns.osregex import _substrings, compile_osregex
from wazuh_cicd.engine.patterns.osregex_fast import Scanner
from wazuh_cicd.engine.patterns.osregex_reference import scan
from wazuh_cicd.engine.patterns.osregex_syntax import parse_alternatives


@given(alternatives, subjects)
@settings(max_examples=400, deadline=None)
def test_the_fast_scanner_takes_the_steps_of_the_reference(pattern, subject):
    (alternative,) = parse_alternatives(pattern)
    for captures in (False, True):
        expected = scan(alternative, subject, captures=captures)
        assert Scanner(alternative, captures=captures).scan(subject) == expected


@given(alternatives, subjects)
@settings(max_examples=400, deadline=None)
def test_test_search_and_captures_agree_with_the_reference(pattern, subject):
    (alternative,) = parse_alternatives(pattern)
    expected = scan(alternative, subject.lower(), captures=False)
    plain = compile_osregex(pattern)
    assert plain.test(subject) == (expected is not None)
    found = plain.search(subject)
    assert (found.end if found else None) == (expected[0] + 1 if expected else None)

    capturing = bool(alternative.groups)
    expected = scan(alternative, subject.lower(), captures=capturing)
    found = compile_osregex(pattern, captures=True).search(subject)
    assert (found is None) == (expected is None)
    if found is not None:
        assert (found.end, found.groups) == (expected[0] + 1, _substrings(subject, expected[1]))


@given(alternatives, subjects)
@settings(max_examples=200, deadline=None)
def test_a_match_contains_one_of_the_literals_and_begins_with_a_first_byte(pattern, subject):
    compiled = compile_osregex(pattern)
    if subject and compiled.test(subject):
        assert not compiled.literals or any(literal in subject.lower() for literal in compiled.literals)
        assert compiled.first_bytes is None or subject.lower()[0] in compiled.first_bytes


@given(alternatives, alternatives, subjects)
@settings(max_examples=300, deadline=None)
def test_alternatives_are_independent(first, second, subject):
    both = compile_osregex(first + b"|" + second)
    assert both.test(subject) == (compile_osregex(first).test(subject) or compile_osregex(second).test(subject))
