"""Profile "cluster": a worker gets the rules from the master, and the balancer leads to both."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time

import pytest

from wazuh_cicd.install.desired import desired_from, one_per_source
from wazuh_cicd.manager.sockets import RelayChannel
from wazuh_cicd.proof.remote import SocketEngine
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

PYTHON = "/var/ossec/framework/python/bin/python3"


@pytest.fixture(scope="module")
def cluster(manager):
    """The compose command, once worker and balancer are up."""
    if not manager.compose:
        pytest.skip("the cluster is one of containers: it needs the containerised manager")
    image = os.environ.get("NGINX_IMAGE", "nginx:1.29-alpine")
    there = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True).returncode == 0
    if not there and os.environ.get("WAZUH_PULL") != "1":
        pytest.skip(f"no image {image} (NGINX_IMAGE names another, WAZUH_PULL=1 pulls it)")
    profile = [*manager.compose, "--profile", "cluster"]
    up = [*profile, "up", "--detach", "--wait", "--wait-timeout", "400", "worker", "balancer"]
    subprocess.run(up, check=True, capture_output=True)
    return profile


def test_the_worker_judges_by_the_rules_of_the_master(cluster, manager):
    def read(service, path):
        command = [*cluster, "exec", "-T", service, "sha256sum", path]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    names = manager.run("sh", "-c", "ls /var/ossec/etc/rules/*cicd* /var/ossec/etc/decoders/*cicd*").split()
    assert len(names) > 8
    give_up = time.monotonic() + 180
    while any(read("worker", name) != read("manager", name) for name in names) and time.monotonic() < give_up:
        time.sleep(5)
    for name in names:
        assert read("worker", name) == read("manager", name)
    relay = RelayChannel([*cluster, "exec", "-T", "worker", PYTHON])
    engine = SocketEngine(relay)
    specs = load_specs()
    package = render_package(specs)
    for probe in one_per_source(desired_from(package).probes):
        session = engine.open_session()
        reached = [session.process(log, location).rule_id for log, location in probe.events]
        assert reached[-1] == probe.rule_id, probe.name
        session.close()
    relay.close()


def test_the_balancer_leads_to_a_node(cluster):
    with socket.create_connection(("127.0.0.1", int(os.environ["WAZUH_BALANCER_PORT"])), timeout=10) as agent:
        # What is no agent's message is answered by hanging up, or not at all: but somebody took the connection.
        agent.sendall(b"\x04\x00\x00\x00abcd")
        agent.settimeout(5)
        with contextlib.suppress(TimeoutError):
            assert agent.recv(1) == b""
