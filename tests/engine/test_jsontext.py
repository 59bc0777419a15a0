"""JSON by cJSON's grammar."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine.decode import jsontext
from wazuh_cicd.engine.decode.jsonobject import JsonObject
from wazuh_cicd.engine.decode.jsontext import JsonError, parse


def fields(text: bytes, **options: bool) -> dict[str, str]:
    top = parse(text)
    assert isinstance(top, JsonObject)
    return {name.path.decode(): value.decode() for name, value in jsontext.flatten(top, **options)}


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("1", "1"), ("1.0", "1"), ("1e3", "1000"), ("1.5", "1.500000"), ("0.1", "0.100000"), ("-0", "0"), ("-0.0", "0"),
        ("2147483647", "2147483647"), ("2147483648", "2147483648.000000"), ("-2147483649", "-2147483649.000000"),
        ("12345678901234567890", "12345678901234567168.000000"), ("1e400", "inf"), ("-1e400", "-inf"),
        ("01", "1"), ("1.", "1"), ("-.5", "-0.500000"), ("1e-7", "0.000000"),
        ("1.7976931348623157e308", "179769313486231570814527423731704356798070567525844996598917476"),
    ],
)  # fmt: skip
def test_numbers(number, shown):
    assert fields(f'{{"n":{number}}}'.encode()) == {"n": shown}


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1', '{"a":}', "{a:1}", "{'a':1}", '{"a":1,}', '{"a" 1}', "{,}", '{"a":tru}', '{"a":"x}', '{"a":+1}',
        '{"a":.5}',
        '{"a":1e}', '{"a":--1}', '{"a":1-2}', '{"a":NaN}', '{"a":Infinity}', '{"a":0x1}', r'{"a":"\q"}',
        r'{"a":"\ud83d"}',
        r'{"a":"\udc00"}', r'{"a":"\u12"}', '{"a":1/*c*/}', "[1,]", "", " ", "{", '{"a":[1}', '{"n":' + "1" * 64 + "}",
    ],
)  # fmt: skip
def test_what_is_no_json(text):
    with pytest.raises(JsonError):
        parse(text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":"x"} more', {"a": "x"}),
        (b'{\x01"a"\x0b:\x1f"x\ty"}', {"a": "x\ty"}),  # every control character is a blank
        (rb'{"a":"x\u0000y"}', {"a": "x"}),
        (rb'{"a":"\u00zz"}', {"a": ""}),
        (rb'{"a":"b\u12<\\"}', {"a": "b"}),
        (rb'{"\u0061":"\ud83d\ude00\u00e9\/"}', {"a": "😀é/"}),
        (b'{"a":{"b":{"c":true}},"d":{}}', {"a.b.c": "true"}),
        (b'{"a":null}', {"a": "null"}),
        (b'{"":{"":"x"}}', {".": "x"}),
    ],
)
def test_what_is_json(text, expected):
    assert fields(text) == expected


@pytest.mark.parametrize(
    ("text", "value"), [(b"01", 1.0), (b"01 {", 1.0), (b"1.", 1.0), (b"[01]", [1.0]), (b"01[", 1.0)]
)
def test_numbers_that_the_standard_library_reads_differently(text, value):
    assert parse(text) == value


def test_duplicates_are_kept_in_order():
    assert parse(b'{"a":1,"b":2,"a":3}') == (("a", 1.0), ("b", 2.0), ("a", 3.0))


def test_null_can_be_discarded_in_objects_only():
    assert fields(b'{"a":null,"b":[null]}', discard_null=True) == {"b": "[null]"}


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        ("[]", "[]"),
        ('["x","y"]', '["x", "y"]'),
        ("[1.50,12345678901,1e20,-0,1e400,0.1]", "[1.5, 12345678901, 1e+20, 0, null, 0.1]"),
        ('[true,null,["a"]]', '[true, null, ["a"]]'),
        ('[{"a":1,"b":{}}]', '[{\n\t\t"a":\t1,\n\t\t"b":\t{\n\t\t}\n\t}]'),
        (r'["a\"b\\\u0001/\n"]', r'["a\"b\\\u0001/\n"]'),
    ],
)
def test_arrays_are_printed_formatted(array, shown):
    assert fields(f'{{"a":{array}}}'.encode()) == {"a": shown}


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        ('["x",{"b":1}]', {"a": "x,"}),
        ('["x",{"b":1},"y"]', {"a": "x,y"}),
        ('[{"b":1},"x"]', {"a": "x"}),
        ("[]", {}),
        ("[[1]]", {}),
        ("[1.5,null,true]", {"a": "1.500000,null,true"}),
    ],
)
def test_arrays_as_csv(array, shown):
    assert fields(f'{{"a":{array}}}'.encode(), csv=True) == shown


def test_a_thousand_levels_are_read_and_one_more_is_not():
    assert parse(b"[" * 1000 + b"]" * 1000) is not None
    with pytest.raises(JsonError):
        parse(b"[" * 1001 + b"]" * 1001)
    deep = parse(b'{"a":' * 1000 + b"1" + b"}" * 1000)
    assert isinstance(deep, JsonObject)
    assert len(list(jsontext.flatten(deep))) == 1
    assert jsontext.print_formatted(parse(b"[" * 1000 + b"]" * 1000)) == b"[" * 1000 + b"]" * 1000


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e300, 1e300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain, st.booleans())
@settings(deadline=None)
def test_both_readers_agree_on_json(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        expected = jsontext._Exact(text).read()
    except JsonError:
        with pytest.raises(JsonError):
            parse(text)
    else:
        assert repr(parse(text)) == repr(expected)


_NOISE = b'{}[]",:\\u0dD1-.eE+ntrfalse\x01\xc3 '


@given(st.binary(max_size=60).map(lambda raw: bytes(_NOISE[byte % len(_NOISE)] for byte in raw)))
@settings(deadline=None)
def test_both_readers_agree_on_noise(text):
    try:
        expected = repr(jsontext._Exact(text).read())
    except JsonError:
        expected = None
    try:
        found = repr(parse(text))
    except JsonError:
        found = None
    assert found == expected


@given(plain)
@settings(deadline=None)
def test_a_printed_array_can_be_read_again(value):
    text = json.dumps([value]).encode()
    try:
        first = parse(text)
    except JsonError:
        return
    printed = jsontext.print_formatted(first)
    assert jsontext.print_formatted(parse(printed)) == printed


@pytest.mark.parametrize(
    "text", [b'{"a":' * 13_000, b"[" * 65_000, b'{"a":"' + b"\\" * 65_000, b'{"a":[' + b"1," * 32_000]
)
def test_no_text_takes_long(text):
    begin = time.process_time()
    with pytest.raises(JsonError):
        fields(text)
    assert time.process_time() - begin < 5
