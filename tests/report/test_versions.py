"""The order of versions, held against dpkg and PyPI's own library, and against the documents elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from itertools import combinations

import pytest
from packaging.version import Version

from wazuh_cicd.report.packages import clearing
from wazuh_cicd.report.versions import order

DEBIAN = [
    "1.0~rc1-1", "1.0-1", "1.0-1+deb12u1", "1.0-1+deb12u2", "1.0-2", "1.0.1-1~bpo12+1", "1.0.1-1", "1.2a-1", "1.2+x-1",
    "1.10-1", "1:0.1-1", "1:0.9", "2:0~0",
]  # fmt: skip
PYPI = ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.9", "1.10", "2"]


@pytest.mark.skipif(not shutil.which("dpkg"), reason="needs dpkg")
def test_debian_versions_are_ordered_as_dpkg_orders_them() -> None:
    for one, other in combinations(DEBIAN, 2):
        asked = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False)
        expected = -1 if asked.returncode == 0 else 1
        assert (order("deb", one, other), order("deb", other, one)) == (expected, -expected), (one, other)


def test_versions_of_libraries_are_ordered_as_pypi_orders_them() -> None:
    for one, other in combinations(PYPI, 2):
        expected = -1 if Version(one) < Version(other) else 1
        assert (order("pypi", one, other), order("pypi", other, one)) == (expected, -expected), (one, other)


@pytest.mark.parametrize(
    ("kind", "rising"),
    [
        ("rpm", ["1.0~rc1-1.el9", "1.0-1.el9", "1.0-2.el9", "1.0-10.el9", "1.0.1-1.el9", "1.0a-1", "1:0.1-1"]),
        ("rpm", ["1.0", "1.0^git1", "1.0.1"]),
        ("apk", ["1.2_alpha1-r0", "1.2_rc2-r0", "1.2-r0", "1.2-r10", "1.2_p1-r0", "1.2a-r0", "1.10-r0"]),
        ("npm", ["v1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-rc.1", "1.0.0", "1.0.10", "1.1.0"]),
        ("maven", ["2.0-SNAPSHOT", "2.0", "2.0.1"]),
    ],
)
def test_versions_rise(kind: str, rising: list[str]) -> None:
    for one, other in combinations(rising, 2):
        if (one, other) == ("1.0.1-1.el9", "1.0a-1"):
            continue  # a letter is before a number
        assert order(kind, one, other) == -1, (one, other)
        assert order(kind, other, one) == 1, (one, other)


def test_what_is_equal_is_equal() -> None:
    assert order("pypi", "1.0", "1.0.0") == 0
    assert order("npm", "v1.2", "1.2+build5") == 0
    assert order("maven", "2.0.RELEASE", "2.0") == 0


@pytest.mark.parametrize("version", ["1.0-jre", "1.0-1", "Upgrade to 2.0", "", "2024-01-01:x", "abc"])
def test_an_order_that_is_not_sure_is_not_given(version: str) -> None:
    assert order("maven", "1.0", version) is None


@pytest.mark.parametrize(
    ("kind", "installed", "fixes", "shown"),
    [
        ("deb", "3.0.11-1", [["3.0.13-1"], ["3.0.9-2", "3.0.12-2"]], "3.0.13-1"),
        ("npm", "4.17.1", [["4.17.21"], ["4.17.5"]], "4.17.21"),
        # Each line of releases has its own fix: staying in it is enough, when all findings have one there.
        ("pypi", "1.26.1", [["1.26.5", "2.0.2"], ["1.26.7", "2.0.1"]], "1.26.7"),
        ("pypi", "1.26.1", [["1.26.5", "2.0.2"], ["2.0.1"]], "2.0.2"),
        ("pypi", "2.0.0", [["1.26.5", "2.0.2"]], "2.0.2"),
        ("pypi", "1.27.0", [["1.26.5", "1.27.2"]], "1.27.2"),
        ("maven", "1.0", [["31.1-jre"], ["32.0-android"]], "31.1-jre and 32.0-android"),
        ("maven", "1.0", [["31.1-jre"], ["31.1-jre"]], "31.1-jre"),
        ("npm", "9.0.0", [["1.0.0", "2.0.0"]], "1.0.0 or 2.0.0"),  # the scanner contradicts itself
    ],
)
def test_the_upgrade_clears_all_findings(kind: str, installed: str, fixes: list[list[str]], shown: str) -> None:
    assert clearing(kind, installed, fixes) == shown
