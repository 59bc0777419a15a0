"""cicd-block-ip on a real kernel, in a network namespace: handshake, back ends, refresh, repair, ceilings, safety."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time

import pytest

from ar_kit import PYTHONS, Home, load, nets
from wazuh_cicd.drill.messages import alert, message, message5

pytestmark = pytest.mark.kernel
ATTACKER = {"srcip": "198.51.100.7"}
ATTACKER6 = {"srcip": "2001:db8:bad::7"}


@pytest.fixture
def net():
    with nets("host") as made:
        yield made


@pytest.fixture
def home(tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure(made.admin("--example-config"))
    return made


def blocked(net, name: str = "address4") -> dict[str, int]:
    """The kernel's elements but for our mark, with the seconds they expire in (0: never)."""
    done = net.run("nft", "-j", "list", "set", "inet", "cicd_block", name, check=False)
    if done.returncode:
        return {}
    found = {}
    for part in json.loads(done.stdout)["nftables"]:
        for element in part.get("set", {}).get("elem", []):
            body = element["elem"] if isinstance(element, dict) and "elem" in element else {"val": element}
            value = body["val"]
            if isinstance(value, dict):
                value = f"{value['prefix']['addr']}/{value['prefix']['len']}"
            if value not in {"255.255.255.254", "ff02::fe"}:
                found[value] = body.get("expires", 0)
    return found


@pytest.mark.parametrize("backend", ["netlink", "nft", "ipset"])
def test_add_and_delete_by_every_back_end(backend, home, net):
    home.configure(f"backend = {backend}\n")
    for data in (ATTACKER, ATTACKER6):
        outcome = home.add(data)
        assert (outcome.keys, outcome.answer, outcome.code) == ((data["srcip"],), "continue", 0), home.last()
        assert (home.last()["result"], home.last()["backend"]) == ("done", backend)
    if backend == "ipset":
        listing = net.run("ipset", "list").stdout
        assert re.search(r"198\.51\.100\.7 timeout (6[5-9]|70)", listing)
        assert "2001:db8:bad::7 timeout" in listing
        assert net.run("iptables", "-t", "raw", "-S", "PREROUTING").stdout.count("--match-set cicd_") == 2
    else:
        assert 60 <= blocked(net)["198.51.100.7"] <= 70
        assert 60 <= blocked(net, "address6")["2001:db8:bad::7"] <= 70
    for data in (ATTACKER, ATTACKER6):
        assert home.delete(data).code == 0
        assert home.delete(data).code == 0
        assert home.last()["detail"] == "was not blocked"
    time.sleep(0.02)
    if backend == "ipset":
        assert "198.51.100.7" not in net.run("ipset", "list").stdout
    else:
        assert blocked(net) == blocked(net, "address6") == {}
    assert home.admin("--list") == ""


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_add_and_delete_on_other_pythons(python, home, net):
    home.use(python)
    for data in (ATTACKER, ATTACKER6):
        assert home.add(data).keys == (data["srcip"],)
        assert home.last()["result"] == "done"
    assert 60 <= blocked(net)["198.51.100.7"] <= 70
    assert home.execd().run(b"{ not JSON \x00\n").code == 0
    assert home.last()["reason"] == "message"
    home.delete(ATTACKER)
    time.sleep(0.02)
    assert blocked(net) == {}
    for backend in ("nft", "ipset"):
        home.configure(f"backend = {backend}\n")
        home.add({"srcip": "198.51.100.8"})
        assert (home.last()["result"], home.last()["backend"]) == ("done", backend)
    said = home.admin("--selftest")
    assert "FAIL" not in said


@pytest.mark.parametrize("backend", ["netlink", "nft", "ipset"])
def test_networks_come_from_the_administrator_alone(backend, home, net):
    home.configure(f"backend = {backend}\n")
    home.admin("--block", "203.0.113.0/24", "2001:db8:bad::/48", "192.0.2.77", "--timeout", "50")
    listing = net.run("ipset", "list").stdout if backend == "ipset" else net.elements()
    assert "203.0.113.0/24" in listing
    assert "2001:db8:bad::/48" in listing
    assert home.add({"srcip": "203.0.113.0/24"}).said == ""
    assert home.last()["reason"] == "not-an-address"
    # An address inside of a blocked network is a block of its own.
    assert home.add({"srcip": "203.0.113.9"}).code == 0
    assert home.last()["result"] == "done"
    home.delete({"srcip": "192.0.2.77"})
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "administrator")
    home.admin("--unblock", "all")
    assert home.admin("--list") == ""
    assert "203.0.113" not in (net.run("ipset", "list").stdout if backend == "ipset" else net.elements())


@pytest.mark.parametrize("backend", ["auto", "nft"])
def test_without_any_back_end_it_says_so(backend, home, net):
    home.configure(f"backend = {backend}\n")
    home.prefix = (*net.prefix, "setpriv", "--bounding-set", "-net_admin")
    if subprocess.run(["setpriv", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("needs setpriv")
    outcome = home.add(ATTACKER)
    assert outcome.code == 1
    assert (home.last()["result"], home.last()["reason"]) == ("failed", "no-firewall")
    for word in ("nfnetlink", "nft", "ipset") if backend == "auto" else ("nft",):
        assert word in home.last()["detail"]
    assert home.admin("--list") == ""


def test_repetition_refreshes_the_kernels_time_and_is_one_block(home, net):
    execd = home.execd()
    assert home.add(ATTACKER, execd=execd).answer == "continue"
    time.sleep(2.2)
    assert blocked(net)["198.51.100.7"] <= 68
    assert home.add(ATTACKER, execd=execd).answer == "abort"
    assert blocked(net)["198.51.100.7"] >= 69
    assert home.last()["action"] == "refresh"
    assert json.loads(home.admin("--list"))["asked_for"] == 2
    # A shorter one does not shorten it.
    home.add(ATTACKER, extra_args=("timeout=5",))
    assert blocked(net)["198.51.100.7"] >= 68


def test_the_kernel_ends_a_block_by_itself(home, net):
    home.add(ATTACKER, extra_args=("timeout=1",))
    started = time.monotonic()
    assert blocked(net)
    time.sleep(11.5 - (time.monotonic() - started))
    assert blocked(net) == {}
    assert home.admin("--list") == ""
    home.admin("--reconcile")
    assert blocked(net) == {}


def test_timeouts_of_the_message_the_binding_and_the_configuration(home, net):
    seconds = lambda: int(home.last()["timeout"])  # noqa: E731
    home.configure("default_timeout = 100\nmax_timeout = 1000\n")
    home.add(ATTACKER, extra_args=())
    assert seconds() == 110
    home.add(ATTACKER, extra_args=("timeout=200",))
    assert seconds() == 210
    home.add(ATTACKER, extra_args=("timeout=200", "longest=700"))
    assert seconds() == 710
    home.add(ATTACKER, extra_args=("timeout=99999",))
    assert seconds() == 1010
    home.execd().run(message5("enable", {"source": {"ip": "198.51.100.8"}}, timeout=300), timeout=300)
    assert (home.last()["result"], seconds()) == ("done", 310)
    assert "198.51.100.8" in blocked(net)
    home.execd().run(message5("disable", {"source": {"ip": "198.51.100.8"}}, timeout=300))
    assert home.last()["result"] == "done"
    # Should the fields come flat.
    home.execd().run(message5("enable", {"source.ip": "198.51.100.8"}, timeout=300), timeout=300)
    assert (home.last()["result"], home.last()["address"]) == ("done", "198.51.100.8")
    home.execd().run(message5("disable", {"source.ip": "198.51.100.8"}, timeout=300))
    time.sleep(0.02)
    assert list(blocked(net)) == ["198.51.100.7"]


def test_the_address_is_found_where_each_source_has_it(home, net):
    home.add({"github": {"actor_ip": "198.51.100.1"}}, extra_args=("address=github.actor_ip", "timeout=60"))
    home.add({"github": {"actor_ip": "198.51.100.2"}, "org": "x"})
    home.add({"aws": {"sourceIPAddress": "198.51.100.3"}})
    home.add({"sourceIPs": ["198.51.100.4"]})
    home.add({"srcip": "::ffff:198.51.100.5", "github": {"actor_ip": "198.51.100.99"}})
    assert sorted(blocked(net)) == [f"198.51.100.{n}" for n in range(1, 6)]
    for data, reason in (
        ({"sourceIPs": ["198.51.100.9", "198.51.100.8"]}, "not-an-address"),
        ({"srcip": "198.51.100.9, 10.0.0.1"}, "not-an-address"),
        ({"aws": {"sourceIPAddress": "cloudtrail.amazonaws.com"}}, "not-an-address"),
        ({"other": "198.51.100.9"}, "no-address"),
        ({"srcip": {"a": "198.51.100.9"}}, "not-an-address"),
    ):
        assert home.add(data).said == ""
        assert (home.last()["result"], home.last()["reason"]) == ("refused", reason)
    assert home.add(ATTACKER, extra_args=("address=github.actor_ip",)).said == ""
    assert home.last()["reason"] == "no-address"
    assert len(blocked(net)) == 5


def test_nobody_of_our_own_is_ever_blocked(home, net, tmp_path):
    net.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    net.run("ip", "link", "set", "eth1", "up")
    net.run("ip", "addr", "add", "192.0.2.10/24", "brd", "+", "dev", "eth0")
    net.run("ip", "addr", "add", "2001:db8:1::10/64", "dev", "eth0", "nodad")
    net.run("ip", "link", "set", "eth0", "up")
    net.run("ip", "route", "add", "default", "via", "192.0.2.1")
    net.run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1")
    net.run("ip", "route", "add", "default", "via", "192.0.2.2", "table", "77")
    several = ("nexthop", "via", "192.0.2.3", "nexthop", "via", "192.0.2.4")
    multipath = net.run("ip", "route", "add", "default", *several, "table", "78", check=False).returncode == 0
    (home.folder / "etc/ossec.conf").write_text(
        "<ossec_config><client><server><address>203.0.113.20</address></server></client>"
        "<global><white_list>203.0.113.64/26</white_list></global>"
        "<cluster><nodes><node>203.0.113.21</node></nodes></cluster></ossec_config>"
    )
    allowed = tmp_path / "allow.txt"
    allowed.write_text("# offices\n203.0.113.30\n2001:db8:f00::/48\n# end\n")
    allowed.chmod(0o640)
    home.configure(f"allow = 203.0.113.128/25\nallow_file = {allowed}\n")
    cases = {
        "192.0.2.10": "own-address", "2001:db8:1::10": "own-address", "192.0.2.255": "own-address",
        "192.0.2.1": "gateway", "192.0.2.2": "gateway", "192.0.2.3": "gateway", "192.0.2.4": "gateway",
        "2001:db8:1::1": "gateway", "203.0.113.20": "manager", "203.0.113.21": "manager", "203.0.113.70": "manager",
        "203.0.113.30": "allow-list", "203.0.113.200": "allow-list", "::ffff:203.0.113.200": "allow-list",
        "2001:db8:f00::1": "allow-list", "127.0.0.1": "loopback", "64:ff9b::cb00:71c8": "allow-list",
        "169.254.169.254": "link-local", "ff02::1": "multicast", "::": "unspecified",
    }  # fmt: skip
    if not multipath:  # a kernel built without it
        del cases["192.0.2.3"], cases["192.0.2.4"]
    for address, reason in cases.items():
        assert home.add({"srcip": address}).said == "", address
        assert (address, home.last()["result"], home.last()["reason"]) == (address, "refused", reason)
        refusal = home.admin("--block", address, check=False)
        assert reason in refusal
    assert "never blocked" in home.admin("--block", "192.0.2.0/28", check=False)
    assert blocked(net) == {}
    # The list is read anew on each run.
    allowed.write_text("203.0.113.31\n# end\n")
    home.add({"srcip": "203.0.113.30"})
    assert list(blocked(net)) == ["203.0.113.30"]


def test_the_name_servers_are_never_blocked(home, net, tmp_path):
    fake = tmp_path / "resolv.conf"
    fake.write_text(
        "# x\nnameserver 203.0.113.53\nnameserver 2001:db8::53%eth0\nnameserver nonsense\nsearch example.com\n"
    )
    script = f'mount --bind {fake} /etc/resolv.conf && exec "$@"'
    home.prefix = (*net.prefix, "unshare", "-m", "sh", "-c", script, "sh")
    for address in ("203.0.113.53", "2001:db8::53"):
        assert home.add({"srcip": address}).said == ""
        assert (home.last()["result"], home.last()["reason"]) == ("refused", "dns")
    assert home.add({"srcip": "203.0.113.54"}).said
    # Somebody writes the file just now.
    home.admin("--reconcile")
    fake.write_text("")
    home.admin("--reconcile")
    assert home.add({"srcip": "203.0.113.53"}).said == ""
    assert home.last()["reason"] == "dns"


@pytest.mark.parametrize(
    ("attacker", "other"), [("2001:db8:bad:{:x}::7", "2001:db8:1::7"), ("198.51.100.{}", "192.0.2.7")]
)
def test_one_network_does_not_use_up_the_ceiling(attacker, other, home, net):
    home.configure("max_new_per_minute = 20\n")
    home.admin("--reconcile")
    for number in range(1, 16):
        home.add({"srcip": attacker.format(number)})
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-minute")
    assert len([entry for entry in home.log() if entry["action"] == "add" and entry["result"] == "done"]) == 10
    home.add({"srcip": other})
    assert home.last()["result"] == "done"


def test_ceilings_report_instead_of_blocking(home, net):
    home.configure("max_new_per_minute = 3\nmax_blocks = 5\n")
    for number in range(1, 6):
        home.add({"srcip": f"198.51.100.{number}"})
    assert len(blocked(net)) == 3
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-minute")
    home.add({"srcip": "198.51.100.1"})
    assert home.last()["action"] == "refresh"
    home.configure("max_new_per_minute = 100\nmax_blocks = 5\n")
    for number in range(4, 9):
        home.add({"srcip": f"198.51.100.{number}"})
    assert len(blocked(net)) == 5
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-total")
    assert "ceiling-total" in home.admin("--block", "203.0.113.1", check=False)
    home.delete({"srcip": "198.51.100.1"})
    home.add({"srcip": "203.0.113.1"})
    assert home.last()["result"] == "done"


def test_parallel_requests_do_not_pass_the_ceiling(home, net):
    home.configure("max_new_per_minute = 100\nmax_blocks = 4\n")
    threads = [threading.Thread(target=home.add, args=({"srcip": f"198.51.100.{number}"},)) for number in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blocked(net)) == 4
    results = sorted(entry["result"] for entry in home.log() if entry["action"] == "add")
    assert results == ["done"] * 4 + ["refused"] * 8, home.log()


DAMAGES = {
    "table deleted": ["delete", "table", "inet", "cicd_block"],
    "ruleset flushed": ["flush", "ruleset"],
    "rules flushed": ["flush", "table", "inet", "cicd_block"],
    "one chain flushed": ["flush", "chain", "inet", "cicd_block", "prerouting"],
    "set flushed": ["flush", "set", "inet", "cicd_block", "address4"],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("trigger", ["add", "delete", "reconcile"])
def test_what_somebody_flushed_is_back_at_the_next_occasion(damage, trigger, home, net):
    home.add(ATTACKER)
    home.add(ATTACKER6)
    net.run("nft", *DAMAGES[damage])
    if trigger == "add":
        home.add({"srcip": "198.51.100.8"})
    elif trigger == "delete":
        home.delete({"srcip": "198.51.100.8"})
    else:
        home.admin("--reconcile")
    assert 55 <= blocked(net)["198.51.100.7"] <= 70
    assert 55 <= blocked(net, "address6")["2001:db8:bad::7"] <= 70
    assert net.elements().count("counter packets") == 8
    assert any((entry["action"], entry.get("reason")) == ("rebuild", "damaged") for entry in home.log())


def test_single_elements_that_were_taken_out_or_put_in_are_mended(home, net):
    home.add(ATTACKER)
    home.add({"srcip": "198.51.100.8"})
    net.run("nft", "delete", "element", "inet", "cicd_block", "address4", "{ 198.51.100.7 }")
    net.run("nft", "add", "element", "inet", "cicd_block", "address4", "{ 203.0.113.66 timeout 1h }")
    home.admin("--reconcile")
    assert sorted(blocked(net)) == ["198.51.100.7", "198.51.100.8"]
    assert home.last()["detail"] == "1 missing, 1 stale, 0 too long"
    lines = len(home.log())
    home.admin("--reconcile")
    assert len(home.log()) == lines


@pytest.mark.parametrize("backend", ["nft", "ipset"])
def test_back_ends_that_cannot_tell_what_they_hold_are_mended_in_silence(backend, home, net):
    home.configure(f"backend = {backend}\n")
    home.add(ATTACKER)
    home.add({"srcip": "198.51.100.8"})
    if backend == "nft":
        net.run("nft", "delete", "element", "inet", "cicd_block", "address4", "{ 198.51.100.7 }")
        net.run("nft", "add", "element", "inet", "cicd_block", "address4", "{ 203.0.113.66 timeout 1h }")
    else:
        net.run("ipset", "del", "cicd_address4", "198.51.100.7")
        net.run("ipset", "add", "cicd_address4", "203.0.113.66", "timeout", "3600")
    lines = len(home.log())
    home.admin("--reconcile")
    listing = net.run("ipset", "list").stdout if backend == "ipset" else net.elements()
    assert "198.51.100.7" in listing
    assert "198.51.100.8" in listing
    assert "203.0.113.66" not in listing
    assert len(home.log()) == lines
    home.configure(f"backend = {backend}\nallow = 198.51.100.7\n")
    home.admin("--reconcile")
    assert "1 protected by now" in home.last()["detail"]
    assert "198.51.100.7" not in (net.run("ipset", "list").stdout if backend == "ipset" else net.elements())


def test_a_list_that_nobody_reads_holds_no_response(home, net, tmp_path):
    addresses = tmp_path / "addresses"
    addresses.write_text("\n".join(f"10.{n >> 8}.{n & 255}.1" for n in range(2000)))
    home.admin("--block-from", str(addresses))
    reader = subprocess.Popen([*home.prefix, home.script, "--list"], stdout=subprocess.PIPE)
    try:
        assert reader.stdout.read(1) == b"{"  # it writes, and more than a pipe holds
        outcome = home.add(ATTACKER)
        assert (outcome.code, home.last()["result"]) == (0, "done")
        assert outcome.seconds < 3
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.communicate()


def test_names_are_resolved_before_the_ledger_is_locked(home, monkeypatch):
    """A name server that hangs would hold every response otherwise."""
    script = load("cicd-block-ip")
    place = script.Home(str(home.script), script.NAME)
    home.add(ATTACKER)
    seen = []

    def resolve(_home):
        ledger = script.Ledger(place)  # fails when it is locked
        seen.append(ledger)
        ledger.close()

    monkeypatch.setattr(script, "resolve_managers", resolve)
    monkeypatch.setattr(script.Budget, "seconds", 0.3)
    monkeypatch.setattr(script, "START", time.monotonic())
    monkeypatch.setattr(script, "change_locked", lambda *_: 0)
    monkeypatch.setattr(script, "try_firewall", lambda *_, **__: None)
    for words in (["--reconcile"], ["--selftest"]):
        script.administrate(place, words)
    assert len(seen) == 2


def test_what_became_protected_is_released_by_reconciliation(home, net):
    home.add(ATTACKER)
    home.add({"srcip": "198.51.100.8"})
    home.configure("allow = 198.51.100.7\n")
    home.admin("--reconcile")
    assert list(blocked(net)) == ["198.51.100.8"]


def reboot(home: Home, net, tmp_path) -> None:
    """The kernel's table is gone, and there is another boot id."""
    net.run("nft", "flush", "ruleset")
    fake = tmp_path / "boot_id"
    fake.write_text("12345678-aaaa-bbbb-cccc-ddddeeeeffff\n")
    script = f'mount --bind {fake} /proc/sys/kernel/random/boot_id && exec "$@"'
    home.prefix = (*net.prefix, "unshare", "-m", "sh", "-c", script, "sh")


def test_after_a_reboot_blocks_go_on_with_the_time_they_had(home, net, tmp_path):
    home.add(ATTACKER)
    home.admin("--block", "203.0.113.0/24", "--timeout", "500")
    reboot(home, net, tmp_path)
    time.sleep(1.1)
    home.admin("--reconcile")
    assert 60 <= blocked(net)["198.51.100.7"] <= 69
    assert "203.0.113.0/24" in blocked(net, "network4")
    assert [entry["reason"] for entry in home.log() if entry["action"] == "rebuild"][-1] == "reboot"
    home.admin("--reconcile")
    home.delete(ATTACKER)
    time.sleep(0.02)
    assert blocked(net) == {}


def test_a_lost_ledger_is_written_anew_from_the_kernel(home, net):
    home.add(ATTACKER)
    home.add(ATTACKER6)
    (home.state / "block-ip.ledger").unlink()
    home.add({"srcip": "198.51.100.8"})
    assert sorted(blocked(net)) == ["198.51.100.7", "198.51.100.8"]
    listed = [json.loads(line)["address"] for line in home.admin("--list").splitlines()]
    assert sorted(listed) == ["198.51.100.7", "198.51.100.8", "2001:db8:bad::7"]


@pytest.mark.parametrize("damage", ["truncated", "zeroed", "garbage"])
def test_a_damaged_ledger_never_stops_a_block(damage, home, net):
    home.add(ATTACKER)
    path = home.state / "block-ip.ledger"
    size = path.stat().st_size
    with path.open("r+b") as file:
        if damage == "truncated":
            file.truncate(1000)
        else:
            file.write(b"\0" * size if damage == "zeroed" else b"\xa5" * size)
    assert home.add({"srcip": "198.51.100.8"}).code == 0
    assert home.last()["result"] == "done"
    assert "198.51.100.8" in blocked(net)


def test_agent_restart_in_good_order_lifts_and_by_force_keeps(home, net):
    execd = home.execd()
    home.add(ATTACKER, execd=execd)
    execd.stop()
    time.sleep(0.02)
    assert blocked(net) == {}
    home.add(ATTACKER, execd=execd)
    execd.crash()
    assert blocked(net)["198.51.100.7"] <= 70
    assert home.add(ATTACKER, execd=execd).answer == "continue"
    assert home.last()["action"] == "refresh"


def test_dry_run_and_check_change_nothing(home, net):
    line = message("add", alert(ATTACKER), extra_args=["timeout=60"])
    done = subprocess.run([*home.prefix, home.script, "--dry-run"], input=line, capture_output=True, check=True)
    assert json.loads(done.stdout)["result"] == "would"
    assert "may be blocked" in home.admin("--check", "198.51.100.7")
    assert "never: loopback" in home.admin("--check", "127.0.0.1", check=False)
    assert blocked(net) == {}
    assert home.log() == []


def test_selftest_tries_the_real_thing_and_leaves_nothing(home, net):
    said = home.admin("--selftest")
    assert "FAIL" not in said
    assert "back end in use: netlink" in said
    time.sleep(0.02)
    assert blocked(net) == {}


def test_a_broken_configuration_keeps_nobody_blocked(home, net):
    home.add(ATTACKER)
    home.configure("nonsense\n")
    home.delete(ATTACKER)
    time.sleep(0.02)
    assert blocked(net) == {}


def test_no_text_of_an_event_reaches_a_program(home, net, tmp_path):
    """With the back end that starts programs, look at every argument of every program."""
    home.configure("backend = nft\n")
    home.admin("--selftest")
    trace = tmp_path / "trace"
    home.prefix = (*net.prefix, "strace", "-f", "-qq", "-s", "4096", "-e", "trace=execve", "-o", str(trace))
    texts = ["$(touch /tmp/x)", "198.51.100.7; id", "198.51.100.7' -j ACCEPT", "198.51.100.7"]
    for text in texts:
        home.add({"srcip": text, "user": "SECRETWORD"}, execd=home.execd())
    assert "198.51.100.7" in blocked(net)
    executed = trace.read_text()
    assert "nft" in executed
    assert "SECRETWORD" not in executed
    assert "198.51.100.7" not in executed  # it travels by the program's input, printed from its bytes
    assert "touch" not in executed
