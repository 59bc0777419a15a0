"""The pattern languages of analysisd: OS_Regex, OS_Match, PCRE2 and plain comparison.

Each is compiled once into an object with ``test`` (fast yes or no), ``search`` (position and captures) and
``literals`` (texts that every matching subject contains, for prefilters). Subjects and sources are bytes.
No subject, whatever its bytes, makes any of them raise or run without bound.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from wazuh_cicd.engine.patterns.base import Match, Pattern, PatternError
from wazuh_cicd.engine.patterns.osmatch import compile_osmatch
from wazuh_cicd.engine.patterns.osregex import compile_osregex
from wazuh_cicd.engine.patterns.perl import compile_pcre2
from wazuh_cicd.engine.patterns.plain import Negated, PlainPattern, word_match

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["osregex", "osmatch", "pcre2", "string"]

__all__ = ["Kind", "Match", "Pattern", "PatternError", "compile_pattern", "shared_pattern", "word_match"]

_COMPILERS: dict[str, Callable[[bytes], Pattern]] = {
    "osregex": compile_osregex,
    "osmatch": compile_osmatch,
    "pcre2": compile_pcre2,
    "string": PlainPattern,
}


def compile_pattern(kind: Kind, source: bytes, *, negate: bool = False, captures: bool = False) -> Pattern:
    """Compile ``source`` in the language ``kind``.

    Args:
        kind: ``osregex``, ``osmatch``, ``pcre2``, or ``string`` for equality byte for byte.
        source: the pattern as it stands in the XML text.
        negate: invert ``test`` (the ``negate`` attribute); a negated pattern never has captures.
        captures: collect captures, as a decoder's ``regex`` does (OS_Regex scans differently then).

    Raises:
        PatternError: the manager would refuse the pattern.
    """
    if captures and kind == "osregex":
        pattern: Pattern = compile_osregex(source, captures=True)
    else:
        pattern = _COMPILERS[kind](source)
    return Negated(pattern) if negate else pattern


@lru_cache(maxsize=8192)
def shared_pattern(kind: Kind, source: bytes) -> Pattern:
    """Compile a pattern without captures, once for all who ask for it: those who load a ruleset and those who run it.

    Raises:
        PatternError: the manager would refuse the pattern.
    """
    return _COMPILERS[kind](source)
