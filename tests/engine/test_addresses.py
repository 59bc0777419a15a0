import pytest

from wazuh_cicd.engine.addresses import parse_address, parse_network


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        (b"192.0.2.7", [b"192.0.2.7"], [b"192.0.2.8", b"2001:db8::7"]),
        (b"192.0.2.0/24", [b"192.0.2.0", b"192.0.2.255"], [b"192.0.3.0"]),
        (b"10.0.0.0/255.0.0.0", [b"10.9.8.7"], [b"11.0.0.1"]),
        (b"192.0.2.9/24", [b"192.0.2.200"], [b"192.0.3.9"]),
        (b"2001:db8::/32", [b"2001:db8::1", b"2001:DB8:1::"], [b"2001:db9::1", b"192.0.2.1"]),
        (b"::1", [b"::1", b"0:0:0:0:0:0:0:1"], [b"::2"]),
        (b"0.0.0.0/0", [b"198.51.100.1"], [b"::1"]),
        (b"any", [b"198.51.100.1", b"::1"], []),
    ],
)
def test_network_contains_its_addresses(network, inside, outside):
    parsed = parse_network(network)
    assert parsed is not None
    assert all(parsed.contains(*parse_address(address)) for address in inside)
    assert not any(parsed.contains(*parse_address(address)) for address in outside)


def test_leading_exclamation_mark_has_no_effect():
    assert parse_network(b"!192.0.2.7") == parse_network(b"192.0.2.7")


@pytest.mark.parametrize(
    "text",
    [b"", b"300.1.1.1", b"10.0.0.0/33", b"10.0.0", b"10.0.0.0/255.0.255.0", b"2001:db8::/129", b"host", b" 10.0.0.1"],
)
def test_what_is_no_network_is_refused(text):
    assert parse_network(text) is None


@pytest.mark.parametrize("text", [b"192.0.2.007", b"192.0.2.7 ", b"192.0.2.7:80", b"", b"localhost", b"\xff"])
def test_only_plain_addresses_are_addresses(text):
    assert parse_address(text) is None


def test_mapped_address_is_not_its_v4_address():
    network = parse_network(b"10.0.0.0/8")
    assert network is not None
    assert not network.contains(*parse_address(b"::ffff:10.1.2.3"))
