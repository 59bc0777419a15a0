"""The hook that a runner starts before each job, and the rules that read what it writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import wazuh_cicd
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

HOOK = Path(wazuh_cicd.__file__).parent / "_agent" / "runner" / "cicd-job-started.sh"

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")


def run(tmp_path, **variables):
    file = tmp_path / "jobs.json"
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "CICD_RUNNER_JOBS": str(file), **variables}
    done = subprocess.run(["/bin/sh", str(HOOK)], env=environment, check=False, capture_output=True)
    return done, file.read_text().splitlines() if file.exists() else []


def test_a_job_becomes_one_line(tmp_path):
    done, lines = run(
        tmp_path, RUNNER_NAME="build-01", GITHUB_REPOSITORY="acme/app", GITHUB_EVENT_NAME="push", GITHUB_ACTOR="dana"
    )
    assert (done.returncode, done.stdout) == (0, b"")
    (line,) = lines
    job = json.loads(line)["job"]
    assert (job["runner_name"], job["repository"], job["fork"], job["actor"]) == (
        "build-01",
        "acme/app",
        "false",
        "dana",
    )


def test_a_fork_is_told_and_alarms(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"repo": {"full_name": "stranger/app"}}}}))
    _, (line,) = run(
        tmp_path, GITHUB_REPOSITORY="acme/app", GITHUB_EVENT_NAME="pull_request", GITHUB_EVENT_PATH=str(event)
    )
    assert json.loads(line)["job"]["fork"] == "true"
    specs = load_specs()
    session = assemble(package=render_package(specs).ruleset_files()).session()
    verdict = session.process(line, "/var/log/cicd-runner-jobs.json")
    assert {rule.id: rule.name for rule in specs.rules}[verdict.rule_id] == "runner-job-from-fork"


@pytest.mark.parametrize("text", ['x","fork":"false', "a\nb", "$(id)", "`id`", "\\", "ä" * 300])
def test_names_that_strangers_choose_stay_text(tmp_path, text):
    _, (line,) = run(tmp_path, GITHUB_REPOSITORY="acme/app", GITHUB_REF=text, GITHUB_EVENT_NAME="push")
    assert json.loads(line)["job"].keys() >= {"ref", "fork", "sha"}


def test_it_never_makes_a_job_fail(tmp_path):
    done, _ = run(tmp_path, CICD_RUNNER_JOBS=str(tmp_path / "missing" / "jobs.json"), GITHUB_EVENT_PATH="/nowhere")
    assert done.returncode == 0
