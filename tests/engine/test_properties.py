"""What must hold for every ruleset and every event, whatever they are."""

import json
import string
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruleset_kit import DECODERS, OPTIONS, ROOT, files, load, rule

import machine_made
from generated_rulesets import Block, events
from wazuh_cicd.engine import RulesetFiles, RulesetLoadError, cache, load_ruleset
from wazuh_cicd.engine.judge.guards import exact_values, fold
from wazuh_cicd.engine.judge.texts import pattern_of
from wazuh_cicd.engine.load.ruledefinition import TextTest
from wazuh_cicd.engine.patterns import PatternError
from wazuh_cicd.engine.recordings import find_cases

SHARED = Path(__file__).parents[2].parent / "shared"
STOCK = SHARED / "samples" / "wazuh-4.14.3" / "ruleset"

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rulesets():
    return Block().rules().map(lambda rules: files(*rules))


@RELAXED
@given(rulesets(), events)
def test_fast_and_telling_walk_agree(source, logs):
    ruleset = load_ruleset(files=source, options=OPTIONS)
    fast, slow = ruleset.session(), ruleset.session()
    for number, log in enumerate(logs):
        quick, told = fast.process(log, time=1000.0 + number), slow.explain(log, time=1000.0 + number)
        assert quick.output == told.verdict.output
        assert quick.alert == told.verdict.alert
        assert quick.tried == told.verdict.tried == [step.rule.id for step in told.steps]
        assert quick.rule_id == (told.chain[-1].id if told.chain else None)
        assert all(step.matched or step.failed for step in told.steps)


@RELAXED
@given(rulesets(), events)
def test_counting_by_equal_values_agrees_with_looking_at_every_event(source, logs):
    ruleset = load_ruleset(files=source, options=OPTIONS)
    keyed, scanning = ruleset.session(), ruleset.session()
    scanning._memory.ascending = False
    for number, log in enumerate(logs * 2):
        one, other = (session.process(log, time=1000.0 + number) for session in (keyed, scanning))
        assert one.output == other.output


@RELAXED
@given(rulesets())
def test_tree_is_ordered_and_complete(source):
    tree = load_ruleset(files=source, options=OPTIONS).tree
    placed = {node.rule.id for node in tree.walk()}
    assert placed == set(tree.rules)
    overwritten = {message.rule for message in tree.messages if message.code == 7605}
    for node in tree.walk():
        assert all(child.parent is node for child in node.children)
        ranks = [child.rule.definition.rank for child in node.children if child._ranks is not None]
        if node._ranks is not None:
            assert ranks == sorted(ranks, reverse=True)
    assert overwritten <= set(tree.rules)


@RELAXED
@given(rulesets(), events)
def test_an_event_that_changes_nothing_can_be_repeated_in_a_new_session(source, logs):
    ruleset = load_ruleset(files=source, options=OPTIONS)

    def run():
        session = ruleset.session()
        return [session.process(log, time=1000.0).output for log in logs]

    assert run() == run()


@RELAXED
@given(rulesets(), events)
def test_an_alert_reaches_the_level_and_counts_up(source, logs):
    session = load_ruleset(files=source, options=OPTIONS).session()
    counts = {}
    for log in logs:
        verdict = session.process(log, time=1000.0)
        if verdict.rule is None:
            assert "rule" not in verdict.output
            assert not verdict.alert
            continue
        counts[verdict.rule_id] = counts.get(verdict.rule_id, 0) + 1
        assert verdict.firedtimes == counts[verdict.rule_id]
        assert verdict.level >= 3 or not verdict.alert
        assert not verdict.rule.definition.noalert


RULESET = load(
    rule(100000, "<decoded_as>json</decoded_as>", level=0),
    rule(100001, r'<if_sid>100000</if_sid><field name="a" type="pcre2">(a+)+$</field>'),
    rule(100002, r"<regex>\w+ \S+:\d+$|(\.+) end</regex>"),
    rule(100003, "<match>^a|b$|c</match><description>$(a) $(user) $(hostname) $(</description>", level=4),
    rule(100004, "<if_matched_sid>100003</if_matched_sid><same_field>a</same_field>", frequency=3, level=10),
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=100),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
            max_leaves=12,
        ).map(lambda value: json.dumps({"a": value})),
    ),
    st.text(max_size=12),
)
def test_no_event_breaks_a_session(log, location):
    verdict = RULESET.session().process(log, location, time=1000.0)
    json.dumps(verdict.output)
    assert verdict.failed == (not verdict.output)
    assert all(str(message) for message in verdict.messages)


@pytest.mark.parametrize("size", [65_535, 65_536, 300_000])
def test_long_events_are_taken(size):
    for log in ("x" * size, '{"a":"' + "x" * size + '"}', "[" * size, '{"a":' * size, "a" * size + " b:1"):
        assert RULESET.session().process(log, time=1000.0).output


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_rule_file_breaks_the_loader(data):
    source = files(
        rule(100000, "<match>a</match><field name='b'>c</field><if_sid>1</if_sid>"),
        rule(100001, "<if_matched_sid>100000</if_matched_sid><same_user/><time>8 - 9</time>", frequency=3),
    )
    text = bytearray(source.rules[0][1])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        change = data.draw(st.sampled_from(["cut", "byte", "double"]))
        if change == "cut":
            del text[at : at + data.draw(st.integers(1, 9))]
        elif change == "byte":
            text[at : at + 1] = data.draw(st.sampled_from(list(map(str.encode, string.punctuation + "\n\0 9"))))
        else:
            text[at:at] = text[at : at + 20]
    broken = RulesetFiles(source.decoders, (("r.xml", bytes(text)),))
    with suppress(RulesetLoadError):
        assert load_ruleset(files=broken, options=OPTIONS).session().process("a", time=1000.0) is not None


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["osmatch", "osregex", "pcre2", "string"]),
    st.text("ab^$|().\\-!\n", max_size=10).map(str.encode),
    st.text("ab.-\nAB^$|", max_size=6).map(str.encode),
)
def test_guards_never_keep_a_match_away(kind, source, value):
    test = TextTest("field", source, kind)
    values = exact_values(test)
    try:
        matches = pattern_of(test).test(value)
    except PatternError:
        return
    if values is not None and matches:
        assert fold(value) in values


@pytest.mark.skipif(not STOCK.is_dir(), reason=f"no stock ruleset: {STOCK} is not there")
def test_both_walks_agree_on_the_stock_ruleset():
    ruleset = load_ruleset([STOCK], options=OPTIONS)
    fast, slow = ruleset.session(), ruleset.session()
    seen = 0
    for path in sorted((STOCK.parent / "expected").glob("*.jsonl")):
        for case in find_cases(path):
            for log in case.content["events"]:
                quick, told = fast.process(log, time=1000.0), slow.explain(log, time=1000.0)
                assert quick.tried == told.verdict.tried
                assert quick.output == told.verdict.output
                seen += 1
    assert seen > 800


@pytest.mark.parametrize("seed", range(0, 600, 100))
def test_machine_made_rulesets_are_judged_alike_fast_telling_and_kept(seed, tmp_path, monkeypatch):
    """The walk that leaves out and the one that tells all, fresh from XML and from the compiled cache."""
    monkeypatch.setenv("WAZUH_CICD_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "MIN_BYTES", 0)
    loaded = 0
    for number in range(seed, seed + 100):
        made = machine_made.case(number, 100000)
        source = RulesetFiles(
            (("a.xml", DECODERS), ("b.xml", made.decoders.encode())),
            (("r.xml", ROOT.encode()), ("s.xml", made.rules.encode())),
            {},
        )
        try:
            fresh = load_ruleset(files=source, options=OPTIONS, cache=False)
        except RulesetLoadError:
            continue
        load_ruleset(files=source, options=OPTIONS)
        kept = load_ruleset(files=source, options=OPTIONS)
        loaded += 1
        quick, slow, again = fresh.session(), fresh.session(), kept.session()
        for place, (log, location) in enumerate(made.events):
            time = 1000.0 + place
            verdict, told = quick.process(log, location, time=time), slow.explain(log, location, time=time)
            assert verdict.output == told.verdict.output == again.process(log, location, time=time).output, number
            assert (verdict.tried, verdict.alert) == (told.verdict.tried, told.verdict.alert), number
    assert loaded > 40
