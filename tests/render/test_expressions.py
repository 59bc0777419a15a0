"""Each matcher's expression means exactly what a few lines of Python say it means."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal

import pcre2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wazuh_cicd.render.expressions import both, expression, number_at_least, number_at_most
from wazuh_cicd.spec.model import Affix, Bound, Cidr, Equals, HasElement, HasMember, Member, Regex

# Little alphabets, so that near misses are common; specials of every dialect and of XML among them.
TEXT = st.text(alphabet="aAbB.$^|*<>&\\\n\t \"'{}[]()+?#=-@!é\x00\x7f", max_size=8)
TEXTS = st.lists(TEXT.filter(bool), min_size=1, max_size=3).map(tuple)
SETTINGS = settings(max_examples=150, deadline=None)


def found(matcher, value: str | bytes, *, ignore_case: bool = False) -> bool:
    text = expression(matcher)
    assert not set("<&") & set(text)
    pattern = pcre2.compile((("(?i)" if ignore_case else "") + text).encode("utf-8", "surrogateescape"))
    return pattern.search(value if isinstance(value, bytes) else value.encode()) is not None


def fold(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


@given(TEXTS, TEXT)
@example(("x",), "x\n")
@SETTINGS
def test_equals_is_equality_of_bytes(texts, value):
    assert found(Equals(texts), value) == (value in texts)
    assert found(Equals(texts), texts[0])


@given(TEXTS, TEXT)
@SETTINGS
def test_equals_may_ignore_ascii_case(texts, value):
    assert found(Equals(texts), value, ignore_case=True) == (fold(value) in {fold(text) for text in texts})


@pytest.mark.parametrize("kind", ["starts_with", "ends_with", "contains", "contains_all"])
@given(TEXTS, TEXT, TEXT)
@SETTINGS
def test_affixes_are_what_str_says(kind, texts, before, behind):
    meaning = {
        "starts_with": lambda v: v.startswith(texts),
        "ends_with": lambda v: v.endswith(texts),
        "contains": lambda v: any(text in v for text in texts),
        "contains_all": lambda v: all(text in v for text in texts),
    }[kind]
    for value in (before, before + texts[0] + behind, texts[0] + behind, before + texts[-1]):
        assert found(Affix(kind, texts), value) == meaning(value)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (True, "true"),
        (None, "null"),
        (5, "5"),
        (2**31, "2147483648.000000"),
        (2**31, "2147483648"),
        (1.5, "1.500000"),
        (-(2**31), "-2147483648"),
    ],
)
def test_a_json_value_equals_the_text_it_becomes(value, arrives):
    assert found(Equals((value,)), arrives)
    assert not found(Equals((value,)), arrives + "0")


# -- numbers -----------------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
LIMITS = st.decimals(min_value=-2000, max_value=2000, places=2, allow_nan=False) | st.integers(-300, 300).map(Decimal)
NUMERALS = (
    st.decimals(min_value=-2500, max_value=2500, places=3, allow_nan=False).map(lambda d: format(d, "f"))
    | st.integers(-400, 400).map(str)
    | st.from_regex(r"-?0{0,2}[0-9]{1,4}(\.[0-9]{1,6})?", fullmatch=True)
    | st.text(alphabet="0123456789.-+e \n", max_size=6)
)


@given(LIMITS, NUMERALS)
@example(Decimal(0), "-0")
@example(Decimal(7), "7.000000")
@example(Decimal("-0.5"), "-0.50")
@settings(max_examples=400, deadline=None)
def test_bounds_compare_decimal_numbers(limit, value):
    number = Decimal(value) if NUMBER.match(value) else None
    assert found(Bound("at_least", limit), value) == (number is not None and number >= limit)
    assert found(Bound("at_most", limit), value) == (number is not None and number <= limit)


def test_bounds_are_exact_on_all_small_numbers():
    for limit in range(-12, 130, 7):
        least, most = (re.compile(f(Decimal(limit)) + r"\Z") for f in (number_at_least, number_at_most))
        for value in range(-15, 140):
            for text in (f"{value}", f"{value}.000000"):
                assert bool(least.match(text)) == (value >= limit), (limit, text)
                assert bool(most.match(text)) == (value <= limit), (limit, text)


# -- addresses ---------------------------------------------------------------------------------------------------------

V4 = st.builds(lambda a, p: ipaddress.ip_network((a, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))
V6_ADDRESS = st.one_of(
    st.integers(0, 2**128 - 1),
    st.lists(st.sampled_from([0, 0, 0, 1, 0xF, 0x10, 0xDB8, 0x2001, 0xFC00, 0xFFFF]), min_size=8, max_size=8).map(
        lambda groups: int.from_bytes(b"".join(g.to_bytes(2, "big") for g in groups), "big")
    ),
)
V6 = st.builds(lambda a, p: ipaddress.ip_network((a, p), strict=False), V6_ADDRESS, st.integers(0, 128))


@st.composite
def spelling(draw, address: int) -> str:
    """Any RFC 4291 spelling of an IPv6 address."""
    groups = [address >> shift & 0xFFFF for shift in range(112, -1, -16)]
    texts = []
    for group in groups:
        width = draw(st.integers(1, 4))
        text = f"{group:0{width}x}"
        texts.append(text.upper() if draw(st.booleans()) else text)
    if draw(st.integers(0, 3)) == 0:
        texts[6:] = [str(ipaddress.IPv4Address(address & 0xFFFFFFFF))]
        length = 6
    else:
        length = 8
    runs = [(i, j) for i in range(length) for j in range(i + 1, length + 1) if not any(groups[i:j])]
    if runs and draw(st.booleans()):
        first, last = draw(st.sampled_from(runs))
        return ":".join(texts[:first]) + "::" + ":".join(texts[last:])
    return ":".join(texts)


@given(V4, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_ipv4_networks_hold_their_addresses(network, other, offset):
    inside = ipaddress.IPv4Address(int(network.network_address) + offset % network.num_addresses)
    matcher = Cidr((str(network),))
    assert found(matcher, str(inside))
    assert found(matcher, str(ipaddress.IPv4Address(other))) == (ipaddress.IPv4Address(other) in network)
    assert not found(matcher, f"{inside}\n")
    assert not found(matcher, f"{inside}.1")


@given(st.data(), V6, V6_ADDRESS, st.integers(0, 2**128 - 1))
@settings(max_examples=150, deadline=None)
def test_ipv6_networks_hold_every_spelling_of_their_addresses(data, network, other, offset):
    matcher = Cidr((str(network),))
    inside = int(network.network_address) + offset % network.num_addresses
    for address in (inside, int(network.network_address), other, int(network.broadcast_address)):
        text = data.draw(spelling(address))
        assert ipaddress.ip_address(text) == ipaddress.IPv6Address(address)
        assert found(matcher, text) == (ipaddress.IPv6Address(address) in network), text


@given(st.text(alphabet="0123456789abf:.:", max_size=24))
@settings(max_examples=300, deadline=None)
def test_what_is_no_address_is_in_no_network(text):
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        version = 0
    assert found(Cidr(("::/0",)), text) == (version == 6)
    assert found(Cidr(("0.0.0.0/0",)), text) == (version == 4)


# -- printed arrays ----------------------------------------------------------------------------------------------------


def printed(value: object, depth: int = 0) -> str:
    """A JSON value as cJSON's formatted printer writes it."""
    if isinstance(value, str):
        out = ['"']
        for c in value:
            plain = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
            out.append(plain.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 else c))
        return "".join([*out, '"'])
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return f"{value:.15g}"
    if isinstance(value, list):
        return "[" + ", ".join(printed(v, depth) for v in value) + "]"
    inner = ",\n".join("\t" * (depth + 1) + f"{printed(k)}:\t{printed(v, depth + 1)}" for k, v in value.items())
    return "{\n" + inner + "\n" + "\t" * depth + "}" if value else "{\n" + "\t" * depth + "}"


WORDS = st.text(alphabet='ab"\\,]\n\té', max_size=4)
JSON = st.recursive(
    WORDS | st.integers(-5, 5) | st.booleans() | st.none() | st.just(1.5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", 'k"', "\\k", "kk"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=4), WORDS)
@example(['x, "a"'], "a")
@example([["a"]], "a")
@settings(max_examples=400, deadline=None)
def test_has_element_finds_elements_of_the_array_itself(array, wanted):
    assert found(HasElement((wanted,)), printed(array)) == (wanted in [v for v in array if isinstance(v, str)])
    for element in array:
        if isinstance(element, str):
            assert found(HasElement((wanted, element)), printed(array))


def members(value: object):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


@given(
    st.lists(JSON, max_size=4),
    st.sampled_from(["k", 'k"', "\\k", "kk"]),
    WORDS | st.booleans() | st.integers(-5, 5) | st.none(),
)
@settings(max_examples=400, deadline=None)
def test_has_member_finds_members_at_any_depth(array, key, wanted):
    same = [v for k, v in members(array) if k == key and type(v) is type(wanted) and v == wanted]
    assert found(HasMember((Member(key, (wanted,)),)), printed(array)) == bool(same)


@given(st.lists(JSON, max_size=4), st.sampled_from(["k", "kk"]), st.text(alphabet='ab"\\é', min_size=1, max_size=2))
@settings(max_examples=400, deadline=None)
def test_has_member_tests_texts(array, key, wanted):
    texts = [v for k, v in members(array) if k == key and isinstance(v, str)]
    for kind, meaning in (
        ("starts_with", lambda v: v.startswith(wanted)),
        ("ends_with", lambda v: v.endswith(wanted)),
        ("contains", lambda v: wanted in v),
    ):
        matcher = HasMember((Member(key, (Affix(kind, (wanted,)),)),))
        assert found(matcher, printed(array)) == any(map(meaning, texts)), kind


@given(st.lists(JSON, max_size=4), WORDS)
@settings(max_examples=300, deadline=None)
def test_has_member_looks_into_an_array_of_words(array, wanted):
    lists = [v for k, v in members(array) if k == "k" and isinstance(v, list)]
    plain = [v for v in lists if not any(isinstance(e, (list, dict)) for e in v)]
    matcher = HasMember((Member("k", (HasElement((wanted,)),)),))
    if any(wanted in v for v in plain):
        assert found(matcher, printed(array))
    if not any(wanted in [e for e in v if isinstance(e, str)] for v in lists):
        assert not found(matcher, printed(array))


def test_has_member_takes_an_anchored_regex():
    pod = printed([{"volumes": {"hostPath": {"path": "/var/run/docker.sock"}}}])
    assert found(HasMember((Member("path", (Regex("^/var/run/"),)),)), pod)
    assert found(HasMember((Member("path", (Regex(r"\.sock$"),)),)), pod)
    assert not found(HasMember((Member("path", (Regex("^var"),)),)), pod)
    assert not found(HasMember((Member("path", (Regex("run$"),)),)), pod)


# -- combinations ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from(["a", "b", r"\Aa", r"b\z", "(?:a|c)", "a|c"]), min_size=1, max_size=3),
    st.text("abc", max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_both_holds_when_every_expression_is_found(expressions, value):
    wanted = all(pcre2.compile(text.encode()).search(value.encode()) for text in expressions)
    denied = any(pcre2.compile(text.encode()).search(value.encode()) for text in expressions[1:])
    assert (pcre2.compile(both(expressions).encode()).search(value.encode()) is not None) == wanted
    if len(expressions) > 1:
        text = both(expressions[:1], negated=expressions[1:])
        first = pcre2.compile(expressions[0].encode()).search(value.encode()) is not None
        assert (pcre2.compile(text.encode()).search(value.encode()) is not None) == (first and not denied)
