r"""PCRE2 as analysisd uses it: bytes, compile options 0, no JIT, default limits.

The library is reached through the ``pcre2`` package; its lowest layer is used because the public functions set
options of their own (``\u`` in Python's style, no ``\C``) that change what a pattern means.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.patterns.base import Match, PatternError
from wazuh_cicd.engine.patterns.perl_facts import facts_of, has_loose_lookbehind
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    import pcre2

    _core: Any = pcre2._cy  # noqa: SLF001 - see the module's docstring
    _CONTEXT: Any = _core.create_match_context()
    _span: Any = _core.match_substring_span_bynumber
    _LibraryError: Any = pcre2.LibraryError
except (ImportError, AttributeError):  # no wheel for this platform, or a version with other insides
    _core = _span = None
    _CONTEXT = None
    _LibraryError = ()

# Pieces of a pattern: what ``\\Q`` quotes, an escape, a class, anything else.
_PIECE = re.compile(rb"\\Q.*?(?:\\E|\Z)|\\c.|\\.|\[\^?\]?(?:\\Q.*?\\E|\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]|.", re.DOTALL)
_UTF = re.compile(rb"(?:\(\*[A-Z0-9_=]+\))*?\(\*(?:UTF|UTF8)\)")

# PCRE2_ALT_BSUX and PCRE2_NEVER_BACKSLASH_C, which the package sets and analysisd does not.
_FOREIGN_OPTIONS = 0x0000_0002 | 0x0010_0000

# Seconds. The library gives up after ten million steps, which take machine code some 25 milliseconds and the
# interpreter, which counts more of them, 150: a match that took longer than this may be none for a manager.
_SOON = 0.002

# PCRE2_ERROR_MATCHLIMIT, _DEPTHLIMIT, _HEAPLIMIT.
_LIMITS = frozenset({-47, -53, -63})

#: How often a pattern of this process reached the library's limit, which a manager takes as no match.
gave_up: dict[bytes, int] = {}


class PerlPattern:
    """A compiled PCRE2 pattern.

    The manager runs PCRE2 without its just-in-time compiler, and gives up at the library's limit. Compiled code finds
    the same match many times faster, so it is asked first; where it gives up (its limits are others), and where it
    found a match only after so long a search that the manager may have given up before, the interpreter decides.

    Neither is asked when what is known about the pattern (``perl_facts``) decides alone.
    """

    __slots__ = ("_code", "_fast", "_gate", "_groups", "_known", "_readable", "_tester", "source")

    caseless = False
    literals: tuple[bytes, ...] = ()

    def __init__(self, source: bytes, code: object) -> None:
        """See ``compile_pcre2``."""
        self.source = source
        self._readable = _readable(source)
        self._code = code
        self._fast: object = None  # compiled when first needed: most patterns never meet a subject that might match
        self._gate: Callable[[bytes], bool] | None = None
        self._tester: Callable[[bytes], bool] | None = None
        self._known = False
        self._groups: int = _core.pattern_capture_count(code)

    def _match(self, subject: bytes) -> object:
        """Match data, or None. Over a limit of the library, or not UTF-8 where UTF is on: no match."""
        fast = self._fast
        if fast is None:
            fast = self._fast = _compiled(self._readable) or self._code
        begin = perf_counter()
        try:
            data = _core.match(fast, subject, len(subject), 0, _CONTEXT)[0]
        except _LibraryError:
            return self._interpret(subject)
        return self._interpret(subject) if data is not None and perf_counter() - begin > _SOON else data

    def _interpret(self, subject: bytes) -> object:
        try:
            return _core.match(self._code, subject, len(subject), 0, _CONTEXT)[0]
        except _LibraryError as error:
            if getattr(error, "code", 0) in _LIMITS:
                gave_up[self.source] = gave_up.get(self.source, 0) + 1
            return None

    def _known_gate(self) -> Callable[[bytes], bool] | None:
        """What every matching subject passes; made when first needed."""
        if not self._known:
            facts = facts_of(self.source)
            self._gate = facts.gate() if facts is not None else None
            self._known = True
        return self._gate

    def tester(self) -> Callable[[bytes], bool]:
        """The fastest function that says for a subject whether it matches."""
        tester = self._tester
        if tester is None:
            facts = facts_of(self.source)
            tester = facts.plain() if facts is not None else None
            if tester is None:
                tester = self._asking(facts.pardon() if facts is not None else None)
            self._tester = tester
        return tester

    def _asking(self, pardon: Callable[[bytes], bool] | None) -> Callable[[bytes], bool]:
        """The test that asks the library about what is not known without it."""
        gate, match = self._known_gate(), self._match
        if gate is not None:
            return lambda subject: gate(subject) and match(subject) is not None
        if pardon is not None:
            return lambda subject: not pardon(subject) or match(subject) is not None
        return lambda subject: match(subject) is not None

    def test(self, subject: bytes) -> bool:
        """Whether the subject matches."""
        return (self._tester or self.tester())(subject)

    @property
    def first_bytes(self) -> frozenset[int] | None:
        """The first bytes, letters in lower case, that a matching subject may have; None when any may come, or none."""
        facts = facts_of(self.source)
        if facts is None or facts.firsts is None:
            return None
        return frozenset(bytes(facts.firsts).lower())

    def test_folded(self, lowered: bytes) -> bool:
        """Never asked: letter case counts."""
        raise NotImplementedError

    def search(self, subject: bytes, start: int = 0) -> Match | None:
        """Match behind ``start``, which counts as the beginning of the subject."""
        text = subject[start:] if start else subject
        gate = self._gate if self._known else self._known_gate()
        if gate is not None and not gate(text):
            return None
        data = self._match(text)
        if data is None:
            return None
        end = start + _span(data, text, 0)[1]
        last = self._groups
        if not last:
            return Match(end, ())
        spans = [_span(data, text, number) for number in range(1, last + 1)]
        while spans and spans[-1][0] < 0:
            spans.pop()
        return Match(end, tuple([text[begin:close] if begin >= 0 else b"" for begin, close in spans]))


def _readable(source: bytes) -> bytes:
    r"""Return the pattern without ``\C``, which the library is built to refuse: any byte, unless UTF is on."""
    if b"\\C" not in source or _UTF.match(source):
        return source
    return _PIECE.sub(lambda found: b"(?s:.)" if found[0] == b"\\C" else found[0], source)


def _compiled(source: bytes) -> object:
    """The pattern as machine code; None where the library cannot (an unusual processor, a hardened kernel)."""
    try:
        code = _core.compile(source, 0, _FOREIGN_OPTIONS)
        _core.jit_compile(code)
    except _LibraryError:
        return None
    return code


class LimitError(Exception):
    """The library gave up at its limit: a manager takes that as no match."""


def interpreter(source: bytes) -> Callable[[bytes], bool] | None:
    """What asks the interpreter whether a subject matches, and nothing else; None when the library refuses the pattern.

    For measuring what a manager would do. It raises ``LimitError`` over the library's limit.
    """
    try:
        code = compile_pcre2(source)._code  # noqa: SLF001 - the same module
    except PatternError:
        return None

    def ask(subject: bytes) -> bool:
        try:
            return _core.match(code, subject, len(subject), 0, _CONTEXT)[0] is not None
        except _LibraryError as error:
            if getattr(error, "code", 0) in _LIMITS:
                raise LimitError from None
            return False

    return ask


def library_version() -> str:
    """The version of the library that judges."""
    return str(getattr(pcre2, "__libpcre2_version__", "")) if _core is not None else ""


def compile_pcre2(source: bytes) -> PerlPattern:
    """Compile a PCRE2 pattern.

    Raises:
        PatternError: the library refuses it.
        UsageError: the library is not there. Guessing with another engine would make every verdict doubtful.
    """
    if _core is None:
        raise UsageError('patterns with type="pcre2" need the Python package pcre2 (0.7); install it with pip')
    if has_loose_lookbehind(source):
        raise PatternError("lookbehind assertion is not fixed length")
    try:
        return PerlPattern(source, _core.compile(_readable(source), 0, _FOREIGN_OPTIONS))
    except _LibraryError as error:
        raise PatternError(str(error)) from None
