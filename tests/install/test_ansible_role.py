"""The Ansible role, run by a real ansible-playbook on a manager's folder of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from install.trees import CONF, running, snapshot

TESTS = Path(__file__).parents[1]
ROLES = TESTS.parent / "deploy/ansible/roles"
PLAYBOOK = shutil.which("ansible-playbook")
pytestmark = [
    pytest.mark.slow,  # a play takes some seconds
    pytest.mark.skipif(not PLAYBOOK, reason="needs ansible-playbook (pip install ansible-core)"),
]
LISTS = "<list>etc/lists/cicd/"


@pytest.fixture
def play(root, tmp_path):
    """Runs the role on the folder; gives each task's name with its result, and the play's exit code."""
    book = tmp_path / "play.yml"
    plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["wazuh_cicd"]}]
    book.write_text(json.dumps(plays))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")  # none of this machine's own

    command = tmp_path / "wazuh-cicd"
    command.write_text(f"#!{sys.executable}\n{COMMAND.format(tests=str(TESTS))}")
    command.chmod(0o755)

    def run(*options: str, **settings: object) -> tuple[dict[str, dict], int]:
        variables = {
            "ansible_python_interpreter": sys.executable,
            "wazuh_cicd_command": str(command),
            "wazuh_cicd_root": str(root),
            "wazuh_cicd_settings_file": str(tmp_path / "settings.toml"),
            "wazuh_cicd_settings": {"sources": ["docker"]},
            **settings,
        }
        environment = {
            **os.environ,
            "ANSIBLE_ROLES_PATH": str(ROLES),
            "ANSIBLE_STDOUT_CALLBACK": "oneline_json",
            "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path / "callbacks"),
            "ANSIBLE_HOME": str(tmp_path / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "LC_ALL": "C.UTF-8",
        }
        words = [str(PLAYBOOK), "-i", "localhost,", str(book), "-e", json.dumps(variables), *options]
        ran = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=120)
        found = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"task"')]
        assert found, ran.stdout + ran.stderr
        return {one["task"]: one for one in found}, ran.returncode

    (tmp_path / "callbacks").mkdir()
    (tmp_path / "callbacks/oneline_json.py").write_text(CALLBACK)
    return run


#: The command line itself, with the small package that the manager of these tests can judge.
COMMAND = """
import sys

sys.path.insert(0, {tests!r})
from install.test_day_two import small
from wazuh_cicd import cli
from wazuh_cicd.commands import install

install._desired = small
sys.exit(cli.main(sys.argv[1:]))
"""

#: ansible-core alone has no callback that programs read.
CALLBACK = '''
"""One JSON line a task."""
DOCUMENTATION = """
name: oneline_json
type: stdout
short_description: one JSON line a task
description: one JSON line a task
"""
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "oneline_json"

    def _line(self, result, state):
        task = getattr(result, "task", None) or result._task
        found = getattr(result, "result", None) or result._result
        name = task.get_name(include_role_fqcn=False).split(" : ")[-1]
        one = {"task": name, "state": state, "changed": bool(found.get("changed")), "said": str(found)}
        print(json.dumps(one), flush=True)

    def v2_runner_on_ok(self, result):
        self._line(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._line(result, "failed")

    def v2_runner_on_skipped(self, result):
        self._line(result, "skipped")
'''


def changed(tasks):
    return sorted(name for name, task in tasks.items() if task["changed"])


def test_the_role_checks_applies_and_brings_back_what_a_rewritten_ossec_conf_lost(root, play, tmp_path):
    before = snapshot(root)
    with running(root) as manager:
        tasks, code = play("--check")
        assert (code, changed(tasks)) == (0, ["Plan", "Write the settings file"])
        assert tasks["Apply"]["state"] == "skipped"
        assert snapshot(root) == before
        assert not (tmp_path / "settings.toml").exists()

        tasks, code = play()
        assert (code, changed(tasks)) == (0, ["Apply", "Write the settings file"]), tasks["Apply"]["said"]
        installed = (root / "etc/ossec.conf").read_text()
        assert LISTS in installed
        assert manager.reloads == 1

        tasks, code = play()
        assert (code, changed(tasks)) == (0, [])
        assert manager.reloads == 1

        # As wazuh-ansible's template does in each of its runs.
        (root / "etc/ossec.conf").write_text(CONF)
        tasks, code = play()
        assert (code, changed(tasks)) == (0, ["Apply"])
        assert (root / "etc/ossec.conf").read_text() == installed


def test_a_plan_that_is_refused_and_a_manager_that_is_down_fail_the_play(root, play):
    tasks, code = play()
    assert (code, tasks["Apply"]["state"]) == (2, "failed")  # in place, but the manager does not answer
    (root / "etc/ossec.conf").write_text(CONF.replace("</ruleset>", "</ruleset><ruleset></ruleset>"))
    tasks, code = play("--check")
    assert (code, tasks["Plan"]["state"]) == (2, "failed")
    assert "I112" in tasks["Plan"]["said"]
    assert "Apply" not in tasks
