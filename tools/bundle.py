# ruff: noqa: INP001 - a program of the project
"""Write the programs of agents and managers as the single files that the package installs: ``tools/bundle.py DIR``.

``wazuh-cicd build`` does the same on its way (``wazuh_cicd.content.bundle`` joins the modules); this is for whoever
wants the programs alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wazuh_cicd.content.programs import programs
from wazuh_cicd.errors import WazuhCicdError


def main(argv: list[str] | None = None) -> int:
    """Write the programs; 0 when they are there, 2 when a module cannot be bundled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the programs go, all beside each other")
    folder = parser.parse_args(argv).folder
    try:
        made = programs()
    except WazuhCicdError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in made.items():
        target = folder / path.rpartition("/")[2]
        target.write_bytes(data)
        target.chmod(0o755)
        sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
