"""Cached files: what was written is read again, anything else is as good as absent."""

from __future__ import annotations

import os

import pytest

from wazuh_cicd import caches


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("WAZUH_CICD_CACHE", str(tmp_path / "cache"))
    return caches.cache_folder("kind") / "file.json"


def test_a_file_is_read_as_it_was_written_by_its_owner_alone(path):
    caches.write(path, b"content", kept=3)
    assert caches.read(path) == b"content"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:-1] + b"X", lambda _: b"", lambda data: data + b"\n"]
)
def test_a_damaged_file_is_absent(path, damage):
    caches.write(path, b"content", kept=3)
    path.write_bytes(damage(path.read_bytes()))
    assert caches.read(path) is None


def test_what_others_could_have_written_is_absent(path, tmp_path):
    caches.write(path, b"content", kept=3)
    path.chmod(0o660)
    assert caches.read(path) is None
    path.chmod(0o600)
    real = tmp_path / "real"
    path.rename(real)
    path.symlink_to(real)
    assert caches.read(path) is None
    assert caches.read(real) == b"content"
    assert caches.read(path.parent) is None
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert caches.read(tmp_path / "pipe") is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another account")
def test_a_file_of_another_account_is_absent(path):
    caches.write(path, b"content", kept=3)
    os.chown(path, 65534, 65534)
    assert caches.read(path) is None


def test_only_those_used_last_are_kept(path):
    for number in range(5):
        other = path.with_name(str(number))
        caches.write(other, b"x", kept=3)
        os.utime(other, (number, number))
    assert caches.read(path.with_name("2")) == b"x"  # used again
    caches.write(path, b"x", kept=3)
    assert sorted(file.name for file in path.parent.iterdir()) == ["2", "4", "file.json"]


def test_a_folder_that_cannot_be_written_is_no_error(path):
    path.parent.parent.write_text("in the way")
    caches.write(path, b"content", kept=3)
    assert caches.read(path) is None


def test_the_folder_is_named_or_that_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("WAZUH_CICD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.cache_folder("kind") == tmp_path / "wazuh-cicd" / "kind"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, the specification says
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.cache_folder("kind") == tmp_path / ".cache" / "wazuh-cicd" / "kind"
    monkeypatch.setenv("WAZUH_CICD_CACHE", "/var/cache/x")
    assert str(caches.cache_folder("kind")) == "/var/cache/x/kind"


@pytest.mark.parametrize("how", ["link", "folder", "above", pytest.param("owner", marks=pytest.mark.root)])
def test_nothing_is_written_or_removed_where_another_account_leads_us(path, tmp_path, how):
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    for number in range(5):
        (victim / str(number)).write_text("x")
    path.parent.parent.mkdir(mode=0o700)
    if how == "link":
        path.parent.symlink_to(victim)
    elif how == "owner":
        if os.geteuid() != 0:
            pytest.skip("needs root, to give a folder to another account")
        victim.rename(path.parent)
        victim = path.parent
        os.chown(victim, 65534, 65534)
    else:
        victim.rename(path.parent)
        victim = path.parent
        (victim if how == "folder" else victim.parent).chmod(0o777)
    caches.write(path, b"content", kept=1)
    assert sorted(place.name for place in victim.iterdir()) == ["0", "1", "2", "3", "4"]
