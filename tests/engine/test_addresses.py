import pytest

from wazuh_cicd.engine.load.addresses import parse_address, parse_network


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        (b"192.0.2.7", [b"192.0.2.7"], [b"192.0.2.8", b"2001:db8::7"]),
        (b"192.0.2.0/24", [b"192.0.2.0", b"192.0.2.255"], [b"192.0.3.0"]),
        (b"10.0.0.0/255.0.0.0", [b"10.9.8.7"], [b"11.0.0.1"]),
        (b"192.0.2.9/24", [b"192.0.2.200"], [b"192.0.3.9"]),
        (b"2001:db8::/32", [b"2001:db8::1", b"2001:DB8:1::"], [b"2001:db9::1", b"192.0.2.1"]),
        (b"::1", [b"::1", b"0:0:0:0:0:0:0:1"], [b"::2"]),
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
    [b"", b"300.1.1.1", b"10.0.0.0/33", b"10.0.0", b"2001:db8::/129", b"host", b" 10.0.0.1"],
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


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        # The manager does not look at the family: seen on a real one, all of them.
        ("0.0.0.0/0", "198.51.100.1", True),
        ("0.0.0.0/0", "::1", True),
        ("0.0.0.0/0", "2001:db8::1", True),
        ("0.0.0.0", "::1", False),  # noqa: S104 (an address in a rule)
        ("0.0.0.0/1", "::1", False),
        ("10.0.0.0/8", "::", False),
        ("::1", "10.0.0.1", True),
        ("::ffff:0:0/96", "192.0.2.1", True),
        ("2001:db8::/32", "10.0.0.1", False),
        ("any", "::1", True),
    ],
)
def test_addresses_of_the_other_family(network, address, inside):
    block = parse_network(network.encode())
    bits, number = parse_address(address.encode())
    assert block.contains(bits, number) is inside


@pytest.mark.parametrize(
    "text", ["::/64", "1::/064", "1.2.3.4/032", "1.2.3.4/00", "10.0.0.0/08", "ANY", "1.2.3.4/33", "1::/129"]
)
def test_networks_that_a_manager_refuses(text):
    assert parse_network(text.encode()) is None


def test_a_mask_may_have_gaps():
    assert parse_network(b"10.0.0.0/0.0.0.255").contains(32, 0xC6336400)
