"""The stand-ins do what the stock ruleset does, where our rules rely on it."""

# ruff: noqa: E501 -- log lines stand as they are written

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import load_ruleset

SHARED = Path(__file__).parents[3] / "shared" / "samples"
STOCK = SHARED / "wazuh-4.14.3" / "ruleset"
ROOTS = range(1, 8)

pytestmark = pytest.mark.skipif(not STOCK.is_dir(), reason="the stock ruleset is not beside the checkout (../shared)")


@pytest.fixture(scope="module")
def real():
    return load_ruleset([STOCK])


@pytest.fixture(scope="module")
def ours():
    return load_ruleset([stock_root()])


def test_they_load_without_a_word(ours):
    assert [str(message) for message in ours.messages] == []


def test_ids_levels_and_parents_are_the_stock_ones(ours, real):
    for number, rule in ours.rules.items():
        mine, stock = rule.definition, real.rules[number].definition
        assert (mine.level, mine.noalert, mine.category, mine.frequency, mine.timeframe, mine.ignore) == (
            stock.level,
            stock.noalert,
            stock.category,
            stock.frequency,
            stock.timeframe,
            stock.ignore,
        ), number
        assert set(rule.parents) == set(real.rules[number].parents) & set(ours.rules), number
        assert (mine.if_matched_sid, mine.same) == (stock.if_matched_sid, stock.same), number
        assert mine.options.full_log == stock.options.full_log, number


SSH = "Dec 10 01:02:03 build01 sshd[4711]: "
AUDIT = (
    "type=SYSCALL msg=audit(1479982525.380:50): arch=c000003e syscall=59 success=yes exit=0 a0=7ffe a1=941 a2=1b6 a3=7f "
    "items=2 ppid=432 pid=3333 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=2 "
    'comm="docker" exe="/usr/bin/docker" key="docker" type=EXECVE msg=audit(1479982525.380:50): argc=3 a0="docker" '
    'a1="run" a2="--privileged" type=CWD msg=audit(1479982525.380:50):  cwd="/root" type=PATH '
    'msg=audit(1479982525.380:50): item=0 name="/usr/bin/docker" inode=399852 dev=ca:02 mode=0100755 ouid=0 ogid=0 rdev=00:00'
)
LINES = [
    f"{SSH}Accepted publickey for root from 192.0.2.1 port 50000 ssh2",
    f"{SSH}Accepted password for bob from 2001:db8::1 port 50000 ssh2",
    f"{SSH}Failed password for root from 192.0.2.1 port 50000 ssh2",
    f"{SSH}Failed password for invalid user bob from 192.0.2.1 port 50000 ssh2",
    f"{SSH}Invalid user bob from 192.0.2.1 port 50000",
    f"{SSH}Failed publickey for root from 192.0.2.1 port 50000 ssh2",
    f"{SSH}error: maximum authentication attempts exceeded for root from 192.0.2.1 port 50000 ssh2 [preauth]",
    '192.0.2.1 - - [10/Dec/2025:01:02:03 +0000] "GET /script HTTP/1.1" 200 1732 "-" "curl/8.0"',
    '192.0.2.1 - admin [10/Dec/2025:01:02:03 +0000] "GET /cli?remoting=false HTTP/1.1" 200 0 "-" "-"',
    '192.0.2.1 - - [10/Dec/2025:01:02:03 +0000] "POST /j_spring_security_check HTTP/1.1" 302 0 "-" "-"',
    '192.0.2.1 - - [10/Dec/2025:01:02:03 +0000] "GET /job/x/ HTTP/1.1" 403 0 "-" "-"',
    '192.0.2.1 - - [10/Dec/2025:01:02:03 +0000] "GET /job/x/ HTTP/1.1" 502 0 "-" "-"',
    'time="2025-12-10T01:02:03.929666988Z" level=error msg="Handler for GET /v1.41/x returned error: No such container: x"',
    'time="2025-12-10T01:02:03.929666988Z" level=warning msg="x"',
    'Dec 10 01:02:03 host dockerd[17]: time="2025-12-10T01:02:03.929666988Z" level=info msg="x y"',
    "Feb 18, 2017 8:51:48 AM hudson.model.X run INFO: Text",
    AUDIT,
    "type=ANOM_PROMISCUOUS msg=audit(1479982525.380:50): dev=veth0 prom=256 old_prom=0 auid=4294967295 uid=0 gid=0 ses=1",
    "type=ANOM_PROMISCUOUS msg=audit(1479982525.380:50): dev=veth0 prom=0 old_prom=256 auid=4294967295 uid=0 gid=0 ses=1",
    *(
        json.dumps({"integration": "docker", "docker": {"Type": kind, "Action": action, **status}})
        for kind, action in [
            ("volume", "mount"),
            ("volume", "destroy"),
            ("network", "connect"),
            ("config", "create"),
            ("secret", "remove"),
            ("plugin", "enable"),
            ("node", "update"),
            ("service", "remove"),
            ("container", "start"),
            ("container", "exec_start: bash "),
            ("container", "exec_start: cat /etc/shadow"),
            ("container", "die"),
            ("image", "delete"),
            ("image", "pull"),
        ]
        for status in ({}, {"status": action})
    ),
    json.dumps({"integration": "github", "github": {"action": "no.such.action", "actor": "mallory"}}),
    json.dumps({"integration": "github", "github": {"actor": "wazuh", "response": "x"}}),
    json.dumps({"integration": "aws", "aws": {"source": "cloudtrail", "eventName": "GetSecretValue"}}),
    json.dumps({"integration": "aws", "aws": {"source": "cloudtrail", "eventName": "CreateAccessKey"}}),
    json.dumps(
        {"integration": "aws", "aws": {"source": "cloudtrail", "eventName": "CreateAccessKey", "errorCode": "AccessDenied"}}
    ),
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_an_event_ends_at_the_same_rule_with_the_same_fields(line, ours, real):
    mine = ours.session().process(line.encode(), "x")
    theirs = real.session().process(line.encode(), "x")
    assert mine.rule_id == theirs.rule_id
    assert mine.output["decoder"].get("name") == theirs.output["decoder"].get("name")
    assert mine.output.get("data") == theirs.output.get("data")


@pytest.mark.parametrize("decoder", ["syscheck_integrity_changed", "syscheck_deleted", "syscheck_new_entry"])
def test_file_events_end_at_the_same_rule(decoder, ours, real):
    fields = {"file": "/opt/runner/.env"}
    mine, theirs = (r.session().process_decoded(decoder, fields, location="syscheck") for r in (ours, real))
    assert mine.rule_id == theirs.rule_id


def test_the_event_names_of_our_list_are_among_the_stock_ones():
    def names(root: Path) -> set[str]:
        return {line.partition(":")[0] for line in (root / "lists/amazon/aws-eventnames").read_text("utf-8").split()}

    assert names(stock_root()) <= names(STOCK)


@pytest.mark.parametrize("sample", ["sshd", "auditd", "docker-events"])
def test_recorded_lines_of_our_sources_reach_the_same_parents(sample, ours, real):
    """On real lines the stand-ins may know fewer children, but never another parent."""
    lines = [
        line
        for path in sorted((SHARED / sample).rglob("*"))
        if path.is_file() and path.suffix in {".log", ".jsonl", ".txt", ".json"}
        for line in path.read_bytes().split(b"\n")[:40]
        if line.strip()
    ]
    if sample == "docker-events":  # as Docker sends them; the listener wraps them
        lines = [b'{"integration": "docker", "docker": %s}' % line for line in lines if line.startswith(b"{")]
    parents = {5710, 5715, 5716, 80700, 86000, 87900}
    checked = 0
    for line in lines[:300]:
        theirs = lineage(real, real.session().process(line, "x").rule_id) & parents
        if theirs:
            checked += 1
            assert lineage(ours, ours.session().process(line, "x").rule_id) & parents == theirs, line
    if not checked:
        pytest.skip(f"no line of {sample} reaches one of the parents")


def lineage(ruleset, number: int | None) -> set[int]:
    found: set[int] = set()
    todo = [number]
    while todo:
        rule = ruleset.rules.get(todo.pop())
        if rule is not None and rule.id not in found:
            found.add(rule.id)
            todo.extend(rule.parents)
    return found
