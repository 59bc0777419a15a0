"""Corners of loading, each seen on a real manager: what is dropped, what is refused, what is looked at first."""

from __future__ import annotations

import pytest

from wazuh_cicd.engine import RulesetFiles, load_ruleset
from wazuh_cicd.engine.ruleset import RulesetLoadError

ANCHORS = (
    '<decoder name="program"><program_name>^nobody$</program_name></decoder>'
    '<decoder name="line"><prematch>^nothing:</prematch></decoder>'
)
ROOT = (
    '<group name="root,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
    "<description>Root.</description></rule></group>"
)
TEXT = "<description>x</description>"
PLAIN = f'<rule id="100100" level="3"><match>a</match>{TEXT}</rule>'


def load(rules="", decoders="", before=""):
    """The codes (0: a message without one) of what a manager logs, and the ruleset if it loads."""
    text = f'{ROOT}{before}<group name="own,">{rules or PLAIN}</group>'
    files = RulesetFiles(decoders=(("d.xml", (ANCHORS + decoders).encode()),), rules=(("r.xml", text.encode()),))
    try:
        ruleset = load_ruleset(files=files, cache=False)
    except RulesetLoadError as error:
        return [message.code for message in error.messages], None
    return [message.code for message in ruleset.messages], ruleset


def ends(ruleset, *logs):
    session = ruleset.session()
    return [session.process(log).rule_id for log in logs]


def rule(body, attributes='id="100101" level="5"'):
    return f"{PLAIN}<rule {attributes}>{body}{TEXT}</rule>"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        # The first tag that drops the rule is the last one read: what follows may be wrong.
        ("<if_matched_sid>abc</if_matched_sid><bogus/>", [7615]),
        ('<list field="srcip">none</list><if_matched_sid>abc</if_matched_sid>', [7616]),
        ("<if_level>zz</if_level><bogus/>", [7609]),
        ('<if_sid>abc</if_sid><list field="srcip">none</list><bogus/>', [7616, 7618]),
        # The ids of if_sid are looked at when all tags are read, before anything else is.
        ("<if_sid>abc</if_sid><bogus/>", [0, 7311]),
        ("<if_sid>abc</if_sid><same_location/>", [7618]),
        (r"<if_sid>abc</if_sid><regex>\n</regex>", [7618]),
        (r"<if_sid>77</if_sid><regex>\n</regex>", [5107, 7311]),
        ("<if_level>0</if_level>", [7609]),
        ('<srcip type="none">192.0.2.1</srcip>', []),
        ('<user type="none">root</user>', [7600]),
        ("<compiled_rule>none</compiled_rule>", [0, 1274, 7311]),
        ("<ignore>user,</ignore>", [0, 7311]),
        ("<ignore>user, srcip</ignore>", []),
        ("<check_if_ignored></check_if_ignored>", [0, 7311]),
        # With if_matched_sid, a missing id of if_sid is reported as its own; the counted id is not looked up.
        ("<if_matched_sid>77</if_matched_sid><if_sid>78</if_sid>", [7620]),
        ("<if_matched_sid>77</if_matched_sid><if_sid>100100</if_sid>", []),
        ("<if_matched_sid>77</if_matched_sid><if_group>none</if_group>", [7610]),
        ("<if_matched_sid>77</if_matched_sid><if_matched_group>own</if_matched_group>", []),
    ],
)
def test_what_a_rule_is_dropped_or_refused_for(body, codes):
    assert load(rule(body))[0] == codes


def test_a_rule_that_is_dropped_needs_no_description():
    assert load(f'{PLAIN}<rule id="100101" level="5"><if_sid>abc</if_sid></rule>')[0] == [7618]


def test_the_id_0_stands_for_no_parent():
    codes, ruleset = load(rule("<if_sid>77,0</if_sid>"))
    assert codes == [7617]
    assert ends(ruleset, "a", "b") == [100101, 100101]


def test_the_id_0_counts_every_event():
    codes, ruleset = load(rule("<if_matched_sid>0</if_matched_sid>"))
    assert codes == []
    assert ends(ruleset, "a", "b") == [100100, 100101]


def test_a_frequency_of_two_needs_no_context_and_counts_nothing():
    codes, ruleset = load(rule("<match>ab</match>", 'id="100101" level="5" frequency="2"'))
    assert codes == []
    assert ends(ruleset, "ab", "ab") == [100101, 100101]
    assert load(rule("<match>ab</match>", 'id="100101" level="5" frequency="3"'))[0] == [0, 7311]


def test_a_rule_with_a_small_id_is_a_root_whatever_it_names():
    codes, ruleset = load(
        f'{PLAIN}<rule id="5" level="9"><if_sid>100100</if_sid><if_matched_sid>77</if_matched_sid>{TEXT}</rule>'
    )
    assert codes == []
    assert ends(ruleset, "a", "a") == [100100, 100100]


@pytest.mark.parametrize(
    ("relations", "codes"),
    [
        ("<if_sid>77</if_sid><if_group>none</if_group>", [7605, 7605]),
        ("<if_sid>77</if_sid><if_matched_sid>77</if_matched_sid>", [7605]),
        ("<if_group>none</if_group><if_matched_group>none</if_matched_group>", [7605]),
        ("<if_sid>abc</if_sid>", [7618]),
        ("<if_level>zz</if_level>", [7609]),
    ],
)
def test_an_overwriting_rule_keeps_the_relations_it_finds(relations, codes):
    overwriting = f'<rule id="100100" level="5" overwrite="yes">{relations}<match>a</match>{TEXT}</rule>'
    found, ruleset = load(PLAIN + overwriting)
    assert found == codes
    assert ruleset.rules[100100].level == (5 if 7605 in codes else 3)


def test_the_same_if_group_in_an_overwriting_rule_is_warned_of_the_same_if_sid_is_not():
    for relation, codes in (("if_group>own</if_group", [7605]), ("if_sid>100100</if_sid", [])):
        twice = "".join(f'<rule id="100101" level="5"{x}><{relation}>{TEXT}</rule>' for x in ("", ' overwrite="yes"'))
        assert load(PLAIN + twice)[0] == codes


def test_a_composite_overwritten_without_a_context_is_a_plain_rule():
    composite = rule("<if_matched_sid>100100</if_matched_sid><match>b</match>")
    overwriting = f'<rule id="100101" level="5" overwrite="yes"><match>b</match>{TEXT}</rule>'
    assert ends(load(composite)[1], "a b", "a b") == [100100, 100101]
    _, ruleset = load(composite + overwriting)
    assert ends(ruleset, "a b", "a b") == [100101, 100101]
    # A manager shows it as a composite all the same, ...
    assert ruleset.session().process("a b").output["rule"]["frequency"] == 2
    # ... and it is one again when it is overwritten by another.
    counting = '<rule id="100101" level="5" frequency="3" timeframe="60" overwrite="yes">'
    again = f"{counting}<if_matched_sid>100100</if_matched_sid>{TEXT}</rule>"
    _, ruleset = load(composite + overwriting + again)
    assert ends(ruleset, "a", "a", "a") == [100100, 100100, 100101]


KINDS = {
    "sid": "<if_matched_sid>100101</if_matched_sid>",
    "group": "<if_matched_group>own</if_matched_group>",
    "every": "<if_matched_sid>0</if_matched_sid>",
    "a": "<if_matched_regex>^a</if_matched_regex>",
    "b": "<if_matched_regex>^b</if_matched_regex>",
}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # What is searched stays; the expression is that of the overwriting rule, and without one every event counts.
        ("a", "sid", [100100, 100101, 100105, 100101, None, 100100, 100105]),
        ("a", "group", [100100, 100101, 100105, 100101, None, 100100, 100105]),
        ("b", "every", [100100, 100101, 100105, 100101, None, 100100, 100105]),
        ("a", "b", [100100, 100101, 100100, 100101, 100105, 100100, 100101]),
        ("every", "a", [100100, 100101, 100100, 100105, None, 100100, 100101]),
        ("sid", "b", [100100, 100101, 100100, 100101, None, 100100, 100105]),
    ],
)
def test_a_composite_overwritten_by_another_searches_what_it_searched(old, new, expected):
    plain = PLAIN + f'<rule id="100101" level="4"><match>b</match>{TEXT}</rule>'
    rules = "".join(
        f'<rule id="100105" level="{level}" frequency="3" timeframe="60"{overwrite}>{KINDS[kind]}{TEXT}</rule>'
        for kind, level, overwrite in ((old, 10, ""), (new, 11, ' overwrite="yes"'))
    )
    assert ends(load(plain + rules)[1], "a 1", "b 1", "a 2", "b 2", "c", "a 3", "b 3") == expected


@pytest.mark.parametrize("kind", ["web-log", "ids", "firewall"])
def test_a_search_of_all_events_passes_over_those_of_another_category(kind):
    decoders = f'<decoder name="w"><prematch>^w</prematch><type>{kind}</type></decoder>'
    rules = (
        f'<rule id="100100" level="3"><category>{kind}</category>{TEXT}</rule>'
        f'<rule id="100101" level="3"><match>^s</match>{TEXT}</rule>'
        f'<rule id="100105" level="9" frequency="2"><if_matched_regex>x</if_matched_regex>{TEXT}</rule>'
    )
    text = ROOT.replace("syslog", kind).replace('"1"', '"2"')
    _, ruleset = load(rules, decoders, before=text)
    assert ends(ruleset, "w x", "s x", "s x", "s x", "w x", "s x") == [100100, 100101, 100105, 100101, 100100, 100105]


def test_a_rule_of_level_0_without_accuracy_alerts_with_level_99_in_logtest_alone():
    _, ruleset = load(f'<rule id="100100" level="0" accuracy="0"><match>a</match>{TEXT}</rule>')
    verdict = ruleset.session().process("a")
    assert (verdict.level, verdict.output["rule"]["level"], verdict.output["rule"]["mail"]) == (99, 99, False)
    assert (verdict.alert, verdict.logtest_alert) == (False, True)


@pytest.mark.parametrize(
    ("blocks", "ids", "said"),
    [
        (["O"], ["T1078"], []),
        (["O", "O"], ["T1078"], []),
        (["N"], ["T1110"], []),
        (["N", "O"], ["T1110"], ["other form"]),
        (["O", "N"], ["T1110"], ["other form"]),
        (["O", "N", "OO"], ["T1110"], ["other form"] * 2),
        (["O", "N", "N"], ["T1110"], ["other form"]),
        (["ON"], None, ["two forms"]),
        (["N", "Ot"], ["T1110"], ["two forms"]),
        (["NN"], None, ["joined"]),
        (["tt"], None, ["no tactic"]),
        (["aa"], None, ["no technique"]),
        (["N", "at"], ["T1110"], []),
        (["-"], None, ["empty technique"]),
        (["-O"], None, ["empty technique"]),
        (["O", "a+"], ["T1078"], ["empty technique"]),
        (["*+"], None, ["empty tactic", "empty technique"]),
        (["*N"], None, ["empty tactic"]),
        ([""], None, ["empty"]),
    ],
)
def test_blocks_of_mitre_ids(blocks, ids, said):
    """Asked of a manager, wording included."""
    tags = {
        "O": "<id>T1078</id>",
        "N": "<tacticID>TA0006</tacticID><techniqueID>T1110</techniqueID>",
        "t": "<techniqueID>T1110</techniqueID>",
        "a": "<tacticID>TA0006</tacticID>",
        "-": "<id></id>",
        "+": "<techniqueID></techniqueID>",
        "*": "<tacticID></tacticID>",
    }
    texts = {
        "other form": (
            "Rule '100100' combined old and new Mitre formats, the old Mitre Technique format will be discarded."
        ),
        "two forms": (
            "Rule '100100' combined old and new Mitre formats in the same block. The Mitre block will be discarded."
        ),
        "joined": (
            "In rule '100100' is not allowed to join more than one Mitre techniqueID or tacticID in the same block."
            " The Mitre block will be discarded."
        ),
        "no tactic": "Mitre tacticID should be defined in rule '100100'",
        "no technique": "Mitre techniqueID should be defined in rule '100100'",
        "empty technique": "No Mitre Technique ID found for rule '100100'",
        "empty tactic": "No Mitre Tactic ID found for rule '100100'",
        "empty": "Empty Mitre information for rule '100100'",
    }
    mitre = "".join(f"<mitre>{''.join(tags[letter] for letter in block)}</mitre>" for block in blocks)
    _, ruleset = load(f'<rule id="100100" level="3"><match>a</match>{mitre}{TEXT}</rule>')
    assert [message.text for message in ruleset.messages] == [texts[name] for name in said]
    shown = ruleset.session().process("a").output["rule"].get("mitre")
    assert (shown["id"] if shown else None) == ids


def test_a_tactic_that_is_not_the_techniques_is_left_out_with_a_warning():
    mitre = "<mitre><tacticID>TA0006</tacticID><techniqueID>T1078</techniqueID></mitre>"
    verdict = load(f'<rule id="100100" level="3"><match>a</match>{mitre}{TEXT}</rule>')[1].session().process("a")
    assert [message.text for message in verdict.messages] == ["Mitre Tactic ID 'TA0006' is not a tactic of 'T1078'."]
    assert "mitre" not in verdict.output["rule"]


def test_a_plain_rule_that_is_given_a_context_matches_every_time_and_shows_no_frequency():
    overwriting = f'<rule id="100100" level="5" overwrite="yes"><if_matched_sid>77</if_matched_sid>{TEXT}</rule>'
    verdict = load(PLAIN + overwriting)[1].session().process("anything")
    assert verdict.rule_id == 100100
    assert "frequency" not in verdict.output["rule"]


@pytest.mark.parametrize(
    ("before", "text", "codes"),
    [
        ('<var name="A">b</var>', "x$A", []),
        ('<var name="A">b</var>', "x$X", [1227, 7311]),
        ('<var name="A">b</var>', "$X", []),  # too short to be looked at
        ("<var>b</var>", "x$X", [1227, 7311]),
        ('<var nam="A">b</var>', "x", [1227, 7311]),
        ('<var name="A" foo="1">b</var>', "x$A", []),
    ],
)
def test_variables(before, text, codes):
    assert load(rule(f"<match>{text}</match>"), before=before)[0] == codes


def test_a_short_reference_is_not_replaced():
    _, ruleset = load(rule("<match>$A</match>", 'id="100101" level="9"'), before='<var name="A">b</var>')
    assert ends(ruleset, "b", "x$A") == [None, 100101]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ('<prematch offset="after_prematch">^q</prematch>', [2107, 7311]),
        ('<prematch offset="elsewhere">^q</prematch>', [7601]),
        ('<prematch>^q</prematch><plugin_decoder offset="elsewhere">JSON_Decoder</plugin_decoder>', [2107, 7311]),
        ('<prematch>^q</prematch><plugin_decoder offset="after_regex">JSON_Decoder</plugin_decoder>', []),
        (
            "<prematch>^q</prematch><regex>(a)</regex><order>id</order><plugin_decoder>JSON_Decoder</plugin_decoder>",
            [2111, 7311],
        ),
        ("<prematch>^q</prematch><plugin_decoder>JSON_Decoder</plugin_decoder><fts>name</fts>", [2107, 7311]),
        ("<prematch>^q</prematch><fts>foo</fts><regex>(a)</regex><order>id</order>", []),
        ("<prematch>^q</prematch><regex>(a)</regex><order>id</order><fts>foo</fts>", [0, 7311]),
    ],
)
def test_decoders(body, codes):
    assert load(decoders=f'<decoder name="d">{body}</decoder>')[0] == codes


def test_a_bad_offset_of_a_prematch_is_an_error_that_only_logtest_minds():
    _, ruleset = load(decoders='<decoder name="d"><prematch offset="elsewhere">^q</prematch></decoder>')
    assert not ruleset.testable


def test_a_rule_that_names_itself_beside_another_parent_stands_below_itself():
    codes, ruleset = load(rule("<if_sid>100100,100101</if_sid>"))
    assert codes == []
    assert [node.rule.id for node in ruleset.tree.walk()] == [1, 100100, 100101, 100101]
    assert ends(ruleset, "a") == [100101]
