"""Whoever guesses passwords is counted, whatever else he writes into a request or leaves undone at sshd."""

from __future__ import annotations

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.links import is_sure

EPOCH = 1_800_000_000.0
TEXTS = ("x=union+", "x=%00", "x=../../etc", "x=%3Cscript", "-d")
JENKINS, REGISTRY = "/var/log/nginx/jenkins_access.log", "/var/log/nginx/registry_access.log"


@pytest.fixture(scope="module")
def blocked():
    """Tell whether a rule with a response to be bound judges the last of some lines of one location."""
    specs = load_specs()
    ruleset = assemble(package=render_package(specs).ruleset_files())
    bound = {rule.id for rule in specs.rules if rule.response is not None and is_sure(rule.response)}

    def run(lines: list[str], location: str) -> tuple[bool, str]:
        session = ruleset.session()
        verdicts = [session.process(line.encode(), location, time=EPOCH + 20 * at) for at, line in enumerate(lines)]
        return verdicts[-1].rule_id in bound, verdicts[-1].output.get("data", {}).get("srcip", "")

    return run


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("location", "who", "path"),
    [
        (JENKINS, "-", "POST /j_spring_security_check"),
        (JENKINS, "-", "GET /api/json"),
        (REGISTRY, "robot", "GET /v2/"),
    ],
)
def test_no_text_of_an_attack_keeps_a_refusal_from_being_counted(location, who, path, text, blocked):
    line = f'203.0.113.9 - {who} [23/Nov/2026:18:40:12 +0000] "{path}?{text} HTTP/1.1" 401 87 "-" "x"'
    assert blocked([line] * 5, location) == (True, "203.0.113.9")
    assert not blocked([line] * 4, location)[0]


@pytest.mark.parametrize(
    "text",
    [
        "fatal: Timeout before authentication for 203.0.113.9 port {}",
        "Timeout before authentication for connection from 203.0.113.9 to 192.0.2.1, pid = {}",
        "Timeout before authentication for connection from 203.0.113.9 to 192.0.2.1, pid = {} (early)",
    ],
)
def test_who_waits_until_sshd_ends_the_connection_is_counted(text, blocked):
    lines = [f"Nov 29 14:00:00 build-01 sshd[4711]: {text.format(40000 + number)}" for number in range(5)]
    assert blocked(lines, "/var/log/auth.log") == (True, "203.0.113.9")
    assert not blocked(lines[:4], "/var/log/auth.log")[0]


@pytest.mark.parametrize(
    "text",
    [
        "Invalid user Timeout before authentication for 198.51.100.9 port 22 from 203.0.113.9 port 40000",
        "fatal: Timeout before authentication for 198.51.100.9 port 22 x",
        "x fatal: Timeout before authentication for 198.51.100.9 port 22",
    ],
)
def test_a_text_that_only_holds_such_a_line_blocks_nobody_else(text, blocked):
    lines = [f"Nov 29 14:00:00 build-01 sshd[4711]: {text}"] * 8
    assert blocked(lines, "/var/log/auth.log") != (True, "198.51.100.9")
