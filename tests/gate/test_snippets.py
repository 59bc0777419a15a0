"""The snippets and examples that people copy: they parse, they are pinned, they name what exists."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from lxml import etree

from scan_kit import ROOT
from wazuh_cicd.commands import gate
from wazuh_cicd.gate.policy import load_policy
from wazuh_cicd.gate.profiles import CONTROLS, PROFILES
from wodles.scan.config import DEFAULTS, check_config
from wodles.scan.errors import REASONS
from wodles.scan.finding_events import KIND_FIELDS

PIPELINES = ROOT / "docs" / "pipelines"
AGENT = ROOT / "generator" / "wazuh_cicd" / "_agent" / "scanner"


def test_the_example_policy_is_one() -> None:
    policy = load_policy(PIPELINES / "gate.yml")
    assert policy.scanners["trivy"]["version"] == "0.74.0"
    assert len(policy.exceptions) == 1


def test_every_action_is_pinned_by_its_commit() -> None:
    workflow = yaml.safe_load((PIPELINES / "github-actions.yml").read_text())
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert len(used) >= 4
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


def options_in(text: str) -> set[str]:
    commands = re.findall(r"wazuh-cicd gate((?:[^\n]|\\\n|\n {10,})*)", text)
    assert commands
    return {option for command in commands for option in re.findall(r"(?<=\s)--[a-z-]+", command)}


@pytest.mark.parametrize("name", ["github-actions.yml", "Jenkinsfile", "gitlab-ci.yml"])
def test_the_snippets_use_options_that_exist(name: str) -> None:
    import argparse  # noqa: PLC0415 -- only here

    parser = argparse.ArgumentParser()
    gate.configure(parser)
    assert options_in((PIPELINES / name).read_text()) <= set(parser._option_string_actions)


def test_the_jenkinsfile_knows_every_exit_code() -> None:
    assert re.findall(r"case (\d+):", (PIPELINES / "Jenkinsfile").read_text()) == ["0", "10", "20", "30"]


def test_the_shipped_configuration_is_accepted() -> None:
    config = check_config(json.loads((AGENT / "scan.json").read_text()))
    assert config.engine == "docker"


def test_the_agents_fragment_fits_the_command_module() -> None:
    root = etree.fromstring(f"<ossec_config>{(AGENT / 'ossec.conf.xml').read_text()}</ossec_config>")
    values: dict[str, Any] = {element.tag: element.text for element in root.find("wodle")}
    config = check_config(json.loads((AGENT / "scan.json").read_text()))
    assert config.run_seconds < int(values["timeout"]) < 3600
    assert values["interval"] == "1h"
    assert " " not in values["command"]  # one executable: only then its hash covers it


def test_every_key_of_the_configuration_and_every_reason_is_documented() -> None:
    text = (ROOT / "docs" / "scanning.md").read_text()
    assert [key for key in DEFAULTS._fields if f"`{key}`" not in text] == []
    assert [reason for reason in REASONS if f"`{reason}`" not in text] == []


def test_every_profile_is_documented() -> None:
    text = (ROOT / "docs" / "gate.md").read_text()
    assert [name for name in PROFILES if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("name", CONTROLS)
def test_each_key_of_a_profile_names_the_control_that_it_serves(name: str) -> None:
    assert set(CONTROLS[name]) == set(PROFILES[name])
    text = (ROOT / "docs" / "gate.md").read_text()
    assert [control for control in CONTROLS[name].values() if control not in text] == []


def test_the_customers_standards_have_a_profile() -> None:
    assert {"pci-dss", "gdpr", "hipaa"} <= set(CONTROLS)


def test_every_event_is_documented() -> None:
    text = (ROOT / "docs" / "sources" / "scanner.md").read_text()
    source = "".join(path.read_text() for path in sorted((ROOT / "wodles" / "scan").glob("*.py")))
    kinds = {*KIND_FIELDS, *re.findall(r'emit\.(?:note|finding)\(\s*"(\w+)"', source)}
    assert len(kinds) >= 8
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []
