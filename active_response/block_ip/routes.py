"""What the kernel tells of this host's devices, addresses and routes, over rtnetlink."""

import _socket
import _struct

from active_response.block_ip.attributes import attributes


def route_dump(kind: int, header: bytes, limit: int = 50000) -> "list[tuple[bytes, dict[int, bytes]]]":
    """Ask the kernel for all its addresses (22) or routes (26): each as its fixed part and its attributes."""
    size = len(header)
    found: "list[tuple[bytes, dict[int, bytes]]]" = []
    link = _socket.socket(16, 3 | 0o2000000, 0)  # AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE
    try:
        link.settimeout(1.0)
        link.send(_struct.pack("=IHHII", 16 + size, kind, 0x301, 1, 0) + header)  # REQUEST | DUMP
        while True:
            data = link.recv(262144)
            at = 0
            while at + 16 <= len(data):
                length, kind, _, _, _ = _struct.unpack_from("=IHHII", data, at)
                if kind == 3 or len(found) >= limit:  # NLMSG_DONE
                    return found
                if kind == 2:  # NLMSG_ERROR
                    raise OSError(-_struct.unpack_from("=i", data, at + 16)[0], "netlink route dump")
                body = data[at + 16 : at + length]
                found.append((body[:size], attributes(body, size)))
                at += (length + 3) & ~3
    finally:
        link.close()


def link_dump() -> "list[tuple[int, dict[int, bytes]]]":
    """Return the devices of this network namespace: each one's number and attributes. Raises OSError."""
    found = route_dump(18, b"\0" * 16)  # RTM_GETLINK
    return [(_struct.unpack_from("=i", fixed, 4)[0], attrs) for fixed, attrs in found]


def link_kind(attrs: "dict[int, bytes]") -> str:
    """Return what kind of device it is: macvlan, bridge, veth, ...; an empty string for hardware."""
    return attributes(attrs.get(18, b"")).get(1, b"").partition(b"\0")[0].decode("ascii", "replace")
