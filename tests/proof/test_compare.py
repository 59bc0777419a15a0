"""Comparing what two engines say."""

from __future__ import annotations

from dataclasses import dataclass, field

from wazuh_cicd.proof.compare import compare, differences
from wazuh_cicd.proof.events import InputEvent


@dataclass
class Said:
    output: dict
    alert: bool = True
    rule_id: int | None = None
    messages: tuple = ()

    @property
    def logtest_alert(self):
        return self.alert


@dataclass
class Scripted:
    """An engine that answers from a table, and counts within a session."""

    name: str
    answers: dict
    sessions: list = field(default_factory=list)

    def open_session(self):
        self.sessions.append(0)
        return self

    def process(self, log, location, *, time=None):
        self.sessions[-1] += 1
        return self.answers[log]


def test_differences_name_the_leaf_and_both_values():
    left = {"rule": {"id": "1", "groups": ["a"]}, "data": {"x": "1"}}
    right = {"rule": {"id": "2", "groups": ["a"]}, "decoder": {}}
    assert list(differences(left, right)) == [
        ("rule.id", '"1"', '"2"'),
        ("data", '{"x": "1"}', "absent"),
        ("decoder", "absent", "{}"),
    ]


def test_each_kind_of_difference_is_shown_once_and_volatile_members_never():
    left = Scripted("l", {b"a": Said({"rule": {"id": "1"}, "timestamp": "t1"}), b"b": Said({"x": 1})})
    right = Scripted("r", {b"a": Said({"rule": {"id": "2"}, "timestamp": "t2"}), b"b": Said({"x": 1}, alert=False)})
    outcome = compare(left, right, [InputEvent(b"a"), InputEvent(b"b"), InputEvent(b"a")])
    assert (outcome.events, outcome.differing) == (3, 3)
    assert [(one.number, one.kind) for one in outcome.first_of_each_kind] == [(1, "rule.id"), (2, "alert")]


def test_equal_engines_differ_in_nothing():
    engine = {b"a": Said({"rule": {"id": "1"}})}
    outcome = compare(Scripted("l", engine), Scripted("r", engine), [InputEvent(b"a")] * 3)
    assert (outcome.events, outcome.differing, outcome.first_of_each_kind) == (3, 0, ())


def test_sessions_are_shared_unless_fresh_ones_are_wanted():
    engine = Scripted("l", {b"a": Said({})})
    compare(engine, Scripted("r", engine.answers), [InputEvent(b"a")] * 3)
    assert engine.sessions == [3]
    compare(engine, Scripted("r", engine.answers), [InputEvent(b"a")] * 3, fresh=True)
    assert engine.sessions[1:] == [1, 1, 1]
