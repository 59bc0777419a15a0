r"""PCRE2 as analysisd uses it: bytes, compile options 0, no JIT, default limits.

The library is reached through the ``pcre2`` package; its lowest layer is used because the public functions set
options of their own (``\u`` in Python's style, no ``\C``) that change what a pattern means.
"""

from __future__ import annotations

from typing import Any

import pcre2

from wazuh_cicd.engine.patterns.base import Match, PatternError

_core: Any = pcre2._cy  # noqa: SLF001 - see the module's docstring

# PCRE2_ALT_BSUX and PCRE2_NEVER_BACKSLASH_C, which the package sets and analysisd does not.
_FOREIGN_OPTIONS = 0x0000_0002 | 0x0010_0000


class PerlPattern:
    """A compiled PCRE2 pattern."""

    __slots__ = ("_code", "_context", "_groups", "literals", "source")

    caseless = False

    def __init__(self, source: bytes, code: object) -> None:
        """See ``compile_pcre2``."""
        self.source = source
        self._code = code
        self._context = _CONTEXT
        self._groups: int = _core.pattern_capture_count(code)
        self.literals: tuple[bytes, ...] = ()

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches. Over a limit of the library, or not UTF-8 where UTF is on: no match."""
        try:
            return _core.match(self._code, subject, len(subject), 0, self._context)[0] is not None
        except pcre2.LibraryError:
            return False

    def test_folded(self, lowered: bytes) -> bool:
        """Never asked: letter case counts."""
        raise NotImplementedError

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match behind ``start``, which counts as the beginning of the subject."""
        text = subject[start:] if start else subject
        try:
            data = _core.match(self._code, text, len(text), 0, self._context)[0]
        except pcre2.LibraryError:
            return None
        if data is None:
            return None
        spans = [_core.match_substring_span_bynumber(data, text, number) for number in range(self._groups + 1)]
        while len(spans) > 1 and spans[-1][0] < 0:
            spans.pop()
        groups = tuple(text[begin:end] if begin >= 0 else b"" for begin, end in spans[1:])
        return Match(start + spans[0][1], groups)


_CONTEXT = _core.create_match_context()


def compile_pcre2(source: bytes) -> PerlPattern:
    """Compile a PCRE2 pattern.

    Raises:
        PatternError: the library refuses it.
    """
    try:
        return PerlPattern(source, _core.compile(source, 0, _FOREIGN_OPTIONS))
    except pcre2.LibraryError as error:
        raise PatternError(str(error)) from None
