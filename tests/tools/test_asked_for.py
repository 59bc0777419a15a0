"""Tests that touch the machine run when somebody asks for them, not because somebody is root."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from needs import BUSYBOX, TARGETS, is_static, missing

TESTS = Path(__file__).parents[1]
pytest_plugins = ["pytester"]
MARKERS = (*TARGETS, "slow")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with our configuration and a test for each marker."""
    for name in ("conftest.py", "needs.py"):
        pytester.path.joinpath(name).write_text((TESTS / name).read_text())
    pytester.makeini("[pytest]\npythonpath = .\nmarkers =\n" + "".join(f"  {name}\n" for name in MARKERS))
    tests = (f"@pytest.mark.{name}\ndef test_{name}(): pass\n" for name in MARKERS)
    pytester.makepyfile("import pytest\n" + "".join(tests))
    return pytester


@pytest.mark.parametrize(
    ("given", "ran"),
    [("", {"slow"}), ("root", {"slow", "root", "kernel"}), ("root,docker", {"slow", "root", "kernel", "docker"})],
)
def test_a_test_runs_when_it_was_asked_for(project: pytest.Pytester, given: str, ran: set[str]) -> None:
    found = project.inline_run("-p", "no:cacheprovider", "--with", given).listoutcomes()
    assert {report.location[2].removeprefix("test_") for report in found[0]} == ran
    assert len(found[1]) == len(MARKERS) - len(ran)


def test_an_unknown_group_is_refused(project: pytest.Pytester) -> None:
    result = project.runpytest("--with", "rot")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--with rot: known are root and docker*"])


def test_every_test_that_skips_without_root_is_marked() -> None:
    unmarked = []
    for place in sorted(TESTS.rglob("test_*.py")):
        text = place.read_text(encoding="utf-8")
        if "geteuid" not in text:
            continue
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            asks = "geteuid() != 0" in f"{marks} {ast.unparse(node)}" and "skip" in f"{marks} {ast.unparse(node)}"
            if asks and not any(f"mark.{name}" in marks for name in TARGETS) and "pytestmark" not in text:
                unmarked.append(f"{place.name}: {node.name}")
    assert unmarked == []


def test_a_static_program_is_told_from_one_that_needs_a_loader(tmp_path: Path) -> None:
    assert not is_static(Path(sys.executable).resolve())
    assert not is_static(tmp_path / "none")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert not is_static(script)
    if not BUSYBOX.exists():
        pytest.skip(f"needs {BUSYBOX}")
    told = subprocess.run(["ldd", str(BUSYBOX)], capture_output=True, text=True, check=False)
    assert is_static(BUSYBOX) == ("not a dynamic" in told.stdout + told.stderr)


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("needs.shutil.which", lambda *_, **__: None)
    monkeypatch.setattr("needs.BUSYBOX", Path("/none"))
    assert "nft (package nftables)" in missing("root")
    assert missing("docker")[-1] == "a static /none (package busybox-static)"
