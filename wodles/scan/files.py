"""Files of this host: who may change them, reading them, removing them."""

import json
import os
import select
import stat
import time
from typing import Any, Dict, List, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.text import clean


def trusted(info: os.stat_result) -> bool:
    """Say whether only its owner, who is root or we, may change a file."""
    return not info.st_mode & 0o022 and info.st_uid in (0, os.geteuid())


def read_trusted(path: str, what: str, limit: int) -> bytes:
    """Read at most ``limit`` bytes of a file that can hide findings: only its owner, or root, may write it.

    Raises ``ScanError`` config, with the file's name.
    """
    try:
        with open(path, "rb") as stream:
            if not trusted(os.fstat(stream.fileno())):
                raise ScanError("config", "%s: %s may be changed by others than the owner" % (clean(path, 200), what))
            return stream.read(limit)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ScanError("config", "%s: cannot read %s: %s" % (clean(path, 200), what, reason)) from None


def read_within(path: str, limit: int, seconds: float) -> bytes:
    """Read at most ``limit`` bytes; of a pipe only what its writer delivers in time.

    Raises ``ScanError`` timeout.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb") as stream:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return stream.read(limit)
        deadline = time.monotonic() + seconds
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        parts: List[bytes] = []
        while limit > 0:
            left = deadline - time.monotonic()
            if left <= 0 or not waiting.poll(left * 1000):
                raise ScanError("timeout", "the report's pipe")
            part = os.read(handle, min(limit, 1 << 20))
            if not part:
                break
            parts.append(part)
            limit -= len(part)
    return b"".join(parts)


def read_small_json(path: str) -> Dict[str, Any]:
    """Read a small JSON object; empty when there is none that can be read."""
    try:
        with open(path, "rb") as stream:
            document = json.loads(stream.read(1 << 16).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def query_sqlite(path: str, statement: str, values: Tuple[str, ...] = ()) -> List[Tuple[Any, ...]]:
    """Ask a SQLite file, which is only read; nothing when it cannot answer."""
    import sqlite3
    import urllib.parse

    try:
        connection = sqlite3.connect("file:%s?mode=ro&immutable=1" % urllib.parse.quote(path), uri=True)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []


def remove_file(path: str) -> None:
    """Remove a file, if it is there and we may."""
    try:
        os.unlink(path)
    except OSError:
        pass


def remove_tree(path: str) -> None:
    """Remove a directory and what is in it, as far as we may."""
    try:
        os.rmdir(path)  # where nothing was scanned
    except OSError:
        import shutil

        shutil.rmtree(path, ignore_errors=True)
