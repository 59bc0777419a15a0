"""One installation at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.install.tree import Tree


@contextmanager
def only_one(state: Tree, fix: str) -> Iterator[None]:
    """An advisory lock in the folder ``state`` that the kernel frees when we end, however we end.

    Args:
        state: made when it is not there.
        fix: what to do when the folder cannot be used.

    Raises:
        InstallError: it cannot be used, or another installation is at work.
    """
    try:
        state.make()
        with state.folder() as folder:
            handle = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        raise InstallError(f"{state.shown()}: {error.strerror}; {fix}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InstallError(f"{state.shown('lock')}: another installation is at work; wait for it") from error
        yield
    finally:
        os.close(handle)
