"""A real sshd on the loopback address: who is counted, and what a name that looks like a log line does."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.links import is_sure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRANGER = "198.51.100.9"
CLIENT = "127.0.0.66"
HOSTILE = [
    f"x from {STRANGER} port 22 ssh2",
    f"from {STRANGER}",
    f"invalid user x from {STRANGER} port 22 ssh2",
    f"root {STRANGER} port 22 [preauth]",
    f"authenticating user root {STRANGER} port 22 [preauth]",
    f"x from {STRANGER} port 22 ssh2: ED25519 SHA256:{'A' * 43}",
]
EPOCH = 1_800_000_000.0


@pytest.fixture(scope="module")
def judge():
    """Judges sshd's lines as they come from the host build-01; (rule id, srcip) each."""
    specs = load_specs()
    ruleset = assemble(package=render_package(specs).ruleset_files())
    bound = {rule.id for rule in specs.rules if rule.response is not None and is_sure(rule.response)}

    def run(lines: list[str]) -> list[tuple[int, str, bool]]:
        session, found = ruleset.session(), []
        for number, text in enumerate(lines):
            log = f"Nov 29 14:00:00 build-01 sshd[4711]: {text}".encode()
            verdict = session.process(log, "/var/log/auth.log", time=EPOCH + number)
            address = verdict.output.get("data", {}).get("srcip", "")
            found.append((verdict.rule_id or 0, address, verdict.rule_id in bound))
        return found

    return run


@pytest.fixture
def sshd(tmp_path) -> Iterator[tuple[int, Path]]:
    """Its port and its log: nobody may give a password, as on today's servers."""
    if not os.path.exists("/usr/sbin/sshd") or not shutil.which("ssh") or os.geteuid() != 0:  # noqa: PTH110 - a program
        pytest.skip("needs sshd, ssh and root")
    if "sshd" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("needs the user sshd, under whom sshd speaks with strangers")
    os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 - as above
    key, log = tmp_path / "hostkey", tmp_path / "sshd.log"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["UsePAM=no", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "ListenAddress=127.0.0.1"]
    words = ["/usr/sbin/sshd", "-D", "-E", str(log), "-f", "/dev/null", "-h", str(key), "-p", str(port)]
    process = subprocess.Popen([*words, *(word for option in options for word in ("-o", option))])
    try:
        for _ in range(100):
            if log.exists() and b"listening" in log.read_bytes():
                break
            time.sleep(0.1)
        yield port, log
    finally:
        process.terminate()
        process.wait()


def sign_in(port: int, name: str) -> None:
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    words = ["ssh", "-F", "/dev/null", "-b", CLIENT, "-p", str(port), "-l", name]
    words += [word for option in options for word in ("-o", option)]
    subprocess.run([*words, "127.0.0.1", "true"], check=False, capture_output=True, timeout=30)


def lines_of(log: Path) -> list[str]:
    time.sleep(0.3)
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if re.search(rf"{CLIENT.replace('.', '[.]')} port ", line)]


@pytest.mark.root
def test_a_name_like_a_log_line_neither_blocks_a_stranger_nor_is_it_counted(sshd, judge):
    port, log = sshd
    for name in HOSTILE:
        for _ in range(2):
            sign_in(port, name)
    verdicts = judge(lines_of(log))
    assert len(verdicts) >= 2 * len(HOSTILE)
    assert {address for _, address, _ in verdicts} == {CLIENT}
    assert not any(is_bound for _, _, is_bound in verdicts)
    assert 112373 in {rule for rule, _, _ in verdicts}


@pytest.mark.root
def test_five_logins_are_five_where_passwords_are_off(sshd, judge):
    port, log = sshd
    for name in ("root", "root", "root", "oracle"):
        sign_in(port, name)
    assert not any(is_bound for _, _, is_bound in judge(lines_of(log)))
    sign_in(port, "pi")
    (hit,) = [verdict for verdict in judge(lines_of(log)) if verdict[2]]
    assert hit == (112313, CLIENT, True)
