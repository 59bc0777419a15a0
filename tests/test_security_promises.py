"""Every promise of SECURITY.md names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def promises():
    """Each promise with the file and the name of each of its tests."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").split("\n## Promises\n", 1)[1]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or cells[-1] in ("test", "---"):
            continue
        names: list[tuple[str, str]] = []
        file = ""
        for word in re.findall(r"`([^`]+)`", cells[-1]):
            if word.endswith(".py"):
                file = word
                names.append((file, ""))
            else:
                names.append((file, word.rstrip("…")))
        yield cells[-2], names


ROWS = list(promises())


@pytest.mark.parametrize(("promise", "names"), ROWS, ids=[promise[:40] for promise, _ in ROWS])
def test_a_promise_names_tests_that_are_there(promise, names):
    assert names, promise
    for file, name in names:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def test_{re.escape(name)}", text, re.MULTILINE), f"{file}: no test_{name}"


def test_there_are_promises():
    assert len(ROWS) > 10
