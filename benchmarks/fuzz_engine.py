"""Throw broken events and broken rulesets at the evaluator; report tracebacks and the slowest inputs.

    python benchmarks/fuzz_engine.py --ruleset DIR [--logs FILE]... [--events 100000] [--rulesets 10000] [--seed 1]

Events are mutations of the given logs (one a line; a built-in handful without them): bytes flipped, pieces repeated
up to 64 KiB, headers and JSON crossed, or plain noise. Rulesets are mutations of a small ruleset and of the files of
DIR: tags, attributes, quotes and backslashes changed. What a manager would refuse is fine; an exception of any other
kind, or an input that takes longer than ``--slow`` seconds, is printed with the input. Exit code 1 when there was one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.engine import RulesetFiles, RulesetLoadError, load_ruleset

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_EVENT = 65_535

LOGS = (
    b"Nov 13 10:00:01 web01 sshd[77]: Failed password for invalid user bob from 192.0.2.7 port 4711 ssh2",
    b'{"integration":"github","github":{"action":"repo.destroy","actor":"mallory","n":[1,2.5,{"x":null}],"t":1e3}}',
    b'192.0.2.1 - - [13/Nov/2026:10:00:01 +0000] "GET /?q=%3Cscript%3E HTTP/1.1" 404 123 "-" "curl/8"',
    b"2026-11-13T10:00:01.288+00:00 host app[3]: payload one two three",
    b"type=SYSCALL msg=audit(1479982525.380:50): arch=c000003e syscall=2 success=yes exit=3 a0=7ffedc40d83b items=1",
    b'id=firewall sn=000 time="2007-01-03 14:48:06" fw=192.0.2.1 msg="Opened" src=192.0.2.2:3:WAN dst=192.0.2.3:4:WAN',
)

DECODERS = rb"""<decoder name="json"><prematch>^{\s*"</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="app"><program_name>^app</program_name></decoder>
<decoder name="app-a"><parent>app</parent><prematch offset="after_parent">^in </prematch>
  <regex offset="after_prematch">^(\S+) from (\.+)$</regex><order>user, srcip</order></decoder>
<decoder name="app-b"><parent>app</parent><use_own_name>true</use_own_name><prematch type="pcre2">^out\b</prematch>
  <regex type="pcre2">(\d+)(?: (\w+))?</regex><order>id, extra.x</order><fts>name, id</fts></decoder>
<decoder name="app-b"><parent>app</parent><regex offset="after_regex">k=(\w*)\s*</regex><order>k</order></decoder>
"""

RULES = rb"""<var name="WORDS">fail|denied</var>
<group name="root,"><rule id="1" level="0" noalert="1"><category>syslog</category><description>Root.</description>
</rule></group>
<group name="fuzz,">
  <rule id="100100" level="3"><decoded_as>json</decoded_as><description>JSON $(a) $(github.actor)</description></rule>
  <rule id="100101" level="5"><if_sid>100100</if_sid><field name="github.action">^repo.\w+$|\d\d+\s*</field>
    <description>Field.</description><mitre><id>T1110</id></mitre><group>pci_dss_1.2,x,</group></rule>
  <rule id="100102" level="8" frequency="3" timeframe="60" ignore="5">
    <if_matched_sid>100101</if_matched_sid>
    <same_field>github.actor</same_field><description>Composite.</description></rule>
  <rule id="100103" level="4"><match>$WORDS</match><srcip negate="yes">192.0.2.0/24</srcip>
    <description>Words.</description></rule>
  <rule id="100104" level="7" maxsize="20">
    <program_name>^app</program_name><regex type="pcre2">(?i)a+b</regex><if_fts />
    <time>8:30 - 17:00</time><weekday>weekdays</weekday>
    <description>Many.</description></rule>
  <rule id="100105" level="9"><if_group>fuzz</if_group><list field="user" lookup="match_key">etc/lists/people</list>
    <description>List.</description><options>no_log</options></rule>
  <rule id="100103" level="6" overwrite="yes"><match>deny</match><description>Again.</description></rule>
</group>
"""

PIECES = (
    *(
        b"<",
        b">",
        b"</",
        b"/>",
        b'"',
        b"'",
        b"\\",
        b"\\<",
        b"=",
        b"!",
        b"<!--",
        b"-->",
        b"<!",
        b"!>",
        b"$",
        b"|",
        b"(",
        b")",
    ),
    *(
        b"\0",
        b"\xff",
        b"\xc3\xa4",
        b"\n",
        b" ",
        b"+",
        b"*",
        b"^",
        rb"\w+",
        rb"\.*",
        rb"\S",
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
    ),
    *(
        b"<rule id='7'>",
        b"</rule>",
        b"<group>",
        b"</group>",
        b"<decoder name='x'>",
        b"</decoder>",
        b"<field name=",
        b"<match>",
    ),
    *(
        b' type="pcre2"',
        b' negate="yes"',
        b' offset="after_regex"',
        b"100101",
        b"999999",
        b"-1",
        b"9" * 30,
        b"json",
        b"if_sid",
    ),
    *(
        b"frequency",
        b"if_matched_group",
        b"<if_level>3</if_level>",
        b"(?R)",
        b"(a+)+$",
        b"[[:alpha:]]",
        b"same_field",
        b"%s%n",
    ),
)


def mutate(rng: random.Random, data: bytes) -> bytes:
    """Change a text in one to six places."""
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((1, 1, 2, 5, 20, 200)))
        choice = rng.random()
        if choice < 0.3:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        elif choice < 0.5:
            data = data[:at] + data[to:]
        elif choice < 0.65:
            data = data[:at] + rng.randbytes(rng.randint(1, 4)) + data[to:]
        elif choice < 0.85:
            other = rng.randrange(len(data) + 1)
            data = data[:other] + data[at:to] + data[other:]
        else:
            data = data[:at] + data[at:to] * rng.choice((2, 3, 10)) + data[to:]
    return data


def event(rng: random.Random, logs: list[bytes]) -> bytes:
    """Make one event of at most 64 KiB."""
    choice = rng.random()
    if choice < 0.75:
        data = mutate(rng, rng.choice(logs))
    elif choice < 0.85:
        data = rng.choice(logs)[: rng.randrange(60)] + rng.choice(logs)[rng.randrange(20) :]
    elif choice < 0.95:
        data = rng.randbytes(rng.choice((1, 10, 100, 1000)))
    elif choice < 0.998:
        data = rng.choice(PIECES) * rng.randint(1, 300)
    else:
        log = rng.choice(logs)
        piece = log[rng.randrange(len(log) + 1) :][: rng.choice((1, 2, 7, 30, 1000))] or b"a"
        data = log[: rng.randrange(200)] + piece * (MAX_EVENT // len(piece))
    return data[:MAX_EVENT]


def watch(name: str, count: int, slow: float, work: Callable[[], bytes]) -> int:
    """Run ``work`` so often; it returns its input. Print what went wrong and how long it took; return the failures."""
    spent: list[float] = []
    failures = 0
    shown: list[bytes] = []
    for number in range(count):
        begin = time.process_time()
        try:
            shown = [work()]
        except Exception:  # noqa: BLE001 - any exception is the finding
            failures += 1
            print(f"{name} {number}: {traceback.format_exc()}")
        spent.append(time.process_time() - begin)
        if spent[-1] > slow:
            failures += 1
            print(f"{name} {number}: {spent[-1]:.2f} s: {b''.join(shown)[:300]!r}")
    median = statistics.median(spent or [0.0]) * 1e6
    print(f"{name}: {count} inputs, {failures} failures, median {median:.0f} us, slowest {max(spent, default=0):.3f} s")
    return failures


def main() -> int:
    """Run both kinds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--ruleset", type=Path, action="append", default=[], help="folder with decoders/ and rules/")
    parser.add_argument("--logs", type=Path, action="append", default=[], help="file with one event a line")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rulesets", type=int, default=10_000)
    parser.add_argument("--slow", type=float, default=2.0, help="seconds of the processor's time")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)  # noqa: S311 - repeatable, not secret
    small = RulesetFiles((("d.xml", DECODERS),), (("0010-r.xml", RULES),), {"etc/lists/people": b"bob:x\n"})
    logs = [*LOGS, *(line for path in arguments.logs for line in path.read_bytes().splitlines() if line)]

    session = load_ruleset(arguments.ruleset or [small]).session()

    def one_event() -> bytes:
        data = event(rng, logs)
        verdict = session.process(data, rng.choice(("/l", "[001] (web) 192.0.2.1->/x", "(x", "[", "")))
        _ = verdict.output
        return data

    failures = watch("events", arguments.events, arguments.slow, one_event)

    files = [path.read_bytes() for folder in arguments.ruleset for path in sorted(folder.glob("*/*.xml"))]
    files = [data for data in files if len(data) < 20_000]

    def one_ruleset() -> bytes:
        decoders, rules = DECODERS, RULES
        choice = rng.random()
        if choice < 0.4:
            rules = mutate(rng, rules)
        elif choice < 0.8 or not files:
            decoders = mutate(rng, decoders)
        else:
            data = mutate(rng, rng.choice(files))
            decoders, rules = (decoders + data, rules) if b"<decoder" in data else (decoders, rules + data)
        try:
            mutant = load_ruleset([RulesetFiles((("d.xml", decoders),), (("0010-r.xml", rules),), small.lists)])
        except RulesetLoadError:
            return decoders + rules
        fresh = mutant.session()
        for _ in range(3):
            _ = fresh.process(event(rng, logs)).output
        return decoders + rules

    failures += watch("rulesets", arguments.rulesets, arguments.slow, one_ruleset)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
