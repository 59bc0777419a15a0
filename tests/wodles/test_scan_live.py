"""The wodle with real Trivy, Grype and cosign: images made on the spot, a real registry, real signatures."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import Wodle, of
from scan_live import (
    FAKE_KEY_ID,
    FAKE_PAT,
    debian_image,
    docker_archive,
    docker_engine,
    npm_lock,
    push,
    registry,
    scanner,
    tool,
    trivy_database,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.scanner


@pytest.fixture
def wodle(tmp_path: Path) -> Wodle:
    trivy_database(tmp_path / "cache")
    return Wodle(tmp_path, trivy=tool("trivy"))


def artifact_summaries(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in of(events, "summary") if e["scope"] == "artifact"]


def test_packages_of_an_image_are_matched_and_the_second_run_is_silent(wodle: Wodle, tmp_path: Path) -> None:
    files = {"app/package-lock.json": npm_lock(left_pad="1.3.0"), "app/package.json": '{"name": "app"}'}
    debian_image(tmp_path / "app.tar", files=files)
    wodle.config["archives"] = [str(tmp_path / "app.tar")]
    events = wodle.run(timeout=120)
    assert of(events, "scan_error", "eol_os", "db_stale") == []
    found = {(e["id"], e["package"], e["severity"], e.get("fixed", "")) for e in of(events, "vulnerability")}
    assert {("CVE-2024-1001", "openssl", "CRITICAL", "3.0.13-1"), ("CVE-2024-1002", "zlib", "HIGH", "")} <= found
    assert [e["scope"] for e in wodle.run(timeout=120)] == ["run"]


def test_a_clean_image_is_proved_clean(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar", packages={"openssl": "3.0.14-1"})
    wodle.config["archives"] = [str(tmp_path / "app.tar")]
    events = wodle.run(timeout=120)
    assert [e["outcome"] for e in events] == ["clean", "complete"]


def test_secrets_in_files_and_in_the_environment_are_found_and_never_repeated(wodle: Wodle, tmp_path: Path) -> None:
    files = {"app/.env": f"AWS_ACCESS_KEY_ID={FAKE_KEY_ID}\n", "app/deploy.sh": f"export TOKEN={FAKE_PAT}\n"}
    debian_image(tmp_path / "app.tar", files=files, env=(f"GITHUB_TOKEN={FAKE_PAT}",))
    wodle.config["archives"] = [str(tmp_path / "app.tar")]
    events = wodle.run(timeout=120)
    found = {(e["id"], e["target"]) for e in of(events, "secret")}
    assert ("aws-access-key-id", "/app/.env") in found
    assert ("github-pat", "/app/deploy.sh") in found
    assert len(found) == 3  # the third is the environment
    everything = json.dumps(events) + "".join(p.read_text() for p in (tmp_path / "state" / "artifacts").iterdir())
    for part in (FAKE_KEY_ID[4:], FAKE_PAT[4:]):
        assert part not in everything


def test_an_end_of_life_system_is_told(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "old.tar", "9")
    wodle.config["archives"] = [str(tmp_path / "old.tar")]
    assert [(e["event"], e["os"].split(".")[0]) for e in of(wodle.run(timeout=120), "scan_error", "eol_os")] == [
        ("eol_os", "debian 9")
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"etc/os-release": "ID=plan9\nVERSION_ID=4\n", "bin/sh": "x"},
        {"app/readme": "an image from scratch"},
    ],
    ids=["unknown", "scratch"],
)
def test_an_image_whose_system_trivy_does_not_know_is_not_clean(
    wodle: Wodle, tmp_path: Path, files: dict[str, str]
) -> None:
    docker_archive(tmp_path / "x.tar", dict(files))
    wodle.config["archives"] = [str(tmp_path / "x.tar")]
    events = wodle.run(timeout=120)
    assert [e["reason"] for e in of(events, "scan_error")] == ["unknown_os"]
    assert "clean" not in [e["outcome"] for e in of(events, "summary")]


def test_a_directory_shows_dependencies_secrets_and_misconfiguration(wodle: Wodle, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "package-lock.json").write_text(npm_lock(left_pad="1.3.0", evil_pad="1.0.0"))
    (source / "Dockerfile").write_text("FROM debian:latest\nADD https://example.com/x /x\nCMD sh\n")
    (source / ".env").write_text(f"KEY={FAKE_KEY_ID}\n")
    # A hostile repository tries to switch the scan off.
    (source / "trivy.yaml").write_text("severity: [LOW]\n")
    (source / ".trivyignore").write_text("CVE-2024-1003\n")
    (source / "trivy-secret.yaml").write_text("disable-rules: [aws-access-key-id]\n")
    wodle.config["directories"] = [str(source)]
    events = wodle.run(timeout=120, cwd=str(source))
    assert of(events, "scan_error") == []
    threats = {e["id"]: e.get("threat", "") for e in of(events, "vulnerability")}
    assert threats == {"CVE-2024-1003": "", "GHSA-aaaa-bbbb-cccc": "malware"}
    assert [e["id"] for e in of(events, "secret")] == ["aws-access-key-id"]
    assert "DS-0002" in {e["id"] for e in of(events, "misconfiguration")}


def test_licences_are_told_where_they_are_wanted(wodle: Wodle, tmp_path: Path) -> None:
    licence = "Files: *\nLicense: GPL-3.0\n"
    debian_image(tmp_path / "app.tar", files={"usr/share/doc/openssl/copyright": licence})
    wodle.config.update(archives=[str(tmp_path / "app.tar")], checks=["vuln", "license"])
    assert ("GPL-3.0-only", "openssl") in {(e["id"], e["package"]) for e in of(wodle.run(timeout=120), "license")}


def test_a_bill_of_materials_is_scanned(wodle: Wodle, tmp_path: Path) -> None:
    component = {
        "bom-ref": "a",
        "type": "library",
        "name": "left-pad",
        "version": "1.3.0",
        "purl": "pkg:npm/left-pad@1.3.0",
    }
    sbom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [component]}
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps(sbom))
    assert [e["id"] for e in of(wodle.run("--sbom", str(path), timeout=120), "vulnerability")] == ["CVE-2024-1003"]


def test_without_a_database_nothing_is_clean(tmp_path: Path) -> None:
    wodle = Wodle(tmp_path, trivy=tool("trivy"), archives=[str(tmp_path / "app.tar")])
    debian_image(tmp_path / "app.tar")
    events = wodle.run(timeout=120)
    assert [e["reason"] for e in of(events, "scan_error")] == ["db_missing"]


def test_an_update_that_cannot_reach_its_repository_is_told_and_scans_go_on(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar")
    metadata = tmp_path / "cache" / "trivy" / "db" / "metadata.json"
    metadata.write_text(metadata.read_text().replace("2999", "2024"))
    nowhere = "127.0.0.1:1/trivy-db:2"
    wodle.config.update(archives=[str(tmp_path / "app.tar")], database_update=True, database_repository=nowhere)
    events = wodle.run(timeout=120)
    assert [e["reason"] for e in of(events, "scan_error")] == ["db_update_failed"]
    assert len(of(events, "vulnerability")) == 2


def test_a_cache_that_another_process_holds_is_told(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar")
    wodle.config["archives"] = [str(tmp_path / "app.tar")]
    wodle.run(timeout=120)
    database = tmp_path / "cache" / "trivy" / "fanal" / "fanal.db"
    holder = subprocess.Popen(["flock", "--exclusive", str(database), "sleep", "60"])
    try:
        time.sleep(0.5)
        debian_image(tmp_path / "app.tar", packages={"openssl": "3.0.12-1"})
        assert [e["reason"] for e in of(wodle.run(timeout=120), "scan_error")] == ["cache_locked"]
    finally:
        subprocess.run(["pkill", "-P", str(holder.pid)], check=False)
        holder.terminate()
        holder.wait()


def test_a_real_grype_without_a_database_is_told(tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar")
    wodle = Wodle(tmp_path, grype=tool("grype"), archives=[str(tmp_path / "app.tar")])
    assert [e["reason"] for e in of(wodle.run(timeout=120), "scan_error")] == ["db_missing"]


# ------------------------------------------------------------------------------------------------ registry, signatures


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with registry(tmp_path) as host:
        yield host


@pytest.fixture
def key(tmp_path: Path) -> Path:
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    command = [str(scanner("cosign")), "generate-key-pair"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    return tmp_path / "cosign.pub"


def sign(folder: Path, reference: str) -> None:
    options = ["--key", "cosign.key", "--signing-config", "signing.json", "--yes"]
    create = [str(scanner("cosign")), "signing-config", "create", "--out", "signing.json"]
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    subprocess.run(create, cwd=folder, env=environment, check=True, capture_output=True)
    subprocess.run(
        [str(scanner("cosign")), "sign", *options, reference],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )


def test_an_image_in_a_registry_is_scanned_there(wodle: Wodle, tmp_path: Path, host: str) -> None:
    debian_image(tmp_path / "app.tar")
    digest = push(host, "app", "1", tmp_path / "app.tar")
    reference = f"{host}/app@{digest}"
    wodle.config.update(registry=[reference], trusted_registries=["registry.example.com"])
    events = wodle.run(timeout=120)
    assert of(events, "scan_error") == []
    assert len(of(events, "vulnerability")) == 2
    assert [e["registry"] for e in of(events, "untrusted_registry")] == [host]
    assert of(wodle.run(timeout=120), "vulnerability") == []


def test_a_reference_that_the_registry_does_not_have_is_one_error(wodle: Wodle, host: str) -> None:
    wodle.config["registry"] = [f"{host}/gone:1"]
    events = wodle.run(timeout=120)
    assert [e["reason"] for e in of(events, "scan_error")] == ["no_image"]


def test_real_signatures(wodle: Wodle, tmp_path: Path, host: str, key: Path) -> None:
    debian_image(tmp_path / "signed.tar")
    debian_image(tmp_path / "unsigned.tar", tag="unsigned:1", packages={"zlib": "1"})
    signed = f"{host}/signed@" + push(host, "signed", "1", tmp_path / "signed.tar")
    unsigned = f"{host}/unsigned@" + push(host, "unsigned", "1", tmp_path / "unsigned.tar")
    sign(tmp_path, signed)
    rule = {"images": ["*"], "key": str(key), "transparency_log": False}
    wodle.config.update(cosign=tool("cosign", version="3.1.2"), signatures=[rule], registry=[signed, unsigned])
    events = wodle.run(timeout=180)
    assert of(events, "scan_error") == []
    assert [(e["artifact"], e["reason"]) for e in of(events, "unsigned_image")] == [(unsigned, "no_signature")]


def test_a_signature_by_another_key_is_told(wodle: Wodle, tmp_path: Path, host: str, key: Path) -> None:
    debian_image(tmp_path / "app.tar")
    reference = f"{host}/app@" + push(host, "app", "1", tmp_path / "app.tar")
    sign(tmp_path, reference)
    other = tmp_path / "other"
    other.mkdir()
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    subprocess.run(
        [str(scanner("cosign")), "generate-key-pair"], cwd=other, env=environment, check=True, capture_output=True
    )
    rule = {"images": ["*"], "key": str(other / key.name), "transparency_log": False}
    wodle.config.update(cosign=tool("cosign", version="3.1.2"), signatures=[rule], registry=[reference])
    assert [e["reason"] for e in of(wodle.run(timeout=180), "unsigned_image")] == ["no_matching_signature"]


# --------------------------------------------------------------------------------------------------------------- engine


@pytest.mark.docker
def test_images_of_a_real_engine(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar", tag="app:1")
    with docker_engine(tmp_path) as path:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
        subprocess.run(
            ["docker", "load", "-i", str(tmp_path / "app.tar")], env=environment, check=True, capture_output=True
        )
        wodle.config.update(engine="docker", docker_socket=str(path))
        events = wodle.run(timeout=120)
        assert of(events, "scan_error") == []
        assert [(e["artifact"], e["critical"], e["high"]) for e in artifact_summaries(events)] == [("app:1", 1, 1)]
        (wodle.folder / "queue" / "1700000000000000000-abcdef12.json").write_text(
            '{"version":1,"image":"app:1","reason":"create"}'
        )
        assert [(e["trigger"], e["critical"]) for e in artifact_summaries(wodle.run(timeout=120))] == [("create", 1)]
