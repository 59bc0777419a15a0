"""Ids are given once: the lock file, and the commands that keep it."""

from __future__ import annotations

import pytest

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.cli import main
from wazuh_cicd.errors import UsageError
from wazuh_cicd.render.lock import FILE, read_lock

HEAD = """\
source: github
parent: {stock: 91100}
event: {location: github, envelope: {integration: github}}
defaults: {mitre: [T1562.001], compliance: [nist_800_53_CM.3], why: x, triage: [x], false_positives: [x]}
rules:
"""


def rule(number: int, name: str, value: str) -> str:
    return (
        f"  - {{id: {number}, name: {name}, level: 5, title: 'x $(github.a)', when: {{github.a: {value}}}, "
        f"tests: [{{fires: {{github.a: {value}}}}}, {{silent: {{github.a: other}}}}]}}\n"
    )


@pytest.fixture
def content(tmp_path):
    def write(*rules: str):
        (tmp_path / "rules" / "github").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "rules" / "github" / "x.yml").write_text(HEAD + "".join(rules), "utf-8")
        return tmp_path

    return write


def build(root, *more: str) -> int:
    return main(["build", "--root", str(root), "-o", str(root / "out"), "--lock", *more])


def codes(root):
    return [finding.code for finding in check_specs(root)]


def test_without_a_lock_file_nothing_is_said(content):
    assert codes(content(rule(111900, "a", "x"))) == []


def test_what_is_locked_is_clean_and_what_is_new_is_told(content):
    root = content(rule(111900, "a", "x"))
    assert build(root) == 0
    assert codes(root) == []
    content(rule(111900, "a", "x"), rule(111901, "b", "y"))
    assert codes(root) == ["L612"]
    assert build(root) == 0
    assert codes(root) == []
    assert [entry.name for entry in read_lock(root / "rules" / FILE).values()] == ["a", "b"]


def test_a_changed_rule_is_told_until_it_is_locked(content):
    root = content(rule(111900, "a", "x"))
    build(root)
    before = (root / "rules" / FILE).read_text("utf-8")
    content(rule(111900, "a", "y"))
    assert codes(root) == ["L612"]
    assert build(root) == 0
    assert (root / "rules" / FILE).read_text("utf-8") != before


def test_an_id_given_to_another_rule_is_an_error(content, capsys):
    root = content(rule(111900, "a", "x"))
    build(root)
    content(rule(111900, "b", "y"))
    assert "L610" in codes(root)
    assert build(root) == 2
    assert "belongs to 'a'" in capsys.readouterr().err


def test_a_renamed_rule_keeps_its_id(content):
    root = content(rule(111900, "a", "x"))
    build(root)
    content(rule(111900, "b", "x"))
    assert codes(root) == ["L612"]
    assert build(root) == 0
    assert read_lock(root / "rules" / FILE)[111900].name == "b"


def test_a_vanished_id_must_be_retired_and_stays_taken(content, capsys):
    root = content(rule(111900, "a", "x"), rule(111901, "b", "y"))
    build(root)
    content(rule(111900, "a", "x"))
    assert codes(root) == ["L611"]
    assert build(root) == 2
    assert "--retire 111901" in capsys.readouterr().err
    assert build(root, "--retire", "111901") == 0
    assert codes(root) == []
    content(rule(111900, "a", "x"), rule(111901, "c", "z"))
    assert "L610" in codes(root)
    assert build(root) == 2


@pytest.mark.parametrize("number", ["111900", "111999"])
def test_only_a_published_rule_that_is_gone_can_be_retired(content, number):
    root = content(rule(111900, "a", "x"))
    build(root)
    assert build(root, "--retire", number) == 2


def test_a_damaged_lock_file_is_told(content):
    root = content(rule(111900, "a", "x"))
    build(root)
    (root / "rules" / FILE).write_text("111900 a\n", "utf-8")
    with pytest.raises(UsageError, match="not a line of a lock file"):
        check_specs(root)


def test_errors_build_nothing(content, capsys):
    root = content(rule(111900, "a", "x"), rule(111900, "b", "y"))
    assert build(root) == 1
    assert "R201" in capsys.readouterr().err
    assert not (root / "out").exists()
    assert not (root / "rules" / FILE).exists()
