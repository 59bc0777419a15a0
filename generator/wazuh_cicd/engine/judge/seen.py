"""What ``<if_fts/>`` and ``<check_diff/>`` remember: keys that came before, the last text of each rule and agent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.decoderdefinition import FTS_LOCATION, FTS_NAMES, FTS_STATICS

if TYPE_CHECKING:
    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition

    # Last log by rule and host.
    Texts = dict[tuple[int, bytes], bytes]

# A first-time-seen key is cut to this length.
MAX_FTS_KEY = 255

# What stands before the text that ``check_diff`` compared with.
_PREVIOUS_OUTPUT = b"Previous output:"

# Similarity test of first-time-seen keys of ``ids`` decoders: analysisd.fts_list_size and fts_min_size_for_str.
_FTS_RECENT = 32
_FTS_SIMILAR = 14
_FTS_SIMILAR_MAX = 2


def fts_key(decoder: DecoderDefinition | None, event: Event) -> bytes | None:
    """Return what ``<if_fts/>`` remembers of an event; None when its decoder has no ``<fts>``, or it has no decoder."""
    if decoder is None or not decoder.fts:
        return None
    parts = [decoder.name.encode("utf-8", "surrogateescape")]
    parts += [event.statics.get(name, b"") if name in decoder.fts else b"" for name in FTS_STATICS]
    parts.append(event.location.encode("utf-8", "surrogateescape") if FTS_LOCATION in decoder.fts else b"")
    for name in decoder.order:
        if name in decoder.fts and name not in FTS_NAMES:
            parts.append(event.field(name.lower().encode("utf-8", "surrogateescape")) or b"")
    return b" ".join(parts)[:MAX_FTS_KEY]


def _common_prefix(one: bytes, other: bytes) -> int:
    size = min(len(one), len(other))
    for index in range(size):
        if one[index] != other[index]:
            return index
    return size


class Seen:
    """What one session has seen.

    Attributes:
        previous: what the alert shows as ``previous_output``: logs that the composites which fired on the event have
            counted, newest first, or what ``check_diff`` compared with.
        previous_log: what ``check_diff`` compared with last.
    """

    __slots__ = ("_keys", "_recent", "_texts", "previous", "previous_log")

    def __init__(self, texts: Texts | None = None) -> None:
        """Start with nothing.

        Args:
            texts: what ``check_diff`` remembers. A manager keeps it on disk, so that all sessions share it.
        """
        self.previous: list[bytes] = []
        self.previous_log: bytes | None = None
        self._keys: set[bytes] = set()
        self._recent: deque[bytes] = deque(maxlen=_FTS_RECENT)
        self._texts: Texts = {} if texts is None else texts

    def begin_event(self) -> None:
        """Forget what the alert of the event before shows."""
        self.previous = []
        self.previous_log = None

    def is_first(self, event: Event) -> bool:
        """Whether the event's key is new; it is known from now on. Events of decoders without ``fts`` are never new."""
        info = event.decoder_info
        key = fts_key(info, event)
        if info is None or key is None or key in self._keys:
            return False
        if info.category == "ids":
            similar = sum(_common_prefix(known, key) > _FTS_SIMILAR for known in self._recent)
            if similar > _FTS_SIMILAR_MAX:
                key = key[:_FTS_SIMILAR]
            self._recent.append(key)
            if key in self._keys:
                return False
        self._keys.add(key)
        return True

    def differs(self, rule_id: int, event: Event) -> bool:
        """Whether the log differs from the last one that the rule saw from this host; the first one does not.

        Args:
            rule_id: the rule's.
            event: with its log.
        """
        host = _folder_of(event.hostname)
        if host is None:
            return False
        key = (rule_id, host)
        before = self._texts.get(key)
        if before == event.log:
            return False
        self._texts[key] = event.log
        if before is None:
            return False
        self.previous = [_PREVIOUS_OUTPUT, before]
        self.previous_log = before
        return True


def _folder_of(hostname: bytes) -> bytes | None:
    """Return where the manager keeps the texts of a host; None where it cannot make the folder, and keeps nothing."""
    if hostname.startswith(b"("):
        hostname = hostname[1:].partition(b")")[0]
    parts = [part for part in hostname.split(b"/") if part not in {b"", b"."}]
    return b"/".join(parts) if len(parts) <= 1 else None
