"""Reading YAML: what a scalar is, and what is refused."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.spec import yamlnodes
from wazuh_cicd.spec.problems import Problems, did_you_mean, listing
from wazuh_cicd.spec.yamlnodes import SpecReader, plain


@pytest.fixture(params=["fast", "plain"], autouse=True, scope="module")
def loader(request):
    """Run everything here with libyaml, where it is there, and once more without."""
    if request.param == "fast":
        yield
        return
    with mock.patch.object(yamlnodes, "FAST_LOADER", None):
        yield


def read(text: str | bytes):
    problems = Problems()
    data = text.encode() if isinstance(text, str) else text
    node = SpecReader("x.yml", problems).compose(data)
    return (plain(node) if node is not None else None), [str(finding) for finding in problems.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("'true'", "true"),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("007", "007"),
        ("0x10", "0x10"),
        ("0o7", "0o7"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("192.0.2.1", "192.0.2.1"),
        (".inf", ".inf"),
        ("'7'", "7"),
        ("|\n    7\n", "7\n"),
        ("/livez?verbose", "/livez?verbose"),
    ],
)
def test_values_are_those_of_yaml_1_2(text, value):
    found, problems = read(f"a: {text}\n")
    assert problems == []
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n\tb: 1\n", "x.yml:2:1 Y102 a tab where YAML wants blanks"),
        ("a: 1\nb: 2\na: 3\n", "x.yml:3:1 Y103 key 'a' stands here twice (first in line 1)"),
        ("a: &x [1]\nb: *x\n", "Y104 an alias stands for this node"),
        ("a: !python/name:os.system x\n", "Y105 tag '!python/name:os.system' is not known"),
        (b"a: \xff\n", "x.yml:1 Y106 byte 0xff is not UTF-8"),
        ("a: " + "[" * 100 + "]" * 100, "x.yml Y107 nested deeper"),
        ("[" * 300000, "x.yml Y107 nested deeper"),
        ("".join(" " * depth + "a:\n" for depth in range(200)), "x.yml Y107 nested deeper"),
        ("- " * 5000 + "a", "x.yml Y107 nested deeper"),
        ("a: 1\n---\nb: 2\n", "x.yml:2:1 Y108 a second document"),
        ("[a, b]: c\n", "Y109 a key must be a plain text"),
        ("a: b: c\n", "x.yml:1:5 Y101 not YAML: ': ' inside an unquoted text"),
        ("a: @b\n", "x.yml:1:4 Y101 not YAML: a text cannot start with '@'"),
        ("a: [1, 2\n", "a bracket or quote left open?"),
        ("a: 'b\n", "a bracket or quote left open?"),
        ("a: \x01\n", "x.yml:1 Y101 not YAML: U+0001 is not allowed"),
    ],
)
def test_what_is_refused_is_located(text, told):
    value, problems = read(text)
    assert value is None
    assert any(told in problem for problem in problems), problems


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"%@#,?\n\t 1", max_size=60).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_no_text_makes_the_reader_fail(data):
    value, problems = read(data)
    assert value is None or not problems
    assert all(problem.startswith("x.yml") for problem in problems)


def test_a_question_mark_ends_no_text_in_brackets():
    assert read("[Who did it?, And why? , a?b, x ?y]\n") == (["Who did it?", "And why?", "a?b", "x ?y"], [])


def test_suggestions_are_near_or_not_made():
    assert did_you_mean("whne", ["when", "unless"]) == "did you mean 'when'?"
    assert did_you_mean("Level", ["level"]) == "did you mean 'level'?"
    assert did_you_mean("zzz", ["when"], otherwise="write when") == "write when"
    assert listing(["a", "b", "c"]) == "a, b or c"
    assert listing([]) == ""
