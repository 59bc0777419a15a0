"""ATT&CK as a Wazuh 4.14 manager knows it: names and tactics of the techniques of version 13.1.

A manager looks the ids of a rule up in a database that it builds from MITRE's own publication; the same table travels
in this package (``data/attack-13.1.json``), so that an alert can be printed without one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.messages import WARNING, LoadMessage

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Attack:
    """The table.

    Attributes:
        tactics: name by tactic id (``TA0001``).
        techniques: name and tactic ids by technique id (``T1110``, ``T1078.004``). Those that ATT&CK has revoked or
            deprecated are not among them: a manager does not find them.
    """

    tactics: Mapping[str, str]
    techniques: Mapping[str, tuple[str, tuple[str, ...]]]


@cache
def attack() -> Attack:
    """Read the table, once."""
    text = (Path(__file__).parents[1] / "data" / "attack-13.1.json").read_text("utf-8")
    raw = json.loads(text)
    return Attack(raw["tactics"], {key: (name, tuple(tactics)) for key, (name, tactics) in raw["techniques"].items()})


def describe(
    ids: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, list[str]] | None, list[LoadMessage]]:
    """Return what an alert prints as ``rule.mitre``, and what the manager says about unknown ids.

    Args:
        ids: technique ids of the old form (``<id>``). All are printed, as soon as one of them is known.
        pairs: (tactic id, technique id) of the new form; only those whose tactic belongs to the technique are printed.
    """
    shown, messages = _look_up(tuple(ids), tuple(pairs))
    return {key: list(values) for key, values in shown.items()} if shown else None, list(messages)


@lru_cache(maxsize=1024)
def _look_up(
    ids: tuple[str, ...], pairs: tuple[tuple[str, str], ...]
) -> tuple[dict[str, list[str]], list[LoadMessage]]:
    table = attack()
    messages: list[LoadMessage] = []
    shown: list[str] = []
    tactics: list[str] = []
    techniques: list[str] = []
    known = False

    def add(target: list[str], name: str) -> None:
        if name not in target:
            target.append(name)

    for technique in ids:
        shown.append(technique)
        entry = table.techniques.get(technique)
        if entry is None:
            messages.append(LoadMessage(WARNING, 0, f"Mitre Technique ID '{technique}' not found in database."))
            continue
        known = True
        for tactic in entry[1]:
            add(tactics, table.tactics[tactic])
        add(techniques, entry[0])
    for tactic, technique in pairs:
        entry = table.techniques.get(technique)
        if entry is None:
            messages.append(LoadMessage(WARNING, 0, f"Mitre Technique ID '{technique}' not found in database."))
            continue
        if tactic not in entry[1]:
            messages.append(LoadMessage(WARNING, 0, f"Mitre Tactic ID '{tactic}' is not a tactic of '{technique}'."))
            continue
        known = True
        add(shown, technique)
        add(tactics, table.tactics[tactic])
        add(techniques, entry[0])
    if not known:
        return {}, messages
    return {"id": shown, "tactic": tactics, "technique": techniques}, messages
