"""Every recorded answer of a real manager, where the recordings are at hand (``shared`` beside the checkout)."""

from functools import cache
from pathlib import Path

import pytest

from wazuh_cicd.engine import load_ruleset, read_folder
from wazuh_cicd.engine.recordings import find_cases, recording_options, run_case

SHARED = Path(__file__).parents[2].parent / "shared"
CASES = SHARED / "conformance"
SAMPLES = SHARED / "samples"
STOCK = SAMPLES / "wazuh-4.14.3" / "ruleset"
TEST_RULES = SAMPLES / "wazuh-4.14.3" / "tests" / "ruleset"
NO_SHARED = f"no recordings: {SHARED} is not there"

SMALL = list(find_cases(CASES)) if CASES.is_dir() else []


def lines(pattern):
    return sorted(SAMPLES.glob(pattern)) if SAMPLES.is_dir() else []


STOCK_LINES = lines("wazuh-4.14.3/expected/*.jsonl") + lines("expected-stock/*.jsonl")
TEST_RULE_LINES = lines("wazuh-4.14.3/expected/test-rules/*.jsonl")

stock_files = cache(lambda: read_folder(STOCK))


@cache
def loaded(*folders):
    return load_ruleset(folders, options=recording_options())


def name_of(case):
    return "/".join(Path(case.name).parts[-2:])


@pytest.mark.skipif(not SMALL, reason=NO_SHARED)
def test_there_are_recordings_of_each_area():
    assert {Path(case.name).parent.name[0] for case in SMALL} == set("12345678")


@pytest.mark.skipif(not SMALL, reason=NO_SHARED)
@pytest.mark.parametrize("case", SMALL, ids=name_of)
def test_small_ruleset_answers_as_recorded(case):
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
