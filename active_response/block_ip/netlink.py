"""The firewall over nfnetlink: the kernel's nf_tables without any program."""

import _socket
import _struct
import errno
import posix as os
import select

from active_response.block_ip.addresses import Address
from active_response.block_ip.attributes import attr, attributes, nest, text_attr, u32, u64
from active_response.block_ip.backend import (
    PRIORITY,
    SENTINEL,
    SETS,
    TABLE,
    Backend,
    Unavailable,
    mark_of,
    set_name,
)
from active_response.block_ip.config import SET_LIMIT
from active_response.common.deadline import time_left

TICK = 10  # milliseconds of the kernel's slowest clock
CHUNK = 1000  # elements of one message: an attribute holds at most 65,535 bytes


class Netlink(Backend):
    """The nf_tables of the kernel, over its socket: one transaction a call, no program started."""

    number = 1
    name = "netlink"

    NEWTABLE, DELTABLE, NEWCHAIN, NEWRULE, GETRULE, NEWSET = 0, 2, 3, 6, 7, 9
    NEWELEM, GETELEM, DELELEM = 12, 13, 14
    CREATE, EXCL, ACK, DUMP = 0x400, 0x200, 0x4, 0x300

    def __init__(self) -> None:
        Backend.__init__(self)
        try:
            self.link = _socket.socket(16, 3 | 0o2000000, 12)  # AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER
            self.link.setblocking(False)  # noqa: FBT003 - the socket's own signature
            for option in (32, 33):  # SO_SNDBUFFORCE, SO_RCVBUFFORCE
                self.link.setsockopt(_socket.SOL_SOCKET, option, 16777216)
        except OSError as error:
            raise Unavailable("nfnetlink: %s" % error.strerror) from None
        self.sequence = 0

    def _message(self, kind: int, flags: int, body: bytes, family: int = 1) -> bytes:  # NFPROTO_INET
        self.sequence += 1
        head = _struct.pack("=IHHII", 20 + len(body), 10 << 8 | kind, 1 | flags, self.sequence, 0)
        return head + _struct.pack("!BBH", family, 0, 0) + body + b"\0" * (-len(body) & 3)

    def _control(self, kind: int) -> bytes:
        self.sequence += 1
        return _struct.pack("=IHHIIBB", 20, kind, 1, self.sequence, 0, 0, 0) + _struct.pack("!H", 10)

    def transact(self, messages: "list[tuple[int, int, bytes]]") -> int:
        """Carry out all messages or none. Return 0 or the number of the first error."""
        parts = [self._control(16)]
        parts += [self._message(kind, flags, body) for kind, flags, body in messages[:-1]]
        kind, flags, body = messages[-1]
        parts += [self._message(kind, flags | self.ACK, body), self._control(17)]
        try:
            self.link.send(b"".join(parts))
        except OSError as error:
            return error.errno or errno.EIO
        # The kernel has answered all of it before send() returned.
        answers = 0
        while True:
            try:
                data = self.link.recv(262144)
            except BlockingIOError:
                return 0 if answers else errno.ETIMEDOUT
            except OSError as error:
                return error.errno or errno.EIO
            at = 0
            while at + 20 <= len(data):
                length, kind = _struct.unpack_from("=IH", data, at)
                if kind == 2:  # NLMSG_ERROR: an acknowledgement when 0
                    answers += 1
                    code: int = -_struct.unpack_from("=i", data, at + 16)[0]
                    if code:
                        return code
                at += (length + 3) & ~3

    def ask(self, kind: int, flags: int, body: bytes) -> "list[bytes]":
        """Return the bodies of the kernel's answers. Raises OSError."""
        self.link.send(self._message(kind, flags, body))
        found: "list[bytes]" = []
        while True:
            if not select.select([self.link], [], [], min(2.0, time_left()))[0]:
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            data = self.link.recv(1048576)
            at = 0
            while at + 20 <= len(data):
                length, kind, marks = _struct.unpack_from("=IHH", data, at)
                if kind == 2:
                    code = -_struct.unpack_from("=i", data, at + 16)[0]
                    if code:
                        raise OSError(code, os.strerror(code))
                    return found
                if kind == 3:
                    return found
                found.append(data[at + 20 : at + length])
                if not marks & 2:  # not one of several
                    return found
                at += (length + 3) & ~3

    def healthy(self) -> bool:
        """Return whether our table is whole: all rules there, and in each set the element that marks it."""
        try:
            rules = self.ask(self.GETRULE, self.DUMP, text_attr(1, TABLE))
            if len(rules) != len(SETS) * len(self.chains):
                return False
            return all(self._left(name, SENTINEL[family]) is not None for name, family in SETS)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EAGAIN):
                return False
            raise Unavailable("nfnetlink: %s" % error.strerror) from None

    def _left(self, name: str, packed: bytes) -> "int | None":
        """Return the milliseconds that an element has left, 0 for one without end; None when it is not in the set."""
        body = text_attr(1, TABLE) + text_attr(2, name) + nest(3, nest(1, nest(1, attr(1, packed))))
        try:
            found = self.ask(self.GETELEM, 0, body)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return None
        element = attributes(attributes(attributes(found[0]).get(3, b"")).get(1, b""))
        left: int = _struct.unpack("!Q", element.get(5, b"\0" * 8))[0]
        return left

    def _elements(
        self, kind: int, items: "list[tuple[Address, int]]", *, now: bool = False
    ) -> "list[tuple[int, int, bytes]]":
        """Return messages that add or delete elements.

        A time of 0 milliseconds means without end; with ``now`` what is there already ends within a tick instead.
        """
        by_set: "dict[str, list[tuple[Address, int]]]" = {}
        for address, milliseconds in items:
            by_set.setdefault(set_name(address), []).append((address, milliseconds))
        messages: "list[tuple[int, int, bytes]]" = []
        for name, members in by_set.items():
            head = text_attr(1, TABLE) + text_attr(2, name)
            for start in range(0, len(members), CHUNK):
                parts = []
                for address, milliseconds in members[start : start + CHUNK]:
                    end = u64(4, milliseconds) if milliseconds and kind == self.NEWELEM else b""
                    end += u64(5, 1) if now else b""
                    parts.append(nest(1, nest(1, attr(1, address.packed)), end))
                    if name.startswith("network"):
                        parts += self._interval_end(address)
                messages.append((kind, self.CREATE if kind == self.NEWELEM else 0, head + nest(3, *parts)))
        return messages

    @staticmethod
    def _interval_end(address: Address) -> "list[bytes]":
        size = len(address.packed)
        last = int.from_bytes(address.packed, "big") + (1 << size * 8 - address.length)
        if last >> size * 8:
            return []  # up to the last address there is: the interval stays open
        return [nest(1, u32(3, 1), nest(1, attr(1, last.to_bytes(size, "big"))))]

    def put(self, items: "list[tuple[Address, int]]") -> int:
        """Block addresses for so many milliseconds each, whether they are blocked already or not.

        A kernel that has once taken an element out makes the socket's close wait for all its readers (10 ms and more),
        and execd waits for us. So one element is added, and read back: only a kernel that leaves the time of an
        element that was there already alone (before 6.12) is made to take it out and in again, in one transaction.
        """
        add = self._elements(self.NEWELEM, items)
        address, milliseconds = items[0]
        if len(items) > 1:
            code = self.transact([(kind, flags | self.EXCL, body) for kind, flags, body in add])
            if code != errno.EEXIST:
                return code
        elif address.single:
            code = self.transact(add)
            if code:
                return code
            left = self._left(set_name(address), address.packed)
            if left is not None and abs(left - milliseconds) < 1000:
                return 0
        return self.transact(add + self._elements(self.DELELEM, items) + add)

    def remove(self, addresses: "list[Address]") -> int:
        """Unblock addresses, whether they are blocked or not; see ``put`` for why one is first made to end."""
        items = [(address, 1000) for address in addresses]
        if len(items) == 1 and addresses[0].single:
            name, packed = set_name(addresses[0]), addresses[0].packed
            if self._left(name, packed) is None:
                return 0
            if not self.transact(self._elements(self.NEWELEM, items, now=True)):
                left = self._left(name, packed)
                if left is None or 0 < left <= TICK:
                    return 0
        return self.transact(self._elements(self.NEWELEM, items) + self._elements(self.DELELEM, items))

    def build(self, items: "list[tuple[Address, int]]") -> int:
        """Put our whole table in place, with these elements and no others, in one transaction."""
        table = text_attr(1, TABLE)
        messages = [(self.NEWTABLE, self.CREATE, table), (self.DELTABLE, 0, table), (self.NEWTABLE, self.CREATE, table)]
        for number, (name, family) in enumerate(SETS, 1):
            flags = 0x10 | (0x4 if name.startswith("network") else 0)  # TIMEOUT, INTERVAL
            kind, size = (7, 4) if family == 4 else (8, 16)  # as nft numbers its data types
            body = table + text_attr(2, name) + u32(3, flags) + u32(4, kind) + u32(5, size) + u32(10, number)
            messages.append((self.NEWSET, self.CREATE, body + nest(9, u32(1, SET_LIMIT))))
        for name, _, hook, device in self.chains:
            place = u32(1, hook) + u32(2, PRIORITY) + (text_attr(3, device) if device else b"")
            body = table + text_attr(3, name) + nest(4, place) + u32(5, 1) + text_attr(7, "filter")
            messages.append((self.NEWCHAIN, self.CREATE, body))
            messages += [(self.NEWRULE, self.CREATE | 0x800, self._rule(name, *one)) for one in SETS]
        for name, family in SETS:
            address = mark_of(family)
            parts = [nest(1, nest(1, attr(1, address.packed)))]
            if name.startswith("network"):
                parts += self._interval_end(address)
            messages.append((self.NEWELEM, self.CREATE, table + text_attr(2, name) + nest(3, *parts)))
        return self.transact(messages + self._elements(self.NEWELEM, items))

    @staticmethod
    def _rule(chain: str, name: str, family: int) -> bytes:
        """``meta nfproto FAMILY ip saddr @NAME counter drop``, in the kernel's expressions."""
        offset, size, protocol = (12, 4, b"\x02") if family == 4 else (8, 16, b"\x0a")
        expressions = (
            ("meta", u32(1, 1) + u32(2, 15)),
            ("cmp", u32(1, 1) + u32(2, 0) + nest(3, attr(1, protocol))),
            ("payload", u32(1, 1) + u32(2, 1) + u32(3, offset) + u32(4, size)),
            ("lookup", text_attr(1, name) + u32(2, 1)),
            ("counter", u64(1, 0) + u64(2, 0)),
            ("immediate", u32(1, 0) + nest(2, nest(2, u32(1, 0)))),
        )
        parts = [nest(1, text_attr(1, kind), nest(2, data)) for kind, data in expressions]
        return text_attr(1, TABLE) + text_attr(2, chain) + nest(4, *parts)

    def present(self) -> "dict[Address, int]":
        """Return what the kernel blocks, with the milliseconds left. Raises OSError.

        Of a network only its first address is told, with a length of -1.
        """
        found: "dict[Address, int]" = {}
        for name, family in SETS:
            for body in self.ask(self.GETELEM, self.DUMP, text_attr(1, TABLE) + text_attr(2, name)):
                at = 0
                listing = attributes(body).get(3, b"")
                while at + 4 <= len(listing):
                    length = _struct.unpack_from("=H", listing, at)[0]
                    element = attributes(listing[at : at + length], 4)
                    at += (length + 3) & ~3
                    key = attributes(element.get(1, b"")).get(1, b"")
                    ending = _struct.unpack("!I", element.get(3, b"\0\0\0\0"))[0] & 1
                    if key != SENTINEL[family] and not ending and 5 in element:
                        length = len(key) * 8 if name.startswith("address") else -1
                        found[Address(key, length)] = _struct.unpack("!Q", element[5])[0]
        return found
