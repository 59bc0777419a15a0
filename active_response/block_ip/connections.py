"""What a program of Wazuh is connected to: the remote ends of connections that it opened itself."""

import _socket
import _struct
import errno
import posix as os

from active_response.block_ip.addresses import MAPPED, Address
from active_response.block_ip.attributes import attr
from active_response.common.deadline import time_left
from active_response.common.home import Home
from active_response.common.words import is_number

HINTS = 64  # files in var/run that are looked at
STATES = (1, 2, 8)  # TCP_ESTABLISHED, TCP_SYN_SENT, TCP_CLOSE_WAIT


def peers_of(home: Home, name: str, ports: "set[int]", *, udp: bool = False) -> "list[Address]":
    """Return the remote ends of a program's own connections to these TCP ports, with ``udp`` also to these UDP ports.

    What counts is that the socket is the program's: nobody else can open one there, whatever ports he chooses. Raises
    OSError when that cannot be found out; Failed when there is no time for it.
    """
    found: "set[Address]" = set()
    for pid in processes(home, name):
        sockets = sockets_of(pid)
        if sockets:
            for inode, peer, port in connections(pid, ports, udp=udp):
                if inode in sockets and port in ports:
                    found.add(peer)
    return list(found)


def processes(home: Home, name: str) -> "list[int]":
    """Return the processes that run ``bin/NAME`` of this installation.

    The files in `var/run` say where to look, and the group wazuh may write there; what a process is, the kernel says.
    A container may hold such a program, too: only one that sees the same files as we is believed.
    """
    path = home.root + "/bin/" + name
    try:
        hints = [word[len(name) + 1 : -4] for word in os.listdir(home.root + "/var/run") if word.startswith(name + "-")]
    except OSError:
        hints = []
    found = [int(pid) for pid in hints[:HINTS] if is_number(pid, 9) and runs(pid, path)]
    if not found and os.access(path, os.F_OK):
        found = [int(pid) for pid in os.listdir("/proc") if is_number(pid, 9) and runs(pid, path)]
    return found


def runs(pid: str, path: str) -> bool:
    """Whether a process runs the program at ``path``, or the one that was there before an upgrade."""
    try:
        program = os.readlink("/proc/%s/exe" % pid)
        if program not in (path, path + " (deleted)"):
            return False
        return os.stat("/proc/%s/ns/mnt" % pid).st_ino == os.stat("/proc/self/ns/mnt").st_ino
    except OSError:
        return False  # it has ended, is the kernel's own, or is no business of ours


def sockets_of(pid: int) -> "set[int]":
    """Return the inodes of a process's sockets. Raises OSError when we may not look."""
    found: "set[int]" = set()
    folder = "/proc/%d/fd" % pid
    try:
        for name in os.listdir(folder):
            try:
                target = os.readlink(folder + "/" + name)
            except FileNotFoundError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    except FileNotFoundError:
        pass  # the process has ended, and with it its connections
    return found


def connections(pid: int, ports: "set[int]", *, udp: bool) -> "list[tuple[int, Address, int]]":
    """Return the connections to these ports in a process's network: inode, remote address and port of each."""
    try:
        same = os.stat("/proc/%d/ns/net" % pid).st_ino == os.stat("/proc/self/ns/net").st_ino
        if same:
            return [one for port in ports for one in diagnosed(port, (6, 17) if udp else (6,))]
    except OSError:
        pass  # a kernel without the module; its table in /proc says the same, at greater length
    try:
        kinds = ("tcp", "tcp6", "udp", "udp6") if udp else ("tcp", "tcp6")
        return [one for kind in kinds for one in table("/proc/%d/net/%s" % (pid, kind), ports)]
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return []  # the process has ended
        raise


def diagnosed(port: int, protocols: "tuple[int, ...]") -> "list[tuple[int, Address, int]]":
    """Ask the kernel for the connections to a port (sock_diag(7)). Raises OSError where it cannot answer."""
    found: "list[tuple[int, Address, int]]" = []
    # The kernel looks for the port: jump behind the end, which is a refusal, unless port <= remote port <= port.
    code = _struct.pack("=BBHBBHBBHBBH", 4, 8, 20, 0, 0, port, 5, 8, 12, 0, 0, port)
    states = sum(1 << state for state in STATES)
    link = _socket.socket(16, 3 | 0o2000000, 4)  # AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG
    try:
        link.settimeout(min(1.0, time_left()))
        for family in (2, 10):
            for protocol in protocols:
                body = _struct.pack("=BBBBI48x", family, protocol, 0, 0, states) + attr(1, code)
                link.send(_struct.pack("=IHHII", 16 + len(body), 20, 0x301, 1, 0) + body)  # SOCK_DIAG_BY_FAMILY
                found += answers(link)
    finally:
        link.close()
    return found


def answers(link: _socket.socket) -> "list[tuple[int, Address, int]]":
    """Return the connections that the kernel tells. Raises OSError."""
    found: "list[tuple[int, Address, int]]" = []
    while True:
        data = link.recv(262144)
        at = 0
        while at + 16 <= len(data):
            length, kind = _struct.unpack_from("=IH", data, at)
            if kind == 3:  # NLMSG_DONE
                return found
            if kind == 2:  # NLMSG_ERROR
                raise OSError(-_struct.unpack_from("=i", data, at + 16)[0], "netlink socket dump")
            size = 4 if data[at + 16] == 2 else 16
            port = _struct.unpack_from("!H", data, at + 22)[0]
            inode = _struct.unpack_from("=I", data, at + 84)[0]
            found.append((inode, unmapped(data[at + 40 : at + 40 + size]), port))
            at += (length + 3) & ~3


def table(path: str, ports: "set[int]") -> "list[tuple[int, Address, int]]":
    """Return the connections to these ports in a table of /proc (proc(5)). Raises OSError, Failed."""
    found: "list[tuple[int, Address, int]]" = []
    wanted = [b":%04X " % port for port in ports]
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return found  # a kernel without this family
    rest = b""
    try:
        while True:
            time_left()
            part = os.read(file, 262144)
            lines = (rest + part).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if any(port in line for port in wanted):
                    words = line.split()
                    host, _, port = words[2].partition(b":")
                    if int(words[3], 16) in STATES:
                        raw = bytes.fromhex(host.decode("ascii"))
                        packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
                        found.append((int(words[9]), unmapped(packed), int(port, 16)))
            if not part:
                return found
    finally:
        os.close(file)


def unmapped(packed: bytes) -> Address:
    """Return an address, an IPv4-mapped one as IPv4."""
    packed = packed[12:] if packed.startswith(MAPPED) else packed
    return Address(packed, len(packed) * 8)
