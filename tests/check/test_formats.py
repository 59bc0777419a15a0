"""The formats of findings, as their readers want them."""

from __future__ import annotations

import json

from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.report.findings import FORMATS
from wazuh_cicd.spec.codes import CODES

FINDINGS = [
    Finding("rules/a b.yml", 3, 5, "S101", "unknown key 'whne': 100%", "did you mean 'when'?", rule="x"),
    Finding("rules/a b.yml", 0, 0, "L612", "stale\nlock", severity=Severity.WARNING),
    Finding("", 0, 0, "7612", "Rule ID '1' is duplicated", severity=Severity.NOTE),
]


def test_text_is_one_line_a_finding_and_a_count():
    assert FORMATS["text"](FINDINGS[:1]) == (
        "rules/a b.yml:3:5 S101 unknown key 'whne': 100%; did you mean 'when'?\n1 error\n"
    )
    assert FORMATS["text"](FINDINGS).endswith("1 error, 1 warning, 1 note\n")
    assert FORMATS["text"]([]) == ""


def test_json_holds_every_attribute():
    rows = json.loads(FORMATS["json"](FINDINGS))
    assert rows[0] == {
        "path": "rules/a b.yml",
        "line": 3,
        "column": 5,
        "code": "S101",
        "severity": "error",
        "message": "unknown key 'whne': 100%",
        "fix": "did you mean 'when'?",
        "rule": "x",
    }
    assert json.loads(FORMATS["json"]([])) == []


def test_sarif_names_rules_levels_and_places():
    log = json.loads(FORMATS["sarif"](FINDINGS))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted({"S101", "L612", "7612"})
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "rules/a%20b.yml"},
                "region": {"startLine": 3, "startColumn": 5},
            }
        }
    ]
    assert "locations" not in run["results"][2]


def test_sarif_knows_a_finding_again_after_it_moved():
    one, other = (
        json.loads(FORMATS["sarif"]([Finding("a", line, 1, "S101", "x")]))["runs"][0]["results"][0] for line in (1, 9)
    )
    assert one["partialFingerprints"] == other["partialFingerprints"]


def test_github_annotations_escape_what_would_end_them():
    lines = FORMATS["github"](FINDINGS).splitlines()
    assert lines[0] == (
        "::error file=rules/a b.yml,line=3,col=5,title=S101::unknown key 'whne': 100%25; did you mean 'when'?"
    )
    assert lines[1] == "::warning file=rules/a b.yml,title=L612::stale%0Alock"
    assert lines[2] == "::notice title=7612::Rule ID '1' is duplicated"


def test_every_code_says_why_and_how_to_mend():
    for code in CODES.values():
        assert code.title.endswith(".")
        assert code.why.endswith(".")
        assert code.mend.endswith((".", "`.")), code
