"""The content is found from a checkout and from an installed wheel, and is the same."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from scan_kit import trivy_report, vulnerability
from wazuh_cicd.content.paths import content_root, stock_root
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib, json
from wazuh_cicd.content.paths import content_root, stock_root
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
package = render_package(load_specs())
hashes = {path: hashlib.sha256(data).hexdigest() for path, data in package.files.items()}
print(json.dumps([str(content_root()), str(stock_root()), stock_root().is_dir(), hashes]))
"""


def test_a_checkout_finds_its_own_folders():
    assert content_root() == ROOT
    assert (stock_root() / "rules").is_dir()


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The Python of a fresh environment with our wheel and nothing else of ours."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: no wheel can be built without the network")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("wazuh_cicd-*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # The dependencies come from the running environment; our package only from the wheel.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), site], check=True)
    return python


@pytest.mark.slow
def test_a_wheel_carries_the_same_content(installed):
    out = subprocess.run(
        [installed, "-c", SCRIPT],
        check=True,
        capture_output=True,
        text=True,
        cwd=installed.parent,
        env={"PATH": "/usr/bin:/bin"},
    ).stdout
    root, stock, there, hashes = json.loads(out)
    assert Path(root).name == "_content"
    assert str(installed.parents[2]) in root
    assert there
    assert str(installed.parents[2]) in stock
    package = render_package(load_specs())
    assert set(hashes) == set(package.files)
    assert hashes == {path: hashlib.sha256(data).hexdigest() for path, data in package.files.items()}


@pytest.mark.slow
def test_the_installed_command_checks_and_builds(installed, tmp_path):
    for verb in (["check", "--format", "json"], ["build", "-o", str(tmp_path / "out")], ["schema", "rule"]):
        run = subprocess.run(  # noqa: PLW1510 - findings are no failure here
            [installed, "-m", "wazuh_cicd.cli", *verb],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert run.returncode in (0, 1), run.stderr
        assert run.stdout
    assert (tmp_path / "out" / "manager" / "etc" / "rules").is_dir()


@pytest.mark.slow
def test_the_installed_command_judges_reports_with_the_scanners_own_modules(installed, tmp_path):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (tmp_path / "report.json").write_text(json.dumps(trivy_report(vulnerability(1), CreatedAt=now)))
    code = "import wodles.scan.reports as m; print(m.__file__)"
    run = subprocess.run(
        [installed, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}
    )
    assert run.stdout.startswith(str(installed.parents[2]))
    command = [installed, "-m", "wazuh_cicd.cli", "gate", "--report", "report.json", "--format", "json"]
    run = subprocess.run(  # noqa: PLW1510 - the code is what is asked for
        command, capture_output=True, text=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    )
    assert (run.returncode, run.stderr) == (10, "")
    assert "CVE-2024-0001" in run.stdout
