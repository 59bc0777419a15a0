"""Expressions that first ask for a word, and only then search: what they find is what the search alone finds.

``(?=(?:[^k:]*+[k:])+?(?:ubeletctl|1025))`` costs a manager a tenth of the search that stands behind it. It must hold
wherever the search does.
"""

from __future__ import annotations

from functools import cache

import pcre2
import pytest

from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.model import Regex
from wazuh_cicd.spec.patterns import rewrite

ASKED_FIRST = {
    "kubelet-api-called-directly": r"(?=(?:[^k:]*+[k:])+?(?:ubeletctl|1025))",
    "jenkins-audit-log-removed": r"(?=(?:[^j]*+j)+?enkins)",
    "cicd-kubernetes-audit": r'(?="(?:[^D]*+D)+?(?<="auditID)")',
}
AUDIT = 'type=SYSCALL msg=audit(1:2): a0=55d0 exe="/usr/bin/{program}" type=EXECVE msg=audit(1:2): argc=3 {arguments}'
WORDS = [
    "https://n:10250/run/a", "https://n:10255/pods", "https://n:10251/pods", "https://n:10250/podsx",
    "kubeletctl", "/opt/kubeletctl",
    "kubeletctl2", "rm", "/var/log/jenkins/audit-1.log", "/var/log/jenkins/audit.txt", "/var/lib/jenkins", "truncate",
]  # fmt: skip


def expression_of(name):
    """The only expression of the rule or decoder with words asked first."""
    specs = load_specs()
    patterns = [d.prematch.pattern for d in specs.decoders if d.name == name and d.prematch is not None]
    for rule in specs.rules:
        if rule.name == name:
            patterns += [m.pattern for c in rule.when for m in c.matchers if isinstance(m, Regex)]
    return next(text for text in patterns if rewrite(ASKED_FIRST[name]) in rewrite(text))


@cache
def texts():
    return list(dict.fromkeys(every_text()))


def every_text():
    """Lines with each word as program and argument, alone and beside others; all lines of the tests; cut ones."""
    for word in WORDS:
        for other in ("ls", "rm", "/usr/bin/truncate"):
            yield AUDIT.format(program=word, arguments=f'a0="{other}" a1="{word}" a2="x"').encode()
            yield AUDIT.format(program=other, arguments=f'a0="{word}" a1="-s" a2="/var/log/jenkins/audit.log"').encode()
            yield AUDIT.format(
                program=other, arguments=f'a0="{other}" a1={word} a2="/var/log/jenkins/audit.log"'
            ).encode()
            yield AUDIT.format(program=other, arguments=f'a0="{other}"\na1="{word}"').encode()
        yield word.encode()
    specs = load_specs()
    logs = [test.log for test in specs.decoder_tests]
    logs += [
        e.log for r in specs.rules for t in r.tests for e in t.events if e.log is not None and b"type=EXECVE" in e.log
    ]
    logs += [
        b'{"kind":"Event","D":{"auditID":"%s"},"auditID":"%s","stage":"%s"}' % (one, two, stage)
        for one in (b"", b"a-1", b"a b")
        for two in (b"", b"b-2", b"%")
        for stage in (b"RequestReceived", b"Panic", b"x")
    ]
    logs += [
        b'{"auditID":"a","stage":"Panic"}',
        b'{ "x":"auditID": "a", "stage": "Panic"',
        b'{"x":1,\n"auditID":"a","stage":"Panic"}',
    ]
    for log in logs:
        yield from (
            log,
            log.replace(b",", b",\n", 3),
            log.replace(b'"', b'" '),
            log[: len(log) // 2],
            log[len(log) // 2 :],
        )


@pytest.mark.parametrize("name", ASKED_FIRST)
def test_the_word_asked_first_is_in_all_that_the_search_finds(name):
    asked_first = rewrite(expression_of(name))
    alone = asked_first.replace(rewrite(ASKED_FIRST[name]), "")
    both, search = pcre2.compile(asked_first.encode()), pcre2.compile(alone.encode())
    found = [text for text in texts() if search.search(text)]
    assert len(found) > 10
    assert [text for text in texts() if both.search(text)] == found
