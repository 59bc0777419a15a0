"""What all tests share: which of them may touch this machine, and how those with a container engine take turns."""

from __future__ import annotations

import gc

import pytest

from needs import TARGETS, missing


def pytest_addoption(parser):
    """Let a run ask for the tests that touch more than their own folder."""
    parser.addoption(
        "--with",
        dest="allowed",
        default="",
        metavar="LIST",
        help="run tests that need root or docker as well: root, docker or both (make test-root, test-docker, test-all)",
    )


def pytest_configure(config):
    """Refuse a group that nobody knows."""
    if unknown := allowed(config) - set(TARGETS.values()):
        raise pytest.UsageError(f"--with {','.join(sorted(unknown))}: known are root and docker")


def allowed(config):
    """The groups that the run asked for."""
    return set(filter(None, config.getoption("allowed").split(",")))


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(config, items):
    """Skip what was not asked for; give the tests marked ``docker`` to one worker (``--dist loadgroup``).

    Engines share the bridges of the host.
    """
    for item in items:
        wanted = {group for marker, group in TARGETS.items() if item.get_closest_marker(marker)}
        if left := sorted(wanted - allowed(config)):
            item.add_marker(pytest.mark.skip(reason=f"runs when it is asked for: make test-{left[0]}"))
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.xdist_group("docker"))


def pytest_report_header(config):
    """Name what is missing, before the tests that need it skip one by one."""
    return [
        f"missing for {group}: {', '.join(found)}" for group in sorted(allowed(config)) if (found := missing(group))
    ]


@pytest.fixture(autouse=True)
def _collected_again():
    """Give back to the collector what a command that ran inside a test has kept from it: tests go on."""
    yield
    gc.unfreeze()
