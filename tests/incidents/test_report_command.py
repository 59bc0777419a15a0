from __future__ import annotations

import gzip
import json
import sys

import pytest

from incidents.alert_kit import alert, github, lines, specs
from wazuh_cicd import cli
from wazuh_cicd.report import progress


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch):
    monkeypatch.setattr("wazuh_cicd.spec.load_specs", specs)


@pytest.fixture
def alerts(tmp_path):
    path = tmp_path / "alerts.json"
    path.write_bytes(lines(alert(after=60 * n, **github()) for n in range(5)))
    return path


def run(*arguments):
    return cli.main(["report", *map(str, arguments)])


def test_the_page_is_one_file_that_only_its_owner_reads(alerts, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert run(alerts, "-o", page) == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert page.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_file_that_is_there_keeps_its_mode(alerts, tmp_path):
    page = tmp_path / "report.html"
    page.write_text("old")
    page.chmod(0o640)
    assert run(alerts, "-o", page) == 0
    assert page.stat().st_mode & 0o777 == 0o640


def test_other_formats_go_to_standard_output(alerts, capsysbinary):
    assert run(alerts, "--format", "json") == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["reading"]["alerts"] == 5
    assert run(alerts, "--format", "md") == 0
    assert capsysbinary.readouterr().out.startswith(b"# CI/CD security report\n")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"no json\n", gzip.compress(b"")], ids=["empty", "blank", "bad", "gz"]
)
def test_without_an_alert_there_is_no_report(tmp_path, capsys, content):
    path, page = tmp_path / "alerts.json", tmp_path / "report.html"
    path.write_bytes(content)
    assert run(path, "-o", page) == 1
    assert not page.exists()
    error = capsys.readouterr().err
    assert error.startswith(f"wazuh-cicd: {path}: no alert to report on; ")
    assert error.count("\n") == 1


def test_a_period_that_holds_nothing_says_that_others_were_there(alerts, tmp_path, capsys):
    assert run(alerts, "--since", "2026-02-01", "-o", tmp_path / "r.html") == 1
    assert "5 alerts and 0 day files lie outside --since and --until" in capsys.readouterr().err


def test_a_period_leaves_out_what_is_outside(alerts, capsysbinary):
    assert run(alerts, "--since", "2026-01-07T12:02", "--until", "2026-01-07T12:03", "--format", "json") == 0
    reading = json.loads(capsysbinary.readouterr().out)["reading"]
    assert (reading["alerts"], reading["outside"]) == (2, 3)


def test_lines_that_are_no_alerts_are_said_in_one_line(alerts, tmp_path, capsys):
    with alerts.open("ab") as stream:
        stream.write(b'{"timestamp": "\x1b[31m cut')
    assert run(alerts, "-o", tmp_path / "r.html") == 0
    error = capsys.readouterr().err
    assert error == f"wazuh-cicd: 1 lines are no alerts, the first at {alerts}:6: not a JSON object\n"
    assert "1 line could not be read" in (tmp_path / "r.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name alerts.json or a folder"),
        (["x.json"], "x.json: is not there"),
        (["ALERTS", "--indexer", "https://h:9200"], "name alerts.json or a folder"),
        (["ALERTS", "--ca", "x"], "--ca: is for --indexer"),
        (["ALERTS", "--since", "soon"], "--since soon: write"),
        (["ALERTS", "--since", "2026-02-01", "--until", "2026-01-01"], "--since lies after --until"),
        (["ALERTS", "--incidents", "0"], "--incidents 0: write a number"),
        (["ALERTS", "--owners", "none.yml"], "none.yml: No such file"),
        (["ALERTS", "-o", "no/such/folder/x.html"], "No such file or directory"),
        (["--indexer", "http://h:9200"], "must be https://HOST:9200"),
    ],
)
def test_wrong_use_is_one_line_and_ends_with_2(alerts, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(alerts.parent)
    assert run(*(str(alerts) if one == "ALERTS" else one for one in arguments)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_owners_of_a_file_stand_in_the_report(alerts, tmp_path, capsysbinary):
    owners = tmp_path / "owners.yml"
    owners.write_text("owners:\n  acme/*: {team: platform, contact: platform@example.com}\n")
    assert run(alerts, "--owners", owners, "--format", "json") == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["incidents"][0]["owners"] == ["platform (platform@example.com)"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("owners: [", (":1:", "OWNER01")),
        ("teams: {}", (":1:1", "OWNER02")),
        ("owners:\n  [a]: b", (":2:3", "OWNER03")),
        ("owners:\n  a: x\n  a: y", (":3:3", "OWNER04")),
        ("owners:\n  a: [x]", (":2:6", "OWNER05")),
        ("owners:\n  a: {contact: x}", (":2:6", "OWNER05")),
        ("owners:\n  a: {team: x, mail: y}", (":2:6", "OWNER05")),
        ("owners:\n  a:", (":2:", "OWNER05")),
        ("", ("", "OWNER02")),
        ("\x00", ("", "OWNER01")),
    ],
)
def test_what_is_wrong_with_owners_is_said_with_its_place(alerts, tmp_path, capsys, text, where):
    owners = tmp_path / "owners.yml"
    owners.write_text(text)
    assert run(alerts, "--owners", owners, "-o", tmp_path / "r.html") == 1
    error = capsys.readouterr().err
    assert f"{owners}{where[0]}" in error
    assert where[1] in error


def test_the_bar_is_drawn_for_a_terminal_only_and_not_at_once(monkeypatch):
    written = []

    class Terminal:
        def __init__(self, *, tty):
            self.isatty = lambda: tty
            self.write, self.flush = written.append, lambda: None

    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for tty in (False, True):
        monkeypatch.setattr(sys, "stderr", Terminal(tty=tty))
        bar = progress.Bar("reading")
        for second in (0.5, 1.0, 2.5, 2.6, 3.0):
            now[0] = (10.0 if tty else 0.0) + second
            bar(50 << 20, 100 << 20)
        bar.end()
        if not tty:
            assert written == []
            now[0] = 10.0
    assert len(written) == 3  # at 2.5 and at 3.0, then taken away
    assert written[0] == "\rreading [###############               ]  50%  50 MiB "
