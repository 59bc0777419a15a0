"""The rendered ruleset kept between runs."""

from __future__ import annotations

import pytest

from wazuh_cicd import caches
from wazuh_cicd.proof import package
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "wazuh-cicd" / "package"


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


@pytest.mark.parametrize("damage", [lambda _: b"[]", lambda _: b"", lambda text: text[:-9], lambda _: b'{"a": 1}'])
def test_a_cache_that_is_no_rendering_is_made_anew(folder, rendered, damage):
    package.cached_ruleset_files()
    (path,) = folder.glob("*.json")
    caches.write(path, damage(caches.read(path)), kept=1)
    assert package.cached_ruleset_files() == rendered


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch, rendered):
    (tmp_path / "wazuh-cicd").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert package.cached_ruleset_files() == rendered
