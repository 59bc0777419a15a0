"""One way to print a table: rich lays it out, a row is one line, so that ``grep`` finds all of it."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Wider than any row: nothing is wrapped or cut.
_ENDLESS = 10_000


def wants_colour() -> bool:
    """Whether standard output is a terminal whose user has not switched colours off (https://no-color.org)."""
    return sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ


def lines(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    styles: Iterable[str] | None = None,
) -> list[str]:
    """A table as lines, the heads first, without blanks at their ends.

    Args:
        heads: of the columns.
        rows: their cells; what is not printable in them is shown as ``?``.
        right: the heads of columns that are aligned to the right.
        styles: rich's style for each row, which gives ANSI sequences; None for text without any.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
    for head in heads:
        table.add_column(Text(head), no_wrap=True, justify="right" if head in right else "left")
    given = None if styles is None else iter(styles)
    for row in rows:
        style = "" if given is None else next(given)
        table.add_row(*(Text(printable(cell), style=style) for cell in row))
    return _print(table, colour=styles is not None)


def line(text: str, style: str) -> str:
    """A line in one of rich's styles, as ANSI sequences."""
    return _print(Text(printable(text), style=style), colour=True)[0]


def _print(shown: Table | Text, *, colour: bool) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=_ENDLESS, color_system="standard" if colour else None, force_terminal=colour).print(
        shown, soft_wrap=isinstance(shown, Text)
    )
    return [shown_line.rstrip() for shown_line in stream.getvalue().splitlines()]


def printable(text: str) -> str:
    """A text on one line, without a character that would do something instead of being shown."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)
