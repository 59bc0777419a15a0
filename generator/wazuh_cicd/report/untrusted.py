"""Text that others made, shown as it is: nothing in it hides, reorders or commands."""

from __future__ import annotations

import re
import unicodedata

#: Marks that pile up on one letter, from which on they are shown by number.
_ENDS = {"\n": "⏎", "\t": "⇥"}
_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4,}")


def visible(text: str) -> str:
    """The text with everything that has no shape of its own as ``⟦U+202E⟧``, line ends and tabs as ``⏎`` and ``⇥``.

    That is control characters, those that change the direction of writing or have no width, line and paragraph ends,
    what is not assigned, and halves of surrogate pairs, which are bytes that were no UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    if not text.isprintable():
        text = "".join(_shape(char) for char in text)
    return _MARKS.sub(lambda found: "".join(_number(char) for char in found[0]), text)


def _shape(char: str) -> str:
    if char.isprintable():
        return char
    if char in _ENDS:
        return _ENDS[char]
    if unicodedata.category(char) == "Zs":  # blanks of other widths are blanks
        return " "
    if "\udc80" <= char <= "\udcff":
        return f"⟦{ord(char) - 0xDC00:02X}⟧"  # a byte that is no UTF-8
    return _number(char)


def _number(char: str) -> str:
    return f"⟦U+{ord(char):04X}⟧"


def short(text: str, most: int) -> str:
    """The text, cut to so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def code(text: str) -> str:
    """The text as code in Markdown: no link, mention, image or table cell can come out of it."""
    shown = visible(text).replace("|", "¦") or " "  # a cell ends at a bar, even inside code
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"
