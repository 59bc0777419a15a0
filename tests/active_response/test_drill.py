"""The drill finds what is wrong with a script, and passes ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ar_kit import ROOT, SCRIPTS, need_kernel
from wazuh_cicd.drill.execd import Execd
from wazuh_cicd.drill.messages import alert, message
from wazuh_cicd.drill.scenarios import Drill, exercises, flaws, nest, prepare

GOOD = """#!/bin/sh
read -r line
case $line in *'"command":"add"'*|*'"enable"'*) ;; *) exit 0 ;; esac
case $line in *'"srcip":"198.51.100.7"'*) ;; *) exit 0 ;; esac
echo '{"version":1,"origin":{"name":"x","module":"active-response"},"command":"check_keys","parameters":{"keys":["k"]}}'
read -r answer
case $answer in *continue*) exit 0 ;; esac
"""


@pytest.fixture
def script(tmp_path):
    def write(text: str) -> Drill:
        path = tmp_path / "active-response/bin/probe"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o750)
        return Drill(path, tmp_path, {"srcip": "198.51.100.7"}, "srcip")

    return write


def problems(drill: Drill, *words: str) -> dict[str, str]:
    return {name: exercise() for name, exercise in exercises(drill) if any(word in name for word in words)}


def test_a_script_that_does_it_right_passes(script):
    drill = script(GOOD)
    found = problems(drill, "add", "delete", "timeouts", "good order", "is killed", "dies", "Wazuh 5", "eight", "texts")
    assert len(found) >= 9
    assert set(found.values()) == {""}


def test_a_script_that_waits_for_ever_holds_execd(script, monkeypatch):
    monkeypatch.setattr("wazuh_cicd.drill.scenarios.EXECD_LIMIT", 0.5)
    drill = script("#!/bin/sh\nsleep 30\n")
    outcome = Execd(drill.script, drill.folder, patience=1.0).run(drill.line())
    assert outcome.code is None
    assert "had to be ended" in flaws(outcome)


LEAVES = GOOD.replace("exit 0 ;; esac\n", "sleep 5 >/dev/null 2>&1 </dev/null & exit 0 ;; esac\n")
EVALUATES = """#!/bin/bash
read -r l
[[ $l =~ srcip\\":\\"([^\\"]*) ]] && sh -c "true ${BASH_REMATCH[1]}"
"""


@pytest.mark.parametrize(
    ("text", "exercise", "words"),
    [
        ("#!/bin/sh\nread -r l\necho hello\n", "add: registers", "no check_keys"),
        ("#!/bin/sh\necho no such library >&2; exit 127\n", "add: registers", "could not be started: no such library"),
        ("#!/bin/sh\nread -r l\n", "add: registers", "no check_keys"),
        ("#!/usr/bin/python3\nraise ValueError('x')\n", "add: registers", "traceback: ValueError"),
        (GOOD.replace("read -r answer", "echo more; read -r answer"), "add again", "more than one line"),
        (LEAVES, "add: registers", "left processes"),
        (GOOD.replace('["k"]', "[\"'$$'\"]"), "add again", "other keys"),
        (EVALUATES, "texts", "was executed"),
    ],
)
def test_what_is_wrong_is_named(text, exercise, words, script):
    (found,) = problems(script(text), exercise).values()
    assert words in found


def test_a_script_that_reads_nothing_at_all_is_exercised_to_the_end(script):
    """It is gone before anything is written to it."""
    drill = script("#!/bin/sh\nexec <&-\nexit 0\n")
    found = problems(drill, "handshake", "half a message", "killed again", "hostile message")
    assert len(found) > 20
    assert [name for name, problem in found.items() if problem] == ["the script is killed again and again"]


def test_a_program_of_an_installation_finds_its_libraries(tmp_path):
    (tmp_path / "ossec/active-response/bin").mkdir(parents=True)
    (tmp_path / "ossec/lib").mkdir()
    program = tmp_path / "ossec/active-response/bin/stock"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    prepare(program, home)
    assert (home / "lib").resolve() == tmp_path / "ossec/lib"
    other = tmp_path / "elsewhere"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    (tmp_path / "home2").mkdir()
    prepare(other, tmp_path / "home2")
    assert not (tmp_path / "home2/lib").exists()


def test_execd_keeps_its_list_as_the_real_one_does(script):
    drill = script(GOOD)
    execd = Execd(drill.script, drill.folder, repeated_offenders=(1, 2))
    line = message("add", alert({"srcip": "198.51.100.7"}))
    answers = [execd.run(line, timeout=10, now=now).answer for now in (0.0, 5.0, 40.0)]
    assert answers == ["continue", "abort", "abort"]
    assert list(execd.pending) == ["probe-k"]
    # The second offence made it one minute, the third two.
    assert execd.tick(159.9) == []
    assert [outcome.command for outcome in execd.tick(160.1)] == ["delete"]
    assert execd.pending == {}


def test_without_a_timeout_nothing_is_kept(script):
    drill = script(GOOD)
    execd = drill.execd()
    assert [execd.run(drill.line()).answer for _ in range(2)] == ["continue", "continue"]
    assert execd.stop() == []


def test_dotted_names_become_nested_objects():
    assert nest("a.b.c", 1) == {"a": {"b": {"c": 1}}}


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cicd-block-ip", ["--extra-args", "timeout=60"]),
        ("cicd-scan-image", ["--field", "docker.Actor.ID", "--value", "alpine:3.19"]),
    ],
)
def test_our_scripts_pass_every_exercise(name, words):
    need_kernel()
    command = [sys.executable, "-m", "wazuh_cicd.cli", "drill", str(SCRIPTS / name), *words, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "generator")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result for result in results if not result["passed"]] == []
    assert (done.returncode, len(results)) == (0, 32)
