"""Where the daemon and logtest differ: who alerts, and what is kept from one session to the next."""

import json

import pytest
from ruleset_kit import load, rule

from wazuh_cicd.report.logtest import as_json, as_text

BASE = rule(100100, "<match>ok</match>", level=3)


def of(number, body, **attributes):
    return rule(number, f"<if_sid>100100</if_sid>{body}", **attributes)


@pytest.mark.parametrize(
    ("level", "options", "alert", "logtest_alert"),
    [
        (5, (), True, True),
        (5, ("no_log",), False, True),
        (5, ("no_log", "log_alert"), True, True),
        (2, (), False, False),
        (2, ("log_alert",), True, False),
        (2, ("log_alert", "no_log"), False, False),
        (0, ("log_alert",), False, False),
    ],
)
def test_options_decide_over_the_daemons_alert_alone(level, options, alert, logtest_alert):
    tags = "".join(f"<options>{option}</options>" for option in options)
    verdict = load(rule(100100, f"<match>ok</match>{tags}", level=level)).session().process("ok")
    assert (verdict.rule_id, verdict.alert, verdict.logtest_alert) == (100100, alert, logtest_alert)


def test_a_difference_between_the_two_is_shown():
    session = load(rule(100100, "<match>ok</match><options>no_log</options>")).session()
    verdict = session.process("ok")
    assert json.loads(as_json(verdict)) | {"alert": False, "logtest_alert": True} == json.loads(as_json(verdict))
    assert "alert     no (logtest says otherwise)" in as_text(verdict)
    plain = load(BASE).session().process("ok")
    assert "logtest_alert" not in as_json(plain)
    assert "otherwise" not in as_text(plain)


def test_ignore_starts_anew_behind_its_time_in_the_daemon_but_not_in_logtest():
    session = load(rule(100100, "<match>ok</match>", ignore=10)).session()
    verdicts = [session.process("ok", time=1000.0 + at) for at in (0, 5, 10, 11, 19, 20, 21)]
    assert [verdict.alert for verdict in verdicts] == [True, False, True, False, False, True, False]
    assert [verdict.logtest_alert for verdict in verdicts] == [True, False, True, True, False, False, True]


def test_within_the_time_of_ignore_the_daemon_alerts_of_the_parent():
    ruleset = load(BASE, of(100101, "", level=9, ignore=10), rule(100102, "<if_matched_sid>100100</if_matched_sid>",
        level=12, frequency=3, timeframe=60))  # fmt: skip
    for daemon, expected in ((True, [100101, 100100, 100100]), (False, [100101, 100101, 100101])):
        session = ruleset.session(daemon=daemon)
        assert [session.process("ok", time=1000.0 + at).rule_id for at in range(3)] == expected
    session = ruleset.session(daemon=True)
    alerts = [session.process("ok", time=1000.0 + at).alert for at in range(3)]
    assert alerts == [True, True, True]


def test_what_check_diff_compares_with_outlives_a_session_where_the_sessions_share_it():
    ruleset = load(BASE, of(100101, "<check_diff/>"))
    texts = {}
    assert ruleset.session(texts=texts).process("ok a").rule_id == 100100
    found = ruleset.session(texts=texts).process("ok b")
    assert found.rule_id == 100101
    assert found.output["previous_output"] == "Previous output:\nok a"
    assert ruleset.session().process("ok c").rule_id == 100100


@pytest.mark.parametrize(
    ("log", "location", "code"),
    [("", "x", 7317), ("\0ok", "x", 7317), ("ok", "", 7308), ("ok", "\0x", 7308), ("ok", "[001", 7312)],
)
def test_a_request_that_logtest_refuses_gives_no_output(log, location, code):
    verdict = load(BASE).session().process(log, location)
    assert verdict.output == {}
    assert verdict.failed
    assert verdict.messages[-1].code == code


def test_an_alert_as_deep_as_a_manager_takes_is_printed():
    array = "[" * 998 + "1" + "]" * 998
    verdict = load(BASE, rule(100101, "<decoded_as>json</decoded_as>")).session().process('{"a":' + array + "}")
    line = as_json(verdict)
    assert array in line
    deeper = load(BASE).session().process('{"a":[' + array + "]}")
    assert deeper.output == {}
