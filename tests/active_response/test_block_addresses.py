"""Which texts are addresses, and which addresses are never blocked."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ar_kit import load

block_ip = load("cicd-block-ip")

REFUSED = [
    "", " ", "1", "127.1", "192.0.2", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1\n", "192.0.2.01", "0300.0.2.1",
    "0xc0000201", "3221225985", "192.0.2.256", "192.0.2.1.1", "192.0.2.1/32", "192.0.2.0/24", "192.0.2.1:22",
    "192.0.2.1;reboot", "192.0.2.1, 198.51.100.1", "$(reboot)", "[2001:db8::1]", "2001:db8::1%eth0", "fe80::1%lo",
    "2001:db8::1/128", "2001:db8::g", "2001:db8:::1", "::ffff:192.0.2.01", "localhost", "example.com",
    "192.0.2.1\x00", "1e3.1.1.1", "\uff11\uff19\uff12.0.2.1", "\u0663.1.1.1", "-1.2.3.4", "None", "null",
    "192,0,2,1", "ec2.amazonaws.com", "AWS Internal", "::ffff:192.0.2.1%1", "1" * 70,
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_the_full_spelling_of_one_address_is_refused(text):
    with pytest.raises(block_ip.Refused) as refusal:
        block_ip.parse_address(text)
    assert refusal.value.reason == "not-an-address"


@pytest.mark.parametrize("value", [None, 1, True, 3.5, [], ["192.0.2.1"], {}, b"192.0.2.1"])
def test_what_is_not_a_text_is_refused(value):
    with pytest.raises(block_ip.Refused):
        block_ip.parse_address(value)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
    ],
)
def test_an_address_has_one_spelling_afterwards(text, canonical):
    assert str(block_ip.parse_address(text)) == canonical


@given(st.ip_addresses())
def test_every_spelling_of_the_standard_library_is_understood(address):
    expected = getattr(address, "ipv4_mapped", None) or address
    assert block_ip.parse_address(str(address)).packed == expected.packed
    if address.version == 6:
        assert block_ip.parse_address(address.exploded).packed == expected.packed


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused_and_never_more_lenient_than_the_standard_library(text):
    try:
        found = block_ip.parse_address(text)
    except block_ip.Refused:
        return
    expected = ipaddress.ip_address(text)
    assert found.packed == (getattr(expected, "ipv4_mapped", None) or expected).packed


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "192.0.2.0/1e1",
        "x/8",
        "2001:db8::1/64",
        "::ffff:192.0.2.0/120",
    ],
)
def test_a_network_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"not|bits"):
        block_ip.parse_network(text)


def fixed() -> object:
    networks = block_ip.Networks()
    for text, reason in block_ip.FIXED:
        networks.add(block_ip.parse_network(text), reason)
    return networks


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.255.255.255",
        "255.255.255.255", "168.63.129.16", "100.100.100.200", "192.0.0.192", "::", "::1", "::7f00:1",
        "fe80::1", "febf::1", "ff02::1",
        "fd00:ec2::254", "fd20:ce::254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_addresses_that_nobody_may_ever_block(text):
    assert fixed().reason(block_ip.parse_address(text))


@pytest.mark.parametrize("text", ["192.0.2.1", "8.8.8.8", "2001:db8::1", "10.0.0.1", "fd12::1", "64:ff9b::c000:201"])
def test_addresses_that_may_be_blocked(text):
    assert fixed().reason(block_ip.parse_address(text)) is None


def test_a_network_is_protected_when_any_part_of_it_is():
    networks = block_ip.Networks()
    networks.add(block_ip.parse_network("203.0.113.7"), "gateway")
    networks.add(block_ip.parse_network("2001:db8:1::/48"), "allow-list")
    reason = lambda text: networks.reason(block_ip.parse_network(text))  # noqa: E731
    assert reason("203.0.113.0/24") == "gateway"
    assert reason("0.0.0.0/0") == "gateway"
    assert reason("203.0.113.8/29") is None
    assert reason("2001:db8::/32") == "allow-list"
    assert reason("2001:db8:1:2::/64") == "allow-list"
    assert reason("2001:db8:2::/48") is None


def random_cases(count: int, seed: int):
    """Random allow lists, and addresses inside and outside of them, in every spelling that is accepted."""
    source = random.Random(seed)  # noqa: S311 - cases, not secrets
    for _ in range(count // 100):
        allowed = []
        networks = fixed()
        for _ in range(source.randint(1, 30)):
            bits = source.choice((32, 128))
            length = source.randint(0 if bits == 128 else 4, bits)
            number = source.getrandbits(bits) >> (bits - length) << (bits - length) if length else 0
            kind = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
            allowed.append(kind((number, length)))
            networks.add(block_ip.parse_network(str(allowed[-1])), "allow-list")
        for _ in range(100):
            inside = source.choice(allowed)
            spare = inside.max_prefixlen - inside.prefixlen
            kind = ipaddress.IPv4Address if inside.version == 4 else ipaddress.IPv6Address
            address = kind(
                int(inside.network_address) + source.getrandbits(spare) if spare else int(inside.network_address)
            )
            texts = [str(address), address.exploded]
            if inside.version == 4:
                texts += [f"::ffff:{address}", f"::FFFF:{int(address) >> 16:X}:{int(address) & 0xFFFF:x}"]
            else:
                texts.append(str(address).upper())
            yield networks, source.choice(texts)


@pytest.mark.parametrize("count", [20000, pytest.param(1000000, marks=pytest.mark.slow)])
def test_no_allow_listed_address_may_be_blocked_however_it_is_spelled(count):
    tried = blocked = 0
    for networks, text in random_cases(count, seed=count):
        tried += 1
        try:
            blocked += networks.reason(block_ip.parse_address(text)) is None
        except block_ip.Refused:
            continue
    assert (tried, blocked) == (count, 0)


EMBEDDED = {  # what stands for 198.51.100.9 (c633:6409)
    "mapped": "::ffff:198.51.100.9", "compatible": "::c633:6409", "translated": "::ffff:0:198.51.100.9",
    "NAT64": "64:ff9b::c633:6409", "6to4": "2002:c633:6409::1", "6to4 of another host": "2002:c633:6409:7::abcd",
    "Teredo": "2001:0:c000:201:0:ffff:39cc:9bf6", "ISATAP": "2001:db8::5efe:c633:6409",
    "ISATAP, global": "2001:db8:1:2:200:5efe:c633:6409",
    "local NAT64 /48": "64:ff9b:1:c633:64:900::", "local NAT64 /56": "64:ff9b:1:c6:33:6409::",
    "local NAT64 /64": "64:ff9b:1:0:c6:3364:900:0", "local NAT64 /96": "64:ff9b:1:aaaa:bbbb:cccc:198.51.100.9",
    "a site's NAT64 /96": "2001:db8:64::c633:6409", "a site's NAT64 /32": "2001:db9:c633:6409::",
    "a site's NAT64 /40": "2001:dba:99c6:3364:9::", "a site's NAT64 /64": "2001:dbb:0:1:c6:3364:900:0",
}  # fmt: skip
PREFIXES = ("2001:db8:64::/96", "2001:db9::/32", "2001:dba:9900::/40", "2001:dbb:0:1::/64")


@pytest.mark.parametrize("text", EMBEDDED.values(), ids=EMBEDDED)
def test_an_address_that_stands_for_an_allowed_one_is_allowed(text):
    nat64 = [block_ip.parse_nat64(prefix) for prefix in PREFIXES]
    for allowed in ("198.51.100.9", "198.51.100.0/24"):
        networks = block_ip.Networks(nat64)
        networks.add(block_ip.parse_network(allowed), "allow-list")
        assert networks.reason(block_ip.parse_address(text)) == "allow-list"
    # And the other way round: who is allowed by such an address is allowed by his own.
    networks = block_ip.Networks(nat64)
    networks.add(block_ip.parse_address(text), "allow-list")
    assert networks.reason(block_ip.parse_address("198.51.100.9")) == "allow-list"
    assert networks.reason(block_ip.parse_address("198.51.100.10")) is None


@pytest.mark.parametrize("text", ["2001:db8:64::c633:6409", "2001:db9:c633:6409::", "2001:dba:99c6:3364:9::"])
def test_a_sites_prefix_counts_only_where_it_is_one(text):
    assert block_ip.ipv4_of(block_ip.parse_address(text)) == []


@given(st.ip_addresses(v=4), st.sampled_from(["6to4", "teredo", "isatap", "nat64"]))
def test_every_ipv4_address_is_found_in_its_ipv6_forms(address, form):
    number = int(address)
    value = {
        "6to4": 0x2002 << 112 | number << 80 | 1,
        "teredo": 0x20010000 << 96 | 0xC0000201 << 64 | (number ^ 0xFFFFFFFF),
        "isatap": 0x20010DB8 << 96 | 0x02005EFE << 32 | number,
        "nat64": 0x64FF9B << 96 | number,
    }[form]
    found = block_ip.ipv4_of(block_ip.parse_address(str(ipaddress.IPv6Address(value))))
    assert str(address) in map(str, found)


def test_networks_of_the_administrators_are_judged_by_their_fixed_bits():
    networks = fixed()
    networks.add(block_ip.parse_network("198.51.100.9"), "allow-list")
    reason = lambda text: networks.reason(block_ip.parse_network(text))  # noqa: E731
    assert reason("2002:c633:6400::/40") == "allow-list"
    assert reason("64:ff9b::c633:6400/120") == "allow-list"
    assert reason("2002:c633:6500::/40") is None
    assert reason("2002:7f00::/24") == "loopback"
    assert reason("2001:db8:bad::/48") is None


@pytest.mark.parametrize(
    ("text", "internal"),
    [
        ("10.0.0.0", True), ("10.255.255.255", True), ("172.16.0.1", True), ("172.31.255.255", True),
        ("192.168.0.1", True), ("100.64.0.1", True), ("100.127.255.255", True), ("192.0.0.8", True),
        ("198.18.0.1", True), ("fc00::1", True), ("fdff::1", True), ("fec0::1", True), ("::ffff:10.0.0.1", True),
        ("2002:a00:1::1", True), ("64:ff9b::a00:1", True), ("2001:0:c000:201:0:ffff:f5ff:fffe", True),
        ("172.15.255.255", False), ("172.32.0.0", False), ("100.63.255.255", False), ("100.128.0.0", False),
        ("192.167.255.255", False), ("11.0.0.0", False), ("198.20.0.0", False), ("2001:db8::1", False),
        ("2002:c633:6409::1", False), ("fe00::1", False),
        ("2001:db8::5efe:a00:1", False), ("2001:db8::200:5efe:a00:1", False), ("fd12::5efe:c633:6409", True),
    ],
)  # fmt: skip
def test_which_addresses_are_internal(text, internal):
    assert block_ip.is_internal(block_ip.parse_address(text)) is internal


@pytest.mark.parametrize("value", ["198.51.100.0/24", "2001:db8::/33", "2001:db8::1/96", "2001:db8::", "x"])
def test_a_prefix_of_nat64_has_one_of_six_lengths(value):
    with pytest.raises(ValueError, match=r"not|bits"):
        block_ip.parse_nat64(value)


def test_networks_are_folded_into_those_around_them_with_the_longer_time():
    parse = block_ip.parse_network
    texts = {"203.0.113.0/24": 5, "203.0.113.64/26": 9, "203.0.113.7": 1, "198.51.100.7": 2, "2001:db8::/48": 3,
             "2001:db8:0:1::/64": 1, "203.0.112.0/24": 4}  # fmt: skip
    folded = block_ip.fold({parse(text): left for text, left in texts.items()})
    assert {str(address): left for address, left in folded.items()} == {
        "203.0.113.0/24": 9, "198.51.100.7": 2, "2001:db8::/48": 3, "203.0.112.0/24": 4,
    }  # fmt: skip
