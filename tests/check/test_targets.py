"""``wazuh-cicd check PATH…``: every path is read, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wazuh_cicd.cli import main

if TYPE_CHECKING:
    from pathlib import Path

GOOD = (
    '<rule id="{id}" level="5"><decoded_as>json</decoded_as><field name="a">x</field>'
    "<description>d</description></rule>"
)
FATAL = '<rule id="{id}" level="5"><decoded_as>json</decoded_as><descripton>d</descripton></rule>'


@pytest.fixture(autouse=True)
def _no_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAZUH_ROOT", str(tmp_path / "no-manager"))
    monkeypatch.chdir(tmp_path)


def rules(path: Path, rule: str, number: int = 100001) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<group name="mine,">{rule.format(id=number)}</group>\n')
    return path


def test_a_file_that_ends_a_manager_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tmp_path / "local_rules.xml", FATAL)
    assert main(["check", "local_rules.xml"]) == 1
    out = capsys.readouterr().out
    assert "local_rules.xml:1:" in out
    assert "Invalid option 'descripton'" in out


def test_a_good_file_is_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tmp_path / "local_rules.xml", GOOD)
    (tmp_path / "local_decoder.xml").write_text('<decoder name="mine"><program_name>^mine$</program_name></decoder>')
    assert main(["check", "local_rules.xml", "local_decoder.xml"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("garbage.xml", "\x00\x01 no xml"),
        ("pom.xml", "<project/>"),
        ("passwd", "root:x:0:0::/root:/bin/sh"),
        ("loose.yml", "rules: []"),
        ("empty.xml", ""),
    ],
)
def test_what_is_neither_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    rules(tmp_path / "good.xml", GOOD)
    assert main(["check", "good.xml", name]) == 2
    assert name in capsys.readouterr().err


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    rules(tmp_path / "good.xml", GOOD)
    assert main(["check", "good.xml", "none.xml"]) == 2


def test_a_missing_stock_rule_is_a_note_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on_stock = '<rule id="{id}" level="5"><if_sid>60106</if_sid><description>d</description></rule>'
    rules(tmp_path / "local_rules.xml", on_stock)
    assert main(["check", "local_rules.xml"]) == 0
    out = capsys.readouterr().out
    assert "[note]" in out
    assert "--stock" in out
    # No stock rule has such an id.
    rules(tmp_path / "own.xml", on_stock.replace("60106", "100999"))
    assert main(["check", "own.xml"]) == 1
    # With the stock ruleset at hand it is a finding.
    decoder = tmp_path / "stock" / "decoders" / "d.xml"
    rules(tmp_path / "stock" / "rules" / "0016-a.xml", GOOD, 1001)
    decoder.parent.mkdir()
    decoder.write_text(
        '<decoder name="json"><prematch>^{\\s*"</prematch></decoder>'
        '<decoder name="a"><program_name>^a$</program_name></decoder>'
    )
    assert main(["check", "--stock", "stock", "local_rules.xml"]) == 1


def test_a_file_is_read_with_what_lies_around_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tmp_path / "etc" / "rules" / "a.xml", GOOD, 100001)
    child = (
        '<rule id="{id}" level="7"><if_sid>100001</if_sid><list field="a">etc/lists/mine</list>'
        "<description>d</description></rule>"
    )
    rules(tmp_path / "etc" / "rules" / "b.xml", child, 100002)
    (tmp_path / "etc" / "lists").mkdir()
    (tmp_path / "etc" / "lists" / "mine").write_text("x:\n")
    assert main(["check", "etc/rules/b.xml"]) == 0
    assert capsys.readouterr().out == ""
    # Nothing is said of the others.
    rules(tmp_path / "etc" / "rules" / "c.xml", child.replace("etc/lists/mine", "etc/lists/none"), 100003)
    assert main(["check", "etc/rules/b.xml"]) == 0
    assert main(["check", "etc/rules/c.xml"]) == 1


def test_every_file_that_is_refused_is_named_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 4):
        rules(tmp_path / "vendor" / f"bad{number}.xml", FATAL, 100000 + number)
    (tmp_path / "vendor" / "bad4.xml").write_text("<group name='a'><rule")
    rules(tmp_path / "vendor" / "good.xml", GOOD, 100009)
    assert main(["check", "vendor"]) == 1
    out = capsys.readouterr().out
    assert all(f"bad{number}.xml" in out for number in range(1, 5))
    assert "it refuses 4 of the files" in out
    assert "good.xml" not in out


def test_part_of_a_content_folder_is_checked_in_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "rules" / "github").mkdir(parents=True)
    (tmp_path / "rules" / "github" / "broken.yml").write_text("- name: [\n")
    assert main(["check", "rules/github"]) == 1
    assert "rules/github/broken.yml" in capsys.readouterr().out
    assert main(["check", "rules/github/broken.yml"]) == 1
