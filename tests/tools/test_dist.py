from __future__ import annotations

import hashlib
import importlib.util
import io
import tarfile
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
