"""The programs that agents and managers run, each bundled into one file (``content.bundle``).

A folder of ``active_response/`` or ``wodles/`` that has a ``main.py`` is a program: ``active_response/block_ip`` is
installed as ``active-response/bin/cicd-block-ip``. In a checkout the sources stand beside ``generator/``; a wheel
installs them as the packages that they are.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.content.bundle import Sources, bundle
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = Path(__file__).resolve().parent.parent
# Where the programs of a package go, on a manager and on an agent.
_TARGETS = {"active_response": "active-response/bin", "wodles": "wodles/cicd"}


def sources_root() -> Path:
    """The folder that holds the packages ``active_response`` and ``wodles``.

    Raises:
        UsageError: neither a checkout's nor an installation's is there.
    """
    for candidate in (_PACKAGE.parent, _PACKAGE.parent.parent):
        if (candidate / "active_response" / "__init__.py").is_file():
            return candidate
    raise UsageError(f"no active_response/ beside {_PACKAGE}: reinstall wazuh-cicd")


@cache
def programs(root: Path | None = None) -> Mapping[str, bytes]:
    """Every program, by its path below ``/var/ossec``; the same sources give the same bytes.

    Args:
        root: see ``sources_root``.

    Raises:
        BundleError: a program's modules cannot become one file; says where.
        UsageError: the sources are not there.
    """
    root = root or sources_root()
    sources = Sources(root)
    found: dict[str, bytes] = {}
    for folder, target in _TARGETS.items():
        start = root / folder / "start.sh"
        head = start.read_text(encoding="utf-8") if start.is_file() else ""
        for place in sorted((root / folder).glob("*/main.py")):
            name = place.parent.name
            text = bundle(sources, f"{folder}.{name}.main", head)
            found[f"{target}/cicd-{name.replace('_', '-')}"] = text.encode()
    return dict(sorted(found.items()))
