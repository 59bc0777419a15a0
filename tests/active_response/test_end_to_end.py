"""The whole way in network namespaces: attacker, sshd on a build server, failed logins, evaluator, block, and its end.

The test plays what is between: the agent (reads sshd's log), the manager (the embedded evaluator with our package; the
rule's binding is read from the rendered fragment) and execd (the drill's). sshd, the rules, the response and the kernel
are the real ones. ``docs/active-response.md`` tells how to do the same by hand.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from test_block_traffic import reaches

from ar_kit import Home, nets, wire
from ar_manager import Manager
from wazuh_cicd.drill.messages import message

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
HOST = "build-01"


def start_sshd(net, folder: Path, *more: str) -> tuple[subprocess.Popen, Path]:
    if not shutil.which("sshd") and not Path("/usr/sbin/sshd").exists():
        pytest.skip("needs sshd")
    if not shutil.which("sshpass") or not shutil.which("ssh"):
        pytest.skip("needs ssh and sshpass")
    Path("/run/sshd").mkdir(exist_ok=True)
    key = folder / "hostkey"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    log = folder / "sshd.log"
    options = (
        "UsePAM=no",
        "PasswordAuthentication=yes",
        "UseDNS=no",
        "MaxAuthTries=3",
        "PidFile=none",
        "StrictModes=no",
    )
    words = ["/usr/sbin/sshd", "-D", "-E", str(log), "-f", "/dev/null", "-h", str(key), "-p", "22"]
    words += [word for option in (*more, *options) for word in ("-o", option)]  # the first of a name counts
    process = net.start(*words)
    end = time.monotonic() + 10
    while time.monotonic() < end and "listening" not in (log.read_text() if log.exists() else ""):
        time.sleep(0.05)
    return process, log


def log_in(net, address: str, user: str = "oracle") -> str:
    """Try one password; return what ssh said."""
    words = ["sshpass", "-p", "wrong", "ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    words += ["-o", "ConnectTimeout=2", "-o", "NumberOfPasswordPrompts=1", "-o", "PubkeyAuthentication=no"]
    return net.run(*words, "-l", user, address, "true", check=False, timeout=20).stderr


def test_from_failed_logins_to_the_block_and_back(tmp_path):
    manager = Manager("block-ip")
    with nets("build", "attacker", "owner") as (build, attacker, owner):
        wire(build, attacker, ["203.0.113.1/28"], ["203.0.113.2/28"])
        wire(build, owner, ["203.0.113.17/28"], ["203.0.113.18/28"])
        home = Home(tmp_path / "wazuh", "cicd-block-ip", prefix=build.prefix)
        home.configure("allow = 203.0.113.16/28\n")
        sshd, log = start_sshd(build, tmp_path)
        echo = build.start("python3", "-c", ECHO_SERVER, stdout=subprocess.PIPE)
        echo.stdout.readline()
        execd = home.execd()
        try:
            assert reaches(attacker, "203.0.113.1", 9000)
            read = 0
            blocked_after = None
            for attempt in range(1, 13):
                # The owner mistypes, too: he stands in the allow list.
                said = log_in(attacker, "203.0.113.1")
                log_in(owner, "203.0.113.17")
                if "Permission denied" not in said:
                    break
                lines = log.read_text().splitlines()
                for line in lines[read:]:
                    stamp = time.strftime("%b %d %H:%M:%S")
                    alert, response = manager.judge(f"{stamp} {HOST} sshd[{sshd.pid}]: {line}", "/var/log/auth.log")
                    if response:
                        executable, arguments, timeout = response
                        assert executable == home.script.name
                        started = time.monotonic()
                        execd.run(message("add", alert, extra_args=arguments), timeout=timeout)
                        if home.last()["result"] == "done" and blocked_after is None:
                            blocked_after = (attempt, alert["rule"]["id"], time.monotonic() - started)
                read = len(lines)
            assert blocked_after is not None
            assert home.log()[0]["action"] == "rebuild"
            assert {entry.get("address") for entry in home.log() if entry["result"] == "done"} <= {"203.0.113.2", None}
            assert not reaches(attacker, "203.0.113.1", 9000)
            assert "timed out" in log_in(attacker, "203.0.113.1")
            assert reaches(owner, "203.0.113.17", 9000)
            assert "Permission denied" in log_in(owner, "203.0.113.17")
            # The rules know what the response says.
            own = [manager.session.process(line.encode(), "/var/ossec/logs/cicd/response.log").rule_id
                   for line in (home.folder / "logs/cicd/response.log").read_text().splitlines()]  # fmt: skip
            assert 119901 in own
            # On time: execd's delete, and it is not before its time.
            (key,) = [name for name in execd.pending if "203.0.113.2" in name]
            since = execd.pending[key].since
            assert execd.tick(since + 599) == []
            assert [outcome.command for outcome in execd.tick(since + 601)] == ["delete"]
            time.sleep(0.05)
            assert reaches(attacker, "203.0.113.1", 9000)
            print(json.dumps({"attempts": blocked_after[0], "rule": blocked_after[1], "seconds": blocked_after[2]}))  # noqa: T201
        finally:
            for process in (sshd, echo):
                process.kill()
                process.communicate()


@contextlib.contextmanager
def attacked(tmp_path: Path, server: str, client: str):
    """A build server with sshd and the response, and an attacker; what the response is asked for each of his tries."""
    manager = Manager("block-ip")
    with nets("build", "attacker") as (build, attacker):
        wire(build, attacker, [f"{server}/28"], [f"{client}/28"])
        home = Home(tmp_path / "wazuh", "cicd-block-ip", prefix=build.prefix)
        home.configure("allow = 203.0.113.16/28\n")
        sshd, log = start_sshd(build, tmp_path)
        execd, read = home.execd(), [0]

        def attempt(user: str = "oracle", *more: str) -> list[dict]:
            log_in(attacker, server, user)
            lines = log.read_text().splitlines()
            before = len(home.log())
            for line in lines[read[0] :]:
                stamp = time.strftime("%b %d %H:%M:%S")
                event = f"{stamp} {HOST} sshd[{sshd.pid}]: {line}"
                alert, response = manager.judge(event, "/var/log/auth.log")
                if response:
                    execd.run(message("add", alert, extra_args=[*more, *response[1]]), timeout=response[2])
            read[0] = len(lines)
            return [entry for entry in home.log()[before:] if entry["action"] in {"add", "refresh"}]

        try:
            yield build, home, attempt
        finally:
            sshd.kill()
            sshd.communicate()


@pytest.mark.parametrize("how", ["binding", "configuration", "not at all"])
def test_five_refused_logins_from_an_internal_address(how, tmp_path):
    """Five within five minutes: blocked where the site said so, and only there."""
    with attacked(tmp_path, "10.20.0.1", "10.20.0.2") as (build, home, attempt):
        if how == "configuration":
            home.configure("allow = 203.0.113.16/28\nblock_internal = yes\n")
        more = ["internal=yes"] if how == "binding" else []
        ends = [attempt("oracle", *more) for _ in range(5)]
        assert ends[:4] == [[], [], [], []]
        (last,) = ends[4]
        assert last["address"] == "10.20.0.2"
        if how == "not at all":
            assert (last["result"], last["reason"]) == ("refused", "internal")
            assert "cicd_block" not in build.elements()
        else:
            assert last["result"] == "done"
            assert "10.20.0.2 timeout" in build.elements()


def test_a_user_name_with_an_address_blocks_nobody_else(tmp_path):
    with attacked(tmp_path, "203.0.113.1", "203.0.113.2") as (build, home, attempt):
        for name in ("x from 198.51.100.9 port 22 ssh2", "from 198.51.100.9", "x from 198.51.100.9 port 22"):
            for _ in range(9):
                attempt(name)
        assert {entry.get("address") for entry in home.log() if entry["result"] == "done"} <= {"203.0.113.2", None}
        assert "198.51.100.9" not in build.elements()


def test_refused_keys_where_passwords_are_off(tmp_path):
    """sshd writes one line about each, as the connection ends: the fifth is the alert, and blocked on request."""
    manager = Manager("block-ip")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with nets("build", "attacker") as (build, attacker):
        wire(build, attacker, ["10.20.0.1/28"], ["10.20.0.2/28"])
        home = Home(tmp_path / "wazuh", "cicd-block-ip", prefix=build.prefix)
        home.configure("allow = 203.0.113.16/28\n")
        sshd, log = start_sshd(
            build, tmp_path, "PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "AuthorizedKeysFile=none"
        )
        execd, read, alerts, asked = home.execd(), 0, [], []
        words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        words += ["-o", "IdentitiesOnly=yes", "-i", str(key), "-l", "root", "10.20.0.1", "true"]
        try:
            for number in range(1, 21):
                assert "Permission denied (publickey)" in attacker.run(*words, check=False, timeout=20).stderr
                time.sleep(0.1)
                lines = log.read_text().splitlines()
                for line in lines[read:]:
                    stamp = time.strftime("%b %d %H:%M:%S")
                    event = f"{stamp} {HOST} sshd[{sshd.pid}]: {line}"
                    alert, response = manager.judge(event, "/var/log/auth.log")
                    if response:
                        alerts.append((number, alert["rule"]["id"], alert["rule"]["level"]))
                        asked.append((alert, response))
                read = len(lines)
            assert alerts[0] == (5, "112313", 10)
            assert len(alerts) >= 4
            alert, (_, arguments, timeout) = asked[0]
            execd.run(message("add", alert, extra_args=arguments), timeout=timeout)
            assert (home.last()["result"], home.last()["reason"]) == ("refused", "internal")
            execd.run(message("add", alert, extra_args=["internal=yes", *arguments]), timeout=timeout)
            assert home.last()["result"] == "done"
            assert "10.20.0.2 timeout" in build.elements()
            said = attacker.run(*words[:1], "-o", "ConnectTimeout=2", *words[1:], check=False, timeout=20).stderr
            assert "timed out" in said
        finally:
            sshd.kill()
            sshd.communicate()


ECHO_SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 9000))
print("up", flush=True)
while True:
    peer = server.accept()[0]
    peer.sendall(peer.recv(64))
    peer.close()
"""
