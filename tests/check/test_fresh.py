from __future__ import annotations

import json
import sqlite3

import pytest

from wazuh_cicd.check.fresh import proposed_level
from wazuh_cicd.cli import main
from wazuh_cicd.content.documented import names
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.errors import UsageError

SPEC = """source: github
parent: {stock: 91100}
rules:
  - id: 111001
    name: one
    level: 3
    title: "$(github.action)"
    when: {github.action: %s}
    mitre: [T1195]
    tests:
      - fires: {github.action: org.a}
      - silent: {github.action: org.b}
"""


@pytest.fixture
def fresh(tmp_path, capsys):
    def run(condition, *options, listed=("org.a", "org.b")):
        folder = tmp_path / "rules" / "github"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "own.yml").write_text(SPEC % condition, "utf-8")
        events = tmp_path / "events.txt"
        events.write_text("\n".join(listed), "utf-8")
        code = main(["check", str(tmp_path), "--fresh", "--github-events", str(events), "--format", "json", *options])
        found = json.loads(capsys.readouterr().out)
        return code, [(one["code"], one["message"]) for one in found if one["severity"] != "note"]

    return run


def test_an_action_that_nobody_names_is_listed_with_a_level(fresh):
    code, found = fresh("org.a", listed=("org.a", "org.guard_disabled", "org.seen"))
    assert (code, [text for _, text in found]) == (
        1,
        ["no rule names the audit log action 'org.guard_disabled'; proposed level 10"],
    )


def test_a_name_that_is_gone_is_listed(fresh):
    assert [code for code, _ in fresh("[org.a, org.gone]")[1]] == ["F902"]


def test_an_expression_that_takes_nothing_is_listed(fresh):
    assert [code for code, _ in fresh("{regex: '^org\\.gone'}")[1]] == ["F902"]


@pytest.mark.parametrize("condition", ["org.a", "{regex: '^org\\.a$'}", "{starts_with: org.a}", "{contains: rg.a}"])
def test_every_way_of_naming_counts(fresh, condition):
    assert fresh(condition, listed=("org.a",)) == (0, [])


def test_a_rule_for_a_whole_class_names_nothing(fresh):
    listed = tuple(f"org.guard{n}_disabled" for n in range(70))
    assert len(fresh("{starts_with: org.}", listed=listed)[1]) == 70


def test_stock_rules_and_techniques_of_the_given_manager(fresh, tmp_path, monkeypatch):
    attack = tmp_path / "techniques.txt"
    attack.write_text("T1078\n", "utf-8")
    options = ("--stock", str(stock_root()), "--attack", str(attack))
    assert [code for code, _ in fresh("org.a", *options)[1]] == ["F904"]
    monkeypatch.setattr(f"{__name__}.SPEC", SPEC.replace("91100", "99999"))
    assert {code for code, _ in fresh("org.a", *options)[1]} == {"F903", "F904"}


def test_the_package_names_what_its_copies_list(capsys):
    assert main(["check", "--fresh"]) == 0
    assert "F901" in capsys.readouterr().out


def test_options_without_fresh_are_refused(capsys):
    assert main(["check", "--attack", "x"]) == 2
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        '[{"action": "repo.create", "fields": []}, {"action": "org.config.x"}]',
        "repo.create\norg.config.x\n",
        "# a remark\nrepo: create\norg: config.x\n",
    ],
)
def test_lists_of_actions_are_read_in_three_forms(tmp_path, text):
    path = tmp_path / "list"
    path.write_text(text, "utf-8")
    assert names.github_actions(str(path)).names == {"repo.create", "org.config.x"}


@pytest.mark.parametrize("given", ["http://192.0.2.1/list", "/nowhere/list"])
def test_a_list_that_cannot_be_read_is_one_line(given):
    with pytest.raises(UsageError, match=r"^[^\n]+$"):
        names.github_actions(given)


def test_a_list_without_actions_is_refused(tmp_path):
    path = tmp_path / "list"
    path.write_text("<html></html>", "utf-8")
    with pytest.raises(UsageError, match="names no audit log actions"):
        names.github_actions(str(path))


@pytest.mark.parametrize(
    "text", ["apps/v1\nv1\npolicy/v1\n", '{"kind": "APIGroupList", "groups": [{"name": "apps"}, {"name": "policy"}]}']
)
def test_groups_are_read_as_kubectl_prints_them(tmp_path, text):
    path = tmp_path / "groups"
    path.write_text(text, "utf-8")
    assert names.kubernetes_groups(str(path)).names == {"apps", "policy"}


def test_techniques_are_read_from_a_managers_database(tmp_path):
    path = tmp_path / "mitre.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE reference (id TEXT, source TEXT, external_id TEXT)")
        base.execute("INSERT INTO reference VALUES ('a', 'mitre-attack', 'T1078.004'), ('b', 'other', 'T9999')")
    base.close()
    assert names.attack_techniques(path).names == {"T1078.004"}


def test_a_database_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mitre.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE other (id TEXT)")
    base.close()
    with pytest.raises(UsageError, match="no MITRE database"):
        names.attack_techniques(path)


@pytest.mark.parametrize(
    ("action", "level"),
    [
        ("org.guard_disabled", 10),
        ("repository_guard.delete", 8),
        ("custom_guard.updated", 5),
        ("custom_guard.viewed", 3),
        ("project.delete", 3),
    ],
)
def test_proposed_levels(action, level):
    assert proposed_level(action) == level
