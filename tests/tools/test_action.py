"""The composite action, the hooks and the GitLab components: their scripts are run, in bash, by a stand-in runner."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scan_kit import hours_ago, trivy_report, vulnerability
from wazuh_cicd.commands.verbs import VERBS, verb_parser
from wazuh_cicd.content.paths import stock_root

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
RULES = """<group name="a,">
<rule id="100001" level="3"><if_sid>{parent}</if_sid><match>x</match><description>d</description></rule>
</group>
"""
# Stands in for python3 -m venv: a virtual environment whose pip only writes down what it is asked for.
PYTHON = """#!/bin/bash
mkdir -p "$3/bin"
printf '#!/bin/bash\\necho "$@" >> "%s/pip.log"\\n' "$3" > "$3/bin/pip"
printf '#!/bin/bash\\nexec {python} -m wazuh_cicd.cli "$@"\\n' > "$3/bin/wazuh-cicd"
chmod +x "$3/bin/pip" "$3/bin/wazuh-cicd"
"""
GH = """#!/bin/bash
echo "$@" >> {log}
for word; do case "$word" in sarif=@*) base64 -d "${{word#sarif=@}}" | gunzip >> {log}.sarif;; esac; done
"""


class Runner:
    """Runs the action's steps as GitHub's runner does: expressions become values, scripts run in ``bash -e``."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temp, self.tools = folder / "work", folder / "temp", folder / "tools"
        for place in (self.work, self.temp, self.tools):
            place.mkdir()
        self.log, self.summary, self.place = folder / "gh.log", folder / "summary", self.temp / "wazuh-cicd"
        self._tool("python-stand-in", PYTHON.format(python=sys.executable))
        self._tool("gh", GH.format(log=self.log))
        self.output = ""

    def _tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, **inputs: str) -> int:
        """Run all steps; the exit code of the last one that ran."""
        given = {name: str(value.get("default", "")) for name, value in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()} | {"python": "python-stand-in"}
        values = {f"inputs.{name}": value for name, value in given.items()}
        values |= {"runner.temp": str(self.temp), "github.action_path": str(ROOT), "github.token": "t0ken"}
        for step in ACTION["runs"]["steps"]:
            if "if" in step and not self._wanted(step["if"], values):
                continue
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
                **{name: self._value(text, values) for name, text in step["env"].items()},
                "PATH": f"{self.tools}:{os.environ['PATH']}",
                "PYTHONPATH": f"{ROOT / 'generator'}:{ROOT}",
                "GITHUB_OUTPUT": str(self.temp / "output"),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_REPOSITORY": "acme/rules",
                "GITHUB_SHA": "c0ffee",
                "GITHUB_REF": "refs/heads/main",
            }
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
            self.output += done.stdout + done.stderr
            if done.returncode:
                return done.returncode
        return 0

    @staticmethod
    def _wanted(condition: str, values: dict[str, str]) -> bool:
        (name, operator, text) = re.fullmatch(r"(\S+) (==|!=) '(.*)'", condition).groups()  # type: ignore[union-attr]
        return (values[name] == text) == (operator == "==")

    @staticmethod
    def _value(text: str, values: dict[str, str]) -> str:
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], str(text))


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def report(runner: Runner) -> Callable[..., str]:
    """Write a report of these vulnerabilities into the workspace; returns its name."""

    def write(*vulnerabilities: dict[str, Any]) -> str:
        text = json.dumps(trivy_report(*vulnerabilities, CreatedAt=hours_ago(1)))
        (runner.work / "report.json").write_text(text)
        return "--report=report.json"

    return write


def rules(runner: Runner, parent: int) -> None:
    folder = runner.work / "my rules"
    folder.mkdir()
    (folder / "local.xml").write_text(RULES.format(parent=parent))


def test_a_ruleset_with_a_rule_that_is_dropped_fails_and_is_sent_to_code_scanning(runner: Runner) -> None:
    rules(runner, parent=100999)
    assert runner.run(check="my rules", stock=str(stock_root()), upload_sarif="true") == 1
    assert "::warning file=my rules/local.xml,line=2" in runner.output
    assert "title=7617::" in runner.output
    assert "Wazuh ruleset: " in runner.summary.read_text()
    call = runner.log.read_text()
    assert "repos/acme/rules/code-scanning/sarifs" in call
    assert "commit_sha=c0ffee -f ref=refs/heads/main" in call
    (run,) = json.loads(Path(f"{runner.log}.sarif").read_text())["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "my%20rules/local.xml"
    assert not list(runner.place.rglob("*.b64"))


def test_what_is_installed_is_installed_by_hash(runner: Runner) -> None:
    rules(runner, parent=1)
    runner.run(check="my rules")
    first, second = (runner.place / "venv" / "pip.log").read_text().splitlines()
    assert first.endswith(f"--require-hashes --only-binary :all: -r {ROOT}/requirements/run.txt")
    assert second.endswith(f"--no-deps --no-build-isolation {ROOT}")


@pytest.mark.parametrize(("number", "code"), [(0, 0), (1, 10)])
def test_the_gate_passes_or_fails_the_job_and_writes_its_summary(
    runner: Runner, report: Callable[..., str], number: int, code: int
) -> None:
    assert runner.run(gate=report(*[vulnerability(1)] * number)) == code
    assert ("gate failed" in runner.summary.read_text()) == bool(code)
    assert ("::error title=CVE-2024-0001::" in runner.output) == bool(code)
    assert (runner.place / "sarif" / "gate.sarif").exists()
    assert not runner.log.exists()


def test_the_worst_code_wins(runner: Runner, report: Callable[..., str]) -> None:
    rules(runner, parent=100999)
    assert runner.run(check="my rules", gate=f"{report(vulnerability(1))}\n--expect=sha256:{'0' * 64}") == 20
    assert "check: 1\n" in runner.output
    assert "gate: 20\n" in runner.output


def test_recorded_answers_are_replayed(runner: Runner) -> None:
    cases = sorted((ROOT / "tests" / "conformance" / "4-rules").rglob("*.txtar"))[:1]
    assert cases
    assert runner.run(test=str(cases[0])) == 0
    assert re.search(r"[1-9]\d* passed, 0 failed", runner.output)


def test_nothing_asked_for_is_no_pass(runner: Runner) -> None:
    assert runner.run() == 2


@pytest.mark.parametrize("name", ["check", "test", "gate"])
def test_no_input_is_shell_text(runner: Runner, name: str) -> None:
    evil = "$(touch owned) `touch owned`; touch owned; \" ' --help"
    assert runner.run(**{name: evil}) in (1, 2)
    assert not (runner.work / "owned").exists()
    assert all("${{" not in step["run"] for step in ACTION["runs"]["steps"])


def test_no_step_uses_somebody_elses_action() -> None:
    assert [step for step in ACTION["runs"]["steps"] if "uses" in step] == []


def test_the_hooks_are_hooks_that_call_what_exists(tmp_path: Path) -> None:
    from pre_commit.clientlib import load_manifest  # noqa: PLC0415 -- takes a second

    assert [hook["id"] for hook in load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))] == [
        "wazuh-ruleset", "wazuh-cicd-gate",
    ]  # fmt: skip
    for hook in HOOKS:
        program, verb, *arguments = [*hook["entry"].split(), *hook["args"]]
        assert program == "wazuh-cicd"
        assert verb in VERBS
        verb_parser(verb).parse_args(arguments)


@pytest.mark.parametrize("path", sorted((ROOT / "templates").glob("*.yml")), ids=lambda path: path.name)
def test_the_components_give_options_that_exist(path: Path) -> None:
    head, body = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    (job,) = body.values()
    used = set(re.findall(r"\$\[\[ inputs\.([a-z]+) \]\]", path.read_text(encoding="utf-8")))
    assert used == set(head["spec"]["inputs"])
    script = " ".join(job["script"])
    assert "$[[" not in script  # an input is a variable's value, never shell text
    verb = script.split()[1]
    options = set(re.findall(r"(?<![\w-])--[a-z-]+(?=[= ])", script)) - {"--"}
    assert options <= set(verb_parser(verb)._option_string_actions)


def test_what_the_action_installs_is_locked_as_for_developers() -> None:
    def entries(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        parts = [part.strip() for part in re.split(r"\n(?=[A-Za-z0-9])", text) if part.strip()]
        return {re.split("[= ]", part)[0]: part for part in parts}

    run, dev = entries("run.txt"), entries("dev.txt")
    assert {name: dev.get(name) for name in run} == run
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    assert block is not None
    assert {*re.findall(r'^\s*"([a-z0-9-]+)', block[1], re.MULTILINE), "hatchling"} <= set(run)
