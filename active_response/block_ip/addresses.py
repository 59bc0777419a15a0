"""Addresses and networks: read strictly, compared by their bytes."""

import _socket

from active_response.common.refusal import Refused
from active_response.common.words import is_number

MAPPED = b"\0" * 10 + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
NAT64 = b"\0\x64\xff\x9b" + b"\0" * 8  # 64:ff9b::/96, RFC 6052 section 2.1


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


class Networks:
    """Protected addresses and networks, each with the reason why; a lookup costs one step per prefix length."""

    def __init__(self) -> None:
        self._by_length: "dict[int, dict[int, dict[int, str]]]" = {4: {}, 6: {}}

    def add(self, address: Address, reason: str) -> None:
        """Protect an address or network."""
        spare = len(address.packed) * 8 - address.length
        numbers = self._by_length[address.family].setdefault(spare, {})
        numbers.setdefault(int.from_bytes(address.packed, "big") >> spare, reason)

    def reason(self, address: Address) -> "str | None":
        """Return why ``address`` must not be blocked, or None. A network is protected when any part of it is."""
        number = int.from_bytes(address.packed, "big")
        own = len(address.packed) * 8 - address.length
        for spare, numbers in self._by_length[address.family].items():
            if spare >= own:
                found = numbers.get(number >> spare)
            else:
                found = next((numbers[n] for n in numbers if n >> (own - spare) == number >> own), None)
            if found:
                return found
        if address.packed.startswith(NAT64) and address.length >= 96:
            return self.reason(Address(address.packed[12:], address.length - 96))
        return None
