"""The image of the command line: built and run in an engine of our own, on a base made by debootstrap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scan_kit import hours_ago, trivy_report, vulnerability
from scan_live import docker_engine
from wazuh_cicd import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
#: Debian 12 with Python, made once: make image-base.
BASE = Path.home() / ".cache" / "wazuh-cicd" / "images" / "bookworm-python.tar"
PYTHON = "3.11"  # Debian 12's

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def base() -> Path:
    """The base image's files as an archive; skips without it."""
    if not BASE.exists():
        pytest.skip(f"needs {BASE}: make image-base (debootstrap, root, some minutes)")
    return BASE


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Build the image; gives a function that runs a command in it."""
    archive, folder = base(), tmp_path_factory.mktemp("image")
    make = [
        "make",
        "-C",
        str(ROOT),
        "image-context",
        f"IMAGE_PYTHON={PYTHON}",
        f"VENV={Path(sys.executable).parents[1]}",
    ]
    done = subprocess.run(make, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        pytest.skip(f"the wheels cannot be fetched: {done.stderr[-200:]}")
    with docker_engine(folder, "overlay2") as socket:
        environment = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{socket}"}

        def docker(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["docker", *words], capture_output=True, text=True, check=False, env=environment, timeout=600
            )

        assert docker("import", str(archive), "base:1").returncode == 0
        words = (
            "build",
            "--network",
            "none",
            "--build-arg",
            "BASE=base:1",
            "--tag",
            "cli:1",
            str(ROOT / "build/image"),
        )
        built = docker(*words)
        assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return docker("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", *words)  # noqa: S108 - in the container

        yield run


def test_the_command_line_is_there_and_is_not_root(image: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert image("cli:1", "wazuh-cicd", "--version").stdout.split()[:2] == ["wazuh-cicd", __version__]
    assert image("cli:1", "id", "-u").stdout == "65532\n"
    assert image("cli:1").stdout.startswith("usage: wazuh-cicd")


def test_the_gate_judges_what_is_mounted(
    image: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    for name, found in (("clean", ()), ("flawed", (vulnerability(1),))):
        report = trivy_report(*found, CreatedAt=hours_ago(1))
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    codes = {
        name: image("--volume", f"{tmp_path}:/work:ro", "cli:1", "wazuh-cicd", "gate", "--report", f"{name}.json")
        for name in ("clean", "flawed", "none")
    }
    assert {name: done.returncode for name, done in codes.items()} == {"clean": 0, "flawed": 10, "none": 20}
    assert "CVE-2024-0001" in codes["flawed"].stdout


def test_a_shell_can_be_started_as_ci_servers_do(image: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = image("--tmpfs", "/var/cache/wazuh-cicd:mode=1777", "cli:1", "sh", "-c", "wazuh-cicd coverage && echo fine")
    assert done.stdout.endswith("fine\n")
