"""Test results as text, JSON or JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wazuh_cicd.proof.runner import Outcome

if TYPE_CHECKING:
    from wazuh_cicd.proof.runner import Result, Results


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
    for source, members in by_source.items():
        rules = len({result.rule_id for result in members})
        passed = sum(result.outcome is Outcome.PASSED for result in members)
        lines.append(f"{source}: {rules} rules, {passed} of {len(members)} tests passed")
    lines.append(_summary(results))
    return "\n".join(lines)


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
    root = ET.Element("testsuites", name="wazuh-cicd", tests=str(len(results.results)))
    suites: dict[str, ET.Element] = {}
    for result in results.results:
        suite = suites.get(result.source)
        if suite is None:
            suite = suites[result.source] = ET.SubElement(root, "testsuite", name=result.source)
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"{result.source}.{result.rule}",
            name=f"{result.expect} {result.number}",
            file=result.path,
            line=str(result.line),
        )
        if result.outcome is Outcome.FAILED:
            ET.SubElement(case, "failure", message=_printable(result.reason))
        elif result.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=_printable(result.reason))
    for suite in suites.values():
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    """XML 1.0 has no place for control characters, and events may bring any."""
    return "".join(char if char.isprintable() else "?" for char in text)


FORMATS = {"text": _text, "json": _json, "junit": _junit}
