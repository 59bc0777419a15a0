"""Numbers as the manager reads them."""

from __future__ import annotations

_INT_BITS = 32
_LONG_MAX = (1 << 63) - 1


def as_c_int(digits: bytes | str | int) -> int:
    """Read a number as the manager does: a 64-bit number cut to 32 bits, so that long ones become others. None is 0."""
    number = min(int(digits or "0"), _LONG_MAX) & ((1 << _INT_BITS) - 1)
    return number - (1 << _INT_BITS) if number >> (_INT_BITS - 1) else number
