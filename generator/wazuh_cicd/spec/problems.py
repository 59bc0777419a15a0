"""Collecting what is wrong with specs, so that one run reports every error of every file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.errors import SpecError
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written. ``line`` and ``column`` count from 1; 0 means the whole file or line."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``path:line``, as one place is named in a message about another."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(slots=True)
class Problems:
    """The findings of one run, in the order they were met."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        code: str,
        place: Place,
        message: str,
        fix: str = "",
        *,
        rule: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Keep one finding."""
        self.findings.append(
            Finding(place.path, place.line, place.column, code, message, fix, severity=severity, rule=rule),
        )

    @property
    def errors(self) -> list[Finding]:
        """The findings that make the specs unusable."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    def raise_errors(self) -> None:
        """Raise ``SpecError`` with all errors, sorted by place, when there are any."""
        errors = self.errors
        if errors:
            raise SpecError(sorted(errors))


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "", cutoff: float = 0.6) -> str:
    """A suggestion for a misspelt word.

    Args:
        word: what was written.
        known: what may be written.
        otherwise: the text when nothing known is near.
        cutoff: how alike two words must be, 0 to 1.

    Returns:
        ``did you mean 'x'?``, or ``otherwise``.
    """
    known = list(known)
    folded = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=cutoff)
    if near and folded[near[0]] != word:
        return f"did you mean '{folded[near[0]]}'?"
    return otherwise


def listing(words: Iterable[object]) -> str:
    """Words as ``a, b or c``."""
    texts = [str(word) for word in words]
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else ""
