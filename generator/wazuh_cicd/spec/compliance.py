"""Compliance controls as Wazuh writes them in a rule's groups, checked against the tables of ``compliance.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from wazuh_cicd.spec.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework of controls.

    Attributes:
        prefix: of its controls in a rule's groups, ``pci_dss_``.
        short: its name, ``PCI DSS``.
        title: which edition, and how controls are written.
    """

    prefix: str
    short: str
    title: str


_SHORT = {
    "pci_dss_": "PCI DSS",
    "gdpr_": "GDPR",
    "hipaa_": "HIPAA",
    "nist_800_53_": "NIST 800-53",
    "nist_csf_": "NIST CSF",
    "iso_27001_": "ISO 27001",
    "cis_controls_v8_": "CIS Controls",
    "tsc_": "TSC",
    "gpg13_": "GPG 13",
}


@cache
def all_frameworks() -> tuple[Framework, ...]:
    """The frameworks, those that most sites report on first."""
    raw = _table()
    return tuple(Framework(prefix, short, str(raw[prefix]["title"])) for prefix, short in _SHORT.items())


def framework_of(control: str) -> Framework | None:
    """The framework of a control as it stands in a rule; None for none."""
    return next((one for one in all_frameworks() if control.startswith(one.prefix)), None)


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    raw: Mapping[str, Mapping[str, Any]] = json.loads((files("wazuh_cicd.spec") / "compliance.json").read_text("utf-8"))
    return raw


@cache
def frameworks() -> dict[str, frozenset[str]]:
    """The known controls by prefix: ``pci_dss_`` -> ``10.2.7``, ..."""
    return {prefix: frozenset(entry["controls"]) for prefix, entry in _table().items()}


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
