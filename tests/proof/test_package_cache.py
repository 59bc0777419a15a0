"""The rendered ruleset kept between runs."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.proof import package
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "wazuh-cicd"


@pytest.fixture(scope="module")
def rendered():
    return dict(render_package(load_specs()).ruleset_files())


def forbid(monkeypatch):
    def render(*_):
        raise AssertionError("rendered again")

    monkeypatch.setattr("wazuh_cicd.render.package.render_package", render)


def test_the_second_run_reads_what_the_first_wrote(folder, rendered, monkeypatch):
    assert package.cached_ruleset_files() == rendered
    assert [path.stat().st_mode & 0o777 for path in folder.glob("*")] == [0o600]
    forbid(monkeypatch)
    assert package.cached_ruleset_files() == rendered


def test_a_changed_spec_makes_it_anew(folder, tmp_path, monkeypatch):
    root = tmp_path / "content"
    for room in ("rules/github", "decoders", "lists"):
        (root / room).mkdir(parents=True)
    spec = root / "rules/github/a.yml"
    spec.write_text("one")
    first = package._key(root)
    spec.write_text("two")
    second = package._key(root)
    (root / "lists/x.yml").write_text("")
    assert len({first, second, package._key(root)}) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "files": {"etc/rules/evil.xml": "<group/>"}}),
        lambda text: json.dumps({**json.loads(text), "key": "other"}),
    ],
)
def test_a_damaged_cache_is_made_anew(folder, rendered, damage):
    package.cached_ruleset_files()
    (path,) = folder.glob("*.json")
    path.write_text(damage(path.read_text()))
    assert package.cached_ruleset_files() == rendered


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch, rendered):
    (tmp_path / "wazuh-cicd").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert package.cached_ruleset_files() == rendered
