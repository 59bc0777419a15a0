"""Which detection ideas the rules implement: computed from ``covers:``, never claimed.

An idea has an id of a letter and a number (``G12``). One that Wazuh cannot detect is named, with the reason and the
nearest thing, in a file ``rules/impossible*.yml``: a mapping from id to text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.errors import FindingsError
from wazuh_cicd.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wazuh_cicd.spec import SpecSet


@dataclass(frozen=True, slots=True)
class Family:
    """A catalogue of ideas: its letter, what it is about and how many there are."""

    letter: str
    title: str
    count: int

    @property
    def ideas(self) -> tuple[str, ...]:
        """The ids, in order."""
        return tuple(f"{self.letter}{number}" for number in range(1, self.count + 1))


FAMILIES = (
    Family("G", "GitHub audit log", 112),
    Family("H", "GitHub webhooks and alerts", 26),
    Family("R", "self-hosted runners and build hosts", 37),
    Family("B", "SSH on build servers", 10),
    Family("J", "Jenkins", 40),
    Family("D", "Docker and container hosts", 44),
    Family("K", "Kubernetes audit", 77),
    Family("T", "Trivy and Grype", 16),
    Family("V", "HashiCorp Vault", 33),
    Family("A", "AWS Secrets Manager and CloudTrail", 32),
    Family("S", "signing, registries and admission", 18),
)


@dataclass(frozen=True, slots=True)
class FamilyCoverage:
    """How far one family is covered.

    Attributes:
        family: the family.
        implemented: idea -> the names of the rules that cover it.
        impossible: idea -> why Wazuh cannot detect it.
        left: the ideas that neither of them names.
    """

    family: Family
    implemented: Mapping[str, tuple[str, ...]]
    impossible: Mapping[str, str]
    left: tuple[str, ...]


def coverage(specs: SpecSet, impossible: Mapping[str, str]) -> Iterator[FamilyCoverage]:
    """Compute the coverage of every family.

    Args:
        specs: the rules; their ``covers`` are what counts.
        impossible: idea -> reason, from ``read_impossible``.
    """
    rules: dict[str, list[str]] = {}
    for rule in specs.rules:
        for idea in rule.covers:
            rules.setdefault(idea, []).append(rule.name)
    for family in FAMILIES:
        implemented = {idea: tuple(rules[idea]) for idea in family.ideas if idea in rules}
        reasons = {idea: impossible[idea] for idea in family.ideas if idea in impossible and idea not in implemented}
        left = tuple(idea for idea in family.ideas if idea not in implemented and idea not in reasons)
        yield FamilyCoverage(family, implemented, reasons, left)


def read_impossible(rules: Path) -> dict[str, str]:
    """The reasons in ``impossible*.yml`` of the folder ``rules``.

    Raises:
        FindingsError: a file is not a mapping from known idea ids to texts.
    """
    known = {idea for family in FAMILIES for idea in family.ideas}
    reasons: dict[str, str] = {}
    findings = []
    for path in sorted(rules.glob("impossible*.yml")):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            findings.append(Finding(str(path), 0, 0, "COVER01", f"not readable as YAML: {error}"))
            continue
        if not isinstance(data, dict):
            findings.append(Finding(str(path), 0, 0, "COVER02", "not a mapping", "write one `idea: reason` a line"))
            continue
        for idea, reason in data.items():
            if idea not in known:
                findings.append(Finding(str(path), 0, 0, "COVER03", f"{idea} is no known idea"))
            elif not isinstance(reason, str) or not reason.strip():
                findings.append(
                    Finding(str(path), 0, 0, "COVER04", f"{idea} has no reason", "say why, and what is nearest")
                )
            else:
                reasons[idea] = " ".join(reason.split())
    if findings:
        raise FindingsError(findings)
    return reasons
