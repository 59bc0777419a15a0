"""Mutants prove the tests."""

from __future__ import annotations

import pytest

from wazuh_cicd.errors import UsageError
from wazuh_cicd.proof.mutate import Fate, mutations, run_mutants


def fates(specs, *names, jobs=1):
    rules = [rule for rule in specs.rules if not names or rule.name in names]
    return {(mutant.rule, mutant.name): mutant.fate for mutant in run_mutants(specs, rules, jobs=jobs).mutants}


def test_each_condition_is_dropped_and_flipped(content):
    specs = content()
    assert [name for name, _ in mutations(specs.by_name["cloned"])] == [
        "drop when github.action",
        "flip when github.action",
        "drop when github.actor",
        "flip when github.actor",
        "drop unless github.actor",
        "flip unless github.actor",
    ]
    assert [name for name, _ in mutations(specs.by_name["mass-clone"])] == [
        "count one lower",
        "count one higher",
        "endless within",
        "drop same github.actor",
        "drop different github.repo",
    ]


def test_what_no_test_notices_survives(content):
    survivors = [key for key, fate in fates(content()).items() if fate is Fate.SURVIVED]
    # Every test's event has an actor, and nobody tests two actors.
    assert survivors == [("cloned", "drop when github.actor"), ("mass-clone", "drop same github.actor")]


def test_a_near_miss_kills_the_survivor(content):
    near_miss = """note: one repository
      - silent:
          - {github.action: git.clone, github.repo: a}
          - {github.action: git.clone, github.repo: b, github.actor: eve}
          - {github.action: git.clone, github.repo: c}
"""
    found = fates(content(("note: one repository\n", near_miss)), "mass-clone")
    assert set(found.values()) == {Fate.KILLED}


def test_a_waiver_needs_the_mutants_name(content):
    waiver = "status: stable\n    waive: {drop when github.actor: every event has an actor}\n    when:"
    found = fates(content(("status: stable\n    when:", waiver)), "cloned")
    assert found["cloned", "drop when github.actor"] is Fate.WAIVED
    assert Fate.SURVIVED not in found.values()


def test_processes_change_nothing(content):
    specs = content()
    assert fates(specs, jobs=2) == fates(specs)


def test_nothing_is_proved_on_failing_tests(content):
    specs = content(("- silent: {github.action: git.push}", "- silent: {github.action: git.clone}"))
    with pytest.raises(UsageError, match="fails unmutated"):
        run_mutants(specs, specs.rules)
