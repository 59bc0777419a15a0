"""Workflow commands of GitHub Actions, which it shows beside the lines of a pull request.

Facts: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import re

# What a log's reader takes for a command: Azure Pipelines, TeamCity and GitHub's old form anywhere in a line, GitHub's
# new form at its start. There is no way to quote them.
_COMMAND = re.compile(r"##(?=\w*\[)")
_START = re.compile(r"^(\s*:):", re.MULTILINE)


def annotation(level: str, text: str, *, title: str, path: str = "", line: int = 0, column: int = 0) -> str:
    """One command, with its line end; ``level`` is error, warning or notice. Empty and 0 mean: no such place."""
    text, title, path = (_COMMAND.sub("# #", part) for part in (text, title, path))
    places = {"file": path, "line": line, "col": column, "title": title}
    properties = ",".join(f"{name}={_escape(str(value), ',:')}" for name, value in places.items() if value)
    return f"::{level} {properties}::{_escape(text)}\n"


def harmless(text: str) -> str:
    """Break what a CI server would take for a command in its log; it looks nearly as before."""
    return _START.sub(r"\1 :", _COMMAND.sub("# #", text))


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
