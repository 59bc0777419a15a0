"""Finding the first root decoder that takes an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.engine.decodermodel import Decoder
    from wazuh_cicd.engine.event import Event

# Programs for which the choice of roots is remembered; an attacker who invents names only empties the memory.
_REMEMBERED = 1024


class RootIndex:
    """The two lists of roots, prepared for lookups."""

    __slots__ = ("_by_program", "_others", "_programs")

    def __init__(self, programs: Sequence[Decoder], others: Sequence[Decoder]) -> None:
        """Prepare the lists."""
        self._programs = tuple(programs)
        self._others = tuple(others)
        self._by_program: dict[bytes, tuple[Decoder, ...]] = {}

    def find(self, event: Event) -> tuple[Decoder, int] | None:
        """Return the first root that takes the event, and the position behind its prematch."""
        program = event.program_name
        for root in self._others if program is None else self._of_program(program):
            if root.prematch is None:
                return root, 0
            match = root.prematch.search(event.log)
            if match is not None:
                return root, match.end
        return None

    def _of_program(self, program: bytes) -> tuple[Decoder, ...]:
        known = self._by_program.get(program)
        if known is None:
            known = tuple(root for root in self._programs if root.program_name and root.program_name.test(program))
            if len(self._by_program) >= _REMEMBERED:
                self._by_program.clear()
            self._by_program[program] = known
        return known
