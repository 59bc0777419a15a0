"""The ledger of cicd-block-ip: times, counts, full buckets, reboots and clocks that jump."""

from __future__ import annotations

import contextlib
import os
import random
import types
from pathlib import Path

import pytest

from ar_kit import load

block_ip = load("cicd-block-ip")


class Clock:
    """Time that the test decides."""

    def __init__(self, mono: int = 10_000_000, wall: int = 1_800_000_000_000, boot: int = 1) -> None:
        self.mono, self.wall, self.boot = mono, wall, boot

    def later(self, seconds: float) -> Clock:
        return Clock(self.mono + int(seconds * 1000), self.wall + int(seconds * 1000), self.boot)


@pytest.fixture
def place(tmp_path):
    return types.SimpleNamespace(state=str(tmp_path / "state"), memory=str(tmp_path / "memory"))


def ledger_at(place, clock: Clock, monkeypatch):
    monkeypatch.setattr(block_ip, "Clock", lambda: clock)
    return block_ip.Ledger(place)


class Firewall:
    """A firewall that remembers; may be told to fail."""

    number, name, code = 1, "played", 0

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def put(self, items) -> int:
        if not self.code:
            self.held.update({str(address): left for address, left in items})
        return self.code

    def remove(self, addresses) -> int:
        for address in addresses:
            self.held.pop(str(address), None)
        return self.code

    def build(self, items) -> int:
        self.held = {str(address): left for address, left in items}
        return self.code


@pytest.fixture
def config():
    return block_ip.Config()


def block(ledger, firewall, config, text: str, seconds: int = 60):
    return block_ip.block(ledger, firewall, config, block_ip.parse_address(text), seconds)


def test_found_again_until_its_end_and_not_after(place, monkeypatch, config):
    clock = Clock()
    ledger = ledger_at(place, clock, monkeypatch)
    block(ledger, Firewall(), config, "198.51.100.7")
    ledger.close()
    address = block_ip.parse_address("198.51.100.7")
    for seconds, alive in ((0, True), (59.9, True), (60, False), (1000, False)):
        later = ledger_at(place, clock.later(seconds), monkeypatch)
        assert bool(later.find(address)[1]) is alive
        later.close()


def test_ipv4_and_a_network_of_the_same_start_are_different(place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    firewall = Firewall()
    for text in ("192.0.2.0", "192.0.2.0/24", "2001:db8::", "2001:db8::/32"):
        address = block_ip.parse_network(text)
        block_ip.block(ledger, firewall, config, address, 60, admin=1)
    assert len(ledger.records()[0]) == 4


@pytest.mark.parametrize(
    ("away", "left"),
    [(0, 60), (30, 30), (59, 1), (61, 0), (10**6, 0), (-30, 60), (-(10**6), 60)],
    ids=str,
)
def test_after_a_reboot_the_wall_clock_counts_and_never_gives_more(away, left, place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    block(ledger, Firewall(), config, "198.51.100.7", 60)
    ledger.boot = 1
    ledger.close()
    clock = Clock(mono=5000, wall=1_800_000_000_000 + away * 1000, boot=2)
    again = ledger_at(place, clock, monkeypatch)
    firewall = Firewall()
    block_ip.restore(again, firewall, None)
    assert firewall.held == ({"198.51.100.7": left * 1000} if left else {})
    assert again.total() == (1 if left else 0)


@pytest.mark.parametrize("jump", [-(10**9), -3600, 3600, 10**9])
def test_in_the_same_boot_a_jump_of_the_wall_clock_changes_nothing(jump, place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    block(ledger, Firewall(), config, "198.51.100.7", 60)
    ledger.close()
    clock = Clock(mono=10_000_000 + 20_000, wall=1_800_000_000_000 + jump * 1000)
    record = ledger_at(place, clock, monkeypatch).find(block_ip.parse_address("198.51.100.7"))[1]
    assert record.left(clock) == 40_000


def test_a_refresh_prolongs_and_never_shortens(place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    firewall = Firewall()
    assert block(ledger, firewall, config, "198.51.100.7", 600)[0] == "add"
    action, record = block(ledger, firewall, config, "198.51.100.7", 60)
    assert (action, record.count, firewall.held["198.51.100.7"]) == ("refresh", 2, 600_000)
    assert block(ledger, firewall, config, "198.51.100.7", 900)[1].timeout == 900
    assert ledger.total() == 1


def test_a_firewall_that_fails_leaves_the_ledger_as_it_was(place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    firewall = Firewall()
    block(ledger, firewall, config, "198.51.100.7", 60)
    firewall.code = 23
    for text in ("198.51.100.7", "198.51.100.8"):
        with pytest.raises(block_ip.Failed) as failure:
            block(ledger, firewall, config, text, 600)
        assert failure.value.reason == "set-full"
    ((_, record),) = ledger.records()[0]
    assert (str(record.address), record.timeout, ledger.total(), ledger.recent()) == ("198.51.100.7", 60, 1, 1)


def test_the_ceiling_of_a_minute_slides(place, monkeypatch, config):
    config.max_new_per_minute = 10
    clock = Clock()
    done = []
    for second in range(180):
        ledger = ledger_at(place, clock.later(second), monkeypatch)
        with contextlib.suppress(block_ip.Refused):
            block(ledger, Firewall(), config, f"198.51.{second}.1")
            done.append(second)
        ledger.close()
    for start in range(120):
        assert sum(start <= second < start + 60 for second in done) <= 10
    assert len(done) >= 30


def test_counts_agree_with_the_records_after_thousands_of_random_steps(place, monkeypatch, config):
    source = random.Random(7)  # noqa: S311 - cases, not secrets
    config.max_new_per_minute = 100_000
    config.max_blocks = 300
    clock = Clock()
    model: dict[str, int] = {}
    firewall = Firewall()
    for _ in range(3000):
        clock = clock.later(source.random() * 3)
        model = {text: end for text, end in model.items() if end > clock.mono}
        ledger = ledger_at(place, clock, monkeypatch)
        text = f"198.51.{source.randrange(4)}.{source.randrange(100)}"
        if source.random() < 0.8:
            seconds = source.randint(1, 900)
            try:
                block(ledger, firewall, config, text, seconds)
            except block_ip.Refused:
                assert text not in model
                assert len(model) >= 300
            else:
                assert text in model or len(model) < 300
                model[text] = max(model.get(text, 0), clock.mono + seconds * 1000)
        else:
            assert block_ip.unblock(ledger, firewall, block_ip.parse_address(text)) == (text in model)
            model.pop(text, None)
        if source.random() < 0.05:
            found = {str(record.address): record.ends_mono for _, record in ledger.records()[0]}
            assert found == model
            # Those that end within this very minute may still count.
            assert len(model) <= ledger.total() <= len(model) + sum(True for _ in range(60))
        ledger.close()


def test_a_full_bucket_flows_over_and_a_full_neighbourhood_says_so(place, monkeypatch, config):
    monkeypatch.setattr(block_ip.Ledger, "BUCKETS", 2)
    monkeypatch.setattr(block_ip.Ledger, "PROBES", 2)
    monkeypatch.setattr(block_ip.Ledger, "SIZE", block_ip.Ledger.DATA + 2 * 16 * 64)
    config.max_new_per_minute = 1000
    ledger = ledger_at(place, Clock(), monkeypatch)
    firewall = Firewall()
    for number in range(32):
        block(ledger, firewall, config, f"198.51.100.{number}")
    assert len(ledger.records()[0]) == 32
    with pytest.raises(block_ip.Failed, match="ledger"):
        block(ledger, firewall, config, "198.51.100.99")
    for number in range(32):
        assert ledger.find(block_ip.parse_address(f"198.51.100.{number}"))[1]
    block_ip.unblock(ledger, firewall, block_ip.parse_address("198.51.100.3"))
    block(ledger, firewall, config, "198.51.100.99")
    for number in (*range(3), *range(4, 32), 99):
        assert ledger.find(block_ip.parse_address(f"198.51.100.{number}"))[1]


def test_a_record_that_was_torn_is_not_believed(place, monkeypatch, config):
    ledger = ledger_at(place, Clock(), monkeypatch)
    block(ledger, Firewall(), config, "198.51.100.7")
    at, _ = ledger.find(block_ip.parse_address("198.51.100.7"))
    os.pwrite(ledger.file, b"\xff", at + 30)
    assert ledger.records()[0] == []
    assert ledger.find(block_ip.parse_address("198.51.100.7"))[1] is None
    block(ledger, Firewall(), config, "198.51.100.7")
    assert len(ledger.records()[0]) == 1


def test_a_loose_state_folder_is_not_used(place, monkeypatch, config):
    ledger_at(place, Clock(), monkeypatch).close()
    Path(place.state).chmod(0o777)
    with pytest.raises(block_ip.Refused, match="permissions"):
        ledger_at(place, Clock(), monkeypatch)


def test_many_that_the_firewall_does_not_take_leave_the_ledger_as_it_was(place, monkeypatch):
    """Networks that were to be merged are there again, each with its own time."""
    ledger = ledger_at(place, Clock(), monkeypatch)
    firewall = Firewall()
    networks = [block_ip.parse_network(text) for text in ("203.0.113.0/26", "203.0.113.128/25")]
    block_ip.block_many(ledger, firewall, networks, 60_000)
    before = [(at, vars_of(record)) for at, record in ledger.records()[0]]
    firewall.build = lambda _: 28
    wider = [block_ip.parse_network(text) for text in ("203.0.113.0/24", "198.51.100.7")]
    with pytest.raises(block_ip.Failed):
        block_ip.block_many(ledger, firewall, wider, 90_000)
    assert sorted(((at, vars_of(record)) for at, record in ledger.records()[0]), key=str) == sorted(before, key=str)
    assert ledger.total() == 2
    ledger.close()


def vars_of(record) -> dict[str, object]:
    return {name: str(getattr(record, name)) for name in record.__slots__}
