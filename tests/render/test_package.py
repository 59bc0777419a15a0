"""What is written: files, bytes, order, and what is refused because Wazuh could not hold it exactly."""

from __future__ import annotations

import re

import pytest
from lxml import etree
from one_rule import ruleset_of

from wazuh_cicd.content.programs import programs
from wazuh_cicd.errors import SpecError, UsageError
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.model import SOURCES

RULE = (
    "- {{id: {id}, name: {name}, level: {level}, title: 'x $(github.a)', {rest}"
    "tests: [{{fires: {{github.a: x}}}}, {{silent: {{github.a: y}}}}]}}\n"
)


def rule(number: int, name: str, level: int = 5, **rest: str) -> str:
    return RULE.format(id=number, name=name, level=level, rest="".join(f"{k}: {v}, " for k, v in rest.items()))


@pytest.fixture(scope="module")
def ours():
    return render_package(load_specs())


def xml_of(package, name="manager/etc/rules/1110-cicd_github_rules.xml"):
    return etree.fromstring(b"<f>" + package.files[name] + b"</f>")


def test_the_same_specs_give_the_same_bytes(ours):
    assert render_package(load_specs()).files == ours.files


def test_our_own_package_is_what_a_manager_and_its_api_take(ours):
    for path, data in ours.files.items():
        if not path.startswith("manager/etc/"):
            continue
        name = path.rpartition("/")[2]
        if path.endswith(".xml"):
            assert re.fullmatch(r"[\w-]+\.xml", name)
            assert b"&" not in data
            assert b"\\<" not in data
            assert b"<?xml" not in data
            assert b"<var" not in data
            for comment in re.findall(rb"<!--(.*?)-->", data, re.DOTALL):
                assert b"--" not in comment
            for element in xml_of(ours, path).iter():
                if isinstance(element.tag, str) and element.tag not in {
                    "field",
                    "f",
                    "rule",
                    "group",
                    "mitre",
                    "decoder",
                }:
                    assert len((element.text or "").encode()) < 2048, (path, element.tag)
                if isinstance(element.tag, str) and not len(element):
                    assert element.text is None or element.text == element.text.strip(" \n"), (path, element.text)
                    assert not re.match(r"[=+@-].*['\"]", element.text or "")
        elif "/lists/" in path:
            assert re.fullmatch(r"[\w-]+", name)


def test_every_rule_of_ours_is_loaded_without_a_word(ours):
    ruleset = ruleset_of(ours)
    for spec in ours.specs.rules:
        assert spec.id in ruleset.rules
        assert ruleset.rules[spec.id].level == spec.level


def test_groups_end_in_commas_and_repeat_nothing(ours):
    for path in ours.files:
        if path.startswith("manager/etc/rules/"):
            for element in xml_of(ours, path).iter("rule"):
                tags = [child.tag for child in element]
                once = set(tags) - {"field", "srcip", "dstip", "list", "options", "same_field", "different_field"}
                # A manager joins two texts of less than 2,048 bytes each, and refuses the ruleset over a third.
                assert all(tags.count(tag) <= (2 if tag == "regex" else 1) for tag in once), element.get("id")
                group = element.findtext("group")
                assert group is None or group.endswith(",")


def test_base_rules_load_right_behind_the_roots(package):
    base = "when: {decoder: json, marker: x}"
    built = package(
        rule(111901, "child", parent="{rule: base}", when="{github.a: x}")
        + RULE.format(id=111902, name="base", level=0, rest=f"parent: root, {base}, ")
    )
    assert sorted(path for path in built.files if "/rules/" in path) == [
        "manager/etc/rules/0011-cicd_base_rules.xml",
        "manager/etc/rules/1110-cicd_github_rules.xml",
    ]
    assert xml_of(built).find(".//rule").findtext("if_sid") == "111902"
    ruleset_of(built)


def test_a_rule_stands_behind_what_it_needs(package):
    built = package(
        rule(111901, "b", parent="{rule: c}", when="{github.b: x}")
        + rule(111902, "d", correlate="{of: b, count: 3, within: 1m}")
        + rule(111903, "c", when="{github.a: x}")
        + rule(111900, "g", correlate="{of: {group: cicd_g}, count: 3, within: 1m}")
        + rule(111904, "a", when="{github.a: y}", groups="[cicd_g]")
    )
    assert [element.get("id") for element in xml_of(built).iter("rule")] == [
        "111903",
        "111901",
        "111902",
        "111904",
        "111900",
    ]
    ruleset_of(built)


def test_the_block_of_ids_moves_as_a_whole(package):
    built = package(
        rule(111901, "a", when="{github.a: x}") + rule(111902, "b", parent="{rule: a}", when="{github.b: x}"),
        id_base=211000,
    )
    assert [element.get("id") for element in xml_of(built).iter("rule")] == ["211901", "211902"]
    assert xml_of(built).findall(".//rule")[1].findtext("if_sid") == "211901"
    assert built.rule_id("b") == 211902


@pytest.mark.parametrize(
    ("base", "why"),
    [(0, "own rules"), (-5, "own rules"), (99, "own rules"), (99999, "own rules"), (991001, "six digits")],
)
def test_an_impossible_block_is_refused(package, base, why):
    with pytest.raises(UsageError, match=f"--id-base {base}: .*{why}.*; choose 100000 to 991000"):
        package(rule(111901, "a", when="{github.a: x}"), id_base=base)


def test_a_selection_of_sources_takes_along_what_it_hangs_on(ours):
    for source in SOURCES:
        chosen = render_package(load_specs(), with_sources=[source])
        assert {r.name for r in chosen.specs.rules} >= {r.name for r in ours.specs.rules if r.source == source}
        ruleset_of(chosen)
    with pytest.raises(UsageError, match="no such source"):
        render_package(load_specs(), with_sources=["gitlab"])


def test_correlation_becomes_the_tags_that_wazuh_has(package):
    built = package(
        rule(111901, "a", when="{github.a: x}")
        + rule(
            111902,
            "b",
            correlate="{of: a, count: 4, within: 2h, same: [github.actor, srcip, user], "
            "different: [github.repo, location], global: true}",
        )
    )
    composite = xml_of(built).findall(".//rule")[1]
    assert dict(composite.attrib) == {"id": "111902", "level": "5", "frequency": "4", "timeframe": "7200"}
    assert [(c.tag, c.text) for c in composite][:7] == [
        ("if_matched_sid", "111901"),
        ("same_field", "github.actor"),
        ("same_srcip", None),
        ("same_user", None),
        ("different_field", "github.repo"),
        ("different_location", None),
        ("global_frequency", None),
    ]
    ruleset_of(built)


def test_a_counted_group_is_a_whole_word(package):
    built = package(
        rule(111901, "a", when="{github.a: x}", groups="[cicd_x]")
        + rule(111902, "b", when="{github.a: y}", groups="[not_cicd_x, cicd_xy]")
        + rule(111903, "c", level=9, correlate="{of: {group: cicd_x}, count: 2, within: 1m}")
    )
    session = ruleset_of(built).session()

    def told(value: str):
        return session.process(b'{"integration":"github","github":{"a":"%s"}}' % value.encode(), "github").rule_id

    assert [told("y"), told("y"), told("x"), told("y"), told("x")] == [111902, 111902, 111901, 111902, 111903]


def test_a_composite_that_counts_a_stock_rule_names_it(package):
    built = package(rule(111901, "a", correlate="{of: {stock: 5710}, count: 4, within: 5m, same: [srcip]}"))
    assert xml_of(built).find(".//if_matched_sid").text == "5710"
    ruleset_of(built)


@pytest.mark.parametrize(
    ("conditions", "what"),
    [
        ("when: {url: {regex: '(a)\\1', contains: b}}", "cannot be combined"),
        ("when: {url: {regex: '(*UTF)a', contains: b}}", "cannot be combined"),
        ("when: {srcip: {cidr: 10.0.0.0/8}}, unless: {srcip: {cidr: 10.1.0.0/16}}", "joins all addresses"),
        ("when: {url: [" + ", ".join(f"value-number-{n:04}" for n in range(400)) + "]}", "over 4080 bytes"),
    ],
)
def test_what_has_no_exact_form_is_refused(package, conditions, what):
    with pytest.raises(SpecError, match=what):
        package(rule(111901, "a", when="{}").replace("when: {}", conditions))


def test_responses_are_bound_by_action_field_and_confidence(package):
    built = package(
        rule(111901, "a", when="{github.a: x}", response="{action: block-ip, address: srcip, confidence: high}")
        + rule(111902, "b", when="{github.a: y}", response="{action: block-ip, address: srcip, confidence: low}")
        + rule(
            111903,
            "c",
            when="{github.a: z}",
            response="{action: block-ip, address: github.ip2, confidence: medium, timeout: 1h, from: github}",
        )
        + rule(111904, "d", when="{github.a: w}", response="{action: scan-image, confidence: high}")
    )
    block = etree.fromstring(built.files["manager/ossec.conf.d/response-block-ip.xml"])
    names = [element.text for element in block.iterfind("command/name")]
    assert names == ["cicd-block-ip-github-ip2-field-for-3600s", "cicd-block-ip-srcip"]
    assert [element.text for element in block.iterfind("active-response/command")] == names
    assert not any(name[-1].isdigit() for name in names)
    assert [element.text for element in block.iterfind("active-response/rules_id")] == ["111903", "111901"]
    assert [element.text for element in block.iterfind("active-response/timeout")] == ["3600", "600"]
    assert block.find(".//disabled") is None
    scan = etree.fromstring(built.files["manager/ossec.conf.d/response-scan-image.xml"])
    assert scan.findtext("command/timeout_allowed") == "no"
    assert scan.find(".//timeout") is None
    for element in xml_of(built).iter("rule"):
        assert element.findtext("options") is None  # no response is switched on (see test_info)


def test_each_response_asks_for_the_confidence_it_needs(package):
    rules = ""
    number = 111900
    for action in ("block-ip, address: srcip", "quarantine-container", "scan-image"):
        for confidence in ("low", "medium", "high"):
            number += 1
            response = f"{{action: {action}, confidence: {confidence}, from: Wazuh-Docker}}"
            rules += rule(number, f"a{number}", when=f"{{github.a: x{number}}}", response=response)
    built = package(rules)
    bound = {}
    for action in ("block-ip", "quarantine-container", "scan-image"):
        block = etree.fromstring(built.files[f"manager/ossec.conf.d/response-{action}.xml"])
        bound[action] = block.findtext("active-response/rules_id")
    assert bound == {
        "block-ip": "111902,111903",
        "quarantine-container": "111906",
        "scan-image": "111907,111908,111909",
    }


def test_origin_and_repeated_offenders_reach_the_program_and_execd(package):
    first = "{action: block-ip, address: srcip, confidence: high, from: [github, /x/y.json], repeated: [30m, 2h, 1d]}"
    second = "{action: block-ip, address: srcip, confidence: high}"
    built = package(
        rule(111901, "a", when="{github.a: x}", response=first)
        + rule(111902, "b", when="{github.a: y}", response=second)
    )
    block = etree.fromstring(built.files["manager/ossec.conf.d/response-block-ip.xml"])
    calls = {one.findtext("name"): one.findtext("extra_args") for one in block.iterfind("command")}
    assert calls == {
        "cicd-block-ip-srcip": "address=srcip timeout=600",
        "cicd-block-ip-srcip-from-x-y-json-github-then-30-120-1440m": (
            "address=srcip timeout=600 longest=86400 from=/x/y.json from=github"
        ),
    }
    repeated = [one.findtext("repeated_offenders") for one in block.iterfind("active-response")]
    assert repeated == [None, "30,120,1440"]


def test_our_own_responses_are_three_switches_and_each_names_its_rules(ours):
    bound = {}
    for action in ("block-ip", "quarantine-container", "scan-image"):
        block = etree.fromstring(ours.files[f"manager/ossec.conf.d/response-{action}.xml"])
        assert {one.text for one in block.iterfind("active-response/location")} == {"local"}
        assert [one.text for one in block.iterfind("command/name")] == [
            one.text for one in block.iterfind("active-response/command")
        ]
        numbers = ",".join(one.text for one in block.iterfind("active-response/rules_id")).split(",")
        bound[action] = {ours.specs.by_id[int(number)].name for number in numbers}
        arguments = [one.text or "" for one in block.iterfind("command/extra_args")]
        if action != "block-ip":
            assert all("from=Wazuh-Docker" in text for text in arguments)
    assert bound["quarantine-container"] == {
        "docker-exec-kernel-helper-overwritten",
        "docker-exec-miner-started",
        "docker-exec-host-root-through-the-engine",
    }
    assert {"docker-image-arrived", "docker-image-pulled-untrusted-registry"} <= bound["scan-image"]
    assert not bound["scan-image"] & bound["quarantine-container"]


def test_lists_are_written_and_declared(package):
    text = "name: tuned\ntitle: t\nkeys: prefix\nexample: {a: b}\nentries: {'10.1.': office, 'a:b': x, plain: ''}\n"
    built = package(rule(111901, "a", when="{github.a: {in_list: tuned}}"), {"tuned": text})
    assert built.files["manager/etc/lists/cicd/tuned"] == b'10.1.:office\n"a:b":x\nplain:\n'
    assert b"<list>etc/lists/cicd/tuned</list>" in built.files["manager/ossec.conf.d/ruleset.xml"]


DECODERS = r"""
source: github
decoders:
  - name: cicd-thing
    early: true
    program_name: {equals: thing}
    children:
      - name: cicd-thing-line
        prematch: {starts_with: 'user='}
        extract:
          - {regex: '^(\w+) from (\S+)', after: prematch, fields: [srcuser, srcip]}
          - {regex: '^ port (\d+)', after: previous, fields: [srcport]}
  - name: cicd-other
    prematch: {regex: '^other<'}
    extract: [{regex: '^other<(\w+)>', fields: [github.word]}]
tests:
  - {decodes: x, decoder: cicd-thing}
  - {ignores: y}
"""


def test_decoders_are_written_in_the_order_they_need(package):
    built = package(rule(111901, "a", when="{github.a: x}"), decoders=DECODERS)
    names = sorted(path.rpartition("/")[2] for path in built.files if "/decoders/" in path)
    assert names == ["0004-cicd_github_decoders.xml", "1110-cicd_github_decoders.xml"]
    session = ruleset_of(built).session()
    data = session.process(b"Dec 10 01:02:03 host thing: user=bob from 192.0.2.1 port 22", "x").output["data"]
    assert data == {"srcip": "192.0.2.1", "srcport": "22", "srcuser": "bob"}
    other = session.process(b"other<word>", "x").output
    assert (other["decoder"]["name"], other["data"]) == ("cicd-other", {"github": {"word": "word"}})


def test_writing_removes_what_an_earlier_build_left(package, tmp_path):
    target = tmp_path / "build"
    package(rule(111901, "a", when="{github.a: x}"), decoders=DECODERS).write(target)
    stale = target / "manager/etc/decoders/0004-cicd_github_decoders.xml"
    assert stale.is_file()
    (tmp_path / "decoders" / "github.yml").unlink()
    built = package(rule(111901, "a", when="{github.a: x}"))
    built.write(target)
    assert not stale.exists()
    assert {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()} == set(built.files)


def test_the_programs_travel_with_the_package(ours):
    names = {path.rpartition("/")[2] for path in programs()}
    assert {"cicd-block-ip", "cicd-quarantine-container", "cicd-scan-image", "cicd-scan"} <= names
    assert {path: ours.files[f"manager/{path}"] for path in programs()} == programs()
