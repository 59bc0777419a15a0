"""Provenance: only an attestation that cosign verified, of this digest, by this builder, from this repository."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import ROOT
from wazuh_cicd.cli import main
from wazuh_cicd.errors import SpecError
from wazuh_cicd.gate.policy import load_policy
from wazuh_cicd.gate.provenance import repository_address

sys.path.insert(0, str(ROOT / "benchmarks"))
import gate_fuzz as fuzz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = "sha256:" + "1" * 64
BUILDER = "https://github.com/actions/runner/github-hosted"
SOURCE = "https://github.com/acme/app"
COSIGN = """#!{python} -SE
import json, sys
plan = json.load(open({plan!r}))
with open({plan!r} + ".calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.stdout.write(plan["prints"])
sys.stderr.write(plan.get("log", ""))
sys.exit(plan.get("exit", 0))
"""


def statement(kind: str = "https://slsa.dev/provenance/v1", **changes: Any) -> dict[str, Any]:
    workflow = {"repository": SOURCE, "ref": "refs/heads/main", "path": ".github/workflows/release.yml"}
    predicate: dict[str, Any] = {
        "buildDefinition": {"externalParameters": {"workflow": workflow}},
        "runDetails": {"builder": {"id": BUILDER}},
    }
    if kind.endswith("v0.2"):
        predicate = {
            "builder": {"id": BUILDER},
            "invocation": {"configSource": {"uri": f"git+{SOURCE}@refs/heads/main"}},
        }
    subject = [{"name": "app", "digest": {"sha256": "1" * 64}}]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": kind,
        "subject": subject,
        "predicate": predicate,
        **changes,
    }


def envelope(content: Any, **changes: Any) -> str:
    payload = base64.b64encode(json.dumps(content).encode()).decode()
    return (
        json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{}], **changes})
        + "\n"
    )


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., int]:
    def run(prints: str, *, more: str = "", **plan: Any) -> int:
        path = tmp_path / "cosign"
        path.write_text(COSIGN.format(python=sys.executable, plan=str(tmp_path / "plan")))
        path.chmod(0o755)
        (tmp_path / "plan").write_text(json.dumps({"prints": prints, **plan}))
        tool = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        rule = f"provenance: {{builder: '{BUILDER}', source: '{SOURCE}.git', key: awskms:///alias/x{more}}}\n"
        (tmp_path / "policy.yml").write_text(f"version: 1\n{rule}scanners: {json.dumps({'cosign': tool})}\n")
        report = fuzz.trivy()
        report["Metadata"]["RepoDigests"] = ["r.example.com/app@" + DIGEST]
        (tmp_path / "report.json").write_text(json.dumps(report))
        return main(["gate", "--report", str(tmp_path / "report.json"), "--policy", str(tmp_path / "policy.yml")])

    return run


def test_the_builder_and_the_repository_are_what_the_attestation_says(
    judge: Callable[..., int], tmp_path: Path
) -> None:
    assert judge(envelope(statement())) == 0
    (call,) = map(json.loads, (tmp_path / "plan.calls").read_text().splitlines())
    assert call[0] == "verify-attestation"
    assert call[-4:] == ["--type", "slsaprovenance1", "--", "r.example.com/app@" + DIGEST]
    old = statement("https://slsa.dev/provenance/v0.2")
    assert judge(envelope(old), more=", type: slsaprovenance") == 0
    assert judge(envelope(old)) == 30  # another type than the policy asks for


def other(path: list[Any], value: Any) -> dict[str, Any]:
    changed = json.loads(json.dumps(statement()))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    "prints",
    [
        "",
        "Verified OK\n",
        "{}\n",
        envelope(None),
        envelope(statement(), payloadType="text/plain"),
        envelope(statement(), payload="***"),
        envelope(other(["subject", 0, "digest", "sha256"], "2" * 64)),
        envelope(other(["subject"], [])),
        envelope(other(["predicateType"], "https://spdx.dev/Document")),
        envelope(other(["predicate", "runDetails", "builder", "id"], BUILDER + "-evil")),
        envelope(other(["predicate", "runDetails"], None)),
        envelope(
            other(["predicate", "buildDefinition", "externalParameters", "workflow", "repository"], SOURCE + "-evil")
        ),
        envelope(other(["predicate", "buildDefinition", "externalParameters"], {})),
        envelope(other(["predicate"], None)),
    ],
)
def test_everything_else_is_refused(judge: Callable[..., int], prints: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(prints) == 30
    assert "provenance]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "log"), [(10, ""), (12, ""), (1, "no matching attestations"), (1, "cannot reach"), (-9, "")]
)
def test_what_cosign_does_not_verify_is_refused_whatever_it_prints(
    judge: Callable[..., int], code: int, log: str
) -> None:
    assert judge(envelope(statement()), exit=code % 256, log=log) == 30


@pytest.mark.parametrize(
    "rule",
    [
        "{builder: x, key: k}",
        "{source: https://github.com/acme/app, key: k}",
        "{builder: x, source: https://github.com/acme/app}",
        "{builder: '', source: https://github.com/acme/app, key: k}",
        "{builder: x, source: 'file:///x', key: k}",
        "{builder: x, source: https://github.com/acme/app, key: k, type: custom}",
    ],
)
def test_a_rule_that_would_accept_anything_is_refused(tmp_path: Path, rule: str) -> None:
    (tmp_path / "policy.yml").write_text(f"version: 1\nprovenance: {rule}\n")
    with pytest.raises(SpecError):
        load_policy(tmp_path / "policy.yml")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/acme/app", "github.com/acme/app"),
        ("git+https://GitHub.com/acme/app.git@refs/heads/main", "github.com/acme/app"),
        ("github.com/acme/app/", "github.com/acme/app"),
        ("ssh://git@github.com/acme/app", "github.com/acme/app"),
        ("file:///acme/app", ""),
        (None, ""),
    ],
)
def test_a_repository_is_written_one_way(address: Any, expected: str) -> None:
    assert repository_address(address) == expected
