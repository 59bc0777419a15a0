"""What all tests share: those that start a container engine take turns, since engines share the bridges of the host."""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Give the tests marked ``docker`` to one worker (pytest-xdist's ``--dist loadgroup``)."""
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.xdist_group("docker"))


@pytest.fixture(autouse=True)
def _collected_again():
    """Give back to the collector what a command that ran inside a test has kept from it: tests go on."""
    yield
    gc.unfreeze()
