"""What all tests share: those that start a container engine take turns, since engines share the bridges of the host."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Give the tests marked ``docker`` to one worker (pytest-xdist's ``--dist loadgroup``)."""
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.xdist_group("docker"))
