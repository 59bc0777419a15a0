"""Workflow commands of GitHub Actions, which it shows beside the lines of a pull request.

Facts: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations


def annotation(level: str, text: str, *, title: str, path: str = "", line: int = 0, column: int = 0) -> str:
    """One command, with its line end; ``level`` is error, warning or notice. Empty and 0 mean: no such place."""
    places = {"file": path, "line": line, "col": column, "title": title}
    properties = ",".join(f"{name}={_escape(str(value), ',:')}" for name, value in places.items() if value)
    return f"::{level} {properties}::{_escape(text)}\n"


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
