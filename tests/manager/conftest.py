"""A real manager for the tests: a folder on this host (WAZUH_ROOT, or /var/ossec when a manager with the package runs
there), else the one of docker-compose.yml, else a skip.

``WAZUH_IMAGE`` may name an image that is already there; nothing is pulled unless ``WAZUH_PULL=1``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wazuh_cicd.manager.logtest import SocketEngine
from wazuh_cicd.manager.sockets import LOGTEST, RelayChannel, UnixChannel

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_IMAGE = "wazuh/wazuh-manager:4.14.7"
ALERTS = "logs/alerts/alerts.json"


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a manager."""
    places = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    ours = [items[place] for place in places]
    for item in ours:
        item.add_marker(pytest.mark.manager)
        item.add_marker(pytest.mark.xdist_group("manager"))  # one manager for all of them
    if not _here():
        # Through the API lists lose entries (I117) that tests of rules need: in the container these tests come first,
        # while it has the package of its first start.
        ours.sort(key=lambda item: item.path.name != "test_manager.py")
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def docker_compose() -> str | None:
    """Why the compose file cannot be used; None when it can."""
    if shutil.which("docker") is None:
        return "no docker program"
    if subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode:
        return "no 'docker compose'"
    if subprocess.run(["docker", "info"], check=False, capture_output=True).returncode:
        return "no Docker daemon"
    image = os.environ.get("WAZUH_IMAGE", DEFAULT_IMAGE)
    there = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True).returncode == 0
    if not there and os.environ.get("WAZUH_PULL") != "1":
        return f"no image {image} (WAZUH_IMAGE names another, WAZUH_PULL=1 pulls it)"
    return None


# pytest-docker: one project for the whole run, taken down with its volumes and the images it built.
@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(REPOSITORY / "docker-compose.yml")


PROJECT = f"wazuh-cicd-test-{os.getpid()}"


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return PROJECT


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["up --detach --wait --wait-timeout 600 manager"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return ["--profile '*' down --volumes --rmi local --timeout 10"]


@dataclass(frozen=True)
class Manager:
    """A manager under test.

    Attributes:
        root: its folder on this host; None for a container.
        compose: the command for its compose project; empty for a manager of this host.
        relays: the one way into the container, once it is open.
    """

    root: Path | None
    compose: tuple[str, ...] = ()
    relays: list[RelayChannel] = field(default_factory=list)

    @property
    def exec(self) -> tuple[str, ...]:
        """What runs a program beside it."""
        return (*self.compose, "exec", "-T", "manager")

    def run(self, *command: str) -> str:
        """What a program beside the containerised manager prints."""
        return subprocess.run([*self.exec, *command], check=True, capture_output=True, text=True).stdout

    def engine(self, *, debug: bool = False) -> SocketEngine:
        """Its logtest; with ``debug`` it says which rules it tried."""
        if self.root is not None:
            return SocketEngine(UnixChannel(self.root / LOGTEST), debug=debug)
        if not self.relays:
            self.relays.append(RelayChannel([*self.exec, "/var/ossec/framework/python/bin/python3"]))
        return SocketEngine(self.relays[0], debug=debug)

    def read(self, path: str) -> bytes:
        """A file below its folder."""
        if self.root is not None:
            return (self.root / path).read_bytes()
        return subprocess.run([*self.exec, "cat", f"/var/ossec/{path}"], check=True, capture_output=True).stdout

    def folder(self, path: str, copies: Path) -> Path:
        """A folder below its own on this host, copied there if it is not."""
        if self.root is not None:
            return self.root / path
        copies.mkdir(parents=True, exist_ok=True)
        command = [*self.compose, "cp", f"manager:/var/ossec/{path}", str(copies)]
        subprocess.run(command, check=True, capture_output=True)
        return copies / Path(path).name

    def send(self, log: bytes, location: str) -> None:
        """One event into the real queue."""
        message = b"1:" + location.encode() + b":" + log
        if self.root is not None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
                queue.connect(str(self.root / "queue/sockets/queue"))
                queue.send(message)
            return
        code = (
            "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
            " s.connect('/var/ossec/queue/sockets/queue'); s.send(sys.stdin.buffer.read())"
        )
        python = "/var/ossec/framework/python/bin/python3"
        subprocess.run([*self.exec, python, "-c", code], input=message, check=True)

    def alerts(self, since: int, wanted: int, wait: float = 20.0) -> list[dict]:
        """The alerts written after the first ``since`` bytes, waiting until the wanted rule is among them."""
        give_up = time.monotonic() + wait
        while True:
            # What stands behind the last line feed is still being written.
            lines = self.read(ALERTS)[since:].split(b"\n")[:-1]
            found = [json.loads(line.decode(errors="replace")) for line in lines if line]
            if any(int(alert["rule"]["id"]) == wanted for alert in found) or time.monotonic() > give_up:
                return found
            time.sleep(0.5)

    def alerts_size(self) -> int:
        """Bytes of whole alerts so far."""
        return self.read(ALERTS).rfind(b"\n") + 1


def _found_here() -> str | None:
    """The manager of this host, if it runs and has the package: nobody has to name it then."""
    root = Path("/var/ossec")
    if not (root / "etc/rules/0011-cicd_base_rules.xml").exists():
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        return str(root) if probe.connect_ex(str(root / LOGTEST)) == 0 else None


def _here() -> str | None:
    """The folder of the manager on this host that is to be tested."""
    return os.environ.get("WAZUH_ROOT") or _found_here()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    root = _here()
    if root:
        found = Manager(Path(root))
        if not (found.root / LOGTEST).exists():
            pytest.skip(f"WAZUH_ROOT={root}: no logtest socket there; is its manager running?")
        yield found
        return
    problem = docker_compose()
    if problem:
        pytest.skip(f"needs a manager: {problem}, and no WAZUH_ROOT")
    # Beside a manager that has the usual ports, and where a container may not open as many files as it likes to.
    for name in ("WAZUH_API_PORT", "WAZUH_AGENT_PORT", "WAZUH_ENROL_PORT", "WAZUH_BALANCER_PORT"):
        os.environ.setdefault(name, str(_free_port()))
    os.environ.setdefault("WAZUH_NOFILE", str(min(655360, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    if not (REPOSITORY / "docker/run").exists():
        subprocess.run([REPOSITORY / "docker/secrets"], check=True, capture_output=True)
    from wazuh_cicd.cli import main  # noqa: PLC0415 - only where there is a container

    assert main(["build", "-o", str(REPOSITORY / "build")]) == 0
    request.getfixturevalue("docker_services")
    started = Manager(None, ("docker", "compose", "-f", str(REPOSITORY / "docker-compose.yml"), "-p", PROJECT))
    yield started
    for relay in started.relays:
        relay.close()
