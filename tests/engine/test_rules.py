import pytest
from ruleset_kit import OPTIONS, ROOT, codes, files, group, judge, load, rule

from wazuh_cicd.engine import RulesetFiles, RulesetLoadError, load_ruleset
from wazuh_cicd.errors import UsageError


def refused(*rules):
    with pytest.raises(RulesetLoadError) as caught:
        load(*rules)
    return [message.text for message in caught.value.messages]


BASE = rule(100000, "<decoded_as>json</decoded_as>", level=3)


def under_base(body, **attributes):
    return load(BASE, rule(100001, f"<if_sid>100000</if_sid>{body}", **attributes))


@pytest.mark.parametrize(
    ("body", "takes", "leaves"),
    [
        ("<match>foo</match><match>bar</match>", ['{"a":"foobar"}'], ['{"a":"foo bar"}']),
        ('<match negate="yes">foo</match><match>bar</match>', ['{"a":"foobar"}'], ['{"a":"x"}']),
        ('<field name="a">foo</field><field name="a">bar</field>', ['{"a":"bar foo"}'], ['{"a":"foo"}']),
        ('<field name="a" negate="yes">foo</field>', ['{"a":""}', '{"a":null}'], ['{"b":"foo"}', '{"a":{}}']),
        ('<field name="A" type="osmatch">^null$</field>', ['{"a":null}'], ['{"a":"x"}']),
        (r'<field name="a">\.+</field>', ['{"a":"y"}'], ['{"a":""}']),
        (r'<field name="a">\.*</field>', ['{"a":""}'], ['{"b":1}']),
        (
            '<field name="a" type="pcre2">^F.o$</field>',
            ['{"a":"Foo"}', '{"a":"Foo\\n"}'],
            ['{"a":"foo"}', '{"a":"Féo"}'],
        ),
        ("<action>run</action>", ['{"action":"run"}'], ['{"action":"RUN"}', '{"action":"running"}']),
        ('<action type="osregex">run</action>', ['{"action":"RUN"}', '{"action":"running"}'], ['{"a":"run"}']),
        (
            '<srcip negate="yes">10.0.0.0/8</srcip>',
            ['{"srcip":"11.1.2.3"}', '{"srcip":"x"}'],
            ['{"srcip":"10.1.2.3"}', '{"a":1}'],
        ),
        ("<srcip>!10.0.0.0/8</srcip>", ['{"srcip":"10.1.2.3"}'], ['{"srcip":"11.1.2.3"}']),
        (
            "<srcip>10.0.0.0/8</srcip>",
            ['{"srcip":"10.0.0.1"}'],
            ['{"srcip":"10.1.2.3 "}', '{"srcip":"::ffff:10.1.2.3"}'],
        ),
        ("<srcip>192.0.2.1</srcip><srcip>192.0.2.2</srcip>", ['{"srcip":"192.0.2.2"}'], ['{"srcip":"192.0.2.3"}']),
        ("<user>^bob$</user>", ['{"srcuser":"bob"}'], ['{"dstuser":"al","srcuser":"bob"}']),
        ("<hostname>^mgr$</hostname><location>^stdin$</location>", ['{"a":1}'], []),
        ("<time>00:16 - 00:17</time>", ['{"a":1}'], []),
        ("<weekday>thursday</weekday>", ['{"a":1}'], []),
        ("<weekday>friday</weekday>", [], ['{"a":1}']),
        ("<compiled_rule>is_simple_http_request</compiled_rule>", ['{"url":"/a"}'], ['{"url":"/a?b"}', '{"a":1}']),
    ],
)
def test_conditions(body, takes, leaves):
    ruleset = under_base(body)
    assert judge(ruleset, *takes, *leaves) == [100001] * len(takes) + [100000] * len(leaves)


def test_maxsize_is_a_minimum():
    ruleset = load(rule(100000, "<match>x</match>", level=3), rule(100001, "<if_sid>100000</if_sid>", maxsize=10))
    assert judge(ruleset, "xxxxxxxxx", "xxxxxxxxxx") == [100000, 100001]


def test_level_zero_comes_before_sixteen_and_ends_the_search():
    ruleset = load(rule(100001, "<match>drop</match>", level=0), rule(100002, "<match>dr</match>", level=10))
    session = ruleset.session()
    dropped, taken = session.process("drop"), session.process("dr")
    assert (dropped.rule_id, dropped.alert) == (100001, False)
    assert (taken.rule_id, taken.alert) == (100002, True)


def test_noalert_rule_lets_the_search_go_on():
    ruleset = load(
        rule(100000, "<match>a</match>", level=3),
        rule(100001, "<match>a</match>", level=6, noalert=1),
        rule(100002, "<if_sid>100001</if_sid><match>zz</match>"),
    )
    assert judge(ruleset, "a", "azz") == [100000, 100002]


def test_siblings_are_tried_by_level_then_in_load_order():
    ruleset = load(*[rule(100000 + n, "<match>a</match>x", level=level) for n, level in enumerate((3, 8, 8, 0, 16))])
    root = ruleset.tree.roots[0]
    assert [node.rule.id for node in root.children] == [100003, 100004, 100001, 100002, 100000]


def test_files_are_ordered_together_by_base_name():
    both = files() + RulesetFiles(rules=(("z/05.xml", group(rule(100001, "<match>a</match>")).encode()),))
    both += RulesetFiles(rules=(("a/10.xml", group(rule(100002, "<match>a</match>")).encode()),))
    first = RulesetFiles(rules=(("01-root.xml", ROOT.encode()),)) + RulesetFiles(both.decoders, both.rules[1:])
    assert judge(load_ruleset(files=first, options=OPTIONS), "a") == [100001]


def test_child_of_a_rule_with_two_parents_hangs_below_both():
    ruleset = load(
        rule(100001, "<match>aa</match>", level=3),
        rule(100002, "<match>bb</match>", level=3),
        rule(100003, "<if_sid>100001, 100002</if_sid><match>cc</match>"),
        rule(100004, "<if_sid>100003</if_sid><match>dd</match>"),
    )
    assert judge(ruleset, "aaccdd", "bbccdd", "aadd") == [100004, 100004, 100001]


def test_overwrite_replaces_everything_but_the_place():
    ruleset = load(
        rule(100000, "<match>a</match>", level=3),
        rule(100001, "<if_sid>100000</if_sid><match>b</match>"),
        rule(100000, "<match>c</match><group>new,</group>", level=7, overwrite="yes"),
    )
    assert judge(ruleset, "ab", "c", "cb") == [None, 100000, 100001]
    assert ruleset.rules[100000].level == 7
    assert not ruleset.messages


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<if_sid>999</if_sid>", [7617, 7619]),
        ("<if_sid>100000, 999</if_sid>", [7617]),
        ("<if_sid>10000x</if_sid>", [7618]),
        ("<if_sid>100000</if_sid><if_sid>100000</if_sid>", [7617, 7619]),
        ("<if_group>nobody</if_group>", [7610]),
        ("<if_level>x</if_level>", [7609]),
        ("<category>windows</category>", [7611]),
        ("<if_matched_sid>999</if_matched_sid>", [7620]),
        ("<if_matched_sid>abc</if_matched_sid>", [7615]),
        ('<list field="user">etc/lists/none</list>', [7616]),
        ('<match type="xyz">a</match>', [7600]),
        ('<match negate="maybe">a</match>', [7600]),
        ("<match>" + "x" * 2048 + "</match>", [1104]),
        ("<mitre></mitre>", [0]),
        ("<same_agent/>", [0]),
    ],
)
def test_what_is_said_while_loading(body, expected):
    ruleset = load(BASE, rule(100001, body))
    assert codes(ruleset) == expected
    assert all(message.line and message.path == "rules.xml" for message in ruleset.messages)


def test_dropping_a_rule_drops_its_children():
    ruleset = load(rule(100001, "<if_sid>999</if_sid>"), rule(100002, "<if_sid>100001</if_sid>"))
    assert set(ruleset.rules) == {1}
    assert codes(ruleset) == [7617, 7619, 7617, 7619]


def test_duplicate_keeps_the_first_and_overwrite_of_nothing_is_loaded():
    ruleset = load(
        rule(100001, "<match>a</match>"),
        rule(100001, "<match>b</match>"),
        rule(100002, "<match>c</match>", overwrite="yes"),
    )
    assert codes(ruleset) == [7612, 7613]
    assert judge(ruleset, "a", "b", "c") == [100001, None, 100002]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule(100001, "<nonsense/>"), "Invalid option 'nonsense' for rule '100001'."),
        (rule(100001, r"<regex>\q</regex>"), "(5107): Syntax error on tag 'regex' in rule 100001"),
        (rule(100001, '<field name="srcip">x</field>'), "Failure to read rule 100001. Field 'srcip' is static."),
        (rule(100001, "<srcip>300.1.1.1</srcip>"), "(1237): Invalid ip address: '300.1.1.1'."),
        (rule(100001, "<decoded_as>no</decoded_as>"), "Invalid decoder name: 'no'."),
        (rule(100001, "<options>NO_LOG</options>"), "(1235): Invalid value for element 'options': NO_LOG."),
        (rule(100001, "<weekday>x</weekday>"), "(1241): Invalid day format: 'x'."),
        (
            rule(100001, "<same_user/>"),
            "Invalid use of frequency/context options. Missing if_matched on rule '100001'.",
        ),
        (
            rule(100001, "<match>a</match>", level=17),
            "rules_op: Invalid level: 17. Must be an integer between 0 and 16.",
        ),
        ('<rule id="100001" level="3"><match>a</match></rule>', "No such description at rule '100001'."),
        ('<rule level="3"><description>a</description></rule>', "No rule id or level specified for rule '0'."),
    ],
)
def test_what_refuses_the_whole_ruleset(text, said):
    texts = refused(text)
    assert texts[0] == said
    assert texts[-1] == "(7311): Failure to initializing session"


def test_a_refusal_is_one_located_line():
    with pytest.raises(RulesetLoadError) as caught:
        load(rule(100001, "<category>x</category>"))
    assert str(caught.value) == "rules.xml:5:49 load 'x' is no category"


def test_an_error_that_is_not_fatal_makes_the_ruleset_untestable():
    assert not load(rule(100001, '<match>a</match><info type="foo">x</info>')).testable
    assert load(rule(100001, '<match>a</match><info type="link">x</info>')).testable


def test_only_the_last_two_lists_count():
    lists = {"etc/lists/one": b"a:\n", "etc/lists/two": b"b:\n", "etc/lists/three": b"b:\n"}
    tests = "".join(f'<list field="k">etc/lists/{name}</list>' for name in ("one", "two", "three"))
    ruleset = load(rule(100001, tests), lists=lists)
    assert judge(ruleset, '{"k":"b"}', '{"k":"a"}') == [100001, None]


def test_folders_are_laid_out_like_a_managers(tmp_path):
    loose = files(rule(100001, "<match>a</match>"), lists={"etc/lists/x": b"k:v\n"})
    for kind in ("decoders", "rules"):
        (tmp_path / "etc" / kind).mkdir(parents=True)
        for name, data in getattr(loose, kind):
            (tmp_path / "etc" / kind / name).write_bytes(data)
    (tmp_path / "etc" / "lists" / "deep").mkdir(parents=True)
    (tmp_path / "etc" / "lists" / "deep" / "x").write_bytes(b"k:v\n")
    ruleset = load_ruleset([tmp_path], options=OPTIONS)
    assert judge(ruleset, "a") == [100001]
    with pytest.raises(UsageError):
        load_ruleset([tmp_path / "none"])
    with pytest.raises(UsageError):
        load_ruleset([tmp_path / "etc" / "lists" / "deep"])


def test_chain_of_parents_may_be_very_long():
    chain = [rule(100000, "<match>a</match>")]
    chain += [rule(100000 + n, f"<if_sid>{100000 + n - 1}</if_sid><match>a</match>") for n in range(1, 3000)]
    ruleset = load(*chain)
    session = ruleset.session()
    verdict = session.process("a")
    assert verdict.rule_id == 102999
    assert len(verdict.tried) == 3001
    assert session.explain("a").verdict.rule_id == 102999


def test_events_of_internal_decoders_reach_the_rules():
    ruleset = load(
        '<rule id="7" level="0" noalert="1"><category>ossec</category><description>r</description></rule>',
        rule(
            100000,
            "<category>ossec</category><decoded_as>syscheck_new_entry</decoded_as><field name='file'>^/etc/</field>",
        ),
    )
    session = ruleset.session()
    fields = {"file": "/etc/passwd", "srcuser": "root"}
    verdict = session.process_decoded(
        "syscheck_new_entry", fields, location="[001] (web) 192.0.2.1->syscheck", time=1.0
    )
    assert verdict.rule_id == 100000
    assert verdict.output["agent"] == {"id": "001", "name": "web", "ip": "192.0.2.1"}
    assert verdict.output["location"] == "syscheck"
    assert verdict.output["data"] == {"srcuser": "root", "file": "/etc/passwd"}
    with pytest.raises(UsageError):
        session.process_decoded("no_such_decoder", {})


def test_explanation_names_the_condition_that_failed_first_and_its_value():
    ruleset = load(
        BASE,
        rule(100001, '<if_sid>100000</if_sid><field name="A.b">^x$</field><match>y</match>', level=9),
        rule(100002, "<if_sid>100000</if_sid><user>bob</user>", level=8),
        rule(100003, '<if_sid>100000</if_sid><field name="a.b">z</field>', level=7),
    )
    told = ruleset.session().explain('{"a":{"b":"z"}}', time=1.0)
    shown = [(step.rule.id, step.depth, step.matched, step.failed, step.value) for step in told.steps]
    assert shown == [
        (1, 0, True, "", None),
        (100000, 1, True, "", None),
        (100001, 2, False, "match", b'{"a":{"b":"z"}}'),  # tested before the fields, wherever it is written
        (100002, 2, False, "user", None),
        (100003, 2, True, "", None),
    ]
    assert [known.id for known in told.chain] == [1, 100000, 100003]
    assert [known.id for known in told.siblings_before] == [100001, 100002]
    assert told.verdict.rule_id == 100003
