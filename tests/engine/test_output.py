import pytest

from wazuh_cicd.engine.decode.event import Event
from wazuh_cicd.engine.judge.mitre import attack, describe
from wazuh_cicd.engine.judge.output import data_of, expand, predecoder_of, split_groups


def event(log=b"", statics=None, dynamics=()):
    made = Event(log, "stdin", hostname=b"manager")
    made.statics.update(statics or {})
    for name, value in dynamics:
        made.add_dynamic(name, value)
    return made


def test_description_takes_static_and_dynamic_fields():
    made = event(statics={"dstuser": b"u", "system_name": b"sn"}, dynamics=[(b"a", b"x")])
    template = (
        b"[$(a)] [$(A)] [$(user)] [$(dstuser)] [$(system_name)] [$(systemname)] [$(hostname)] [$(nope)] [$(a] end"
    )
    assert expand(template, made) == b"[x] [x] [] [u] [sn] [] [manager] [] [$(a] end"


def test_description_that_grows_too_long_stays_as_written():
    made = event(dynamics=[(b"a", b"x" * 1000)])
    assert expand(b"$(a)", made) == b"x" * 1000
    assert expand(b"$(a)$(a)", made) == b"$(a)$(a)"


def test_groups_and_compliance_are_told_apart():
    shown = dict(split_groups(b"a,pci_dss_10.2.7,b,, c,gdpr_IV_35.7.d,pci_dss_11.4,a,"))
    assert shown == {"groups": ("a", "b", " c", "a"), "pci_dss": ("10.2.7", "11.4"), "gdpr": ("IV_35.7.d",)}


def test_groups_end_at_1023_bytes():
    assert dict(split_groups(b"x" * 1020 + b",abcdef,"))["groups"] == ("x" * 1020, "ab")


def test_empty_groups_are_an_empty_list():
    assert split_groups(b"") == (("groups", ()),)


@pytest.mark.parametrize(
    ("dynamics", "data"),
    [
        ([(b"a.b", b"1"), (b"a.c", b"2")], {"a": {"b": "1", "c": "2"}}),
        ([(b"A", b"1"), (b"a", b"2")], {"A": "1"}),
        ([(b"a.b", b"1"), (b"a", b"2")], {"a": {"b": "1"}}),
        ([(b"a", b"2"), (b"a.b", b"1")], {"a": "2"}),
        ([(b"A.b", b"1"), (b"a.c", b"2")], {"A": {"b": "1", "c": "2"}}),
        ([(b"a", b"")], {}),
        ([(b"a", b'[1, "x"]'), (b"b", b"[oops]"), (b"c", b"[1")], {"a": [1, "x"], "b": "[oops]", "c": "[1"}),
        ([(b"", b"1"), (b"x.", b"2")], {"": "1", "x": {"": "2"}}),
    ],
)
def test_dynamic_fields_nest(dynamics, data):
    assert data_of(event(dynamics=dynamics)) == data


def test_static_fields_come_first_and_hide_dynamic_ones():
    made = event(statics={"url": b"/", "protocol": b"", "data": b"d"}, dynamics=[(b"data.x", b"1"), (b"URL", b"2")])
    assert data_of(made) == {"protocol": "", "url": "/", "data": "d"}
    assert list(data_of(made)) == ["protocol", "url", "data"]


def test_bytes_that_are_not_utf8_survive():
    assert data_of(event(dynamics=[(b"a", b"\xff\xc3\xa9")])) == {"a": "\udcffé"}


def test_predecoder_hostname_is_the_word_behind_a_bsd_header():
    made = event(b"Nov 13 10:00:01 app: text")
    made.timestamp = b"Nov 13 10:00:01"
    assert predecoder_of(made) == {"timestamp": "Nov 13 10:00:01", "hostname": "app:"}
    assert predecoder_of(event(b"nov 13 10:00:01 host app: text")) == {}


def test_mitre_prints_all_ids_as_soon_as_one_is_known():
    shown, messages = describe(["T1110", "T9999"], [])
    assert shown == {"id": ["T1110", "T9999"], "tactic": ["Credential Access"], "technique": ["Brute Force"]}
    assert [message.text for message in messages] == ["Mitre Technique ID 'T9999' not found in database."]


def test_mitre_is_left_out_when_nothing_is_known():
    shown, messages = describe(["T9999", "t1110"], [])
    assert shown is None
    assert len(messages) == 2


def test_mitre_pairs_need_a_tactic_that_belongs_to_the_technique():
    shown, messages = describe([], [("TA0006", "T1110"), ("TA0001", "T1110")])
    assert shown == {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]}
    assert len(messages) == 1


def test_tactics_keep_the_order_of_the_original():
    assert describe(["T1078"], [])[0]["tactic"] == [
        "Defense Evasion",
        "Persistence",
        "Privilege Escalation",
        "Initial Access",
    ]


def test_every_tactic_of_the_table_has_a_name():
    table = attack()
    assert {tactic for _, tactics in table.techniques.values() for tactic in tactics} <= set(table.tactics)
    assert len(table.tactics) == 14
