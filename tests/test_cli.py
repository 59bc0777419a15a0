"""The command's frame: verbs, exit codes, start-up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from wazuh_cicd import __version__, cli
from wazuh_cicd.errors import UsageError


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "wazuh_cicd.cli", *arguments], capture_output=True, text=True, check=False, **options
    )


def test_the_version_is_printed_without_loading_any_room():
    code = (
        "import sys; from wazuh_cicd.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('yaml', 'lxml', 'jinja2', 'requests', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"wazuh-cicd {__version__} (pure Python)", "[]"]


def test_help_lists_every_verb():
    shown = run("--help").stdout
    assert all(f"  {verb}" in shown and text in shown for verb, text in cli.VERBS.items())


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(verb):
    done = run(verb, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: wazuh-cicd {verb}")


def test_an_unknown_verb_is_wrong_use():
    done = run("biuld")
    assert done.returncode == 2
    assert "biuld" in done.stderr


def test_the_command_alone_prints_its_help_and_has_done_nothing():
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == run("--help").stdout


PARSERS = {
    "the command": ["--versio"],
    "a verb": ["check", "--forma", "json"],
    "another verb": ["gate", "--repor", "x"],
    "a verb of install": ["install", "plan", "--detail"],
    "completion": ["completion", "--hel"],
}


@pytest.mark.parametrize("arguments", PARSERS.values(), ids=PARSERS)
def test_an_abbreviation_of_an_option_is_refused(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: wazuh-cicd")
    assert "Traceback" not in done.stderr


def test_no_program_takes_abbreviations():
    root = Path(__file__).parents[1]
    calls = re.compile(r"(?:ArgumentParser|\.add_parser)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
    found = {
        f"{place.relative_to(root)}: {call[:60]}": "allow_abbrev=False" in call
        for folder in ("generator", "active_response", "wodles", "tools", "benchmarks")
        for place in sorted((root / folder).rglob("*.py"))
        for call in calls.findall(place.read_text(encoding="utf-8"))
    }
    assert len(found) > 10
    assert [call for call, exact in found.items() if not exact] == []


def test_a_failure_is_one_line_on_standard_error(monkeypatch, capsys):
    module = import_module("wazuh_cicd.commands.coverage")

    def fail(_):
        raise UsageError("the reason")

    monkeypatch.setattr(module, "run", fail)
    assert cli.main(["coverage"]) == 2
    assert capsys.readouterr() == ("", "wazuh-cicd: the reason\n")


def test_findings_are_exit_code_1(monkeypatch, capsys):
    from wazuh_cicd.errors import FindingsError  # noqa: PLC0415
    from wazuh_cicd.findings import Finding  # noqa: PLC0415

    module = import_module("wazuh_cicd.commands.coverage")

    def fail(_):
        raise FindingsError([Finding("a.yml", 1, 2, "X01", "wrong", "mend it"), Finding("b.yml", 0, 0, "X02", "also")])

    monkeypatch.setattr(module, "run", fail)
    assert cli.main(["coverage"]) == 1
    assert capsys.readouterr() == ("", "a.yml:1:2 X01 wrong; mend it\nb.yml X02 also\n")


def test_a_path_that_cannot_be_used_is_one_line(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert cli.main(["build", "-o", str(blocked)]) == 2
    assert cli.main(["logtest", str(tmp_path / "nothing")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith(f"wazuh-cicd: {blocked}")
    assert errors[-1] == f"wazuh-cicd: {tmp_path / 'nothing'}: No such file or directory"


def test_a_reader_that_went_away_is_no_failure():
    line = f"{sys.executable} -m wazuh_cicd.cli coverage --json | head -c 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_logtest_answers_what_has_come_before_it_waits_for_more(tmp_path):
    command = [sys.executable, "-m", "wazuh_cicd.cli", "logtest", "--json"]
    environment = {**os.environ, "WAZUH_CICD_CACHE": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as program:
        for log in (b'{"a": "one"}', b'{"a": "two"}'):
            program.stdin.write(log + b"\n")
            program.stdin.flush()
            assert json.loads(program.stdout.readline())["full_log"] == log.decode()
        program.stdin.write(b'\n{"a": "three"}\n{"a": "no line end"}')
        program.stdin.close()
        assert [json.loads(line)["data"]["a"] for line in program.stdout] == ["three", "no line end"]
    assert program.returncode == 0
