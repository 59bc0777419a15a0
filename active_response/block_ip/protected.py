"""Whom a block must never hit: this host, its routers and name servers, the Wazuh managers, the allow list."""

import _struct
import posix as os
import time

from active_response.block_ip.addresses import Address, Networks, parse_network
from active_response.block_ip.attributes import attributes
from active_response.block_ip.config import Config
from active_response.block_ip.connections import peers_of
from active_response.block_ip.routes import route_dump
from active_response.common.files import PAUSES, read_file, read_stable
from active_response.common.home import Home
from active_response.common.refusal import Refused
from active_response.common.words import is_number

NAMES = "manager-names"  # in the state folder: the managers' addresses, as --selftest or --reconcile resolved them
SERVER = ".dns"  # stands there for the name of a resolver; no host is called so
PROGRAMS = ("wazuh-agentd", "wazuh-analysisd", "wazuh-execd")  # where one of these is, Wazuh is installed
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
    networks = Networks(config.nat64)
    for text, reason in FIXED:
        networks.add(parse_network(text), reason)
    try:
        own_addresses(networks)
        gateways(networks)
        managers(networks, home)
    except OSError as error:
        raise Refused("safety-list", "cannot tell own addresses, gateways, managers: %s" % error) from None
    name_servers(networks, home)
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


def name_servers(networks: Networks, home: Home) -> None:
    """Protect the resolvers that this host asks, and those that it asked when ``--reconcile`` last looked.

    While somebody writes resolv.conf, it names nobody.
    """
    for text in asked_servers() + remembered(home, SERVER):
        protect_text(networks, text, "dns")


def asked_servers() -> "list[str]":
    """Return the resolvers that this host is set up to ask."""
    found: "list[str]" = []
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        try:
            lines = read_file(path).split("\n")
        except OSError:
            continue
        words = [line.split() for line in lines]
        found += [one[1].partition("%")[0] for one in words if len(one) > 1 and one[0] == "nameserver"]
    return found


def remembered(home: Home, name: str) -> "list[str]":
    """Return the addresses that ``--selftest`` or ``--reconcile`` wrote down for a name."""
    try:
        lines = read_file(home.state + "/" + NAMES).split("\n")
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.split()[1:] == [name]]


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
        for word in between(text, tag):
            if word and len(word) <= 253 and word not in found:
                found.append(word)
    return found


def between(text: str, tag: str) -> "list[str]":
    """Return what stands in each element of this name, up to the next tag."""
    return [part.partition("<")[0].strip() for part in text.split("<" + tag + ">")[1:]]


def server_ports(text: str) -> "set[int]":
    """Return the ports of the servers that an agent's ossec.conf names; 1514 where it names none."""
    found: "set[int]" = set()
    for part in text.split("<server>")[1:]:
        server = part.partition("</server>")[0]
        found.update(int(word) for word in between(server, "port") or ["1514"] if is_number(word, 5))
    return {port for port in found if 0 < port < 65536} or {1514}


def read_ossec_conf(home: Home) -> str:
    """Return the text of ossec.conf, an empty one where there is no Wazuh. Raises OSError, Refused.

    What is lost of it, by whoever writes it just now, must not look like a host without a manager.
    """
    path = home.root + "/etc/ossec.conf"
    try:
        text, stable = read_stable(path)
        for pause in PAUSES:
            if stable and text.count("<ossec_config>") <= text.count("</ossec_config>") > 0:
                return text
            time.sleep(pause)
            text, stable = read_stable(path)
    except FileNotFoundError:
        if any(os.access(home.root + "/bin/" + name, os.F_OK) for name in PROGRAMS):
            raise
        return ""  # only the responses are here: a trial
    raise Refused("safety-list", "%s is not complete" % path)


def managers(networks: Networks, home: Home) -> None:
    """Protect the Wazuh managers: those named by address, those named by host as last resolved, those in use.

    In use is what wazuh-agentd has opened a connection to, whatever DNS says by now. A name is looked up in /etc/hosts
    and in what ``--selftest`` or ``--reconcile`` resolved last, and never by DNS from here: a response must not wait
    for a name server. Raises OSError; Refused when the agent's manager cannot be found out.
    """
    text = read_ossec_conf(home)
    words = manager_words(text)
    names = [word.lower() for word in words if not protect_text(networks, word, "manager")]
    peers = peers_of(home, "wazuh-agentd", server_ports(text), udp="udp" in between(text, "protocol"))
    for address in peers:
        networks.add(address, "manager")
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
    client = text.partition("<client>")[2].partition("</client>")[0]
    unknown = [word for word in manager_words(client) if word.lower() in names and word.lower() not in known]
    if unknown and not peers:
        raise Refused(
            "safety-list", "%s: never resolved, and the agent has no connection; try --reconcile" % unknown[0]
        )
