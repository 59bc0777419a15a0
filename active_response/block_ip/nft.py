"""The firewall through the program nft, where the socket does not work."""

import errno

from active_response.block_ip.addresses import Address
from active_response.block_ip.backend import (
    PRIORITY,
    SETS,
    TABLE,
    Backend,
    Unavailable,
    mark_of,
    run,
    set_name,
)
from active_response.block_ip.config import SET_LIMIT


class Nft(Backend):
    """The same table, through the program nft."""

    number = 2
    name = "nft"

    def __init__(self) -> None:
        Backend.__init__(self)
        code, output = run(["nft", "list", "tables"])
        if code:
            raise Unavailable("nft: " + output[:200])

    @staticmethod
    def _apply(lines: "list[str]") -> int:
        code, output = run(["nft", "-f", "-"], "\n".join(lines) + "\n")
        if code and "Too many open files" in output:
            return errno.ENFILE  # what nf_tables says of a set that is full
        return errno.EIO if code else 0

    def healthy(self) -> bool:
        """Return whether our table is whole."""
        code, output = run(["nft", "-t", "list", "table", "inet", TABLE])
        if code or output.count(" drop") != len(SETS) * len(self.chains):
            return False
        for name, family in SETS:
            mark = mark_of(family)
            if run(["nft", "get", "element", "inet", TABLE, name, "{ %s }" % mark])[0]:
                return False
        return True

    @staticmethod
    def _elements(verb: str, items: "list[tuple[Address, int]]") -> "list[str]":
        by_set: "dict[str, list[str]]" = {}
        for address, milliseconds in items:
            end = " timeout %dms" % milliseconds if milliseconds and verb == "add" else ""
            by_set.setdefault(set_name(address), []).append(str(address) + end)
        return ["%s element inet %s %s { %s }" % (verb, TABLE, name, ", ".join(by_set[name])) for name in by_set]

    def put(self, items: "list[tuple[Address, int]]") -> int:
        """Block addresses for so many milliseconds each, whether they are blocked already or not."""
        add = self._elements("add", items)
        return self._apply(add + self._elements("delete", items) + add)

    def remove(self, addresses: "list[Address]") -> int:
        """Unblock addresses, whether they are blocked or not."""
        items = [(address, 0) for address in addresses]
        return self._apply(self._elements("add", items) + self._elements("delete", items))

    def build(self, items: "list[tuple[Address, int]]") -> int:
        """Put our whole table in place, with these elements and no others, in one transaction."""
        table = "table inet " + TABLE
        lines = ["add " + table, "delete " + table, "add " + table]
        for name, family in SETS:
            flags = "interval, timeout" if name.startswith("network") else "timeout"
            kind = "ipv%d_addr" % family
            lines.append("add set inet %s %s { type %s; flags %s; size %d; }" % (TABLE, name, kind, flags, SET_LIMIT))
        for chain, kind, _, device in self.chains:
            where = kind + (' device "%s"' % device if device else "")
            hook = "type filter hook %s priority %d; policy accept;" % (where, PRIORITY)
            lines.append("add chain inet %s %s { %s }" % (TABLE, chain, hook))
            for name, family in SETS:
                source = "ip saddr" if family == 4 else "ip6 saddr"
                lines.append("add rule inet %s %s %s @%s counter drop" % (TABLE, chain, source, name))
        for name, family in SETS:
            mark = mark_of(family)
            lines.append("add element inet %s %s { %s }" % (TABLE, name, mark))
        return self._apply(lines + self._elements("add", items))
