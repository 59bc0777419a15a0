"""The fates of mutants as text, JSON or JUnit XML."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from wazuh_cicd.proof.mutate import Fate
from wazuh_cicd.report import junit

if TYPE_CHECKING:
    from wazuh_cicd.proof.mutate import Mutants


def render(mutants: Mutants, style: str) -> str:
    """The fates in one of ``FORMATS``, without a final newline."""
    return FORMATS[style](mutants)


def _text(mutants: Mutants) -> str:
    lines = [
        f"{mutant.path}:{mutant.line} SURVIVED {mutant.rule_id} {mutant.rule}: no test notices “{mutant.name}”;"
        " add a near-miss test, or waive it with a reason"
        for mutant in mutants.mutants
        if mutant.fate is Fate.SURVIVED
    ]
    rules = len({mutant.rule_id for mutant in mutants.mutants})
    fates = ", ".join(f"{mutants.count(fate)} {fate.value}" for fate in Fate)
    return "\n".join([*lines, f"{len(mutants.mutants)} mutants of {rules} rules: {fates}"])


def _json(mutants: Mutants) -> str:
    counts = {fate.value: mutants.count(fate) for fate in Fate}
    listing = [{**asdict(mutant), "fate": mutant.fate.value} for mutant in mutants.mutants]
    return json.dumps({**counts, "mutants": listing}, indent=1)


def _junit(mutants: Mutants) -> str:
    cases = []
    for mutant in mutants.mutants:
        case = junit.Case(mutant.rule, mutant.name)
        if mutant.fate is Fate.SURVIVED:
            case = replace(case, outcome=junit.FAILURE, message="no test notices")
        elif mutant.fate is not Fate.KILLED:
            case = replace(case, outcome=junit.SKIPPED, message=f"{mutant.fate.value}: {mutant.reason}")
        cases.append(case)
    return junit.document("wazuh-cicd", [("mutants", cases)])


FORMATS = {"text": _text, "json": _json, "junit": _junit}
