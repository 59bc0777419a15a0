"""Bindings of rules to responses: what an attacker can write may never start one."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from wazuh_cicd.spec.load import read_specs

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
source: github
parent: {stock: 91100}
event: {location: github, envelope: {integration: github}}
defaults: {mitre: [T1562.001], compliance: [nist_800_53_CM.3], why: x, triage: [x], false_positives: [x], level: 5}
rules:
"""
TESTS = "tests: [{fires: {github.a: x}}, {silent: {github.a: y}}]"


def rule(number: int, name: str, **keys: str) -> str:
    keys = {"title": "t", "when": "{github.a: x}", **keys}
    lines = [f"- id: {number}", f"  name: {name}", *(f"  {key}: {value}" for key, value in keys.items()), f"  {TESTS}"]
    return "\n".join(lines) + "\n"


def found(tmp_path: Path, *rules: str) -> list[str]:
    """The findings about responses, as text."""
    (tmp_path / "rules/github").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules/github/x.yml").write_text(HEAD + textwrap.indent("".join(rules), "  "))
    _, problems = read_specs(tmp_path)
    return [f"{one.code} {one.message}" for one in problems.findings]


BLOCK = "{action: block-ip, address: srcip, confidence: high}"


def test_a_forgeable_rule_itself(tmp_path):
    (one,) = found(tmp_path, rule(111901, "a", forgeable="true", response=BLOCK))
    assert one.startswith("R211")


@pytest.mark.parametrize(
    "keys",
    [
        {"parent": "{rule: a}"},
        {"correlate": "{of: a, count: 3, within: 1m}"},
        {"correlate": "{of: {group: odd}, count: 3, within: 1m}"},
    ],
    ids=["parent", "counted rule", "counted group"],
)
def test_a_rule_that_rests_on_a_forgeable_one(keys, tmp_path):
    rules = [rule(111901, "a", forgeable="true", groups="[odd]"), rule(111902, "b", response=BLOCK, **keys)]
    (one,) = [text for text in found(tmp_path, *rules) if "R211" in text]
    assert "rests on 'a', which is forgeable" in one


def test_even_by_way_of_others(tmp_path):
    rules = [
        rule(111901, "a", forgeable="true"),
        rule(111902, "b", parent="{rule: a}"),
        rule(111903, "c", correlate="{of: b, count: 3, within: 1m}", response=BLOCK),
    ]
    (one,) = [text for text in found(tmp_path, *rules) if "R211" in text]
    assert "rule 'c' has a response and rests on 'a'" in one


@pytest.mark.parametrize(
    "field",
    [
        "github.x_forwarded_for", "http.x-forwarded-for", "xff", "request.xff", "X-Forwarded-For", "xForwardedFor",
        "forwarded", "http.forwarded_for", "x_real_ip", "real_ip", "http_x_real_ip", "true_client_ip", "x-client-ip",
        "x_cluster_client_ip", "cf_connecting_ip", "cf-connecting-ip", "fastly_client_ip", "x_original_forwarded_for",
    ],
)  # fmt: skip
def test_a_header_in_which_the_client_names_itself(field, tmp_path):
    response = json.dumps({"action": "block-ip", "address": field, "confidence": "high", "from": "github"})
    (one,) = found(tmp_path, rule(111901, "a", response=response))
    assert one.startswith("R211")
    assert "what the client says of itself" in one


@pytest.mark.parametrize(
    "field", ["srcip", "github.actor_ip", "aws.sourceIPAddress", "sourceIPs", "receiver.peer", "client_ip"]
)
def test_the_connections_peer_may_be_bound(field, tmp_path):
    response = json.dumps({"action": "block-ip", "address": field, "confidence": "high", "from": "github"})
    assert found(tmp_path, rule(111901, "a", response=response)) == []


@pytest.mark.parametrize(
    "response",
    [
        "{action: block-ip, address: github.actor_ip, confidence: high}",
        "{action: quarantine-container, confidence: high}",
    ],
)
def test_json_of_unknown_origin(response, tmp_path):
    (one,) = found(tmp_path, rule(111901, "a", response=response))
    assert one.startswith("R211")
    assert "any log that holds such JSON" in one


@pytest.mark.parametrize(
    "keys",
    [
        {"response": "{action: quarantine-container, confidence: high, from: Wazuh-Docker}"},
        {
            "response": "{action: quarantine-container, confidence: high}",
            "when": "{github.a: x, location: {ends_with: Wazuh-Docker}}",
        },
        {"response": "{action: scan-image, confidence: low}"},
    ],
)
def test_json_whose_origin_is_told_or_that_hurts_nobody(keys, tmp_path):
    assert found(tmp_path, rule(111901, "a", **keys)) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("from: 'a b'", "S104"),
        ("from: ['x;y']", "S104"),
        ("repeated: [1m, 2m, 3m, 4m, 5m, 6m]", "S105"),
        ("repeated: [90s]", "S105"),
        ("repeated: soon", "S105"),
    ],
)
def test_what_a_configuration_of_wazuh_cannot_hold(more, code, tmp_path):
    response = f"{{action: block-ip, address: srcip, confidence: high, {more}}}"
    assert code in {text.partition(" ")[0] for text in found(tmp_path, rule(111901, "a", response=response))}


SSH = """\
source: runner
parent: {stock: 5760}
event: {location: /var/log/auth.log}
defaults: {mitre: [T1110], compliance: [nist_800_53_AC.7], why: x, triage: [x], false_positives: [x], level: 5}
rules:
- id: 112901
  name: refused
  title: t
  COUNTED
  tests: [{fires: {log: a}}, {silent: {log: b}}]
- id: 112902
  name: many-refused
  title: t
  RULE
  tests: [{fires: {log: a}}, {silent: {log: b}}]
"""
COUNTS = "correlate: {of: refused, count: 5, within: 5m, same: [srcip]}"
FROM_LOG = "response: {action: block-ip, address: srcip, confidence: high, from: /var/log/auth.log}"
WHOLE = r"when: {log: {regex: '^Failed password for \S+ from [0-9A-Fa-f.:]{3,45} port \d+ ssh2$'}}"


def found_in_text(tmp_path: Path, *lines: str, counted: str = "parent: {stock: 5760}") -> list[str]:
    (tmp_path / "rules/runner").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules/runner/x.yml").write_text(SSH.replace("RULE", "\n  ".join(lines)).replace("COUNTED", counted))
    _, problems = read_specs(tmp_path)
    return [f"{one.code} {one.message}" for one in problems.findings if one.code in {"R211", "R220"}]


def test_a_line_of_text_that_is_read_as_a_whole_counted_and_from_its_file(tmp_path):
    assert found_in_text(tmp_path, COUNTS, FROM_LOG, WHOLE) == []


def test_what_is_not_sure_enough_is_never_bound_and_not_asked(tmp_path):
    assert found_in_text(tmp_path, COUNTS, "response: {action: block-ip, address: srcip, confidence: low}") == []


@pytest.mark.parametrize(
    ("lines", "code", "why"),
    [
        ((COUNTS, FROM_LOG), "R220", "no condition on 'log' reads the line as a whole"),
        ((COUNTS, FROM_LOG, WHOLE.replace("$'", "'")), "R220", "not anchored at the line's end"),
        (
            (COUNTS, FROM_LOG, WHOLE.replace("ssh2$'", "ssh2.*$'")),
            "R220",
            "text that may hold blanks after it",
        ),
        (
            (COUNTS, FROM_LOG.replace(", from: /var/log/auth.log", ""), WHOLE),
            "R211",
            "any log that holds such a line",
        ),
        (("parent: {rule: refused}", FROM_LOG, WHOLE), "R211", "one single line of text"),
    ],
    ids=["Wazuh's decoder", "open end", "free end", "any log", "one line"],
)
def test_a_line_of_text_that_somebody_else_can_write(lines, code, why, tmp_path):
    (one,) = found_in_text(tmp_path, *lines)
    assert one.startswith(code)
    assert why in one


DECODER = """\
source: runner
decoders:
  - name: own
    program_name: {equals: own}
    children:
      - name: own-line
        prematch: {regex: '^refused '}
        extract:
          - {regex: 'EXPRESSION', fields: [dstuser, srcip]}
tests: [{decodes: 'Jan  5 10:00:00 h own: refused a from 192.0.2.1', decoder: own}, {ignores: x}]
"""


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        (r"^refused (\S+) from ([0-9A-Fa-f.:]+)$", None),
        (r"^refused (.*) from ([0-9A-Fa-f.:]+)$", None),
        (r"^refused (\S+) from ([0-9A-Fa-f.:]+)", "not anchored at the line's end"),
        (r"^refused (.*?) from (\S+) .*$", "text that may hold blanks after it"),
        (r"user (\S+) from ([0-9A-Fa-f.:]+)$", "not anchored at the line's beginning"),
    ],
)
def test_a_decoder_of_the_package_is_asked_where_it_takes_the_address(expression, fault, tmp_path):
    (tmp_path / "decoders").mkdir()
    (tmp_path / "decoders/own.yml").write_text(DECODER.replace("EXPRESSION", expression))
    own = "parent: root\n  when: {decoder: own}"
    lines = ("parent: {rule: refused}", COUNTS, FROM_LOG)
    problems = [text for text in found_in_text(tmp_path, *lines, counted=own) if "R220" in text]
    assert len(problems) == (fault is not None)
    assert all(fault in text and "decoder 'own-line'" in text for text in problems)
