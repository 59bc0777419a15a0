"""Finding the first root decoder that takes an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns.osregex import OsRegex
from wazuh_cicd.engine.patterns.perl import PerlPattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.engine.decode.decoder import Decoder
    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.patterns import Pattern

# Programs for which the choice of roots is remembered; an attacker who invents names only empties the memory.
_REMEMBERED = 1024


class RootIndex:
    """The two lists of roots, prepared for lookups."""

    __slots__ = ("_by_byte", "_by_program", "_others", "_programs")

    def __init__(self, programs: Sequence[Decoder], others: Sequence[Decoder]) -> None:
        """Prepare the lists."""
        self._programs = tuple(programs)
        self._others = tuple(others)
        self._by_program: dict[bytes, tuple[Decoder, ...]] = {}
        # For each first byte of a log in lower case (256: of an empty log) the roots that may take it.
        self._by_byte: dict[int, tuple[Decoder, ...]] = {}

    def find(self, event: Event) -> tuple[Decoder, int] | None:
        """Return the first root that takes the event, and the position behind its prematch."""
        log = event.log
        program = event.program_name
        lowered = event.log_lower
        for root in self._of_byte(lowered[0] if lowered else 256) if program is None else self._of_program(program):
            prematch = root.prematch
            if prematch is None:
                return root, 0
            match = prematch.search_folded(lowered, log) if type(prematch) is OsRegex else prematch.search(log)
            if match is not None:
                return root, event.behind(match.end)
        return None

    def _of_byte(self, byte: int) -> tuple[Decoder, ...]:
        known = self._by_byte.get(byte)
        if known is None:
            for root in self._others:
                root.compile()
            known = self._by_byte[byte] = tuple(root for root in self._others if _may_start(root.prematch, byte))
        return known

    def _of_program(self, program: bytes) -> tuple[Decoder, ...]:
        known = self._by_program.get(program)
        if known is None:
            known = tuple(root for root in self._programs if root.program_name and root.program_name.test(program))
            for root in known:
                root.compile()
            if len(self._by_program) >= _REMEMBERED:
                self._by_program.clear()
            self._by_program[program] = known
        return known


def _may_start(prematch: Pattern | None, byte: int) -> bool:
    firsts = prematch.first_bytes if isinstance(prematch, (OsRegex, PerlPattern)) else None
    return firsts is None or byte in firsts
