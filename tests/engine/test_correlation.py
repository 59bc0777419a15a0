import json

import pytest
from ruleset_kit import load, rule

from wazuh_cicd.engine.judge.memory import CAPACITY

PLAIN = rule(100000, "<match>e</match>", level=3)


def composite(body="", *, number=100010, level=10, **attributes):
    return rule(number, f"<if_matched_sid>100000</if_matched_sid>{body}", level=level, **attributes)


def run(ruleset, events, times=None):
    """Last digits of the final rules, a dot where there is none."""
    session = ruleset.session()
    shown = ""
    for number, event in enumerate(events):
        log = event if isinstance(event, str) else json.dumps(event)
        verdict = session.process(log, time=(times[number] if times else 0) + 1000.0)
        shown += "." if verdict.rule_id is None else {100000: "0", 100010: "1", 100011: "2"}[verdict.rule_id]
    return shown


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [(2, "0111111111"), (3, "0010010010"), (4, "0001000100"), (5, "0000100001")],
)
def test_frequency(frequency, expected):
    assert run(load(PLAIN, composite(frequency=frequency)), "e" * 10) == expected


def test_absent_frequency_is_like_two():
    assert run(load(PLAIN, composite()), "eeee") == "0111"


@pytest.mark.parametrize(
    ("times", "expected"), [((0, 30, 60), "001"), ((0, 30, 61, 61), "0001"), ((0, 0, 361), "001"), ((0, 0, 421), "000")]
)
def test_timeframe_includes_its_end(times, expected):
    timeframe = 361 if times[-1] > 100 else 60
    assert run(load(PLAIN, composite(frequency=3, timeframe=timeframe)), "e" * len(times), times) == expected


def events(name, values):
    return [{"e": 1, **({name: value} if value != "-" else {})} for value in values]


@pytest.mark.parametrize(
    ("test", "name", "values", "expected"),
    [
        ("<same_srcip/>", "srcip", "ABABABAAA", "000011001"),
        ("<same_field>u</same_field>", "u", "xxyx---yy", "000100001"),
        ("<same_field>U</same_field>", "u", "xxx", "001"),
        ("<same_field>srcip</same_field>", "srcip", "AAAA", "0000"),
        ("<different_user/>", "user", "aab", "001"),
        ("<different_user/>", "user", "aaa", "000"),
    ],
)
def test_same_and_different_with_frequency_three(test, name, values, expected):
    assert run(load(PLAIN, composite(test, frequency=3)), events(name, values)) == expected


def test_different_field_passes_when_one_side_lacks_it():
    ruleset = load(PLAIN, composite("<different_field>u</different_field>", frequency=2))
    assert run(ruleset, events("u", "xxyyx-x")) == "0011010"


def test_composites_of_two_levels_on_one_rule():
    ruleset = load(PLAIN, composite(frequency=3, level=8), composite(number=100011, frequency=6, level=12))
    assert run(ruleset, "e" * 16) == "0010010200100102"


def test_composite_of_a_composite_and_what_previous_output_keeps():
    ruleset = load(
        PLAIN,
        composite(frequency=5, level=8),
        rule(100011, "<if_matched_sid>100010</if_matched_sid>", level=12, frequency=2),
    )
    session = ruleset.session()
    outputs = [session.process(f"e{number}").output for number in range(10)]
    assert [output["rule"]["id"] for output in outputs].index("100011") == 9
    assert "previous_output" not in outputs[4]  # the composite above it was tried and failed
    assert outputs[9]["previous_output"] == "e8\ne7\ne6\ne5"


def test_only_the_final_rule_is_counted():
    child = rule(100011, "<if_sid>100000</if_sid><match>x</match>", level=4)
    assert run(load(PLAIN, child, composite(frequency=2)), ["e", "ex", "ex"]) == "011"
    assert run(load(PLAIN, composite(frequency=2, level=2), child), ["ex", "ex", "ex"]) == "222"


@pytest.mark.parametrize(("level", "expected"), [(0, "0000"), (1, "0111")])
def test_level_zero_never_counts(level, expected):
    assert run(load(rule(100000, "<match>e</match>", level=level), composite(frequency=2)), "eeee") == expected


def test_group_counts_a_rule_once_for_each_place():
    ruleset = load(
        rule(100002, "<match>e</match>", level=0),
        rule(100003, "<match>f</match>", level=0),
        rule(100000, "<if_sid>100002,100003</if_sid><group>mm,</group>", level=3),
        rule(100010, "<if_matched_group>mm,</if_matched_group>", level=10, frequency=4),
    )
    assert run(ruleset, "eeeee")[:3] == "001"


def test_counting_by_id_takes_a_rule_from_its_groups():
    counted = rule(100000, "<match>e</match><group>mm,</group>", level=3)
    by_group = rule(100010, "<if_matched_group>mm,</if_matched_group>", level=10, frequency=3)
    assert run(load(counted, by_group), "eee") == "001"
    never = rule(100011, "<if_matched_sid>100000</if_matched_sid><match>never</match>", level=12, frequency=3)
    assert run(load(counted, by_group, never), "eee") == "000"


def test_agents_are_counted_apart_unless_told_otherwise():
    for extra, expected in (("", [100000] * 3), ("<global_frequency/>", [100000, 100000, 100010])):
        session = load(PLAIN, composite(extra, frequency=3)).session()
        ids = [session.process("e", f"[00{n}] (a{n}) any->/x", time=1.0).rule_id for n in range(1, 4)]
        assert ids == expected


def test_ignore_alerts_twice_after_its_time_in_logtest():
    session = load(PLAIN, composite(frequency=2, ignore=60)).session()
    times = [0, 0, 0, 0, 0, 61, 61, 61, 91, 122]
    verdicts = [session.process("e", time=1000.0 + time) for time in times]
    shown = [verdict.logtest_alert for verdict in verdicts]
    assert shown == [True, True, False, False, False, True, True, False, False, True]


def test_memory_is_bounded():
    session = load(PLAIN, composite(frequency=9999, timeframe=99999)).session()
    for _ in range(CAPACITY + 25):
        session.process("e", time=1000.0)
    memory = session._memory
    assert len(memory.recent) <= CAPACITY
    assert sum(map(len, memory.by_sid.values())) == len(memory.recent)


def test_a_composite_that_counts_itself_is_taken_from_its_groups():
    itself = rule(100010, "<if_sid>100000</if_sid><if_matched_sid>100010</if_matched_sid>", level=7, frequency=3)
    plain = rule(100010, "<match>e</match><group>mm,</group>", level=7, overwrite="yes")
    by_group = rule(100011, "<if_matched_group>mm,</if_matched_group>", level=9, frequency=2)
    ruleset = load(PLAIN, itself, plain, by_group)
    assert ruleset.rules[100010].counted is ruleset.rules[100010]
    assert ruleset.rules[100010].counted_by_sid
