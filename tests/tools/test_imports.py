"""The contracts of imports break where they must, and the programs for agents import nothing of the package."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("active_response", "wodles")
OTHERS = {"active_response": {"active_response"}, "wodles": {"active_response", "wodles"}}


def lint(folder):
    code = f"import sys; sys.path[:0] = [{str(folder / 'generator')!r}, {str(folder)!r}]"
    command = f"{code}; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "400", "PATH": "/usr/bin:/bin"},
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(
        ROOT / "generator/wazuh_cicd", folder / "generator/wazuh_cicd", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in PROGRAMS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_contracts_are_kept(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


FORBIDDEN = [
    ("Data flows one way", "proof/runner.py", "wazuh_cicd.cli"),
    ("Data flows one way", "spec/model.py", "wazuh_cicd.render.model"),
    ("Data flows one way", "engine/session.py", "wazuh_cicd.spec"),
    ("without the evaluator", "content/paths.py", "wazuh_cicd.engine.load.cdb"),
    ("Inside the evaluator", "engine/patterns/base.py", "wazuh_cicd.engine.judge.rule"),
    ("Inside the evaluator", "engine/load/cdb.py", "wazuh_cicd.engine.decode.event"),
    ("No circle of imports", "engine/judge/rule.py", "wazuh_cicd.engine.judge.memory"),
    ("Only report draws tables", "proof/runner.py", "rich"),
]


def test_forbidden_imports_break_the_contracts(copy):
    """All at once, and for types alone: each is named below the contract that it breaks."""
    for _, module, imported in FORBIDDEN:
        with (copy / "generator/wazuh_cicd" / module).open("a", encoding="utf-8") as file:
            file.write(f"\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {imported}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    details = done.stdout.partition("Broken contracts")[2]
    for contract, module, imported in FORBIDDEN:
        assert any(contract in line for line in broken), (contract, done.stdout)
        importer = "wazuh_cicd." + module.removesuffix(".py").replace("/", ".")
        if contract != "No circle of imports":
            assert f"{importer} -> {imported} (" in details, (importer, done.stdout)


def sources(folder):
    """Python files below a folder: modules, and programs without a suffix."""
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(path for path in files if path.suffix == ".py" or (not path.suffix and path.name.startswith("cicd-")))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("folder", PROGRAMS)
def test_a_program_for_agents_imports_the_standard_library_and_its_own_kind(folder):
    files = sources(ROOT / folder)
    assert files
    # Some parts of the standard library have other names in other releases.
    allowed = sys.stdlib_module_names | {"_sha2", "_sha256"} | OTHERS[folder]
    assert {(path.name, name) for path in files for name in imported(path) if name not in allowed} == set()
