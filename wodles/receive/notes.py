"""What the receiver says of itself: a minute's numbers, refusals, losses, silence, start and end."""

import time
from typing import Any, Dict, List, Optional, Set, Tuple

from wodles.receive.config import Endpoint
from wodles.receive.lines import encode

REFUSALS_SAID = 30  # events about refusals in a minute; the rest is in the minute's numbers
LOSSES_SAID = 60
SIGNATURE_REASONS = ("signature_missing", "signature_invalid", "token_missing", "token_invalid")


def own_line(event: str, fields: Dict[str, Any]) -> bytes:
    """Return one event of the receiver about itself, with its line's end."""
    about: Dict[str, Any] = {"event": event}
    about.update({key: str(value) for key, value in fields.items() if value not in ("", None)})
    return encode({"integration": "cicd-receive", "receive": about}) + b"\n"


class Notes:
    """Counts for the minute's event, and what was said in this minute."""

    def __init__(self, endpoints: Tuple[Endpoint, ...], now: float) -> None:
        """Begin to count."""
        self.began = now
        self.total: Dict[str, int] = {}
        self._minute: Dict[str, int] = {}
        self._said: Set[Tuple[str, str, str]] = set()
        self._losses = 0
        self._heard: Dict[str, float] = {}
        self._silent: Set[str] = set()
        self.watch(endpoints, now)

    def watch(self, endpoints: Tuple[Endpoint, ...], now: float) -> None:
        """Wait for these endpoints."""
        self._heard = {one.path: self._heard.get(one.path, now) for one in endpoints}
        self._silent &= set(self._heard)

    def count(self, what: str, number: int = 1) -> None:
        """Count something for the minute and for the whole run."""
        self._minute[what] = self._minute.get(what, 0) + number
        self.total[what] = self.total.get(what, 0) + number

    def refused(self, endpoint: Optional[Endpoint], reason: str, peer: str) -> bytes:
        """Count a refusal; the event about it, empty when enough was said in this minute."""
        self.count("refused")
        self.count("refused_" + reason)
        if reason in SIGNATURE_REASONS:
            self.count("signature_refused")
        if endpoint is None:
            return b""
        key = (endpoint.path, reason, peer)
        if key in self._said or len(self._said) >= REFUSALS_SAID:
            return b""
        self._said.add(key)
        if endpoint.kind == "github":
            about = {"outcome": "rejected", "reason": reason, "peer": peer}
            return encode({"integration": "cicd-github-webhook", "receiver": about}) + b"\n"
        return own_line("refused", {"source": endpoint.path[1:], "reason": reason, "peer": peer})

    def lost(self, losses: Tuple[Dict[str, str], ...]) -> bytes:
        """Return the events about what was cut from others; the number of them in a minute is bounded."""
        lines: List[bytes] = []
        for loss in losses:
            self.count("cut")
            self._losses += 1
            if self._losses <= LOSSES_SAID:
                lines.append(own_line("cut", loss))
        return b"".join(lines)

    def heard(self, endpoint: Endpoint, now: float) -> bytes:
        """Note a delivery; an event when there had been none for too long."""
        before = self._heard.get(endpoint.path, now)
        self._heard[endpoint.path] = now
        if endpoint.path in self._silent:
            self._silent.discard(endpoint.path)
            return own_line("resumed", {"source": endpoint.path[1:], "minutes": int((now - before) / 60)})
        return b""

    def silences(self, endpoints: Tuple[Endpoint, ...], now: float) -> bytes:
        """Return an event for each endpoint that has become silent; once."""
        lines = []
        for one in endpoints:
            rested = now - self._heard.get(one.path, now)
            if one.silent_minutes and rested > one.silent_minutes * 60 and one.path not in self._silent:
                self._silent.add(one.path)
                lines.append(own_line("silent", {"source": one.path[1:], "minutes": int(rested / 60)}))
        return b"".join(lines)

    def minute(self, now: float, more: Dict[str, Any]) -> bytes:
        """Return the minute's event and begin a new minute."""
        fields: Dict[str, Any] = {"received": 0, "events": 0, "refused": 0, "signature_refused": 0, "busy": 0}
        fields.update(self._minute)
        fields.update(more)
        fields["minutes_up"] = int((now - self.began) / 60)
        fields["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._minute.clear()
        self._said.clear()
        self._losses = 0
        return own_line("minute", fields)
