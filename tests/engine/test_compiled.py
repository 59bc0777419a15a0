"""The evaluator compiled to machine code: the whole of it or nothing, and the same program."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wazuh_cicd.engine

TOOLS = Path(__file__).parents[2] / "tools"
FOLDER = Path(wazuh_cicd.engine.__file__).parent


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", TOOLS / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loaded_from():
    """What each module that can be compiled was loaded from: ``.py`` or the ending of a library."""
    names = [name.removesuffix(".py").replace("/", ".") for name in hook().modules(FOLDER.parents[1])]
    return {name: Path(importlib.import_module(name).__file__).suffix for name in names}


def test_every_module_is_compiled_or_none_is():
    suffixes = set(loaded_from().values())
    if os.environ.get("WAZUH_CICD_COMPILED"):  # set where the compiled wheel is tested
        assert suffixes in ({".so"}, {".pyd"})
    assert len(suffixes) == 1


def test_what_stays_python_is_there():
    names = {path.name for path in FOLDER.rglob("*.py")}
    assert names >= hook().INTERPRETED


@pytest.mark.parametrize("given", ["", "0"])
def test_a_wheel_is_pure_python_unless_asked(given, monkeypatch):
    monkeypatch.setenv("WAZUH_CICD_COMPILE", given)
    assert not hook().wanted()
    monkeypatch.setenv("WAZUH_CICD_COMPILE", "1")
    assert hook().wanted()


def test_the_compiler_is_the_one_that_checks_the_types():
    metadata = (TOOLS.parent / "pyproject.toml").read_text("utf-8")
    assert f'"{hook().MYPY}"' in metadata


def test_version_says_which_form_runs():
    done = subprocess.run(
        [sys.executable, "-m", "wazuh_cicd.cli", "--version"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])},
    )
    form = "pure Python" if set(loaded_from().values()) == {".py"} else "compiled"
    assert done.stdout.strip() == f"wazuh-cicd {wazuh_cicd.__version__} ({form})"
