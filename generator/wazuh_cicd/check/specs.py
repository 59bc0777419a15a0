"""Everything there is to say about specs: reading, linking, rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.render import render_problems
from wazuh_cicd.spec import read_specs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wazuh_cicd.findings import Finding


def check_specs(root: Path | None = None, paths: Sequence[Path] | None = None) -> list[Finding]:
    """All findings about specs, sorted by place.

    Raises:
        UsageError: no such folder or file.
    """
    specs, problems = read_specs(root, paths)
    render_problems(specs, problems)
    return sorted(problems.findings)
