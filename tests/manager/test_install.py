"""Installation on a real manager: through its API in the container, on its folder where one may be changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_cicd.install.apply import apply, rollback
from wazuh_cicd.install.desired import desired_from, nothing
from wazuh_cicd.install.local import LocalTarget
from wazuh_cicd.install.plan import make_plan
from wazuh_cicd.install.remote import ApiTarget
from wazuh_cicd.install.verify import verify
from wazuh_cicd.manager.api import Api, Credentials
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

REPOSITORY = Path(__file__).resolve().parents[2]
OLDER = ("github",)


def api_target(folder: Path) -> ApiTarget:
    """The containerised manager through its API, as ``docker/secrets`` has set it up."""
    password = (REPOSITORY / "docker/run/api-password").read_text().strip()
    port = os.environ.get("WAZUH_API_PORT", "55000")
    ca = REPOSITORY / "docker/run/tls/root-ca.pem"
    api = Api(f"https://localhost:{port}", Credentials(user="wazuh-wui", password=password), ca)
    return ApiTarget(api, state_folder=folder / "state")


@pytest.fixture
def target(manager, tmp_path):
    if manager.root is not None:
        if os.environ.get("WAZUH_ROOT_MAY_CHANGE") != "1":
            pytest.skip("WAZUH_ROOT is only looked at; WAZUH_ROOT_MAY_CHANGE=1 lets the tests install there")
        return LocalTarget(manager.root)

    return api_target(tmp_path)


def goal(target, sources=None):
    package = render_package(load_specs(), with_sources=sources)
    return desired_from(package, sources=sources or (), flat_lists=target.flat_lists)


def test_a_whole_life_on_a_real_manager(target):
    said = []
    apply(target, nothing(), say=said.append)
    conf = target.read(target.conf_paths()[0])
    older, newer = goal(target, OLDER), goal(target)
    first = apply(target, older, say=said.append)
    assert first.verified is not None
    assert first.verified.round_trips
    upgrade = apply(target, newer, say=said.append)
    assert {probe.source for probe in upgrade.verified.round_trips} >= {"github", "docker", "jenkins", "kubernetes"}
    assert not make_plan(target, newer).changes
    assert not verify(target, newer, known=set(target.check())).failures
    rollback(target, say=said.append)
    assert not make_plan(target, older).changes
    apply(target, nothing(), say=said.append)
    assert target.read(target.conf_paths()[0]) == conf
    assert not list(target.ours())
    # The container keeps the package for the other tests.
    apply(target, newer, say=said.append)


def test_the_command_line_installs_and_verifies(manager, target):
    if manager.root is None:
        pytest.skip("the command line's local transport needs WAZUH_ROOT")
    for verb in ("plan", "apply", "verify"):
        ran = subprocess.run(
            [sys.executable, "-m", "wazuh_cicd.cli", "install", verb, "--root", str(manager.root)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
