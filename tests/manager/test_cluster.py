"""Profile "cluster": a worker gets the rules from the master, and the balancer leads to both."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time

import pytest

from manager.test_install import api_target
from wazuh_cicd.install.apply import apply
from wazuh_cicd.install.desired import desired_from, one_per_source
from wazuh_cicd.install.plan import make_plan
from wazuh_cicd.manager.logtest import SocketEngine
from wazuh_cicd.manager.sockets import RelayChannel
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

PACKAGE = render_package(load_specs())
PYTHON = "/var/ossec/framework/python/bin/python3"


@pytest.fixture(scope="module")
def cluster(manager):
    """The compose command, while worker and balancer are up."""
    if not manager.compose:
        pytest.skip("the cluster is one of containers: it needs the containerised manager")
    image = os.environ.get("NGINX_IMAGE", "nginx:1.29-alpine")
    there = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True).returncode == 0
    if not there and os.environ.get("WAZUH_PULL") != "1":
        pytest.skip(f"no image {image} (NGINX_IMAGE names another, WAZUH_PULL=1 pulls it)")
    profile = [*manager.compose, "--profile", "cluster"]
    up = [*profile, "up", "--detach", "--wait", "--wait-timeout", "400", "worker", "balancer"]
    subprocess.run(up, check=True, capture_output=True)
    yield profile
    # A second manager would only make the other tests slower.
    subprocess.run([*profile, "rm", "--stop", "--force", "worker", "balancer"], check=True, capture_output=True)


def test_a_worker_that_joined_judges_by_the_rules_of_the_master(cluster, manager, tmp_path):
    # Rules and lists come by synchronisation; the lists' declarations do not, they stand in each node's ossec.conf.
    goal = desired_from(PACKAGE, flat_lists=True)
    target = api_target(tmp_path)
    assert "worker:etc/ossec.conf" in {change.path for change in make_plan(target, goal).changes}
    apply(target, goal, say=print)
    assert not make_plan(target, goal).changes

    def hashes(service):
        command = ["sh", "-c", "cd /var/ossec/etc && sha256sum rules/*cicd* decoders/*cicd* lists/cicd_* | sort"]
        ran = subprocess.run([*cluster, "exec", "-T", service, *command], check=False, capture_output=True, text=True)
        return [line for line in ran.stdout.splitlines() if not line.endswith(".cdb")]

    wanted = hashes("manager")
    assert len(wanted) > 90
    give_up = time.monotonic() + 180
    while (found := hashes("worker")) != wanted and time.monotonic() < give_up:
        time.sleep(5)
    assert found == wanted
    with contextlib.closing(RelayChannel([*cluster, "exec", "-T", "worker", PYTHON])) as relay:
        engine = SocketEngine(relay)
        assert not engine.load_messages
        for probe in one_per_source(goal.probes):
            session = engine.open_session()
            reached = [session.process(log, location).rule_id for log, location in probe.events]
            session.close()
            assert reached[-1] == probe.rule_id, probe.name


def test_the_balancer_leads_to_a_node(cluster):
    with socket.create_connection(("127.0.0.1", int(os.environ["WAZUH_BALANCER_PORT"])), timeout=10) as agent:
        # What is no agent's message is answered by hanging up, or not at all: but somebody took the connection.
        agent.sendall(b"\x04\x00\x00\x00abcd")
        agent.settimeout(5)
        with contextlib.suppress(TimeoutError):
            assert agent.recv(1) == b""
