"""OS_Match, PCRE2, plain comparison and word match."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine.patterns import PatternError, compile_pattern, word_match
from wazuh_cicd.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        (b"foo", b"a FOO b", True),
        (b"x.*y", b"xzy", False),
        (b"x.*y", b"x.*y", True),
        (b"^foo", b"foobar", True),
        (b"^foo", b"afoo", False),
        (b"foo$", b"afoo", True),
        (b"^foo$", b"FOO", True),
        (b"^foo$", b"foo ", False),
        (b"a|b", b"xb", True),
        (b"a|", b"zzz", True),
        (b"", b"anything", True),
        (b"^", b"x", True),
        (b"$", b"x", True),
        (b"^$", b"", True),
        (b"^$", b"x", False),
        (b"!a|b", b"xb", False),  # one "!" in front negates the whole
        (b"!a|b", b"c", True),
        (b"a|!b", b"b", False),
        (b"a|!b", b"!b", True),
        (rb"x\|y", b"x\\", True),
        (rb"x\|y", b"y", True),
        ("À".encode(), "À".encode(), False),  # beyond ASCII only anchored texts can match
        ("^À".encode(), "Àb".encode(), True),
        (b"a|b|c|d|^e|f$", b"e", True),
        (b"a|b|c|d|^e|f$", b"xe", False),
    ],
)
def test_osmatch(pattern, subject, expected):
    assert compile_pattern("osmatch", pattern).test(subject) is expected


words = st.text("ab^$|!", max_size=6).map(str.encode)


@given(words, st.text("abAB^$!", max_size=6).map(str.encode))
@settings(deadline=None)
def test_osmatch_is_its_alternatives(pattern, subject):
    negate = pattern.startswith(b"!")
    found = False
    for alternative in pattern[negate:].split(b"|"):
        begin = alternative.startswith(b"^")
        body = alternative[begin:]
        end = body.endswith(b"$")
        body = (body[:-1] if end else body).lower()
        low = subject.lower()
        if begin and end:
            found |= low == body
        elif begin:
            found |= low.startswith(body)
        elif end:
            found |= low.endswith(body)
        else:
            found |= body in low
    compiled = compile_pattern("osmatch", pattern)
    assert compiled.test(subject) is (found != negate)
    if compiled.literals and compiled.test(subject):
        assert any(literal in subject.lower() for literal in compiled.literals)


def test_osmatch_knows_no_position():
    found = compile_pattern("osmatch", b"a").search(b"xax")
    assert found is not None
    assert found.end == 3


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        (b"^F.o$", b"Foo", True),
        (b"^F.o$", b"Foo\n", True),  # "$" also stands before a last line break
        (b"^F.o$", b"foo", False),
        (b"^F.o$", b"F\no", False),
        (b"^F.o$", "Féo".encode(), False),  # bytes, not characters
        (b"(*UTF)^F.o$", "Féo".encode(), True),
        (b"(*UTF)^F.o$", b"F\xffo", False),
        (b"(?i)foo", b"FOO", True),
        (rb"\x{41}\x42", b"AB", True),
        (rb"\<", b"<", True),
        (b"(*plb:a)b", b"ab", True),
        (b"[[:alpha:]]+$", b"1a", True),
        (rb"\d++\d", b"12", False),
    ],
)
def test_pcre2(pattern, subject, expected):
    assert compile_pattern("pcre2", pattern).test(subject) is expected


@pytest.mark.parametrize("pattern", [b"(", b"[", b"a{2,1}", rb"\u1234", rb"\U", b"(?<=a*)b"])
def test_pcre2_refuses(pattern):
    with pytest.raises(PatternError):
        compile_pattern("pcre2", pattern)


@pytest.mark.parametrize(
    ("pattern", "subject", "end", "groups"),
    [
        (b"(a)|(b)|(c)", b"xb", 2, (b"", b"b")),  # an earlier group that took no part is empty, a later one is missing
        (b"(a)?b", b"b", 1, ()),
        (b"x*", b"abc", 0, ()),
        (rb"u=(\w*) k=(\w*)", b"u= k=v", 6, (b"", b"v")),
    ],
)
def test_pcre2_groups_and_end(pattern, subject, end, groups):
    found = compile_pattern("pcre2", pattern).search(subject)
    assert found is not None
    assert (found.end, found.groups) == (end, groups)


def test_pcre2_over_its_limit_is_no_match():
    begin = time.process_time()
    assert not compile_pattern("pcre2", b"(a+)+$").test(b"a" * 40 + b"b")
    assert time.process_time() - begin < 10


def test_a_string_is_compared_byte_for_byte():
    plain = compile_pattern("string", b"run")
    assert plain.test(b"run")
    assert not plain.test(b"RUN")
    assert not plain.test(b"running")


@pytest.mark.parametrize("kind", ["osregex", "osmatch", "pcre2", "string"])
def test_negate_inverts(kind):
    assert not compile_pattern(kind, b"run", negate=True).test(b"run")
    assert compile_pattern(kind, b"run", negate=True).test(b"walk")


@pytest.mark.parametrize(
    ("pattern", "groups", "expected"),
    [(b"t", b"tau,", True), (b"^au", b"tau,", False), (b"^ta|x", b"TAU,", True), (b"", b"tau,", False)],
)
def test_word_match(pattern, groups, expected):
    assert word_match(pattern, groups) is expected


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_subject_raises(subject):
    for kind, source in (("osregex", rb"(\S+)\s*(\.*)x|\d+$"), ("osmatch", b"a|^b|c$"), ("pcre2", b"(*UTF)(.)+x")):
        pattern = compile_pattern(kind, source)
        assert pattern.test(subject) is (pattern.search(subject) is not None)


def test_without_the_library_a_pcre2_pattern_is_refused_loudly(monkeypatch):
    monkeypatch.setattr("wazuh_cicd.engine.patterns.perl._core", None)
    with pytest.raises(UsageError, match="pcre2"):
        compile_pattern("pcre2", b"a")
