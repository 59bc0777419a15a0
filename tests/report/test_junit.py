"""JUnit XML as CI servers read it: counts that agree with the cases, and well-formed whatever an event brings."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from wazuh_cicd.report import junit

CASES = [
    junit.Case("rule", "fires 1", path="rules/a.yml", line=7),
    junit.Case("rule", "fires 2", junit.FAILURE, "no alert", "where: here\nfixed in: 2"),
    junit.Case("scanner", "no_image", junit.ERROR, "cannot be found"),
    junit.Case("rule", "fires 3", junit.SKIPPED, "no clock"),
]


def read(text):
    return ET.fromstring(text)  # noqa: S314 - our own output


def test_counts_agree_with_the_cases():
    root = read(junit.document("all", [("first", CASES), ("second", CASES[:1])]))
    assert (root.tag, dict(root.attrib)) == ("testsuites", {"name": "all", "tests": "5"})
    assert [dict(suite.attrib) for suite in root] == [
        {"name": "first", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"},
        {"name": "second", "tests": "1", "failures": "0", "errors": "0", "skipped": "0"},
    ]


def test_a_case_says_where_it_is_written_and_why_it_failed():
    passed, failed, error, skipped = read(junit.document("all", [("first", CASES)]))[0]
    assert passed.attrib == {"classname": "rule", "name": "fires 1", "file": "rules/a.yml", "line": "7"}
    assert [child.tag for child in (*passed, *failed, *error, *skipped)] == ["failure", "error", "skipped"]
    assert (failed[0].get("message"), failed[0].text) == ("no alert", "where: here\nfixed in: 2")


def test_suites_of_one_name_stay_apart():
    assert len(read(junit.document("all", [("same", CASES), ("same", CASES)]))) == 2


@given(st.text())
def test_any_text_gives_a_document_that_can_be_read(text):
    case = junit.Case(text, text, junit.FAILURE, text, text, path=text, line=1)
    (suite,) = read(junit.document(text, [(text, [case])]))
    shown = suite[0].get("name")
    assert len(shown) == len(text)
    assert all(new in (old, "?") for new, old in zip(shown, text, strict=True))
