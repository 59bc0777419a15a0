"""Addresses in rules: ``<srcip>`` and ``<dstip>`` (single address, CIDR, address/netmask, ``any``; IPv4 and IPv6)."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from functools import lru_cache

_V4_BITS = 32
_V6_BITS = 128
_V4_FULL = (1 << _V4_BITS) - 1
# How long a prefix may be written: without leading zeros, but for IPv6 ones of two digits.
_PREFIX = {_V4_BITS: re.compile(rb"\d|[1-3]\d"), _V6_BITS: re.compile(rb"\d{1,2}|1\d\d")}


@dataclass(frozen=True, slots=True)
class Network:
    """A block of addresses of one family.

    Attributes:
        bits: 32 for IPv4, 128 for IPv6, 0 for ``any`` (both).
        address: the network's address as a number, host bits cleared.
        mask: the netmask as a number.
    """

    bits: int
    address: int
    mask: int

    def contains(self, bits: int, address: int) -> bool:
        """Whether the manager takes an address of the family ``bits`` for one in the block.

        It does not look at the family. An IPv4 block is kept as address and mask side by side, an IPv6 one as sixteen
        bytes of address and sixteen of mask in the same place, and each is read in the way of the event's address: so
        ``0.0.0.0/0`` takes every IPv6 address, and an IPv6 block that begins with eight zero bytes every IPv4 address.
        """
        if not self.bits:
            return True
        if bits == self.bits:
            return address & self.mask == self.address
        if bits == _V6_BITS:
            return not self.address and not self.mask
        return address & (self.address >> 64 & _V4_FULL) == self.address >> 96


@lru_cache(maxsize=4096)
def parse_address(text: bytes) -> tuple[int, int] | None:
    """Return (family bits, number) of a plain address, None for anything else (names, ports, leading zeros, blanks)."""
    try:
        name = text.decode("ascii")
        if ":" in name:
            return _V6_BITS, int.from_bytes(socket.inet_pton(socket.AF_INET6, name), "big")
        return _V4_BITS, int.from_bytes(socket.inet_pton(socket.AF_INET, name), "big")
    except (OSError, ValueError):
        return None


def _mask(text: bytes, bits: int) -> int | None:
    full = (1 << bits) - 1
    if _PREFIX[bits].fullmatch(text):
        prefix = int(text)
        return full & ~(full >> prefix) if prefix <= bits else None
    parsed = parse_address(text)
    if bits != _V4_BITS or parsed is None or parsed[0] != _V4_BITS:
        return None
    return parsed[1]  # any bits, a gap in them included


def parse_network(text: bytes) -> Network | None:
    """Parse what stands in ``<srcip>``; None when the manager would refuse it.

    A leading ``!`` is dropped and has no effect, as in the manager: ``negate="yes"`` is the way to invert.
    """
    text = text.removeprefix(b"!")
    if text == b"any":
        return Network(0, 0, 0)
    address, slash, suffix = text.partition(b"/")
    parsed = parse_address(address)
    if parsed is None or (slash and address == b"::"):  # which is an address, but no network
        return None
    bits, number = parsed
    mask = _mask(suffix, bits) if slash else (1 << bits) - 1
    return None if mask is None else Network(bits, number & mask, mask)
