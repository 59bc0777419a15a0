"""One installation at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_one(state: Path, mend: str) -> Iterator[None]:
    """An advisory lock in the folder ``state`` that the kernel frees when we end, however we end.

    Args:
        state: made when it is not there.
        mend: what to do when the folder cannot be used.

    Raises:
        InstallError: it cannot be used, or another installation is at work.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InstallError(f"{state}: {error.strerror}; {mend}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InstallError(f"{state / 'lock'}: another installation is at work; wait for it") from error
        yield
    finally:
        os.close(handle)
