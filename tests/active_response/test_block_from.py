"""Blocking many by hand: duplicates and overlaps are merged, what cannot be had is named, failures reach the log."""

from __future__ import annotations

import json
import re

import pytest

from ar_kit import Home, nets

pytestmark = pytest.mark.kernel
BACKENDS = ("netlink", "nft", "ipset")
ENTRIES = """\
198.51.100.7
198.51.100.7            # again
203.0.112.0/24
203.0.112.0/24
203.0.112.64/26
203.0.112.65
::ffff:198.51.100.7
2001:db8:bad::/48
2001:db8:bad:1::/64
192.0.2.0/25
192.0.2.128/25
"""
WANTED = ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.7", "2001:db8:bad::/48", "203.0.112.0/24"]


@pytest.fixture
def net():
    with nets("host") as made:
        yield made


@pytest.fixture(params=BACKENDS)
def home(request, tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure(f"backend = {request.param}\n")
    return made


def listed(home) -> dict[str, int]:
    return {one["address"]: one["seconds_left"] for one in map(json.loads, home.admin("--list").splitlines())}


def in_kernel(home, net) -> list[str]:
    """What the firewall blocks, but for our marks."""
    if "ipset" in home.config.read_text():
        text = net.run("ipset", "list").stdout
        found = re.findall(r"^(\S+) timeout", text, re.MULTILINE)
    else:
        found = re.findall(r"[ {,]\s*([0-9a-f.:/]+) timeout", net.elements())
    return sorted(one for one in found if one not in {"255.255.255.254", "ff02::fe"})


def test_duplicates_and_overlaps_are_merged(home, net, tmp_path):
    file = tmp_path / "list"
    file.write_text(ENTRIES)
    said = home.admin("--block-from", str(file), "--timeout", "500")
    assert said == "11 blocked for 500 s\n6 of them are part of others, which have the longer time\n"
    assert sorted(listed(home)) == sorted(WANTED)
    assert in_kernel(home, net) == sorted(WANTED)
    # Once more, and with what is blocked already: nothing is an error, and the longer time stays.
    home.admin("--block-from", str(file), "--timeout", "100")
    assert set(listed(home).values()) <= set(range(495, 511))
    home.admin("--block", "203.0.112.128/25", "203.0.112.9", "--timeout", "1000")
    assert 1000 < listed(home)["203.0.112.0/24"] <= 1010
    assert "203.0.112.128/25" not in in_kernel(home, net)
    # A wider network takes the place of those inside of it, with the longest of their times.
    home.admin("--block", "203.0.112.0/23", "--timeout", "50")
    assert 1000 < listed(home)["203.0.112.0/23"] <= 1010
    assert "203.0.112.0/24" not in listed(home)
    assert sorted(set(in_kernel(home, net)) & {"203.0.112.0/23", "203.0.112.0/24"}) == ["203.0.112.0/23"]
    # What ends is what was blocked, not a part of it.
    assert "was not blocked" in home.admin("--unblock", "203.0.112.0/24", check=False)
    home.admin("--unblock", "203.0.112.0/23")
    assert not {"203.0.112.0/23", "203.0.112.0/24"} & set(in_kernel(home, net))


def test_a_longer_block_by_an_event_is_not_shortened(home):
    home.add({"srcip": "198.51.100.7"}, extra_args=("timeout=900",))
    home.admin("--block", "198.51.100.7", "--timeout", "60")
    assert 900 <= listed(home)["198.51.100.7"] <= 910


def test_each_entry_that_cannot_be_had_is_named_and_nothing_is_blocked(home, net, tmp_path):
    home.configure(home.config.read_text() + "allow = 203.0.113.0/24\n")
    file = tmp_path / "list"
    file.write_text("198.51.100.7\nnonsense\n203.0.113.9\n203.0.113.0/33\n")
    said = home.admin("--block-from", str(file), check=False)
    for text in (
        ":2: not an address or network: nonsense",
        ":3: 203.0.113.9 is never blocked: allow-list",
        ":4: not a",
    ):
        assert text in said
    assert listed(home) == {}
    last = home.last()
    assert (last["action"], last["result"], last["by"]) == ("block", "refused", "administrator")
    assert ":2: not an address" in last["detail"]


def test_failures_of_the_administrators_commands_reach_the_log(home, tmp_path):
    assert home.admin("--block-from", str(tmp_path / "absent"), check=False)
    assert (home.last()["action"], home.last()["result"]) == ("block", "failed")
    assert "absent" in home.last()["detail"]
    home.admin("--unblock", "nonsense", check=False)
    assert (home.last()["action"], home.last()["reason"]) == ("unblock", "not-an-address")
    home.configure("max_blocks = 1\n")
    home.admin("--block", "198.51.100.7", "198.51.100.8", check=False)
    assert home.last()["reason"] == "ceiling-total"
    home.config.write_text("")
    home.admin("--reconcile", check=False)
    assert (home.last()["action"], home.last()["reason"]) == ("reconcile", "configuration")
