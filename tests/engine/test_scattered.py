"""Rulesets that are not laid out like a manager's folder, as most public ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wazuh_cicd.cli import main
from wazuh_cicd.engine import read_folder
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

RULE = '<!-- <decoder name="no"> --><var name="A">b</var>\n<group name="a,"><rule id="100001" level="0"/></group>'


def test_files_are_sorted_by_what_they_hold_and_by_their_names(tmp_path: Path) -> None:
    for place, text in (
        ("Z vendor/100-a.xml", RULE),
        ("A vendor/200-b.xml", RULE),
        ("A vendor/decoder.xml", '<decoder name="a"><program_name>a</program_name></decoder>'),
        ("ossec.xml", "<ossec_config/>"),
        (".git/300-c.xml", RULE),
        ("notes.txt", RULE),
    ):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    files = read_folder(tmp_path)
    assert [name for name, _ in files.rules] == [
        str(tmp_path / "Z vendor/100-a.xml"),
        str(tmp_path / "A vendor/200-b.xml"),
    ]
    assert [name for name, _ in files.decoders] == [str(tmp_path / "A vendor/decoder.xml")]


def test_a_folder_that_is_laid_out_is_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "other.xml").write_text(RULE)
    assert read_folder(tmp_path).rules == ()


def test_a_folder_without_a_ruleset_is_none(tmp_path: Path) -> None:
    (tmp_path / "pom.xml").write_text("<project/>")
    with pytest.raises(UsageError, match="no decoders, rules or lists below it"):
        read_folder(tmp_path)


def test_check_writes_another_format_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.xml").write_text(RULE)
    assert main(["check", str(tmp_path), "--write", f"sarif={tmp_path / 'a.sarif'}"]) == 1
    assert "2.1.0" in (tmp_path / "a.sarif").read_text()
    assert main(["check", str(tmp_path), "--write", "sarf=x"]) == 2
    assert "--write sarf=x: write FORMAT=FILE" in capsys.readouterr().err
