"""Traffic is really cut: measured from the attacker's network namespace, with an owner beside him who is not."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ar_kit import Home, nets, wire

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
