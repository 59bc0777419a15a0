"""Files of the administrator's: small, plain, and changed by nobody else."""

import os
import stat
from typing import List

from wodles.receive.errors import RefusedError


def read_own_file(path: str, limit: int, what: str, *, secret: bool = False) -> str:
    """Return the text of a file that only root, or we, can change; a secret, only when not everybody can read it.

    It is checked after it was opened, and a pipe in its place does not hold us.

    Raises:
        RefusedError: permissions, or configuration.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or "no path"
        raise RefusedError("configuration", "%s: %s: %s" % (what, path, reason)) from None
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode):
            raise RefusedError("permissions", "%s is not a plain file: %s" % (what, path))
        if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
            raise RefusedError("permissions", "%s can be written by others: %s" % (what, path))
        if secret and info.st_mode & 0o007:
            raise RefusedError("permissions", "%s can be read by everybody: %s" % (what, path))
        parts: List[bytes] = []
        while limit >= 0:
            part = os.read(file, 65536)
            if not part:
                break
            parts.append(part)
            limit -= len(part)
        if limit < 0:
            raise RefusedError("configuration", "%s is too long: %s" % (what, path))
        return b"".join(parts).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or "not UTF-8"
        raise RefusedError("configuration", "%s: %s: %s" % (what, path, reason)) from None
    finally:
        os.close(file)
