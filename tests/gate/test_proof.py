"""What passes must have been proved: the facts of each format, and everything that is no proof."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import ROOT, SAMPLES, StandIn, hours_ago
from wazuh_cicd.cli import main
from wazuh_cicd.gate import scans
from wazuh_cicd.gate.inline import ignored_inline
from wazuh_cicd.gate.pipelines import credentials_in, literal_credentials
from wodles.scan.config import DEFAULTS
from wodles.scan.errors import ScanError
from wodles.scan.read_report import parse_report
from wodles.scan.scans import prove
from wodles.scan.targets import Target
from wodles.scan.text import clean

sys.path.insert(0, str(ROOT / "benchmarks"))
import gate_fuzz as fuzz

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "version: 1\n"
FUTURE = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., int]:
    """Judge a report, an object or a text; returns the exit code."""

    def run(report: Any, *args: str, policy: str = "") -> int:
        path = tmp_path / "report.json"
        path.write_text(report if isinstance(report, str) else json.dumps(report))
        if policy:
            (tmp_path / "policy.yml").write_text(HEAD + policy)
            args = (*args, "--policy", str(tmp_path / "policy.yml"))
        return main(["gate", "--report", str(path), *args])

    return run


def changed(report: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**report, **changes}.items() if value is not ...}


def sarif_run(**changes: Any) -> dict[str, Any]:
    report = fuzz.sarif()
    return {**report, "runs": [changed(report["runs"][0], **changes)]}


def invocation(**more: Any) -> dict[str, Any]:
    return sarif_run(invocations=[{"executionSuccessful": True, **more}])


FLAW = fuzz.trivy(fuzz.vulnerability())
ERROR = [{"level": "error", "message": {"text": "x"}}]
UNPROVED: dict[str, Any] = {
    "trivy: results empty": changed(fuzz.repository(), Results=[]),
    "trivy: results missing": changed(fuzz.repository(), Results=...),
    "trivy: results null": changed(fuzz.repository(), Results=None),
    "trivy: image of another type": changed(fuzz.trivy(), ArtifactType="Container_Image"),
    "trivy: packages of another system": changed(fuzz.trivy(), Metadata={"OS": {"Family": "alpine", "Name": "3"}}),
    "trivy: no image": changed(fuzz.trivy(), Metadata={"OS": {"Family": "debian", "Name": "12"}}),
    "trivy: a class that nobody writes": fuzz.repository({"Target": "x", "Class": "unknown"}),
    "trivy: no class": fuzz.repository({"Target": "x"}),
    "trivy: findings under another key": fuzz.repository({"Target": "x", "Class": "config", "vulnerabilities": [{}]}),
    "trivy: findings at the top": changed(fuzz.repository(), Vulnerabilities=[fuzz.vulnerability()]),
    "trivy: secrets filtered out": fuzz.repository({"Target": "x", "Class": "secret"}),
    "trivy: checks filtered out": fuzz.repository(
        {"Target": "x", "Class": "config", "MisconfSummary": {"Successes": 1, "Failures": 2}}
    ),
    "trivy: of tomorrow": changed(fuzz.trivy(), CreatedAt=FUTURE),
    "trivy: of the day before the limit": changed(fuzz.trivy(), CreatedAt=hours_ago(121)),
    "trivy: a date and more": changed(fuzz.trivy(), CreatedAt=fuzz.STAMP + " or so"),
    "two documents": json.dumps(fuzz.trivy()) + json.dumps(fuzz.trivy()),
    "a key twice": json.dumps(FLAW)[:-1] + ', "Results": []}',
    "a key twice, deep": json.dumps(FLAW).replace('"Severity"', '"Severity": "LOW", "Severity"'),
    "two formats": changed(fuzz.trivy(), matches=[]),
    "not a number": json.dumps(fuzz.trivy())[:-1] + ', "x": NaN}',
    "grype: no database": changed(fuzz.grype(), descriptor={"name": "grype", "timestamp": fuzz.STAMP}),
    "grype: database of tomorrow": json.dumps(fuzz.grype()).replace(f'"built": "{fuzz.STAMP}"', f'"built": "{FUTURE}"'),
    "grype: database old": json.dumps(fuzz.grype()).replace(f'"built": "{fuzz.STAMP}"', f'"built": "{hours_ago(121)}"'),
    "grype: database with an error": json.dumps(fuzz.grype(schema=5)).replace('"error": null', '"error": "checksum"'),
    "grype: no distribution": changed(fuzz.grype(), distro=None),
    "grype: a source that it cannot name": changed(fuzz.grype(), source={"type": "unknown", "target": "unknown"}),
    "grype: another tool": changed(fuzz.grype(), descriptor={**fuzz.grype()["descriptor"], "name": "grype2"}),
    "cyclonedx: an inventory": changed(fuzz.cyclonedx(tool="syft"), vulnerabilities=...),
    "cyclonedx: null": changed(fuzz.cyclonedx(), vulnerabilities=None),
    "cyclonedx: the empty list that Trivy writes into each": fuzz.cyclonedx(tool="trivy"),
    "cyclonedx: of no time": changed(fuzz.cyclonedx(fuzz.LOW), metadata={"component": {"name": "app"}}),
    "sarif: no runs": {"version": "2.1.0", "runs": []},
    "sarif: another version": changed(fuzz.sarif(), version="2.0.0"),
    "sarif: results under another key": sarif_run(Results=[{"ruleId": "CVE-2024-1001"}]),
    "cyclonedx: findings under another key": changed(fuzz.cyclonedx(), Vulnerabilities=[fuzz.LOW]),
    "sarif: results missing": sarif_run(results=...),
    "sarif: results null": sarif_run(results=None),
    "sarif: results elsewhere": sarif_run(externalPropertyFileReferences={"results": [{"location": {"uri": "x"}}]}),
    "sarif: a tool without a name": sarif_run(tool={"driver": {}}),
    "sarif: success not said": sarif_run(invocations=[{}]),
    "sarif: failed": invocation(executionSuccessful=False),
    "sarif: exit code": invocation(exitCode=2),
    "sarif: signal": invocation(exitSignalName="SIGKILL"),
    "sarif: error while it ran": invocation(toolExecutionNotifications=ERROR),
    "sarif: error in its configuration": invocation(toolConfigurationNotifications=ERROR),
    "sarif: of tomorrow": invocation(endTimeUtc=FUTURE),
    "sarif: old": invocation(endTimeUtc=hours_ago(121)),
    "sarif: one run of two": {**fuzz.sarif(), "runs": [*fuzz.sarif()["runs"], {"tool": {"driver": {"name": "x"}}}]},
}  # fmt: skip


@pytest.mark.parametrize("name", UNPROVED)
def test_what_is_no_proof_is_refused_with_the_reason(
    judge: Callable[..., int], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(UNPROVED[name]) == 20
    assert "FAIL" in capsys.readouterr().out


def reason_of(report: Any) -> str:
    """Say why the scanner on a host does not call a report clean; empty: it does."""
    data = (report if isinstance(report, str) else json.dumps(report)).encode()
    try:
        problem = prove(Target("report", "r", "r"), [parse_report(data)], DEFAULTS._replace(database_max_age_hours=120))
    except ScanError as error:
        return error.reason
    return problem.reason if problem else ""


@pytest.mark.parametrize("name", UNPROVED)
def test_the_scanner_on_a_host_calls_none_of_them_clean(name: str) -> None:
    assert reason_of(UNPROVED[name]) in {"bad_report", "no_proof", "db_stale", "unknown_os"}
    assert reason_of(fuzz.trivy()) == ""


@pytest.mark.parametrize("number", range(len(fuzz.PASSING)))
def test_what_proves_itself_passes(judge: Callable[..., int], number: int) -> None:
    assert judge(fuzz.PASSING[number][0]) == 0


FAILS: dict[str, Any] = {
    "severity missing": {k: v for k, v in fuzz.vulnerability().items() if k != "Severity"},
    **{
        f"severity {value!r}": fuzz.vulnerability(Severity=value)
        for value in ("", None, 4, ["LOW"], "IMPORTANT", "UNKNOWN")
    },
    "a score without a word": fuzz.vulnerability(Severity="UNKNOWN", CVSS={"nvd": {"V3Score": 7.1}}),
    "whether it is fixed is not said": fuzz.vulnerability(Severity="HIGH", Status="unknown", FixedVersion=""),
    "a state that nobody knows": fuzz.vulnerability(Severity="HIGH", Status="surely", FixedVersion=""),
}


@pytest.mark.parametrize("profile", ["default", "strict", "pci-dss", "gdpr", "hipaa"])
@pytest.mark.parametrize("name", FAILS)
def test_what_is_not_rated_or_not_said_to_be_unfixed_fails(judge: Callable[..., int], name: str, profile: str) -> None:
    assert judge(fuzz.trivy(FAILS[name]), "--profile", profile) == 10


def test_a_low_score_is_a_rating_and_unrated_is_the_policys_choice(judge: Callable[..., int]) -> None:
    assert judge(fuzz.trivy(fuzz.vulnerability(Severity="UNKNOWN", CVSS={"nvd": {"V3Score": 3.1}}))) == 0
    unrated = fuzz.trivy(fuzz.vulnerability(Severity="UNKNOWN"))
    assert judge(unrated, policy="vulnerabilities: {unrated: warn}\n") == 0


@pytest.mark.parametrize("severity", [None, "", "UNKNOWN", "weird"])
def test_a_secret_fails_however_it_is_rated(judge: Callable[..., int], severity: Any) -> None:
    secret = {"Target": "x", "Class": "secret", "Secrets": [{"RuleID": "key", "Severity": severity}]}
    assert judge(fuzz.repository(secret)) == 10
    assert judge(fuzz.repository(secret), policy="secrets: HIGH\n") == 10
    assert judge(fuzz.repository(secret), policy="secrets: NEVER\n") == 0


@pytest.mark.parametrize("report", fuzz.FAILING)
def test_what_fails_in_one_format_fails_in_each(judge: Callable[..., int], report: dict[str, Any]) -> None:
    assert judge(report) == 10


def hidden(kind: str, **finding: Any) -> dict[str, Any]:
    item = {"Type": kind, "Status": "ignored", "Source": ".trivyignore", "Finding": finding}
    packages = {"Target": "app (debian 12.5)", "Class": "os-pkgs", "Type": "debian"}
    return changed(fuzz.trivy(), Results=[{**packages, "ExperimentalModifiedFindings": [item]}])


HIDDEN: dict[str, Any] = {
    "trivy: vulnerability": hidden("vulnerability", **fuzz.vulnerability()),
    "trivy: secret": hidden("secret", RuleID="key", Severity="CRITICAL"),
    "trivy: check": hidden("misconfiguration", ID="DS-0002", Severity="HIGH", Status="FAIL"),
    "trivy: exceptions counted": fuzz.repository(
        {"Target": "x", "Class": "config", "MisconfSummary": {"Successes": 1, "Failures": 0, "Exceptions": 2}}
    ),
    "grype": changed(fuzz.grype(), ignoredMatches=[{**fuzz.match(), "appliedIgnoreRules": [{"reason": "later"}]}]),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_the_report_hides_is_shown_counted_and_refused_where_the_policy_says_so(
    judge: Callable[..., int], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(HIDDEN[name]) == 0
    out = capsys.readouterr().out
    assert "HIDDEN  " in out
    assert "1 hidden" in out
    assert judge(HIDDEN[name], policy="hidden: fail\n") == 10
    assert judge(HIDDEN[name], "--profile", "strict") == 10


def test_of_a_finding_that_is_hidden_twice_the_worst_view_counts(judge: Callable[..., int]) -> None:
    report = HIDDEN["trivy: vulnerability"]
    (packages,) = report["Results"]
    (item,) = packages["ExperimentalModifiedFindings"]
    low = {**item, "Finding": {**item["Finding"], "Severity": "LOW"}}
    for items in ([item, low], [low, item]):
        both = changed(report, Results=[{**packages, "ExperimentalModifiedFindings": items}])
        assert judge(both, policy="hidden: fail\n") == 10
    listed = {**packages, "Vulnerabilities": [low["Finding"]]}
    assert judge(changed(report, Results=[listed]), policy="hidden: fail\n") == 10


def test_a_suppression_of_sarif_hides_only_when_every_one_is_accepted(judge: Callable[..., int]) -> None:
    result = fuzz.result("CVE-2024-1001", "error", "x")
    for states, code in ((["accepted"], 0), ([None], 0), (["accepted", "rejected"], 10), (["underReview"], 10)):
        suppressions = [{"kind": "inSource", **({"status": state} if state else {})} for state in states]
        assert judge(fuzz.sarif({**result, "suppressions": suppressions})) == code


# ---------------------------------------------------------------------------------------- what it is about


def test_expect_binds_a_report_to_a_digest(judge: Callable[..., int]) -> None:
    own = fuzz.trivy()
    own["Metadata"]["RepoDigests"] = ["r.example.com/app@" + DIGEST]
    for report in (own, fuzz.grype(), fuzz.cyclonedx(fuzz.LOW)):
        assert judge(report, "--expect", fuzz.IMAGE) == 0
        assert judge(report, "--expect", "sha256:" + "b" * 64) == 20
    assert judge(own, "--expect", DIGEST) == 0
    assert judge(fuzz.sarif(), "--expect", fuzz.IMAGE) == 20
    assert judge(own, "--expect", fuzz.IMAGE, "--expect", "sha256:" + "b" * 64) == 20  # nothing is about the second one
    assert judge(own, "--expect", "sha256:1") == 2


@pytest.mark.parametrize("kind", ["archive", "sbom", "directory"])
@pytest.mark.parametrize("rule", ["registries: [r.example.com]\n", "signature: {key: awskms:///alias/x}\n"])
def test_what_has_no_registry_cannot_satisfy_a_rule_about_one(tmp_path: Path, kind: str, rule: str) -> None:
    report = fuzz.repository() if kind == "directory" else fuzz.trivy()
    trivy = StandIn(tmp_path, "trivy", {"report": report})
    folder = tmp_path / "cache" / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": hours_ago(1), "NextUpdate": "2999-01-01T00:00:00Z"}))
    cosign = StandIn(tmp_path, "cosign", {})
    subject = tmp_path / "subject"
    subject.mkdir() if kind == "directory" else subject.write_bytes(b"x")
    tools = f"scanners: {json.dumps({'trivy': trivy.tool(), 'cosign': cosign.tool()})}\n"
    policy = tmp_path / "policy.yml"
    args = ["gate", f"--{kind}", str(subject), "--policy", str(policy), "--cache", str(tmp_path / "cache")]
    policy.write_text(HEAD + tools + rule)
    assert main(args) == 30
    policy.write_text(HEAD + tools + rule + f"no_origin_allowed: [{kind}]\n")
    assert main(args) == 0
    assert cosign.calls() == []


def test_an_image_that_was_built_here_comes_from_no_registry_and_binds_the_reports_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = Target("image", "app:1", fuzz.IMAGE, fuzz.IMAGE, names=("app:1",))
    monkeypatch.setattr(scans, "docker_images", lambda _: [built])
    trivy = StandIn(tmp_path, "trivy", {"report": fuzz.trivy()})
    cosign = StandIn(tmp_path, "cosign", {})
    folder = tmp_path / "cache" / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": hours_ago(1), "NextUpdate": "2999-01-01T00:00:00Z"}))
    tools = f"scanners: {json.dumps({'trivy': trivy.tool(), 'cosign': cosign.tool()})}\n"
    policy = tmp_path / "policy.yml"
    policy.write_text(HEAD + tools + "registries: [r.example.com]\n")
    (tmp_path / "own.json").write_text(json.dumps(fuzz.grype()))
    (tmp_path / "other.json").write_text(json.dumps(fuzz.grype()).replace(fuzz.IMAGE, DIGEST))
    args = ["gate", "--image", "app:1", "--policy", str(policy), "--cache", str(tmp_path / "cache")]
    assert main(args) == 0
    assert "note: app:1: built or loaded here, so it comes from no registry" in capsys.readouterr().out
    policy.write_text(HEAD + tools)
    assert main([*args, "--report", str(tmp_path / "own.json")]) == 0
    assert main([*args, "--report", str(tmp_path / "other.json")]) == 20
    policy.write_text(HEAD + tools + "signature: {key: awskms:///alias/x}\n")
    assert main(args) == 20
    assert cosign.calls() == []


def test_a_format_that_shows_little_says_so(judge: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(fuzz.sarif()) == 0
    assert "its format does not show what was looked at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("trusted", "image", "code"),
    [
        ("r.example.com", "r.example.com/app", 0),
        ("r.example.com/team", "r.example.com/team/app", 0),
        ("r.example.com/team", "r.example.com/team-evil/app", 30),
        ("r.example.com/team", "r.example.com/teamevil", 30),
        ("r.example.com", "r.example.com.evil.example/app", 30),
        ("docker.io/library", "nginx", 0),
        ("docker.io/library", "docker.io/nginx", 0),
        ("docker.io/library", "index.docker.io/library/nginx", 0),
        ("docker.io/library", "evil/nginx", 30),
        ("docker.io/library", "r.example.com/docker.io/library/nginx", 30),
        ("R.example.com", "r.EXAMPLE.com:443/app", 0),
        ("r.example.com/team", "r.example.com/team/../evil/app", 30),
        ("*.example.com", "r.example.com/app", 0),
        ("*.example.com", "evil.example/r.example.com/app", 30),
    ],
)
def test_a_registry_is_compared_by_path_segments(
    judge: Callable[..., int], trusted: str, image: str, code: int
) -> None:
    report = fuzz.trivy()
    report["Metadata"]["RepoDigests"] = [f"{image}@{DIGEST}"]
    assert judge(report, policy=f'registries: ["{trusted}"]\n') == code


def test_an_end_of_life_is_the_developers_and_can_be_excepted(judge: Callable[..., int]) -> None:
    report = fuzz.trivy()
    report["Metadata"]["OS"]["EOSL"] = True
    assert judge(report) == 10
    entry = {"id": "end-of-life", "package": "debian", "owner": "team-a", "reason": "replaced in March"}
    dates = {"granted": hours_ago(48)[:10], "expires": hours_ago(-24 * 30)[:10]}
    assert judge(report, policy=f"exceptions: [{json.dumps({**entry, **dates})}]\n") == 0


# ---------------------------------------------------------------------------------------- the policy


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "~\n", "[]\n", "version: 1\nseverty: LOW\n", "version: 2\n"]
)
def test_an_error_of_the_policy_is_wrong_use(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str], judge: Callable[..., int]
) -> None:
    path = tmp_path / "own.yml"
    path.write_text(text)
    assert judge(fuzz.trivy(), "--policy", str(path)) == 2
    assert "own.yml" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["policy", "link", "key", "history", "kev"])
def test_what_decides_is_not_taken_from_the_directory_that_is_judged(tmp_path: Path, place: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "gate.yml").write_text(HEAD)
    (tmp_path / "gate.yml").write_text(HEAD + ("signature: {key: source/cosign.pub}\n" if place == "key" else ""))
    (tmp_path / "link.yml").symlink_to(source / "gate.yml")
    args = {
        "policy": ["--policy", str(source / "gate.yml")],
        "link": ["--policy", str(tmp_path / "link.yml")],
        "key": ["--policy", str(tmp_path / "gate.yml")],
        "history": ["--history", str(source / "history.json")],
        "kev": ["--kev", str(source / "kev.json")],
    }[place]
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert main(["gate", "--directory", "source", *args, "--cache", str(tmp_path / "cache")]) == 2
        if place == "policy":
            assert (
                main(["gate", "--directory", "source", *args, "--trust-directory", "--cache", "cache", "--no-update"])
                == 20
            )
    finally:
        os.chdir(before)


def test_an_exception_that_is_about_nothing_is_reported(
    judge: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"id": "CVE-2024-9999", "owner": "team-a", "reason": "not reachable", "granted": hours_ago(48)[:10]}
    entry["expires"] = hours_ago(-24 * 30)[:10]
    assert judge(fuzz.trivy(), policy=f"exceptions: [{json.dumps(entry)}]\n") == 0
    assert "exception for CVE-2024-9999 (owner team-a) is about nothing" in capsys.readouterr().out


GRACE = "vulnerabilities: {grace: true}\nsla_days: {CRITICAL: 30}\n"


def test_grace_goes_on_whatever_the_image_is_called(judge: Callable[..., int], tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    assert judge(FLAW, "--history", str(history), policy=GRACE) == 0
    kept = {key: value - 31 * 86400 for key, value in json.loads(history.read_text()).items()}
    history.write_text(json.dumps(kept))
    assert judge(changed(FLAW, ArtifactName="other:c0ffee"), "--history", str(history), policy=GRACE) == 10
    (key,) = kept
    history.write_text(json.dumps({f"app:1|{key}": kept[key]}))  # as 0.1 wrote it
    assert judge(changed(FLAW, ArtifactName="app:2"), "--history", str(history), policy=GRACE) == 10


@pytest.mark.parametrize("value", [4102444800, 10**30, -1, 0, 1.5, "1", None, True])
def test_a_history_that_cannot_be_true_is_refused(judge: Callable[..., int], tmp_path: Path, value: Any) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps({"v|CVE-2024-1001|x": value}))
    assert judge(FLAW, "--history", str(history), policy=GRACE) == 2


def test_a_fix_of_tomorrow_gives_no_grace(judge: Callable[..., int]) -> None:
    fix = {"state": "fixed", "versions": ["3"], "available": [{"version": "3", "date": FUTURE[:10]}]}
    assert judge(fuzz.grype(fuzz.match(fix=fix)), policy=GRACE) == 10


# ---------------------------------------------------------------------------------------- the code, whatever happens


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "wazuh_cicd.cli", "gate", *args]


def test_a_reader_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(FLAW))
    event = tmp_path / "event"
    for report, code in (("report.json", 10), ("clean.json", 0)):
        (tmp_path / "clean.json").write_text(json.dumps(fuzz.trivy()))
        script = '"$@" | true; exit ${PIPESTATUS[0]}'
        done = subprocess.run(
            ["bash", "-c", script, "gate", *command("--report", report, "--event", str(event))],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (code, "")
    assert len(event.read_bytes().splitlines()) == 2


@pytest.mark.parametrize("report", [FLAW, fuzz.trivy()], ids=["fails", "passes"])
def test_a_full_disk_never_passes(tmp_path: Path, report: dict[str, Any]) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command("--report", "report.json"), cwd=tmp_path, stdout=full, stderr=-1, check=False)
    assert done.returncode in {2, 10}
    assert b"Traceback" not in done.stderr
    options = command("--report", "report.json", "--write", "json=/dev/full")
    assert subprocess.run(options, cwd=tmp_path, capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_never_passes(tmp_path: Path, number: int) -> None:
    trivy = StandIn(tmp_path, "trivy", {"report": fuzz.trivy(), "sleep": 60})
    folder = tmp_path / "cache" / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": hours_ago(1), "NextUpdate": "2999-01-01T00:00:00Z"}))
    (tmp_path / "app.tar").write_bytes(b"x")
    (tmp_path / "policy.yml").write_text(f"{HEAD}scanners: {json.dumps({'trivy': trivy.tool()})}\n")
    process = subprocess.Popen(
        command("--archive", "app.tar", "--policy", "policy.yml", "--cache", "cache"),
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=-1, stderr=-1,
        # A shell starts what runs in the background without SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- one thread
    )  # fmt: skip
    patience = time.monotonic() + 60
    while not trivy.calls() and time.monotonic() < patience:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    assert list(tmp_path.glob("wazuh-cicd-gate-*")) == []


def test_a_scan_that_does_not_end_is_not_a_pass(tmp_path: Path) -> None:
    assert main(["gate", "--archive", "x", "--timeout", "0"]) == 2
    assert main(["gate", "--archive", "x", "--timeout", "-1"]) == 2
    del tmp_path


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, judge: Callable[..., int]) -> None:
    target = tmp_path / "out" / "gate.json"
    target.parent.mkdir()
    target.write_text("before")
    target.parent.chmod(0o500)
    if os.geteuid():
        assert judge(FLAW, "--write", f"json={target}") == 2
        assert target.read_text() == "before"
    target.parent.chmod(0o700)
    assert judge(FLAW, "--write", f"json={target}") == 10
    assert [path.name for path in target.parent.iterdir()] == ["gate.json"]


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u00ad", "\u2060", "\U000e0041", "\x9b"]
)
def test_no_unseen_character_of_a_report_is_passed_on(
    tmp_path: Path, judge: Callable[..., int], character: str
) -> None:
    report = fuzz.trivy(fuzz.vulnerability(PkgName=f"open{character}ssl", Title=f"x{character}y"))
    options = [
        part
        for name in ("text", "json", "github", "sarif", "junit")
        for part in ("--write", f"{name}={tmp_path / name}")
    ]
    assert judge(changed(report, ArtifactName=f"a{character}b"), *options, "--event", str(tmp_path / "event")) == 10
    for name in ("text", "json", "github", "sarif", "junit", "event"):
        content = (tmp_path / name).read_text()
        assert character not in content
        assert json.dumps(character)[1:-1] not in content
    assert clean(f"a{character}b") == "a b"


# ---------------------------------------------------------------------------------------- reports of real tools

REAL = sorted([*SAMPLES.glob("trivy/**/*.json"), *SAMPLES.glob("grype/*.json")])


@pytest.mark.skipif(not REAL, reason="the recorded reports are not beside the repository")
def test_no_recorded_report_of_a_real_tool_is_doubted_except_for_what_it_really_lacks() -> None:
    doubted = {}
    for path in REAL:
        if path.name.endswith((".asff.json", ".gitlab.json", ".gitlab-codequality.json")):
            continue
        report = parse_report(path.read_bytes())
        if report.doubts or not report.looked:
            doubted[path.name] = report.doubts or ("nothing was looked at",)
    # Of another program than Trivy, without packages on purpose, and made in tests without a database.
    assert set(doubted) == {
        "trivy-operator__exposedsecret_report.json",
        "trivy-operator__full_report.json",
        "alpine-39-skip.json",
        "json__TestJsonDirsPresenter.json",
        "json__TestJsonImgsPresenter.json",
    }, doubted


def test_a_thousand_changed_reports_never_pass(tmp_path: Path) -> None:
    court = fuzz.Court(tmp_path)
    chooser = random.Random(7)  # noqa: S311 -- repeatable, not secret
    removed, changes, passed = fuzz.attack(court, 1000, chooser, [])
    assert passed == []
    assert min(removed, changes) > 200


# ---------------------------------------------------------------------------------------- credentials in pipelines

LITERAL = """
    environment { DB_PASSWORD = 'hunter2hunter2' }
    password: correct-horse
  API_KEY: "8f14e45fceea167a"
      sh 'docker login -u ci -p s3cr3t registry.example.com'
      sh "curl -u admin:s3cr3t https://example.com"
      - curl -H "Authorization: Bearer abcdef123456" https://example.com
      git clone https://ci:s3cr3tpass@git.example.com/x.git
      export SONAR_TOKEN=sqp_0123456789abcdef
      - echo ghp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ
      POSTGRES_PASSWORD: postgres
      sshpass -p hunter2 ssh host
      -----BEGIN RSA PRIVATE KEY-----
      withEnv(["AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]) {
"""
REFERENCES = """
    DB_PASSWORD = credentials('db-password')
    password: ${{ secrets.DB_PASSWORD }}
    token: ${{ github.token }}
    id-token: write
    secrets: inherit
    persist-credentials: false
    - docker login -u "$CI_REGISTRY_USER" -p "$CI_REGISTRY_PASSWORD" $CI_REGISTRY
    - docker login --password-stdin registry.example.com
    withCredentials([string(credentialsId: 'db', variable: 'DB_PASSWORD')]) {
    usernamePassword(credentialsId: 'x', usernameVariable: 'USER', passwordVariable: 'PASS')
    DATABASE_PASSWORD: {vault: production/db/password@ops}
    VAULT_ID_TOKEN: {aud: https://vault.example.com}
    export TOKEN=$(vault read -field=token auth/token/lookup-self)
    secret/data/ci db_password | DB_PASSWORD ;
    token_file: /run/secrets/token
    # password: hunter2
    curl -H "Authorization: Bearer $TOKEN" https://example.com
    bypass: everything
    if [ "$TOKEN" = "" ]; then exit 1; fi
    password = System.getenv('DB_PASSWORD')
    uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
    SHA256: "0000000000000000000000000000000000000000000000000000000000000000"
"""


@pytest.mark.parametrize("line", [line for line in LITERAL.splitlines() if line.strip()])
def test_a_credential_that_is_written_out_is_found(line: str) -> None:
    assert len(list(credentials_in(line))) == 1


@pytest.mark.parametrize("line", [line for line in REFERENCES.splitlines() if line.strip()])
def test_what_is_injected_at_run_time_is_none(line: str) -> None:
    assert list(credentials_in(line)) == []


LONG = {
    "logins": "docker login " * 30_000,
    "one word": "a" * 400_000,
    "clients": "mysql " * 60_000,
    "tokens": "eyJaaaaaaaa." * 30_000,
    "keys": "password=" * 40_000,
    "addresses": "x:/" * 90_000,
}


@pytest.mark.parametrize("name", LONG)
def test_no_line_takes_long_to_read(name: str) -> None:
    begun = time.process_time()
    list(credentials_in(LONG[name]))
    assert time.process_time() - begun < 20


def test_a_linked_pipeline_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "ci.groovy").write_text("password = 'hunter2hunter2'\n")
    (tmp_path / "Jenkinsfile").symlink_to("ci.groovy")
    assert [(f.target, f.lines) for f in literal_credentials(tmp_path)] == [("Jenkinsfile", "1")]


def test_a_variable_of_two_lines_is_read() -> None:
    assert list(credentials_in("env:\n  - name: DB_PASSWORD\n    value: hunter2\n")) == [(3, "DB_PASSWORD")]


@pytest.mark.parametrize(
    "name", ["Jenkinsfile", ".github/workflows/ci.yml", ".gitlab-ci.yml", "deploy/ci.gitlab-ci.yml"]
)
def test_a_pipeline_with_a_literal_credential_fails(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    (source / name).parent.mkdir(parents=True)
    trivy = StandIn(tmp_path, "trivy", {"report": fuzz.repository()})
    folder = tmp_path / "cache" / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"UpdatedAt": hours_ago(1), "NextUpdate": "2999-01-01T00:00:00Z"}))
    (tmp_path / "policy.yml").write_text(f"{HEAD}scanners: {json.dumps({'trivy': trivy.tool()})}\n")
    out = tmp_path / "gate.json"
    args = [
        "gate",
        "--directory",
        str(source),
        "--policy",
        str(tmp_path / "policy.yml"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    for text, code in (("password: ${{ secrets.X }}\n", 0), ("# deploy\npassword: hunter2hunter2\n", 10)):
        (source / name).write_text(text)
        assert main([*args, "--write", f"json={out}"]) == code
    (finding,) = json.loads(out.read_text())["findings"]
    assert (finding["id"], finding["target"], finding["lines"]) == ("literal-credential", name, "2")
    assert "hunter2" not in out.read_text()


def test_the_snippets_hold_no_credential_and_no_package_by_name() -> None:
    for path in sorted((ROOT / "docs" / "pipelines").iterdir()):
        text = path.read_text()
        assert list(credentials_in(text)) == []
        assert "pip install wazuh" not in text
        assert "--policy .ci" not in text


def test_a_comment_that_switches_a_check_off_is_hidden_not_unseen(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('#trivy:ignore:AVD-AWS-0086\nresource "x" "y" {}\n')
    (tmp_path / "Dockerfile").write_text("# trivy:ignore:DS-0002\nFROM scratch\n")
    (tmp_path / "notes.md").write_text("trivy:ignore:DS-0002\n")
    found = {(finding.id, finding.target, finding.lines) for finding in ignored_inline(tmp_path)}
    assert found == {("AVD-AWS-0086", "main.tf", "1"), ("DS-0002", "Dockerfile", "1")}
