"""Coverage of the detection ideas, as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wazuh_cicd.report import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.proof.coverage import FamilyCoverage

_NUMBERS = ("ideas", "implemented", "impossible", "left")


def as_text(families: Sequence[FamilyCoverage], *, ideas: bool = False) -> str:
    """A row an area, with ``ideas`` followed by its ideas and what became of each."""
    head, *rows = tables.lines(
        ("", "area", *_NUMBERS),
        [
            (one.family.letter, one.family.title, *map(str, (one.family.count, *map(len, _parts(one)))))
            for one in families
        ],
        right=_NUMBERS,
    )
    lines = [head]
    for one, row in zip(families, rows, strict=True):
        lines.append(row)
        if ideas:
            _, *fates = tables.lines(("", "idea", "fate"), [("", idea, _fate(one, idea)) for idea in one.family.ideas])
            lines += fates
    return "".join(f"{line}\n" for line in lines)


def _parts(one: FamilyCoverage) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    return tuple(one.implemented), tuple(one.impossible), tuple(one.left)


def _fate(one: FamilyCoverage, idea: str) -> str:
    if idea in one.implemented:
        return ", ".join(one.implemented[idea])
    return f"impossible: {one.impossible[idea]}" if idea in one.impossible else "left"


def as_json(families: Sequence[FamilyCoverage]) -> str:
    """One object, with every idea by area."""
    document = {
        one.family.letter: {
            "title": one.family.title,
            "ideas": one.family.count,
            "implemented": dict(one.implemented),
            "impossible": dict(one.impossible),
            "left": list(one.left),
        }
        for one in families
    }
    return json.dumps(document, indent=1) + "\n"
