"""What rules inherit from the families of their source, and what is wrong with a runbook."""

from __future__ import annotations

import pytest
import yaml

from wazuh_cicd.check.runbooks import runbook_findings
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.load import read_specs
from wazuh_cicd.spec.model import Step
from wazuh_cicd.spec.runbooks import STEPS, WAYS_OUT


class Plain(yaml.SafeDumper):
    """Writes no anchors, which specs may not have."""

    def ignore_aliases(self, data):
        return True


EVENT = {"github.a": "x", "github.actor": "mallory"}


def rule(number: int = 111900, name: str = "tested", **keys):
    return {
        "id": number,
        "name": name,
        "level": 12,
        "title": "x $(github.a)",
        "when": {"github.a": "x"},
        "mitre": [],
        "compliance": [],
        "why": "x",
        "triage": ["Own step?"],
        "false_positives": [],
        "tests": [{"fires": EVENT}, {"silent": {"github.a": "y"}}],
        **keys,
    }


@pytest.fixture
def read(tmp_path):
    """Specs of these rules, with a runbook of these families."""

    def build(families, *rules, fields=None, files=None):
        folder = tmp_path / "rules" / "github"
        folder.mkdir(parents=True)
        (tmp_path / "tests").mkdir()
        head = {"source": "github", "parent": {"stock": 91100}, "event": {"envelope": {"integration": "github"}}}
        for name, members in (files or {"x": rules or (rule(),)}).items():
            (folder / f"{name}.yml").write_text(yaml.dump({**head, "rules": list(members)}, Dumper=Plain))
        runbook = {"source": "github", "fields": fields or {"who": ["github.actor"]}, "families": families}
        (folder / "runbook.yml").write_text(yaml.dump(runbook, Dumper=Plain))
        specs, problems = read_specs(tmp_path)
        return specs, [(finding.code, finding.message) for finding in problems.findings]

    return build


def test_a_step_is_filled_in_with_the_rule_s_own_field(read):
    step = {"do": "Who is {who}, of {name}?", "query": "rule.id:{id} AND {who=}", "run": "id {who}"}
    specs, problems = read([{"name": "a", "triage": [step]}])
    assert problems == []
    assert specs.rules[0].steps == (
        Step("Own step?"),
        Step(
            "Who is $(github.actor), of tested?",
            'rule.id:{id} AND data.github.actor:"$(github.actor)"',
            "id $(github.actor)",
        ),
    )


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({"tests": [{"fires": {"github.a": "x", "github.other": "y"}}, {"silent": {}}]}, "data.github.other"),
        ({"title": "$(github.actor)", "tests": [{"fires": {"github.a": "x"}}, {"silent": {}}]}, "data.github.actor"),
        ({"when": {"github.Actor": "x"}, "tests": [{"fires": {"github.Actor": "x"}}, {"silent": {}}]}, "data.github.a"),
    ],
)
def test_the_first_field_that_the_events_have_is_taken(read, keys, shown):
    specs, _ = read(
        [{"name": "a", "triage": [{"do": "x", "query": "{who=}"}]}],
        rule(**keys),
        fields={"who": ["github.actor", "github.other"]},
    )
    assert specs.rules[0].runbook.triage[0].query.startswith(shown)


def test_a_step_without_a_field_for_it_is_left_out(read):
    only_sometimes = [{"fires": {"github.a": "x"}}, {"fires": EVENT}, {"silent": {}}]
    specs, problems = read([{"name": "a", "triage": ["{who}?", "Left."]}], rule(tests=only_sometimes))
    assert problems == []
    assert [step.text for step in specs.rules[0].runbook.triage] == ["Left."]


def test_a_child_has_the_fields_that_its_parents_ask_for(read):
    parent = rule(111901, "parent", when={"github.actor": {"exists": True}}, level=3)
    child = rule(parent={"rule": "parent"}, tests=[{"fires": {"github.a": "x"}}, {"silent": {}}])
    specs, _ = read([{"name": "a", "triage": ["{who}?"]}], parent, child)
    assert specs.by_name["tested"].runbook.triage == (Step("$(github.actor)?"),)


def test_families_are_chosen_by_file_and_by_name_and_the_last_one_ends_the_list(read):
    families = [
        {"name": "by-name", "rules": ["on*"], "triage": ["by name"]},
        {"name": "by-file", "files": ["y"], "last": True, "triage": ["by file"]},
        {"name": "all", "triage": ["all"]},
    ]
    specs, problems = read(families, files={"x": [rule(111900, "one")], "y": [rule(111901, "two")]})
    assert problems == []
    said = {each.name: [step.text for step in each.runbook.triage] for each in specs.rules}
    assert said == {"one": ["by name", "all"], "two": ["by file"]}


def test_quiet_rules_inherit_nothing_and_only_grave_ones_how_to_contain(read):
    rules = [rule(111900 + level, f"level-{level}", level=level) for level in (3, 4, 9, 10)]
    specs, _ = read([{"name": "a", "triage": ["t"], "contain": ["c"], "references": ["https://a.example/"]}], *rules)
    inherited = [(bool(each.runbook.triage), bool(each.runbook.contain)) for each in specs.rules]
    assert inherited == [(False, False), (True, False), (True, False), (True, True)]
    assert [each.reading for each in specs.rules] == [(), *[("https://a.example/",)] * 3]


def test_nothing_is_said_searched_or_run_twice_and_the_list_stays_short(read):
    families = [
        {
            "name": "a",
            "triage": ["Own step?", {"do": "one", "query": "rule.id:1"}, {"do": "two", "query": "rule.id:1"}],
            "contain": [f"c{number}" for number in range(9)],
        },
        {"name": "b", "triage": [f"t{number}" for number in range(20)]},
    ]
    specs, _ = read(families)
    steps = [step.text for step in specs.rules[0].steps]
    assert steps[:3] == ["Own step?", "one", "t0"]
    assert len(steps) == STEPS
    assert len(specs.rules[0].containment) == WAYS_OUT


@pytest.mark.parametrize(
    ("families", "code"),
    [
        ([{"name": "a", "triage": ["{whom}?"]}], "R222"),
        ([{"name": "a", "triage": [{"do": "x", "query": "{whom=}"}]}], "R222"),
        ([{"name": "a", "rules": ["nobody-*"]}], "R222"),
        ([{"name": "a", "files": ["nothing"]}], "R222"),
        ([{"name": "a"}, {"name": "a"}], "R203"),
        ([{"name": "a", "triage": {"do": "x"}}], "S103"),
        ([{"name": "a", "triage": [{"query": "x"}]}], "S102"),
        ([{"name": "a", "steps": []}], "S101"),
    ],
)
def test_a_runbook_that_would_reach_nobody_is_an_error(read, families, code):
    assert [found for found, _ in read(families)[1]] == [code]


def test_braces_of_commands_are_left_alone(read):
    run = "docker ps --format '{{.ID}}' | awk '{print $1}' | xargs -I{} jq '{a: .b}' {}"
    specs, problems = read([{"name": "a", "triage": [{"do": "x", "run": run}]}])
    assert problems == []
    assert specs.rules[0].runbook.triage[0].command == run


# The bar


def bar(specs):
    return [(finding.code, finding.rule) for finding in runbook_findings(specs)]


@pytest.mark.parametrize(
    ("keys", "reaches"),
    [
        ({"level": 9, "triage": ["one"]}, True),
        ({"level": 10, "triage": ["one", "two", {"do": "three", "query": "rule.id:{id}"}]}, True),
        ({"level": 10, "triage": ["one", "two", {"do": "three", "run": "id"}]}, True),
        ({"level": 10, "triage": ["one", {"do": "two", "run": "id"}]}, False),
        ({"level": 10, "triage": ["one", "two", "three"]}, False),
        ({"level": 13, "triage": ["one", "two", {"do": "three", "run": "id"}]}, False),
        ({"level": 13, "triage": ["one", "two", {"do": "three", "run": "id"}], "contain": ["stop"]}, True),
        ({"level": 10, "triage": ["one"], "waive": {"H711": "nobody can do anything"}}, True),
    ],
)
def test_a_grave_rule_has_steps_a_search_and_a_way_out(read, keys, reaches):
    specs, problems = read([{"name": "a"}], rule(**keys))
    assert problems == []
    assert bar(specs) == ([] if reaches else [("H711", "tested")])


@pytest.mark.parametrize(
    ("query", "good"),
    [
        ('data.github.actor:"$(github.actor)" AND rule.level >= 7', True),
        ('agent.name:"a: b" AND rule.groups:(github OR cicd)', True),
        ("data.github.acter:mallory", False),
        ("github.actor:mallory", False),
        ("rule.groups:githup", False),
        ("rule.groups:(github OR githup)", False),
        ("rule.levels >= 7", False),
    ],
)
def test_a_search_names_what_alerts_have(read, query, good):
    specs, _ = read([{"name": "a"}], rule(level=9, triage=[{"do": "x", "query": query}]))
    assert bar(specs) == ([] if good else [("H712", "tested")])


def test_the_package_s_own_rules_reach_it():
    specs = load_specs()
    assert bar(specs) == []
    grave = [each for each in specs.rules if each.level >= 10 and not each.noalert]
    assert [each.name for each in grave if not each.reading] == []
    needed = {need for each in specs.rules for need in each.needs}
    assert needed <= set(specs.log_sources), needed - set(specs.log_sources)
