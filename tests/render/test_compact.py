"""A compacted expression is shorter and matches what the long one matches."""

from __future__ import annotations

import pytest

from wazuh_cicd.engine.patterns.perl import compile_pcre2
from wazuh_cicd.render.compact import compact

WORD = "(?:alpha|beta|gamma|delta|epsilon|zeta|theta)"
TEXTS = [b"alpha beta", b"alpha", b"beta-gamma", b"xalphay", b"alphabeta", b"(alpha)beta", b"[delta] delta", b""]


@pytest.mark.parametrize(
    "pattern",
    [
        f"{WORD} {WORD}",
        f"^{WORD}(?:{WORD}|-{WORD})*$",
        rf"\({WORD}\){WORD}",
        rf"\[{WORD}[\]] {WORD}",
        f"{WORD}(*plb:alpha|betax|gamma)y?{WORD}?(*plb:alpha|betax|gamma)",
        f"{WORD}(?P>q){WORD}(?(DEFINE)(?'q'(?=-|b)-?))",
        f"^{WORD}* {WORD}*$",
        f"^{WORD}*+ {WORD}*$|^{WORD}?-{WORD}+$|^{WORD}* {WORD}*-$",
    ],
)
def test_what_matches_stays_the_same(pattern):
    short = compact(pattern)
    assert len(short) < len(pattern)
    long_one, short_one = compile_pcre2(pattern.encode()), compile_pcre2(short.encode())
    assert [long_one.test(text) for text in TEXTS] == [short_one.test(text) for text in TEXTS]
    assert any(long_one.test(text) for text in TEXTS)


def test_it_is_never_longer():
    for word in ("(?:abc)", "(?:alpha|beta|gamma|delta)"):
        assert len(compact(f"{word} {word}")) <= len(f"{word} {word}")


def test_what_does_not_repeat_itself_stays_as_it_is():
    assert compact(r"^exec: (?:a|b)\s+c$") == r"^exec: (?:a|b)\s+c$"


def test_what_repeats_without_bound_moves_with_its_quantifier():
    short = compact(f"^{WORD}*x{WORD}*+y{WORD}*z{WORD}*+$|{WORD}{{2}}a{WORD}?b")
    assert short.count(f"{WORD}*)") == short.count(f"{WORD}*+)") == short.count(f"{WORD})") == 1
    assert not any(f"){sign}" in short.replace(f"{WORD}{sign}", "") for sign in "*+")
