"""Reports into findings: exact counts, no secret, no traceback, whatever the report looks like."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scan_kit import SAMPLES, of, trivy_report, vulnerability
from wodles.scan.config import DEFAULTS
from wodles.scan.errors import REASONS, ScanError
from wodles.scan.events import encode_event
from wodles.scan.read_report import parse_report
from wodles.scan.reports import merge, package_url
from wodles.scan.scans import prove
from wodles.scan.targets import Target
from wodles.scan.values import SEVERITIES, as_epoch

if TYPE_CHECKING:
    from pathlib import Path


REPORTS = sorted(
    path
    for path in [*SAMPLES.glob("trivy/*.json"), *SAMPLES.glob("trivy/*/*.json"), *SAMPLES.glob("grype/*.json")]
    if not path.name.endswith((".asff.json", ".gitlab.json", ".gitlab-codequality.json"))
)
needs_samples = pytest.mark.skipif(not REPORTS, reason="the recorded reports are not beside the repository")


def count_independently(document: dict[str, Any]) -> dict[str, int]:
    """Count a report's findings by its format's definition, without the code under test."""
    counts = {"vulnerability": 0, "misconfiguration": 0, "secret": 0, "license": 0}
    if "SchemaVersion" in document:
        for result in document.get("Results") or []:
            counts["vulnerability"] += len(result.get("Vulnerabilities") or [])
            counts["secret"] += len(result.get("Secrets") or [])
            counts["license"] += len(result.get("Licenses") or [])
            counts["misconfiguration"] += sum(m["Status"] == "FAIL" for m in result.get("Misconfigurations") or [])
    elif "matches" in document:
        counts["vulnerability"] = len(document["matches"])
    elif "runs" in document:
        counts["vulnerability"] = sum(len(run["results"]) for run in document["runs"])
    else:
        counts["vulnerability"] = sum(len(v["affects"]) for v in document["vulnerabilities"])
    return counts


@needs_samples
@pytest.mark.parametrize("path", REPORTS, ids=lambda p: p.name)
def test_every_finding_of_a_recorded_report_is_counted(path: Path) -> None:
    data = path.read_bytes()
    report = parse_report(data)
    found = {
        kind: sum(f.kind == kind for f in report.findings)
        for kind in ("vulnerability", "misconfiguration", "secret", "license")
    }
    assert found == count_independently(json.loads(data))
    assert all(f.id and f.severity in SEVERITIES for f in report.findings)


@needs_samples
def test_trivys_own_integration_reports_hold_as_many_vulnerabilities_as_their_authors_wrote() -> None:
    paths = list(SAMPLES.glob("trivy/*.json"))
    texts = sum(path.read_text().count('"VulnerabilityID"') for path in paths)
    reports = [parse_report(path.read_bytes()) for path in paths]
    listed = sum(f.kind == "vulnerability" for r in reports for f in r.findings)
    hidden = sum(len(r.suppressed) for r in reports)
    assert listed + hidden == texts > 80


@given(st.integers(0, 253402300799))
def test_times_are_counted_as_the_calendar_counts_them(epoch: int) -> None:
    moment = time.gmtime(epoch)
    assert as_epoch(time.strftime("%Y-%m-%dT%H:%M:%SZ", moment).zfill(20)) == epoch
    assert as_epoch(time.strftime("%Y-%m-%d", moment)) == epoch // 86400 * 86400


@needs_samples
def test_no_token_of_a_recorded_report_reaches_a_finding() -> None:
    data = (SAMPLES / "trivy" / "secrets.json").read_bytes()
    assert b"ghp_0123456789" in data
    assert "ghp_" not in repr(parse_report(data))


def test_a_github_advisory_is_named_by_its_cve() -> None:
    match = {
        "vulnerability": {
            "id": "GHSA-cfh5-3ghh-wfjx",
            "severity": "Medium",
            "fix": {"versions": ["4.3.5"], "state": "fixed"},
        },
        "relatedVulnerabilities": [{"id": "CVE-2014-3577"}],
        "artifact": {"name": "httpclient", "version": "4.1.1", "purl": "pkg:maven/org.apache/httpclient@4.1.1"},
    }
    (finding,) = parse_report(json.dumps({"matches": [match], "descriptor": {"name": "grype"}}).encode()).findings
    assert (finding.id, finding.aliases, finding.severity) == ("CVE-2014-3577", ("GHSA-cfh5-3ghh-wfjx",), "MEDIUM")


def grype_report(identifier: str, purl: str, severity: str = "Critical", **more: Any) -> bytes:
    match = {
        "vulnerability": {"id": identifier, "severity": severity, **more},
        "artifact": {"name": "n", "version": "1", "purl": purl},
    }
    return json.dumps(
        {"matches": [match], "descriptor": {"name": "grype"}, "source": {"type": "image", "target": {}}}
    ).encode()


def test_both_scanners_views_of_one_vulnerability_become_one_with_the_worst_of_both() -> None:
    trivy = parse_report(json.dumps(trivy_report(vulnerability(1))).encode())
    exploited = {"knownExploited": [{"cve": "CVE-2024-0001"}], "epss": [{"epss": 0.91}]}
    grype = parse_report(grype_report("CVE-2024-0001", "pkg:deb/debian/package-1@1.0?distro=debian-12", **exploited))
    (finding,) = merge([trivy, grype])
    assert (finding.scanner, finding.severity, finding.threat, finding.epss) == ("grype,trivy", "CRITICAL", "kev", 0.91)
    assert (finding.fixed, finding.status) == ("1.1", "fixed")


def test_the_same_cve_in_another_version_stays_a_finding_of_its_own() -> None:
    trivy = parse_report(json.dumps(trivy_report(vulnerability(1))).encode())
    grype = parse_report(grype_report("CVE-2024-0001", "pkg:deb/debian/package-1@0.9"))
    assert len(merge([trivy, grype])) == 2


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:pypi/Flask_Login@0.6.2", "pkg:pypi/flask-login@0.6.2"),
        ("pkg:apk/alpine/musl@1.1.22-r2?arch=x86_64#sub", "pkg:apk/alpine/musl@1.1.22-r2"),
        ("pkg:npm/%40angular/core@1", "pkg:npm/@angular/core@1"),
        # An epoch, as Trivy and as Grype write it.
        ("pkg:deb/debian/zlib@1.2.13-1?arch=amd64&distro=debian-12&epoch=1", "pkg:deb/debian/zlib@1:1.2.13-1"),
        ("pkg:deb/debian/zlib@1%3A1.2.13-1?arch=amd64", "pkg:deb/debian/zlib@1:1.2.13-1"),
        ("pkg:rpm/redhat/bind@9.16-1.el9?epoch=32", "pkg:rpm/redhat/bind@32:9.16-1.el9"),
        ("pkg:rpm/redhat/bash@5.1-1.el9?epoch=0", "pkg:rpm/redhat/bash@5.1-1.el9"),
        ("pkg:npm/x?epoch=1", "pkg:npm/x"),
        ("not a purl", ""),
    ],
)
def test_package_urls_are_spelled_one_way(purl: str, expected: str) -> None:
    assert package_url(purl) == expected


@pytest.mark.parametrize(
    ("fields", "threat"),
    [
        ({"VulnerabilityID": "MAL-2024-1234"}, "malware"),
        ({"CweIDs": ["CWE-506"]}, "malware"),
        ({"CweIDs": ["CWE-79"]}, ""),
    ],
)
def test_malicious_packages_are_told_from_vulnerable_ones(fields: dict[str, Any], threat: str) -> None:
    (finding,) = parse_report(json.dumps(trivy_report(vulnerability(1, **fields))).encode()).findings
    assert finding.threat == threat


def test_the_catalogue_of_exploited_vulnerabilities_marks_trivys_findings() -> None:
    data = json.dumps(trivy_report(vulnerability(1), vulnerability(2))).encode()
    assert [f.threat for f in parse_report(data, kev={"CVE-2024-0002"}).findings] == ["", "kev"]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"SchemaVersion": 1},
        {"SchemaVersion": True},
        {"SchemaVersion": 2, "Results": {}},
        {"SchemaVersion": 2, "Results": ["x"]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": ["CVE-2024-1"]}]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"PkgName": "x"}]}]},
        {"matches": None},
        {"matches": [1]},
        {"matches": [{"vulnerability": {"severity": "High"}}]},
        {"bomFormat": "CycloneDX", "vulnerabilities": [{}]},
        {"runs": [{"results": [{"level": "error"}]}]},
        {"runs": {}},
        {"SchemaVersion": 2, "matches": []},
        {"SchemaVersion": 2, "Results": None},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": None}]},
    ],
)
def test_a_report_that_cannot_be_read_whole_is_refused(document: Any) -> None:
    with pytest.raises(ScanError):
        parse_report(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"SchemaVersion": 2', b"null", b"9" * 10_000]
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(ScanError) as caught:
        parse_report(data)
    assert caught.value.reason == "bad_report"


def test_a_passed_check_is_no_finding() -> None:
    checks = [
        {"ID": f"DS-000{n}", "Status": status, "Severity": "HIGH"}
        for n, status in enumerate(("PASS", "FAIL", "EXCEPTION"))
    ]
    report = trivy_report(Results=[{"Target": "Dockerfile", "Class": "config", "Misconfigurations": checks}])
    assert [f.id for f in parse_report(json.dumps(report).encode()).findings] == ["DS-0001"]


SECRETS = (
    "ghp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "AKIAIOSFODNN7EXAMPLE",
    "glpat-abcdefghij0123456789",
    "https://ci:hunter2hunter2@registry.example.com/v2",
    "https://example.com/?token=s3cr3tvalue&x=1",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_credentials_are_blanked_wherever_they_stand(secret: str) -> None:
    line = encode_event("vulnerability", [("package", f"pkg {secret}"), ("target", f"a/{secret}/b")])
    for piece in ("ghp_", "AKIA", "glpat-a", "hunter2", "s3cr3t", "eyJz"):
        assert piece.encode() not in line


HOSTILE = st.text(alphabet=st.characters(), max_size=400)


@given(st.dictionaries(st.sampled_from(["id", "package", "target", "title", "artifact"]), HOSTILE))
def test_any_text_makes_one_line_of_plain_ascii_json(fields: dict[str, str]) -> None:
    line = encode_event("vulnerability", fields.items())
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert b"\\u0000" not in line
    for value in json.loads(line)["cicd_scan"].values():
        value.encode()  # raises on a lone surrogate, which Wazuh's JSON reader refuses


def test_an_event_never_exceeds_eight_kibibytes() -> None:
    fields = [(f"field{n}", "\U0001f600" * 5000) for n in range(16)]
    assert len(encode_event("vulnerability", fields)) <= 8192


def mutate(value: Any, chooser: random.Random, canary: str) -> Any:
    """Change one place of a JSON value."""
    junk = [None, True, -1, 1e308, 2**70, "", canary, "\ud800", "\x00", [], {}, [[]], {"a": {"b": []}}, "A" * 3000]
    if isinstance(value, dict) and value:
        key = chooser.choice(list(value))
        act = chooser.random()
        if act < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if act < 0.3:
            return {**value, key: chooser.choice(junk)}
        return {**value, key: mutate(value[key], chooser, canary)}
    if isinstance(value, list) and value:
        place = chooser.randrange(len(value))
        if chooser.random() < 0.2:
            return [*value[:place], chooser.choice(junk), *value[place + 1 :]]
        return [*value[:place], mutate(value[place], chooser, canary), *value[place + 1 :]]
    return chooser.choice(junk)


def parse_and_encode(data: bytes) -> bytes:
    """Take a report as the wodle does, to the bytes of its events; b'' when it is refused."""
    try:
        report = parse_report(data)
    except ScanError as error:
        return b"" if error.reason in REASONS else b"a reason nobody explains"
    prove(Target("report", "r", "r"), [report], DEFAULTS)
    return b"".join(encode_event(f.kind, f._asdict().items()) for f in merge([report]))


def test_mutated_reports_are_read_or_refused_never_a_traceback() -> None:
    chooser = random.Random(20240229)  # noqa: S311 -- repeatable, not secret
    match = json.loads(
        grype_report("GHSA-cfh5-3ghh-wfjx", "pkg:npm/x@1", cwes=[{"cwe": "CWE-1"}], epss=[{"epss": 0.1}])
    )
    sarif = {
        "runs": [
            {"tool": {"driver": {"name": "t", "rules": [{"id": "r"}]}}, "results": [{"ruleId": "r", "locations": [{}]}]}
        ]
    }
    component = {"bom-ref": "a", "name": "n", "purl": "pkg:npm/n@1"}
    cyclonedx = {
        "bomFormat": "CycloneDX",
        "components": [component],
        "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "a"}]}],
    }
    bases = [trivy_report(vulnerability(1), vulnerability(2)), match, sarif, cyclonedx]
    if REPORTS:
        bases += [json.loads(p.read_bytes()) for p in REPORTS if p.stat().st_size < 20_000]
    refused = 0
    for _ in range(3000):
        document = chooser.choice(bases)
        for _ in range(chooser.randint(1, 4)):
            document = mutate(document, chooser, "CANARY")
        data = json.dumps(document).encode()
        if chooser.random() < 0.1:
            data = data[: chooser.randrange(len(data) + 1)]
        events = parse_and_encode(data)
        assert events != b"a reason nobody explains"
        refused += events == b""
    assert 0 < refused < 3000


def plant(value: Any, canary: str) -> Any:
    """Put a canary into every place of a report that may hold a secret."""
    if isinstance(value, dict):
        dangerous = (
            "Match",
            "Content",
            "Highlighted",
            "CreatedBy",
            "created_by",
            "Message",
            "Description",
            "Env",
            "configuration",
            "description",
        )
        return {k: canary if k in dangerous else plant(v, canary) for k, v in value.items()}
    return [plant(item, canary) for item in value] if isinstance(value, list) else value


@needs_samples
@pytest.mark.parametrize(
    "path", [p for p in REPORTS if "cyclonedx" not in p.name and "sarif" not in p.name], ids=lambda p: p.name
)
def test_canaries_in_a_reports_dangerous_places_stay_there(path: Path) -> None:
    canary = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY"
    document = plant(json.loads(path.read_bytes()), canary)
    document.setdefault("Metadata", {})["ImageConfig"] = {"config": {"Env": [f"AWS_SECRET_ACCESS_KEY={canary}"]}}
    document.setdefault("descriptor", {"name": "grype"})["configuration"] = {
        "registry": {"auth": [{"password": canary}]}
    }
    data = json.dumps(document).encode()
    assert canary.encode() in data
    assert b"CANARY" not in parse_and_encode(data)


def test_events_about_nothing_are_still_events() -> None:
    assert of([json.loads(encode_event("summary", []))["cicd_scan"]], "summary") == [{"event": "summary"}]
