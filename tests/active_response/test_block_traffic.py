"""Traffic is really cut: measured from the attacker's network namespace, with an owner beside him who is not."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ar_kit import Home, load, nets, wire

pytestmark = pytest.mark.kernel

ECHO = """
import socket, sys, threading
def serve(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, port), family=family, backlog=64)
    while True:
        peer = server.accept()[0]
        threading.Thread(target=echo, args=(peer,), daemon=True).start()
def echo(peer):
    while True:
        data = peer.recv(4096)
        if not data:
            return
        peer.sendall(data)
for address in sys.argv[2:]:
    threading.Thread(target=serve, args=(address, int(sys.argv[1])), daemon=True).start()
print("up", flush=True)
threading.Event().wait(120)
"""
TALK = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.0)
link.sendall(b"hello")
print(link.recv(16).decode())
"""
# Opens a connection, talks once, waits for a line, talks again.
HOLD = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.0)
link.sendall(b"one"); print(link.recv(16).decode(), flush=True)
for line in sys.stdin:
    link.sendall(b"two")
    try:
        print(link.recv(16).decode() or "closed", flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""


def reaches(net, address: str, port: int) -> bool:
    return net.python(TALK, address, str(port)) == "hello"


class Held:
    """A connection that stays open."""

    def __init__(self, net, address: str, port: int) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = net.start(sys.executable, "-c", HOLD, address, str(port), **pipes)
        assert self.process.stdout.readline() == "one\n"

    def works(self) -> bool:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == "two\n"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def site(tmp_path):
    """Attacker and owner at one switch with the host; behind the host a container with a port published by DNAT."""
    with nets("host", "attacker", "owner", "container") as (host, attacker, owner, container):
        wire(host, attacker, ["192.0.2.1/28", "2001:db8:a::1/64"], ["192.0.2.2/28", "2001:db8:a::2/64"])
        wire(host, owner, ["192.0.2.17/28", "2001:db8:b::1/64"], ["192.0.2.18/28", "2001:db8:b::2/64"])
        wire(host, container, ["172.31.1.1/24", "fd31::1/64"], ["172.31.1.2/24", "fd31::2/64"])
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        container.run("ip", "route", "add", "default", "via", "172.31.1.1")
        container.run("ip", "-6", "route", "add", "default", "via", "fd31::1")
        for net, gateways in ((attacker, ("192.0.2.1", "2001:db8:a::1")), (owner, ("192.0.2.17", "2001:db8:b::1"))):
            net.run("ip", "route", "add", "default", "via", gateways[0])
            net.run("ip", "-6", "route", "add", "default", "via", gateways[1])
        host.run("iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "8080", "-j", "DNAT",
                 "--to-destination", "172.31.1.2:80")  # fmt: skip
        host.run("ip6tables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "8080", "-j", "DNAT",
                 "--to-destination", "[fd31::2]:80")  # fmt: skip
        servers = []
        for net, port, addresses in ((host, 2222, ("0.0.0.0", "::1")), (container, 80, ("172.31.1.2", "fd31::2"))):  # noqa: S104
            if net is host:
                addresses = ("192.0.2.1", "192.0.2.17", "2001:db8:a::1", "2001:db8:b::1")  # noqa: PLW2901
            command = (sys.executable, "-c", ECHO, str(port), *addresses)
            servers.append(net.start(*command, stdout=subprocess.PIPE))
            servers[-1].stdout.readline()
        home = Home(tmp_path, "cicd-block-ip", prefix=host.prefix)
        home.configure(home.admin("--example-config"))
        try:
            yield home, host, attacker, owner
        finally:
            for server in servers:
                server.kill()
                server.communicate()


TARGETS = {
    "host service, IPv4": ("192.0.2.1", "192.0.2.17", 2222, "192.0.2.2"),
    "host service, IPv6": ("2001:db8:a::1", "2001:db8:b::1", 2222, "2001:db8:a::2"),
    "published port, IPv4": ("192.0.2.1", "192.0.2.17", 8080, "192.0.2.2"),
    "published port, IPv6": ("2001:db8:a::1", "2001:db8:b::1", 8080, "2001:db8:a::2"),
}


@pytest.mark.parametrize("backend", ["netlink", "nft", "ipset"])
def test_the_attacker_is_cut_off_and_the_owner_is_not(backend, site):
    home, _, attacker, owner = site
    home.configure(f"backend = {backend}\n")
    for name, (there, other, port, _) in TARGETS.items():
        assert reaches(attacker, there, port), name
        assert reaches(owner, other, port), name
    held = {name: Held(attacker, there, port) for name, (there, _, port, _) in TARGETS.items()}
    kept = Held(owner, "192.0.2.17", 8080)
    try:
        assert all(one.works() for one in held.values())
        for source in ("192.0.2.2", "2001:db8:a::2"):
            outcome = home.add({"srcip": source})
            assert (outcome.code, home.last()["result"]) == (0, "done")
        for name, (there, other, port, _) in TARGETS.items():
            assert not held[name].works(), f"open connection: {name}"
            assert not reaches(attacker, there, port), name
            assert reaches(owner, other, port), name
        assert kept.works()
        for source in ("192.0.2.2", "2001:db8:a::2"):
            home.delete({"srcip": source})
        time.sleep(0.05)
        for name, (there, _, port, _) in TARGETS.items():
            assert reaches(attacker, there, port), name
    finally:
        for one in (*held.values(), kept):
            one.close()


def test_a_firewall_that_accepts_first_does_not_help_the_attacker(site):
    home, host, attacker, owner = site
    host.run("iptables", "-I", "INPUT", "-s", "192.0.2.2", "-j", "ACCEPT")
    host.run("iptables", "-I", "FORWARD", "-s", "192.0.2.2", "-j", "ACCEPT")
    host.run("nft", "add table inet other; add chain inet other p { type filter hook prerouting priority -400; }; "
                    "add rule inet other p accept")  # fmt: skip
    home.add({"srcip": "192.0.2.2"})
    assert not reaches(attacker, "192.0.2.1", 2222)
    assert not reaches(attacker, "192.0.2.1", 8080)
    assert reaches(owner, "192.0.2.17", 2222)


def test_a_block_of_the_mapped_spelling_cuts_ipv4(site):
    home, _, attacker, _ = site
    home.add({"srcip": "::ffff:192.0.2.2"})
    assert not reaches(attacker, "192.0.2.1", 2222)


def test_the_own_address_cannot_be_blocked_by_a_spoofed_event(site):
    home, host, attacker, owner = site
    for address in ("192.0.2.1", "2001:db8:a::1", "172.31.1.1"):
        assert home.add({"srcip": address}).said == ""
        assert home.last()["reason"] == "own-address"
    assert reaches(attacker, "192.0.2.1", 2222)
    assert reaches(owner, "192.0.2.17", 2222)
    assert reaches(host, "192.0.2.1", 2222)


def test_a_network_of_the_administrator_cuts_everybody_in_it(site):
    home, _, attacker, owner = site
    refusal = home.admin("--block", "192.0.2.0/28", check=False)
    assert "own-address" in refusal
    home.admin("--block", "2001:db8:a:0:8000::/65", "192.0.2.2/31", "--timeout", "60")
    assert not reaches(attacker, "192.0.2.1", 2222)
    assert reaches(attacker, "2001:db8:a::1", 2222)
    assert reaches(owner, "192.0.2.17", 2222)


@pytest.fixture
def bridged(tmp_path):
    """A host that passes packets on to a machine of its own on a bridge, past all its own addresses and chains."""
    with nets("host", "attacker", "machine") as (host, attacker, machine):
        wire(host, attacker, [], ["192.0.2.2/28", "2001:db8:a::2/64"])
        wire(host, machine, [], ["192.0.2.3/28", "2001:db8:a::3/64"])
        host.run("ip", "link", "add", "br0", "type", "bridge")
        ports = [
            line.split("@")[0].split()[-1] for line in host.run("ip", "-br", "link").stdout.splitlines() if "@" in line
        ]
        for port in ports:
            host.run("ip", "link", "set", port, "master", "br0")
        host.run("ip", "link", "set", "br0", "up")
        for name in ("iptables", "ip6tables"):  # else br_netfilter hands bridged packets to the chains
            host.run("sysctl", "-qw", f"net.bridge.bridge-nf-call-{name}=0", check=False)
        server = machine.start(sys.executable, "-c", ECHO, "80", "192.0.2.3", "2001:db8:a::3", stdout=subprocess.PIPE)
        server.stdout.readline()
        home = Home(tmp_path, "cicd-block-ip", prefix=host.prefix)
        try:
            yield home, host, attacker, sorted(ports)
        finally:
            server.kill()
            server.communicate()


@pytest.mark.parametrize("backend", ["netlink", "nft"])
def test_what_is_passed_on_below_the_chains_is_cut_at_the_named_device(backend, bridged):
    home, host, attacker, ports = bridged
    targets = (("192.0.2.3", "192.0.2.2"), ("2001:db8:a::3", "2001:db8:a::2"))
    assert all(reaches(attacker, there, 80) for there, _ in targets)
    home.configure(f"backend = {backend}\n")
    for _, source in targets:
        home.add({"srcip": source})
    assert all(reaches(attacker, there, 80) for there, _ in targets), "the chains see what is bridged"
    held = Held(attacker, "192.0.2.3", 80)
    try:
        home.configure(f"backend = {backend}\n" + "".join(f"ingress_device = {port}\n" for port in [*ports, "absent0"]))
        home.admin("--reconcile")
        assert not any(reaches(attacker, there, 80) for there, _ in targets)
        assert not held.works()
    finally:
        held.close()
    assert host.run("nft", "list", "table", "inet", "cicd_block").stdout.count("hook ingress device") == len(ports)
    lines = len(home.log())
    home.admin("--reconcile")
    assert len(home.log()) == lines
    for _, source in targets:
        home.delete({"srcip": source})
    time.sleep(0.05)
    assert all(reaches(attacker, there, 80) for there, _ in targets)


def test_a_device_that_comes_later_is_covered_from_the_next_occasion_on(bridged):
    home, host, attacker, ports = bridged
    home.configure("".join(f"ingress_device = {port}x\n" for port in ports))
    home.add({"srcip": "192.0.2.2"})
    for port in ports:
        host.run("ip", "link", "set", port, "down")
        host.run("ip", "link", "set", port, "name", port + "x")
        host.run("ip", "link", "set", port + "x", "up")
    home.admin("--reconcile")
    assert not reaches(attacker, "192.0.2.3", 80)
    assert home.last()["reason"] == "damaged"


def test_the_selftest_tells_what_passes_the_chains_by_only_for_hardware(bridged):
    """Here are no macvlan and no hardware; what is told of them is tried below."""
    home, _, _, _ = bridged
    said = home.admin("--selftest")
    assert "FAIL" not in said
    assert "WARN" not in said


JOURNAL = "<localfile><log_format>journald</log_format><location>journald</location>%s</localfile>"


@pytest.mark.parametrize(
    ("own", "group", "told"),
    [
        (JOURNAL % "", "", ["/etc/ossec.conf"]),
        (JOURNAL % '<filter field="_UID">^0$</filter>', JOURNAL % "<!-- <filter> -->", ["/etc/shared/agent.conf"]),
        (JOURNAL % '<filter field="_UID">^0$</filter>', "", []),
        (f"<!-- {JOURNAL % ''} -->", "", []),
        ("<localfile><log_format>syslog</log_format><location>/x</location></localfile>", "", []),
    ],
)
def test_a_journal_that_is_read_without_a_filter_is_told(own, group, told, tmp_path):
    script = load("cicd-block-ip")
    (tmp_path / "etc/shared").mkdir(parents=True)
    (tmp_path / "etc/ossec.conf").write_text(f"<ossec_config>{own}</ossec_config>")
    if group:
        (tmp_path / "etc/shared/agent.conf").write_text(f"<agent_config>{group}</agent_config>")

    class Here:
        root = str(tmp_path)

    said = script.open_journals(Here())
    assert [line.split()[1] for line in said] == [f"{tmp_path}{path}" for path in told]
    assert all(line.startswith("WARN ") for line in said)


def test_interfaces_of_containers_and_bridged_hardware_are_told(monkeypatch):
    script = load("cicd-block-ip")
    links = [(2, {3: b"eth0\0", 10: b"\x05\0\0\0"}), (3, {3: b"eth1\0"}), (5, {3: b"br0\0", 18: kind("bridge")})]
    monkeypatch.setattr(script, "link_dump", lambda: links)
    monkeypatch.setattr(script, "foreign_networks", lambda: [(42, "/x")])
    monkeypatch.setattr(
        script, "links_of", lambda _: [("macvlan", "eth0", 3), ("veth", "eth1", 9), ("ipvlan", "i0", 2)]
    )
    config = script.Config()
    assert [line.partition(":")[0] for line in script.bypasses(config)[:-1]] == [
        "WARN eth0 is a port of a bridge or bond",
        "WARN process 42 has a macvlan interface eth0 on eth1",
        "WARN process 42 has a ipvlan interface i0 on eth0",
    ]
    config.ingress = ["eth0", "eth1"]
    assert script.bypasses(config) == []


def kind(text: str) -> bytes:
    """The attribute IFLA_LINKINFO of a device of this kind."""
    return (len(text) + 5).to_bytes(2, sys.byteorder) + (1).to_bytes(2, sys.byteorder) + text.encode() + b"\0"


def test_devices_of_other_namespaces_are_read_from_there():
    script = load("cicd-block-ip")
    with nets("left", "right") as (left, right):
        wire(left, right, [], [])
        found = script.links_of(f"/run/netns/{left.name}")
        assert sorted(one[0] for one in found if one[0] != "-") == ["veth"]
        waiting = right.start("sleep", "20")
        try:
            inode = Path(f"/run/netns/{right.name}").stat().st_ino
            end = time.monotonic() + 5
            while time.monotonic() < end and Path(f"/proc/{waiting.pid}/ns/net").stat().st_ino != inode:
                time.sleep(0.01)
            assert waiting.pid in [pid for pid, _ in script.foreign_networks()]
        finally:
            waiting.kill()
            waiting.communicate()


def test_a_kernel_that_cannot_hang_chains_on_devices_blocks_all_the_same_and_says_so(tmp_path, monkeypatch):
    script = load("cicd-block-ip")
    home = Home(tmp_path, "cicd-block-ip")
    home.configure("ingress_device = lo\n")
    place = script.Home(str(home.script), script.NAME)
    built = []

    class Old(script.Netlink):
        def __init__(self) -> None:
            pass

        def healthy(self) -> bool:
            return False

        def present(self) -> dict:
            return {}

        def build(self, items) -> int:
            built.append(len(self.chains))
            return 95 if len(self.chains) > 2 else 0

        def put(self, items) -> int:
            return 0

    monkeypatch.setattr(script, "BACKENDS", (Old,))
    ledger = script.Ledger(place)
    try:
        script.ready_firewall(place, ledger, script.Config().read(str(home.config)), None)
    finally:
        ledger.close()
    assert built == [3, 2]
    assert (home.last()["action"], home.last()["result"], home.last()["reason"]) == ("rebuild", "failed", "firewall")
    assert "ingress_device lo" in home.last()["detail"]
