"""Tests beside a rule, unrolled into the events that the engine gets."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.spec.events import read_frame, read_tests
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.yamlnodes import SpecReader

FRAME = """
location: github
envelope: {integration: github}
defaults: {github.actor: mallory, github.repo: acme/app, github.data.old: 1}
"""


def unroll(text: str, *, samples=None, frame: str = FRAME):
    problems = Problems()
    reader = SpecReader("x.yml", problems)
    shared = read_frame(reader, reader.compose(frame.encode()), samples)
    tests = read_tests(reader, reader.compose(text.encode()), shared)
    return tests, [finding.code for finding in problems.findings]


def logs(test):
    return [json.loads(event.log) for event in test.events]


def test_envelope_defaults_and_own_keys_become_nested_json():
    (test,), problems = unroll("- fires: {github.action: x, github.data.new: [a, {b: true}], github.repo: other}")
    assert problems == []
    assert test.expect == "fires"
    assert test.events[0].location == "github"
    assert logs(test) == [
        {
            "integration": "github",
            "github": {
                "actor": "mallory",
                "repo": "other",
                "data": {"old": 1, "new": ["a", {"b": True}]},
                "action": "x",
            },
        }
    ]


def test_json_is_compact_and_keeps_unicode():
    (test,), _ = unroll("- fires: {github.action: ä}")
    assert test.events[0].log.startswith(b'{"integration":"github","github":{"actor":"mallory"')
    assert "ä".encode() in test.events[0].log


def test_defaults_can_be_left_out_whole_or_in_part():
    (one, two), problems = unroll(
        "- {fires: {a: 1}, without: [github.actor, github.data]}\n- silent: {a: 1, without: [github.data.old]}"
    )
    assert problems == []
    assert logs(one)[0]["github"] == {"repo": "acme/app"}
    assert "data" not in logs(two)[0]["github"]


def test_leaving_out_what_is_not_there_is_told():
    assert unroll("- {fires: {a: 1}, without: [github.actr]}")[1] == ["T404"]


def test_repetition_counts_and_waits():
    (test,), _ = unroll("- {fires: {github.repo: 'acme/app$n'}, repeat: 3, every: 20s}")
    assert [log["github"]["repo"] for log in logs(test)] == ["acme/app1", "acme/app2", "acme/app3"]
    assert [event.after for event in test.events] == [0.0, 20.0, 20.0]


def test_a_sequence_has_pauses_and_repetitions_of_its_own():
    (test,), problems = unroll(
        "- silent:\n"
        "    - {a: 1, repeat: 2, every: 500ms}\n"
        "    - {after: 5m, a: 2, location: elsewhere}\n"
        "    - {after: 1h, log: 'text $n'}\n"
    )
    assert problems == []
    assert [event.after for event in test.events] == [0.0, 0.5, 300.0, 3600.0]
    assert test.events[2].location == "elsewhere"
    assert test.events[3].log == b"text $n"


def test_text_events_stand_alone():
    (test,), problems = unroll("- fires: {log: 'Dec 10 01:02:03 host sshd[1]: x', location: /var/log/auth.log}")
    assert problems == []
    assert (test.events[0].log, test.events[0].location) == (b"Dec 10 01:02:03 host sshd[1]: x", "/var/log/auth.log")
    assert unroll("- fires: {log: x, github.action: y}")[1] == ["T405"]


def test_whole_json_events_take_neither_envelope_nor_defaults():
    (test,), _ = unroll("- fires: {json: {action: x, after: 1}}")
    assert logs(test) == [{"action": "x", "after": 1}]


def test_pre_decoded_events_keep_their_fields():
    (test,), problems = unroll(
        "- {fires: {decoded: syscheck_integrity_changed, file: /opt/.env, size: 3}, parent: 550}"
    )
    assert problems == []
    assert test.events[0].log is None
    assert test.events[0].decoded == ("syscheck_integrity_changed", {"file": "/opt/.env", "size": "3"})


def test_a_sample_gives_one_event_a_line(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.jsonl").write_bytes(b'{"a":1}\r\n\n{"a":2}\n')
    (test,), problems = unroll("- fires: samples/a.jsonl", samples=tmp_path)
    assert problems == []
    assert [event.log for event in test.events] == [b'{"a":1}', b'{"a":2}']


@pytest.mark.parametrize("path", ["samples/none.json", "../secret.json", "/etc/passwd"])
def test_a_sample_that_is_not_below_the_folder_is_told(tmp_path, path):
    (tmp_path.parent / "secret.json").write_text("{}")
    assert unroll(f"- fires: {path}", samples=tmp_path)[1] == ["T406"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("- {fires: {a: 1}, silent: {a: 1}}", ["T401"]),
        ("- {note: x}", ["T401"]),
        ("- fires: {github.repo.name: x}", []),  # the test's own value makes room
        ("- fires: {a: 1, a.b: 2}", ["T402"]),
        ("- {fires: [{a: 1}, {a: 2}], repeat: 3}", ["T403"]),
        ("- {fires: {a: 1}, repeat: 0}", ["S105"]),
        ("- {fires: {a: 1}, every: soon}", ["S105"]),
        ("- {fires: {a: 1}, evry: 1s}", ["S101"]),
        ("- fires: [[a]]", ["S103"]),
    ],
)
def test_tests_that_prove_nothing_are_told(text, codes):
    assert unroll(text)[1] == codes
