r"""PCRE2 as analysisd uses it: bytes, compile options 0, no JIT, default limits.

The library is reached through the ``pcre2`` package; its lowest layer is used because the public functions set
options of their own (``\u`` in Python's style, no ``\C``) that change what a pattern means.
"""

from __future__ import annotations

from typing import Any

from wazuh_cicd.engine.patterns.base import Match, PatternError
from wazuh_cicd.errors import UsageError

try:
    import pcre2

    _core: Any = pcre2._cy  # noqa: SLF001 - see the module's docstring
    _CONTEXT: Any = _core.create_match_context()
    _LibraryError: Any = pcre2.LibraryError
except (ImportError, AttributeError):  # no wheel for this platform, or a version with other insides
    _core = None
    _CONTEXT = None
    _LibraryError = ()

# PCRE2_ALT_BSUX and PCRE2_NEVER_BACKSLASH_C, which the package sets and analysisd does not.
_FOREIGN_OPTIONS = 0x0000_0002 | 0x0010_0000


class PerlPattern:
    """A compiled PCRE2 pattern.

    The manager runs PCRE2 without its just-in-time compiler, and gives up at the library's limit. Compiled code finds
    the same match many times faster, so it is asked first; where it gives up (its limits are others), the interpreter
    decides.
    """

    __slots__ = ("_code", "_fast", "_groups", "source")

    caseless = False
    literals: tuple[bytes, ...] = ()

    def __init__(self, source: bytes, code: object) -> None:
        """See ``compile_pcre2``."""
        self.source = source
        self._code = code
        self._fast: object = None  # compiled on first use
        self._groups: int = _core.pattern_capture_count(code)

    def _match(self, subject: bytes) -> object:
        """Match data, or None. Over a limit of the library, or not UTF-8 where UTF is on: no match."""
        fast = self._fast
        if fast is None:
            fast = self._fast = _compiled(self.source) or self._code
        try:
            return _core.match(fast, subject, len(subject), 0, _CONTEXT)[0]
        except _LibraryError:
            return self._interpret(subject)

    def _interpret(self, subject: bytes) -> object:
        try:
            return _core.match(self._code, subject, len(subject), 0, _CONTEXT)[0]
        except _LibraryError:
            return None

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return self._match(subject) is not None

    def test_folded(self, lowered: bytes) -> bool:
        """Never asked: letter case counts."""
        raise NotImplementedError

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match behind ``start``, which counts as the beginning of the subject."""
        text = subject[start:] if start else subject
        data = self._match(text)
        if data is None:
            return None
        spans = [_core.match_substring_span_bynumber(data, text, number) for number in range(self._groups + 1)]
        while len(spans) > 1 and spans[-1][0] < 0:
            spans.pop()
        groups = tuple(text[begin:end] if begin >= 0 else b"" for begin, end in spans[1:])
        return Match(start + spans[0][1], groups)


def _compiled(source: bytes) -> object:
    """The pattern as machine code; None where the library cannot (an unusual processor, a hardened kernel)."""
    try:
        code = _core.compile(source, 0, _FOREIGN_OPTIONS)
        _core.jit_compile(code)
    except _LibraryError:
        return None
    return code


def compile_pcre2(source: bytes) -> PerlPattern:
    """Compile a PCRE2 pattern.

    Raises:
        PatternError: the library refuses it.
        UsageError: the library is not there. Guessing with another engine would make every verdict doubtful.
    """
    if _core is None:
        raise UsageError('patterns with type="pcre2" need the Python package pcre2 (0.7); install it with pip')
    try:
        return PerlPattern(source, _core.compile(source, 0, _FOREIGN_OPTIONS))
    except _LibraryError as error:
        raise PatternError(str(error)) from None
