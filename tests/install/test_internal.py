"""``install --respond block-ip --internal``: internal addresses are blocked only where the site said so."""

from __future__ import annotations

import re

import pytest

from wazuh_cicd.errors import UsageError
from wazuh_cicd.install.desired import desired_from
from wazuh_cicd.install.record import Record
from wazuh_cicd.install.settings import Settings
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs


@pytest.fixture(scope="module")
def package():
    return render_package(load_specs())


def calls(top: bytes) -> list[bytes]:
    return re.findall(rb"<extra_args>(address=[^<]*|internal=[^<]*)</extra_args>", top)


def test_without_the_option_no_call_allows_internal_addresses(package):
    goal = desired_from(package, responses=["block-ip", "scan-image"])
    assert len(calls(goal.top)) > 3
    assert b"internal=" not in goal.top
    assert goal.record.responses == ("block-ip", "scan-image")


def test_with_it_each_call_of_the_block_does_and_no_other(package):
    goal = desired_from(package, responses=["block-ip", "scan-image"], internal=True)
    assert all(call.startswith(b"internal=yes address=") for call in calls(goal.top))
    assert goal.top.count(b"internal=yes") == len(calls(goal.top)) > 3
    assert Record.load(goal.record.dump()).settings == Settings((), ("block-ip", "scan-image"), internal=True)


def test_it_says_nothing_without_the_block(package):
    with pytest.raises(UsageError, match="add --respond block-ip"):
        desired_from(package, responses=["scan-image"], internal=True)


def test_no_binding_of_the_block_takes_a_line_of_text_from_anywhere(package):
    text = package.files["manager/ossec.conf.d/response-block-ip.xml"]
    assert all(b" from=" in call for call in calls(text))


def test_the_commands_names_are_short_and_differ(package):
    text = package.files["manager/ossec.conf.d/response-block-ip.xml"].decode()
    names = re.findall(r"<name>([^<]+)</name>", text)
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 80
