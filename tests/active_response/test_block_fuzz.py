"""Broken and hostile messages by the thousand: no hang, no traceback, nobody who is protected is blocked."""

from __future__ import annotations

import json
import random
import time

import pytest
from test_block_ledger import Clock, Firewall

from ar_kit import Home, load, nets
from wazuh_cicd.drill.execd import Execd
from wazuh_cicd.drill.messages import alert, hostile_lines, hostile_texts, message, message5
from wazuh_cicd.drill.scenarios import flaws

block_ip = load("cicd-block-ip")
PROTECTED = [
    "127.0.0.1",
    "::1",
    "203.0.113.9",
    "::ffff:203.0.113.9",
    "169.254.169.254",
    "2001:db8:aa::1",
    "255.255.255.255",
]
ATTACKERS = ["198.51.100.7", "2001:db8:bad::7", "::ffff:198.51.100.8"]
FIELDS = ["srcip", "github.actor_ip", "aws.sourceIPAddress", "sourceIPs", "kubernetes.sourceIPs"]


def cases(count: int, seed: int):
    """Yield so many lines: good ones, hostile ones, and both with bytes changed, cut out and put in."""
    source = random.Random(seed)  # noqa: S311 - cases, not secrets
    hostile = list(hostile_texts("/nonexistent/canary"))
    inserts = [b'"', b"{", b"]", b"\\u0000", b"\n", b"\xff", b"9" * 30, b'","command":"add']
    lines = [line for _, line in hostile_lines()]
    for _ in range(count):
        kind = source.random()
        value = source.choice(source.choice([PROTECTED, ATTACKERS, hostile]))
        if kind < 0.1:
            value = [value] * source.randint(0, 3)
        elif kind < 0.15:
            value = {"a": value}
        data: dict = {}
        where = data
        parts = source.choice(FIELDS).split(".")
        for part in parts[:-1]:
            where = where.setdefault(part, {})
        where[parts[-1]] = value
        fits = [[], ["timeout=60"], [f"address={source.choice(FIELDS)}", "timeout=60"]]
        extra = source.choice([*fits, *fits, ["x"], [value], ["timeout=" + "9" * 50]])
        verb = source.choice(["add", "add", "delete"])
        if source.random() < 0.15:
            line = message5(
                source.choice(["enable", "disable"]), {"source": {"ip": value}}, timeout=source.randint(0, 10**7)
            )
        elif source.random() < 0.1:
            line = source.choice(lines)
        else:
            line = message(verb, alert(data), extra_args=extra)
        if source.random() < 0.5:
            changed = bytearray(line[:70000])
            for _ in range(source.randint(1, 12)):
                at = source.randrange(len(changed) + 1)
                act = source.random()
                if act < 0.4 and at < len(changed):
                    changed[at] = source.randrange(256)
                elif act < 0.7:
                    del changed[at : at + source.randint(1, 9)]
                else:
                    changed[at:at] = source.choice(inserts)
            line = bytes(changed)
        yield line


class Source:
    """Standard input that holds one line and an answer."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines

    def line(self) -> str:
        return self.lines.pop(0).split(b"\n")[0].decode("utf-8", "replace") if self.lines else ""


@pytest.mark.parametrize("count", [3000, pytest.param(100000, marks=pytest.mark.slow)])
def test_any_message_ends_at_once_with_a_result_and_blocks_no_protected_address(count, tmp_path, monkeypatch):
    """In this process: everything but the kernel and the pipes is the real thing."""
    home = Home(tmp_path, "cicd-block-ip")
    home.configure("allow = 203.0.113.0/24\nallow = 2001:db8:aa::/48\nmax_new_per_minute = 100000\n")
    place = block_ip.Home(str(home.script), block_ip.NAME)
    firewall = Firewall()
    firewall.rebuilt = ""
    said: list[bytes] = []
    monkeypatch.setattr(block_ip, "Clock", Clock)
    monkeypatch.setattr(block_ip, "ready_firewall", lambda *_: firewall)
    monkeypatch.setattr(block_ip.os, "write", lambda _, data: said.append(data))
    results: dict[str, int] = {}
    held: set[str] = set()
    slowest = 0.0
    for line in cases(count, seed=count):
        monkeypatch.setattr(block_ip, "Input", lambda _, line=line: Source([line, b'{"command":"continue"}\n']))
        started = block_ip.START = time.monotonic()
        code, entry = block_ip.respond(place, dry_run=False)
        slowest = max(slowest, time.monotonic() - started)
        held.update(firewall.held)
        results[entry["result"]] = results.get(entry["result"], 0) + 1
        assert entry["result"] in {"done", "refused"}, (line[:300], entry)
        assert code == 0
        json.loads(block_ip.to_json(entry))
    assert {"198.51.100.8", "2001:db8:bad::7"} <= held
    assert not any(place_is_protected(text) for text in held)
    assert all(json.loads(line)["command"] == "check_keys" for line in said)
    assert results["done"] > count / 20
    assert results["refused"] > count / 20
    assert slowest < 2.0


def place_is_protected(text: str) -> bool:
    networks = block_ip.Networks()
    for protected, reason in (*block_ip.FIXED, ("203.0.113.0/24", "allow-list"), ("2001:db8:aa::/48", "allow-list")):
        networks.add(block_ip.parse_network(protected), reason)
    return networks.reason(block_ip.parse_address(text)) is not None


@pytest.mark.kernel
@pytest.mark.slow
def test_through_the_real_process_too(tmp_path):
    with nets("host") as net:
        home = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
        home.configure("allow = 203.0.113.0/24\nallow = 2001:db8:aa::/48\nmax_new_per_minute = 100000\n")
        execd = Execd(home.script, home.folder, net.prefix)
        for line in cases(500, seed=1):
            # What execd sends ends with the line.
            whole = line if line.endswith(b"\n") else line + b"\n"
            problem = flaws(execd.run(whole, timeout=60))
            assert not problem, (problem, whole[:300])
        listed = {json.loads(line)["address"] for line in home.admin("--list").splitlines()}
        assert listed
        assert not any(place_is_protected(text) for text in listed)
        assert [entry for entry in home.log() if entry["result"] not in {"done", "refused"}] == []
