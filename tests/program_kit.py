"""The programs of agents and managers as they are installed, bundled once for a run of the tests."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from wazuh_cicd.content.programs import programs


@cache
def program_folder() -> Path:
    """A folder laid out as ``/var/ossec``, with every program in its place; it goes away with this process."""
    folder = Path(tempfile.mkdtemp(prefix="wazuh-cicd-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path, data in programs().items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o755)
    return folder
