"""Coverage of detection ideas."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from wazuh_cicd.errors import FindingsError
from wazuh_cicd.proof.coverage import coverage, read_impossible


def rules(**covers):
    return SimpleNamespace(rules=[SimpleNamespace(name=name, covers=ideas) for name, ideas in covers.items()])


def test_an_idea_is_implemented_impossible_or_left():
    families = {
        one.family.letter: one
        for one in coverage(rules(first=("G1", "G2"), second=("G2",)), {"G3": "why", "G1": "stale", "S1": "why"})
    }
    github = families["G"]
    assert github.implemented == {"G1": ("first",), "G2": ("first", "second")}
    assert github.impossible == {"G3": "why"}
    assert len(github.left) == 112 - 3
    assert families["S"].impossible == {"S1": "why"}


def test_reasons_are_read_from_every_file_and_folded(tmp_path):
    (tmp_path / "impossible.yml").write_text("G1: >\n  a\n  b\n")
    (tmp_path / "impossible-jdk.yml").write_text("J1: c\n")
    assert read_impossible(tmp_path) == {"G1": "a b", "J1": "c"}


def test_bad_reasons_are_all_reported(tmp_path):
    (tmp_path / "impossible-a.yml").write_text("G1: ''\nX9: no such idea\n")
    (tmp_path / "impossible-b.yml").write_text("- a\n")
    with pytest.raises(FindingsError) as caught:
        read_impossible(tmp_path)
    assert [finding.code for finding in caught.value.findings] == ["COVER04", "COVER03", "COVER02"]
