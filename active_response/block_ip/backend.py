"""What every firewall back end has: our table's names, and what can be asked of it."""

import _socket
import posix as os

from active_response.block_ip.addresses import Address
from active_response.common.deadline import time_left
from active_response.common.files import FILE_LIMIT
from active_response.common.refusal import Failed

TABLE = "cicd_block"
SENTINEL = {4: b"\xff\xff\xff\xfe", 6: b"\xff\x02" + b"\0" * 13 + b"\xfe"}  # never the source of a packet
SETS = (("address4", 4), ("address6", 6), ("network4", 4), ("network6", 6))
# Name, the hook's name, its number, the device it hangs on; all at priority -310.
CHAINS: "tuple[tuple[str, str, int, str], ...]" = (("prerouting", "prerouting", 0, ""), ("input", "input", 1, ""))
PRIORITY = -310


class Unavailable(Exception):  # noqa: N818 - one back end says so, and the next is tried
    """A firewall back end that does not work on this host."""


def chains_for(devices: "list[str]") -> "tuple[tuple[str, str, int, str], ...]":
    """Return our chains, with one more for each of these devices that is there."""
    found = list(CHAINS)
    for number, device in enumerate(devices):
        try:
            _socket.if_nametoindex(device)
        except OSError:
            continue
        found.append(("ingress%d" % number, "ingress", 5, device))  # NF_INET_INGRESS
    return tuple(found)


def set_name(address: Address) -> str:
    """Return the set that an address or network goes to."""
    return ("address%d" if address.single else "network%d") % address.family


class Backend:
    """A firewall that holds our table: in each of ``SETS`` what is blocked, with its time, and rules that drop it.

    A method that changes something returns 0 or the number of an error (``errno``); an address that is to be blocked
    comes with milliseconds.
    """

    number = 0  # as the ledger writes it
    name = ""  # as the configuration and the log write it

    def __init__(self) -> None:
        self.chains = CHAINS
        self.rebuilt = ""  # why the table had to be built at the start: first-run, reboot, damaged
        self.uncovered = ""  # why the devices of `ingress_device` could not be covered

    def healthy(self) -> bool:
        """Return whether our table is whole. Raises Unavailable."""
        raise NotImplementedError

    def put(self, items: "list[tuple[Address, int]]") -> int:
        """Block addresses for so many milliseconds each, whether they are blocked already or not."""
        raise NotImplementedError

    def remove(self, addresses: "list[Address]") -> int:
        """Unblock addresses, whether they are blocked or not."""
        raise NotImplementedError

    def build(self, items: "list[tuple[Address, int]]") -> int:
        """Put our whole table in place, with these elements and no others."""
        raise NotImplementedError


def mark_of(family: int) -> Address:
    """Return the element that marks a set as ours and whole."""
    return Address(SENTINEL[family], len(SENTINEL[family]) * 8)


def run(words: "list[str]", text: str = "") -> "tuple[int, str]":
    """Run a program from a fixed folder with fixed words, give it ``text``, return its exit code and output.

    Nothing that an event says is ever among them: addresses are printed from their bytes. The child gets none of our
    pipes, a clean environment, and is killed when our time is over. Raises Unavailable when there is no such program.
    """
    import subprocess  # noqa: PLC0415 - 20 ms that only the fallbacks pay

    for folder in ("/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"):
        if os.access(folder + words[0], os.X_OK):
            break
    else:
        raise Unavailable("%s: not installed" % words[0])
    child = subprocess.Popen(  # noqa: S603 - a list, no shell, an absolute path
        [folder + words[0], *words[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        close_fds=True,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    try:
        output, _ = child.communicate(text.encode("ascii"), timeout=time_left())
    except subprocess.TimeoutExpired:
        raise Failed("deadline", words[0] + " did not end") from None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    return child.returncode, output[:FILE_LIMIT].decode("utf-8", "replace").strip()
