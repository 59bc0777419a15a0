"""Every recorded answer of a real manager: the cases of ``tests/conformance``, and more where ``shared`` lies beside.

The cases bring their own rules, so they need nothing else; those of area 8 run on Wazuh's stock ruleset, and skip where
that is not at hand.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from wazuh_cicd.cli import main
from wazuh_cicd.engine import load_ruleset, read_folder
from wazuh_cicd.engine.recordings import find_cases, recording_options, run_case
from wazuh_cicd.errors import UsageError

CASES = Path(__file__).parents[1] / "conformance"
SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES = SHARED / "samples"
STOCK = SAMPLES / "wazuh-4.14.3" / "ruleset"
TEST_RULES = SAMPLES / "wazuh-4.14.3" / "tests" / "ruleset"
NO_SHARED = f"no recordings: {SHARED} is not there"

SMALL = list(find_cases(CASES))


def lines(pattern):
    return sorted(SAMPLES.glob(pattern)) if SAMPLES.is_dir() else []


STOCK_LINES = lines("wazuh-4.14.3/expected/*.jsonl") + lines("expected-stock/*.jsonl")
TEST_RULE_LINES = lines("wazuh-4.14.3/expected/test-rules/*.jsonl")

stock_files = cache(lambda: read_folder(STOCK))


@cache
def loaded(*folders):
    return load_ruleset(folders, options=recording_options())


def name_of(case):
    archive, _, name = case.name.rpartition(":")
    return f"{Path(archive).parent.name}/{name}"


def test_there_are_recordings_of_each_area():
    assert Counter(name_of(case)[0] for case in SMALL) == {
        "1": 47, "2": 337, "3": 229, "4": 390, "5": 72, "6": 173, "7": 314, "8": 72
    }  # fmt: skip


@pytest.mark.parametrize("case", SMALL, ids=name_of)
def test_small_ruleset_answers_as_recorded(case):
    if case.wants_stock and not STOCK.is_dir():
        pytest.skip(f"needs Wazuh's stock ruleset: {STOCK} is not there")
    outcome = run_case(case, stock_files() if case.wants_stock else None, None, texts=True)
    assert outcome.difference is None, str(outcome.difference)
    assert not outcome.skipped


@pytest.mark.skipif(not STOCK_LINES, reason=NO_SHARED)
@pytest.mark.parametrize("path", STOCK_LINES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_stock_ruleset_answers_as_recorded(path):
    differences = [run_case(case, None, loaded(STOCK)).difference for case in find_cases(path)]
    assert differences
    assert [str(difference) for difference in differences if difference] == []


@pytest.mark.skipif(not TEST_RULE_LINES, reason=NO_SHARED)
@pytest.mark.parametrize("path", TEST_RULE_LINES, ids=lambda path: path.stem)
def test_stock_ruleset_with_test_rules_answers_as_recorded(path):
    differences = [run_case(case, None, loaded(STOCK, TEST_RULES)).difference for case in find_cases(path)]
    assert differences
    assert [str(difference) for difference in differences if difference] == []


ONE = b'-- one/case.json --\n{"events": [], "expect": [], "loads": true, "load_messages": [], "rules": "r.xml"}\n'


def test_an_archive_and_a_folder_hold_the_same_case(tmp_path):
    odd = b"\xff\r\n--  no header --\n\n"
    (tmp_path / "a.txtar").write_bytes(ONE + b"-- one/r.xml --\n" + odd)
    folder = tmp_path / "folder" / "one"
    folder.mkdir(parents=True)
    (folder / "case.json").write_bytes(ONE.partition(b"\n")[2])
    (folder / "r.xml").write_bytes(odd)
    packed, unpacked = (next(find_cases(tmp_path / name)) for name in ("a.txtar", "folder"))
    assert packed.content == unpacked.content
    assert packed.files == unpacked.files == {"r.xml": odd}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "a.txtar:1: a case starts with a line"),
        (b"hello\n" + ONE, "a.txtar:1: a case starts with a line"),
        (ONE, "a.txtar:one/case.json: names the file 'r.xml', which is not there"),
        (b"-- one/r.xml --\n", "a.txtar:one: has no case.json"),
        (b"-- one/case.json --\n{", "a.txtar:one/case.json: not JSON"),
        (b"-- one/case.json --\n{}", "a.txtar:one/case.json: not a recorded case"),
        (b'-- one/case.json --\n{"events": [], "expect": []}', "a.txtar:one/case.json: lacks 'loads'"),
        (ONE.replace(b"}", b', "lists": [1]}'), "a.txtar:one/case.json: 'lists' is no object"),
    ],
)
def test_a_broken_archive_is_explained(text, said, tmp_path):
    path = tmp_path / "a.txtar"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=re.escape(said)):
        list(find_cases(path))


def test_cases_for_the_stock_ruleset_are_skipped_loudly_without_it(capsys):
    assert main(["conformance", str(CASES / "8-stock" / "docker.txtar")]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("0 passed, 0 failed\n")
    assert "cases SKIPPED: needs --stock" in err
