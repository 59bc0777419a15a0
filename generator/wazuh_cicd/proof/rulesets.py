"""Putting the ruleset together that a command judges events with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.render import Package

#: The stock file that defines the category roots; a ruleset without it cannot stand alone.
ROOTS_FILE = "0010-rules_config.xml"


def assemble(
    rulesets: Sequence[Path] = (), *, stock: Path | None = None, package: Package | None = None, cache: bool = True
) -> Ruleset:
    """Load folders and the package as one ruleset.

    The parents that our rules hang on come from ``stock`` when it is named, else from the given folders when they bring
    the category roots, else from the package's own stand-ins.

    Args:
        rulesets: folders laid out like a manager's, in the order given.
        stock: Wazuh's stock ruleset, loaded first.
        package: our rendered package, loaded last; ``None`` leaves it (and the stand-ins) out.
        cache: whether a compiled cache of the folders may be used.

    Raises:
        UsageError: a folder is not there.
        RulesetError: a manager would refuse the ruleset.
    """
    from wazuh_cicd.content.paths import stock_stand_ins  # noqa: PLC0415 (start-up time)
    from wazuh_cicd.engine import load_ruleset  # noqa: PLC0415

    folders = [*([stock] if stock else []), *rulesets]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder; name one with decoders/, rules/ and lists/")
    if package is not None and not any(_brings_roots(folder) for folder in folders):
        folders.insert(0, stock_stand_ins())
    return load_ruleset(folders, files=package.ruleset_files() if package else None, cache=cache)


def _brings_roots(folder: Path) -> bool:
    return next(folder.rglob(ROOTS_FILE), None) is not None
