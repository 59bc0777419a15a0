"""One OpenSearch node for all tests that need it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search_kit import SearchNode, run_node, why_not
from wazuh_cicd.indexer import indexer_files
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_cicd.spec import SpecSet


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of the node on one worker."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "node" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("opensearch"))


@pytest.fixture(scope="session")
def running_node() -> Iterator[SearchNode]:
    """The node, started once."""
    if reason := why_not():
        pytest.skip(reason)
    # In memory where that can be had: a node writes its state to disk for every new field.
    fast = Path("/dev/shm")  # noqa: S108 - a folder of its own below it
    place = fast if os.access(fast, os.W_OK) and shutil.disk_usage(fast).free > 1 << 30 else None
    with tempfile.TemporaryDirectory(prefix="wazuh-cicd-node-", dir=place) as home:
        yield from run_node(Path(home))


@pytest.fixture
def node(running_node: SearchNode) -> SearchNode:
    """The node with Wazuh's own template and nothing else."""
    running_node.clean()
    running_node.put_wazuh_template()
    return running_node


@pytest.fixture(scope="session")
def specs() -> SpecSet:
    """The package's own specs."""
    return load_specs()


@pytest.fixture(scope="session")
def files(specs: SpecSet) -> Mapping[str, bytes]:
    """What the build writes for the indexer."""
    return indexer_files(specs)
