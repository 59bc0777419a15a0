"""The wodle with real Trivy, Grype and cosign: images made on the spot, a real registry, real signatures."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from needs import BUSYBOX, is_static
from scan_kit import Wodle, of
from scan_live import (
    FAKE_KEY_ID,
    FAKE_PAT,
    IDENTITY,
    CertificateAuthority,
    containerd_engine,
    debian_image,
    docker_archive,
    docker_engine,
    grype_database,
    npm_lock,
    push,
    registry,
    scanner,
    tool,
    trivy_database,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize("scanner_name", ["trivy", "grype"])
def test_a_cache_below_a_directory_is_not_scanned_with_it(tmp_path: Path, scanner_name: str) -> None:
    source = tmp_path / "source"
    trivy_database(source / "cache")
    grype_database(source / "cache")
    for folder in (source, source / "cache"):
        (folder / "package-lock.json").write_text(npm_lock(left_pad="1.3.0"))
    wodle = Wodle(tmp_path, directories=[str(source)], cache_directory=str(source / "cache"))
    wodle.config[scanner_name] = tool(scanner_name)
    assert [e["target"] for e in of(wodle.run(timeout=120), "vulnerability")] == ["package-lock.json"]


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


# ---------------------------------------------------------------------------------------------------------------- Grype

INSTALLED = {
    "app/node_modules/left-pad/package.json": json.dumps({"name": "left-pad", "version": "1.3.0"}),
    "usr/lib/python3/dist-packages/flask-2.0.0.dist-info/METADATA": "Name: Flask\nVersion: 2.0.0\n",
}


@pytest.fixture
def grype(tmp_path: Path) -> Wodle:
    grype_database(tmp_path / "cache")
    return Wodle(tmp_path, grype=tool("grype"))


def test_real_grype_tells_what_is_exploited_what_is_likely_and_since_when_there_is_a_fix(
    grype: Wodle, tmp_path: Path
) -> None:
    debian_image(tmp_path / "app.tar", files=dict(INSTALLED))
    grype.config["archives"] = [str(tmp_path / "app.tar")]
    events = grype.run(timeout=120)
    assert of(events, "scan_error", "eol_os", "db_stale") == []
    new = [e for e in of(events, "vulnerability") if e["state"] == "new"]
    assert {(e["id"], e["package"], e["severity"], e.get("fixed", ""), e.get("threat", "")) for e in new} == {
        ("CVE-2024-1001", "openssl", "HIGH", "3.0.13-1", "kev"),
        ("CVE-2024-1002", "zlib", "HIGH", "", ""),
        ("CVE-2024-1003", "left-pad", "CRITICAL", "1.3.1", "epss"),
        ("GHSA-4444-5555-6666", "flask", "HIGH", "2.3.2", ""),
    }
    # The fix is out since February 2024, but a clock does not start before we saw the finding.
    assert [e for e in of(events, "vulnerability") if e["state"] == "overdue"] == []
    assert [e["scope"] for e in grype.run(timeout=120)] == ["run"]


def test_both_scanners_findings_become_one(grype: Wodle, tmp_path: Path) -> None:
    trivy_database(tmp_path / "cache")
    debian_image(tmp_path / "app.tar", files=dict(INSTALLED))
    grype.config.update(archives=[str(tmp_path / "app.tar")], trivy=tool("trivy"))
    found = {
        (e["id"], e["package"]): (e["scanner"], e["severity"]) for e in of(grype.run(timeout=120), "vulnerability")
    }
    assert found == {
        ("CVE-2024-1001", "openssl"): ("grype,trivy", "CRITICAL"),  # Grype says HIGH
        ("CVE-2024-1002", "zlib"): ("grype,trivy", "HIGH"),  # a version with an epoch, which they spell differently
        ("CVE-2024-1003", "left-pad"): ("grype,trivy", "CRITICAL"),  # Grype knows it by its GHSA id, Trivy says MEDIUM
        ("GHSA-4444-5555-6666", "flask"): ("grype", "HIGH"),
    }


def test_both_scanners_read_lock_files(grype: Wodle, tmp_path: Path) -> None:
    trivy_database(tmp_path / "cache")
    source = tmp_path / "source"
    source.mkdir()
    (source / "package-lock.json").write_text(npm_lock(left_pad="1.3.0"))
    (source / "requirements.txt").write_text("flask==2.0.0\n")
    grype.config.update(directories=[str(source)], trivy=tool("trivy"))
    found = {(e["id"], e["scanner"], e["target"]) for e in of(grype.run(timeout=120), "vulnerability")}
    assert found == {
        ("CVE-2024-1003", "grype,trivy", "package-lock.json"),
        ("GHSA-4444-5555-6666", "grype", "requirements.txt"),
    }


@pytest.mark.parametrize(
    ("version", "files", "told"),
    [
        ("12", {}, []),
        ("9", {}, [("eol_os", "end_of_life")]),
        ("99", {}, [("scan_error", "unknown_os")]),  # its database has nothing about it
        ("12", {"etc/os-release": "ID=photon\nVERSION_ID=5.0\n"}, [("scan_error", "unknown_os")]),
        ("12", {"etc/os-release": "ID=plan9\nVERSION_ID=4\n"}, [("scan_error", "unknown_os")]),
    ],
    ids=["known", "end of life", "unknown release", "system without data", "unknown system"],
)
def test_grype_alone_does_not_call_clean_what_its_database_does_not_know(
    grype: Wodle, tmp_path: Path, version: str, files: dict[str, str], told: list[tuple[str, str]]
) -> None:
    debian_image(tmp_path / "app.tar", version, packages={"bash": "5"}, files=dict(files))
    grype.config["archives"] = [str(tmp_path / "app.tar")]
    events = grype.run(timeout=120)
    assert [(e["event"], e["reason"]) for e in of(events, "scan_error", "eol_os", "db_stale")] == told
    assert ("clean" in [e["outcome"] for e in of(events, "summary")]) is (told == [])


def test_an_old_grype_database_is_told_and_scans_go_on(tmp_path: Path) -> None:
    grype_database(tmp_path / "cache", built=time.time() - 9 * 86400)
    debian_image(tmp_path / "app.tar")
    wodle = Wodle(tmp_path, grype=tool("grype"), archives=[str(tmp_path / "app.tar")])
    events = wodle.run(timeout=120)
    assert [(e["event"], e["scanner"]) for e in of(events, "scan_error", "db_stale")] == [("db_stale", "grype")]
    assert len(of(events, "vulnerability")) == 2


def another_schema(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE db_metadata SET model = 5")
        database.commit()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"x" * 4096), "cache_corrupt"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "cache_corrupt"),
        (lambda path: path.unlink(), "db_missing"),
        (another_schema, "db_schema"),
    ],
    ids=["not a database", "another checksum", "gone", "another schema"],
)
def test_a_damaged_grype_database_is_told(grype: Wodle, tmp_path: Path, damage: Any, reason: str) -> None:
    debian_image(tmp_path / "app.tar")
    damage(tmp_path / "cache" / "grype" / "6" / "vulnerability.db")
    grype.config["archives"] = [str(tmp_path / "app.tar")]
    assert [e["reason"] for e in of(grype.run(timeout=120), "scan_error")] == [reason]


@pytest.mark.root
@pytest.mark.parametrize("scanner_name", ["trivy", "grype"])
def test_a_full_disk_is_told(tmp_path: Path, scanner_name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system needs root")
    trivy_database(tmp_path / "cache")
    grype_database(tmp_path / "cache")
    debian_image(tmp_path / "app.tar", files={f"srv/{n}": os.urandom(1 << 20) for n in range(4)})
    state = tmp_path / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(state)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        wodle = Wodle(tmp_path, archives=[str(tmp_path / "app.tar")], **{scanner_name: tool(scanner_name)})
        events = wodle.run(timeout=120)
        assert [e["reason"] for e in of(events, "scan_error")] == ["disk_full"]
        assert "clean" not in [e["outcome"] for e in of(events, "summary")]
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def test_two_runs_on_one_cache_take_turns(wodle: Wodle, tmp_path: Path) -> None:
    debian_image(tmp_path / "app.tar")
    other = tmp_path / "other"
    other.mkdir()
    second = Wodle(other, trivy=tool("trivy"), cache_directory=wodle.config["cache_directory"])
    for each in (wodle, second):
        each.config["archives"] = [str(tmp_path / "app.tar")]
    processes = [each.start() for each in (wodle, second)]
    for process in processes:
        out, _ = process.communicate(timeout=240)
        assert out.count(b'"event":"vulnerability"') == 2
        assert b"scan_error" not in out


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


# ------------------------------------------------------------------------------------------------------- without a key


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "authority")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, []),
        (
            {"identity": "https://github.com/mallory/app/.github/workflows/release.yml@refs/heads/main"},
            "wrong_identity",
        ),
        ({"identity": "", "identity_regexp": "^https://github.com/acme/"}, []),
        ({"identity": "", "identity_regexp": "^https://github.com/mallory/"}, "wrong_identity"),
        ({"issuer": "https://issuer.example.com"}, "wrong_identity"),
        ({"issuer": "", "issuer_regexp": "githubusercontent"}, []),
        # Without the leave to do without them, the logs are missing.
        ({"certificate_log": True}, "no_matching_signature"),
        ({"transparency_log": True}, "no_matching_signature"),
    ],
)
def test_a_signature_by_a_workflow_is_verified_by_identity_and_issuer(  # noqa: PLR0917 -- fixtures and the case
    wodle: Wodle, tmp_path: Path, host: str, authority: CertificateAuthority, more: dict[str, Any], told: Any
) -> None:
    debian_image(tmp_path / "app.tar")
    reference = f"{host}/app@" + push(host, "app", "1", tmp_path / "app.tar")
    authority.sign(reference)
    rule = {key: value for key, value in {"images": ["*"], **authority.rule(**more)}.items() if value != ""}
    wodle.config.update(cosign=tool("cosign", version="3.1.2"), signatures=[rule], registry=[reference])
    events = wodle.run(timeout=180)
    assert [e["reason"] for e in of(events, "unsigned_image", "scan_error")] == ([told] if told else [])


def test_a_certificate_of_another_authority_is_not_taken(
    wodle: Wodle, tmp_path: Path, host: str, authority: CertificateAuthority
) -> None:
    other = CertificateAuthority(tmp_path / "other")
    debian_image(tmp_path / "app.tar")
    reference = f"{host}/app@" + push(host, "app", "1", tmp_path / "app.tar")
    other.sign(reference)
    rule = {"images": ["*"], **authority.rule()}
    assert rule["identity"] == IDENTITY
    wodle.config.update(cosign=tool("cosign", version="3.1.2"), signatures=[rule], registry=[reference])
    assert [e["reason"] for e in of(wodle.run(timeout=180), "unsigned_image", "scan_error")] == [
        "no_matching_signature"
    ]


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


@pytest.mark.docker
@pytest.mark.parametrize("scanners", [("trivy",), ("grype",), ("trivy", "grype")], ids=",".join)
def test_images_of_a_real_containerd(tmp_path: Path, host: str, scanners: tuple[str, ...]) -> None:
    trivy_database(tmp_path / "cache")
    grype_database(tmp_path / "cache")
    busybox = BUSYBOX if is_static(BUSYBOX) else None
    files = {"bin/busybox": Path(busybox).read_bytes()} if busybox else {}
    debian_image(tmp_path / "running.tar", tag="docker.io/library/running:1", files=dict(files))
    debian_image(tmp_path / "pulled.tar", packages={"openssl": "3.0.14-1"})
    push(host, "pulled", "1", tmp_path / "pulled.tar")
    with containerd_engine(tmp_path) as ctr:
        ctr("--namespace", "k8s.io", "images", "pull", "--plain-http", f"{host}/pulled:1")
        ctr("images", "import", str(tmp_path / "running.tar"))
        if busybox:
            name = Path(ctr.socket).parent.name  # runc keeps all containers of a host in one place
            ctr("run", "--detach", "--null-io", "docker.io/library/running:1", name, "/bin/busybox", "sleep", "600")
        wodle = Wodle(tmp_path, **{name: tool(name) for name in scanners})
        wodle.config.update(
            engine="containerd", containerd_socket=ctr.socket, ctr=ctr.path, trusted_registries=["registry.example.com"]
        )
        events = wodle.run(timeout=240)
        assert of(events, "scan_error") == []
        assert [(e["artifact"], e["exposure"], e["outcome"]) for e in artifact_summaries(events)] == [
            ("docker.io/library/running:1", "running" if busybox else "stored", "findings"),
            (f"{host}/pulled:1", "stored", "clean"),
        ]
        # One was pulled, the other one made here, whatever its name says.
        assert [e["registry"] for e in of(events, "untrusted_registry")] == [host]
        assert [e["scope"] for e in wodle.run(timeout=120)] == ["run"]
