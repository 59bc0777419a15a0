"""A build host with an agent beside the containerised manager: what the agent runs, and a response end to end."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import time

import pytest

from manager.test_install import api_target
from wazuh_cicd.install.apply import apply
from wazuh_cicd.install.desired import desired_from
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

SPECS = load_specs()
PACKAGE = render_package(SPECS)
ATTACKER = "203.0.113.9"
SECONDS = 20


def wait_for(what, seconds, step=1.0):
    """The first true answer within the time; the last one otherwise."""
    give_up = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < give_up:
        time.sleep(step)
    return answer


@pytest.fixture(scope="module")
def buildhost(manager):
    """Runs a program on the build host, which has enrolled."""
    if not manager.compose:
        pytest.skip("the build host is a container: it needs the containerised manager")
    profile = [*manager.compose, "--profile", "agent"]
    built = subprocess.run([*profile, "build", "buildhost"], check=False, capture_output=True, text=True)
    if built.returncode:
        last = built.stderr.strip().splitlines()[-1]
        pytest.skip(f"the build host's image cannot be built ({last}); BUILDHOST_BASE may name one that has an agent")
    subprocess.run([*profile, "up", "--detach", "--wait", "--wait-timeout", "300", "buildhost"], check=True)

    def run(*command, check=True, service="buildhost"):
        ran = subprocess.run(
            [*profile, "exec", "-T", service, *command], check=False, capture_output=True, text=True, timeout=300
        )
        assert not check or ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_the_command_wodle_hands_over_what_the_scanner_writes(manager, buildhost):
    # The block of our group, but for the hour it waits. The scanner has no configuration on this host and says so.
    wodle = re.compile(r'<wodle name="command">.*?</wodle>', re.DOTALL)
    block = wait_for(lambda: wodle.search(buildhost("cat", "/var/ossec/etc/shared/agent.conf", check=False)), 90)[0]
    soon = re.sub(r"<interval>[^<]*<", "<interval>10s<", block)
    # A tag of its own: of two blocks with one tag the shared one wins.
    soon = soon.replace("<tag>cicd-scan<", "<tag>cicd-scan-soon<")
    conf = f"<ossec_config>{soon}</ossec_config>"
    buildhost("sh", "-c", f"printf '%s\\n' '{conf}' >> /var/ossec/etc/ossec.conf")
    before = manager.alerts_size()
    buildhost("/var/ossec/bin/wazuh-control", "restart")
    number = PACKAGE.rule_id("scan-failed")
    found = [alert for alert in manager.alerts(before, number, wait=90) if int(alert["rule"]["id"]) == number]
    assert found, buildhost("tail", "-n", "30", "/var/ossec/logs/ossec.log")
    assert found[0]["agent"]["name"] == "buildhost"
    assert found[0]["location"] == "command_cicd-scan-soon"
    assert found[0]["decoder"]["name"] == "json"
    assert found[0]["data"]["cicd_scan"]["reason"] == "config"


def test_failed_logins_are_cut_off_and_let_in_again(manager, buildhost, tmp_path):
    package = desired_from(PACKAGE, responses=["block-ip"], flat_lists=True)
    # As shipped, but for the time: nobody waits ten minutes.
    top = package.top.replace(b"timeout=600", b"timeout=%d" % SECONDS)
    top = top.replace(b"<timeout>600", b"<timeout>%d" % SECONDS)
    assert top != package.top
    apply(api_target(tmp_path), dataclasses.replace(package, top=top), say=print)
    state = "/var/ossec/var/run/wazuh-agentd.state"
    buildhost("/var/ossec/bin/wazuh-control", "restart")  # reads ar.conf anew
    connected = lambda: "status='connected'" in buildhost("cat", state)  # noqa: E731 - asked again and again
    assert wait_for(connected, 120)

    def blocked():
        return ATTACKER in buildhost("nft", "list", "table", "inet", "cicd_block", check=False)

    assert not blocked()
    before = manager.alerts_size()
    address = buildhost("hostname", "-i").split()[0]
    stranger = (
        f"ip address add {ATTACKER}/32 dev eth0;"
        " printf '#!/bin/sh\\necho wrong\\n' > /tmp/ask && chmod +x /tmp/ask;"
        " export SSH_ASKPASS=/tmp/ask SSH_ASKPASS_REQUIRE=force;"
        f" for i in 1 2 3 4 5; do timeout 15 ssh -b {ATTACKER} -o ConnectTimeout=5 -o StrictHostKeyChecking=no"
        f" -o PubkeyAuthentication=no -o UserKnownHostsFile=/dev/null nobody-$i@{address} true; done"
    )
    buildhost("ip", "route", "replace", f"{ATTACKER}/32", "dev", "eth0")
    attack = subprocess.run(
        [*manager.compose, "--profile", "agent", "run", "--rm", "--no-deps", "buildhost", "sh", "-c", stranger],
        check=False, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert wait_for(blocked, 60), attack.stderr + buildhost("tail", "-n", "20", "/var/log/auth.log")
    rule = next(
        alert for alert in manager.alerts(before, 0, wait=1) if alert.get("data", {}).get("srcip") == ATTACKER
        and any("cicd" in group for group in alert["rule"]["groups"])
    )  # fmt: skip
    assert rule["agent"]["name"] == "buildhost"
    # Cut off in the kernel: the same host, from the same address, gets no answer any more.
    probe = f"ip address add {ATTACKER}/32 dev eth0; timeout 4 ssh -b {ATTACKER} -o ConnectTimeout=3 x@{address} 2>&1"
    refused = subprocess.run(
        [*manager.compose, "--profile", "agent", "run", "--rm", "--no-deps", "buildhost", "sh", "-c", probe],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert refused.returncode in (124, 255)
    assert "timed out" in refused.stdout or refused.returncode == 124
    assert wait_for(lambda: not blocked(), SECONDS + 60)
    assert ATTACKER in buildhost("cat", "/var/ossec/logs/cicd/response.log")
    assert "Traceback" not in buildhost("cat", "/var/ossec/logs/active-responses.log")
