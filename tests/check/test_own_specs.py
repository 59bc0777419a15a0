"""Our own specs are free of errors, and the parts of a check work together on a real set of rules."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.cli import main
from wazuh_cicd.content.paths import content_root
from wazuh_cicd.findings import Severity
from wazuh_cicd.spec.load import rule_files


@pytest.fixture(scope="module")
def findings():
    return check_specs()


def test_no_spec_of_ours_is_wrong(findings):
    errors = [str(finding) for finding in findings if finding.severity is Severity.ERROR]
    assert errors == []


def test_no_title_of_ours_shows_a_hole_and_no_level_is_out_of_order(findings):
    assert [str(finding) for finding in findings if finding.code in {"H708", "H709", "H710"}] == []


def test_one_file_is_reported_on_alone(tmp_path, capsys):
    path = rule_files(content_root())[0]
    text = path.read_text("utf-8")
    copy = tmp_path / "rules" / path.parent.name
    copy.mkdir(parents=True)
    (copy / path.name).write_text(text.replace("level:", "levle:", 1), "utf-8")
    other = copy / "other.yml"
    other.write_text("source: nothing\n", "utf-8")
    assert main(["check", "--root", str(tmp_path), "--format", "json", str(copy / path.name)]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {row["path"] for row in rows} == {str(copy / path.name)}
    assert "S101" in {row["code"] for row in rows}


@pytest.mark.parametrize(
    "arguments", [["check", "/no/such/place"], ["build", "--id-base", "999999"], ["build", "--retire", "111900"]]
)
def test_wrong_use_is_one_line_and_exit_2(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
