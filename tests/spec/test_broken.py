"""Broken specs and what the author is told: the texts are reviewed as they stand, in the files ``broken/*.out``.

After changing a message, run this file as a program to write them again, and read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.report.findings import as_text
from wazuh_cicd.spec import yamlnodes

BROKEN = Path(__file__).parent / "broken"


def told(spec: Path, folder: Path) -> str:
    """What ``wazuh-cicd check`` says about one spec in an otherwise empty content folder."""
    target = folder / "rules" / "github" / spec.name
    target.parent.mkdir(parents=True)
    (folder / "tests").mkdir()
    target.write_bytes(spec.read_bytes())
    return as_text(check_specs(folder)).replace(f"{folder}/", "")


@pytest.mark.parametrize("spec", sorted(BROKEN.glob("*.yml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("loader", ["fast", "plain"])
def test_a_broken_spec_is_explained(spec, loader, tmp_path, monkeypatch):
    if loader == "plain":
        monkeypatch.setattr(yamlnodes, "FAST_LOADER", None)
    assert told(spec, tmp_path) == spec.with_suffix(".out").read_text("utf-8")


if __name__ == "__main__":
    import tempfile

    for path in sorted(BROKEN.glob("*.yml")):
        with tempfile.TemporaryDirectory() as place:
            path.with_suffix(".out").write_text(told(path, Path(place).resolve()), "utf-8")
    sys.stdout.write("written\n")
