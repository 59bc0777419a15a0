"""The traps that ``check`` reports: what a manager does with each, by the evaluator, and the finding."""

# ruff: noqa: E501 -- rules stand as they are written

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wazuh_cicd.check.decodertraps import follows
from wazuh_cicd.check.dialects import foreign
from wazuh_cicd.check.ruleset import check_ruleset
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import RulesetFiles, load_ruleset
from wazuh_cicd.engine.load.decoderdefinition import PatternText
from wazuh_cicd.findings import Severity

STOCK = Path(__file__).parents[3] / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"
BASE = '<rule id="100000" level="3"><decoded_as>json</decoded_as><field name="m">x</field><description>b</description></rule>'
TRAPS = {"X817", "X818", "X819", "X823", "X824", "X825", "X826", "X827", "X807", "X801"}


class Site:
    """Rules, decoders and lists on top of the stand-ins: their findings, and what becomes of events."""

    def __init__(self, folder: Path, rules: str = "", decoders: str = "", **lists: str) -> None:
        self.rules = f'<group name="mine,">\n{rules or BASE}\n</group>\n'
        self.decoders = decoders
        self.lists = {f"etc/lists/{name}": text.encode() for name, text in lists.items()}
        for name, text in {
            "rules/2000-mine_rules.xml": self.rules,
            "decoders/2000-mine_decoders.xml": decoders,
            **{f"lists/{name}": text for name, text in lists.items()},
        }.items():
            if text:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(text, "utf-8")
        self._folder = folder

    @property
    def findings(self):
        found = check_ruleset([self._folder], beneath=[stock_root()])
        return [finding for finding in found if finding.code in TRAPS]

    @property
    def codes(self):
        return [finding.code for finding in self.findings]

    def verdicts(self, *events: str):
        decoders = (("2000-mine_decoders.xml", self.decoders.encode()),) if self.decoders else ()
        files = RulesetFiles(decoders, (("2000-mine_rules.xml", self.rules.encode()),), self.lists)
        session = load_ruleset([stock_root()], files=files).session(clock=lambda: 1_700_000_000.0)
        return [session.process(event, "somewhere") for event in events]

    def fired(self, *events: str):
        return [verdict.rule_id for verdict in self.verdicts(*events)]

    def decoded(self, event: str):
        output = self.verdicts(event)[0].output
        return output.get("decoder", {}).get("name"), output.get("data", {})


@pytest.fixture
def site(tmp_path):
    return lambda *args, **lists: Site(tmp_path, *args, **lists)


def rule(number: int, conditions: str, attributes: str = "", level: int = 5) -> str:
    return f'<rule id="{number}" level="{level}"{attributes}>{conditions}<description>d</description></rule>'


def under(parent: int, number: int, conditions: str, level: int = 5) -> str:
    return rule(number, f"<if_sid>{parent}</if_sid>{conditions}", level=level)


JSON_CHILD = '<decoder name="own"><parent>json</parent>{}</decoder>'
READS = '<regex type="pcre2">"k":"(\\w+)"</regex><order>own.k</order>'
PLUGIN = "<plugin_decoder>JSON_Decoder</plugin_decoder>"


@pytest.mark.parametrize(
    ("child", "of_own", "of_others", "expected"),
    [
        (READS, {"own": {"k": "v"}}, {}, ["X817"]),
        (f'<prematch>"k"</prematch>{READS}', {"own": {"k": "v"}}, {}, ["X817"]),
        (f'<prematch>"k"</prematch>{PLUGIN}', {"m": "x", "k": "v"}, {}, ["X817"]),
        (PLUGIN, {"m": "x", "k": "v"}, {"m": "x"}, []),
    ],
)
def test_a_child_of_json_takes_the_fields(site, child, of_own, of_others, expected):
    here = site(BASE, JSON_CHILD.format(child))
    assert here.decoded('{"m":"x","k":"v"}')[1] == of_own
    assert here.decoded('{"m":"x"}')[1] == of_others
    assert here.codes == expected
    assert here.fired('{"m":"x"}') == [None if expected else 100000]


ROOT = "<decoder name='mine'><prematch>^mine: </prematch></decoder>"


def child_of_mine(name: str, prematch: str, field: str, attributes: str = "") -> str:
    prematch = f"<prematch{attributes}>{prematch}</prematch>" if prematch else ""
    return (
        f'<decoder name="{name}"><parent>mine</parent>{prematch}'
        f'<regex type="pcre2">(\\w+)$</regex><order>{field}</order></decoder>'
    )


@pytest.mark.parametrize(
    ("first", "second", "hides"),
    [
        ("", "user", True),
        ("user", "user", True),
        ("user", "a user", True),
        ("user|door", "a user|the door", True),
        ("a user", "user", False),
        ("user", "a user|the door", False),
        ("^mine: u", "^mine: user", False),  # letters have two cases here: not certain, so not said
        ("user$", "a user$", False),
        ("user \\w+", "a user", False),
    ],
)
def test_a_child_that_hides_a_later_one(site, first, second, hides):
    here = site(BASE, ROOT + child_of_mine("one", first, "one.k") + child_of_mine("two", second, "two.k"))
    assert here.codes == (["X818"] if hides else [])
    if hides:
        assert here.decoded("mine: a user hans")[1] == {"one": {"k": "hans"}}
        assert "'two' never runs" in here.findings[0].message


def test_a_child_that_another_root_of_the_name_leaves_events_is_not_hidden(site):
    second = "<decoder name='mine'><prematch>^other: </prematch></decoder>"
    here = site(BASE, ROOT + child_of_mine("one", "", "one.k") + second + child_of_mine("two", "", "two.k"))
    assert here.decoded("mine: hans")[1] == {"one": {"k": "hans"}}
    assert here.decoded("other: hans")[1] == {"two": {"k": "hans"}}
    assert here.codes == []


def test_a_member_of_a_chain_is_not_hidden_by_its_first(site):
    here = site(BASE, ROOT + child_of_mine("one", "", "one.a") + child_of_mine("one", "", "one.b"))
    assert here.decoded("mine: hans")[1] == {"one": {"a": "hans", "b": "hans"}}
    assert here.codes == []


@pytest.mark.parametrize(
    ("prematch", "event", "hidden"),
    [
        ('^{"mine"', '{"mine":"x"}', True),
        ('^{"mine"|^{"other"', '{"other":"x"}', True),
        ('^{ "mine"', '{ "mine":"x"}', True),
        ('^{"mine"|^mine', "mine", False),
        ('"mine":', 'x "mine":', False),
        ("^{mine", "{mine}", False),
    ],
)
def test_a_root_that_json_leaves_nothing(site, prematch, event, hidden):
    decoder = f"<decoder name='mine'><prematch>{prematch}</prematch></decoder>"
    here = site(BASE, decoder)
    assert here.decoded(event)[0] == ("json" if hidden else "mine")
    assert here.codes == (["X819"] if hidden else [])


def test_a_root_of_a_program_that_another_one_takes(site):
    first = "<decoder name='one'><program_name>^mine</program_name></decoder>"
    second = "<decoder name='two'><program_name>^mine</program_name><prematch>x</prematch></decoder>"
    event = "Jan  1 00:00:00 host mine[1]: x"
    here = site(BASE, first + second)
    assert here.decoded(event)[0] == "one"
    assert here.codes == ["X819"]
    other_way = site(BASE, second + first)
    assert other_way.decoded(event)[0] == "two"
    assert other_way.codes == []


@pytest.mark.parametrize(
    ("first", "late", "expected"),
    [
        (("pcre2", rb'\A\{ *"'), ("pcre2", rb'^\{"k"'), True),
        (("pcre2", rb'\A\{ *"'), ("pcre2", rb'^\{"?k"'), False),  # the quote may be absent
        (("pcre2", rb'\A\{ *"'), ("pcre2", rb'\{"k"'), False),  # anywhere
        (("pcre2", rb'\A\{ *"'), ("pcre2", rb'^\{"k"|x'), False),
        (("pcre2", rb'\A\{"\z'), ("pcre2", rb'^\{"k"'), False),
        (("pcre2", rb'\A\{"(?!k)'), ("pcre2", rb'^\{"k"'), False),
        (("osregex", rb'^{\s*"'), ("osregex", rb'^{"k"'), True),
        (("osregex", rb'^{\s*"$'), ("osregex", rb'^{"k"'), False),
        (("pcre2", rb"^a"), ("osregex", rb"^a"), False),  # which takes A as well
    ],
)
def test_when_one_pattern_follows_from_another(first, late, expected):
    assert follows(PatternText(*first), PatternText(*late)) is expected


@pytest.mark.parametrize("kind", ["", ' type="pcre2"'])
@pytest.mark.parametrize(
    ("regex", "offset", "filled"),
    [
        ("^mine: (\\w+)", "after_parent", False),
        ("mine: (\\w+)", "after_parent", False),
        ("(\\w+)", "after_parent", True),
        ("^mine: (\\w+)", "", True),
    ],
)
def test_a_regex_that_repeats_the_prematch_after_it(site, kind, regex, offset, filled):
    offset = f' offset="{offset}"' if offset else ""
    child = (
        f'<decoder name="one"><parent>mine</parent><regex{kind}{offset}>{regex}</regex><order>one.k</order></decoder>'
    )
    here = site(BASE, ROOT + child)
    assert here.decoded("mine: hans")[1] == ({"one": {"k": "hans"}} if filled else {})
    assert here.codes == ([] if filled else ["X823"])


def test_address_match_key_value_is_the_wrong_way_round(site):
    listed = '<list field="srcip" lookup="address_match_key_value" check_value="bad">etc/lists/addresses</list>'
    here = site(BASE + under(100000, 100001, listed), addresses="192.0.2.1:bad\n192.0.2.2:good\n")
    events = [json.dumps({"m": "x", "srcip": address}) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]
    assert here.fired(*events) == [100000, 100001, 100001]
    assert here.codes == ["X824"]


COUNTS = ' frequency="3" timeframe="60"'


def test_a_field_of_a_composite_is_tested_in_the_last_event(site):
    composite = rule(100001, '<if_matched_sid>100000</if_matched_sid><field name="k">^bad$</field>', COUNTS, level=9)
    here = site(BASE + composite)
    events = ['{"m":"x","k":"good"}', '{"m":"x","k":"good"}', '{"m":"x","k":"bad"}']
    assert here.fired(*events) == [100000, 100000, 100001]
    assert here.codes == ["X825"]
    assert "'k'" in here.findings[0].message


@pytest.mark.parametrize(
    "composite",
    [
        '<if_matched_sid>100001</if_matched_sid><field name="k">^bad$</field>',  # all counted events have it
        '<if_matched_sid>100001</if_matched_sid><if_sid>100000</if_sid><field name="k">^good$</field>',  # one after others
        "<if_matched_sid>100001</if_matched_sid><same_field>k</same_field>",
    ],
)
def test_a_field_of_a_composite_that_is_meant_so(site, composite):
    rules = BASE + under(100000, 100001, '<field name="k">^bad$</field>') + rule(100002, composite, COUNTS, level=9)
    assert site(rules).codes == []


PROGRAM = (
    "<decoder name='mine'><program_name>^mine</program_name></decoder>"
    '<decoder name="mine-line"><parent>mine</parent><regex type="pcre2">k=(\\w+) from (\\S+)</regex><order>own.k, srcip</order></decoder>'
)
OF_MINE = rule(100000, "<decoded_as>mine</decoded_as>")
LINE = "Jan  1 00:00:00 host mine[1]: k=v from 192.0.2.1"


@pytest.mark.parametrize("name", ["hostname", "location", "agent.name", "srcip", "own.k,srcip", "own.other"])
def test_same_field_on_what_is_no_decoded_field(site, name):
    composite = f"<if_matched_sid>100000</if_matched_sid><same_field>{name}</same_field>"
    here = site(OF_MINE + rule(100001, composite, COUNTS, level=9), PROGRAM)
    assert here.fired(*[LINE] * 4) == [100000] * 4
    assert [(found.code, found.severity) for found in here.findings] == [("X826", Severity.WARNING)]


def test_same_field_on_a_decoded_field(site):
    composite = "<if_matched_sid>100000</if_matched_sid><same_field>own.K</same_field>"
    here = site(OF_MINE + rule(100001, composite, COUNTS, level=9), PROGRAM)
    assert here.fired(*[LINE] * 3) == [100000, 100000, 100001]
    assert here.codes == []


def test_different_field_on_what_is_no_decoded_field_compares_nothing(site):
    composite = "<if_matched_sid>100000</if_matched_sid><different_field>srcip</different_field>"
    here = site(OF_MINE + rule(100001, composite, COUNTS, level=9), PROGRAM)
    assert here.fired(*[LINE] * 3) == [100000, 100000, 100001]
    assert here.codes == ["X826"]


def test_json_may_have_a_field_of_any_name(site):
    """So that is a note, and only where the name is one of the alert's."""
    for name, expected in (("hostname", ["X826"]), ("agent.name", ["X826"]), ("host", []), ("srcip", ["X826"])):
        composite = f"<if_matched_sid>100000</if_matched_sid><same_field>{name}</same_field>"
        here = site(BASE + rule(100001, composite, COUNTS, level=9))
        assert here.codes == expected
        note = name != "srcip"
        assert all((found.severity is Severity.NOTE) is note for found in here.findings)
    has_it = site(
        BASE + rule(100001, "<if_matched_sid>100000</if_matched_sid><same_field>hostname</same_field>", COUNTS, level=9)
    )
    assert has_it.fired(*['{"m":"x","hostname":"h"}'] * 3) == [100000, 100000, 100001]
    static = site(
        BASE + rule(100001, "<if_matched_sid>100000</if_matched_sid><same_field>srcip</same_field>", COUNTS, level=9)
    )
    assert static.fired(*['{"m":"x","srcip":"192.0.2.1"}'] * 4) == [100000] * 4


@pytest.mark.parametrize(
    ("field", "fires"),
    [
        ("srcip", True),
        ("own.k", True),
        ("dstip", False),
        ("own.j", False),
        ("user", False),
        ("srcuser", False),
        ("hostname", True),
    ],
)
def test_a_list_on_a_field_that_is_never_filled(site, field, fires):
    listed = f'<list field="{field}" lookup="match_key">etc/lists/known</list>'
    here = site(OF_MINE + under(100000, 100001, listed), PROGRAM, known="192.0.2.1:\nv:\nhost:\n")
    assert here.fired(LINE) == [100001 if fires else 100000]
    assert here.codes == ([] if fires else ["X827"])


def test_a_list_on_a_static_field_of_a_module(site):
    """The stand-in of rule 91100 asks for the integration, as the stock rule does."""
    for field, expected in (("srcip", ["X827"]), ("github.actor_ip", [])):
        listed = f'<list field="{field}" lookup="address_match_key">etc/lists/known</list>'
        here = site(under(91100, 100001, listed), known="192.0.2.1:\n")
        event = '{"integration":"github","github":{"actor_ip":"192.0.2.1"}}'
        assert here.fired(event) == [91100 if expected else 100001]
        assert here.codes == expected


def test_a_list_looks_up_srcuser_by_the_name_user(site):
    decoder = (
        "<decoder name='mine'><prematch>^mine: </prematch><regex>^mine: (\\w+)</regex><order>srcuser</order></decoder>"
    )
    for field, expected in (("srcuser", ["X827"]), ("user", [])):
        listed = f'<list field="{field}" lookup="match_key">etc/lists/known</list>'
        here = site(OF_MINE + under(100000, 100001, listed), decoder, known="hans:\n")
        assert here.fired("mine: hans") == [100000 if expected else 100001]
        assert here.codes == expected


def test_fields_of_a_declared_eventchannel_are_known_to_nobody(site):
    decoder = "<decoder name='windows_eventchannel'><prematch>^nothing</prematch><regex>(x)</regex><order>own.k</order></decoder>"
    rules = '<rule id="100000" level="3"><category>ossec</category><decoded_as>windows_eventchannel</decoded_as><description>d</description></rule>'
    here = site(rules + under(100000, 100001, '<field name="win.system.eventID">^1$</field>'), decoder)
    assert here.codes == []


@pytest.mark.parametrize(
    ("kind", "source", "piece"),
    [
        ("osregex", rb"a\d{1,3}", "{1,3}"),
        ("osregex", rb"k=(.*?) ", ".*"),
        ("osregex", rb'"k":"([^"]+)"', "[^"),
        ("osregex", rb"\\.*x", ".*"),
        ("osregex", rb"\(? x", None),
        ("osregex", rb"\<x", None),
        ("osregex", rb"C:\\Windows\\System32", None),
        ("osmatch", rb"\<script", "\\<"),
        ("osmatch", rb"user \S+ x", "\\S"),
        ("osmatch", rb"\d{1,3}", "\\d"),
        ("osmatch", rb"cmd\.exe", "\\."),
        ("osmatch", rb"x.*y", ".*"),
        ("osmatch", rb"C:\Windows\System32\wbem", None),
        ("osmatch", rb"\Windows\|\System32\|\drivers\etc", None),
        ("osmatch", rb"C:\d", None),
        ("osmatch", rb"..\..", None),
        ("osmatch", rb"del \Temp\*.*", None),
        ("osmatch", rb"\\server\share", None),
        ("osmatch", rb"%APPDATA%\.ssh", None),
    ],
)
def test_texts_of_another_language(kind, source, piece):
    found = [entry for entry in foreign(kind, source) if entry.severity is Severity.WARNING]
    assert len(found) == (piece is not None)
    assert piece is None or piece in found[0].text


@pytest.mark.parametrize(
    ("decoder", "event", "better"),
    [
        ("<regex>k=(\\d{1,3})</regex>", "mine: k=12", '<regex type="pcre2">k=(\\d{1,3})</regex>'),
        ("<regex>k=(.*?);</regex>", "mine: k=12;", '<regex type="pcre2">k=(.*?);</regex>'),
    ],
)
def test_a_decoder_in_the_wrong_language(site, decoder, event, better):
    form = "<decoder name='mine'><prematch>^mine: </prematch>{}<order>own.k</order></decoder>"
    here = site(BASE, form.format(decoder))
    assert here.decoded(event)[1] == {}
    assert here.codes == ["X807"]
    there = site(BASE, form.format(better))
    assert there.decoded(event)[1] == {"own": {"k": "12"}}
    assert there.codes == []


def test_os_match_looks_for_the_backslash_of_an_escaped_sign(site):
    here = site(BASE + under(100000, 100001, "<match>\\<script</match>"))
    assert here.fired('{"m":"x","k":"<script"}') == [100000]
    assert here.codes == ["X807"]
    there = site(BASE + under(100000, 100001, "<regex>\\<script</regex>"))
    assert there.fired('{"m":"x","k":"<script"}') == [100001]
    assert there.codes == []


def test_groups_that_others_count_by_id_are_one_finding(site, tmp_path):
    rules = BASE
    for number in range(1, 9):
        rules += under(100000, 100000 + number, f'<field name="k">^{number}$</field><group>gg,</group>')
        rules += rule(100010 + number, f"<if_matched_sid>{100000 + number}</if_matched_sid>", COUNTS, level=9)
    rules += rule(100030, "<if_matched_group>gg,</if_matched_group>", COUNTS, level=10)
    here = site(rules)
    event = '{"m":"x","k":"1"}'
    assert 100030 not in here.fired(*[event] * 4)
    found = [entry for entry in check_ruleset([tmp_path], beneath=[stock_root()]) if entry.code == "X804"]
    assert [(entry.rule, entry.severity) for entry in found] == [("100030", Severity.WARNING)]
    assert "100001, 100002" in found[0].message
    assert "2 more" in found[0].message


def test_traps_are_found_beside_a_refused_file(site, tmp_path):
    here = site(BASE, JSON_CHILD.format(READS))
    (tmp_path / "rules" / "3000-bad_rules.xml").write_text("<nonsense>x</nonsense>", "utf-8")
    assert here.codes == ["X817"]


@pytest.mark.skipif(not STOCK.is_dir(), reason="the stock ruleset is not beside the checkout (../shared)")
def test_the_traps_of_the_stock_ruleset_are_these():
    found = [entry for entry in check_ruleset([STOCK]) if entry.code in TRAPS - {"X801", "X807"}]
    assert sorted((entry.code, entry.message.split("'")[1]) for entry in found) == [
        ("X817", "pf-fields"),
        ("X817", "sonicwall-fields"),
        ("X818", "cisco-asa-data-channel"),
        ("X818", "exim-disconnect"),
        ("X818", "sonicwall-fields"),
        ("X818", "web-accesslog-glpi"),
        ("X819", "owncloud"),
    ]
