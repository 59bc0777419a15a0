"""Putting the ruleset together that a command judges events with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import load_ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wazuh_cicd.engine import EngineOptions, Ruleset

#: The stock file that defines the category roots; a ruleset without it cannot stand alone.
ROOTS_FILE = "0010-rules_config.xml"


def assemble(
    rulesets: Sequence[Path] = (),
    *,
    stock: Path | None = None,
    package: Mapping[str, bytes] | None = None,
    options: EngineOptions | None = None,
) -> Ruleset:
    """Load folders and the package as one ruleset.

    The parents that our rules hang on come from ``stock`` when it is named, else from the given folders when they bring
    the category roots, else from the package's own stand-ins.

    Args:
        rulesets: folders laid out like a manager's, in the order given.
        stock: Wazuh's stock ruleset, loaded first.
        package: our rendered package by path (``Package.ruleset_files()``), loaded last; ``None`` leaves it (and the
            stand-ins) out.
        options: the manager's settings.

    Raises:
        UsageError: a folder is not there, or holds no ruleset.
        RulesetError: a manager would refuse the ruleset.
    """
    folders = [*([stock] if stock else []), *rulesets]
    if package is not None and not any(_brings_roots(folder) for folder in folders):
        folders.insert(0, stock_root())
    return load_ruleset(folders, files=package, options=options)


def _brings_roots(folder: Path) -> bool:
    return bool(list(folder.rglob(ROOTS_FILE)))
