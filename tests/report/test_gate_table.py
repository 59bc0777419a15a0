"""What a developer reads when the gate failed the build: one thing to do a line, whole, and nothing forged."""

from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import hours_ago, trivy_report, vulnerability
from wazuh_cicd.cli import main
from wazuh_cicd.gate import judge as judging
from wazuh_cicd.gate.policy import Policy
from wazuh_cicd.gate.scans import Issue, Scan
from wazuh_cicd.report import gatetable
from wodles.scan.reports import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400


def finding(number: int, package: str = "openssl", fixed: str = "3.0.13-1", **more: Any) -> dict[str, Any]:
    return vulnerability(
        number,
        PkgName=package,
        InstalledVersion="3.0.11-1",
        FixedVersion=fixed,
        Status="fixed" if fixed else "affected",
        PkgIdentifier={"PURL": f"pkg:deb/debian/{package}@3.0.11-1"},
        PrimaryURL=f"https://advisories.example.com/{number}",
        **more,
    )


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Judge these vulnerabilities, or this report; returns what is printed."""
    monkeypatch.chdir(tmp_path)

    def run(*vulnerabilities: dict[str, Any], form: str = "text", policy: str = "", **more: Any) -> str:
        Path("report.json").write_text(json.dumps(trivy_report(*vulnerabilities, CreatedAt=hours_ago(1), **more)))
        Path("policy.yml").write_text("version: 1\n" + policy)
        main(["gate", "--report", "report.json", "--policy", "policy.yml", "--format", form])
        return capsys.readouterr().out

    return run


def row(text: str, start: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(start)]
    return re.sub(r" {2,}", "  ", found)


def test_a_package_is_one_line_with_the_upgrade_that_clears_all_its_findings(shown: Callable[..., str]) -> None:
    text = shown(finding(1), finding(2, fixed="3.0.12-2", Severity="CRITICAL"), finding(3), finding(4, fixed=""))
    line = row(text, "FAIL")
    assert line.startswith("FAIL  openssl 3.0.11-1  3.0.13-1; no fix yet: CVE-2024-0004  1 CRITICAL, 3 HIGH  -  app (")
    assert line.endswith("the policy fails from HIGH on")
    assert "4 hidden" not in text
    assert "3 fail, 1 warn" in text


def test_every_finding_stands_below_with_its_fix_and_its_advisory(shown: Callable[..., str]) -> None:
    text = shown(finding(1), finding(2, fixed="3.0.12-2"), finding(3))
    for number, fixed in ((1, "3.0.13-1"), (2, "3.0.12-2"), (3, "3.0.13-1")):
        expected = f"CVE-2024-000{number}  openssl 3.0.11-1  HIGH  {fixed}  -  https://advisories.example.com/{number}"
        assert row(text, f"CVE-2024-000{number}") == expected


def test_few_findings_are_named_in_the_table(shown: Callable[..., str]) -> None:
    assert "  HIGH CVE-2024-0001, HIGH CVE-2024-0002  " in row(shown(finding(1), finding(2)), "FAIL")


def test_what_was_excused_or_hidden_is_not_mixed_with_what_counts(shown: Callable[..., str]) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    entry = f"{{id: CVE-2024-0001, owner: a team, reason: not reachable, granted: {today}, expires: {today}}}"
    text = shown(finding(1), finding(2), policy=f"exceptions: [{entry}]\n")
    assert "CVE-2024-0001" not in row(text, "FAIL")
    assert "CVE-2024-0001" in row(text, "EXCUSED")
    assert len([line for line in text.splitlines() if line.startswith("CVE-")]) == 1


@pytest.mark.parametrize("columns", ["20", "80", "500"])
def test_nothing_is_cut_at_any_width(shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    long = "p" * 150
    place = "a/" * 90 + "Dockerfile"
    check = {"ID": "DS-0002", "Status": "FAIL", "Severity": "HIGH", "Title": "t" * 120, "Resolution": "r " * 90 + "end"}
    packages = {"Target": "app", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [finding(1, package=long)]}
    text = shown(Results=[packages, {"Class": "config", "Target": place, "Misconfigurations": [check]}])
    for part in (long, place, "t" * 120, "r r end"):
        assert part in text
    assert "…" not in text


def test_the_exception_that_is_shown_counts_once_it_says_who_and_why(shown: Callable[..., str]) -> None:
    text = shown(finding(1))
    (entry,) = re.findall(r"^  - \{.*\}$", text, re.MULTILINE)
    assert shown(finding(1), policy=f"exceptions:\n{entry}\n") == ""  # as it stands it is refused
    filled = entry.replace('owner: ""', "owner: payments team").replace('reason: ""', 'reason: "not reachable"')
    assert "gate passed" in shown(finding(1), policy=f"exceptions:\n{filled}\n")


def test_a_passed_build_is_told_of_no_exception(shown: Callable[..., str]) -> None:
    assert shown() == "gate passed (profile default; 0 fail, 0 warn, 0 hidden, 0 excused, 0 pass)\n"


def verdict(**issue: Any) -> judging.Verdict:
    made = {
        "kind": "vulnerability", "id": "CVE-2024-1", "severity": "HIGH", "scanner": "grype", "package": "a",
        "version": "1", "fixed": "2", "status": "fixed", "target": "lock", "lines": "", "title": "", "url": "",
        "threat": "", "fix_date": None, "base": "b", "fix_state": "fixed", "hidden": "", **issue,
    }  # fmt: skip
    raw = Finding("vulnerability", str(made["id"]), "HIGH", "grype")
    scan = Scan("app", "report", issues=(Issue(**made, raw=raw),))
    return judging.Judge(Policy()).verdict([scan])


@pytest.mark.parametrize(
    ("age", "text"), [(41 * DAY + 5, "41 days"), (DAY + 5, "1 day"), (5, "0 days"), (-9 * DAY, "-")]
)
def test_the_age_of_a_fix_is_in_days(age: int, text: str) -> None:
    assert f"  {text}  lock" in row(gatetable.as_table(verdict(fix_date=int(time.time()) - age)), "FAIL")


def test_a_malicious_package_is_removed_not_upgraded() -> None:
    assert "  remove it  " in row(gatetable.as_table(verdict(threat="malware")), "FAIL")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a b", "http://é", 'https://a/"onclick=x', "//evil"])
def test_only_a_plain_address_becomes_a_link(url: str) -> None:
    found = verdict(url=url)
    assert "<a " not in gatetable.as_markdown(found)
    assert url not in gatetable.as_table(found)


EVIL = (
    '</td></table>\n\n# passed ✅ [x](https://evil.example) ![x](https://evil.example/i) <img src=x onerror="y"> @all `'
)


def test_no_text_of_a_report_is_markup_in_the_summary(shown: Callable[..., str]) -> None:
    text = shown(finding(1, package=EVIL), form="markdown")
    assert "<img" not in text
    assert "<img" in html.unescape(text)
    blocks = text.split("\n\n")
    # Markdown begins to read again after an empty line: none of a report's text may stand at such a place.
    assert all(block.lstrip().startswith("<") for block in blocks if block.strip())
    assert sum("evil.example" in block for block in blocks) == len(
        [b for b in blocks if re.match(r"<(table|details|p)>", b)]
    )


def test_the_summary_holds_what_the_table_holds(shown: Callable[..., str]) -> None:
    text = shown(finding(1), finding(2), form="markdown")
    for part in (
        "openssl 3.0.11-1",
        "3.0.13-1",
        "gate failed",
        '<a href="https://advisories.example.com/1">',
        "owner:",
    ):
        assert part in text


def test_a_summary_stays_below_what_github_shows(shown: Callable[..., str]) -> None:
    many = [finding(n, package=f"p{n}" + "x" * 100) for n in range(1, 5000)]
    text = shown(*many, form="markdown")
    assert 500_000 < len(text.encode()) < 1 << 20
    assert "more lines find no room here" in text
    assert "4999 fail" in text


def test_a_scan_that_failed_stands_in_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "--report", str(tmp_path / "none"), "--format", "markdown"]) == 20
    assert "❌ gate failed: not proved" in capsys.readouterr().out
