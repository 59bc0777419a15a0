"""The pipeline gate: exit codes, policy, profiles, formats; fails closed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from scan_kit import SAMPLES, StandIn, trivy_report, vulnerability
from wazuh_cicd.cli import main
from wazuh_cicd.errors import SpecError
from wazuh_cicd.gate.policy import load_policy
from wazuh_cicd.gate.profiles import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
DAYS_AGO = {n: time.strftime("%Y-%m-%d", time.gmtime(time.time() - n * 86400)) for n in (10, 40, 60, 100)}
IN_A_MONTH = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))


@pytest.fixture
def report(tmp_path: Path) -> Any:
    def write(*vulnerabilities: dict[str, Any], **more: Any) -> str:
        path = tmp_path / "report.json"
        path.write_text(json.dumps(trivy_report(*vulnerabilities, CreatedAt=NOW, **more)))
        return str(path)

    return write


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    def write(text: str) -> str:
        path = tmp_path / "policy.yml"
        path.write_text("version: 1\n" + text)
        return str(path)

    return write


def gate(*args: str) -> int:
    return main(["gate", *args])


def grype(tmp_path: Path, *, severity: str = "High", fix_date: str = "", **more: Any) -> str:
    fix = {"versions": ["2"], "state": "fixed", "available": [{"version": "2", "date": fix_date}] if fix_date else []}
    match = {
        "vulnerability": {"id": "CVE-2024-0001", "severity": severity, "fix": fix, **more},
        "artifact": {"name": "n", "version": "1", "purl": "pkg:npm/n@1"},
    }
    descriptor = {"name": "grype", "timestamp": NOW, "db": {"status": {"built": NOW, "valid": True}}}
    path = tmp_path / "grype.json"
    path.write_text(
        json.dumps({"matches": [match], "source": {"type": "directory", "target": "/app"}, "descriptor": descriptor})
    )
    return str(path)


# ----------------------------------------------------------------------------------------------------------- exit codes


def test_nothing_found_passes(report: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate("--report", report()) == 0
    assert capsys.readouterr().out.startswith("gate passed")


def test_a_finding_at_the_threshold_fails_with_what_to_do(report: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate("--report", report(vulnerability(1))) == 10
    out = capsys.readouterr().out
    for part in (
        "FAIL",
        "package-1 1.0 ",
        "HIGH CVE-2024-0001",
        "app (debian 12.5)",
        "1.1",
        "the policy fails from HIGH on",
    ):
        assert part in out


def test_a_finding_below_the_threshold_passes(report: Any) -> None:
    assert gate("--report", report(vulnerability(1, Severity="MEDIUM"))) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [1]}]}',
        b'{"runs": [{"invocations": [{"executionSuccessful": false}]}]}',
    ],
)
def test_a_report_that_proves_nothing_is_the_scanners_failure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    assert gate("--report", str(path)) == 20


def test_a_report_that_is_not_there_is_the_scanners_failure() -> None:
    assert gate("--report", "/nowhere/report.json") == 20


@pytest.mark.parametrize(
    "more",
    [
        {"Results": []},
        {"Metadata": {}},
        {"CreatedAt": "2021-08-25T12:20:30Z"},
    ],
    ids=["no packages", "unknown system", "old report"],
)
def test_an_image_that_is_not_proved_clean_is_the_scanners_failure(tmp_path: Path, more: dict[str, Any]) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**trivy_report(CreatedAt=NOW), **more}))
    assert gate("--report", str(path)) == 20


def test_a_registry_that_is_not_trusted_has_its_own_code(report: Any, policy: Any) -> None:
    rules = policy("registries: [registry.example.com]\n")
    image = {"OS": {"Family": "debian", "Name": "12.5"}, "RepoDigests": ["evil.example.com/app@sha256:" + "1" * 64]}
    assert gate("--report", report(Metadata=image), "--policy", rules) == 30
    image["RepoDigests"] = ["registry.example.com/app@sha256:" + "1" * 64]
    assert gate("--report", report(Metadata=image), "--policy", rules) == 0


@pytest.mark.parametrize(("allowed", "code"), [("", 20), ("no_origin_allowed: [report]\n", 0)])
def test_a_report_without_digest_cannot_show_its_registry(report: Any, policy: Any, allowed: str, code: int) -> None:
    # Before it is pushed an image has no repository digest: nothing is proved, but nothing is wrong with a signature.
    rules = policy("registries: [registry.example.com]\n" + allowed)
    assert gate("--report", report(), "--policy", rules) == code


@pytest.mark.parametrize(("exit_code", "expected"), [(0, 0), (10, 30), (12, 30), (1, 30)])
def test_a_signature_that_is_missing_wrong_or_unverifiable_has_its_own_code(
    tmp_path: Path, report: Any, policy: Any, exit_code: int, expected: int
) -> None:
    cosign = StandIn(tmp_path, "cosign", {"exit": exit_code})
    rules = policy(
        f"signature: {{key: /etc/cosign.pub}}\nscanners: {{cosign: {{path: {cosign.path}, sha256: {cosign.sha256}}}}}\n"
    )
    image = {"OS": {"Family": "debian", "Name": "12.5"}, "RepoDigests": ["r.example.com/app@sha256:" + "1" * 64]}
    assert gate("--report", report(Metadata=image), "--policy", rules) == expected


def test_the_scanners_failure_comes_before_everything_else(tmp_path: Path, policy: Any) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(trivy_report(vulnerability(1), Metadata={}, CreatedAt=NOW)))
    assert gate("--report", str(path), "--policy", policy("registries: [r.example.com]\n")) == 20


@pytest.mark.parametrize("args", [(), ("--report", "x", "--write", "nonsense"), ("--report", "x", "--write", "pdf=x")])
def test_wrong_use_is_two(args: tuple[str, ...]) -> None:
    assert gate(*args) == 2


# --------------------------------------------------------------------------------------------------------------- policy


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("vulnerabilities: {severity: CRITICAL}\n", 0),
        ("vulnerabilities: {severity: NEVER}\n", 0),
        ("vulnerabilities: {severity: LOW}\n", 10),
        ("profile: strict\n", 10),
        ("profile: cisa-kev\n", 0),
    ],
)
def test_the_severity_that_fails_is_the_policys(report: Any, policy: Any, text: str, code: int) -> None:
    assert gate("--report", report(vulnerability(1)), "--policy", policy(text)) == code


@pytest.mark.parametrize(("unfixed", "code"), [("fail", 10), ("warn", 0), ("pass", 0)])
def test_what_has_no_fix_yet_is_the_policys_choice(report: Any, policy: Any, unfixed: str, code: int) -> None:
    path = report(vulnerability(1, FixedVersion="", Status="affected"))
    assert gate("--report", path, "--policy", policy(f"vulnerabilities: {{unfixed: {unfixed}}}\n")) == code


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, 0),
        ({"knownExploited": [{"cve": "CVE-2024-0001"}]}, 10),
        ({"epss": [{"epss": 0.6}]}, 10),
        ({"epss": [{"epss": 0.4}]}, 0),
        ({"cwes": [{"cwe": "CWE-506"}]}, 10),
    ],
)
def test_a_threat_fails_whatever_its_severity(tmp_path: Path, more: dict[str, Any], code: int) -> None:
    assert gate("--report", grype(tmp_path, severity="Low", **more)) == code


def test_the_catalogue_of_exploited_vulnerabilities_is_read(tmp_path: Path, report: Any) -> None:
    kev = tmp_path / "kev.json"
    kev.write_text(json.dumps({"vulnerabilities": [{"cveID": "CVE-2024-0001"}]}))
    path = report(vulnerability(1, Severity="LOW"))
    assert (gate("--report", path), gate("--report", path, "--kev", str(kev))) == (0, 10)


@pytest.mark.parametrize(
    ("result", "policy_text", "code"),
    [
        ({"Class": "secret", "Secrets": [{"RuleID": "x", "Severity": "LOW"}]}, "", 10),
        ({"Class": "secret", "Secrets": [{"RuleID": "x", "Severity": "LOW"}]}, "secrets: HIGH\n", 0),
        ({"Class": "config", "Misconfigurations": [{"ID": "DS-0002", "Status": "FAIL", "Severity": "HIGH"}]}, "", 10),
        ({"Class": "config", "Misconfigurations": [{"ID": "DS-0002", "Status": "PASS", "Severity": "HIGH"}]}, "", 0),
        ({"Class": "license", "Licenses": [{"Name": "AGPL-3.0-only", "Severity": "LOW"}]}, "", 0),
        (
            {"Class": "license", "Licenses": [{"Name": "AGPL-3.0-only", "Severity": "LOW"}]},
            "licenses: {forbidden: ['AGPL-*']}\n",
            10,
        ),
        ({"Class": "license", "Licenses": [{"Name": "X", "Severity": "HIGH"}]}, "licenses: {severity: HIGH}\n", 10),
    ],
)
def test_secrets_misconfiguration_and_licences(
    report: Any, policy: Any, result: dict[str, Any], policy_text: str, code: int
) -> None:
    path = report(ArtifactType="repository", Metadata={}, Results=[{"Target": "x", **result}])
    assert gate("--report", path, "--policy", policy(policy_text)) == code


GRACE = "vulnerabilities: {grace: true}\nsla_days: {HIGH: 30}\n"


@pytest.mark.parametrize(("fixed_since", "code"), [(10, 0), (40, 10)])
def test_inside_its_sla_a_vulnerability_only_warns(tmp_path: Path, policy: Any, fixed_since: int, code: int) -> None:
    path = grype(tmp_path, fix_date=DAYS_AGO[fixed_since])
    assert gate("--report", path, "--policy", policy(GRACE)) == code


def test_grace_needs_a_known_age(tmp_path: Path, report: Any, policy: Any) -> None:
    history = tmp_path / "history.json"
    args = ("--report", report(vulnerability(1)), "--policy", policy(GRACE))
    assert gate(*args) == 10
    assert gate(*args, "--history", str(history)) == 0
    seen = {key: value - 31 * 86400 for key, value in json.loads(history.read_text()).items()}
    history.write_text(json.dumps(seen))
    assert gate(*args, "--history", str(history)) == 10


def test_a_breached_sla_fails_below_the_threshold(tmp_path: Path, policy: Any) -> None:
    path = grype(tmp_path, severity="Medium", fix_date=DAYS_AGO[100])
    assert gate("--report", path, "--policy", policy("sla_days: {MEDIUM: 90}\n")) == 10
    assert gate("--report", path, "--policy", policy("sla_days: {MEDIUM: 120}\n")) == 0


def exception(expires: str, granted: str = DAYS_AGO[10], **more: str) -> str:
    entry = {
        "id": "CVE-2024-0001",
        "owner": "team-a",
        "reason": "not reachable",
        "granted": granted,
        "expires": expires,
    }
    return f"exceptions: [{json.dumps({**entry, **more})}]\n"


def test_an_exception_excuses_until_it_expires(report: Any, policy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = report(vulnerability(1))
    assert gate("--report", path, "--policy", policy(exception(IN_A_MONTH))) == 0
    assert "exception until" in capsys.readouterr().out
    assert gate("--report", path, "--policy", policy(exception(DAYS_AGO[10], DAYS_AGO[60]))) == 10
    assert "expired" in capsys.readouterr().out


def test_an_expired_exception_fails_even_what_would_pass(report: Any, policy: Any) -> None:
    path = report(vulnerability(1, Severity="LOW"))
    assert gate("--report", path, "--policy", policy(exception(DAYS_AGO[10], DAYS_AGO[60]))) == 10


@pytest.mark.parametrize("more", [{"owner": ""}, {"reason": ""}, {"expires": "2999-01-01"}, {"forever": "yes"}])
def test_an_exception_that_lacks_something_stops_the_gate(report: Any, policy: Any, more: dict[str, str]) -> None:
    assert gate("--report", report(), "--policy", policy(exception(**{"expires": IN_A_MONTH, **more}))) == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("vulnerabilites: {}\n", ":2:1 "),
        ("vulnerabilities: {severity: SEVERE}\n", ":2:29 "),
        ("vulnerabilities: {grace: perhaps}\n", ":2:26 "),
        ("sla_days: {HIGH: soon}\n", ":2:18 "),
        ("signature: {}\n", ":2:12 "),
        ("signature: {key: a, identity: b, issuer: c}\n", ":2:12 "),
        ("scanners: {trivy: {sha256: a}}\n", ":2:19 "),
        ("profile: lax\n", ":2:10 "),
        ("secrets: [\n", ":3:1 "),
    ],
)
def test_an_error_of_the_policy_is_located(policy: Any, text: str, place: str) -> None:
    from pathlib import Path  # noqa: PLC0415 -- only here at run time

    with pytest.raises(SpecError) as caught:
        load_policy(Path(policy(text)))
    assert f"policy.yml{place}" in str(caught.value)


def test_every_error_of_a_policy_is_told_at_once(policy: Any) -> None:
    from pathlib import Path  # noqa: PLC0415 -- only here at run time

    with pytest.raises(SpecError) as caught:
        load_policy(Path(policy("secrets: NO\nmisconfiguration: NO\nunknown: 1\n")))
    assert len(caught.value.findings) == 3


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_fails_a_malicious_package_with_a_broken_sla(report: Any, name: str) -> None:
    assert gate("--report", report(vulnerability(1, VulnerabilityID="MAL-2024-1")), "--profile", name) == 10


# -------------------------------------------------------------------------------------------------------------- formats


@pytest.fixture
def written(tmp_path: Path, report: Any, policy: Any) -> dict[str, str]:
    secret = {
        "Target": "a,b.sh",
        "Class": "secret",
        "Secrets": [{"RuleID": "key", "Severity": "HIGH", "StartLine": 3, "EndLine": 4}],
    }
    packages = trivy_report(vulnerability(1), vulnerability(2), vulnerability(3, FixedVersion="", Status="affected"))[
        "Results"
    ]
    path = report(Results=[*packages, secret])
    names = ("json", "sarif", "junit", "github", "text")
    options = [part for name in names for part in ("--write", f"{name}={tmp_path / name}")]
    assert gate("--report", path, "--policy", policy(exception(IN_A_MONTH)), *options) == 10
    return {name: (tmp_path / name).read_text() for name in names}


def test_json_holds_everything_that_does_not_plainly_pass(written: dict[str, str]) -> None:
    document = json.loads(written["json"])
    assert (document["code"], document["counts"]) == (
        10, {"fail": 2, "warn": 1, "hidden": 0, "excused": 1, "pass": 0},
    )  # fmt: skip
    assert {(f["result"], f["id"]) for f in document["findings"]} == {
        ("fail", "CVE-2024-0002"), ("fail", "key"), ("warn", "CVE-2024-0003"), ("excused", "CVE-2024-0001"),
    }  # fmt: skip


def test_sarif_marks_what_is_excused_as_suppressed(written: dict[str, str]) -> None:
    (run,) = json.loads(written["sarif"])["runs"]
    assert run["invocations"][0] == {"executionSuccessful": True, "exitCode": 10, "toolExecutionNotifications": []}
    suppressed = {r["ruleId"] for r in run["results"] if r.get("suppressions")}
    assert (len(run["results"]), suppressed) == (4, {"CVE-2024-0001"})
    assert [run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] for r in run["results"]] == [
        r["ruleId"] for r in run["results"]
    ]


def test_the_gates_own_sarif_can_be_judged_again(tmp_path: Path, written: dict[str, str]) -> None:
    path = tmp_path / "again.sarif"
    path.write_text(written["sarif"])
    assert gate("--report", str(path)) == 10


def test_junit_counts_failures_and_skips(written: dict[str, str]) -> None:
    (suite,) = ET.fromstring(written["junit"])  # noqa: S314 -- our own output
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]
    assert len(suite.findall("testcase/skipped")) == 1


def test_github_annotations_are_escaped(tmp_path: Path, report: Any) -> None:
    secret = {"RuleID": "key", "Severity": "HIGH", "StartLine": 3, "EndLine": 4}
    results = [{"Target": "a,b.sh", "Class": "secret", "Secrets": [secret]}]
    path = report(ArtifactType="repository", Metadata={}, Results=results)
    gate("--report", path, "--write", f"github={tmp_path / 'github'}")
    assert (tmp_path / "github").read_text().startswith("::error file=a%2Cb.sh,line=3,title=key::HIGH key: ")


def test_github_is_not_told_of_an_images_file_as_if_it_were_the_repositorys(written: dict[str, str]) -> None:
    assert "::error title=key::HIGH key in a,b.sh:3-4: " in written["github"]
    assert "::warning title=CVE-2024-0003::" in written["github"]
    assert "file=" not in written["github"]


def test_problems_stand_in_every_format(tmp_path: Path) -> None:
    names = ("json", "sarif", "junit", "github", "text")
    options = [part for name in names for part in ("--write", f"{name}={tmp_path / name}")]
    assert gate("--report", "/nowhere", *options) == 20
    for name in names:
        assert "no_image" in (tmp_path / name).read_text() or "cannot be found" in (tmp_path / name).read_text()
    assert json.loads((tmp_path / "sarif").read_text())["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_hostile_text_cannot_leave_its_cell(tmp_path: Path, report: Any) -> None:
    evil = "x\x1b[2J\n::error::owned\r\n<b>&"
    options = [part for name in ("junit", "github", "text") for part in ("--write", f"{name}={tmp_path / name}")]
    gate("--report", report(vulnerability(1, PkgName=evil)), *options)
    ET.fromstring((tmp_path / "junit").read_text())  # noqa: S314 -- our own output
    assert "\n::error::owned" not in (tmp_path / "github").read_text()
    assert "\x1b" not in (tmp_path / "text").read_text()


# ------------------------------------------------------------------------------------------------------------- evidence


def test_the_verdict_is_kept_as_an_event(tmp_path: Path, report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = {
        "GITHUB_REPOSITORY": "acme/app",
        "GITHUB_SHA": "c0ffee",
        "GITHUB_RUN_ID": "42",
        "GITHUB_ACTOR": "octocat",
    }
    for name, value in context.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "events"
    gate("--report", report(vulnerability(1)), "--event", str(path))
    gate("--report", report(), "--event", str(path))
    failed, passed = [json.loads(line)["cicd_scan"] for line in path.read_bytes().splitlines()]
    assert failed == {
        "event": "gate", "verdict": "fail", "reason": "policy", "code": 10, "profile": "default", "artifact": "app",
        "digest": "sha256:" + "a" * 64, "vulnerabilities": 1, "secrets": 0, "others": 0, "excused": 0, "hidden": 0,
        "problems": "CVE-2024-0001", "repository": "acme/app", "commit": "c0ffee", "pipeline": "42", "actor": "octocat",
    }  # fmt: skip
    assert (passed["verdict"], passed["reason"]) == ("pass", "pass")


def test_evidence_that_cannot_be_kept_stops_the_pipeline(report: Any) -> None:
    assert gate("--report", report(), "--event", "/nowhere/events") == 2
    assert gate("--report", report(), "--event-socket", "/nowhere/queue") == 2


# ------------------------------------------------------------------------------------------------------------- scanning


@pytest.fixture
def pinned(tmp_path: Path, policy: Any) -> tuple[StandIn, str]:
    trivy = StandIn(tmp_path, "trivy", {"report": trivy_report()})
    folder = tmp_path / "cache" / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": NOW, "NextUpdate": "2999-01-01T00:00:00Z"}))
    return trivy, policy(f"scanners: {{trivy: {{path: {trivy.path}, sha256: {trivy.sha256}}}}}\n")


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({"report": trivy_report()}, 0),
        ({"report": trivy_report(vulnerability(1))}, 10),
        ({"exit": 1, "stderr": "FATAL no space left on device"}, 20),
        ({"report": trivy_report(vulnerability(1)), "exit": 1}, 20),
        ({"report": "{"}, 20),
        ({}, 20),
    ],
)
def test_a_broken_scanner_is_not_a_vulnerable_image(
    tmp_path: Path, pinned: tuple[StandIn, str], plan: dict[str, Any], code: int
) -> None:
    trivy, rules = pinned
    trivy.plan(plan)
    archive = tmp_path / "app.tar"
    archive.write_bytes(b"x")
    assert gate("--archive", str(archive), "--policy", rules, "--cache", str(tmp_path / "cache")) == code


def test_files_are_named_as_seen_from_where_the_pipeline_runs(
    tmp_path: Path, pinned: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trivy, rules = pinned
    secret = {"RuleID": "key", "Severity": "HIGH", "StartLine": 3, "EndLine": 4}
    results = [{"Target": "deploy it.sh", "Class": "secret", "Secrets": [secret]}]
    trivy.plan({"report": trivy_report(ArtifactType="filesystem", Metadata={}, Results=results)})
    (tmp_path / "source").mkdir()
    monkeypatch.chdir(tmp_path)
    assert gate("--directory", ".", "--policy", rules, "--cache", "cache") == 2  # a commit could bring a database
    options = [part for name in ("github", "sarif") for part in ("--write", f"{name}={name}")]
    # The cache too is named from here, though the scanner runs elsewhere.
    assert gate("--directory", "source", "--policy", rules, "--cache", "cache", *options) == 10
    assert "::error file=source/deploy it.sh,line=3," in (tmp_path / "github").read_text()
    (result,) = json.loads((tmp_path / "sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "source/deploy%20it.sh"
    (call,) = trivy.calls()
    assert call["args"][call["args"].index("--cache-dir") + 1] == str(tmp_path / "cache" / "trivy")


def test_a_key_is_named_from_where_the_pipeline_runs(
    tmp_path: Path, report: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cosign = StandIn(tmp_path, "cosign", {})
    scanners = f"scanners: {{cosign: {{path: {cosign.path}, sha256: {cosign.sha256}}}}}\n"
    image = {"OS": {"Family": "debian", "Name": "12.5"}, "RepoDigests": ["r.example.com/app@sha256:" + "1" * 64]}
    monkeypatch.chdir(tmp_path)
    for key, handed in (("keys/release.pub", str(tmp_path / "keys/release.pub")), ("awskms:///alias/x",) * 2):
        rules = policy(f'signature: {{key: "{key}"}}\n{scanners}')
        assert gate("--report", report(Metadata=image), "--policy", rules) == 0
        args = cosign.calls()[-1]["args"]
        assert args[args.index("--key") + 1] == handed


@pytest.mark.parametrize("age", ["scan", "report"])
def test_data_whose_age_is_not_known_is_the_scanners_failure(
    tmp_path: Path, pinned: tuple[StandIn, str], age: str
) -> None:
    _, rules = pinned
    (tmp_path / "report.json").write_text(json.dumps(trivy_report()))
    metadata = tmp_path / "cache" / "trivy" / "db" / "metadata.json"
    metadata.write_text(json.dumps({"UpdatedAt": "0001-01-01T00:00:00Z", "NextUpdate": "2999-01-01T00:00:00Z"}))
    subject = "--archive" if age == "scan" else "--report"
    assert gate(subject, str(tmp_path / "report.json"), "--policy", rules, "--cache", str(tmp_path / "cache")) == 20


def test_a_report_by_a_malicious_version_is_the_scanners_failure(report: Any) -> None:
    assert gate("--report", report(Trivy={"Version": "0.69.4"})) == 20


def test_an_update_that_fails_is_told_and_young_data_still_do(
    tmp_path: Path, pinned: tuple[StandIn, str], capsys: pytest.CaptureFixture[str]
) -> None:
    trivy, rules = pinned
    metadata = tmp_path / "cache" / "trivy" / "db" / "metadata.json"
    metadata.write_text(json.dumps({"UpdatedAt": NOW, "NextUpdate": NOW}))
    trivy.plan({"report": trivy_report(), "update": {"exit": 1, "stderr": "TOOMANYREQUESTS"}})
    (tmp_path / "app.tar").write_bytes(b"x")
    assert gate("--archive", str(tmp_path / "app.tar"), "--policy", rules, "--cache", str(tmp_path / "cache")) == 0
    assert "note: the database was not updated: the registry or package repository limits" in capsys.readouterr().out


def test_the_table_says_what_belongs_to_which_artifact_and_shows_the_whole_of_a_long_place(
    tmp_path: Path, report: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    check = {"ID": "DS-0002", "Status": "FAIL", "Severity": "HIGH", "Title": "root", "Resolution": "Add a USER"}
    place = "a" * 60 + "/Dockerfile"
    first = report(
        ArtifactName="one",
        Results=[
            {"Class": "os-pkgs", "Type": "debian"},
            {"Class": "config", "Target": place, "Misconfigurations": [check]},
        ],
    )
    second = tmp_path / "second.json"
    second.write_text(json.dumps(trivy_report(ArtifactName="two", CreatedAt=NOW, Metadata={"ImageID": "sha256:1"})))
    assert gate("--report", first, "--report", str(second)) == 20
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4:2] == ["one:", "two:"]
    assert lines[2].startswith("FAIL  DS-0002 root ")
    assert lines[2].endswith(f"  {place}  Add a USER")
    assert lines[4].startswith("FAIL  two: the operating system was not recognised")


def test_a_changed_scanner_is_not_started(tmp_path: Path, pinned: tuple[StandIn, str]) -> None:
    trivy, rules = pinned
    trivy.path.write_text(trivy.path.read_text() + "# changed\n")
    (tmp_path / "app.tar").write_bytes(b"x")
    assert gate("--archive", str(tmp_path / "app.tar"), "--policy", rules, "--cache", str(tmp_path / "cache")) == 20
    assert trivy.calls() == []


def test_an_old_database_is_the_scanners_failure(tmp_path: Path, pinned: tuple[StandIn, str]) -> None:
    _, rules = pinned
    metadata = tmp_path / "cache" / "trivy" / "db" / "metadata.json"
    metadata.write_text(json.dumps({"UpdatedAt": "2024-01-01T00:00:00Z", "NextUpdate": "2999-01-01T00:00:00Z"}))
    (tmp_path / "app.tar").write_bytes(b"x")
    assert gate("--archive", str(tmp_path / "app.tar"), "--policy", rules, "--cache", str(tmp_path / "cache")) == 20


def test_without_any_scanner_nothing_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "app.tar").write_bytes(b"x")
    assert gate("--archive", str(tmp_path / "app.tar"), "--cache", str(tmp_path / "cache")) == 20


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded reports are not beside the repository")
@pytest.mark.parametrize("name", ["trivy/alpine-310.json", "trivy/debian-buster.json", "grype/explain__ghsa-test.json"])
def test_a_recorded_report_of_years_ago_does_not_pass(name: str) -> None:
    assert gate("--report", str(SAMPLES / name)) == 20
