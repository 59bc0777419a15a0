from __future__ import annotations

import re

import pytest

from wazuh_cicd.check.titles import title_findings
from wazuh_cicd.spec import load_specs

HEAD = "source: github\nparent: {stock: 91100}\nrules:\n"
# Rules of these sources name only what is certain; the others follow.
SOUND = {"github", "aws", "jenkins", "vault", "docker", "runner", "kubernetes", "signing"}


def rule(number, name, title, *lines):
    head = f'  - id: {number}\n    name: {name}\n    level: 3\n    title: "{title}"\n'
    tests = "    tests:\n      - fires: {github.action: a}\n      - silent: {github.action: b}\n"
    return "".join([head, *(f"    {line}\n" for line in lines), tests])


DECODER = """source: github
decoders:
  - name: cicd-own
    prematch: {regex: '^own '}
    extract:
      - {regex: '^own (\\S+) by (\\S+)(?: from (\\S+))?(\\S*)', fields: [own.action, own.actor, own.address, own.rest]}
      - {regex: '^(own)', fields: [own.word]}
tests:
  - decodes: own a by b
    decoder: cicd-own
    fields: {own.action: a}
  - ignores: other a by b
"""


@pytest.fixture
def holes(tmp_path):
    def find(*rules):
        folder = tmp_path / "rules" / "github"
        folder.mkdir(parents=True)
        (folder / "own.yml").write_text(HEAD + "".join(rules), "utf-8")
        return {
            found.rule: re.findall(r"\$\(([^)]+)\)", found.message) for found in title_findings(load_specs(tmp_path))
        }

    return find


def test_a_field_without_a_condition_is_a_hole(holes):
    found = holes(
        rule(111001, "one", "$(github.action) by $(github.actor) in $(github.repo)", "when: {github.action: a}")
    )
    assert found == {"one": ["github.actor", "github.repo"]}


@pytest.mark.parametrize(
    "condition",
    [
        "when: {github.action: a, github.actor: {exists: true}}",
        "when: {github.action: a, github.actor: mallory}",
        "when: {github.action: a, github.actor: {starts_with: m}}",
        "when: {github.action: a, github.actor: {regex: '^m'}}",
        "when: {github.action: a, Github.Actor: {exists: true}}",
    ],
)
def test_a_condition_makes_a_field_certain(holes, condition):
    assert holes(rule(111001, "one", "by $(github.actor)", condition)) == {}


def test_an_exception_makes_a_field_certain(holes):
    lines = ("when: {github.action: a}", "unless: {github.actor: dev}")
    assert holes(rule(111001, "one", "by $(github.actor)", *lines)) == {}


def test_an_expression_that_takes_the_empty_text_proves_nothing(holes):
    lines = ("when: {github.action: a, github.actor: {regex: '^(?!dev)'}}",)
    assert holes(rule(111001, "one", "by $(github.actor)", *lines)) == {"one": ["github.actor"]}


def test_what_the_parents_ask_for_is_certain(holes):
    found = holes(
        rule(111001, "top", "by $(github.actor)", "when: {github.action: a, github.actor: {exists: true}}"),
        rule(111002, "below", "by $(github.actor)", "parent: {rule: top}", "when: {github.action: a}"),
    )
    assert found == {}


def test_every_parent_must_ask_for_it(holes):
    found = holes(
        rule(111001, "sure", "by $(github.actor)", "when: {github.action: a, github.actor: {exists: true}}"),
        rule(111002, "unsure", "$(github.action)", "when: {github.action: a}"),
        rule(111003, "below", "by $(github.actor)", "parent: {rule: [sure, unsure]}", "when: {github.action: a}"),
        rule(111004, "beside", "by $(github.actor)", "parent: {rule: sure, stock: 91100}", "when: {github.action: a}"),
    )
    assert found == {"below": ["github.actor"], "beside": ["github.actor"]}


def test_a_composite_has_what_it_compares_and_what_it_counts_has(holes):
    found = holes(
        rule(111001, "one", "in $(github.repo)", "when: {github.action: a, github.repo: {exists: true}}"),
        rule(
            111002,
            "many",
            "$(github.actor) in $(github.repo) from $(github.actor_ip)",
            "correlate: {of: one, count: 3, within: 1m, same: [github.actor]}",
        ),
    )
    assert found == {"many": ["github.actor_ip"]}


def test_what_a_decoder_takes_out_together_is_certain_together(holes, tmp_path):
    (tmp_path / "decoders").mkdir()
    (tmp_path / "decoders" / "github.yml").write_text(DECODER, "utf-8")
    title = "$(own.actor) from $(own.address) $(own.rest) $(own.word)"
    found = holes(
        rule(111001, "asked", title, "when: {own.action: a}"),
        rule(111002, "other", "$(own.action)", "when: {own.word: own}"),
    )
    assert found == {"asked": ["own.address", "own.rest", "own.word"], "other": ["own.action"]}


def test_a_line_of_an_access_log_has_an_address_with_its_url(holes):
    title = "$(srcip) $(protocol) $(url)"
    found = holes(
        rule(111001, "web", title, "parent: {stock: [31100, 31108]}", "when: {url: {starts_with: /a}}"),
        rule(111002, "more", title, "parent: {stock: 31101}", "when: {protocol: POST}"),
        rule(111003, "other", title, "when: {url: {starts_with: /a}}"),
        rule(111004, "mixed", title, "parent: {rule: web, stock: 31101}", "when: {protocol: POST}"),
    )
    assert found == {"web": ["protocol"], "other": ["srcip", "protocol"], "mixed": ["srcip", "url"]}


def test_a_waiver_with_its_reason_is_heard(holes):
    lines = ("when: {github.action: a}", "waive: {H708: it is always there}")
    assert holes(rule(111001, "one", "by $(github.actor)", *lines)) == {}


def test_no_title_of_these_sources_has_a_hole():
    specs = load_specs()
    assert [found.message for found in title_findings(specs) if specs.by_name[found.rule].source in SOUND] == []
