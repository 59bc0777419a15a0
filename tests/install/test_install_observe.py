"""``install --respond LIST --observe``: every call of every response only says what it would do."""

from __future__ import annotations

import pytest
from lxml import etree

from wazuh_cicd.errors import UsageError
from wazuh_cicd.install.desired import desired_from
from wazuh_cicd.install.record import Record
from wazuh_cicd.install.settings import Settings
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

RESPONSES = ["block-ip", "quarantine-container", "scan-image"]


@pytest.fixture(scope="module")
def package():
    return render_package(load_specs())


def commands(top: bytes) -> list[tuple[str, list[str]]]:
    tree = etree.fromstring(b"<all>" + top + b"</all>")
    found = [one for one in tree.iter("command") if len(one)]
    return [(one.findtext("executable"), (one.findtext("extra_args") or "").split()) for one in found]


def test_every_call_of_each_response_observes(package):
    goal = desired_from(package, responses=RESPONSES, internal=True, observe=True)
    calls = commands(goal.top)
    assert {executable for executable, _ in calls} == {f"cicd-{name}" for name in RESPONSES}
    assert all(arguments.count("observe=yes") == 1 for _, arguments in calls)
    assert any("internal=yes" in arguments for _, arguments in calls)
    assert Record.load(goal.record.dump()).settings == Settings((), tuple(RESPONSES), internal=True, observe=True)


def test_without_the_option_none_does(package):
    assert b"observe" not in desired_from(package, responses=RESPONSES).top


def test_it_says_nothing_without_a_response(package):
    with pytest.raises(UsageError, match="add --respond"):
        desired_from(package, observe=True)
