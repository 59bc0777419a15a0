import json

import pytest
from ruleset_kit import DECODERS, OPTIONS, judge, rule

from wazuh_cicd import caches
from wazuh_cicd.engine import RulesetFiles, cache, load_ruleset
from wazuh_cicd.engine.frozen import freeze_rule
from wazuh_cicd.engine.frozendecoders import freeze_decoders

DECODERS_OF_ALL_KINDS = (
    DECODERS
    + rb"""
<decoder name="root"><prematch>^root </prematch></decoder>
<decoder name="kid"><parent>root</parent><prematch offset="after_parent">^kid </prematch>
  <regex type="pcre2" offset="after_prematch">u=(\w+) x=(\w+)</regex><order>user, my.field</order>
  <fts>name, user</fts><use_own_name>true</use_own_name></decoder>
"""
)
RULES = [
    rule(100000, "<decoded_as>kid</decoded_as>", level=0),
    rule(
        100001,
        '<if_sid>100000</if_sid><field name="my.field" type="pcre2">^a</field><list field="user">etc/lists/l</list>'
        "<srcip negate='yes'>10.0.0.0/8</srcip><time>8 - 17</time><weekday>mon</weekday>"
        "<mitre><id>T1110</id></mitre><mitre><tacticID>TA0001</tacticID><techniqueID>T1078</techniqueID></mitre>"
        "<options>no_full_log</options><info type='link'>x</info><group>g,\xe9,</group>",
        maxsize=3,
        ignore=4,
    ),
    rule(100002, '<if_sid>100000</if_sid><list field="user" lookup="match_key">etc/lists/l</list><if_fts/>'),
    rule(100003, "<if_matched_sid>100002</if_matched_sid><same_field>my.field</same_field>", frequency=3, level=9),
    rule(100004, "<if_matched_group>conf,</if_matched_group><different_user/>", frequency=4, level=8),
    rule(100005, r"<if_sid>100000</if_sid><if_matched_regex>kid \w</if_matched_regex>", frequency=2, level=7),
    rule(100009, "<if_sid>999</if_sid>"),
]
EVENTS = [f"root kid u={user} x={value}" for user in ("bob", "eve", "bob", "al") for value in ("a", "b", "a")] * 3


def source():
    body = "".join(RULES)
    text = (
        '<group name="root,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
        f'<description>R</description></rule></group><group name="conf,">{body}</group>'
    )
    lists = {"etc/lists/l": b"bob:x\nal:\n"}
    return RulesetFiles((("d.xml", DECODERS_OF_ALL_KINDS),), (("r.xml", text.encode("latin-1")),), lists)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WAZUH_CICD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "MIN_BYTES", 0)
    return tmp_path / "cache" / "rulesets"


def load(**settings):
    return load_ruleset(files=source(), options=OPTIONS, **settings)


def outputs(ruleset):
    session = ruleset.session()
    verdicts = [session.process(event, time=1000.0 + number) for number, event in enumerate(EVENTS)]
    return [(verdict.output, verdict.alert, verdict.tried) for verdict in verdicts]


def test_kept_ruleset_is_the_same_as_a_fresh_one(place):
    fresh = load(cache=False)
    assert not place.exists()
    load()
    kept = load()
    assert len(list(place.iterdir())) == 1
    assert kept.messages == fresh.messages
    assert [message.code for message in kept.messages] == [0, 7617, 7619]
    assert list(map(freeze_rule, kept.tree.ordered)) == list(map(freeze_rule, fresh.tree.ordered))
    assert [node.rule.id for node in kept.tree.walk()] == [node.rule.id for node in fresh.tree.walk()]
    assert outputs(kept) == outputs(fresh)
    assert freeze_decoders(kept.decoders) == freeze_decoders(fresh.decoders)


def test_second_load_reads_no_xml(place, monkeypatch):
    load()

    def refuse(*_):
        raise AssertionError("parsed again")

    monkeypatch.setattr("wazuh_cicd.engine.load.rulereader.read_xml", refuse)
    monkeypatch.setattr("wazuh_cicd.engine.load.decoderxml.read_xml", refuse)
    assert judge(load(), EVENTS[1]) == [100002]
    assert place.exists()


def test_everything_that_matters_is_in_the_key():
    files, key = source(), cache.key_of(source(), OPTIONS)
    assert cache.key_of(source(), OPTIONS) == key
    others = [
        RulesetFiles((("e.xml", files.decoders[0][1]),), files.rules, files.lists),
        RulesetFiles(files.decoders, ((files.rules[0][0], files.rules[0][1] + b" "),), files.lists),
        RulesetFiles(files.decoders, files.rules, {"etc/lists/l": b"eve:\n"}),
    ]
    assert len({key, *(cache.key_of(other, OPTIONS) for other in others)}) == 4
    assert cache.key_of(files, type(OPTIONS)()) != key


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda text: text[:-20],
        lambda _: b"[]",
        lambda text: text.replace(b'"format":', b'"format":9'),
        lambda text: text.replace(b'"places":[[', b'"places":[[9999,-1],['),
        lambda text: json.dumps({**json.loads(text), "key": "other"}).encode(),
        lambda text: json.dumps({**json.loads(text), "tree": {"rules": [{"id": 1}], "places": []}}).encode(),
        lambda text: json.dumps({**json.loads(text), "decoders": [{"plugin": "os.system"}]}).encode(),
    ],
)
def test_damaged_file_is_ignored_and_written_again(place, damage):
    expected = outputs(load())
    [file] = place.iterdir()
    good = file.read_bytes()
    # The digest is right: what is inside is looked at, too.
    caches.write(file, damage(caches.read(file)), kept=1)
    assert file.read_bytes() != good
    assert outputs(load()) == expected
    assert file.read_bytes() == good


def test_folder_that_cannot_be_written_is_no_error(place):
    place.parent.write_text("a file where the folder should be")
    assert judge(load(), EVENTS[1]) == [100002]


def test_only_the_newest_are_kept(place, monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 2)
    for number in range(4):
        more = RulesetFiles(lists={f"etc/lists/{number}": b""})
        load_ruleset([more], files=source(), options=OPTIONS)
    assert len(list(place.iterdir())) == 2
