"""Comparing firewall and ledger, and looking the managers' names up."""

import _socket
import posix as os

from active_response.block_ip.addresses import Address, Networks
from active_response.block_ip.backend import Backend, Unavailable
from active_response.block_ip.firewall import restore
from active_response.block_ip.ledger import Ledger
from active_response.block_ip.netlink import Netlink
from active_response.block_ip.protected import (
    NAMES,
    SERVER,
    asked_servers,
    manager_words,
    protect_text,
    read_ossec_conf,
    remembered,
)
from active_response.common.files import open_state, replace_file
from active_response.common.home import Home
from active_response.common.log import finish
from active_response.common.refusal import Failed


def reconcile(home: Home, ledger: Ledger, firewall: Backend, networks: Networks) -> int:
    """Compare firewall and ledger, and build the table anew when they differ; say so in the log only then."""
    clock = ledger.clock
    living, _ = ledger.records()
    expected: "dict[Address, int]" = {}
    for _, record in living:
        key = record.address if record.address.single else Address(record.address.packed, -1)
        expected[key] = record.left(clock)
    present = firewall.present() if isinstance(firewall, Netlink) else None
    protected = [record for _, record in living if networks.reason(record.address) and not record.admin]
    if protected:
        detail = "%d protected by now" % len(protected)
    elif present is None:
        # These back ends cannot tell cheaply what they hold: put all of it in place again, and keep silent.
        try:
            restore(ledger, firewall, networks)
        except Unavailable as error:
            raise Failed("firewall", str(error)) from None
        return 0
    else:
        detail = difference(expected, present)
        if not detail:
            return 0
    entry = {"response": home.response, "action": "reconcile", "result": "done", "detail": detail}
    try:
        restore(ledger, firewall, networks)
    except Unavailable as error:
        entry.update(result="failed", reason="firewall", detail="%s; %s" % (detail, error))
    entry.update(backend=firewall.name, blocks=str(ledger.total()))
    return finish(home, 1 if entry["result"] == "failed" else 0, entry)


def difference(expected: "dict[Address, int]", present: "dict[Address, int]") -> str:
    """Return how what the firewall holds differs from the ledger, both in milliseconds left; an empty string if not."""
    missing = [key for key, left in expected.items() if left > 2000 and key not in present]
    stale = [key for key, left in present.items() if left > 2000 and key not in expected]
    late = [key for key, left in present.items() if left > expected.get(key, left) + 2000]
    if not (missing or stale or late):
        return ""
    return "%d missing, %d stale, %d too long" % (len(missing), len(stale), len(late))


def resolve_managers(home: Home) -> int:
    """Look up the managers that ossec.conf names by host, for `managers` to use. Takes as long as DNS takes.

    What is known of a name that cannot be looked up just now stays. Return 0. Raises OSError, Refused.
    """
    words = manager_words(read_ossec_conf(home))
    lines: "list[str]" = []
    scratch = Networks()
    for word in words:
        if protect_text(scratch, word, "manager"):
            continue
        try:
            found = _socket.getaddrinfo(word, 1514, 0, _socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            lines += ["%s %s" % (address, word.lower()) for address in remembered(home, word.lower())]
            continue
        lines += ["%s %s" % (str(entry[4][0]).partition("%")[0], word.lower()) for entry in found]
    lines += ["%s %s" % (address, SERVER) for address in asked_servers() or remembered(home, SERVER)]
    folder = open_state(home.state)
    try:
        replace_file(folder, NAMES, ("\n".join(lines) + "\n").encode("utf-8", "replace"))
    finally:
        os.close(folder)
    return 0
