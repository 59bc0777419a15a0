from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from install.trees import make_root


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory):
    # A socket's path holds 107 bytes at most: pytest's own folders can be too deep.
    with tempfile.TemporaryDirectory(prefix="mgr") as folder:
        yield make_root(Path(folder) / "ossec")


@pytest.fixture
def said():
    """Collects what an installation tells the user."""
    return []
