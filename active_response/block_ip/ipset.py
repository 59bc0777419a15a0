"""The firewall through ipset and iptables, where there is no nf_tables."""

import errno

from active_response.block_ip.addresses import Address
from active_response.block_ip.backend import SETS, Backend, Unavailable, mark_of, run, set_name
from active_response.block_ip.config import SET_LIMIT


class Ipset(Backend):
    """Sets of ipset, matched by iptables before the DNAT of published ports and again at the host's own ports."""

    number = 3
    name = "ipset"
    PLACES = (("raw", "PREROUTING"), ("filter", "INPUT"))

    def __init__(self) -> None:
        Backend.__init__(self)
        for words in (["ipset", "list", "-n"], ["iptables", "-w", "2", "-S"], ["ip6tables", "-w", "2", "-S"]):
            code, output = run(words)
            if code:
                raise Unavailable("%s: %s" % (words[0], output[:200]))

    @staticmethod
    def _name(name: str) -> str:
        return "cicd_" + name

    @classmethod
    def _rules(cls) -> "list[tuple[list[str], list[str]]]":
        rules = []
        for name, family in SETS:
            program = ["iptables" if family == 4 else "ip6tables", "-w", "2"]
            for table, chain in cls.PLACES:
                match = [chain, "-m", "set", "--match-set", cls._name(name), "src", "-j", "DROP"]
                rules.append(([*program, "-t", table], match))
        return rules

    def healthy(self) -> bool:
        """Return whether our sets, the elements that mark them, and our rules are there."""
        for name, family in SETS:
            mark = mark_of(family)
            if run(["ipset", "test", self._name(name), str(mark)])[0]:
                return False
        return not any(run([*program, "-C", *match])[0] for program, match in self._rules())

    @staticmethod
    def _restore(lines: "list[str]") -> int:
        code, output = run(["ipset", "-exist", "restore"], "\n".join(lines) + "\n")
        if code and "is full" in output:
            return errno.ENFILE
        return errno.EIO if code else 0

    def put(self, items: "list[tuple[Address, int]]") -> int:
        """Block addresses for so many milliseconds each, whether they are blocked already or not."""
        return self._restore(
            [
                "add %s %s timeout %d" % (self._name(set_name(address)), address, (milliseconds + 999) // 1000)
                for address, milliseconds in items
            ]
        )

    def remove(self, addresses: "list[Address]") -> int:
        """Unblock addresses, whether they are blocked or not."""
        return self._restore(["del %s %s" % (self._name(set_name(address)), address) for address in addresses])

    def build(self, items: "list[tuple[Address, int]]") -> int:
        """Put our sets in place, with these elements and no others, and the rules that look into them."""
        lines = []
        for name, family in SETS:
            kind = "hash:net" if name.startswith("network") else "hash:ip"
            shape = "%s family %s timeout 0 maxelem %d" % (kind, "inet" if family == 4 else "inet6", SET_LIMIT)
            draft = self._name(name) + "_draft"
            mark = mark_of(family)
            lines += ["create %s %s" % (self._name(name), shape), "create %s %s" % (draft, shape), "flush " + draft]
            lines.append("add %s %s timeout 0" % (draft, mark))
            lines += [
                "add %s %s timeout %d" % (draft, address, (milliseconds + 999) // 1000)
                for address, milliseconds in items
                if set_name(address) == name
            ]
            lines += ["swap %s %s" % (draft, self._name(name)), "destroy " + draft]
        code = self._restore(lines)
        for program, match in self._rules() if not code else ():
            if run([*program, "-C", *match])[0] and run([*program, "-I", *match])[0]:
                return errno.EIO
        return code
