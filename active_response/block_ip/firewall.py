"""The first back end that works here, holding what the ledger holds."""

import errno
import posix as os

from active_response.block_ip.addresses import Address, Networks
from active_response.block_ip.backend import CHAINS, Backend, Unavailable, chains_for
from active_response.block_ip.config import Config
from active_response.block_ip.ipset import Ipset
from active_response.block_ip.ledger import Ledger
from active_response.block_ip.netlink import Netlink
from active_response.block_ip.nft import Nft
from active_response.block_ip.record import Record
from active_response.common.home import Home
from active_response.common.log import finish
from active_response.common.refusal import Failed

BACKENDS: "tuple[type[Backend], ...]" = (Netlink, Nft, Ipset)


def open_firewall(ledger: Ledger, config: Config, networks: "Networks | None") -> Backend:
    """Return the first back end that works here, with everything the ledger holds in place.

    A table that is not there or not whole (first run, reboot, flushed by somebody) is built anew from the ledger.
    Raises Failed with what each back end said when none works.
    """
    said: "list[str]" = []
    for backend in BACKENDS:
        if config.backend in ("auto", backend.name):
            try:
                firewall = backend()
                if not isinstance(firewall, Ipset):
                    firewall.chains = chains_for(config.ingress)
                firewall.rebuilt = "" if ledger.boot == ledger.clock.boot else "reboot" if ledger.boot else "first-run"
                if not firewall.rebuilt and not firewall.healthy():
                    firewall.rebuilt = "damaged"
                if firewall.rebuilt:
                    restore(ledger, firewall, networks)
            except (Unavailable, OSError) as error:
                said.append(str(error))
            else:
                return firewall
    raise Failed("no-firewall", "; ".join(said))


def ready_firewall(home: Home, ledger: Ledger, config: Config, networks: "Networks | None") -> Backend:
    """Return ``open_firewall``'s answer; tell in the log when it had to build the table, or the ledger elsewhere."""
    firewall = open_firewall(ledger, config, networks)
    if ledger.lack and ledger.created:
        entry = {"response": home.response, "action": "rebuild", "result": "failed", "reason": "ledger"}
        finish(home, 0, dict(entry, detail=ledger.lack + "; kept in memory, so blocks go on"))
    if firewall.rebuilt:
        uncovered = firewall.uncovered
        detail = "ingress_device %s: %s" % (", ".join(config.ingress), uncovered) if uncovered else ""
        finish(
            home,
            0,
            {
                "response": home.response,
                "action": "rebuild",
                "result": "failed" if uncovered else "done",
                "reason": "firewall" if uncovered else firewall.rebuilt,
                "detail": detail,
                "backend": firewall.name,
                "blocks": str(ledger.total()),
            },
        )
    return firewall


def restore(ledger: Ledger, firewall: Backend, networks: "Networks | None") -> None:
    """Make the firewall hold what the ledger holds.

    Times go on where they stood; after a reboot the wall clock tells how long the machine was away, and no block gets
    more time than it was given. What is protected by now is dropped. May be killed anywhere and begun again.
    Raises Unavailable: a kernel without what we need says so when the table is built, not before.
    """
    clock = ledger.clock
    if not ledger.boot and isinstance(firewall, Netlink):
        adopt(ledger, firewall)
    living, ended = ledger.records()
    if networks:
        ended += [at for at, record in living if networks.reason(record.address) and not record.admin]
        gone = set(ended)
        living = [(at, record) for at, record in living if at not in gone]
    build_table(firewall, [(record.address, record.left(clock)) for _, record in living])
    for at in ended:
        ledger.clear(at)
    for at, record in living:
        if record.boot != clock.boot or record.backend != firewall.number:
            timeout = record.timeout
            record.end_in(record.left(clock), clock)
            record.timeout = timeout
            record.backend = firewall.number
            ledger.write(at, record)
    ledger.rebuild_counts([record for _, record in living])


def build_table(firewall: Backend, items: "list[tuple[Address, int]]") -> None:
    """Put our table in place with these elements. Raises Unavailable; Failed when they are too many."""
    code = firewall.build(items)
    if code and code != errno.ENFILE and len(firewall.chains) > len(CHAINS):
        # Better without the devices than not at all; `ready_firewall` says so, each time.
        firewall.uncovered = os.strerror(code)
        firewall.chains = CHAINS
        code = firewall.build(items)
    if code == errno.ENFILE:
        raise Failed("set-full", firewall.name)
    if code:
        raise Unavailable("%s: %s" % (firewall.name, os.strerror(code)))


def adopt(ledger: Ledger, firewall: Netlink) -> None:
    """Write down which single addresses the kernel blocks, and no others: the ledger is new, or was out of reach."""
    try:
        present = firewall.present()
    except OSError:
        return  # no table: a host that never blocked anything
    for at, record in ledger.records()[0]:
        if record.address.single and record.address not in present:
            ledger.clear(at)
    for address, left in present.items():
        at, before = ledger.find(address)
        if address.single and not before:
            record = Record(address)
            record.backend = firewall.number
            record.added = ledger.clock.wall // 1000
            record.end_in(left, ledger.clock)
            ledger.write(at, record)
