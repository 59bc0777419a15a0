"""cicd-block-ip is killed (SIGKILL) at each system call from taking the ledger to its end: nothing is stale or lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from test_block_kernel import blocked

from ar_kit import Home, nets
from wazuh_cicd.drill.messages import alert, message

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
OLD, NEW = "198.51.100.50", "198.51.100.51"


@pytest.fixture
def net():
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    with nets("host") as made:
        yield made


@pytest.fixture
def home(tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure("max_new_per_minute = 10000\n")
    for _ in range(2):  # so that the compiled code is kept, and all later runs make the same calls
        made.add({"srcip": OLD}, extra_args=("timeout=600",))
    return made


def traced(home: Home, line: bytes, *words: str) -> subprocess.CompletedProcess:
    command = [*home.prefix, "strace", "-qq", *words, str(home.script)]
    return subprocess.run(command, input=line + b'{"command":"continue"}\n', capture_output=True, check=False)


def steps(home: Home, line: bytes, tmp_path, first: str = "block-ip.ledger") -> list[str]:
    """The system calls from the opening of this file to the end, each as strace has to be told to kill there."""
    trace = tmp_path / "trace"
    traced(home, line, "-o", str(trace))
    seen: dict[str, int] = {}
    found = []
    reached = False
    for call in trace.read_text().splitlines():
        name = call.partition("(")[0]
        seen[name] = seen.get(name, 0) + 1
        reached = reached or first in call
        if reached and name.isidentifier():
            found.append(f"inject={name}:signal=KILL:when={seen[name]}")
    return found


def listed(home: Home) -> set[str]:
    return {json.loads(line)["address"] for line in home.admin("--list").splitlines()}


@pytest.mark.parametrize("command", ["add", "delete"])
def test_killed_at_every_step(command, home, net, tmp_path):
    other = "delete" if command == "add" else "add"
    line = message(command, alert({"srcip": NEW}), extra_args=["timeout=30"])
    undo = message(other, alert({"srcip": NEW}), extra_args=["timeout=30"])
    home.add({"srcip": OLD}, extra_args=("timeout=600",))
    traced(home, undo)
    numbers = steps(home, line, tmp_path)
    assert len(numbers) > 30
    killed = 0
    for number in numbers:
        traced(home, undo)
        done = traced(home, line, "-e", number)
        killed += done.returncode == -9
        kernel, ledger = blocked(net), listed(home)
        # What was blocked before still is, in both; and no element is without an end.
        assert OLD in kernel, number
        assert OLD in ledger, number
        assert all(0 < left <= 620 for left in kernel.values()), number
        assert kernel.get(NEW, 0) <= 40, number
        # A killed `add` may be in the ledger only (put in place next), never in the kernel only; a killed `delete` may
        # be in the kernel only (taken out next), never in the ledger only.
        if command == "add":
            assert not (NEW in kernel and NEW not in ledger), number
        elif NEW in ledger:
            assert NEW in kernel, number
        home.admin("--reconcile")
        time.sleep(0.012)
        assert set(blocked(net)) == listed(home), number
    assert killed == len(numbers)
    # The counts that ceilings go by have not drifted apart from the ledger.
    home.configure("max_new_per_minute = 10000\nmax_blocks = 2\n")
    traced(home, message("delete", alert({"srcip": NEW}), extra_args=["timeout=30"]))
    home.add({"srcip": "198.51.100.60"})
    assert home.last()["result"] == "done"
    home.add({"srcip": "198.51.100.61"})
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-total")


def test_killed_after_the_kernel_has_it_the_entry_ends_in_its_time(home, net, tmp_path):
    line = message("add", alert({"srcip": NEW}), extra_args=["timeout=1"])
    home.add({"srcip": OLD})
    before = message("add", alert({"srcip": "198.51.100.70"}), extra_args=["timeout=1"])
    log = steps(home, before, tmp_path, first="response.log")[0]
    started = time.monotonic()
    assert traced(home, line, "-e", log).returncode == -9
    assert NEW not in str(home.log())
    assert 0 < blocked(net)[NEW] <= 11
    time.sleep(max(0, 12.0 - (time.monotonic() - started)))  # timeout 1 s + slack 10 s + 1 s
    assert NEW not in blocked(net)
    assert NEW not in listed(home)
    assert OLD in blocked(net)


def test_killed_at_every_step_of_the_first_run(home, net, tmp_path):
    """The first run makes ledger and table; whatever is left of it, the next one works."""
    line = message("add", alert({"srcip": NEW}), extra_args=["timeout=30"])
    (home.state / "block-ip.ledger").unlink()
    net.run("nft", "flush", "ruleset")
    numbers = steps(home, line, tmp_path)
    for number in numbers[::3]:
        (home.state / "block-ip.ledger").unlink()
        net.run("nft", "flush", "ruleset")
        assert traced(home, line, "-e", number).returncode == -9
        home.add({"srcip": OLD})
        assert home.last()["result"] == "done", number
        assert OLD in blocked(net), number
        assert all(left > 0 for left in blocked(net).values()), number
