"""``<accumulate/>``: events of one host and id complete each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_cicd.engine.decode.event import Event

# The fields that are gathered, and how long they are kept after the last event, in seconds.
_GATHERED = ("dstuser", "srcuser", "dstip", "srcip", "dstport", "srcport", "data")
_SECONDS = 120
_CAPACITY = 1024


class Accumulator:
    """What one session has gathered."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        """Start with nothing."""
        self._known: dict[tuple[bytes, str, bytes], tuple[float, dict[str, bytes]]] = {}

    def complete(self, event: Event) -> None:
        """Complete an event of a decoder that accumulates with fields of earlier ones of its host and id."""
        info, number = event.decoder_info, event.statics.get("id")
        if info is None or not info.accumulate or number is None:
            return
        key = (event.hostname, info.name, number)
        since, known = self._known.pop(key, (event.time, {}))
        if event.time - since > _SECONDS:
            known = {}
        for name in _GATHERED:
            if event.statics.get(name):
                known.setdefault(name, event.statics[name])
            elif name in known:
                event.statics[name] = known[name]
        if len(self._known) >= _CAPACITY:
            self._known.pop(next(iter(self._known)))
        self._known[key] = (event.time, known)
