"""Observing: nothing is done, the log says what would have been, and a report sums it up. Internal addresses."""

from __future__ import annotations

import json

import pytest

from ar_kit import Home, nets

pytestmark = pytest.mark.kernel


@pytest.fixture
def net():
    with nets("host") as made:
        yield made


@pytest.fixture
def home(tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure("allow = 203.0.113.0/24\n")
    return made


@pytest.mark.parametrize("how", ["configuration", "binding"])
def test_who_is_observed_is_not_blocked(how, home, net):
    arguments = ("timeout=60",)
    if how == "configuration":
        home.configure("allow = 203.0.113.0/24\nobserve = yes\n")
    else:
        arguments = ("observe=yes", "timeout=60")
    for address, rule in (("198.51.100.7", "112313"), ("198.51.100.7", "112315"), ("198.51.100.8", "112313")):
        outcome = home.add({"srcip": address}, extra_args=arguments, rule=rule)
        assert (outcome.code, outcome.said) == (0, "")  # execd hears of no key, so it asks for no end
        assert (home.last()["result"], home.last()["address"]) == ("would", address)
    home.add({"srcip": "203.0.113.9"}, extra_args=arguments)
    assert home.last()["reason"] == "allow-list"
    assert "cicd_block" not in net.run("nft", "list", "ruleset").stdout
    assert home.admin("--list") == ""
    *targets, total = map(json.loads, home.admin("--report").splitlines())
    assert [(one["target"], one["times"], one["rules"]) for one in targets] == [
        ("198.51.100.7", 2, ["112313", "112315"]),
        ("198.51.100.8", 1, ["112313"]),
    ]
    assert (total["targets"], total["times"], total["refused"]) == (2, 3, {"allow-list": 1})


def test_what_was_blocked_before_ends_while_observing(home):
    home.add({"srcip": "198.51.100.7"})
    home.configure("observe = yes\n")
    home.delete({"srcip": "198.51.100.7"})
    assert home.last()["result"] == "done"
    assert home.admin("--list") == ""


@pytest.mark.parametrize("word", ["observe=maybe", "observe=", "internal=1", "internal=YES"])
def test_a_word_that_is_neither_yes_nor_no_is_refused(word, home):
    home.add({"srcip": "198.51.100.7"}, extra_args=(word,))
    assert home.last()["reason"] == "arguments"


def test_the_report_believes_no_file_of_others(home):
    home.configure("observe = yes\n")
    home.add({"srcip": "198.51.100.7"})
    log = home.folder / "logs/cicd/response.log"
    log.chmod(0o666)
    assert "permissions" in home.admin("--report", check=False)
    log.unlink()
    log.symlink_to("/etc/passwd")
    assert "198.51.100.7" not in home.admin("--report", check=False)


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.7.7", "100.64.0.9", "fd12::7", "2002:a01:203::1"])
def test_an_internal_address_needs_the_sites_word(address, home):
    assert home.add({"srcip": address}).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "internal")
    assert "internal" in home.admin("--check", address, check=False)
    assert home.add({"srcip": address}, extra_args=("internal=no",)).said == ""
    assert home.add({"srcip": address}, extra_args=("internal=yes", "timeout=60")).said
    assert home.last()["result"] == "done"
    # What the binding allowed stays blocked, though the configuration says nothing of it.
    home.admin("--reconcile")
    assert json.loads(home.admin("--list"))["address"] == address
    home.admin("--unblock", "all")
    home.configure("block_internal = yes\n")
    assert home.add({"srcip": address}).said
    assert home.last()["result"] == "done"


def test_with_that_word_gateways_managers_and_the_allow_list_stay_protected(home, net):
    net.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    net.run("ip", "addr", "add", "10.1.0.9/24", "dev", "eth0")
    for end in ("eth0", "eth1"):
        net.run("ip", "link", "set", end, "up")
    net.run("ip", "route", "add", "default", "via", "10.1.0.1")
    (home.folder / "etc/ossec.conf").write_text(
        "<ossec_config><client><server><address>10.2.0.5</address></server></client></ossec_config>\n"
    )
    home.configure("block_internal = yes\nallow = 10.3.0.0/16\n")
    cases = {"10.1.0.1": "gateway", "10.1.0.9": "own-address", "10.2.0.5": "manager", "10.3.4.5": "allow-list"}
    for address, reason in cases.items():
        for form in (address, "2002:{:02x}{:02x}:{:02x}{:02x}::1".format(*map(int, address.split(".")))):
            assert home.add({"srcip": form}).said == ""
            assert (form, home.last()["reason"]) == (form, reason)
    assert home.add({"srcip": "10.1.0.77"}).said
