"""A rendered condition, run by the engine on whole events, holds exactly when plain Python says so.

Every case makes one rule of one condition; events carry the value as JSON, so the JSON decoder, the XML reader and the
pattern languages all take part.
"""

from __future__ import annotations

import ipaddress
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_rule import run

VALUES = st.text(alphabet="aAbB.$^|*<>&\\\n\t \"'{}[]()+?#=-@!é\x7f", max_size=6)
WORDS = st.lists(VALUES.filter(bool), min_size=1, max_size=2)
MISSING = object()
SETTINGS = settings(max_examples=20, deadline=None)  # each example loads a ruleset


def fold(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def events(values):
    for value in values:
        yield {} if value is MISSING else {"a": value}


MEANINGS = {
    "one_of": lambda wanted, v: v in wanted,
    "starts_with": lambda wanted, v: any(v.startswith(w) for w in wanted),
    "ends_with": lambda wanted, v: any(v.endswith(w) for w in wanted),
    "contains": lambda wanted, v: any(w in v for w in wanted),
    "contains_all": lambda wanted, v: all(w in v for w in wanted),
}


@pytest.mark.parametrize("where", ["when", "unless"])
@pytest.mark.parametrize("matcher", sorted(MEANINGS))
@given(words=WORDS, value=VALUES, before=VALUES, behind=VALUES, ignore_case=st.booleans())
@SETTINGS
def test_text_matchers(  # noqa: PLR0917 - what hypothesis draws
    where, matcher, words, value, before, behind, ignore_case
):
    spec = {matcher: words, "ignore_case": ignore_case} if ignore_case else {matcher: words}
    subjects = [value, words[0], before + words[0], words[-1] + behind, before + "".join(words) + behind, "", MISSING]
    for event, fired in zip(subjects, run({where: {"github.a": spec}}, events(subjects)), strict=True):
        if event is MISSING:
            expected = False
        elif ignore_case:
            expected = MEANINGS[matcher]([fold(w) for w in words], fold(event)) is (where == "when")
        else:
            expected = MEANINGS[matcher](words, event) is (where == "when")
        assert fired == expected, (spec, event)


@pytest.mark.parametrize("subject", ["action", "url", "id", "status", "data", "user"])
@given(words=WORDS, other=WORDS, value=VALUES)
@SETTINGS
def test_several_conditions_on_one_static_field(subject, words, other, value):
    when = {subject: {"starts_with": words, "contains": other[0]}}
    unless = {subject: {"ends_with": other[-1]}}
    values = [value, words[0] + value + other[0], words[0] + other[0] + "x", words[0] + other[0] + other[-1], MISSING]
    top = ({} if v is MISSING else {subject: v} for v in values)
    for v, fired in zip(values, run({"when": when, "unless": unless}, top, top_level=True), strict=True):
        expected = (
            v is not MISSING and any(v.startswith(w) for w in words) and other[0] in v and not v.endswith(other[-1])
        )
        assert fired == expected, v


@given(
    limit=st.integers(-50, 50) | st.sampled_from([1.5, 0.25, 100000]), value=st.integers(-60, 60) | st.floats(-60, 60)
)
@SETTINGS
def test_numbers_as_the_json_decoder_hands_them_on(limit, value):
    shown = int(value) if float(value) == int(value) else float(f"{value:.6f}")
    (least,) = run({"when": {"github.a": {"at_least": limit}}}, [{"a": value}])
    (most,) = run({"when": {"github.a": {"at_most": limit}}}, [{"a": value}])
    assert (least, most) == (shown >= limit, shown <= limit)


@pytest.mark.parametrize("value", [True, False, None, 0, 7, -7, 2**31, 2**40, -(2**31), "", "x"])
def test_a_plain_value_is_found_as_json_holds_it(value):
    assert run({"when": {"github.a": value if value is not None else {"equals": None}}}, [{"a": value}]) == [True]


@given(
    prefix=st.integers(0, 32),
    address=st.integers(0, 2**32 - 1),
    other=st.integers(0, 2**32 - 1),
)
@SETTINGS
def test_networks_on_dynamic_and_static_fields_agree(prefix, address, other):
    network = ipaddress.ip_network((address, prefix), strict=False)
    values = [str(ipaddress.IPv4Address(address)), str(ipaddress.IPv4Address(other)), "no address"]
    expected = [True, ipaddress.IPv4Address(other) in network, False]
    spec = {"cidr": [str(network)]}
    assert run({"when": {"github.a": spec}}, [{"a": v} for v in values]) == expected
    assert run({"when": {"srcip": spec}}, [{"srcip": v} for v in values], top_level=True) == expected
    assert run({"unless": {"srcip": spec}}, [{"srcip": v} for v in values], top_level=True) == [not e for e in expected]
    assert run({"unless": {"github.a": spec}}, [{"a": v} for v in values]) == [not e for e in expected]


ARRAYS = st.lists(
    VALUES
    | st.integers(-9, 9)
    | st.booleans()
    | st.lists(VALUES, max_size=2)
    | st.dictionaries(VALUES, VALUES, max_size=2),
    max_size=4,
)


@given(array=ARRAYS, wanted=VALUES.filter(bool))
@SETTINGS
def test_elements_of_arrays(array, wanted):
    assert run({"when": {"github.a": {"has_element": [wanted]}}}, [{"a": array}]) == [
        wanted in [v for v in array if isinstance(v, str)]
    ]
    assert run({"when": {"github.a": {"has_element": [wanted]}}}, [{"a": [*array, wanted]}]) == [True]


@given(
    members=st.dictionaries(
        st.sampled_from(["k", "kk", "x k"]), VALUES | st.booleans() | st.integers(-9, 9), max_size=3
    ),
    wanted=VALUES,
)
@SETTINGS
def test_members_of_objects(members, wanted):
    array = [{"deep": {"er": members}}, "x"]
    assert run({"when": {"github.a": {"has_member": {"k": wanted}}}}, [{"a": array}]) == [
        members.get("k") == wanted and isinstance(members.get("k"), str)
    ]
    for flag in (True, False):
        assert run({"when": {"github.a": {"has_member": {"k": flag}}}}, [{"a": array}]) == [members.get("k") is flag]


@given(key=st.text(alphabet="ab:.x ", min_size=1, max_size=4).map(str.strip).filter(bool), value=VALUES)
@SETTINGS
def test_lists(key, value):
    lists = {"tuned": json.dumps({"name": "tuned", "title": "t", "example": {"a": "b"}, "entries": {key: "v"}})}
    for where in ("when", "unless"):
        fired = run({where: {"github.a": {"in_list": "tuned"}}}, [{"a": value}, {"a": key}, {}], lists=lists)
        assert fired == [(value == key) is (where == "when"), where == "when", False]
    tested = {"when": {"github.a": {"in_list": "tuned", "value": "v"}}}
    assert run(tested, [{"a": key}], lists=lists) == [True]
    assert run({"when": {"github.a": {"in_list": "tuned", "value": "w"}}}, [{"a": key}], lists=lists) == [False]


def test_existence():
    values = [{"a": "x"}, {"a": ""}, {"a": None}, {"a": "\n"}, {"b": 1}]
    assert run({"when": {"github.a": {"exists": True}}}, values) == [True, True, True, True, False]
    assert run({"when": {"github.a": {"exists": True, "nonempty": True}}}, values) == [True, False, True, True, False]


def test_the_regex_of_an_author_keeps_its_meaning():
    cases = [
        (r"(?<=a)b", ["ab", "b"]),
        (r"(?<!a)b", ["cb", "ab"]),
        (r"(?<name>a)\k'name'", ["aa", "ab"]),
        (r"<b>&c", ["x<b>&c", "x<b>c"]),
        (r"^a$", ["a", "xa"]),
        (r"[<&]", ["<", "x"]),
        (r"\<", ["<", "x"]),
        ("=HYPERLINK", ["=HYPERLINK(", "HYPERLINK"]),
        ("a ", ["a b", "ab"]),
        ("(?:a|b)c", ["bc", "a"]),
        ("(?P<n>a)(?P=n)", ["aa", "ab"]),
    ]
    for pattern, (hit, miss) in cases:
        assert run({"when": {"github.a": {"regex": pattern}}}, [{"a": hit}, {"a": miss}]) == [True, False], pattern
        assert run({"unless": {"github.a": {"regex": pattern}}}, [{"a": hit}, {"a": miss}]) == [False, True], pattern
