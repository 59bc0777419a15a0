import json

import pytest
from ruleset_kit import DECODERS, OPTIONS, judge, rule

from wazuh_cicd import caches
from wazuh_cicd.engine import RulesetFiles, cache, load_ruleset, ruleset
from wazuh_cicd.engine.frozen import freeze_rule
from wazuh_cicd.engine.frozendecoders import freeze_decoders
from wazuh_cicd.engine.load.rulereader import read_rules

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

    monkeypatch.setattr(ruleset, "read_rules", refuse)
    monkeypatch.setattr(ruleset, "load_decoders", refuse)
    assert judge(load(), EVENTS[1]) == [100002]
    assert place.exists()


def test_everything_that_matters_is_in_the_key():
    files, key = source(), cache.key_of(source(), OPTIONS)
    assert cache.key_of(source(), OPTIONS) == key
    others = [
        RulesetFiles((("e.xml", files.decoders[0][1]),), files.rules, files.lists),
        RulesetFiles(files.decoders, ((files.rules[0][0], files.rules[0][1] + b" "),), files.lists),
        RulesetFiles(files.decoders, files.rules, {"etc/lists/other": b"bob:x\n"}),  # what is in it is read each time
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


FIRST = [rule(100020 + number, "<if_sid>100000</if_sid>", level=number % 5) for number in range(8)]
PARTS = {
    "0-root.xml": '<group name="root,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
    "<description>R</description></rule></group>",
    "1-conf.xml": f'<group name="conf,">{"".join(RULES)}</group>',
    "2-more.xml": f'<group name="more,">{"".join(FIRST)}</group>',
    "3-group.xml": '<group name="last,">'
    + rule(100030, "<if_group>more</if_group><match>x</match>", level=6)
    + rule(100031, "<if_matched_group>more</if_matched_group>", frequency=2, level=7)
    + rule(100032, "<if_matched_sid>100021</if_matched_sid><same_user/>", frequency=2, level=7)
    + "</group>",
}
ANOTHER = {
    "a text": '<group name="last,">' + rule(100030, "<if_group>conf</if_group>", level=11) + "</group>",
    "an overwrite": '<group name="last,">' + rule(100021, "<match>kid</match>", level=12, overwrite="yes") + "</group>",
    "a level that counts": '<group name="more,">' + rule(100033, "<if_level>4</if_level>", level=2) + "</group>",
}


def load_parts(parts, **settings):
    lists = {"etc/lists/l": b"bob:x\nal:\n"}
    rules = tuple((name, text.encode("latin-1")) for name, text in parts.items())
    return load_ruleset(
        files=RulesetFiles((("d.xml", DECODERS_OF_ALL_KINDS),), rules, lists), options=OPTIONS, **settings
    )


def assert_the_same(one, other):
    assert one.messages == other.messages
    assert list(map(freeze_rule, one.tree.ordered)) == list(map(freeze_rule, other.tree.ordered))
    assert [node.rule.id for node in one.tree.walk()] == [node.rule.id for node in other.tree.walk()]
    assert outputs(one) == outputs(other)


@pytest.mark.parametrize("last", ANOTHER.values(), ids=ANOTHER)
def test_a_ruleset_whose_last_file_has_changed_is_loaded_from_there_on(last, place, monkeypatch):
    load_parts(PARTS)
    read = []
    monkeypatch.setattr(
        ruleset, "read_rules", lambda context, data: read.append(context.path) or read_rules(context, data)
    )
    for changed in (PARTS | {"3-group.xml": last}, PARTS | {"3-group.xml": last, "4-new.xml": PARTS["3-group.xml"]}):
        read.clear()
        loaded = load_parts(changed)
        assert read == list(changed)[3:]
        assert_the_same(loaded, load_parts(changed, cache=False))


def test_a_file_that_overwrote_earlier_rules_and_goes_takes_what_was_kept_with_it(place):
    load_parts(PARTS | {"3-group.xml": ANOTHER["an overwrite"]})
    assert_the_same(load_parts(PARTS), load_parts(PARTS, cache=False))


def test_a_file_that_overwrote_and_stays_is_kept(place, monkeypatch):
    parts = PARTS | {"2a.xml": ANOTHER["an overwrite"]}
    parts = {name: parts[name] for name in sorted(parts)}
    load_parts(parts)
    changed = parts | {"3-group.xml": ANOTHER["a text"]}
    read = []
    monkeypatch.setattr(
        ruleset, "read_rules", lambda context, data: read.append(context.path) or read_rules(context, data)
    )
    loaded = load_parts(changed)
    assert read == ["3-group.xml"]
    monkeypatch.undo()
    assert_the_same(loaded, load_parts(changed, cache=False))


def test_what_the_content_of_a_list_says_is_not_kept(place):
    def with_list(content):
        return load_ruleset(files=source() + RulesetFiles(lists={"etc/lists/l": content}), options=OPTIONS)

    assert outputs(with_list(b"bob:x\n")) != outputs(with_list(b"nobody:\n"))


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"key": 1}', b'{"key": "../../x"}', b'{"key": "' + b"0" * 64 + b'", "growth": {}}']
)
def test_a_damaged_pointer_is_passed_over(damage, place):
    load_parts(PARTS)
    for file in (place.parent / "bases").iterdir():
        caches.write(file, damage, kept=8)
    changed = PARTS | {"3-group.xml": ANOTHER["a text"]}
    assert_the_same(load_parts(changed), load_parts(changed, cache=False))
