"""The gate with real Trivy and cosign: each exit code from a real cause."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from scan_live import (
    FAKE_KEY_ID,
    cosign,
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
from wazuh_cicd.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.scanner


@pytest.fixture
def judge(tmp_path: Path) -> Any:
    trivy_database(tmp_path / "cache")

    def run(*args: str, policy: str = "", tools: tuple[str, ...] = ("trivy",)) -> int:
        path = tmp_path / "policy.yml"
        path.write_text(f"version: 1\nscanners: {json.dumps({name: tool(name) for name in tools})}\n{policy}")
        return main(["gate", *args, "--policy", str(path), "--cache", str(tmp_path / "cache")])

    return run


def test_a_clean_image_passes_and_a_vulnerable_one_does_not(
    tmp_path: Path, judge: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    debian_image(tmp_path / "clean.tar", packages={"openssl": "3.0.14-1"})
    debian_image(tmp_path / "vulnerable.tar")
    assert judge("--archive", str(tmp_path / "clean.tar")) == 0
    capsys.readouterr()
    assert judge("--archive", str(tmp_path / "vulnerable.tar")) == 10
    lines = capsys.readouterr().out.splitlines()
    assert any("FAIL" in line and "CVE-2024-1001" in line and "3.0.13-1" in line for line in lines)
    assert any("WARN" in line and "CVE-2024-1002" in line and "no fix yet" in line for line in lines)


@pytest.mark.parametrize("kind", ["scratch", "no archive"])
def test_what_cannot_be_proved_is_the_scanners_failure(tmp_path: Path, judge: Any, kind: str) -> None:
    path = tmp_path / "image.tar"
    if kind == "scratch":
        docker_archive(path, {"app/readme": "x"})
    else:
        path.write_bytes(b"not an archive")
    assert judge("--archive", str(path)) == 20


def test_an_image_past_its_end_of_life_fails_the_policy(
    tmp_path: Path, judge: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    debian_image(tmp_path / "image.tar", "9")
    assert judge("--archive", str(tmp_path / "image.tar")) == 10
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL"))
    assert "end-of-life" in line


def test_a_hostile_directory_cannot_switch_the_gate_off(
    tmp_path: Path, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "package-lock.json").write_text(npm_lock(evil_pad="1.0.0"))
    (source / ".env").write_text(f"KEY={FAKE_KEY_ID}\n")
    (source / ".trivyignore").write_text("GHSA-aaaa-bbbb-cccc\n")
    (source / "trivy.yaml").write_text("scan:\n  scanners: [license]\nexit-code: 0\n")
    (source / "trivy-secret.yaml").write_text("disable-rules: [aws-access-key-id]\n")
    monkeypatch.chdir(source)
    monkeypatch.setenv("TRIVY_SEVERITY", "UNKNOWN")
    assert judge("--directory", ".", "--write", f"json={tmp_path / 'gate.json'}") == 10
    findings = json.loads((tmp_path / "gate.json").read_text())["findings"]
    assert {"GHSA-aaaa-bbbb-cccc", "aws-access-key-id"} <= {f["id"] for f in findings}
    assert FAKE_KEY_ID not in (tmp_path / "gate.json").read_text()


def test_signature_and_registry(tmp_path: Path, judge: Any) -> None:
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    cosign = str(scanner("cosign"))
    for command in (["generate-key-pair"], ["signing-config", "create", "--out", "signing.json"]):
        subprocess.run([cosign, *command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    with registry(tmp_path) as host:
        references = {}
        for name, version in (("signed", "3.0.14-1"), ("unsigned", "3.0.15-1")):
            debian_image(tmp_path / f"{name}.tar", packages={"openssl": version}, tag=f"{name}:1")
            references[name] = f"{host}/{name}@" + push(host, name, "1", tmp_path / f"{name}.tar")
        options = ["--key", "cosign.key", "--signing-config", "signing.json", "--yes"]
        command = [cosign, "sign", *options, references["signed"]]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        signature = f"signature: {{key: {tmp_path / 'cosign.pub'}, transparency_log: false}}\n"
        both = ("trivy", "cosign")
        assert judge("--registry", references["signed"], policy=signature, tools=both) == 0
        assert judge("--registry", references["unsigned"], policy=signature, tools=both) == 30
        assert judge("--registry", references["signed"], policy="registries: [registry.example.com]\n") == 30


@pytest.mark.docker
def test_an_image_of_the_local_engine(tmp_path: Path, judge: Any) -> None:
    debian_image(tmp_path / "app.tar", tag="app:1")
    with docker_engine(tmp_path) as path:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
        load = ["docker", "load", "-i", str(tmp_path / "app.tar")]
        subprocess.run(load, env=environment, check=True, capture_output=True)
        assert judge("--image", "app:1", "--docker-socket", str(path)) == 10
        assert judge("--image", "gone:1", "--docker-socket", str(path)) == 20


BUILDER = "https://builder.example.com/workflow@v1"
PROVENANCE = {
    "buildDefinition": {
        "buildType": "https://builder.example.com/type",
        "externalParameters": {"workflow": {"repository": "https://github.com/acme/app", "ref": "refs/heads/main"}},
        "resolvedDependencies": [],
    },
    "runDetails": {"builder": {"id": BUILDER}, "metadata": {}},
}


def test_provenance_that_cosign_attested(tmp_path: Path, judge: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cosign(tmp_path, "generate-key-pair")
    cosign(tmp_path, "generate-key-pair", "--output-key-prefix", "other")
    cosign(tmp_path, "signing-config", "create", "--out", "signing.json")
    (tmp_path / "predicate.json").write_text(json.dumps(PROVENANCE))
    (tmp_path / "old.json").write_text(
        json.dumps(
            {
                "builder": {"id": BUILDER},
                "invocation": {"configSource": {"uri": "git+https://github.com/acme/app@main"}},
            }
        )
    )

    def attest(
        reference: str, kind: str = "slsaprovenance1", file: str = "predicate.json", key: str = "cosign.key"
    ) -> None:
        options = ["--key", key, "--signing-config", "signing.json", "--yes"]
        cosign(tmp_path, "attest", "--type", kind, "--predicate", file, *options, reference)

    def code(reference: str, kind: str = "slsaprovenance1", **rule: str) -> int:
        wanted = {"builder": BUILDER, "source": "https://github.com/acme/app", "type": kind, **rule}
        policy = {"key": str(tmp_path / "cosign.pub"), "transparency_log": False, **wanted}
        return int(
            judge("--registry", reference, policy=f"provenance: {json.dumps(policy)}\n", tools=("trivy", "cosign"))
        )

    with registry(tmp_path) as host:
        references = {}
        for number, name in enumerate(("attested", "old", "foreign", "bare")):
            debian_image(tmp_path / f"{name}.tar", packages={"openssl": f"3.0.{14 + number}-1"}, tag=f"{name}:1")
            references[name] = f"{host}/{name}@" + push(host, name, "1", tmp_path / f"{name}.tar")
        attest(references["attested"])
        attest(references["old"], "slsaprovenance", "old.json")
        attest(references["foreign"], key="other.key")
        assert code(references["attested"]) == 0
        assert code(references["old"], "slsaprovenance") == 0
        for reference, rule in (
            (references["attested"], {"builder": "https://builder.example.com/workflow@v2"}),
            (references["attested"], {"source": "https://github.com/mallory/app"}),
            (references["attested"], {"kind": "slsaprovenance"}),
            (references["foreign"], {}),
            (references["bare"], {}),
        ):
            assert code(reference, **rule) == 30, (reference, rule, capsys.readouterr())
