"""Ways that packets take past this host's chains."""

import _struct
import posix as os

from active_response.block_ip.config import Config
from active_response.block_ip.routes import link_dump, link_kind
from active_response.common.words import is_number


def bypasses(config: Config) -> "list[str]":
    """Return a line for each way that packets may take past our chains, as far as it can be seen from here.

    Containers with an interface of kind macvlan or ipvlan are found by looking into every network namespace that a
    process lives in; what is bridged, by the hardware that is a port of a bridge.
    """
    said: "list[str]" = []
    try:
        names = {}
        for number, attrs in link_dump():
            name = attrs.get(3, b"").partition(b"\0")[0].decode("utf-8", "replace")
            names[number] = name
            if 10 in attrs and not link_kind(attrs) and name not in config.ingress:  # IFLA_MASTER
                said.append("WARN %s is a port of a bridge or bond: what is bridged past this host is not cut" % name)
        for pid, path in foreign_networks():
            for kind, name, below in links_of(path):
                device = names.get(below, "a device that cannot be told")
                if kind in ("macvlan", "macvtap", "ipvlan", "ipvtap") and device not in config.ingress:
                    said.append("WARN process %d has a %s interface %s on %s: not cut" % (pid, kind, name, device))
    except (OSError, ImportError, AttributeError) as error:
        said.append("WARN cannot look for containers that have interfaces of their own: %s" % error)
    if said:
        said.append("     name the device with `ingress_device` to cut these, too (Linux 5.10)")
    return said


def foreign_networks() -> "list[tuple[int, str]]":
    """Return one process, and the path of its network namespace, for each that is not ours; at most a thousand."""
    found: "dict[int, tuple[int, str] | None]" = {os.stat("/proc/self/ns/net").st_ino: None}
    for name in os.listdir("/proc"):
        if name.isdigit() and len(found) <= 1000:
            try:
                number = os.stat("/proc/%s/ns/net" % name).st_ino
            except OSError:
                continue
            found.setdefault(number, (int(name), "/proc/%s/ns/net" % name))
    return [one for one in found.values() if one]


def link_lines() -> str:
    """Return a line for each device of the network namespace that this process is in, for ``links_of`` to read."""
    lines: "list[str]" = []
    for _, attrs in link_dump():
        name = attrs.get(3, b"").partition(b"\0")[0].decode("utf-8", "replace")
        below = _struct.unpack("=i", attrs[5])[0] if len(attrs.get(5, b"")) == 4 else 0  # IFLA_LINK
        lines.append("%s %d %s" % (link_kind(attrs) or "-", below, name))
    return "\n".join(lines)


def links_of(path: str) -> "list[tuple[str, str, int]]":
    """Return kind, name and number of the device below, of each device in another network namespace.

    A child goes there to look, so that this process stays where it is.
    """
    import ctypes  # noqa: PLC0415 - Python has no setns before 3.12

    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if not ctypes.CDLL(None).setns(file, 0x40000000):  # CLONE_NEWNET
                os.write(writer, link_lines().encode("utf-8", "replace")[:65536])
        finally:
            os._exit(0)  # noqa: SLF001 - its name in os, too
    os.close(writer)
    data = b""
    while True:
        part = os.read(reader, 65536)
        if not part:
            break
        data += part
    os.close(reader)
    os.waitpid(child, 0)
    found: "list[tuple[str, str, int]]" = []
    for line in data.decode("utf-8", "replace").split("\n"):
        kind, _, rest = line.partition(" ")
        below, _, name = rest.partition(" ")
        if is_number(below, 9):
            found.append((kind, name, int(below)))
    return found
