"""The exceptions that a user can cause.

    WazuhCicdError
    ├── UsageError            arguments that do not go together, a path that is not there
    ├── SpecError             one or more findings about specs (carries them all)
    └── RulesetError          a ruleset that a manager would refuse to load (carries its messages)

Each becomes one line on standard error and exit code 2, or a list of findings and exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.findings import Finding


class WazuhCicdError(Exception):
    """Base of all errors with a one-line explanation for the user."""


class UsageError(WazuhCicdError):
    """The command was called in a way that cannot work."""


class FindingsError(WazuhCicdError):
    """Carries findings; its text is one line a finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Keep the findings, in the order given."""
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)


class SpecError(FindingsError):
    """Specs that cannot be used; every error of every file."""


class RulesetError(FindingsError):
    """A Wazuh ruleset that analysisd refuses to load."""
