"""The fates of mutants in their formats."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from wazuh_cicd.proof.mutate import Fate, Mutant, Mutants
from wazuh_cicd.report import mutants as report

MUTANTS = Mutants(
    tuple(
        Mutant(111001, "cloned", f"drop \x1b{fate.value}", fate, "why", "rules/a.yml", 3)
        for fate in (Fate.KILLED, Fate.SURVIVED, Fate.WAIVED, Fate.REFUSED)
    )
)


def test_junit_counts_what_survived_and_what_was_left_out():
    (suite,) = ET.fromstring(report.render(MUTANTS, "junit"))  # noqa: S314 - our own output
    assert suite.attrib == {"name": "mutants", "tests": "4", "failures": "1", "errors": "0", "skipped": "2"}
    assert [case.get("name") for case in suite] == [
        f"drop ?{fate}" for fate in ("killed", "survived", "waived", "refused")
    ]
    assert [child.get("message") for child in suite.iter("skipped")] == ["waived: why", "refused: why"]


def test_json_and_text_agree():
    data = json.loads(report.render(MUTANTS, "json"))
    assert [data[fate] for fate in ("killed", "survived", "waived", "refused")] == [1, 1, 1, 1]
    assert report.render(MUTANTS, "text").splitlines()[-1].startswith("4 mutants of 1 rules: 1 killed, 1 survived")
