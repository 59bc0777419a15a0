"""Trying what a response needs, on the real firewall, with an address that nobody has."""

from active_response.block_ip.addresses import Networks, parse_address
from active_response.block_ip.backend import Backend, Unavailable
from active_response.block_ip.blocks import block, unblock
from active_response.block_ip.bypasses import bypasses
from active_response.block_ip.config import Config
from active_response.block_ip.firewall import ready_firewall
from active_response.block_ip.journals import open_journals
from active_response.block_ip.ledger import LEDGER, Ledger
from active_response.block_ip.protected import never_block
from active_response.block_ip.reconcile import resolve_managers
from active_response.common.admin import Attempts
from active_response.common.files import check_owner
from active_response.common.home import Home
from active_response.common.log import LOG, write_log

PROBE = "192.0.2.254"  # of TEST-NET-1, RFC 5737


def selftest(home: Home) -> int:
    """Print how each step went; return the exit code."""
    attempts = Attempts((Unavailable,))
    with attempts.step("script cannot be changed by others"):
        check_owner(home.script, "this script")
    config = Config()
    with attempts.step("configuration " + home.config):
        config = Config().read(home.config)
    with attempts.step("log " + home.logs + "/" + LOG):
        write_log(home, {"response": home.response, "action": "selftest", "result": "done"})
    with attempts.step("names of managers"):
        resolve_managers(home)
    networks = ledger = None
    with attempts.step("own addresses, gateways, managers"):
        networks = never_block(home, config)
    with attempts.step("ledger " + home.state + "/" + LEDGER):
        ledger = Ledger(home)
    if ledger is not None:
        if ledger.lack:
            attempts.said.append("WARN the ledger is in memory, until the next boot: " + ledger.lack)
        try:
            if networks is not None:
                try_firewall(home, ledger, config, networks, attempts)
        finally:
            ledger.close()
    attempts.said += bypasses(config)
    with attempts.step("what the agent reads of the journal"):
        attempts.said += open_journals(home)
    return attempts.report()


def try_firewall(home: Home, ledger: Ledger, config: Config, networks: Networks, attempts: Attempts) -> None:
    """Block the address and unblock it."""
    probe = parse_address(PROBE)
    firewall: "Backend | None" = None
    with attempts.step("firewall back end (%s)" % config.backend):
        firewall = ready_firewall(home, ledger, config, networks)
    if firewall:
        attempts.said.append("     back end in use: %s" % firewall.name)
        covered = [device for _, _, _, device in firewall.chains if device]
        attempts.said += ["     at the entry of device %s, too" % device for device in covered]
        attempts.said += ["WARN not at the entry of device %s" % one for one in config.ingress if one not in covered]
        with attempts.step("block " + PROBE):
            block(ledger, firewall, config, probe, 5, admin=1)
        with attempts.step("unblock it"):
            unblock(ledger, firewall, probe, admin=True)
    attempts.said.append("     blocks now: %d of at most %d" % (ledger.total(), config.max_blocks))
