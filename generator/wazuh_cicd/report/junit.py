"""JUnit XML, the form in which CI servers take test results.

There is no standard; written is what Jenkins, GitLab and GitHub's report actions all read: suites with counts, cases
with at most one of ``failure``, ``error`` and ``skipped``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PASSED, FAILURE, ERROR, SKIPPED = "", "failure", "error", "skipped"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Attributes:
        classname: what groups it inside its suite.
        name: unique in its class.
        outcome: PASSED, FAILURE, ERROR or SKIPPED.
        message: why, in one line.
        details: more of it, for a failure.
        path: the file in which it is written; may be empty.
        line: counted from 1; 0 without a path.
    """

    classname: str
    name: str
    outcome: str = PASSED
    message: str = ""
    details: str = ""
    path: str = ""
    line: int = 0


def document(name: str, suites: Iterable[tuple[str, Sequence[Case]]]) -> str:
    """The whole document, without a final line end; a suite is its name and its cases."""
    suites = list(suites)
    root = ET.Element("testsuites", name=_xml(name), tests=str(sum(len(cases) for _, cases in suites)))
    for title, cases in suites:
        counts = {
            f"{outcome}s" if outcome != SKIPPED else outcome: str(sum(case.outcome == outcome for case in cases))
            for outcome in (FAILURE, ERROR, SKIPPED)
        }
        suite = ET.SubElement(root, "testsuite", {"name": _xml(title), "tests": str(len(cases)), **counts})
        for case in cases:
            _add(suite, case)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _add(suite: ET.Element, case: Case) -> None:
    place = {"file": _xml(case.path), "line": str(case.line)} if case.path else {}
    names = {"classname": _xml(case.classname), "name": _xml(case.name)}
    element = ET.SubElement(suite, "testcase", {**names, **place})
    if case.outcome:
        told = ET.SubElement(element, case.outcome, message=_xml(case.message))
        told.text = _xml(case.details) or None


def _xml(text: str) -> str:
    """Show what XML 1.0 cannot hold as ``?``: an event may bring any character."""
    return _NOT_XML.sub("?", text)
