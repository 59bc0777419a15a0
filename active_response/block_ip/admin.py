"""The administrator's commands: what is blocked, blocking and unblocking by hand, checks."""

import posix as os
import sys
import time

from active_response.block_ip.addresses import Address, Networks, is_internal, parse_network
from active_response.block_ip.backend import Backend
from active_response.block_ip.blocks import block_many, fold, unblock
from active_response.block_ip.config import EXAMPLE, SLACK, TIMEOUT_LIMIT, Config
from active_response.block_ip.firewall import ready_firewall
from active_response.block_ip.ledger import LEDGER, Ledger
from active_response.block_ip.protected import never_block
from active_response.block_ip.reconcile import reconcile, resolve_managers
from active_response.block_ip.record import Clock, Record
from active_response.block_ip.response import respond
from active_response.block_ip.selftest import selftest
from active_response.common.admin import add_common, answer_common, command_parser, report_errors
from active_response.common.deadline import Budget
from active_response.common.files import FILE_LIMIT, read_file
from active_response.common.home import Home
from active_response.common.jsontext import to_json
from active_response.common.log import finish
from active_response.common.refusal import Failed, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

MENTIONED = 20  # entries that an error names


def administrate(home: Home, argv: "list[str]") -> int:
    """Carry out an administrator's command; return the exit code: 0 done, 1 not done, 2 wrong use."""
    parser, only = command_parser(home, "block an address")
    only.add_argument("--list", action="store_true", help="print what is blocked, one JSON object a line")
    only.add_argument("--unblock", nargs="+", metavar="ADDRESS", help="end blocks; `all` ends every one")
    only.add_argument("--block", nargs="+", metavar="ADDRESS", help="block addresses or networks")
    only.add_argument("--block-from", metavar="FILE", help="block the addresses and networks of a file, one a line")
    only.add_argument("--check", nargs="+", metavar="ADDRESS", help="tell whether an event could block these")
    only.add_argument("--reconcile", action="store_true", help="make the firewall hold what the ledger holds")
    add_common(only)
    parser.add_argument("--timeout", type=int, default=86400, metavar="SECONDS", help="how long --block lasts (86400)")
    args = parser.parse_args(argv)
    code = answer_common(home, args, EXAMPLE, respond)
    if code is not None:
        return code
    if not 1 <= args.timeout <= TIMEOUT_LIMIT:
        parser.error("--timeout is 1 to %d seconds" % TIMEOUT_LIMIT)
    Budget.seconds = 120.0
    action = "block" if args.block or args.block_from else "unblock" if args.unblock else ""
    return report_errors(home, lambda: carry_out_command(home, args), "reconcile" if args.reconcile else action)


def carry_out_command(home: Home, args: "Namespace") -> int:
    """Return the exit code of the command. Raises Refused, Failed, OSError."""
    if args.selftest:
        return selftest(home)
    if args.check:
        return check(home, args.check)
    return change(home, args)


def check(home: Home, words: "list[str]") -> int:
    """Print for each address whether an event could block it; 1 if one could not."""
    config = Config().read(home.config)
    networks = never_block(home, config)
    code = 0
    for address in words_to_addresses(words):
        reason = networks.reason(address)
        if not reason and not config.block_internal and is_internal(address, config.nat64):
            reason = "internal, unless the binding says internal=yes"
        sys.stdout.write("%s %s\n" % (address, "never: " + reason if reason else "may be blocked"))
        code = 1 if reason else code
    return code


def change(home: Home, args: "Namespace") -> int:
    """Open the ledger for a command that reads or changes it, and print what it says when the ledger is free again."""
    used = any(os.access(folder + "/" + LEDGER, os.F_OK) for folder in (home.state, home.memory))
    if args.reconcile and not used and not os.access(home.config, os.F_OK):
        return 0  # every agent of a group runs it, and not each of them blocks
    config = Config().read(home.config)
    if args.list and not used:
        return 0
    if args.reconcile:
        # Before the ledger is locked: a name server may be slow, and no response must wait for it.
        report_errors(home, lambda: resolve_managers(home), "reconcile")
    said: "list[str]" = []
    ledger = Ledger(home)
    try:
        code = change_locked(home, args, config, ledger, said)
    finally:
        ledger.close()
        # Now, because a pipe that nobody reads would keep the ledger locked.
        sys.stdout.write("".join(line + "\n" for line in said))
    return code


def change_locked(home: Home, args: "Namespace", config: Config, ledger: Ledger, said: "list[str]") -> int:
    """Carry out a command on the ledger, which is locked meanwhile."""
    if args.list:
        said += [to_json(describe(record, ledger.clock)) for _, record in ledger.records()[0]]
        return 0
    networks = never_block(home, config)
    firewall = ready_firewall(home, ledger, config, networks)
    if args.reconcile:
        return reconcile(home, ledger, firewall, networks)
    if args.unblock:
        return unblock_all(home, ledger, firewall, args.unblock, said)
    addresses = wanted_addresses(args, networks)
    count = len(fold(dict.fromkeys(addresses, 0)))
    if ledger.total() + count > config.max_blocks:
        raise Refused("ceiling-total", "max_blocks = %d" % config.max_blocks)
    return block_all(home, ledger, firewall, addresses, args.timeout, said=said)


def wanted_addresses(args: "Namespace", networks: Networks) -> "list[Address]":
    """Return what is to be blocked by hand. Raises Refused, which names each entry that cannot be, with its line."""
    if args.block:
        words = [("", word) for word in args.block]
    else:
        lines = read_file(args.block_from, 64 * FILE_LIMIT).split("\n")
        words = [
            ("%s:%d: " % (args.block_from, at), line.partition("#")[0].strip()) for at, line in enumerate(lines, 1)
        ]
    found: "list[Address]" = []
    wrong: "list[str]" = []
    reasons: "list[str]" = []
    for place, word in words:
        if not word:
            continue
        try:
            address = parse_network(word)
        except ValueError as error:
            wrong.append("%s%s" % (place, error))
            reasons.append("not-an-address")
            continue
        reason = networks.reason(address)
        if reason:
            wrong.append("%s%s is never blocked: %s" % (place, address, reason))
            reasons.append(reason)
        found.append(address)
    if wrong:
        more = "; and %d more" % (len(wrong) - MENTIONED) if len(wrong) > MENTIONED else ""
        raise Refused(reasons[0], "; ".join(wrong[:MENTIONED]) + more)
    return found


def describe(record: Record, clock: Clock) -> "dict[str, object]":
    """Return what `--list` tells of a block."""
    return {
        "address": str(record.address),
        "seconds_left": record.left(clock) // 1000,
        "added": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.added)),
        "asked_for": record.count,
        "rule_id": str(record.rule or ""),
        "by": "administrator" if record.admin else "event",
    }


def words_to_addresses(words: "list[str]") -> "list[Address]":
    """Return what an administrator spelled. Raises Refused("not-an-address")."""
    try:
        return [parse_network(word) for word in words]
    except ValueError as error:
        raise Refused("not-an-address", str(error)) from None


def unblock_all(home: Home, ledger: Ledger, firewall: Backend, words: "list[str]", said: "list[str]") -> int:
    """End the blocks of these addresses, or of `all`; 1 when one was not blocked."""
    if words == ["all"]:
        return unblock_every_one(home, ledger, firewall, said)
    addresses = words_to_addresses(words)
    code = 0
    for address in addresses:
        found = unblock(ledger, firewall, address, admin=True)
        code = code if found else 1
        said.append("%s %s" % (address, "unblocked" if found else "was not blocked"))
        finish(
            home,
            0,
            {
                "response": home.response,
                "action": "unblock",
                "result": "done",
                "address": str(address),
                "family": str(address.family),
                "backend": firewall.name,
                "by": "administrator",
            },
        )
    return code


def unblock_every_one(home: Home, ledger: Ledger, firewall: Backend, said: "list[str]") -> int:
    """End all blocks in one transaction of the firewall."""
    living, ended = ledger.records()
    for at in ended + [at for at, _ in living]:
        ledger.clear(at)
    ledger.rebuild_counts([])
    code = firewall.build([])
    if code:
        raise Failed("firewall", os.strerror(code))
    finish(
        home,
        0,
        {
            "response": home.response,
            "action": "unblock",
            "result": "done",
            "backend": firewall.name,
            "by": "administrator",
            "count": str(len(living)),
        },
    )
    said.append("%d unblocked" % len(living))
    return 0


def block_all(
    home: Home, ledger: Ledger, firewall: Backend, addresses: "list[Address]", seconds: int, *, said: "list[str]"
) -> int:
    """Block many in one transaction of the firewall: all of them, or none."""
    entries = block_many(ledger, firewall, addresses, (seconds + SLACK) * 1000)
    finish(
        home,
        0,
        {
            "response": home.response,
            "action": "block",
            "result": "done",
            "backend": firewall.name,
            "by": "administrator",
            "count": str(len(addresses)),
            "timeout": str(seconds),
            "address": str(addresses[0]) if len(addresses) == 1 else "",
        },
    )
    said.append("%d blocked for %d s" % (len(addresses), seconds))
    if entries < len(addresses):
        said.append("%d of them are part of others, which have the longer time" % (len(addresses) - entries))
    return 0
