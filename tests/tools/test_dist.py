from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import re
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

_PLACE = Path(__file__).resolve().parents[2] / "tools" / "dist.py"


@pytest.fixture(scope="module")
def dist():
    spec = importlib.util.spec_from_file_location("dist", _PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b/manager/etc").mkdir(parents=True)
    (tmp_path / "b/manager/etc/x.xml").write_text("x")
    (tmp_path / "b/a.sh").write_text("#!/bin/sh\n")
    return tmp_path / "b"


def test_a_tarball_is_the_same_whenever_and_by_whomever_it_is_made(dist, folder):
    first = dist.tarball(folder, "top", 1)
    (folder / "a.sh").touch()
    assert dist.tarball(folder, "top", 1) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        members = archive.getmembers()
    assert [(m.name, m.mode, m.uname, m.mtime) for m in members] == [
        ("top/a.sh", 0o755, "root", 1),
        ("top/manager/etc/x.xml", 0o644, "root", 1),
    ]


def test_the_bill_of_materials_names_files_and_libraries(dist):
    files = {"manager/etc/rules/a.xml": b"<group/>"}
    bill = dist.sbom("1.2.3", 0, files)
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    by_name = {item["name"]: item for item in bill["components"]}
    assert by_name["manager/etc/rules/a.xml"]["hashes"][0]["content"] == hashlib.sha256(b"<group/>").hexdigest()
    assert {"jinja2", "lxml", "pcre2", "pyyaml", "requests", "rich"} <= set(by_name)
    refs = {item["bom-ref"] for item in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert all(set(entry["dependsOn"]) <= refs and entry["ref"] in refs for entry in bill["dependencies"])
    assert dist.sbom("1.2.3", 0, files) == bill
    assert dist.sbom("1.2.3", 0, {"b": b""})["serialNumber"] != bill["serialNumber"]


@pytest.mark.parametrize(
    ("tag", "changelog", "fragments", "problem"),
    [
        ("v1.2.3", "# Changelog\n\n## 1.2.3 (2026-01-01)\n", [], ""),
        ("v1.2.4", "## 1.2.3\n", [], "the tag v1.2.4 is not v1.2.3"),
        ("1.2.3", "## 1.2.3\n", [], "the tag 1.2.3 is not v1.2.3"),
        ("v1.2.3", "## Unreleased\n\n## 1.2.3\n", [], "begins with Unreleased"),
        ("v1.2.3", "# Changelog\n", [], "begins with nothing"),
        ("v1.2.3", "## 1.2.3 (2026-01-01)\n", ["+a.added.md"], "still holds +a.added.md"),
    ],
)
def test_tag_version_and_changelog_agree(dist, tag, changelog, fragments, problem):
    found = dist.tag_problem(tag, "1.2.3", changelog, fragments)
    assert problem in found
    assert bool(found) == bool(problem)


def test_a_tree_that_is_not_released_is_refused_before_anything_is_made(dist, tmp_path):
    with pytest.raises(SystemExit, match=r"the tag v0\.0\.0 is not"):
        dist.main(["-o", str(tmp_path / "dist"), "--tag", "v0.0.0"])
    assert not (tmp_path / "dist").exists()


def test_everything_is_installed_by_hash_and_nothing_that_only_builds(dist, tmp_path):
    wheel = tmp_path / "wazuh_cicd-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    text = dist.requirements(wheel, (_PLACE.parents[1] / "requirements" / "run.txt").read_text())
    entries = [part for part in re.split(r"\n(?=[A-Za-z0-9.])", text) if part.strip()]
    assert entries[0].startswith("./wazuh_cicd-1.2.3-py3-none-any.whl ")
    assert hashlib.sha256(b"wheel").hexdigest() in entries[0]
    assert all("--hash=sha256:" in entry for entry in entries)
    names = {re.split("[= ]", entry)[0] for entry in entries[1:]}
    assert {name.lower() for name in dist.dependencies()} <= names
    assert not names & dist._BUILD_ONLY
    # A library that both need would be missing: what is left out is needed by no library that stays.
    needed = {req for name in names for req in _requires(name)}
    assert not needed & dist._BUILD_ONLY


def _requires(name):
    try:
        asked = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # for other versions of Python
        return set()
    return {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in asked if "extra ==" not in line}


def test_the_image_is_a_layout_whose_digests_hold(dist, folder):
    package = dist.tarball(folder, "top", 1)
    data = dist.oci_image(package, "1.2.3", 1)
    assert dist.oci_image(package, "1.2.3", 1) == data
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
    for name, content in files.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(content).hexdigest() == name.split("/")[-1]
    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(files["blobs/sha256/" + entry["digest"][7:]])
    for part in (manifest["config"], *manifest["layers"]):
        assert len(files["blobs/sha256/" + part["digest"][7:]]) == part["size"]
    config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"][7:]])
    layer = gzip.decompress(files["blobs/sha256/" + manifest["layers"][0]["digest"][7:]])
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
