"""OS_Regex, by its own rules."""

import time

import pytest

from wazuh_cicd.engine.patterns import PatternError, compile_pattern
from wazuh_cicd.engine.patterns.osregex import compile_osregex


@pytest.mark.parametrize(
    ("pattern", "matches", "fails"),
    [
        (rb"\w", b"aZ0-@_", b" .:\xe9"),
        (rb"\d", b"059", b"a "),
        (rb"\s", b" ", b"\t\n"),
        (rb"\t", b"\t", b" "),
        (rb"\p", b"\"'#$%&()*+,-.:;<=>?![]{}|", b"/\\_@^~`a"),
        (rb"\W", b" .\xe9", b"a-@_"),
        (rb"\S", b"a\t\n", b" "),
        (rb"\D", b"a ", b"7"),
        (rb"\.", b"a\x01\xff ", b""),
        (rb"\<", b"<", b"\\"),
    ],
)
def test_a_class_takes_its_bytes(pattern, matches, fails):
    compiled = compile_osregex(pattern)
    assert all(compiled.test(bytes([byte])) for byte in matches)
    assert not any(compiled.test(bytes([byte])) for byte in fails)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        (b"a.c", b"abc", False),  # a bare dot is a dot
        (b"a.c", b"xA.Cx", True),
        (b"a+", b"aa", False),  # a plus is a quantifier behind a class only
        (b"a+", b"xa+", True),
        (rb"\d+a", b"12a", True),
        (b"[ab]", b"a", False),
        (b"^b|a$", b"xa", True),
        (b"a$b", b"a$b", True),
        (b"a$$", b"a", False),
        (b"(^a)", b"^a", True),
        (b"(^a)", b"a", False),
        (b"^", b"x", True),
        (b"a|", b"x", True),
        (b"$", b"x", False),
        (b"^$", b"", True),
        (b"^$", b"x", False),
        (b"()", b"a", False),
        (b"(a)(b)", b"ab", False),
        (rb"\w*\d", b"a1b", True),
        (rb"\w+\s+b", b"- 2  b", False),  # no ordinary backtracking
        (rb"\w*$", b" ", False),
        (rb"^dt\d", b"dt", False),
        (rb"\D+\s\s$", b"  1a ", False),
        (rb"\.*", b"", True),
        (rb"\.+", b"", False),
        ("Ñ".encode(), "Ñ".encode(), False),
    ],
)
def test_what_matches(pattern, subject, expected):
    assert compile_osregex(pattern).test(subject) is expected


@pytest.mark.parametrize(
    "pattern", [rb"\-", rb"\[", rb"\n", rb"\:", rb"\P", b"\\", b"((a))", b"(a|b)", b"(a", b"a)", b"x" * 20_481]
)
def test_what_is_refused(pattern):
    with pytest.raises(PatternError):
        compile_pattern("osregex", pattern)


@pytest.mark.parametrize(
    ("pattern", "subject", "groups"),
    [
        (rb"(\.+) end", b"a b end end", (b"a b",)),
        (rb"(\S+):(\d+)", b"a:b:80", (b"a:b", b"80")),
        (rb"^(\w+) for (\S+)$", b"Failed for Bob", (b"Failed", b"Bob")),
        (rb"user=(\w*);", b"user=;", (b"",)),
        (b"no groups", b"no groups", ()),
    ],
)
def test_captures_keep_the_letter_case_of_the_subject(pattern, subject, groups):
    found = compile_osregex(pattern, captures=True).search(subject)
    assert found is not None
    assert found.groups == groups


@pytest.mark.parametrize(
    ("pattern", "subject", "end"),
    [
        (b"^gate ", b"gate x", 5),
        (rb"^gate \d+", b"gate 12 abc", 8),  # the foreign byte that stops the run is eaten
        (rb"^gate \d+ ", b"gate 12 abc", 8),
        (rb"\w+$", b"abc def", 5),  # the first byte of the run
    ],
)
def test_where_the_engine_continues(pattern, subject, end):
    found = compile_osregex(pattern).search(subject)
    assert found is not None
    assert found.end == end


def test_search_starts_anew_behind_start():
    found = compile_osregex(rb"^(\d)", captures=True).search(b"ab7", 2)
    assert found is not None
    assert (found.end, found.groups) == (3, (b"7",))


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        (rb"\w+a\w+a\w+a\w+a\w+!", b"a" * 65_000 + b" "),
        (rb"\.+x\.+x\.+x\.+xy$", b"x" * 65_000 + b" "),
        (rb"a\S+ x", b"a" * 65_000),
        (rb"a\S+b\S+ y", b"a" * 65_000 + b"b y"),
        (rb"\d+\s", b"1" * 65_000),
        (rb"(\S+) (\S+) (\S+) (\S+) (\S+) end", b"a " * 32_500),
        (rb"\p*\w+\s+\d*\s\d+", b"a " * 32_500),
    ],
)
def test_no_subject_takes_long(pattern, subject):
    begin = time.process_time()
    compile_osregex(pattern).test(subject)
    compile_osregex(pattern, captures=True).search(subject)
    assert time.process_time() - begin < 5  # seconds; a generous multiple of the bound, for slow machines
