"""From the wodle's own output to the alert: every type of event it writes is taken by the rule meant for it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import SAMPLES, StandIn, Wodle, hours_ago, trivy_report, vulnerability
from wazuh_cicd.cli import main
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
from wodles.scan.errors import REASONS
from wodles.scan.events import encode_event

if TYPE_CHECKING:
    from pathlib import Path

LOCATION = "[003] (build-7) any->command_cicd-scan"


@pytest.fixture(scope="module")
def ruleset() -> Any:
    specs = load_specs()
    names = {rule.id: rule.name for rule in specs.rules}
    return assemble(package=render_package(specs).ruleset_files()), names


def alerts(ruleset: Any, lines: list[bytes]) -> list[str]:
    """The rules' names, without those of level 0."""
    rules, names = ruleset
    session = rules.session()
    verdicts = [session.process(line.rstrip(b"\n"), LOCATION) for line in lines]
    return [names.get(v.rule_id, f"foreign {v.rule_id}") for v in verdicts if v.level > 0]


def lines_of(wodle: Wodle) -> list[bytes]:
    out, err = wodle.start().communicate(timeout=60)
    assert err == b""
    return out.splitlines(keepends=True)


@pytest.fixture
def trivy(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path, "trivy", {"report": trivy_report()})


@pytest.fixture
def wodle(tmp_path: Path, trivy: StandIn) -> Wodle:
    archive = tmp_path / "app.tar"
    archive.write_bytes(b"x")
    wodle = Wodle(tmp_path, trivy=trivy.tool(), archives=[str(archive)])
    wodle.database()
    return wodle


def results(**more: Any) -> dict[str, Any]:
    return trivy_report(Results=[{"Class": "os-pkgs", "Type": "debian"}, {"Target": "x", **more}])


SECRET = {"RuleID": "github-pat", "Category": "GitHub", "Severity": "CRITICAL", "Title": "GitHub PAT", "StartLine": 1}
CHECK = {"ID": "DS-0002", "Status": "FAIL", "Severity": "HIGH", "Title": "root"}


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        (trivy_report(vulnerability(1)), "scan-high-vulnerability"),
        (trivy_report(vulnerability(1, Severity="CRITICAL")), "scan-critical-vulnerability"),
        (trivy_report(vulnerability(1, CweIDs=["CWE-506"])), "scan-malicious-package"),
        (trivy_report(vulnerability(1, VulnerabilityID="CVE-2024-3094")), "scan-watched-vulnerability"),
        (results(Class="secret", Secrets=[SECRET]), "scan-cloud-key-or-private-key"),
        (results(Class="config", Misconfigurations=[CHECK]), "scan-dangerous-misconfiguration"),
        (results(Class="license", Licenses=[{"Name": "AGPL-3.0", "Severity": "HIGH"}]), "scan-license"),
        (trivy_report(Metadata={"OS": {"Family": "debian", "Name": "9", "EOSL": True}}), "scan-end-of-life"),
        (trivy_report(Metadata={}), "scan-failed"),
        (trivy_report(Trivy={"Version": "0.69.4"}), "scan-scanner-tampered"),
    ],
)
def test_what_a_report_says_becomes_the_alert_meant_for_it(
    wodle: Wodle, trivy: StandIn, ruleset: Any, report: dict[str, Any], rule: str
) -> None:
    trivy.plan({"report": report})
    assert alerts(ruleset, lines_of(wodle)) == [rule]


def test_an_old_database_becomes_an_alert(wodle: Wodle, ruleset: Any) -> None:
    wodle.database(built="2024-01-01T00:00:00Z")
    assert alerts(ruleset, lines_of(wodle)) == ["scan-database-stale"]


def test_a_second_run_and_a_clean_image_are_no_alert(wodle: Wodle, trivy: StandIn, ruleset: Any) -> None:
    assert alerts(ruleset, lines_of(wodle)) == []
    trivy.plan({"report": trivy_report(vulnerability(1))})
    assert alerts(ruleset, lines_of(wodle)) == []


def test_a_resolved_and_an_overdue_finding_become_alerts(wodle: Wodle, trivy: StandIn, ruleset: Any) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1), vulnerability(2))})
    lines_of(wodle)
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(vulnerability(2))})
    assert alerts(ruleset, lines_of(wodle)) == ["scan-vulnerability-resolved"]
    (path,) = (wodle.folder / "state" / "artifacts").iterdir()
    document = json.loads(path.read_text())
    for entry in document["findings"].values():
        entry.update(f=entry["f"] - 31 * 86400, x=entry["x"] - 31 * 86400)
    path.write_text(json.dumps(document))
    assert alerts(ruleset, lines_of(wodle)) == ["scan-sla-breached"]


@pytest.mark.parametrize(
    ("event", "fields", "rule"),
    [
        ("unsigned_image", {"reason": "no_signature"}, "scan-image-unsigned"),
        ("unsigned_image", {"reason": "wrong_identity"}, "scan-image-signed-by-another"),
        ("untrusted_registry", {"registry": "evil.example.com"}, "scan-untrusted-registry"),
        ("dependency", {"state": "new", "package": "pkg:npm/left-pad"}, "scan-new-dependency"),
        ("summary", {"scope": "artifact", "new_severe": 12}, "scan-regression"),
    ],
)
def test_events_of_the_supply_chain_become_alerts(ruleset: Any, event: str, fields: dict[str, Any], rule: str) -> None:
    assert alerts(ruleset, [encode_event(event, fields.items())]) == [rule]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_failed_scan_becomes_an_alert(ruleset: Any, reason: str) -> None:
    (alert,) = alerts(ruleset, [encode_event("scan_error", [("reason", reason), ("text", REASONS[reason])])])
    assert alert in {"scan-failed", "scan-not-done", "scan-scanner-tampered", "scan-request-malformed"}


@pytest.mark.parametrize(
    ("report", "rule"),
    [(trivy_report(), "gate-passed"), (trivy_report(vulnerability(1)), "gate-failed"), ({}, "gate-blind")],
)
def test_the_gates_verdict_becomes_an_alert(tmp_path: Path, ruleset: Any, report: dict[str, Any], rule: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (tmp_path / "report.json").write_text(json.dumps({**report, "CreatedAt": now} if report else {}))
    main(["gate", "--report", str(tmp_path / "report.json"), "--event", str(tmp_path / "events")])
    assert alerts(ruleset, (tmp_path / "events").read_bytes().splitlines()) == [rule]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded reports are not beside the repository")
def test_no_event_of_any_recorded_report_is_taken_by_a_foreign_rule(tmp_path: Path, ruleset: Any) -> None:
    reports = [str(p) for p in [*SAMPLES.glob("trivy/*.json"), *SAMPLES.glob("grype/*.json")]]
    wodle = Wodle(tmp_path, reports=reports)
    lines = lines_of(wodle)
    found = alerts(ruleset, lines)
    assert len(lines) > 150
    assert not [name for name in found if not name.startswith("scan-")]
