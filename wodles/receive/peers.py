"""Whom a request comes from, and how much each may ask for in a minute."""

import ipaddress
from typing import Dict, List, Tuple

from wodles.receive.config import Network

PEERS = 20000  # that are counted one by one; later ones of the minute are counted together


def plain_address(text: str) -> str:
    """Return an address without its zone, an IPv4 one in the clothes of IPv6 as what it is; empty when it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def is_within(text: str, networks: Tuple[Network, ...]) -> bool:
    """Say whether an address lies in one of the networks."""
    address = ipaddress.ip_address(text)
    return any(address in network for network in networks)


def real_peer(address: str, forwarded: bytes, proxies: Tuple[Network, ...]) -> str:
    """Return who sent a request: the connection's other end, or whom a trusted proxy names.

    Each proxy appends whom it heard; so it is the last address of ``X-Forwarded-For`` that is not a trusted proxy's.
    What stands before it was written by the sender.
    """
    if not forwarded or not proxies or not is_within(address, proxies):
        return address
    for text in reversed(forwarded.decode("latin-1").split(",")):
        named = plain_address(text.strip())
        if not named:
            return address
        if not is_within(named, proxies):
            return named
        address = named
    return address


def counted_as(peer: str) -> str:
    """Return what a peer is counted as: its address, or of IPv6 the /64, in which anybody has as many as he likes."""
    if ":" not in peer:
        return peer
    return str(ipaddress.ip_network(peer + "/64", strict=False))


class Counts:
    """Requests and refusals of each peer in this minute."""

    def __init__(self, requests: int, refusals: int) -> None:
        """Take what one peer may do in a minute."""
        self.requests = requests
        self.refusals = refusals
        self._peers: Dict[str, List[int]] = {}

    def begin(self) -> None:
        """Begin a new minute."""
        self._peers.clear()

    def _of(self, peer: str) -> List[int]:
        found = self._peers.get(peer)
        if found is None:
            if len(self._peers) >= PEERS:
                peer = ""
            found = self._peers.setdefault(peer, [0, 0])
        return found

    def allowed(self, peer: str) -> bool:
        """Count a request; False when it is one too many."""
        found = self._of(peer)
        found[0] += 1
        return found[0] <= self.requests

    def refused(self, peer: str) -> bool:
        """Count a refusal; False when it is one too many.

        It is never a reason to refuse what is proved: anybody can have a forge send to us, from the addresses that the
        deliveries of others come from, too.
        """
        found = self._of(peer)
        found[1] += 1
        return found[1] <= self.refusals
