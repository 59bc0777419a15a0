"""PCRE2 patterns: what is told without the library is what the library says."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine.judge.texts import matcher_of, pattern_of
from wazuh_cicd.engine.load.ruledefinition import TextTest
from wazuh_cicd.engine.patterns import PatternError, compile_pattern
from wazuh_cicd.engine.patterns.perl_facts import facts_of
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

MANY = settings(max_examples=2500, deadline=None)

LETTERS = ["a", "b", "A", "B", "-", " ", "1", r"\.", r"\x41", r"\x20", "é", "{", "}", "]", "#", "ab", "aB1", r"\t"]
CLASSES = [
    r"\d",
    r"\w",
    r"\s",
    r"\S",
    r"\W",
    r"\D",
    ".",
    "[ab]",
    "[^ab]",
    "[a-c1]",
    "[]a]",
    "[^]]",
    r"[\d-]",
    r"[\]a-b]",
    r"\h",
]  # fmt: skip
EDGES = ["^", "$", r"\A", r"\z", r"\Z", r"\b", r"\B", "(?s)"]
REPEATS = ["", "", "", "?", "*", "+", "{2}", "{0,1}", "{1,}", "??", "*?", "+?", "?+", "*+", "{,2}"]
OPENINGS = [
    "(",
    "(?:",
    "(?:",
    "(?>",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?<n>",
    "(?P<m>",
    "(*pla:",
    "(*nla:",
    "(*plb:",
    "(*nlb:",
    "(?|",
    "(?i:",
    "(?s:",
]

atoms = st.one_of(st.sampled_from(LETTERS), st.sampled_from(CLASSES))
pieces = st.one_of(
    st.builds("{}{}".format, atoms, st.sampled_from(REPEATS)),
    st.builds("{}{}".format, atoms, st.sampled_from(REPEATS)),
    st.sampled_from(EDGES),
    st.sampled_from([r"\1", r"\Qa.\E", "(?#x)", "[[:alpha:]]", "(?i)", r"\K"]),
)
sequences = st.lists(pieces, max_size=4).map("".join)
groups = st.recursive(
    sequences,
    lambda inner: (
        st.builds(
            "{}{}{}){}{}".format, sequences, st.sampled_from(OPENINGS), inner, st.sampled_from(REPEATS), sequences
        )
        | st.builds("{}|{}".format, inner, inner)
    ),
    max_leaves=6,
)
patterns = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "", "", "(?i)", "(?s)"]), st.sampled_from(["", "^", "^", r"\A"]), groups,
    st.sampled_from(["", "$", r"\z"]),
)  # fmt: skip
subjects = st.lists(
    st.sampled_from(["a", "b", "A", "B", "-", " ", "1", ".", "é", "\n", "{", "]", "ab", "\t", "#"]), max_size=8
).map("".join)


def compiled(source: bytes):
    try:
        return compile_pattern("pcre2", source)
    except PatternError:
        return None


def unsure(source: str) -> bool:
    """Whether it may look back over variable lengths: managers refuse that, machine code of newer libraries errs."""
    return facts_of(source.encode()) is None and any(mark in source for mark in ("(?<=", "(?<!", "lb:"))


def agree(pattern, subject: bytes) -> None:
    truth = pattern._interpret(subject) is not None
    assert pattern.tester()(subject) is truth
    assert pattern.test(subject) is truth
    found = pattern.search(b"x" + subject, 1)
    assert (found is not None) is truth
    if truth and subject and pattern.first_bytes is not None:
        assert subject.lower()[0] in pattern.first_bytes
    if truth and not subject:
        assert pattern.first_bytes is None


@MANY
@given(patterns, st.lists(subjects, min_size=1, max_size=6))
def test_patterns_answer_as_the_library_does(source, texts):
    pattern = compiled(source.encode())
    assume(pattern is not None and not unsure(source))
    for text in texts:
        agree(pattern, text.encode())


@MANY
@given(st.text("ab1(?:|)[]^-$.*+{},\\dwsAzQE=!<>iP#\n", max_size=14), st.lists(subjects, min_size=1, max_size=4))
def test_any_text_that_compiles_answers_as_the_library_does(source, texts):
    pattern = compiled(source.encode())
    assume(pattern is not None and not unsure(source))
    for text in [*texts, source]:
        agree(pattern, text.encode())


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["", "(?i)"]),
    st.sampled_from(["", "^", r"\A"]),
    st.lists(st.sampled_from(["a", "ab", r"a\.b", "B", "", "a-b", "[ab]c", "a(?:b|c)?d"]), min_size=1, max_size=3),
    st.sampled_from(["", "$", r"\z", r"\Z"]),
    st.booleans(),
    st.text("abcdAB.-|\n", max_size=6).map(str.encode),
)
def test_a_choice_of_texts_needs_no_library(case, begin, texts, end, negate, value):  # noqa: PLR0917
    choice = texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"
    source = f"{case}{begin}{choice}{end}".encode()
    assert facts_of(source).plain() is not None
    test = TextTest("field", source, "pcre2", negate)
    assert matcher_of(test)(value) == pattern_of(test).test(value)
    agree(compiled(source), value)


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        (r"exec: .*(?:xmrig|minerd)", {("exec: ",), ("minerd", "xmrig")}),
        (r"(?i)Failed \S+ for", {(" for",), ("failed ",)}),
        (r"^type=(?:SYSCALL|EXECVE) .*key=", {("key=",)}),  # the beginning is compared as such
        (r"(?:abc)?d", set()),
        (r"(?!abc)d+", set()),
        (r"(?=.*abc)d", {("abc",)}),
        (r"abc|d", set()),
        (r"(?:abc){2,}", {("abc",)}),
        (r"(?:abc){0,2}", set()),
    ],
)
def test_what_every_match_contains(source, needs):
    found = facts_of(source.encode()).needs
    assert {tuple(text.decode() for text in need) for need in found} == needs


@pytest.mark.parametrize(
    "source",
    [
        r"(a)\1",
        r"\Qa\E",
        "(?x)a b",
        "a(?i)b",
        "(*UTF8)a",
        "[[:alpha:]]",
        "(?(1)a)",
        "(?R)",
        r"\x{41}",
        r"\p{L}",
        "a{,2}",
    ],
)
def test_nothing_is_said_of_what_is_not_read(source):
    assert facts_of(source.encode()) is None


# Asked of PCRE2 10.42, which managers have.
@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("(?<!a?)x", False),
        ("(?<=a|bc)x", True),
        ("(?<=a(?:b|cd))x", False),
        ("(?<=a(?:b|c))x", True),
        ("(?<=a{2})x", True),
        ("(?<=a{1,2})x", False),
        ("(?<=a++)x", False),
        ("(?<=(?=a+)b)x", True),
        ("(?<=)x", True),
        ("(?<=a?|b)x", False),
        ("(?<=ab|c|)x", True),
        ("(?<=(?:a|bc))x", False),
        ("(?<=(?>a|bc))x", False),
        (r"(?<=\b)x", True),
        ("(?<=^|a)x", True),
        ("(?<=a(?<=b+))x", False),
        ("(?<=a(?<=b|cd))x", True),
        ("(?<=(a)|bc)x", True),
        ("(?<=(a|bc)|d)x", False),
        ("y(?:x(?<!a*))?", False),
        ("(*nlb:a?)x", False),
        ("(*positive_lookbehind:a|bc)x", True),
    ],
)
def test_what_is_looked_back_over_has_a_fixed_length(source, taken):
    assert (compiled(source.encode()) is not None) is taken


def test_a_match_that_a_manager_gives_up_before_is_none():
    pattern = compiled(b"^(?:(a+)+b|a+c)")
    assert pattern.test(b"a" * 12 + b"c")
    # Ten million steps are not enough here; machine code, which counts fewer, finds the match.
    assert not pattern.test(b"a" * 22 + b"c")
    assert pattern.search(b"a" * 22 + b"c") is None


def test_our_own_patterns_answer_as_the_library_does():
    specs = load_specs()
    package = render_package(specs)
    from lxml import etree  # noqa: PLC0415 - for this test alone

    sources = set()
    for path, data in package.files.items():
        if path.endswith(".xml") and ("rules/" in path or "decoders/" in path):
            root = etree.fromstring(b"<r>" + data.replace(b"\\<", b"&lt;") + b"</r>")
            for parent in root.iter():
                nodes = [node for node in parent if node.get("type") == "pcre2" and node.text]
                # A manager joins the texts of one tag; each <field> stands alone.
                tags = {node.tag for node in nodes if node.tag != "field"}
                sources |= {"".join(node.text for node in nodes if node.tag == tag) for tag in tags}
                sources |= {node.text for node in nodes if node.tag == "field"}
    assert len(sources) > 300
    logs = [e.log for rule in specs.rules for test in rule.tests for e in test.events if e.log is not None]
    texts = [log if isinstance(log, bytes) else log.encode("utf-8", "surrogateescape") for log in logs[::40]]
    values = [part for text in texts for part in text.split(b'"')]
    for source in sources:
        pattern = compiled(source.encode())
        for text in texts + values[::23]:
            agree(pattern, text)
