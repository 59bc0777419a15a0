"""cicd-block-ip started by a real wazuh-execd: its socket, its handshake, its list of timeouts, its end.

The program is taken from an installed manager or agent (WAZUH_ROOT, else /var/ossec) and run with a Wazuh home and a
network of its own; nothing of the installation is changed or read but the program and its libraries.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from test_block_kernel import blocked

from ar_kit import Home, nets
from wazuh_cicd.drill.messages import alert

pytestmark = [pytest.mark.manager, pytest.mark.kernel, pytest.mark.slow]
ROOT = Path(os.environ.get("WAZUH_ROOT", "/var/ossec"))
SECONDS = 3
AR_CONF = f"cicd-block-ip-srcip{SECONDS} - cicd-block-ip - {SECONDS}\n"
ARGUMENTS = ["address=srcip", f"timeout={SECONDS}", "longest=60"]
CONF = "<ossec_config><active-response><repeated_offenders>1</repeated_offenders></active-response></ossec_config>\n"


class RealExecd:
    """One execd in the foreground, and messages to it as analysisd sends them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.queue = home.folder / "queue/alerts/execq"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.queue.unlink(missing_ok=True)
        program = self.home.folder / "bin/wazuh-execd"
        with (self.home.folder / "logs/execd.out").open("ab") as out:
            self.process = subprocess.Popen([*self.home.prefix, program, "-f"], stdout=out, stderr=out)
        wait_for(self.queue.exists, "execd's queue")

    def end(self, number: int) -> None:
        # nsenter becomes the program: it is the same process.
        self.process.send_signal(number)
        self.process.wait(20)

    def ask(self, address: str) -> None:
        body = {
            "version": 1,
            "origin": {"name": "node01", "module": "wazuh-analysisd"},
            "command": f"cicd-block-ip-srcip{SECONDS}",
            "parameters": {"extra_args": ARGUMENTS, "alert": alert({"srcip": address}, rule="112315")},
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect(str(self.queue))
            link.send(json.dumps(body, separators=(",", ":")).encode())


def wait_for(step, what: str, seconds: float = 20.0) -> None:
    for _ in range(int(seconds * 20)):  # not by the clock: a machine may stand still for a while
        if step():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture
def net():
    with nets("agent") as made:
        yield made


@pytest.fixture
def execd(tmp_path, net):
    if not (ROOT / "bin/wazuh-execd").is_file():
        pytest.skip(f"needs a Wazuh manager or agent: no {ROOT}/bin/wazuh-execd (WAZUH_ROOT names another folder)")
    # A unix socket's path is short; execd opens its own relative to its home.
    home = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    home.configure(home.admin("--example-config"))
    for name in ("bin", "etc/shared", "queue/alerts", "queue/sockets", "var/run"):
        (home.folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "bin/wazuh-execd", home.folder / "bin/wazuh-execd")
    (home.folder / "lib").symlink_to(ROOT / "lib")
    shutil.copy(ROOT / "etc/internal_options.conf", home.folder / "etc/internal_options.conf")
    (home.folder / "etc/local_internal_options.conf").write_text("")
    (home.folder / "etc/ossec.conf").write_text(CONF)
    (home.folder / "etc/shared/ar.conf").write_text(AR_CONF)
    made = RealExecd(home)
    made.start()
    try:
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            made.process.kill()
        made.process.wait(20)


def acts(home: Home) -> list[str]:
    return [f"{entry['action']} {entry['result']}" for entry in home.log() if entry["action"] != "rebuild"]


def test_a_block_by_a_real_execd_ends_on_time_lasts_longer_the_second_time_and_is_lifted_at_its_end(execd, net):
    home = execd.home
    execd.ask("198.51.100.7")
    wait_for(lambda: "198.51.100.7" in blocked(net), "the block")
    started = time.monotonic()
    assert home.last()["rule_id"] == "112315"
    assert home.last()["timeout"] == "70"  # the longest, and 10 s
    wait_for(lambda: "198.51.100.7" not in blocked(net), "the end of the block", 15)
    assert time.monotonic() - started > SECONDS - 0.5
    wait_for(lambda: acts(home) == ["add done", "delete done"], "the log")
    # Again: execd has counted, and keeps it for a minute.
    execd.ask("198.51.100.7")
    wait_for(lambda: "198.51.100.7" in blocked(net), "the second block")
    time.sleep(SECONDS + 3)
    assert "198.51.100.7" in blocked(net)
    # While it lasts: execd says `abort`, and the kernel's time begins anew all the same.
    before = blocked(net)["198.51.100.7"]
    execd.ask("198.51.100.7")
    wait_for(lambda: acts(home)[-1] == "refresh done", "the refresh")
    assert blocked(net)["198.51.100.7"] > before
    # Execd ends in good order, as when an agent restarts.
    execd.end(signal.SIGTERM)
    wait_for(lambda: "198.51.100.7" not in blocked(net), "the end of all blocks")
    assert acts(home)[-1] == "delete done"


def test_a_real_execd_that_is_killed_leaves_the_end_to_the_kernel_and_the_next_one_takes_the_block_up(execd, net):
    home = execd.home
    execd.ask("198.51.100.7")
    wait_for(lambda: "198.51.100.7" in blocked(net), "the block")
    execd.end(signal.SIGKILL)
    time.sleep(SECONDS + 3)
    assert 0 < blocked(net)["198.51.100.7"] <= 70
    execd.start()
    execd.ask("198.51.100.7")
    wait_for(lambda: acts(home)[-1] == "refresh done", "the refresh")
    wait_for(lambda: "198.51.100.7" not in blocked(net), "the end of the block", 15)
    assert acts(home) == ["add done", "refresh done", "delete done"]


def test_a_hostile_alert_does_not_hold_a_real_execd(execd, net):
    home = execd.home
    for text in ("$(reboot)", "127.0.0.1", "198.51.100.7, 198.51.100.8", "x" * 30000, "198.51.100.9"):
        execd.ask(text)
    wait_for(lambda: "198.51.100.9" in blocked(net), "the block behind the hostile ones", 15)
    assert [entry["reason"] for entry in home.log() if entry["result"] == "refused"] == [
        "not-an-address", "loopback", "not-an-address", "not-an-address",
    ]  # fmt: skip
