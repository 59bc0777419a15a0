"""What a check has to say: one code, one place, what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """How much a finding matters: an error breaks something, a warning very likely does, a note is advice."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding. Sorts by place.

    Attributes:
        path: the file, as the user named it, or an empty string.
        line: counted from 1; 0 where the whole file is meant.
        column: counted from 1; 0 where the whole line is meant.
        code: stable, listed in ``docs/codes.md``.
        message: what is wrong, without a final full stop.
        fix: how to mend it; may be empty.
        severity: see ``Severity``.
        rule: the id or name of the rule it is about, or an empty string.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    fix: str = ""
    severity: Severity = field(default=Severity.ERROR, compare=False)
    rule: str = ""

    def __str__(self) -> str:
        """``file:line:column CODE what is wrong; how to mend it``."""
        place = ":".join([self.path or "-", *(str(n) for n in (self.line, self.column) if n)])
        return f"{place} {self.code} {self.message}" + (f"; {self.fix}" if self.fix else "")
