"""The gate in front of rules about commands lets through whatever one of them matches."""

from __future__ import annotations

import pytest

from wazuh_cicd.engine.patterns import compile_pattern
from wazuh_cicd.render.commands import audit_record
from wazuh_cicd.render.gates import with_gates
from wazuh_cicd.render.model import RenderedRule, Tag
from wazuh_cicd.render.words import holds_one, words_of
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.audit import Record, record
from wazuh_cicd.spec.model import Command, CommandForm, Condition, Place


class _Rule:
    def __init__(self, *forms: CommandForm, ignore_case: bool = False) -> None:
        self.when = (Condition("log", (Command(forms),), ignore_case, Place("")),)


def _words(*forms, ignore_case=False):
    found = words_of(_Rule(*forms, ignore_case=ignore_case))
    return {"".join(chr(min(values)) for values in word) for word in found}


def _finds(pattern, *args, **more):
    text = record(Record(args=args, **more)).encode()
    return compile_pattern("pcre2", pattern.encode()).test(text)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (CommandForm(program=("gdb", "strace")), {"gdb", "strace"}),
        (CommandForm(program=("curl",), words=("169[.]254[.]169[.]254",)), {"169.254.169.254"}),
        (CommandForm(program=("curl",), words=("^--?data=x?$", "http")), {"data="}),
        (CommandForm(program=(r"python[\d.]*",), code=("import socket|socket[.]",)), {"import", "socket."}),
        (CommandForm(words=("(?:xmrig)?",)), set()),
        (CommandForm(words=("(?!xmrig)...",)), set()),
        (CommandForm(words=("(?:xmrig|.)",)), set()),
        (CommandForm(words=("--cap-add[ =]SYS_ADMIN",)), {"--cap-add"}),
        (CommandForm(program=("sh",), words=("-c",)), set()),
        (CommandForm(shell=("^rm -rf|mkfs",)), {"-rf", "mkfs"}),  # noqa: S604 - a form, not a call of a shell
    ],
)
def test_the_words_of_a_form(form, words):
    assert _words(form) == words


def test_a_form_without_words_leaves_the_rule_without():
    assert _words(CommandForm(program=("gdb",)), CommandForm(words=(".",))) == set()


@pytest.mark.parametrize(
    "args", [("xmrig", "-o"), ("/opt/XMRig",), ("sh", "-c", "cd /tmp && ./XmRig -o x"), ("env", "A=1", "xmrig")]
)
def test_the_gate_opens_in_every_spelling(args):
    form = CommandForm(program=("xmrig",))
    gate = holds_one(words_of(_Rule(form, ignore_case=True)))
    assert _finds(audit_record(Command((form,)), ignore_case=True), *args)
    assert _finds(gate, *args)
    assert not _finds(gate, "sh", "-c", "npm ci && npm test")


def test_the_program_alone_opens_the_gate():
    gate = holds_one(words_of(_Rule(CommandForm(program=("gdb",)))))
    assert _finds(gate, "debugger", exe="/usr/bin/gdb")
    assert not _finds(gate, "debugger", exe="/usr/bin/lldb", cwd="/home/gdb")


def test_what_our_rules_fire_on_opens_their_gates():
    checked = 0
    for rule in load_specs().rules:
        words = words_of(rule)
        if words and rule.correlate is None:
            gate = compile_pattern("pcre2", holds_one(words).encode())
            logs = [test.events[-1].log for test in rule.tests if test.expect == "fires"]
            assert [log for log in logs if log is not None and not gate.test(log)] == [], rule.name
            checked += len(logs)
    assert checked > 100


def _rendered(number, level, words):
    tags = (Tag("if_sid", "112100"), Tag("regex", "x", (("type", "pcre2"),)))
    return RenderedRule(number, f"r{number}", (("id", str(number)), ("level", level)), tags, (), words)


def test_rules_with_words_stand_behind_gates_in_their_order():
    word = frozenset({tuple(frozenset({byte}) for byte in b"xmrig")})
    rules = [
        _rendered(112101, "9", word),
        _rendered(112102, "9", word),
        _rendered(112103, "9", frozenset()),
        _rendered(112104, "9", word),
        _rendered(112105, "8", word),
    ]
    written = with_gates(rules, 112000)
    assert [(rule.id, rule.tags[0].text) for rule in written] == [
        (112950, "112100"), (112101, "112950"), (112102, "112950"), (112103, "112100"),
        (112951, "112100"), (112104, "112951"), (112952, "112100"), (112105, "112952"),
    ]  # fmt: skip
    assert {dict(rule.attributes)["level"] for rule in written if rule.id in {112950, 112951}} == {"9"}
