"""Python's collector of reference cycles, and what a command loads once and keeps to its end."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def loading() -> Iterator[None]:
    """Keep the collector away from what is made meanwhile, now and later: it stays to the end of the process.

    For commands that load one ruleset and then judge events. Where several are loaded and dropped, their memory would
    not come back.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
