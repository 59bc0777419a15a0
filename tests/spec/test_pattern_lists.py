"""Lists of patterns: written into the rules that say ``like``, never looked up by Wazuh."""

from __future__ import annotations

import pytest

from wazuh_cicd.check.cost import costs
from wazuh_cicd.engine.patterns import compile_pattern
from wazuh_cicd.render.package import render_package
from wazuh_cicd.spec.lists import LONGEST, pattern_text
from wazuh_cicd.spec.load import load_specs, read_specs

RULE = """\
source: kubernetes
parent: root
rules:
  - id: 115000
    name: base
    level: 0
    title: "event of $(user.username)"
    when:
      user.username: {condition}
    tests:
      - fires: {{user.username: x}}
      - silent: {{user.username: y}}
"""
LIST = "name: operators\ntitle: t\nkeys: {keys}\nexample: {{a: b}}\nentries: {{{entries}}}\n"


def content(folder, condition="{like: operators}", entries='"system:serviceaccount:*:*nginx": x', keys="pattern"):
    """A folder of content with one rule and one list."""
    (folder / "rules").mkdir()
    (folder / "lists").mkdir()
    (folder / "rules" / "a.yml").write_text(RULE.format(condition=condition))
    (folder / "lists" / "operators.yml").write_text(LIST.format(keys=keys, entries=entries))
    return folder


def expression(folder, **keys):
    specs = load_specs(content(folder, **keys))
    return compile_pattern("pcre2", pattern_text(specs.lists[0]).encode())


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("system:serviceaccount:web:ingress-nginx", True),
        ("system:serviceaccount:web:nginx", True),
        ("system:serviceaccount::nginx", True),
        ("system:serviceaccount:web:nginx2", False),
        ("system:serviceaccount:web:more:nginx", False),
        ("xsystem:serviceaccount:web:nginx", False),
        ("system:serviceaccount:web:nginx\n", False),
    ],
)
def test_a_star_stands_for_anything_but_a_colon(tmp_path, value, fits):
    assert expression(tmp_path).test(value.encode()) is fits


def test_any_of_the_patterns_will_do(tmp_path):
    found = expression(tmp_path, entries='"eks:*": a, "a.b": b, "eks:*x": c')
    assert [bool(found.test(text.encode())) for text in ("eks:q", "a.b", "axb", "eks:", "eks:a:b")] == [1, 1, 0, 1, 0]


def test_an_empty_list_fits_nothing(tmp_path):
    assert not expression(tmp_path, entries="").test(b"")


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("a:*b-*-c", "a:b-x-c", True),
        ("a:*b-*-c", "a:xb--c", True),
        ("a:*b-*-c", "a:b-c", False),
        ("a:*-b*", "a:x-b", True),
        ("a:*-b*", "a:x-by:z", False),
        ("*b", "b", True),
        ("*b", "a:b", False),
        ("a:b*b", "a:b", False),
        ("a:b*b", "a:bb", True),
        ("a*:x:*y", "abc:x:xy", True),
        ("a*:x:*y", "a:b:x:y", False),
        ("a:*", "a:", True),
    ],
)
def test_parts_of_a_pattern_do_not_overlap(tmp_path, pattern, value, fits):
    assert expression(tmp_path, entries=f'"{pattern}": x, "q:*zz": y').test(value.encode()) is fits


def test_a_value_fits_up_to_its_longest(tmp_path):
    found = expression(tmp_path)
    head, end = b"system:serviceaccount:web:", b"nginx"
    assert found.test(head + b"a" * (LONGEST - len(head + end)) + end)
    assert not found.test(head + b"a" * (LONGEST - len(head + end) + 1) + end)


def test_a_long_list_is_cheap_whatever_the_value(tmp_path):
    names = ", ".join(f'"system:serviceaccount:*:*{name}*-operator": x' for name in ("a", "aa", "a-", "aaa", "-a", "b"))
    specs = load_specs(content(tmp_path, entries=names))
    (cost,) = costs([pattern_text(specs.lists[0]).encode()]).values()
    assert cost.verdict == "fine"


def test_patterns_stand_in_the_rule_and_no_list_is_written(tmp_path):
    files = render_package(load_specs(content(tmp_path))).files
    assert not [path for path in files if "lists" in path]
    assert any(b"[^:]*+(*plb:nginx)" in data for data in files.values())


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"condition": "{like: operator}"}, "M313"),
        ({"condition": "{in_list: operators}"}, "R210"),
        ({"keys": "text"}, "M313"),
        ({"entries": '"a(b": x'}, "L604"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, keys, code):
    _, problems = read_specs(content(tmp_path, **keys))
    assert code in {finding.code for finding in problems.findings}
