"""CDB lists."""

import pytest

from wazuh_cicd.engine.load.cdb import CdbList


@pytest.mark.parametrize(
    ("line", "entries"),
    [
        (b"k:v", {b"k": b"v"}),
        (b"k:", {b"k": b""}),
        (b"k", {}),
        (b"# x:1", {b"# x": b"1"}),  # no comments
        (b"sp ace : v ", {b"sp ace ": b" v "}),  # nothing is trimmed
        (b'"a:b":c', {b"a:b": b"c"}),
        (b'junk"a:b":c', {b"a:b": b"c"}),
        (b'"a:b', {}),
        (b'a:"x:y"z', {b"a": b"x:y"}),
        (b'a:"x', {}),
        (b"a:1\r\na:2\r\n", {b"a": b"1"}),
        (b"", {}),
        (b":v", {b"": b"v"}),
    ],
)
def test_text(line, entries):
    assert CdbList.parse(line).entries == entries


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("match_key", b"192.0.2.1", True),
        ("match_key", b"192.0.2.9", False),
        ("not_match_key", b"192.0.2.9", True),
        ("address_match_key", b"192.0.2.1", True),
        ("address_match_key", b"198.51.100.7", True),
        ("address_match_key", b"198.51.10.7", False),
        ("address_match_key", b"203.", True),
        ("not_address_match_key", b"10.0.0.1", True),
        ("match_key_value", b"192.0.2.1", True),
        ("match_key_value", b"198.51.100.", False),
        ("address_match_key_value", b"192.0.2.1", False),  # its sense is inverted in 4.14
        ("address_match_key_value", b"10.0.0.1", True),
    ],
)
def test_lookups(kind, value, expected):
    found = CdbList.parse(b"192.0.2.1:doc\n198.51.100.:x\n203.:y\n")
    assert found.lookup(kind, value, lambda text: text == b"doc") is expected


def test_without_check_value_a_value_never_matches():
    assert not CdbList.parse(b"k:v").lookup("match_key_value", b"k")
