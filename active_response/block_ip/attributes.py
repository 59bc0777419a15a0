"""The attributes that messages of netlink are made of (RFC 3549 section 2.3)."""

import _struct


def attributes(data: bytes, at: int = 0) -> "dict[int, bytes]":
    """Return the netlink attributes in ``data`` from ``at`` on, by number; the last of a number wins."""
    found: "dict[int, bytes]" = {}
    while at + 4 <= len(data):
        length, kind = _struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def attr(kind: int, data: bytes) -> bytes:
    """Return an attribute of these bytes."""
    return _struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) & 3)


def nest(kind: int, *parts: bytes) -> bytes:
    """Return an attribute made of attributes."""
    return attr(kind | 0x8000, b"".join(parts))  # NLA_F_NESTED


def text_attr(kind: int, text: str) -> bytes:
    """Return an attribute that holds a text."""
    return attr(kind, text.encode("ascii") + b"\0")


def u32(kind: int, number: int) -> bytes:
    """Return an attribute that holds a number of 32 bits."""
    return attr(kind, _struct.pack("!I", number & 0xFFFFFFFF))


def u64(kind: int, number: int) -> bytes:
    """Return an attribute that holds a number of 64 bits."""
    return attr(kind, _struct.pack("!Q", number))
