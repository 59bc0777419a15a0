"""Choosing decoders and filling fields."""

import pytest

from wazuh_cicd.engine.decode.decoders import DecoderSet, load_decoders
from wazuh_cicd.engine.decode.event import Event
from wazuh_cicd.engine.decode.plugins import FORWARDED_ALERT
from wazuh_cicd.engine.decode.predecode import predecode
from wazuh_cicd.engine.judge.seen import fts_key
from wazuh_cicd.engine.load.decoderdefinition import MAX_DYNAMIC_FIELDS
from wazuh_cicd.engine.load.messages import FatalLoadError, LoadMessage

# Both lists of roots must have a member, or the manager loads nothing.
FILLERS = (
    '<decoder name="filler-p"><program_name>^filler$</program_name></decoder>'
    '<decoder name="filler-l"><prematch>^filler:</prematch></decoder>'
)
JSON = '<decoder name="json"><prematch>^{\\s*"</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>'
GATE = '<decoder name="gate"><prematch>^gate: </prematch></decoder>'


def load(*elements: str, messages: list[LoadMessage] | None = None) -> DecoderSet:
    text = "".join((*elements, FILLERS)).encode("utf-8", "surrogateescape")
    return load_decoders([("d.xml", text)], [] if messages is None else messages)


def child(name: str, body: str, parent: str = "gate") -> str:
    return f'<decoder name="{name}"><parent>{parent}</parent>{body}</decoder>'


def regex(pattern: str, order: str, offset: str = "after_parent") -> str:
    where = f' offset="{offset}"' if offset else ""
    return f"<regex{where}>{pattern}</regex><order>{order}</order>"


def decode(decoders: DecoderSet, log: bytes) -> Event:
    event = predecode(log, "/l", manager_hostname=b"mgr")
    decoders.decode(event)
    return event


def fields(event: Event) -> dict[str, bytes]:
    found = dict(event.statics)
    for name, value in event.dynamics:
        found.setdefault(name.decode("utf-8", "surrogateescape"), value)
    return found


def shown(event: Event) -> tuple[str | None, str | None]:
    info = event.decoder_info
    return (info.name, info.parent) if info else (None, None)


def test_the_first_root_wins_and_stays():
    decoders = load(GATE, '<decoder name="other"><prematch>^gate: door</prematch></decoder>')
    assert shown(decode(decoders, b"gate: door")) == ("gate", None)
    assert shown(decode(decoders, b"nothing")) == (None, None)


def test_a_program_decides_which_roots_are_tried():
    decoders = load(JSON, '<decoder name="app"><program_name>^app</program_name></decoder>')
    assert shown(decode(decoders, b'Nov 13 10:00:01 h app[1]: {"a":1}')) == ("app", None)
    assert shown(decode(decoders, b'Nov 13 10:00:01 h tool: {"a":1}')) == (None, None)
    assert fields(decode(decoders, b'Nov 13 10:00:01 h {"a":1}')) == {"a": b"1"}


def test_a_child_without_prematch_lends_its_regex_but_not_its_name():
    decoders = load(GATE, child("kid", "<use_own_name>true</use_own_name>" + regex(r"^(\w+)", "user")))
    event = decode(decoders, b"gate: bob")
    assert shown(event) == ("gate", None)
    assert fields(event) == {"dstuser": b"bob"}
    assert event.decoder_id == decoders.id_of(b"gate")


def test_the_first_child_whose_prematch_fits_is_final():
    first = child("a", '<prematch offset="after_parent">^door</prematch>' + regex(r"n=(\d+)", "num"))
    second = child("b", '<prematch offset="after_parent">^d</prematch>' + regex(r"u=(\w+)", "user"))
    decoders = load(GATE, first, second)
    assert fields(decode(decoders, b"gate: door u=bob")) == {}
    assert fields(decode(decoders, b"gate: dx u=bob")) == {"dstuser": b"bob"}
    assert shown(decode(decoders, b"gate: door")) == ("gate", "gate")


def test_own_name_needs_the_word_true_and_a_prematch():
    body = '<prematch offset="after_parent">^{0}</prematch><use_own_name>{1}</use_own_name>'
    decoders = load(GATE, child("one", body.format("one", "true")), child("two", body.format("two", "yes")))
    event = decode(decoders, b"gate: one")
    assert shown(event) == ("one", "gate")
    assert event.decoder_id == decoders.id_of(b"one")
    assert shown(decode(decoders, b"gate: two")) == ("gate", "gate")
    assert decoders.id_of(b"two") not in (None, decoders.id_of(b"gate"))
    assert decoders.id_of(b"three") is None


def test_a_root_with_children_does_not_run_its_own_regex():
    root = f'<decoder name="gate"><prematch>^gate: </prematch>{regex("n=(.)", "n", "")}</decoder>'
    assert fields(decode(load(root.replace("(.)", r"(\d)")), b"gate: n=7")) == {"n": b"7"}
    with_child = load(root.replace("(.)", r"(\d)"), child("kid", regex(r"u=(\w+)", "user")))
    assert fields(decode(with_child, b"gate: n=7")) == {}


def test_a_chain_goes_on_behind_the_last_match():
    decoders = load(
        GATE,
        child("c", regex(r"a=(\w+)", "a")),
        child("c", regex(r"b=(\w+)", "b", "after_regex")),
        child("c", regex(r"c=(\w+)", "c", "after_regex")),
    )
    assert fields(decode(decoders, b"gate: a=1 b=2 c=3")) == {"a": b"1", "b": b"2", "c": b"3"}
    assert fields(decode(decoders, b"gate: b=2 a=1 c=3")) == {"a": b"1", "c": b"3"}
    assert fields(decode(decoders, b"gate: c=3 b=2 a=1")) == {"a": b"1"}


def test_a_chain_walks_the_list_of_children_whatever_their_names():
    decoders = load(
        GATE, child("x", regex(r"a=(\w+)", "a")), child("y", regex(r"b=(\w+)", "b")), child("x", regex(r"c=(\w+)", "c"))
    )
    assert fields(decode(decoders, b"gate: a=1 b=2 c=3")) == {"a": b"1", "b": b"2"}


def test_a_chain_is_skipped_with_its_first_member():
    decoders = load(
        GATE,
        child("x", '<prematch offset="after_parent">^one</prematch>' + regex(r"a=(\w+)", "a")),
        child("x", regex(r"b=(\w+)", "b")),
        child("y", regex(r"c=(\w+)", "c")),
    )
    assert fields(decode(decoders, b"gate: two a=1 b=2 c=3")) == {"c": b"3"}


def test_of_two_values_a_static_name_keeps_the_last_and_a_dynamic_one_the_first():
    decoders = load(GATE, child("x", regex(r"a=(\w+)", "user")), child("x", regex(r"b=(\w+)", "user")))
    assert fields(decode(decoders, b"gate: a=1 b=2")) == {"dstuser": b"2"}
    decoders = load(GATE, child("x", regex(r"a=(\w+)", "k")), child("x", regex(r"b=(\w+)", "K")))
    event = decode(decoders, b"gate: a=1 b=2")
    assert event.dynamics == [(b"k", b"1"), (b"K", b"2")]
    assert event.field(b"k") == b"1"


@pytest.mark.parametrize(
    ("kind", "left"),
    [("osregex", b"abc"), ("pcre2", b" abc")],
)
def test_a_run_at_the_end_of_an_osregex_prematch_eats_the_byte_behind_it(kind, left):
    root = f'<decoder name="gate"><prematch type="{kind}">^gate \\d+</prematch></decoder>'
    rest = '<regex type="pcre2" offset="after_parent">^(.*)$</regex><order>rest</order>'
    assert fields(decode(load(root, child("kid", rest)), b"gate 12 abc")) == {"rest": left}


@pytest.mark.parametrize("prematch", ['type="pcre2">^', 'type="pcre2">^(?=a)', r">^\s*"])
@pytest.mark.parametrize(("log", "left"), [(b"ab x", None), (b"Nov 13 10:00:01 h ab x", None)])
def test_behind_an_empty_match_at_the_beginning_is_nothing(prematch, log, left):
    behind = '<regex type="pcre2" offset="{}">^(.+)</regex><order>f</order>'
    root = f'<decoder name="r"><prematch {prematch}</prematch></decoder>'
    own = f'<decoder name="r"><prematch {prematch}</prematch>{behind.format("after_prematch")}</decoder>'
    for decoders in (load(own), load(root, child("c", behind.format("after_parent"), "r"))):
        event = decode(decoders, log)
        assert event.decoder is not None
        assert event.field(b"f") == left


def test_behind_an_empty_match_further_on_or_behind_a_program_is_the_rest():
    behind = '<regex type="pcre2" offset="after_prematch">^(.+)</regex><order>f</order>'
    decoders = load(
        f'<decoder name="p"><program_name>^app$</program_name><prematch type="pcre2">^</prematch>{behind}</decoder>',
        f'<decoder name="r"><prematch type="pcre2">(?=x)</prematch>{behind}</decoder>',
    )
    assert decode(decoders, b"Nov 13 10:00:01 h app: ab x").field(b"f") == b"ab x"
    assert decode(decoders, b"Nov 13 10:00:01 h app:ab x").field(b"f") is None
    assert decode(decoders, b"ab x").field(b"f") == b"x"


def test_behind_an_empty_match_of_a_chain_is_nothing():
    chain = '<regex type="pcre2">^(z?)</regex><order>g</order>'
    decoders = load(
        GATE.replace("gate: ", "g"),
        child("c", chain),
        child("c", '<regex type="pcre2" offset="after_regex">^(.+)</regex><order>f</order>'),
    )
    assert decode(decoders, b"gate").field(b"f") is None


def test_names_in_order():
    order = "SrcIP, my-name, a b,\n  two,srcip"
    pattern = r'<regex type="pcre2">^gate: (\S*) (\S*) (\S*) (\S*) (\S*)$</regex>'
    event = decode(load(GATE, child("kid", f"{pattern}<order>{order}</order>")), b"gate: 1 2 3 4 5")
    assert fields(event) == {"SrcIP": b"1", "my-name": b"2", "a": b"3", "\n": b"4", "srcip": b"5"}


def test_more_captures_than_names_are_dropped_and_missing_ones_leave_the_field_out():
    pattern = r'<regex type="pcre2">^gate: (a)?(b)?(c)?</regex><order>x, y</order>'
    decoders = load(GATE, child("kid", pattern))
    assert fields(decode(decoders, b"gate: abc")) == {"x": b"a", "y": b"b"}
    assert fields(decode(decoders, b"gate: b")) == {"x": b"", "y": b"b"}
    assert fields(decode(decoders, b"gate: a")) == {"x": b"a"}


def test_json_statics():
    event = decode(
        load(JSON), b'{"user":"a","dstuser":"b","srcip":1,"systemname":"s","o":{"id":"x"},"Url":"u","srcip":2}'
    )
    assert event.statics == {"dstuser": b"b", "srcip": b"2", "system_name": b"s"}
    assert event.dynamics == [(b"o.id", b"x"), (b"Url", b"u")]
    event = decode(load(JSON), b'{"dstuser":"b","user":"a"}')
    assert (event.statics, event.dynamics) == ({"dstuser": b"b"}, [(b"user", b"a")])


def test_broken_json_keeps_the_decoder_and_has_no_fields():
    event = decode(load(JSON), b'{"a":1,}')
    assert shown(event) == ("json", None)
    assert fields(event) == {}


def test_an_event_holds_a_limited_number_of_fields():
    text = ",".join(f'"k{number}":{number}' for number in range(300))
    assert len(decode(load(JSON), f"{{{text}}}".encode()).dynamics) == MAX_DYNAMIC_FIELDS


def test_plugin_options_are_those_of_the_recorded_decoder():
    body = "<plugin_decoder>JSON_Decoder</plugin_decoder><json_array_structure>csv</json_array_structure>"
    root = '<decoder name="gate"><prematch>^{"</prematch></decoder>'
    log = b'{"a":[1,2]}'
    assert fields(decode(load(root, child("kid", body)), log)) == {"a": b"[1, 2]"}
    assert fields(decode(load(root, child("kid", "<prematch>^{</prematch>" + body)), log)) == {"a": b"1,2"}


def plugin(name, log):
    """The fields that a built-in decoder makes of a log, and its category."""
    event = decode(
        load(f'<decoder name="d"><prematch type="pcre2">.</prematch><plugin_decoder>{name}</plugin_decoder></decoder>'),
        log,
    )
    return {key: value.decode() for key, value in fields(event).items()}, event.category


ADDRESSES = {"srcip": "192.0.2.1", "srcport": "1", "dstip": "192.0.2.2", "dstport": "2"}


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "rule 3/(match) pass out on x: 192.0.2.1.1 > 192.0.2.2.2:  udp 73",
            {"protocol": "UDP", "action": "pass", **ADDRESSES},
        ),
        ("x) b: 192.0.2.1.1 > 192.0.2.2.2:icmp", {"protocol": "ICMP", "action": "block", **ADDRESSES}),
        ("x) p: 192.0.2.1.1 > 192.0.2.2.2: Udp", {"protocol": "TCP", "action": "pass", **ADDRESSES}),
        ("x) p: 192.0.2.1.1 > 192.0.2.2.2: ", {"action": "pass", **ADDRESSES}),
        (
            "x) p: a.b.c.d.e.f > g.h.i.j k: S",
            {"protocol": "TCP", "action": "pass", "srcip": "a.b.c.d", "srcport": "e.f", "dstip": "g.h.i.j k"},
        ),
        ("x) p: 192.0.2.1.1 > 192.0.2.2.2", {"action": "pass", "srcip": "192.0.2.1", "srcport": "1"}),
        ("x) p:  192.0.2.1.1 > 192.0.2.2.2: S", {"action": "pass", "srcip": ""}),
        ("x) p in:192.0.2.1.1 > 192.0.2.2.2: S", {"action": "pass"}),
        ("x) pazz", {"action": "pass"}),
        ("x)  pass", {}),
        ("y) x) p: 192.0.2.1.1 > 192.0.2.2.2: S", {}),
    ],
)
def test_lines_of_the_packet_filter(log, expected):
    assert plugin("PF_Decoder", log.encode())[0] == expected


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("1,2,11=a,10=b,60=c,2=d", {"srcip": "a", "dstuser": "b", "url": "c", "id": "2=d"}),
        ("11=a,10=b", {"dstuser": "b"}),
        ("x,11=a,11=b,10=,60", {"srcip": "a", "dstuser": ""}),
        ("x,3=1,60=u", {"id": "3=1,60=u"}),
        ("x,3=1=5,11=,10=b,2=c", {"id": "3=1=5,11=", "dstuser": "b"}),
        (f"x,11={'a' * 200},60={'b' * 2000}", {"srcip": "a" * 128, "url": "b" * 1024}),
    ],
)
def test_lines_of_symantec_web_security(log, expected):
    assert plugin("SymantecWS_Decoder", log.encode())[0] == expected


SONICWALL = {"status": "6", "id": "98", **ADDRESSES}


@pytest.mark.parametrize(
    ("log", "expected", "category"),
    [
        (
            "pri=6 c=1 m=98 n=1 src=192.0.2.1:1:WAN dst=192.0.2.2:2:LAN proto=tcp/80",
            {"action": "pass", "protocol": "tcp", **SONICWALL},
            "firewall",
        ),
        (
            "pri=6 c=32 m=98 src=192.0.2.1:1:WAN dst=192.0.2.2:2:LAN proto=icmp6-x",
            {"protocol": "icmp6-", **SONICWALL},
            "ids",
        ),
        (
            "PRI=6 c=1 m=98 SRC=192.0.2.1:1:W:h dst=192.0.2.2:2: proto=x/y",
            {"action": "pass", "protocol": "x", **SONICWALL},
            "firewall",
        ),
        ("pri=6 c=1 m=98 src=192.0.2.1:1:W dst=192.0.2.2:2:L  proto=x", {"action": "pass", **SONICWALL}, "firewall"),
        ("pri=6 c=1 m=98 src=192.0.2.1:1:W  dst=192.0.2.2:2:L", {"status": "6", "id": "98"}, "syslog"),
        (
            "pri=6 c=1 m=537 src=192.0.2.1:1:W dst=192.0.2.2:2:L",
            {"action": "close", **SONICWALL, "id": "537"},
            "firewall",
        ),
        (
            "pri=6 c=1 m=173 src=192.0.2.1:1:W dst=192.0.2.2:2:L",
            {"action": "drop", **SONICWALL, "id": "173"},
            "firewall",
        ),
        ("pri=6 c=1 m=5 src=192.0.2.1:1:W dst=192.0.2.2:2:L", {**SONICWALL, "id": "5"}, "firewall"),
        ("pri=12 c=1 m=98 src=192.0.2.1:1:W dst=192.0.2.2:2:L", {}, "syslog"),
        ("pri=6 c=1 m=98", {}, "syslog"),
    ],
)
def test_lines_of_a_sonicwall(log, expected, category):
    assert plugin("SonicWall_Decoder", log.encode()) == (expected, category)


@pytest.mark.parametrize("name", ["srcport", "dstport", "protocol", "action", "url", "status"])
def test_some_static_fields_cannot_be_part_of_a_first_time_seen_key(name):
    with pytest.raises(FatalLoadError):
        load(f'<decoder name="d"><prematch>^x</prematch>{regex("(a)", name, "")}<fts>name, {name}</fts></decoder>')


def test_first_time_seen_key():
    body = regex(r"k=(\w+) u=(\w+)", "my.key, user", "") + "<fts>name, user, my.key, location</fts>"
    root = f'<decoder name="gate"><prematch>^gate: </prematch>{body}</decoder>'
    event = decode(load(root), b"gate: k=v u=bob")
    assert event.decoder_info is not None
    assert fts_key(event.decoder_info, event) == b"gate  bob      /l v"
    plain = decode(load(GATE), b"gate: x")
    assert plain.decoder_info is not None
    assert fts_key(plain.decoder_info, plain) is None


@pytest.mark.parametrize(
    ("elements", "codes"),
    [
        ('<decoder name="d"><regex>(a)</regex><order>w</order></decoder>', [2108, 2107]),
        ('<decoder name="d"><prematch>^x</prematch><order>w</order></decoder>', [2107]),
        ('<decoder name="d"><prematch>^x</prematch><regex>(a)</regex></decoder>', [2107]),
        ('<decoder name="d"><prematch>^x</prematch><fine>y</fine></decoder>', [0]),
        ('<decoder name="d"></decoder>', [1231]),
        ('<decoders name="d"><prematch>^x</prematch></decoders>', [1230]),
        ('<decoder id="1" name="d"><prematch>^x</prematch></decoder>', [1230]),
        ('<decoder name="d" type="x"><prematch>^x</prematch></decoder>', [1230]),
        ('<decoder name="d"><prematch>^x\\q</prematch></decoder>', [1452, 2107]),
        ('<decoder name="d"><prematch>^x</prematch><regex>(a|b)</regex><order>w</order></decoder>', [1452, 2107]),
        ('<decoder name="d"><prematch offset="after_parent">^x</prematch></decoder>', [2120, 2107]),
        ('<decoder name="d"><prematch offset="after_prematch">^x</prematch></decoder>', [2107]),
        (child("k", regex("(a)", "w"), "none"), [2101, 2106]),
        (GATE + child("k", regex("(a)", "w", "after_regex")), [2120, 2105, 2106]),
        (GATE + child("k", regex("(a)", "w", "after_prematch")), [2120, 2107]),
        (GATE + child("k", regex("(a)", "w")) + child("k", "<prematch>x</prematch>"), [2102, 2105, 2106]),
        (GATE + child("k", regex("(a)", "w")) + child("k", regex("(b)", "v") + "<fts>name</fts>"), [2103, 2105, 2106]),
        (GATE + child("k", regex("(a)", "w")) + child("k", "<type>syslog</type>"), [2104, 2105, 2106]),
        (GATE + child("k", "<prematch>x</prematch>") + child("l", regex("(b)", "v"), "k"), [2101, 2106]),
        ('<decoder name="d"><prematch>x</prematch><plugin_decoder>No</plugin_decoder></decoder>', [2110]),
        (f'<decoder name="d"><prematch>x</prematch>{regex("(a)", "a,,b", "")}</decoder>', [0]),
        (f'<decoder name="d"><prematch>x</prematch>{regex("(a)", "a", "")}<fts>b</fts></decoder>', [0]),
        ('<decoder name="d"><prematch>x</prematch><type>odd</type></decoder>', [0]),
        ("<decoder", [1226]),
    ],
)
def test_what_is_fatal(elements, codes):
    with pytest.raises(FatalLoadError) as caught:
        load(elements)
    assert [message.code for message in caught.value.messages] == codes
    assert caught.value.message.path == "d.xml"
    assert caught.value.message.line == 1


@pytest.mark.parametrize("elements", ['<decoder name="a"><prematch>x</prematch></decoder>', ""])
def test_both_lists_need_a_root(elements):
    with pytest.raises(FatalLoadError) as caught:
        load_decoders([("d.xml", elements.encode())], [])
    assert [message.code for message in caught.value.messages] == [2106]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('<prematch type="osmatch">x</prematch>', 7601),
        ('<prematch type="OSREGEX">x</prematch>', None),
        ('<prematch>x</prematch><regex offset="here">(a)</regex><order>w</order>', 7601),
        ("<prematch>x</prematch><json_null_field>foo</json_null_field>", 7602),
        ("<prematch>x</prematch><json_array_structure>foo</json_array_structure>", 7602),
        ("<prematch>x</prematch><json_null_field>empty</json_null_field>", 7603),
        ('<prematch offset="elsewhere">x</prematch>', 7601),
    ],
)
def test_what_only_warns(body, code):
    messages: list[LoadMessage] = []
    load(f'<decoder name="d">{body}</decoder>', messages=messages)
    assert [message.code for message in messages] == ([] if code is None else [code])


def test_pieces_of_a_repeated_tag_are_glued():
    decoders = load('<decoder name="d"><prematch>^ga</prematch><prematch>te</prematch></decoder>')
    assert shown(decode(decoders, b"gate")) == ("d", None)
    assert shown(decode(decoders, b"ga")) == (None, None)


def test_files_are_read_in_the_order_given():
    files = [("b.xml", GATE.encode()), ("a.xml", (child("k", regex(r"(\d)", "n")) + FILLERS).encode())]
    assert fields(decode(load_decoders(files, []), b"gate: 7")) == {"n": b"7"}


def test_internal_decoders_have_numbers():
    decoders = load(GATE)
    event = Event(b"")
    decoders.assume(event, "syscheck_new_entry")
    assert event.decoder_id == decoders.id_of(b"syscheck_new_entry")
    assert event.category == "ossec"


@pytest.mark.parametrize(
    "log", [b"ossec: Alert Level: 3; Rule: 5 - d; Location: a; b", b"ossec: Alert Level: 3; Rule: x", b"x"]
)
def test_nothing_judges_what_the_decoder_for_forwarded_alerts_takes(log):
    assert plugin("OSSECAlert_Decoder", log) == ({}, FORWARDED_ALERT)
