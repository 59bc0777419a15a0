"""Reports, policies, links and logs of somebody who has read the gate: nothing of them passes, and none deceives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import ROOT, StandIn
from wazuh_cicd.cli import main
from wazuh_cicd.commands import gate as command
from wodles.scan.errors import ScanError
from wodles.scan.files import read_within

sys.path.insert(0, str(ROOT / "benchmarks"))
import gate_fuzz as fuzz

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "version: 1\n"


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Judge a report in a directory of its own; returns the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(report: Any, *args: str, policy: str = "") -> int:
        Path("report.json").write_text(json.dumps(report))
        if policy:
            Path("policy.yml").write_text(HEAD + policy)
            args = (*args, "--policy", "policy.yml")
        return main(["gate", "--report", "report.json", *args])

    return run


def sarif(result: dict[str, Any], *rules: dict[str, Any], tool: str = "a tool", **more: Any) -> dict[str, Any]:
    report = fuzz.sarif(result, tool=tool, rules=rules)
    report["runs"][0].update(more)
    return report


def scored(score: str, **more: Any) -> dict[str, Any]:
    return {"id": "js/x", "properties": {"security-severity": score}, **more}


@pytest.mark.parametrize(
    "identifier",
    [
        *(
            "MAL-2024-1234",
            "RUSTSEC-2024-0001",
            "GO-2024-1234",
            "PYSEC-2024-1",
            "OSV-2024-1",
            "DSA-5555-1",
            "USN-6000-1",
        ),
        *("USN-6000-1", "RHSA-2024:1234", "ALAS2-2024-1", "ELSA-2024-1", "SUSE-SU-2024:1-1", "SNYK-JS-LODASH-567746"),
        *("BIT-x-2024-1", "cve-2024-1001", "UBUNTU-CVE-2024-1001", "TEMP-0000000-ABCDEF", "npm:lodash:20180130"),
    ],
)
def test_a_warning_about_an_advisory_of_any_database_is_a_vulnerability(
    judge: Callable[..., int], identifier: str
) -> None:
    assert judge(sarif({"ruleId": identifier, "level": "warning"}, {"id": identifier})) == 10


def test_a_package_scanner_needs_no_known_id(judge: Callable[..., int]) -> None:
    assert judge(sarif({"ruleId": "X-1", "level": "warning"}, {"id": "X-1"}, tool="osv-scanner")) == 10
    assert judge(sarif({"ruleId": "X-1", "level": "warning"}, {"id": "X-1"}, tool="a linter")) == 0


SARIF_LOWERED: dict[str, dict[str, Any]] = {
    "the message quotes a severity": sarif(
        {"ruleId": "js/x", "message": {"text": "code:\nSeverity: LOW"}}, scored("9.8"), tool="CodeQL"
    ),
    "the help quotes a severity": sarif({"ruleId": "js/x"}, scored("9.8", help={"text": "\nSeverity: LOW"})),
    "the file's name brings a second severity": sarif(
        {"ruleId": "DS002", "message": {"text": "Artifact: a\nSeverity: LOW\nSeverity: HIGH\nMessage: x"}},
        {"id": "DS002", "properties": {"tags": ["misconfiguration", "HIGH"]}},
        tool="Trivy",
    ),
    "a resource's name brings a second severity": sarif(
        {"ruleId": "DS002", "message": {"text": "Artifact: a\nSeverity: HIGH\nMessage: x\nSeverity: LOW"}},
        {"id": "DS002", "properties": {"tags": ["misconfiguration", "HIGH"]}},
        tool="Trivy",
    ),
    "two tags": sarif({"ruleId": "js/x"}, {"id": "js/x", "properties": {"tags": ["LOW", "CRITICAL"]}}),
    "the index of another rule": sarif({"ruleId": "js/other", "ruleIndex": 0}, scored("2.0")),
    "two rules of one id": sarif({"ruleId": "js/x"}, scored("9.8"), scored("2.0")),
    "two rules of one id, by index": sarif({"ruleId": "js/x/1", "ruleIndex": 1}, scored("9.8"), scored("2.0")),
    "malware in a check": sarif({"ruleId": "x", "level": "note"}, {"id": "x", "properties": {"tags": ["CWE-506"]}}),
}


@pytest.mark.parametrize("case", SARIF_LOWERED)
def test_nothing_in_sarif_lowers_a_rating(judge: Callable[..., int], case: str) -> None:
    assert judge(SARIF_LOWERED[case]) == 10


def test_a_part_of_a_rule_is_rated_as_the_rule(judge: Callable[..., int]) -> None:
    assert judge(sarif({"ruleId": "js/x/1", "ruleIndex": 0}, scored("2.0"))) == 0
    assert judge(sarif({"ruleId": "js/x/1", "ruleIndex": 0}, scored("9.0"))) == 10


@pytest.mark.parametrize(
    "invocation",
    [
        {"executionSuccessful": False},
        {"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]},
        {},
    ],
)
def test_a_conversion_that_failed_proves_nothing(judge: Callable[..., int], invocation: dict[str, Any]) -> None:
    conversion = {"tool": {"driver": {"name": "converter"}}, "invocation": invocation}
    assert judge(sarif({"ruleId": "js/x"}, scored("2.0"), conversion=conversion)) == 20


def cyclonedx(*ratings: dict[str, Any], **more: Any) -> dict[str, Any]:
    listed = list(ratings) or [{"severity": "critical"}]
    return fuzz.cyclonedx({"id": "CVE-2024-1001", "ratings": listed, "affects": [{"ref": "p"}], **more})


@pytest.mark.parametrize(
    "analysis",
    [
        *(
            {"state": state}
            for state in ("affected", "fix_deferred", "end_of_life", "under_investigation", "exploitable")
        ),
        {"state": "exploitable", "response": ["will_not_fix"]},
        {"response": ["can_not_fix"]},
    ],
)
def test_an_analysis_does_not_say_that_there_is_no_fix(judge: Callable[..., int], analysis: dict[str, Any]) -> None:
    assert judge(cyclonedx(analysis=analysis)) == 10


@pytest.mark.parametrize("source", ["FIRST", "EPSS of us", "kevin"])
def test_a_rating_counts_whoever_gives_it(judge: Callable[..., int], source: str) -> None:
    high = {"source": {"name": source}, "severity": "critical", "score": 9.8, "method": "CVSSv31"}
    assert judge(cyclonedx(high, {"severity": "low"}), policy="vulnerabilities: {threats: []}\n") == 10


@pytest.mark.parametrize("state", ["affected", "end_of_life", "under_investigation", "will_not_fix", "fix_deferred"])
def test_a_state_that_grype_does_not_have_is_not_known(judge: Callable[..., int], state: str) -> None:
    assert judge(fuzz.grype(fuzz.match(fix={"state": state, "versions": []}))) == 10


@pytest.mark.parametrize("versions", [[3.1], "3.0.13", {"a": 1}, [None]])
def test_a_version_of_another_type_is_no_report(judge: Callable[..., int], versions: Any) -> None:
    assert judge(fuzz.grype(fuzz.match(fix={"state": "not-fixed", "versions": versions}))) == 20


@pytest.mark.parametrize("version", [["3.0.13"], 3.1, {"a": 1}, True])
def test_a_fixed_version_of_another_type_is_no_report(judge: Callable[..., int], version: Any) -> None:
    assert judge(fuzz.trivy(fuzz.vulnerability(Status="affected", FixedVersion=version))) == 20


def test_an_inventory_of_a_system_that_is_not_known_proves_nothing(judge: Callable[..., int]) -> None:
    inventory = {
        **fuzz.repository(),
        "ArtifactType": "cyclonedx",
        "Metadata": {"OS": {"Family": "debian", "Name": "12"}},
    }
    assert judge(inventory) == 20
    packages = {"Target": "x", "Class": "os-pkgs", "Type": "debian"}
    assert judge({**inventory, "Results": [packages, *inventory["Results"]]}) == 0
    report = fuzz.grype(kind="sbom-file")
    assert judge(report) == 0
    report["alertsByPackage"] = [{"package": {"name": "x"}, "alerts": [{"type": "distro-unknown"}]}]
    assert judge(report) == 20


def exception(identifier: str, **more: Any) -> str:
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * day)) for day in (-1, 30)]
    entry = {"id": identifier, "owner": "team-a", "reason": "not reachable", "granted": days[0], "expires": days[1]}
    return f"exceptions: [{json.dumps({**entry, **more}, ensure_ascii=False)}]\n"


def test_an_exception_for_one_does_not_excuse_a_whole_advisory(judge: Callable[..., int]) -> None:
    many = fuzz.match(id="ALAS2-2024-1")
    many["relatedVulnerabilities"] = [{"id": "CVE-2024-0001"}, {"id": "CVE-2024-0002"}]
    for identifier, code in (("CVE-2024-0001", 10), ("CVE-2024-0002", 10), ("ALAS2-2024-1", 0)):
        assert judge(fuzz.grype(many), policy=exception(identifier)) == code
    one = fuzz.match(id="GHSA-aaaa-bbbb-cccc")
    one["relatedVulnerabilities"] = [{"id": "CVE-2024-0001"}]
    for identifier in ("GHSA-aaaa-bbbb-cccc", "CVE-2024-0001"):
        assert judge(fuzz.grype(one), policy=exception(identifier)) == 0


def test_an_exception_for_an_advisory_does_not_excuse_each_cve_of_it(judge: Callable[..., int]) -> None:
    assert judge(fuzz.trivy(fuzz.vulnerability(VendorIDs=["DSA-1"])), policy=exception("DSA-1")) == 10
    assert judge(fuzz.trivy(fuzz.vulnerability(VendorIDs=["DSA-1"])), policy=exception("CVE-2024-1001")) == 0


@pytest.mark.parametrize("reason", ["该函数在本项目中未被调用", "この関数は使われていません", "ฟังก์ชันนี้ไม่ได้ใช้"])
def test_a_reason_may_be_in_a_script_without_blanks(judge: Callable[..., int], reason: str) -> None:
    assert judge(fuzz.trivy(fuzz.vulnerability()), policy=exception("CVE-2024-1001", reason=reason)) == 0


def test_no_registry_is_not_any_registry(judge: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(fuzz.trivy(), policy="registries: []\n") == 2
    assert "registries is empty" in capsys.readouterr().err


COMMANDS = "##[stop-commands]x ##vso[task.setvariable variable=a]b ##teamcity[x] ##[add-mask]FAIL"


@pytest.mark.parametrize("form", ["text", "github"])
def test_a_name_gives_no_command_to_the_log(
    judge: Callable[..., int], capsys: pytest.CaptureFixture[str], form: str
) -> None:
    secret = {"RuleID": COMMANDS, "Severity": "HIGH", "StartLine": 1, "Title": COMMANDS}
    report = fuzz.repository({"Target": COMMANDS, "Class": "secret", "Secrets": [secret]})
    report["ArtifactName"] = "::stop-commands::x"
    Path("other.json").write_text(json.dumps({**report, "ArtifactName": " ::add-mask::FAIL"}))
    assert judge(report, "--report", "other.json", "--format", form) == 10
    shown = capsys.readouterr().out
    assert "##[" not in shown
    assert "##vso[" not in shown
    assert "##teamcity[" not in shown
    started = [line for line in shown.splitlines() if line.strip().startswith("::")]
    assert [line for line in started if not line.startswith("::error ")] == []
    assert bool(started) == (form == "github")


def test_a_title_brings_no_link_into_sarif(judge: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"RuleID": "r", "Severity": "HIGH", "StartLine": 1, "Title": "[passed](https://evil.example)"}
    report = fuzz.repository({"Target": "x", "Class": "secret", "Secrets": [secret]})
    assert judge(report, "--format", "sarif") == 10
    text = json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["message"]["text"]
    assert r"\[passed\](" in text


@pytest.mark.parametrize("option", ["--write=json=out", "--event=out", "--history=out", "--write=json=folder/x"])
def test_nothing_is_written_through_a_link_of_the_change(
    judge: Callable[..., int], tmp_path_factory: pytest.TempPathFactory, option: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    victim = elsewhere / "x"
    victim.write_text("{}")
    Path("out").symlink_to(victim)
    Path("folder").symlink_to(elsewhere)
    assert judge(fuzz.trivy(), option) == 2
    assert victim.read_text() == "{}"


def test_a_link_inside_is_followed(judge: Callable[..., int]) -> None:
    Path("real").mkdir()
    Path("out").symlink_to("real")
    assert judge(fuzz.trivy(), "--write", "json=out/gate.json") == 0
    assert json.loads(Path("real/gate.json").read_text())["code"] == 0


def test_a_scanner_of_the_change_is_not_run(
    judge: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tools = Path("source/node_modules/.bin").absolute()
    tools.mkdir(parents=True)
    trivy = StandIn(tools, "trivy", {"report": fuzz.repository()})
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert judge(fuzz.trivy(), "--directory", "source", "--no-update") == 2
    assert "trivy of the search path" in capsys.readouterr().err
    assert trivy.calls() == []


def test_the_registry_logins_come_from_outside(judge: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("source/.docker").mkdir(parents=True)
    assert judge(fuzz.trivy(), "--directory", "source", "--docker-config", "source/.docker") == 2
    assert "--docker-config" in capsys.readouterr().err


def ended(folder: Path, line: str) -> int:
    return subprocess.run(
        ["/bin/sh", "-c", line.replace("GATE", f"'{sys.executable}' -m wazuh_cicd.cli gate")],
        cwd=folder,
        timeout=60,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ).returncode


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("GATE --report bad.json >&-", 10),
        ("GATE --report good.json >&-", 2),
        ("GATE --report bad.json <&- >&- 2>&-", 10),
        ("GATE --report good.json <&- >&- 2>&-", 2),
        ("GATE --report good.json >/dev/full 2>/dev/full", 2),
        ("GATE --report good.json --policy nowhere 2>&-", 2),
        ("GATE --report good.json --policy nowhere 2>/dev/full", 2),
        ("GATE --report pipe --timeout 1", 20),
        ("GATE --report good.json --history pipe", 2),
        ("GATE --report good.json --history /dev/zero", 2),
        ("ulimit -v 4000000; GATE --report good.json --policy /dev/zero", 2),
        ("cat bad.json | GATE --report /dev/stdin", 10),
    ],
)
def test_the_code_needs_no_open_descriptor_and_nothing_is_waited_for(tmp_path: Path, line: str, code: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bad.json").write_text(json.dumps(fuzz.trivy(fuzz.vulnerability())))
    (tmp_path / "good.json").write_text(json.dumps(fuzz.trivy()))
    assert ended(tmp_path, line) == code


def test_a_user_without_a_home_judges_reports(
    judge: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(command.Path, "home", homeless)
    assert judge(fuzz.trivy()) == 0
    Path("source").mkdir()
    assert judge(fuzz.trivy(), "--directory", "source") == 2
    assert "--cache" in capsys.readouterr().err


def test_a_timeout_has_a_limit(judge: Callable[..., int]) -> None:
    assert judge(fuzz.trivy(), "--timeout", "1" + "0" * 400) == 2


def test_a_pipe_is_read_as_long_as_its_writer_takes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/sh", "-c", f"sleep 0.3; (printf a; sleep 0.3; printf bc) >'{pipe}'"]):
        assert read_within(str(pipe), 100, 20) == b"abc"
    with pytest.raises(ScanError):
        read_within(str(pipe), 100, 0.1)


def test_a_name_with_the_history_s_mark_keeps_its_clock(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps({"v|CVE-2024-1|a|v|b": 5, "app:1|v|CVE-2024-2|c": 6}))
    assert command._read_history(history, 10) == {"v|CVE-2024-1|a|v|b": 5, "v|CVE-2024-2|c": 6}


@pytest.mark.parametrize("kind", ["filesystem", "repository", "cyclonedx", "spdx"])
def test_a_system_that_is_named_was_compared_whatever_was_scanned(judge: Callable[..., int], kind: str) -> None:
    system = {"Target": "app (debian 12.5)", "Class": "os-pkgs", "Type": "debian"}
    named = {"OS": {"Family": "debian", "Name": "12.5"}}
    report = {**fuzz.trivy(), "ArtifactType": kind, "Metadata": named, "Results": [system]}
    assert judge(report) == 0
    report["Results"] = [{"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm"}]
    assert judge(report) == 20


@pytest.mark.parametrize("failures", [-1, True, None, "0", 1])
def test_a_count_of_failed_checks_that_cannot_be_is_no_proof(judge: Callable[..., int], failures: Any) -> None:
    summary = {"Successes": 1, "Failures": failures}
    checks = {"Target": "Dockerfile", "Class": "config", "Type": "dockerfile", "MisconfSummary": summary}
    report = {**fuzz.trivy(), "ArtifactType": "repository", "Metadata": {}, "Results": [checks]}
    assert judge(report) == 20
