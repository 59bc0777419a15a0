"""Texts in the wrong pattern language: what OS_Regex and OS_Match read as plain characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.check.osregex import portable
from wazuh_cicd.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_PCRE_IN_OS_REGEX = re.compile(rb"\.[*+]|\[\^|\[[A-Za-z0-9]-[A-Za-z0-9]|\(\?|\{\d+(?:,\d*)?\}")
_REGEX_IN_OS_MATCH = re.compile(
    # An escape of a class: not after another backslash or a drive, not before letters or a further part of a path.
    rb"(?<![\\:])\\[wdsSWDp](?![A-Za-z0-9_\\-])"
    rb"|(?<!\\)\\\.[*+]"
    rb"|(?<![\\.])\\\.(?!\.)"
    rb"|(?<![\\*])\.\*"
    rb"|\[[A-Za-z0-9]-[A-Za-z0-9]"
    rb"|\(\?[:=!i]"
    rb"|\\<"
)
# A part of a path on Windows.
_PATH = re.compile(rb"[A-Za-z]:\\|\\[A-Za-z0-9_.]{2,}\\|%\w+%\\")


class Foreign(NamedTuple):
    """What is wrong with a text."""

    text: str
    fix: str
    severity: Severity = Severity.WARNING


def foreign(kind: str, source: bytes) -> Iterator[Foreign]:
    """What a pattern of this language has from another one."""
    if kind == "osregex":
        yield from _os_regex(source)
    elif kind == "osmatch":
        yield from _os_match(source)


def _os_regex(source: bytes) -> Iterator[Foreign]:
    plain = _ESCAPE.sub(lambda found: b"\0" * len(found[0]), source)
    found = _PCRE_IN_OS_REGEX.search(plain)
    if found:
        piece = found[0].decode("utf-8", "replace")
        yield Foreign(f"OS_Regex reads '{piece}' as these characters", 'write type="pcre2"')
    elif not portable(source):
        shown = source.decode("utf-8", "replace")[:60]
        yield Foreign(f"OS_Regex may miss matches of '{shown}'", 'write type="pcre2"', Severity.NOTE)


def _os_match(source: bytes) -> Iterator[Foreign]:
    parts = source.removeprefix(b"!").split(b"|")
    for part in parts:
        found = _REGEX_IN_OS_MATCH.search(part)
        if found is None or (found[0].startswith(b"\\") and found[0] != b"\\<" and _PATH.search(part)):
            continue
        piece = found[0].decode("utf-8", "replace")
        if piece == "\\<":
            yield Foreign("OS_Match looks for the backslash of '\\<', too", r'write \x3c with type="pcre2"')
        else:
            yield Foreign(f"OS_Match reads '{piece}' as these characters", 'write type="osregex" or type="pcre2"')
        return
    if len(parts) > 1 and {b"", b"^", b"$"} & set(parts):
        text = "an empty alternative holds always, so the whole does"
        yield Foreign(text, "remove the alternative that is empty or a lone '^' or '$'")
