"""Gates spare evaluations and change no verdict."""

from __future__ import annotations

import pytest

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import package as rendering
from wazuh_cicd.render import render_package
from wazuh_cicd.render.conditions import Tag
from wazuh_cicd.render.gates import FIRST_OF_BLOCK, with_gates, with_root_gates
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


LOG = Tag("regex", "a long search", (("type", "pcre2"),))


def test_below_a_rule_of_wazuh_a_search_of_the_log_waits_behind_the_field():
    alone = rule(111001, "x", parent="80700, 92600", field="audit.exe", more=(LOG,))
    gate, behind = with_gates([alone], 111000)
    assert (gate.id, dict(gate.attributes)["noalert"]) == (111950, "1")
    assert gate.tags[:2] == (Tag("if_sid", "80700, 92600"), Tag("field", "(?:x)", alone.tags[1].attributes))
    assert behind.tags == (Tag("if_sid", "111950"), *alone.tags[1:])


@pytest.mark.parametrize(
    "odd",
    [
        rule(111001, "x", parent="111400", more=(LOG,)),  # only events that are looked at anyway come there
        rule(111001, "x", parent="80700"),
        RenderedRule(111001, "r", (("id", "111001"), ("level", "5")), (Tag("if_sid", "80700"), LOG), ()),
    ],
)
def test_where_a_gate_would_spare_nothing_there_is_none(odd):
    assert with_gates([odd], 111000) == [odd]


def test_a_rule_that_shares_one_parent_of_several_is_not_overtaken():
    first, last = many(12, parent="80700"), many(12, 111101, parent="80700")
    between = rule(111050, "x", parent="80700, 92600")
    counting = rule(111060, "x", parent="80700", more=(Tag("if_matched_sid", "80700"),))
    for other in (between, counting):
        written = with_gates([*first, other, *last], 111000)
        assert [r.id for r in written if r.id in (111012, other.id, 111101)] == [111012, other.id, 111101]
        assert parent_of(written)[111012] != parent_of(written)[111101]


def test_urls_are_asked_at_once_too():
    pcre2 = (("type", "pcre2"),)
    rules = [
        RenderedRule(
            n, f"r{n}", (("id", str(n)), ("level", "5")), (Tag("if_sid", "31100"), Tag("url", f"^/{n}", pcre2)), ()
        )
        for n in range(113001, 113025)
    ]
    gates = [r for r in with_gates(rules, 113000) if ("noalert", "1") in r.attributes]
    assert [g.tags[1].name for g in gates] == ["url", "url"]
    assert gates[0].tags[1].attributes == pcre2


def test_one_that_is_found_anywhere_does_not_make_the_others_so():
    rules = [*many(11), rule(111050, r"x\.delete$")]
    text = with_gates([*rules, *many(12, 111101)], 111000)[0].tags[1].text
    assert text.split("|")[:2] == [r"(?:\Aa0\z)", r"(?:\Aa1\z)"]
    assert text.endswith(r"|(?:\A(?s:.*?)(?:x\.delete$))")


def root(expression):
    tags = (Tag("location", expression, (("type", "pcre2"),)), Tag("description", "d"))
    return RenderedRule(113520, "r", (("id", "113520"), ("level", "0")), tags, ())


def test_a_root_that_searches_the_location_waits_behind_a_text_in_it():
    gate, behind = with_root_gates([root(r"/jobs/.+/builds/\d+/log$")], 113000)
    assert (gate.id, gate.tags[0], dict(gate.attributes)["noalert"]) == (113999, Tag("location", "/builds/"), "1")
    assert behind.tags[:2] == (Tag("if_sid", "113999"), root(r"/jobs/.+/builds/\d+/log$").tags[0])


@pytest.mark.parametrize("expression", ["/a/long|/b/long", "(?i)vault", "/lo?ng/text", "/[jobs]/x", r"\d+"])
def test_a_root_whose_text_is_not_certain_stays(expression):
    assert with_root_gates([root(expression)], 113000) == [root(expression)]


def test_ids_of_gates_of_roots_are_few():
    with pytest.raises(ValueError, match="no ids left"):
        with_root_gates([root("/jobs/.+")] * 6, 113000)


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
