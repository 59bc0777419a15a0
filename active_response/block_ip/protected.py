"""Whom a block must never hit: this host, its routers and name servers, the Wazuh managers, the allow list."""

import _struct
import posix as os

from active_response.block_ip.addresses import MAPPED, Address, Networks, parse_network
from active_response.block_ip.attributes import attributes
from active_response.block_ip.config import Config
from active_response.block_ip.routes import route_dump
from active_response.common.deadline import time_left
from active_response.common.files import read_file
from active_response.common.home import Home
from active_response.common.refusal import Refused

NAMES = "manager-names"  # in the state folder: the managers' addresses, as --selftest or --reconcile resolved them
FIXED = (
    ("0.0.0.0/8", "unspecified"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),  # holds 169.254.169.254, the metadata service of most clouds
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.254/31", "broadcast"),
    ("168.63.129.16", "cloud-metadata"),  # Azure
    ("100.100.100.200", "cloud-metadata"),  # Alibaba Cloud
    ("192.0.0.192", "cloud-metadata"),  # Oracle Cloud
    ("::/96", "unspecified"),  # and ::1, and the IPv4-compatible addresses, which nobody uses
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
    ("fd00:ec2::/32", "cloud-metadata"),  # AWS
    ("fd20:ce::254", "cloud-metadata"),  # Google Cloud
)


def never_block(home: Home, config: Config) -> Networks:
    """Return everything that must not be blocked here, now. Raises Refused when it cannot be found out."""
    networks = Networks()
    for text, reason in FIXED:
        networks.add(parse_network(text), reason)
    try:
        own_addresses(networks)
        gateways(networks)
        managers(networks, home)
    except OSError as error:
        raise Refused("safety-list", "cannot tell own addresses, gateways, managers: %s" % error) from None
    name_servers(networks)
    for address in config.allow:
        networks.add(address, "allow-list")
    return networks


def own_addresses(networks: Networks) -> None:
    """Protect every address of this host, and those it broadcasts to. Raises OSError."""
    for _, found in route_dump(22, b"\0" * 8):
        for kind in (1, 2, 4):  # IFA_ADDRESS (the peer, on a point-to-point link), IFA_LOCAL, IFA_BROADCAST
            if len(found.get(kind, b"")) in (4, 16):
                networks.add(Address(found[kind], len(found[kind]) * 8), "own-address")


def gateways(networks: Networks) -> None:
    """Protect the routers that default routes, in any table, go through. Raises OSError."""
    for fixed, found in route_dump(26, b"\0" * 12):
        if fixed[1]:  # a prefix length: not a default route
            continue
        hops = [found]
        at = 0
        several = found.get(9, b"")  # RTA_MULTIPATH
        while at + 8 <= len(several):
            length = _struct.unpack_from("=H", several, at)[0]
            if length < 8:
                break
            hops.append(attributes(several[at : at + length], 8))
            at += (length + 3) & ~3
        for hop in hops:
            for packed in (hop.get(5, b""), hop.get(18, b"")[2:]):  # RTA_GATEWAY, RTA_VIA
                if len(packed) in (4, 16):
                    networks.add(Address(packed, len(packed) * 8), "gateway")


def name_servers(networks: Networks) -> None:
    """Protect the resolvers that this host asks."""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        try:
            lines = read_file(path).split("\n")
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                protect_text(networks, words[1].partition("%")[0], "dns")


def protect_text(networks: Networks, text: str, reason: str) -> bool:
    """Protect what ``text`` spells, if it spells an address or network; tell whether it did."""
    try:
        networks.add(parse_network(text), reason)
    except ValueError:
        return False
    return True


def manager_words(text: str) -> "list[str]":
    """Return the addresses, networks and names that an ossec.conf trusts: servers, cluster nodes, white list."""
    found: "list[str]" = []
    for tag in ("address", "server-ip", "server-hostname", "manager_address", "node", "white_list"):
        for part in text.split("<" + tag + ">")[1:]:
            word = part.partition("<")[0].strip()
            if word and len(word) <= 253 and word not in found:
                found.append(word)
    return found


def managers(networks: Networks, home: Home) -> None:
    """Protect the Wazuh managers: those named by address, and those named by host as last resolved.

    A name is looked up in /etc/hosts and in what ``--selftest`` or ``--reconcile`` resolved last, and never by DNS
    from here: a response must not wait for a name server. While a name is unresolved, everybody that this host is
    connected to on the agent's ports is protected instead. Raises OSError.
    """
    try:
        words = manager_words(read_file(home.root + "/etc/ossec.conf"))
    except FileNotFoundError:
        connected_managers(networks)
        return
    names = [word.lower() for word in words if not protect_text(networks, word, "manager")]
    if not names:
        return
    known: "set[str]" = set()
    for path in ("/etc/hosts", home.state + "/" + NAMES):
        try:
            lines = read_file(path).split("\n")
        except OSError:
            continue
        for line in lines:
            parts = line.partition("#")[0].lower().split()
            matched = [name for name in names if name in parts[1:]]
            if matched and protect_text(networks, parts[0], "manager"):
                known.update(matched)
    if len(known) < len(names):
        connected_managers(networks)


def connected_managers(networks: Networks) -> None:
    """Protect the peers of this host's connections to TCP ports 1514 and 1515, the manager's.

    Raises Failed when there are so many connections that there is no time to look through them: whoever can open them
    must not get the manager blocked by it.
    """
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # a kernel without this family
        rest = b""
        try:
            while True:
                time_left()
                part = os.read(file, 262144)
                lines = (rest + part).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if b":05EA " in line or b":05EB " in line:
                        connected_manager(networks, line.split())
                if not part:
                    break
        finally:
            os.close(file)


def connected_manager(networks: Networks, words: "list[bytes]") -> None:
    """Protect the peer of a line of /proc/net/tcp, if it is at one of the manager's ports."""
    host, _, port = words[2].partition(b":")
    if port in (b"05EA", b"05EB"):
        raw = bytes.fromhex(host.decode("ascii"))
        swapped = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        packed = swapped[12:] if swapped.startswith(MAPPED) else swapped
        networks.add(Address(packed, len(packed) * 8), "manager")
