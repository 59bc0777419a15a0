"""What an event asks for, carried out: an address is blocked, or its block ends."""

from active_response.block_ip.addresses import Address, is_internal, parse_address
from active_response.block_ip.blocks import block, unblock
from active_response.block_ip.config import SLACK, Config
from active_response.block_ip.firewall import ready_firewall
from active_response.block_ip.ledger import Ledger
from active_response.block_ip.protected import never_block
from active_response.common.execd import Input, answer_execd, check_program, confirm
from active_response.common.home import Home
from active_response.common.refusal import Refused
from active_response.common.request import Request
from active_response.common.words import is_number, seconds_of_text


def respond(home: Home, *, dry_run: bool = False) -> "tuple[int, dict[str, str]]":
    """Carry out what execd asks on standard input. Return the exit code and the entry for the log."""

    def carry_out(request: Request, source: Input, entry: "dict[str, str]") -> None:
        if request.add:
            carry_out_add(home, request, source, entry, dry_run=dry_run)
        else:
            carry_out_delete(home, request, entry, dry_run=dry_run)

    return answer_execd(home, ("address", "timeout", "longest", "internal", "observe"), carry_out)


def address_of(request: Request, config: Config) -> Address:
    """Return the address to act on. Raises Refused when the alert has none that can be trusted."""
    paths = request.paths("address", config.fields)
    for path in paths:
        value = request.values(path)
        if value is None:
            continue
        if isinstance(value, list):
            # All but the last of a list of forwarders can be invented by the client, and the last is a proxy's.
            if len(value) != 1:
                raise Refused("not-an-address", "%s is a list of %d" % (path, len(value)))
            value = value[0]
        return parse_address(value)
    raise Refused("no-address", "the alert has none of: " + ", ".join(paths)[:256])


def seconds_of(request: Request, config: Config) -> int:
    """Return how long the kernel keeps the block: a little longer than execd, so that execd's delete finds it."""
    longest = seconds_of_text(request.arguments.get("longest"))  # of the agent's `repeated_offenders`
    return min(max(request.timeout or config.default_timeout, longest), config.max_timeout) + SLACK


def carry_out_add(home: Home, request: Request, source: Input, entry: "dict[str, str]", *, dry_run: bool) -> None:
    """Block the address of an event. Raises Refused, Failed."""
    check_program(home)
    config = Config().read(home.config)
    address = address_of(request, config)
    entry.update(address=str(address), family=str(address.family))
    request.check_origin()
    networks = never_block(home, config)
    reason = networks.reason(address)
    if reason:
        raise Refused(reason, "never blocked")
    if is_internal(address, config.nat64) and not (config.block_internal or request.says("internal")):
        raise Refused("internal", "neither block_internal nor the binding says so")
    seconds = seconds_of(request, config)
    entry["timeout"] = str(seconds)
    if dry_run or config.observe or request.says("observe"):
        entry.update(result="would", detail="block for %d s" % seconds)
        return
    confirm(home, source, str(address))
    ledger = Ledger(home)
    try:
        firewall = ready_firewall(home, ledger, config, networks)
        action, _ = block(
            ledger, firewall, config, address, seconds, rule=int(request.rule) if is_number(request.rule, 9) else 0
        )
        entry.update(action=action, result="done", backend=firewall.name, blocks=str(ledger.total()))
        entry["detail"] = "ledger in memory: " + ledger.lack if ledger.lack else ""
    finally:
        ledger.close()


def carry_out_delete(home: Home, request: Request, entry: "dict[str, str]", *, dry_run: bool) -> None:
    """Unblock the address of an event. Raises Refused, Failed."""
    try:
        config = Config().read(home.config)
    except Refused:
        config = Config()  # a broken configuration must not keep anybody blocked
    address = address_of(request, config)
    entry.update(address=str(address), family=str(address.family))
    if dry_run:
        entry.update(result="would", detail="unblock")
        return
    ledger = Ledger(home)
    try:
        firewall = ready_firewall(home, ledger, config, None)
        found = unblock(ledger, firewall, address)
        entry.update(result="done", backend=firewall.name, detail="" if found else "was not blocked")
    finally:
        ledger.close()
