"""Lists of patterns: written into the rules that say ``like``, never looked up by Wazuh."""

from __future__ import annotations

import re

import pytest

from wazuh_cicd.render.package import render_package
from wazuh_cicd.spec.lists import pattern_text
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
    return re.compile(pattern_text(specs.lists[0]).replace(r"\z", r"\Z"))


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
    assert bool(expression(tmp_path).search(value)) is fits


def test_any_of_the_patterns_will_do(tmp_path):
    found = expression(tmp_path, entries='"eks:*": a, "a.b": b, "eks:*x": c')
    assert [bool(found.search(text)) for text in ("eks:q", "a.b", "axb", "eks:", "eks:a:b")] == [1, 1, 0, 1, 0]


def test_an_empty_list_fits_nothing(tmp_path):
    assert not expression(tmp_path, entries="").search("")


def test_patterns_stand_in_the_rule_and_no_list_is_written(tmp_path):
    files = render_package(load_specs(content(tmp_path))).files
    assert not [path for path in files if "lists" in path]
    assert any(b"[^:]*nginx" in data for data in files.values())


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
