"""Addresses and networks: read strictly, compared by their bytes."""

import _socket

from active_response.common.refusal import Refused
from active_response.common.words import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAPPED = b"\0" * 10 + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
# What the first 12 bytes of an IPv6 address are that ends in an IPv4 address.
ENDINGS = (
    MAPPED,
    b"\0" * 12,  # IPv4-compatible, RFC 4291 section 2.5.5.1
    b"\0" * 8 + b"\xff\xff\0\0",  # IPv4-translated, RFC 2765 section 2.1
    b"\0\x64\xff\x9b" + b"\0" * 8,  # NAT64, RFC 6052 section 2.1
)
ISATAP = (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")  # the middle of an interface's identifier, RFC 5214 section 6.1
LOCAL_NAT64 = b"\0\x64\xff\x9b\0\1"  # 64:ff9b:1::/48, RFC 8215: a site's own prefixes, of any length
NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)  # RFC 6052 section 2.2
# Inside of a site, or between a provider and its customers: one such address may stand for very many machines.
INTERNAL = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # shared by a provider's customers, RFC 6598
    "192.0.0.0/24",  # between a provider and its customers, RFC 6333
    "198.18.0.0/15",  # laboratories, RFC 2544
    "fc00::/7",
    "fec0::/10",  # site-local, as it was before fc00::/7
)


class Address:
    """One IPv4 or IPv6 address, or a network of them (``length`` bits fixed)."""

    __slots__ = ("family", "length", "packed")

    def __init__(self, packed: bytes, length: int) -> None:
        self.packed = packed
        self.family = 4 if len(packed) == 4 else 6
        self.length = length

    @property
    def single(self) -> bool:
        """Whether this is one address, not a network."""
        return self.length == len(self.packed) * 8

    @property
    def key(self) -> bytes:
        """The address in 16 bytes, IPv4 as IPv4-mapped."""
        return self.packed if self.family == 6 else MAPPED + self.packed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and (self.packed, self.length) == (other.packed, other.length)

    def __hash__(self) -> int:
        return hash((self.packed, self.length))

    def __str__(self) -> str:
        kind = _socket.AF_INET if self.family == 4 else _socket.AF_INET6
        text = _socket.inet_ntop(kind, self.packed)
        return text if self.single else "%s/%d" % (text, self.length)


def parse_address(text: object) -> Address:
    """Return the address that ``text`` spells, an IPv4-mapped one as IPv4.

    Only the full spelling is an address: no shorthand (``127.1``), octal (``010.0.0.1``), hexadecimal, zone
    (``fe80::1%eth0``), port, brackets, blanks, list or network. Raises Refused("not-an-address").
    """
    if not isinstance(text, str):
        raise Refused("not-an-address", "not a string")
    if not 2 <= len(text) <= 45 or text.strip("0123456789abcdefABCDEF:."):
        raise Refused("not-an-address", text[:64])
    try:
        if ":" not in text:
            packed = _socket.inet_pton(_socket.AF_INET, text)
            if _socket.inet_ntop(_socket.AF_INET, packed) != text:
                raise Refused("not-an-address", text)
            return Address(packed, 32)
        packed = _socket.inet_pton(_socket.AF_INET6, text)
    except OSError:
        raise Refused("not-an-address", text) from None
    if packed.startswith(MAPPED):
        return Address(packed[12:], 32)
    return Address(packed, 128)


def parse_network(text: str) -> Address:
    """Return an address or network as an administrator writes it. Raises ValueError with the reason."""
    address, slash, length = text.partition("/")
    try:
        found = parse_address(address)
    except Refused:
        raise ValueError("not an address or network: " + text[:64]) from None
    if not slash:
        return found
    bits = len(found.packed) * 8
    if not is_number(length, 3) or (":" in address and found.family == 4) or int(length) > bits:
        raise ValueError("not a prefix length: " + text[:64])
    spare = bits - int(length)
    number = int.from_bytes(found.packed, "big")
    if number >> spare << spare != number:
        raise ValueError("bits set behind the prefix: " + text[:64])
    return Address(found.packed, int(length))


def ipv4_of(address: Address, nat64: "Iterable[Address]" = ()) -> "list[Address]":
    """Return the IPv4 addresses that an IPv6 address may stand for; for a network, the IPv4 network in its fixed bits.

    A translator or tunnel puts the IPv4 address of a machine into the IPv6 address that others see it by: mapped,
    compatible, translated, NAT64 (RFC 6052, 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214). There may be
    more than one, because of 64:ff9b:1::/48 nobody says how much of it is prefix.

    Args:
        address: an address or network.
        nat64: the site's own prefixes of NAT64.
    """
    packed, length = address.packed, address.length
    if address.family == 4:
        return []
    found: "list[tuple[bytes, int]]" = []
    if packed[:12] in ENDINGS and length > 96:
        found.append((packed[12:], length - 96))
    elif packed[:2] == b"\x20\x02" and length > 16:
        found.append((packed[2:6], min(32, length - 16)))
    if length == 128:
        if packed[:4] == b"\x20\1\0\0":
            found.append((bytes(byte ^ 0xFF for byte in packed[12:]), 32))
        if packed[8:12] in ISATAP:
            found.append((packed[12:], 32))
        lengths = [one.length for one in nat64 if prefix_matches(one, packed)]
        if packed.startswith(LOCAL_NAT64):
            lengths += NAT64_LENGTHS[2:]
        # The ninth byte is not used (RFC 6052 section 2.2), unless the prefix covers it.
        found += [((packed[bits // 8 : 8] + packed[9:] if bits < 96 else packed[12:])[:4], 32) for bits in lengths]
    return [Address(one, bits) for one, bits in found]


def prefix_matches(network: Address, packed: bytes) -> bool:
    """Whether an address lies in a network whose length is a number of whole bytes."""
    return packed.startswith(network.packed[: network.length // 8])


class Networks:
    """Addresses and networks, each with the reason why; a lookup costs one step per prefix length.

    Args:
        nat64: the site's own prefixes of NAT64, see ``ipv4_of``.
    """

    def __init__(self, nat64: "Iterable[Address]" = ()) -> None:
        self._by_length: "dict[int, dict[int, dict[int, str]]]" = {4: {}, 6: {}}
        self._nat64 = list(nat64)

    def add(self, address: Address, reason: str) -> None:
        """Add an address or network, and the IPv4 address that it stands for."""
        for one in (address, *ipv4_of(address, self._nat64)):
            spare = len(one.packed) * 8 - one.length
            numbers = self._by_length[one.family].setdefault(spare, {})
            numbers.setdefault(int.from_bytes(one.packed, "big") >> spare, reason)

    def reason(self, address: Address) -> "str | None":
        """Return why an address, or the one that it stands for, is among these; None if it is not.

        A network is when any part of it is.
        """
        for one in (address, *ipv4_of(address, self._nat64)):
            found = self._reason(one)
            if found:
                return found
        return None

    def _reason(self, address: Address) -> "str | None":
        number = int.from_bytes(address.packed, "big")
        own = len(address.packed) * 8 - address.length
        for spare, numbers in self._by_length[address.family].items():
            if spare >= own:
                found = numbers.get(number >> spare)
            else:
                found = next((numbers[n] for n in numbers if n >> (own - spare) == number >> own), None)
            if found:
                return found
        return None


def is_internal(address: Address, nat64: "Iterable[Address]" = ()) -> bool:
    """Whether an address, or the one that it stands for, is an internal, private or shared one.

    The end of an IPv6 address is its owner's to choose: one that looks like ISATAP makes nobody internal.
    """
    networks = Networks(nat64)
    for text in INTERNAL:
        networks.add(parse_network(text), "internal")
    if address.family == 6 and address.packed[8:12] in ISATAP:
        address = Address(address.packed[:8] + b"\0" * 8, 64)
    return networks.reason(address) is not None
