"""Every code that is used is explained, every explained one is used, and the page says what the table says."""

from __future__ import annotations

import re
from pathlib import Path

from wazuh_cicd.spec.codes import CODES, markdown

ROOT = Path(__file__).parents[2]
ROOMS = ("spec", "render", "check", "proof", "install", "commands")


def test_the_page_is_the_table():
    assert (ROOT / "docs" / "codes.md").read_text("utf-8") == markdown()


def test_codes_in_use_are_the_codes_of_the_table():
    used = set()
    for room in ROOMS:
        for path in (ROOT / "generator" / "wazuh_cicd" / room).rglob("*.py"):
            if path.name != "codes.py":
                used |= set(re.findall(r'"([YSRMTDLHFX]\d{3})"', path.read_text("utf-8")))
    assert used - set(CODES) == set()
    assert set(CODES) - used == set()


def test_a_code_names_its_own_section():
    for code in CODES:
        assert re.fullmatch(r"Y1\d\d|S1\d\d|R2\d\d|M3\d\d|T4\d\d|D5\d\d|L6\d\d|H7\d\d|F9\d\d|X8\d\d", code)
