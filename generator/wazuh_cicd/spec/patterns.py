r"""Author's PCRE2 expressions: judged here, rewritten for Wazuh's XML.

Wazuh's XML has no escapes and its server API refuses ``<`` and ``&`` in any spelling but PCRE2's own, so an expression
is rewritten: ``<`` becomes ``\x3c``, ``&`` becomes ``\x26``, look-behinds and named groups take their spelling without
angle brackets. The meaning stays; ``tests/spec/test_patterns.py`` proves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pcre2


@dataclass(frozen=True, slots=True)
class PatternProblem:
    """Why an expression cannot be used, and how to mend it."""

    what: str
    mend: str


_NAMED = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_TOKENS = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\(\?<[=!]|\(\?P?<[A-Za-z_]\w*>|[<&\n\r\t]|[^\\<&(\n\r\t]+|.", re.DOTALL)
_SPELLING = {"<": r"\x3c", "&": r"\x26", "\n": r"\n", "\r": r"\r", "\t": r"\t", r"\<": r"\x3c", r"\&": r"\x26"}


@cache
def regex_problem(pattern: str) -> PatternProblem | None:
    """What is wrong with an author's expression, or None."""
    try:
        rewritten = rewrite(pattern)
    except ValueError as error:
        return PatternProblem(str(error), "write the text with single escapes")
    try:
        pcre2.compile(rewritten.encode("utf-8", "surrogateescape"))
    except Exception as error:  # noqa: BLE001 - the binding raises its own kinds; each means: does not compile
        text = " ".join(str(error).split())
        return PatternProblem(
            f"PCRE2 says: {text.rstrip('.')}", "mend the expression; escape literal ( [ { * + ? . | \\"
        )
    if _non_ascii_set(pattern):
        return PatternProblem(
            "a character beyond ASCII in [...] or before a quantifier, where PCRE2 sees single bytes",
            "write it as an alternative: (?:ä|ö), or begin with (*UTF)",
        )
    return None


def _non_ascii_set(pattern: str) -> bool:
    if pattern.startswith(("(*UTF)", "(*UTF8)", "(*UCP)(*UTF)")) or pattern.isascii():
        return False
    return bool(re.search(r"\[[^\]]*[^\x00-\x7f]|[^\x00-\x7f][*+?{]", pattern))


@cache
def rewrite(pattern: str) -> str:
    r"""The expression in the spelling that survives Wazuh's XML reader and its server API.

    Raises:
        ValueError: ``<`` or ``&`` inside ``\Q...\E``, which has no other spelling.
    """
    out = []
    for part in _TOKENS.findall(pattern):
        if part.startswith("\\Q"):
            if re.search(r"[<&\n\r\t]", part):
                raise ValueError(r"'<', '&' or a control character inside \Q...\E")
            out.append(part)
        elif part in _SPELLING:
            out.append(_SPELLING[part])
        elif part.startswith(("(?<", "(?P<")):
            out.append(_group(part))
        else:
            out.append(part)
    text = "".join(out)
    if text[:1] in "=-@":  # the server API puts a quote in front of a text that looks like a spread-sheet formula
        text = "\\" + text
    if text[:1] == " ":
        text = r"\x20" + text[1:]
    if text[-1:] == " ":
        backslashes = len(text[:-1]) - len(text[:-1].rstrip("\\"))
        text = (text[:-2] if backslashes % 2 else text[:-1]) + r"\x20"
    return text


def _group(part: str) -> str:
    if part == "(?<=":
        return "(*plb:"
    if part == "(?<!":
        return "(*nlb:"
    named = _NAMED.fullmatch(part)
    if named:
        return f"(?'{named[1]}'"
    return part.replace("<", r"\x3c")


_SPECIAL = re.compile(rb"[\\^$.|?*+()\[\]{}<&#]|[\x00-\x1f\x7f]")
_ESCAPES = {ord("<"): rb"\x3c", ord("&"): rb"\x26", ord("\n"): rb"\n", ord("\r"): rb"\r", ord("\t"): rb"\t"}


def literal(text: str) -> str:
    """A PCRE2 expression for exactly this text (as UTF-8 bytes), in a spelling that Wazuh's XML and API keep."""
    raw = text.encode("utf-8", "surrogateescape")

    def escape(found: re.Match[bytes]) -> bytes:
        byte = found[0][0]
        if byte in _ESCAPES:
            return _ESCAPES[byte]
        return b"\\x%02x" % byte if byte < 32 or byte == 127 else b"\\" + found[0]

    escaped = _SPECIAL.sub(escape, raw).decode("utf-8", "surrogateescape")
    if escaped.startswith(" "):
        escaped = r"\x20" + escaped[1:]
    if escaped.endswith(" "):
        escaped = escaped[:-1] + r"\x20"
    return escaped
