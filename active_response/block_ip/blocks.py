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
    if not before and not admin:
        check_minute(ledger, config, address)
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


def check_minute(ledger: Ledger, config: Config, address: Address) -> None:
    """Refuse one more new block when there were as many within a minute as the administrator allows, or of one network.

    Whoever has very many addresses must not use up what is meant for others. Only once half of it is used, because
    looking at them costs a few milliseconds. Raises Refused.
    """
    recent = ledger.recent()
    if recent >= config.max_new_per_minute:
        raise Refused("ceiling-minute", "%d new blocks within a minute" % config.max_new_per_minute)
    share = max(5, config.max_new_per_minute // 4)
    if recent >= share and recent * 2 >= config.max_new_per_minute:
        around = neighbourhood(address)
        now = ledger.clock.mono
        near = [
            record
            for _, record in ledger.records()[0]
            if now - (record.ends_mono - record.timeout * 1000) < 60000 and contains(around, record.address)
        ]
        if len(near) >= share:
            raise Refused("ceiling-minute", "%d new blocks of %s within a minute" % (len(near), around))


def neighbourhood(address: Address) -> Address:
    """Return the network around an address that one party may have all of: a /24, or a /48 of IPv6."""
    length = 24 if address.family == 4 else 48
    return Address(address.packed[: length // 8] + b"\0" * (len(address.packed) - length // 8), length)


def block_many(ledger: Ledger, firewall: Backend, addresses: "list[Address]", milliseconds: int) -> int:
    """Block many for an administrator in one transaction of the firewall: all of them, or none. Raises Failed.

    A network inside of another one, of this call or blocked already, is merged into that, with the longer time of the
    two: a set of networks holds no two that overlap. Return how many entries it took.
    """
    items = fold(dict.fromkeys(addresses, milliseconds))
    networks = {address: left for address, left in items.items() if not address.single}
    held: "dict[Address, int]" = {}
    if networks:
        living = [record for _, record in ledger.records()[0]]
        held = {record.address: record.left(ledger.clock) for record in living if not record.address.single}
        merged = fold(
            {address: max(networks.get(address, 0), held.get(address, 0)) for address in {**held, **networks}}
        )
        items = {address: left for address, left in items.items() if address.single}
        items.update((address, left) for address, left in merged.items() if left > held.get(address, 0))
        held = {address: left for address, left in held.items() if address not in merged}
    undo: "list[tuple[int, Record | None, Record | None]]" = []
    for address in held:
        at, before = ledger.find(address)
        if before:
            ledger.drop(at, before)
            undo.append((at, before, None))
    for address, left in items.items():
        at, before = ledger.find(address)
        record = Record(address)
        record.backend = firewall.number
        record.admin = 1
        record.added = ledger.clock.wall // 1000
        record.count = before.count + 1 if before else 1
        record.end_in(max(left, before.left(ledger.clock) if before else 0), ledger.clock)
        items[address] = record.left(ledger.clock)
        ledger.put(at, record, before)
        undo.append((at, before, record))
    code = 0
    if held:
        code = firewall.build([(one.address, one.left(ledger.clock)) for _, one in ledger.records()[0]])
    elif items:
        code = firewall.put(list(items.items()))
    if code:
        for at, before, written in reversed(undo):
            if before:
                ledger.put(at, before, written)
            elif written:
                ledger.drop(at, written)
        raise Failed("set-full" if code == errno.ENFILE else "firewall", os.strerror(code))
    return len(items)


def fold(items: "dict[Address, int]") -> "dict[Address, int]":
    """Return addresses and networks with their times, each that lies inside of another merged into that."""
    folded: "dict[Address, int]" = {}
    outer: "Address | None" = None
    for address in sorted(items, key=lambda one: (one.family, one.packed, one.length)):
        if outer is not None and contains(outer, address):
            folded[outer] = max(folded[outer], items[address])
        else:
            outer = address
            folded[outer] = items[address]
    return folded


def contains(network: Address, address: Address) -> bool:
    """Whether an address or network lies inside of a network, or is the same."""
    if network.family != address.family or network.length > address.length:
        return False
    spare = len(network.packed) * 8 - network.length
    return int.from_bytes(network.packed, "big") >> spare == int.from_bytes(address.packed, "big") >> spare


def unblock(ledger: Ledger, firewall: Backend, address: Address, *, admin: bool = False) -> bool:
    """Unblock one address; return whether it was blocked. Raises Refused, Failed."""
    at, record = ledger.find(address)
    if record and record.admin and not admin:
        raise Refused("administrator", "blocked by the administrator")
    if record:
        ledger.drop(at, record)
    elif not address.single:
        return False  # it may be a part of another network that is
    code = firewall.remove([address])
    if code:
        raise Failed("firewall", os.strerror(code))
    return record is not None
