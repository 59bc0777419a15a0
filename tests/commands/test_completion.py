"""What a shell offers when somebody presses the tab key: asked of the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from wazuh_cicd import cli
from wazuh_cicd.commands.completion import SHELLS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scripts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> dict[str, Path]:
    """Write each shell's script to a file."""
    found = {}
    for shell in SHELLS:
        assert cli.main(["completion", shell]) == 0
        found[shell] = tmp_path / f"completion.{shell}"
        found[shell].write_text(capsys.readouterr().out)
    return found


def needs(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_of_its_shell(scripts: dict[str, Path], shell: str) -> None:
    needs(shell)
    subprocess.run([shell, "-n", str(scripts[shell])], check=True, timeout=60)


def in_bash(script: Path, *words: str) -> set[str]:
    """What bash would offer for the last word."""
    text = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '$(complete -p wazuh-cicd | sed "s/.*-F \\([^ ]*\\) .*/\\1/") wazuh-cicd "${COMP_WORDS[COMP_CWORD]}" '
        '"${COMP_WORDS[COMP_CWORD-1]}"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", text, "bash", str(script), *words], capture_output=True, text=True, check=True, timeout=60
    )
    return {word.strip() for word in done.stdout.splitlines()}


def test_bash_offers_verbs_options_and_choices(scripts: dict[str, Path]) -> None:
    script = scripts["bash"]
    assert {"gate", "install", "completion"} <= in_bash(script, "wazuh-cicd", "")
    assert in_bash(script, "wazuh-cicd", "ins") == {"install"}
    assert {"--report", "--registry"} == in_bash(script, "wazuh-cicd", "gate", "--re")
    assert {"text", "json", "sarif", "github"} == in_bash(script, "wazuh-cicd", "check", "--format", "")
    assert {"plan"} == in_bash(script, "wazuh-cicd", "install", "pl")
    assert "--details" in in_bash(script, "wazuh-cicd", "install", "plan", "--d")


def test_bash_offers_files_where_an_option_takes_one(
    scripts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate.yml").touch()
    (tmp_path / "gates").mkdir()
    monkeypatch.chdir(tmp_path)
    assert {"gate.yml", "gates"} <= in_bash(scripts["bash"], "wazuh-cicd", "gate", "--policy", "ga")
    assert in_bash(scripts["bash"], "wazuh-cicd", "build", "--output", "ga") == {"gates"}


def test_fish_offers_the_same(scripts: dict[str, Path], tmp_path: Path) -> None:
    needs("fish")
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for typed, wanted in (("wazuh-cicd ins", "install"), ("wazuh-cicd gate --rep", "--report")):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {scripts['fish']}; complete -C '{typed}'"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=environment,
        )
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [wanted]


def test_zsh_loads_its_script(scripts: dict[str, Path], tmp_path: Path) -> None:
    needs("zsh")
    folder = tmp_path / "functions"
    folder.mkdir()
    shutil.copy(scripts["zsh"], folder / "_wazuh-cicd")
    load = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump"
    text = f"{load}; print ${{_comps[wazuh-cicd]}}"
    done = subprocess.run(["zsh", "-f", "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "_wazuh-cicd\n"
