"""One block begins, is prolonged, ends: ledger first, then the firewall."""

import errno
import posix as os

from active_response.block_ip.addresses import Address
from active_response.block_ip.backend import Backend
from active_response.block_ip.config import Config
from active_response.block_ip.ledger import Ledger
from active_response.block_ip.record import Record
from active_response.common.refusal import Failed, Refused


def block(
    ledger: Ledger, firewall: Backend, config: Config, address: Address, seconds: int, *, rule: int = 0, admin: int = 0
) -> "tuple[str, Record]":
    """Block one address for so many seconds. Return "add" or "refresh", and the record.

    The ledger is written first: killed in between, a block is in the ledger and put in place by the next
    reconciliation, never in the kernel alone without an end. Raises Refused at a ceiling, Failed when it did not work.
    """
    clock = ledger.clock
    at, before = ledger.find(address)
    if not before and not admin and ledger.recent() >= config.max_new_per_minute:
        raise Refused("ceiling-minute", "%d new blocks within a minute" % config.max_new_per_minute)
    if not before and ledger.total() >= config.max_blocks:
        ledger.rebuild_counts([record for _, record in ledger.records()[0]])
        if ledger.total() >= config.max_blocks:
            raise Refused("ceiling-total", "%d blocks" % config.max_blocks)
    record = Record(address)
    record.backend = firewall.number
    record.rule = rule
    record.admin = admin or (before.admin if before else 0)
    record.added = before.added if before else clock.wall // 1000
    record.count = min(before.count + 1, 0xFFFFFFFF) if before else 1
    record.end_in(max(seconds * 1000, before.left(clock) if before else 0), clock)
    ledger.put(at, record, before)
    code = firewall.put([(address, record.left(clock))])
    if code:
        if before:
            ledger.put(at, before, record)
        else:
            ledger.drop(at, record)
        raise Failed("set-full" if code == errno.ENFILE else "firewall", os.strerror(code))
    if not before and not admin:
        ledger.note_new()
    return "refresh" if before else "add", record


def block_many(ledger: Ledger, firewall: Backend, addresses: "list[Address]", milliseconds: int) -> None:
    """Block many for an administrator in one transaction of the firewall: all of them, or none. Raises Failed."""
    for address in addresses:
        at, before = ledger.find(address)
        record = Record(address)
        record.backend = firewall.number
        record.admin = 1
        record.added = ledger.clock.wall // 1000
        record.count = before.count + 1 if before else 1
        record.end_in(milliseconds, ledger.clock)
        ledger.put(at, record, before)
    code = firewall.put([(address, milliseconds) for address in addresses]) if addresses else 0
    if code:
        for address in addresses:
            at, written = ledger.find(address)
            if written:
                ledger.drop(at, written)
        raise Failed("set-full" if code == errno.ENFILE else "firewall", os.strerror(code))


def unblock(ledger: Ledger, firewall: Backend, address: Address, *, admin: bool = False) -> bool:
    """Unblock one address; return whether it was blocked. Raises Refused, Failed."""
    at, record = ledger.find(address)
    if record and record.admin and not admin:
        raise Refused("administrator", "blocked by the administrator")
    if record:
        ledger.drop(at, record)
    code = firewall.remove([address])
    if code:
        raise Failed("firewall", os.strerror(code))
    return record is not None
