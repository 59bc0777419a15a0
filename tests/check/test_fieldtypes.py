from __future__ import annotations

import pytest

from wazuh_cicd.check.fieldtypes import field_type_findings
from wazuh_cicd.spec import load_specs

HEAD = "source: github\nparent: {stock: 91100}\nrules:\n"


def rule(number, name, license_, *lines):
    head = f'  - id: {number}\n    name: {name}\n    level: 3\n    title: "t $(github.action)"\n'
    event = f"{{github: {{action: a, repo: {{license: {license_}}}}}}}"
    tests = f"    tests:\n      - fires: {event}\n      - silent: {{github.action: b}}\n"
    return "".join([head, *(f"    {line}\n" for line in lines), tests])


READS = "when: {github.action: a, github.repo.license: {exists: true}}"


@pytest.fixture
def found(tmp_path):
    def find(*rules):
        folder = tmp_path / "rules" / "github"
        folder.mkdir(parents=True)
        (folder / "own.yml").write_text(HEAD + "".join(rules), "utf-8")
        return list(field_type_findings(load_specs(tmp_path)))

    return find


def test_a_field_that_is_a_text_here_and_an_object_there_is_named(found):
    notes = found(
        rule(111001, "one", "mit", READS), rule(111002, "two", "{key: mit}", "when: {github.action: a, github.org: x}")
    )
    assert [(note.code, note.rule) for note in notes] == [("H715", "one")]
    assert "'github.repo.license'" in notes[0].message
    assert "'one'" in notes[0].message
    assert "'two'" in notes[0].message
    assert notes[0].line == 8


def test_nothing_is_said_where_the_type_is_always_the_same_or_missing(found):
    assert found(rule(111001, "one", "mit", READS), rule(111002, "two", "null", READS)) == []


def test_nothing_is_said_of_a_field_that_no_rule_reads(found):
    assert (
        found(
            rule(111001, "one", "mit", "when: {github.action: a}"),
            rule(111002, "two", "{key: mit}", "when: {github.action: a, github.org: x}"),
        )
        == []
    )


def test_it_can_be_waived(found):
    assert (
        found(
            rule(111001, "one", "mit", READS, 'waive: {H715: "both are wanted"}'),
            rule(111002, "two", "{key: mit}", "when: {github.action: a, github.org: x}"),
        )
        == []
    )


def test_no_rule_of_the_package_reads_such_a_field():
    assert list(field_type_findings(load_specs())) == []
