"""Technique ids of ATT&CK v13.1, the version that a Wazuh 4.14 manager knows. The table is the engine's."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from wazuh_cicd.spec.problems import did_you_mean

_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?\Z")


@cache
def _ids(kind: str) -> frozenset[str]:
    table = files("wazuh_cicd") / "engine" / "data" / "attack-13.1.json"
    return frozenset(json.loads(table.read_text("utf-8"))[kind])


def techniques() -> frozenset[str]:
    """All ids that a manager finds, ``T1195`` and ``T1195.002``."""
    return _ids("techniques")


def mitre_problem(technique: str) -> tuple[str, str] | None:
    """What is wrong with a technique id, and the mend; None when a manager knows it."""
    if technique in techniques():
        return None
    if technique in _ids("retired"):
        what = f"MITRE technique '{technique}' is retired: a manager finds none that ATT&CK has withdrawn"
        return what, "name what has taken its place: attack.mitre.org/versions/v13 says so"
    what = f"MITRE technique '{technique}' is not in ATT&CK v13.1, the version that Wazuh 4.14 knows"
    if not _TECHNIQUE.match(technique):
        return what, did_you_mean(technique, techniques(), otherwise="write an id as T1195 or T1195.002")
    whole = technique.partition(".")[0]
    if whole != technique and whole in techniques():
        known = sorted(name for name in techniques() if name.startswith(f"{whole}."))
        return what, f"write {whole}" + (f", or one of {known[0]}..{known[-1]}" if known else "")
    return what, "look it up on attack.mitre.org/versions/v13"
