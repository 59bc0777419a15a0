"""The scripts are one file each: what they share must be the same in all, and run where nothing is installed."""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ar_kit import SCRIPTS, Home

NAMES = sorted(path.name for path in SCRIPTS.glob("cicd-*"))
SHARED = [
    "Refused", "Failed", "parse_json", "quote", "to_json", "time_left", "Budget", "check_owner", "read_file",
    "parent", "Home", "make_folder", "write_log", "is_number", "read_settings", "Request", "Input", "agree",
    "finish", "main",
]  # fmt: skip
OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[6-9]*/bin/python3"))


def pieces(name: str) -> dict[str, str]:
    tree = ast.parse((SCRIPTS / name).read_text())
    return {node.name: ast.dump(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_all_three_are_there():
    assert NAMES == ["cicd-block-ip", "cicd-quarantine-container", "cicd-scan-image"]


@pytest.mark.parametrize("piece", SHARED)
def test_shared_pieces_are_the_same_in_each_file(piece):
    assert len({pieces(name)[piece] for name in NAMES}) == 1


def test_the_start_of_each_file_is_the_same_but_for_its_first_comment():
    starts = {(SCRIPTS / name).read_text().split('""":"')[1].split("# ruff:")[0] for name in NAMES}
    assert len(starts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_executable_and_python_3_6(name):
    path = SCRIPTS / name
    assert path.stat().st_mode & stat.S_IXUSR
    vermin = shutil.which("vermin") or str(Path(sys.executable).with_name("vermin"))
    if not os.access(vermin, os.X_OK):
        pytest.skip("vermin is not installed")
    done = subprocess.run([vermin, "-t=3.6-", "--no-tips", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_only_the_standard_library_is_imported(name):
    tree = ast.parse((SCRIPTS / name).read_text())
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    # _sha2 is the name of _sha256 from Python 3.12 on.
    assert {word.partition(".")[0] for word in found} <= {*sys.stdlib_module_names, "_sha2", "_sha256"}


@pytest.mark.parametrize("name", NAMES)
def test_no_shell_and_nothing_evaluated(name):
    for node in ast.walk(ast.parse((SCRIPTS / name).read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in (
                "eval",
                "exec",
                "os.system",
                "os.popen",
                "subprocess.run",
                "subprocess.call",
                "__import__",
            )
            assert not any(word.arg == "shell" for word in node.keywords)


@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda path: path.parts[-3])
@pytest.mark.parametrize("name", NAMES)
def test_old_pythons_refuse_as_well(name, python, tmp_path):
    """Parsing, configuration and refusals; what needs the kernel is in test_block_kernel."""
    home = Home(tmp_path, name)
    home.script.write_text(home.script.read_text().replace("for python in ", f"for python in {python} ", 1))
    home.configure(home.admin("--example-config"))
    data = {"srcip": "127.0.0.1", "docker": {"Actor": {"ID": "not an id"}}}
    outcome = home.add(data)
    assert outcome.code == 0
    assert outcome.said == ""
    assert home.last()["result"] == "refused"
    assert home.last()["reason"] in ("loopback", "not-a-container", "not-an-image")


@pytest.mark.parametrize("name", NAMES)
def test_compiled_code_is_kept_for_root_only_and_made_anew_when_the_script_changes(name, tmp_path):
    home = Home(tmp_path, name)
    home.configure(home.admin("--example-config"))
    home.state.mkdir(parents=True, mode=0o700)
    home.admin("--example-config")
    kept = home.state / f"{name}.code"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_bytes()
    home.script.write_text(home.script.read_text().replace('NAME = "cicd-', 'NAME = "CICD-', 1))
    home.admin("--example-config")
    assert kept.read_bytes() != before


@pytest.mark.parametrize("spoil", ["garbage", "loose", "link"])
def test_spoilt_compiled_code_is_not_run(spoil, tmp_path):
    home = Home(tmp_path / "home", "cicd-scan-image")
    home.state.mkdir(parents=True, mode=0o700)
    home.admin("--example-config")
    kept = home.state / "cicd-scan-image.code"
    good = kept.read_bytes()
    evil = good.replace(b"cicd-scan-image: which images", b"cicd-EVIL-image: which images")
    assert evil != good
    if spoil == "garbage":
        kept.write_bytes(good.partition(b"\n")[0] + b" 1\n" + evil.partition(b"\n")[2])
    elif spoil == "loose":
        kept.write_bytes(evil)
        kept.chmod(0o666)
    else:
        (tmp_path / "evil").write_bytes(evil)
        kept.unlink()
        kept.symlink_to(tmp_path / "evil")
    assert "EVIL" not in home.admin("--example-config")


@pytest.mark.parametrize("name", NAMES)
def test_a_script_or_configuration_that_others_can_change_is_not_acted_on(name, tmp_path):
    home = Home(tmp_path, name)
    home.configure(home.admin("--example-config"))
    data = {"srcip": "198.51.100.7", "docker": {"Actor": {"ID": "0123456789abcdef"}}}
    home.config.chmod(0o666)
    assert home.add(data).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "permissions")
    home.config.chmod(0o640)
    home.script.chmod(0o770)
    assert home.add(data).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "permissions")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", [None, "nonsense\n", "allow_all = yes\n", "field = $(x)\n", "max_blocks = -1\n"])
def test_a_configuration_that_is_not_right_stops_everything_and_says_where(name, text, tmp_path):
    home = Home(tmp_path, name)
    if text is None:
        home.config.unlink()
    else:
        home.configure("# fine\n" + text)
    outcome = home.add({"srcip": "198.51.100.7", "docker": {"Actor": {"ID": "0123456789abcdef"}}})
    assert (outcome.said, outcome.code) == ("", 0)
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "configuration")
    assert str(home.config) + (":2" if text else "") in home.last()["detail"]


@pytest.mark.parametrize("trap", ["symlink", "hard link", "fifo"])
def test_the_log_is_never_written_through_a_trap(trap, tmp_path):
    home = Home(tmp_path / "home", "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    target = tmp_path / "shadow"
    target.write_text("keep me")
    log = home.folder / "logs/cicd/response.log"
    log.parent.mkdir()
    if trap == "symlink":
        log.symlink_to(target)
    elif trap == "hard link":
        os.link(target, log)
    else:
        os.mkfifo(log)
    outcome = home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}})
    assert outcome.code == 1
    assert target.read_text() == "keep me"


def test_the_log_begins_anew_when_it_is_long(tmp_path):
    home = Home(tmp_path, "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}})
    log = home.folder / "logs/cicd/response.log"
    with log.open("ab") as file:
        file.truncate(10485761)
    home.add({"docker": {"Actor": {"ID": "alpine:3.20"}}})
    home.add({"docker": {"Actor": {"ID": "alpine:3.21"}}})
    assert [entry["image"] for entry in home.log()] == ["alpine:3.21"]
    assert (log.parent / "response.log.1").exists()
