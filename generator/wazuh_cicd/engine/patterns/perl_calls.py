r"""Subroutines of a PCRE2 pattern, written out where they are called.

An expression that repeats itself is kept short by ``(?(DEFINE)(?'a'…))`` at its end and calls ``(?P>a)``
(``render.compact``). What is read of a pattern (``perl_syntax``) knows neither; here it becomes what it was before.
"""

from __future__ import annotations

import re

_DEFINE = b"(?(DEFINE)"
# An escape, a set, a call, or a bracket.
_TOKEN = re.compile(rb"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P>(\w+)\)|[()]", re.DOTALL)
_NAMED = re.compile(rb"\(\?(?:P?<|')(\w+)[>']")
#: A pattern that would be longer than this is not written out.
LARGEST = 1 << 20


def without_calls(source: bytes) -> bytes | None:
    """The pattern with the body of each subroutine where it is called.

    None when it calls one that is not defined at its end, one that calls itself, or becomes too long.
    """
    at = source.rfind(_DEFINE)
    if at < 0:
        return source if b"(?P>" not in source else None
    bodies = _bodies(source[at + len(_DEFINE) : -1])
    if bodies is None or not source.endswith(b")"):
        return None
    done: dict[bytes, bytes | None] = {}

    def written(text: bytes, inside: frozenset[bytes]) -> bytes | None:
        parts: list[bytes] = []
        last = 0
        for token in _TOKEN.finditer(text):
            name = token[1]
            if name is None:
                continue
            body = body_of(name, inside)
            if body is None:
                return None
            parts += [text[last : token.start()], b"(?:" + body + b")"]
            last = token.end()
        whole = b"".join((*parts, text[last:]))
        return whole if len(whole) <= LARGEST else None

    def body_of(name: bytes, inside: frozenset[bytes]) -> bytes | None:
        if name in inside or name not in bodies:
            return None
        if name not in done:
            done[name] = written(bodies[name], inside | {name})
        return done[name]

    return written(source[:at], frozenset())


def _bodies(text: bytes) -> dict[bytes, bytes] | None:
    """The bodies of ``(?'a'…)(?'b'…)``; None when something else stands between them."""
    bodies: dict[bytes, bytes] = {}
    depth, start, name = 0, 0, b""
    for token in _TOKEN.finditer(text):
        if token[0] == b"(":
            if depth == 0:
                named = _NAMED.match(text, token.start())
                if named is None or token.start() != start:
                    return None
                name, start = named[1], named.end()
            depth += 1
        elif token[0] == b")":
            depth -= 1
            if depth == 0:
                bodies[name], start = text[start : token.start()], token.end()
    return bodies if depth == 0 and start == len(text) else None
