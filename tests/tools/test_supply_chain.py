"""How the project itself is built and published: what a release may do, and what nobody is told to install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
LOCKED = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
TEXTS = [
    place
    for folder in (
        "docs",
        "generator",
        "active_response",
        "wodles",
        ".github",
        "docker",
        "deploy",
        "README.md",
        "CONTRIBUTING.md",
    )
    for place in ([ROOT / folder] if (ROOT / folder).is_file() else sorted((ROOT / folder).rglob("*")))
    if place.is_file() and place.suffix in {".md", ".yml", ".yaml", ".py", ".sh", ".toml", ".groovy", ".conf", ""}
]


def test_what_runs_our_code_may_write_nothing():
    for name, job in RELEASE["jobs"].items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        ours = any(re.search(r"make |python|pip |wazuh-cicd ", run) for run in runs) or any(
            "checkout" in step.get("uses", "") for step in job["steps"]
        )
        writes = {right for right, value in job["permissions"].items() if value == "write"}
        assert not (ours and writes), f"{name} runs the project's code with {writes}"
    assert RELEASE["permissions"] == {}


def test_what_is_published_is_what_was_built():
    publish = RELEASE["jobs"]["publish"]
    assert publish["needs"] == "build"
    checks = "".join(step.get("run", "") for step in publish["steps"])
    assert checks.count("sha256sum --check --strict") == 2


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda place: place.name)
def test_actions_are_pinned_and_rights_are_named(workflow):
    document = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        for step in job["steps"]:
            if "uses" in step and not step["uses"].startswith("./"):
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), step["uses"]


def test_every_locked_version_has_hashes():
    entries = [part for part in re.split(r"\n(?=[A-Za-z0-9])", LOCKED) if part.strip()]
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_every_dependency_is_locked():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.findall(r'^  "([A-Za-z0-9._-]+)(?:\[[a-z]+\])?[<>=]=', project, re.MULTILINE)
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCKED, re.MULTILINE)}
    assert {name.lower().replace("_", "-") for name in wanted} <= locked


def test_nobody_is_told_to_install_a_name_that_we_do_not_own():
    told = re.compile(r"pip3?\s+install\s+(?:-\S+\s+)*(?:wazuh[-_]cicd)\b(?!\S*\.whl)", re.IGNORECASE)
    hits = [
        f"{place.relative_to(ROOT)}: {found[0]}"
        for place in TEXTS
        for found in told.finditer(place.read_text("utf-8", "replace"))
    ]
    assert hits == []
