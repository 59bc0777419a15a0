"""Tables: one line a row, aligned, without colour unless it is asked for."""

from __future__ import annotations

from wazuh_cicd.report import tables

ROWS = [("one", "1"), ("twenty-three", "23")]


def test_columns_are_aligned_and_lines_have_no_blanks_at_their_ends():
    assert tables.lines(("name", "number"), ROWS, right=("number",)) == [
        "name          number",
        "one                1",
        "twenty-three      23",
    ]


def test_a_long_row_stays_one_line():
    _, row = tables.lines(("what", "why"), [("x" * 500, "y" * 500)])
    assert row == "x" * 500 + "  " + "y" * 500


def test_cells_cannot_leave_their_row():
    _, row = tables.lines(("what", "why"), [("a\x1b[31mb\nc", "[red]d[/red] :smile:")])
    assert row == "a?[31mb c  [red]d[/red] :smile:"


def test_styles_give_colours_and_nothing_else_does(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in "".join(tables.lines(("name", "number"), ROWS))
    assert "\x1b[31mone" in tables.lines(("name", "number"), ROWS, styles=["red", ""])[1]
    assert tables.line("two", "red") == "\x1b[31mtwo\x1b[0m"


def test_colour_is_wanted_on_a_terminal_without_no_color(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert tables.wants_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not tables.wants_colour()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not tables.wants_colour()


def test_no_rows_are_a_head():
    assert tables.lines(("name", "number"), []) == ["name  number"]
