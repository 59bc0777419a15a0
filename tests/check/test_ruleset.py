"""What ``check`` says about any ruleset folder, and what it must not say."""

# ruff: noqa: E501 -- rules stand as they are written

from __future__ import annotations

from pathlib import Path

import pytest

from wazuh_cicd.check.language import language
from wazuh_cicd.check.osregex import portable
from wazuh_cicd.check.ruleset import check_ruleset
from wazuh_cicd.check.targets import is_ruleset
from wazuh_cicd.commands.check import collect
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.errors import UsageError
from wazuh_cicd.findings import Severity

STOCK = Path(__file__).parents[3] / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"
HEAD = '<rule id="100000" level="0"><decoded_as>json</decoded_as><field name="m">x</field><description>b</description></rule>'


@pytest.fixture
def findings(tmp_path):
    """The findings (code, rule, message) about one file of rules on top of the stand-ins."""

    def check(rules: str, decoders: str = "", extra: dict[str, str] | None = None):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / "2000-mine_rules.xml").write_text(f'<group name="mine,">\n{rules}\n</group>\n', "utf-8")
        if decoders:
            (tmp_path / "decoders").mkdir(exist_ok=True)
            (tmp_path / "decoders" / "2000-mine_decoders.xml").write_text(decoders, "utf-8")
        for name, text in (extra or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        return check_ruleset([tmp_path], beneath=[stock_root()])

    return check


def child(number: int, conditions: str, *, level: int = 5, parent: int = 100000, attributes: str = "") -> str:
    sid = "" if "if_matched" in conditions else f"<if_sid>{parent}</if_sid>"
    return f'<rule id="{number}" level="{level}"{attributes}>{sid}{conditions}<description>d</description></rule>'


def codes(found):
    return [(finding.code, finding.rule) for finding in found]


def test_a_clean_ruleset_has_no_findings(findings):
    rules = (
        HEAD + child(100001, '<field name="a" type="pcre2">^x$</field>') + child(100002, '<field name="b">^y$</field>')
    )
    assert findings(rules) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('<field name="a">\\.+</field>', '<field name="a" type="pcre2">\\Ax\\z</field>'),
        ('<field name="A" type="pcre2">^(?:x|y)</field>', '<field name="a" type="pcre2">\\A(?:xa|yb)\\z</field>'),
        ('<field name="a">^x</field>', '<field name="a" type="osmatch">^xa$|^XB$</field>'),
        ("<id>^4</id>", "<id>^401$|^403$</id>"),
        ("", '<field name="a">z</field>'),
        ('<field name="a" type="pcre2" negate="yes">q</field>', '<field name="a" type="pcre2">^x$</field>'),
    ],
)
def test_a_rule_behind_a_sibling_that_takes_its_events_is_dead(findings, first, second):
    rules = HEAD + child(100001, first, level=9) + child(100002, second)
    found = findings(rules)
    assert codes(found) == [("X802", "100002")]
    assert "100001 (level 9)" in found[0].message
    assert "<if_sid>100001</if_sid>" in found[0].fix
    assert findings(HEAD + child(100001, first, level=9) + child(100002, second, level=10)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('<field name="a" type="pcre2">^x$</field>', '<field name="a">^X$</field>'),  # case
        ('<field name="a" type="pcre2">\\Ax\\z</field>', '<field name="a" type="pcre2">^x$</field>'),  # final line feed
        ('<field name="a">x</field><field name="b">y</field>', '<field name="a">x</field>'),
        (
            '<field name="a" type="pcre2" negate="yes">q</field>',
            '<field name="b" type="pcre2">^x$</field>',
        ),  # a may lack
        ('<field name="a">x</field><if_fts />', '<field name="a">x</field>'),
    ],
)
def test_a_sibling_that_may_let_events_pass_hides_nothing(findings, first, second):
    assert "X802" not in [f.code for f in findings(HEAD + child(100001, first, level=9) + child(100002, second))]


def test_a_noalert_sibling_hides_nothing(findings):
    rules = HEAD + child(100001, "", level=9, attributes=' noalert="1"') + child(100002, '<field name="a">z</field>')
    assert findings(rules) == []


def test_a_condition_against_the_parents_is_told(findings):
    rules = (
        HEAD
        + child(100001, '<field name="a" type="pcre2">^(?:x|y)$</field>')
        + child(100002, '<field name="a" type="pcre2">^z</field>', parent=100001)
        + child(100003, '<field name="a" type="pcre2">^x</field>', parent=100001)
        + child(100004, '<field name="a" type="osmatch" negate="yes">^X$|^y$</field>', parent=100001)
    )
    assert ("X803", "100002") in codes(findings(rules))
    assert ("X803", "100003") not in codes(findings(rules))


def test_a_composite_that_counts_what_is_never_stored_is_told(findings):
    composite = child(100002, "<if_matched_sid>100000</if_matched_sid>", attributes=' frequency="3" timeframe="60"')
    assert codes(findings(HEAD + composite)) == [("X804", "100002")]


def test_a_composite_that_counts_more_than_is_remembered_is_told(findings):
    one = child(100001, '<field name="a">x</field>')
    composite = "<if_matched_sid>100001</if_matched_sid>"
    rules = HEAD + one + child(100002, composite, level=9, attributes=' frequency="8194" timeframe="60"')
    assert codes(findings(rules)) == [("X804", "100002")]
    rules = HEAD + one + child(100002, composite, level=9, attributes=' frequency="8193" timeframe="60"')
    assert codes(findings(rules)) == []


def test_a_rule_at_two_places_is_counted_twice_by_its_group(findings):
    parents = child(100001, '<field name="a">^x</field>') + child(100002, '<field name="a">^y</field>')
    both = child(100003, '<field name="b">z</field><group>gg,</group>', parent="100001,100002")
    one = child(100003, '<field name="b">z</field><group>gg,</group>', parent=100001)
    composite = "<if_matched_group>gg,</if_matched_group>"
    thrice = child(100004, composite, level=9, attributes=' frequency="3"', parent=100001)
    twice = child(100004, composite, level=9, attributes=' frequency="2"', parent=100001)
    assert codes(findings(HEAD + parents + both + thrice)) == [("X816", "100004")]
    assert codes(findings(HEAD + parents + both + twice)) == []
    assert codes(findings(HEAD + parents + one + thrice)) == []


def test_counting_by_id_takes_events_from_groups(findings):
    rules = (
        HEAD
        + child(100001, '<field name="a">x</field><group>gg,</group>')
        + child(100002, "<if_matched_sid>100001</if_matched_sid>", level=9, attributes=' frequency="3"')
        + child(100003, "<if_matched_group>gg,</if_matched_group>", level=10, attributes=' frequency="3"')
    )
    found = findings(rules)
    assert codes(found) == [("X804", "100003")]
    assert found[0].severity is Severity.WARNING


DECODER = """
<decoder name="thing"><program_name>thing</program_name></decoder>
<decoder name="thing-line"><parent>thing</parent><prematch>x</prematch><regex>x (\\S+)</regex><order>thing.word, srcip</order></decoder>
<decoder name="thing-json"><program_name>jthing</program_name><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
"""


def test_a_field_that_no_decoder_produces_is_told(findings):
    rules = '<rule id="100000" level="3"><decoded_as>thing</decoded_as><description>d</description></rule>'
    rules += child(100001, '<field name="thing.wrod">x</field>') + child(
        100002, '<field name="thing.WORD">x</field>', level=6
    )
    found = findings(rules, DECODER)
    assert codes(found) == [("X801", "100001")]
    assert "thing.word" in found[0].fix


def test_fields_of_json_are_anybodys_guess(findings):
    rules = '<rule id="100000" level="3"><decoded_as>thing-json</decoded_as><description>d</description></rule>'
    assert findings(rules + child(100001, '<field name="a.b">x</field>'), DECODER) == []


def test_a_childs_name_is_nobodys_decoder(findings):
    rules = '<rule id="100000" level="3"><decoded_as>thing-line</decoded_as><description>d</description></rule>'
    found = findings(rules, DECODER)
    assert codes(found) == [("X809", "100000")]
    assert "'thing'" in found[0].fix


@pytest.mark.parametrize(
    ("condition", "piece"),
    [
        ('<field name="a">^x.*y</field>', ".*"),
        ("<regex>[0-9] x</regex>", "[0-9"),
        ("<match>\\d x</match>", "\\d"),
        ("<match>x|</match>", "empty alternative"),
        ("<id>^0|$</id>", "empty alternative"),
    ],
)
def test_a_text_in_the_wrong_dialect_is_told(findings, condition, piece):
    found = findings(HEAD + child(100001, condition))
    assert codes(found) == [("X807", "100001")]
    assert piece in found[0].message


def test_more_than_two_lists_are_told(findings):
    tag = '<list field="a" lookup="match_key">etc/lists/amazon/aws-eventnames</list>'
    assert codes(findings(HEAD + child(100001, tag * 3))) == [("X810", "100001")]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (HEAD + HEAD, "7612"),
        (HEAD + child(100001, "", parent=199999), "7619"),
        (HEAD + child(100001, '<list field="a">etc/lists/none</list>'), "7616"),
        (HEAD + child(100001, '<field name="a" type="pcre">x</field>'), "7600"),
        (HEAD + '<rule id="100001" level="5"><if_group>nobody</if_group><description>d</description></rule>', "7610"),
        (HEAD + child(100001, "<if_matched_sid>199999</if_matched_sid>", attributes=' frequency="3"'), "7620"),
    ],
)
def test_what_a_manager_warns_of_has_its_code_and_our_place(findings, rules, code):
    found = [f for f in findings(rules) if f.code == code]
    assert found
    assert found[0].path.endswith("rules/2000-mine_rules.xml")
    assert found[0].line == 2
    assert found[0].fix


@pytest.mark.parametrize("rules", ["<rule></rule>", "<rule id='1'", HEAD + child(100001, "<nonsense>x</nonsense>")])
def test_what_a_manager_refuses_is_an_error(findings, rules):
    found = findings(rules)
    assert found
    assert any(f.severity is Severity.ERROR for f in found)


def test_a_file_only_root_can_read_is_told(findings, tmp_path):
    assert findings(HEAD) == []
    (tmp_path / "rules" / "2000-mine_rules.xml").chmod(0o600)
    assert codes(check_ruleset([tmp_path], beneath=[stock_root()])) == [("X806", "")]


def test_lists_and_blocks_of_ossec_conf_are_compared(findings):
    tag = '<list field="a" lookup="match_key">etc/lists/mine</list>'
    conf = "<ossec_config>\n<ruleset><list>etc/lists/other</list></ruleset>\n</ossec_config>\n"
    extra = {"lists/mine": "x:\n", "etc/ossec.conf": conf}
    assert codes(findings(HEAD + child(100001, tag), extra=extra)) == [("X805", "")]
    extra["etc/ossec.conf"] = conf.replace("other", "mine") * 2
    assert codes(findings(HEAD + child(100001, tag), extra=extra)) == [("X811", "")]
    extra["etc/ossec.conf"] = conf.replace("other", "mine") + "<!-- <ruleset></ruleset> -->"
    assert findings(HEAD + child(100001, tag), extra=extra) == []


@pytest.mark.skipif(not STOCK.is_dir(), reason="the stock ruleset is not beside the checkout (../shared)")
def test_the_stock_ruleset_has_the_dead_rules_that_we_know_of():
    found = check_ruleset([STOCK])
    costly = {"X820", "X821", "X822"}  # of Wazuh's own patterns
    assert {f.code for f in found if f.severity is Severity.ERROR} - costly == set()
    dead = {f.rule for f in found if f.code == "X802"}
    assert {"7613", "12118", "60634"} <= dead
    assert {f.rule for f in found if f.code == "X803"} >= {"18143", "60134"}
    assert "5710" not in dead


@pytest.mark.parametrize(
    ("kind", "source", "values"),
    [
        ("pcre2", rb"\A(?:a|b\.c)\z", {b"a", b"b.c"}),
        ("pcre2", b"^x$", {b"x", b"x\n"}),
        ("pcre2", rb"(?i)\Aa[bc]?d\z", {b"ad", b"abd", b"acd"}),
        ("pcre2", rb"\Aa\x3cb\z", {b"a<b"}),
        ("pcre2", rb"\Aa|b\z", None),
        ("pcre2", rb"\Aa.\z", None),
        ("pcre2", rb"a", None),
        ("pcre2", rb"\A(?=a)a\z", None),
        ("pcre2", rb"\A\d\z", None),
        ("pcre2", rb"\Aa{2}\z", None),
        ("osmatch", b"^a$|^b$", {b"a", b"b"}),
        ("osmatch", b"^a$|b", None),
        ("osmatch", b"!^a$", None),
        ("osregex", rb"^a\|b$", {b"a|b"}),
        ("osregex", rb"^a\d$", None),
        ("string", b"a|b", {b"a|b"}),
    ],
)
def test_the_language_of_a_pattern(kind, source, values):
    found = language(kind, source)
    assert (None if found is None else set(found.values)) == values


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        (b"a b", True),
        (rb"\.*", True),
        (rb"\.+", True),
        (rb"^\w+ \d+$", True),
        (rb"\w+\s+b", False),
        (rb"\w*$", False),
        (rb"\S+ x", True),
        (rb"\w+\d", False),
        (rb"a|\w+\s+b", False),
    ],
)
def test_which_os_regex_holds_no_surprise(pattern, plain):
    assert portable(pattern) is plain


def test_a_folder_is_known_for_what_it_is(tmp_path):
    assert is_ruleset(stock_root())
    with pytest.raises(UsageError, match="neither specs nor XML files"):
        collect([tmp_path])
    with pytest.raises(UsageError, match="no such file"):
        collect([tmp_path / "none"])


CHAIN = (
    '<decoder name="mine"><parent>mine</parent><regex type="pcre2"{offset}>{regex}</regex><order>k</order></decoder>'
)


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("k=(x)?", ["X812"]),
        ("a|(b)", ["X812"]),
        ("(?:a(b)|c)+", ["X812"]),
        ("(?:a(b)|c)*(d)", []),
        ("k=(x?)", []),
        ("(?:a(b)|(c))+", []),
        ("(?=k=(x))k", []),
        ("(?!k=(x))k", ["X812"]),
    ],
)
def test_groups_that_can_all_stay_out_of_a_match(findings, regex, expected):
    decoders = f'<decoder name="mine"><prematch>^mine</prematch></decoder>{CHAIN.format(offset="", regex=regex)}'
    found = [finding.code for finding in findings(HEAD, decoders)]
    assert [code for code in found if code not in {"X820", "X821", "X822"}] == expected


@pytest.mark.parametrize(
    ("prematch", "offset", "expected"),
    [
        ("^(?=mine)", "", []),
        ("^(?=mine)", ' offset="after_parent"', ["X813"]),
        ("^m(?=ine)", ' offset="after_parent"', []),
        ("^(?:mine)?", ' offset="after_parent"', ["X813"]),
    ],
)
def test_a_regex_behind_a_prematch_that_can_be_empty(findings, prematch, offset, expected):
    root = f'<decoder name="mine"><prematch type="pcre2">{prematch}</prematch></decoder>'
    decoders = root + CHAIN.format(offset=offset, regex="k=(x)")
    assert [finding.code for finding in findings(HEAD, decoders)] == expected


@pytest.mark.parametrize("search", ["<if_matched_regex>x</if_matched_regex>", "<if_matched_sid>0</if_matched_sid>"])
@pytest.mark.parametrize(("more", "expected"), [("", ["X814"]), ("<global_frequency/>", [])])
def test_a_search_of_all_events_that_hangs_a_manager(findings, search, more, expected):
    found = findings(HEAD + child(100001, search + more, attributes=' frequency="3" timeframe="60"'))
    assert [finding.code for finding in found] == expected
    assert all(finding.severity is Severity.ERROR for finding in found)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("<id>T1110</id>", []),
        ("<id>T1086</id>", ["X815"]),  # revoked
        ("<id>T1110</id><id>T1064</id><id>T9999</id>", ["X815", "X815"]),
        ("<tacticID>TA0006</tacticID><techniqueID>T1110</techniqueID>", []),
        ("<tacticID>TA0002</tacticID><techniqueID>T1110</techniqueID>", ["X815"]),
    ],
)
def test_a_mitre_id_that_a_manager_does_not_find(findings, block, expected):
    found = findings(HEAD + child(100001, f"<match>x</match><mitre>{block}</mitre>"))
    assert [finding.code for finding in found] == expected
