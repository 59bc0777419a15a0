"""What is cut off before decoding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine.decode.predecode import PredecodeError, predecode, shown_hostname
from wazuh_cicd.engine.judge.output import alert_of


def cut(raw: bytes, location: str = "/l"):
    return predecode(raw, location, manager_hostname=b"mgr")


@pytest.mark.parametrize(
    ("raw", "timestamp", "host", "program", "log"),
    [
        (b"Nov 13 10:00:01 h app: x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01  h app[12]: x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h app[12] x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h app:x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h app[a1]: x", b"Nov 13 10:00:01", b"h", None, b"app[a1]: x"),
        (b"Nov 13 10:00:01 h app x", b"Nov 13 10:00:01", b"h", None, b"app x"),
        (b"Nov 13 10:00:01 h : x", b"Nov 13 10:00:01", b"h", b"", b"x"),
        (b"Nov 13 10:00:01 app: x", b"Nov 13 10:00:01", b"mgr", b"app", b"x"),
        (b"Nov 13 10:00:01 app:x", b"Nov 13 10:00:01", b"mgr", None, b"app:x"),
        (b"abc de fg:hi:jk h app: x", b"abc de fg:hi:jk", b"h", b"app", b"x"),  # only the separators count
        (b"M\xc3\xa4r 13 10:00:01 h app: x", b"M\xc3\xa4r 13 10:00:0", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h app: [ID 7 a.b] x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h auth|security:info app: x", b"Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"Nov 13 10:00:01 h auth|security:info app x", b"Nov 13 10:00:01", b"h", b"app x", b" x"),
        (b"Nov 3 10:00:01 h app: x", None, b"mgr", None, b"Nov 3 10:00:01 h app: x"),
        (b"<13>Nov 13 10:00:01 h app: x", None, b"mgr", None, b"<13>Nov 13 10:00:01 h app: x"),
        (b"Nov 13 10:00:01 ", None, b"mgr", None, b"Nov 13 10:00:01 "),
        (b"2026-11-13 10:00:01,805 h app: x", b"2026-11-13 10:00:01,805", b"h", b"app", b"x"),
        (b"2026-11-13T10:00:01-04:00 h app: x", b"2026-11-13T10:00:01-04:00", b"h", b"app", b"x"),
        (b"2026-11-13T10:00:01.288+00:00 h app: x", b"2026-11-13T10:00:01.288+00:00", b"h", b"app", b"x"),
        (b"2026-11-13T10:00:01.214994-07:00 h app: x", b"2026-11-13T10:00:01.214994-07:00", b"h", b"app", b"x"),
        (b"2024-01-02T03:04:05.678901Z h p: m", b"2024-01-02T03:04:05.678901Z h p", b"mgr", None, b"m"),
        (
            b"2026-11-13T10:00:01Z h app: more text",
            None,
            b"mgr",
            None,
            b"2026-11-13T10:00:01Z h app: more text",
        ),
        (b"2026 Nov 13 10:00:01 h app: x", b"2026 Nov 13 10:00:01", b"h", b"app", b"x"),
        (b"2021-04-21 10:16:09.404756-0700 h app: x", b"2021-04-21 10:16:09.404756-0700", b"h", b"app", b"x"),
        (b"Mon Apr 17 18:27:14 2006 1 192.0.2.1 x", b"Mon Apr 17 18:27:14 2006", b"mgr", None, b"1 192.0.2.1 x"),
        (b"01/28-09:13:16.240702  [**] m", b"01/28-09:13:16.240702", b"mgr", None, b"[**] m"),
        (b"01/28-09:13:16.240702 [**] m", b"01/28-09:13:16.240702", b"mgr", None, b"**] m"),
        (b"01/28/1979-09:13:16.240702  [**] m", b"01/28/1979-09:13:16.240702", b"mgr", None, b"[**] m"),
        (b"[Fri Feb 11 18:06:35 2004] [warn] m", b"Fri Feb 11 18:06:35 2004", b"mgr", None, b"[warn] m"),
        (b"1140804070.368  11623 192.0.2.1 TCP_MISS", b"1140804070.368 ", b"mgr", None, b"11623 192.0.2.1 TCP_MISS"),
        (b'{"a":1}\0{"b":2}', None, b"mgr", None, b'{"a":1}'),
    ],
)
def test_headers(raw, timestamp, host, program, log):
    event = cut(raw)
    assert (event.timestamp, event.hostname, event.program_name, event.log) == (timestamp, host, program, log)


@pytest.mark.parametrize(
    ("raw", "log", "after_nul"),
    [
        (b"plain a", b"plain a", True),
        (b'{"a":1}', b'{"a":1}', True),
        (b"Nov 13 10:00:01 h a", b"a", True),
        (b"Nov 13 10:00:01 h  a", b" a", True),
        (b"Nov 13 10:00:01  a", b"a", False),
        (b"Nov 13 10:00:01   x", b"x", True),
        (b"Nov 13 10:00:01 !x", b"!x", True),
        (b"Nov 13 10:00:01  !x", b"!x", False),
        (b"Nov 13 10:00:01 app:a", b"app:a", True),
        (b"Nov 13 10:00:01 app: a", b"a", False),
        (b"Nov 13 10:00:01 h app: a", b"a", False),
        (b"Nov 13 10:00:01 h app:a", b"a", True),
        (b"Nov 13 10:00:01 h app[12]: a", b"a", False),
        (b"Nov 13 10:00:01 h app[12]:a", b"a", False),
        (b"Nov 13 10:00:01 h app[12] a", b"a", False),
        (b"Nov 13 10:00:01 h [12]: abc", b"abc", False),
        (b"Nov 13 10:00:01 h app: [ID 1 x]  abc", b" abc", False),
        (b"Nov 13 10:00:01 h app:[ID 1 x] abc", b"abc", False),
        (b"Nov 13 10:00:01 h [ID 1 x] abc", b"[ID 1 x] abc", True),  # nothing but a program is followed by an id
        (b"Nov 13 10:00:01 [ID 1 x] abc", b"[ID 1 x] abc", True),
        (b"Nov 13 10:00:01  [ID 1 x] abc", b"[ID 1 x] abc", False),
        (b"Nov 13 10:00:01 h mail|x:y app: abc", b"abc", False),
        (b"Nov 13 10:00:01 h mail|x:y app abc", b" abc", False),
        (b"Nov 13 10:00:01 h mail|x:y app[12]: abc", b"abc", False),
        (b"Nov 13 10:00:01 h mail|x:y app[12] abc", b"mail|x:y app", True),
        (b"Nov 13 10:00:01 h mail|x:y app[12]:abc", b"mail|x:y app", True),
        (b"Nov 13 10:00:01 h mail|x:y app[12abc", b"mail|x:y app", True),
        (b"2009-05-22 18:09:07,574 h a", b"a", True),
        (b"2015-04-16T21:51:02+01:00 h app: a", b"a", False),
        (b"2015-04-16T21:51:02.123456789Z12[ID 1 x] abc", b"[ID 1 x] abc", True),
        (b"2021-04-21 10:16:09.404756-0700  a", b"a", False),
        (b"Mon Apr 17 18:27:14 2006 1 64.160.42.130 x", b"1 64.160.42.130 x", True),
        (b"01/28-09:13:16.240702  [**] x", b"[**] x", False),
        (b"01/28/1979-09:13:16.240702  [**] xx", b"[**] xx", False),
        (b"[Fri Feb 11 18:06:35 2004] [warn] x", b"[warn] x", False),
        (b"1140701044.525   1231 192.0.2.1 TCP_DENIED/400", b"1231 192.0.2.1 TCP_DENIED/400", True),
        (b"[Time 2006.12.28 15:53:55 UTC] x y z", b" UTC] x y z", False),
        (b"[Time 2006.12.28 15:53:55 UTC] [Host h] [Message abc]", b" UTC] [Host h", False),
        (b"[Time 2006.12.28 15:53:55 UTC] [Message abc] [Host h] x", b"abc", False),
    ],
)
def test_what_stands_before_the_log(raw, log, after_nul):
    """As a manager showed it, by what is behind an empty match at the beginning."""
    event = cut(raw)
    assert (event.log, event.after_nul) == (log, after_nul)
    assert event.behind(0) == (len(log) if after_nul else 0)
    assert event.behind(2) == 2


def test_apple_system_log():
    event = cut(b"[Time 2006.12.28 15:53:55 UTC] [Message m] [Message n] [Sender a] [Sender b] [Host c] [Host d]")
    assert (event.timestamp, event.program_name, event.log, event.hostname) == (None, b"a", b"m", b"c")


@pytest.mark.parametrize(
    ("location", "agent", "host", "seen", "shown"),
    [
        ("/l", "000", b"h", "/l", "/l"),
        ("a:b|c", "000", b"h", "a:b|c", "a:b|c"),
        ("[001] (web) 192.0.2.1->/x", "001", b"web", "(web) 192.0.2.1->/x", "/x"),
        ("[007]", "007", b"", "", ""),
        ("[007] /x", "007", b"", "/x", "/x"),
        ("[007] (x", "007", b"", "(x", None),
        ("[000] (web) 192.0.2.1->/x", "000", b"web", "(web) 192.0.2.1->/x", "/x"),
        ("(web) x", "000", b"h", "(web) x", None),
    ],
)
def test_origin(location, agent, host, seen, shown):
    event = cut(b"Nov 13 10:00:01 h app: x", location)
    assert (event.agent_id, event.hostname, event.location, event.origin) == (agent, host, seen, shown)


@pytest.mark.parametrize(
    ("location", "agent"),
    [
        ("/l", {"id": "000", "name": "mgr"}),
        ("[001] (web) 192.0.2.1->/x", {"id": "001", "name": "web", "ip": "192.0.2.1"}),
        ("[001] (web) any->/x", {"id": "001", "name": "web"}),
        ("[001] (web) 192.0.2.1", {"id": "001", "name": "web", "ip": "192.0.2.1"}),
        ("[001] (a b) x->y->z", {"id": "001", "name": "a b", "ip": "x"}),
        ("[001] (x", {"id": "001", "name": ""}),
        ("[001]", {"id": "001"}),
        ("[001] x (web) y->z", {"id": "001"}),
        ("[000] (web) 192.0.2.1->/x", {"id": "000", "name": "web", "ip": "192.0.2.1"}),
        ("(web) 192.0.2.1->/x", {"id": "000", "name": "h", "ip": "192.0.2.1"}),
        ("(web)", {"id": "000", "name": "h", "ip": ""}),
        ("(x", {"id": "000", "name": "h"}),
    ],
)
def test_the_agent_that_an_alert_shows(location, agent):
    event = cut(b"Nov 13 10:00:01 h app: x", location)
    shown = alert_of(event, None, full_log=True, previous=(), previous_log=None, manager="mgr")
    assert shown["agent"] == agent


def test_an_agent_without_closing_bracket_is_refused():
    with pytest.raises(PredecodeError) as caught:
        cut(b"x", "[001")
    assert caught.value.message.code == 1106


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"Nov 13 10:00:01 app: x", b"app:"),
        (b"Nov  3 10:00:01 [web] x", b"[web]"),
        (b"nov 13 10:00:01 h x", None),
        (b"Nov 13 10:00:01  h x", None),
    ],
)
def test_the_host_that_an_alert_shows_is_just_the_next_word(raw, shown):
    assert shown_hostname(raw) == shown


@given(st.binary(max_size=120), st.text(max_size=20))
@settings(deadline=None)
def test_no_event_does_worse_than_a_refusal(raw, location):
    try:
        event = cut(raw, location)
    except PredecodeError:
        assert location.startswith("[")
    else:
        assert event.full_log.endswith(event.log) or b"\0" in raw or raw.startswith(b"[T")


@pytest.mark.parametrize(
    ("tags", "log", "program", "host"),
    [
        ("[Message x y [Host z [Sender", b"x y [Host z [Sender", None, b"mgr"),
        ("[Message", b" UTC] [Message", None, b"mgr"),
        ("] [Sender s] [Message ", b"", b"s", b"mgr"),
        ("[Sender s] [Sender x [Host ]", b" UTC] [Sender s", b"s", b""),
        ("[Sender x [Host h] [Message x y", b"x y", b"x [Host h", b"mgr"),
        ("[Sender x [Host h", b" UTC] [Sender x [Host h", None, b"mgr"),
        ("[Host h] [Sender s]", b" UTC] [Host h", None, b"h"),
    ],
)
def test_tags_of_the_apple_system_log(tags, log, program, host):
    event = cut(f"[Time 2006.12.28 15:53:55 UTC] {tags}".encode())
    assert (event.log, event.program_name, event.hostname) == (log, program, host)
