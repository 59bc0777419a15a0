"""Gates spare evaluations and change no verdict."""

from __future__ import annotations

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import package as rendering
from wazuh_cicd.render import render_package
from wazuh_cicd.render.conditions import Tag
from wazuh_cicd.render.gates import FIRST_OF_BLOCK, with_gates
from wazuh_cicd.render.model import RenderedRule
from wazuh_cicd.spec import load_specs


def rule(number, text, *, level="5", parent="91100", field="github.action", more=()):
    tags = [Tag("if_sid", parent), Tag("field", text, (("name", field), ("type", "pcre2"))), *more]
    return RenderedRule(number, f"r{number}", (("id", str(number)), ("level", level)), tuple(tags), ())


def many(count, first=111001, **options):
    return [rule(first + n, rf"\Aa{n}\z", **options) for n in range(count)]


def parent_of(written):
    return {r.id: r.tags[0].text for r in written}


def test_a_dozen_neighbours_share_a_gate_that_stands_before_them():
    written = with_gates(many(24), 111000)
    gates = [r for r in written if ("noalert", "1") in r.attributes]
    assert [g.id for g in gates] == [111950, 111951]
    assert [r.id for r in written[:2]] == [111950, 111001]
    assert set(parent_of(written).values()) == {"91100", "111950", "111951"}
    assert gates[0].tags[1].text.split("|")[0] == r"(?:\Aa0\z)"
    assert dict(gates[0].attributes)["level"] == "5"


def test_a_neighbour_that_asks_something_else_is_not_overtaken():
    first, last = many(12), many(12, 111101)
    between = rule(111050, "x", field="github.actor")
    written = with_gates([*first, between, *last], 111000)
    parents = parent_of(written)
    assert parents[111050] == "91100"
    assert parents[111012] != parents[111101]
    assert [r.id for r in written if r.id in (111012, 111050, 111101)] == [111012, 111050, 111101]


@pytest.mark.parametrize(
    "odd",
    [
        rule(111500, r"(?!org\.)"),
        rule(111500, r"(a)\1"),
        rule(111500, r"(?<word>a)\k<word>"),
        rule(111500, "a", more=(Tag("if_matched_sid", "111001"),)),
        rule(111500, "a", parent="91100, 31100"),
    ],
)
def test_what_cannot_be_one_alternative_among_others_keeps_its_parent(odd):
    written = with_gates([*many(24), odd], 111000)
    assert next(r for r in written if r.id == 111500) == odd


def test_few_siblings_need_no_gate():
    rules = many(20)
    assert with_gates(rules, 111000) == rules


def test_ids_of_gates_are_kept_free():
    with pytest.raises(ValueError, match="no ids left"):
        with_gates([*many(24), rule(111000 + FIRST_OF_BLOCK, "x")], 111000)


def test_no_event_of_any_test_ends_elsewhere_because_of_gates(monkeypatch):
    specs = load_specs()
    with_them = render_package(specs)
    monkeypatch.setattr(rendering, "with_gates", lambda rules, block: list(rules))
    without = render_package(specs)
    assert with_them.files != without.files
    sessions = [assemble(package=files.ruleset_files()).session() for files in (with_them, without)]
    seen = 0
    for spec in specs.rules:
        for test in spec.tests:
            for event in test.events:
                if event.log is not None:
                    ends = [session.process(event.log, event.location, time=seen).rule_id for session in sessions]
                    assert ends[0] == ends[1], event.log
                    seen += 1
    assert seen > 1000
