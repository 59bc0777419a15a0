"""Compliance controls as Wazuh writes them in a rule's groups, checked against the tables of ``compliance.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from wazuh_cicd.spec.problems import did_you_mean


@cache
def frameworks() -> dict[str, frozenset[str]]:
    """The known controls by prefix: ``pci_dss_`` -> ``10.2.7``, ..."""
    raw = json.loads((files("wazuh_cicd.spec") / "compliance.json").read_text("utf-8"))
    return {prefix: frozenset(entry["controls"]) for prefix, entry in raw.items()}


def compliance_problem(control: str) -> tuple[str, str] | None:
    """What is wrong with a control, and the mend; None when it is in the tables."""
    for prefix, controls in frameworks().items():
        if control.startswith(prefix):
            rest = control[len(prefix) :]
            if rest in controls:
                return None
            what = f"'{rest}' is not a control of {prefix.rstrip('_')}"
            return what, did_you_mean(rest, controls, otherwise=f"write one as {prefix}{min(controls)}")
    what = f"'{control}' names no known framework"
    return what, f"begin with one of {', '.join(frameworks())}"
