"""CDB lists: the text form and the lookups of ``<list>``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class CdbList:
    """A compiled list.

    Attributes:
        entries: value by key; letter case counts.
    """

    entries: Mapping[bytes, bytes]
    _longest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note how long a key can be: no longer beginning of a value needs to be looked up."""
        object.__setattr__(self, "_longest", max(map(len, self.entries), default=0))

    @classmethod
    def parse(cls, data: bytes) -> CdbList:
        """Read the text form: ``key:value``, one a line.

        There are no comments and nothing is trimmed. Quotes protect a key or a value that contains colons. A line
        without colon, or with a quote that is not closed, is no entry. The first of several equal keys counts.
        """
        entries: dict[bytes, bytes] = {}
        for line in data.split(b"\n"):
            entry = parse_line(line.replace(b"\r", b"").partition(b"\0")[0])
            if entry is not None:
                entries.setdefault(*entry)
        return cls(entries)

    def lookup(self, kind: str, value: bytes, check: Callable[[bytes], bool] | None = None) -> bool:
        """Whether a value that an event has passes the test ``kind`` of a ``<list>``.

        Args:
            kind: the ``lookup`` attribute, in lower case.
            value: of the event's field.
            check: test of ``check_value``; None when the attribute is missing.
        """
        if kind == "match_key":
            return value in self.entries
        if kind == "not_match_key":
            return value not in self.entries
        if kind == "match_key_value":
            found = self.entries.get(value)
            return found is not None and check is not None and check(found)
        if kind == "address_match_key":
            return self.address(value) is not None
        if kind == "not_address_match_key":
            return self.address(value) is None
        # address_match_key_value has its sense inverted in 4.14, and so it is here.
        found = self.address(value)
        return found is None or check is None or not check(found)

    def address(self, value: bytes) -> bytes | None:
        """The entry for the whole value, else for its longest prefix that ends in a dot."""
        entries = self.entries
        found = entries.get(value)
        if found is not None:
            return found
        end = value.rfind(b".", 0, max(0, min(len(value) - 1, self._longest)))
        while end >= 0:
            found = entries.get(value[: end + 1])
            if found is not None:
                return found
            end = value.rfind(b".", 0, end)
        return None


def parse_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Key and value of one line without its end; None when analysisd takes no entry from it."""
    quote = line.find(b'"')
    colon = line.find(b":")
    if quote >= 0 and (colon < 0 or quote < colon):
        closing = line.find(b'"', quote + 1)
        if closing < 0:
            return None
        key = line[quote + 1 : closing]
        colon = line.find(b":", closing)
    else:
        key = line[:colon] if colon >= 0 else line
    if colon < 0:
        return None
    value = line[colon + 1 :]
    if b'"' in value:
        pieces = value.split(b'"', 2)
        if len(pieces) < 3:
            return None
        value = pieces[1]
    return key, value
