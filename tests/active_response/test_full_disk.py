"""A disk that is full is no reason to leave an attacker alone, and somebody hears of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from test_quarantine import DATA, ID, asked, serving

from ar_kit import Home, nets

pytestmark = pytest.mark.kernel
ATTACKER = {"srcip": "198.51.100.7"}


@contextlib.contextmanager
def full(*folders: Path):
    """Put small, full disks in place of these folders."""
    mounted = []
    try:
        for folder in folders:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0750", "tmpfs", folder], check=True)
            mounted.append(folder)
            with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(b"x" * 4096)
        yield
    finally:
        for folder in mounted:
            subprocess.run(["umount", folder], check=True)


@pytest.fixture
def net():
    with nets("host") as made:
        yield made


def memory(home: Home) -> Path:
    return Path("/run/cicd-response" + str(home.folder).replace("/", "-")[-128:])


@pytest.fixture
def home(tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure("max_new_per_minute = 3\n")
    yield made
    shutil.rmtree(memory(made), ignore_errors=True)


def test_the_first_block_of_all_on_a_full_disk(home, net):
    with full(home.folder / "queue"):
        assert home.add(ATTACKER).said
        first, *_, last = home.log()
        assert (first["result"], first["reason"]) == ("failed", "ledger")
        assert "No space left" in first["detail"]
        assert last["result"] == "done"
        assert "ledger in memory" in last["detail"]
        assert "198.51.100.7 timeout" in net.elements()
        # Ceilings, times, and the end of a block are what they always are.
        assert json.loads(home.admin("--list"))["seconds_left"] > 60
        for number in (8, 9, 10):
            home.add({"srcip": f"198.51.100.{number}"})
        assert home.last()["reason"] == "ceiling-minute"
        home.delete({"srcip": "198.51.100.9"})
        assert home.last()["result"] == "done"
        assert "WARN the ledger is in memory" in home.admin("--selftest", check=False)
        assert oct(memory(home).stat().st_mode & 0o777) == "0o700"
    # With room again, the ledger on the disk takes over what the kernel blocks.
    home.add({"srcip": "198.51.100.11"})
    assert home.last()["result"] == "done"
    assert "detail" not in home.last()
    listed = {json.loads(line)["address"] for line in home.admin("--list").splitlines()}
    assert listed == {"198.51.100.7", "198.51.100.8", "198.51.100.11"}
    assert not (memory(home) / "block-ip.ledger").exists()


def test_a_disk_that_was_full_only_for_a_while_brings_no_ended_block_back(home, net):
    home.add(ATTACKER)
    with full(home.folder / "queue"):
        home.add({"srcip": "198.51.100.8"})
        home.delete(ATTACKER)
    home.add({"srcip": "198.51.100.9"})
    listed = {json.loads(line)["address"] for line in home.admin("--list").splitlines()}
    assert listed == {"198.51.100.8", "198.51.100.9"}
    assert "198.51.100.7" not in net.elements()


def test_nothing_is_left_of_a_ledger_that_found_no_room(home):
    with full(home.folder / "queue"):
        (home.folder / "queue/filler").write_bytes(b"x" * 20000)
        home.add(ATTACKER)
        assert home.last()["result"] == "done"
        ledger = home.state / "block-ip.ledger"
        assert not ledger.exists() or ledger.stat().st_blocks == 0
        assert not list(home.state.glob("*.code.*"))


def test_a_line_that_the_log_cannot_take_goes_to_the_agent(home, net):
    (home.folder / "queue/sockets").mkdir()
    with full(home.folder / "logs"), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.bind(str(home.folder / "queue/sockets/queue"))
        home.add(ATTACKER)
        assert "198.51.100.7 timeout" in net.elements()
        queue.settimeout(2)
        lines = [queue.recv(65536).decode() for _ in range(2)]  # the table was built, the address blocked
    kind, location, text = lines[-1].split(":", 2)
    assert (kind, location) == ("1", f"{home.folder}/logs/cicd/response.log")
    entry = json.loads(text)["cicd"]
    assert (entry["address"], entry["result"], entry["log"]) == ("198.51.100.7", "done", "No space left on device")


def test_a_container_is_quarantined_and_released_on_a_full_disk(tmp_path):
    with serving() as engine:
        home = Home(tmp_path, "cicd-quarantine-container")
        home.configure(f"socket = {engine.server_address}\n")
        try:
            with full(home.folder / "queue"):
                home.add(DATA)
                done = next(entry for entry in home.log() if entry["action"] == "quarantine")
                assert (done["result"], done["reason"]) == ("failed", "partial")
                assert "its record is in memory" in done["detail"]
                assert f"POST /containers/{ID}/pause" in asked(engine)
                assert json.loads(home.admin("--list"))["container"] == ID
                home.delete(DATA)
                assert f"POST /containers/{ID}/unpause" in asked(engine)
                assert home.admin("--list") == ""
        finally:
            shutil.rmtree(memory(home), ignore_errors=True)
