"""A bar on standard error for what takes longer than two seconds; only where somebody watches."""

from __future__ import annotations

import sys
import time

_SHOWN_AFTER = 2.0
_EVERY = 0.2
_WIDTH = 30


class Bar:
    """Draws how far something is, ``[######      ] 52 %  3.1 GiB``; silent where standard error is no terminal."""

    def __init__(self, what: str, unit: str = "B") -> None:
        """Begin now.

        Args:
            what: is done, in a word or two.
            unit: ``B`` for bytes, else a word.
        """
        self._what, self._unit = what, unit
        self._begun = self._drawn = time.monotonic()
        self._shown = False
        self._wanted = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Draw, unless it was drawn a moment ago."""
        if not self._wanted:
            return
        now = time.monotonic()
        if now - self._begun < _SHOWN_AFTER or (now - self._drawn < _EVERY and done < total):
            return
        self._drawn, self._shown = now, True
        share = min(1.0, done / total) if total else 0.0
        filled = "#" * round(share * _WIDTH)
        sys.stderr.write(f"\r{self._what} [{filled:<{_WIDTH}}] {share:4.0%}  {self._amount(done)} ")
        sys.stderr.flush()

    def _amount(self, done: int) -> str:
        if self._unit != "B":
            return f"{done:,} {self._unit}"
        return f"{done / (1 << 20):,.0f} MiB"

    def end(self) -> None:
        """Take the bar away."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * 90}\r")
            sys.stderr.flush()
