"""Test results as text, JSON or JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from wazuh_cicd.proof.runner import Outcome
from wazuh_cicd.report import junit, tables

if TYPE_CHECKING:
    from wazuh_cicd.proof.runner import Result, Results

_NUMBERS = ("rules", "tests", "passed")


def render(results: Results, style: str) -> str:
    """The results in one of ``FORMATS``, without a final newline."""
    return FORMATS[style](results)


def _text(results: Results) -> str:
    lines = [*map(str, results.messages)]
    lines += [
        f"{result.path}:{result.line} FAILED {result.label}: {result.reason}"
        + (f" ({result.note})" if result.note else "")
        for result in results.results
        if result.outcome is Outcome.FAILED
    ]
    skipped = Counter(result.reason for result in results.results if result.outcome is Outcome.SKIPPED)
    lines += [f"skipped {number}: {reason}" for reason, number in skipped.most_common()]
    by_source: dict[str, list[Result]] = {}
    for result in results.results:
        by_source.setdefault(result.source, []).append(result)
    rows = [
        (source, *map(str, (len({r.rule_id for r in members}), len(members), _passed(members))))
        for source, members in by_source.items()
    ]
    lines += tables.lines(("source", *_NUMBERS), rows, right=_NUMBERS) if rows else []
    lines.append(_summary(results))
    return "\n".join(lines)


def _passed(results: list[Result]) -> int:
    return sum(result.outcome is Outcome.PASSED for result in results)


def _summary(results: Results) -> str:
    parts = [f"{results.count(Outcome.PASSED)} passed", f"{results.count(Outcome.FAILED)} failed"]
    if skipped := results.count(Outcome.SKIPPED):
        parts.append(f"{skipped} skipped")
    return ", ".join(parts)


def _json(results: Results) -> str:
    return json.dumps(
        {
            "engine": results.engine,
            "messages": [*map(str, results.messages)],
            "passed": results.count(Outcome.PASSED),
            "failed": results.count(Outcome.FAILED),
            "skipped": results.count(Outcome.SKIPPED),
            "results": [{**asdict(result), "outcome": result.outcome.value} for result in results.results],
        },
        indent=1,
    )


def _junit(results: Results) -> str:
    suites: dict[str, list[junit.Case]] = {}
    for result in results.results:
        case = junit.Case(
            f"{result.source}.{result.rule}",
            f"{result.expect} {result.number}",
            _JUNIT[result.outcome],
            "" if result.outcome is Outcome.PASSED else result.reason,
            path=result.path,
            line=result.line,
        )
        suites.setdefault(result.source, []).append(case)
    return junit.document("wazuh-cicd", suites.items())


_JUNIT = {Outcome.PASSED: junit.PASSED, Outcome.FAILED: junit.FAILURE, Outcome.SKIPPED: junit.SKIPPED}
FORMATS = {"text": _text, "json": _json, "junit": _junit}
