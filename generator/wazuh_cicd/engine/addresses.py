"""Addresses in rules: ``<srcip>`` and ``<dstip>`` (single address, CIDR, address/netmask, ``any``; IPv4 and IPv6)."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import lru_cache

_V4_BITS = 32
_V6_BITS = 128
_PREFIX_DIGITS = 3


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
        """Whether an address of the family ``bits`` lies in the block."""
        return not self.bits or (bits == self.bits and address & self.mask == self.address)


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
    if text.isdigit() and len(text) <= _PREFIX_DIGITS:
        prefix = int(text)
        return full & ~(full >> prefix) if prefix <= bits else None
    parsed = parse_address(text)
    if bits != _V4_BITS or parsed is None or parsed[0] != _V4_BITS:
        return None
    mask = parsed[1]
    inverted = full & ~mask
    return mask if inverted & (inverted + 1) == 0 else None


def parse_network(text: bytes) -> Network | None:
    """Parse what stands in ``<srcip>``; None when the manager would refuse it.

    A leading ``!`` is dropped and has no effect, as in the manager: ``negate="yes"`` is the way to invert.
    """
    text = text.removeprefix(b"!")
    if text.lower() == b"any":
        return Network(0, 0, 0)
    address, slash, suffix = text.partition(b"/")
    parsed = parse_address(address)
    if parsed is None:
        return None
    bits, number = parsed
    mask = _mask(suffix, bits) if slash else (1 << bits) - 1
    return None if mask is None else Network(bits, number & mask, mask)
