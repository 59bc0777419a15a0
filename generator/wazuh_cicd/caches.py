"""Files that only save time, kept between runs.

The folder is ``$WAZUH_CICD_CACHE``, else ``$XDG_CACHE_HOME/wazuh-cicd`` (XDG Base Directory Specification), else
``~/.cache/wazuh-cicd``; each kind of file has a folder in it. A file appears at once or not at all and begins with the
hash of its content, so that several processes can use one folder: what is damaged, cut off or put there by another
account is as good as absent. A folder that cannot be written costs time, nothing else.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

# The hash in hexadecimal, and a line end.
_HEAD = sha256().digest_size * 2 + 1


def cache_folder(kind: str) -> Path:
    """Return where files of a kind lie; it need not exist."""
    named, base = os.environ.get("WAZUH_CICD_CACHE"), os.environ.get("XDG_CACHE_HOME", "")
    if named:
        return Path(named) / kind
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "wazuh-cicd" / kind


def read(path: Path) -> bytes | None:
    """Return the content of a file and mark it as used; None when there is none that can be trusted.

    Trusted is what this account or root has written, and nobody else could.
    """
    try:
        # Not to wait for a pipe that somebody put there.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    status = os.fstat(handle)
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISREG(status.st_mode) or others or status.st_uid not in {0, os.geteuid()}:
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        data = file.read()
    head, content = data[:_HEAD], data[_HEAD:]
    if head != _digest(content):
        return None
    with suppress(OSError):
        os.utime(path)
    return content


def write(path: Path, content: bytes, *, kept: int) -> None:
    """Put a file there; of its folder's files so many stay, those used longest ago go first.

    Nothing is written or removed in a folder that another account made or may change, or that is reached over a link
    of another: root, run with somebody else's ``HOME``, would do it where that account chose.
    """
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(os.lstat(path.parent.parent)):
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _is_ours(os.fstat(folder)):
                _put(folder, path.name, content)
                _keep(folder, kept)
        finally:
            os.close(folder)


def _is_ours(status: os.stat_result) -> bool:
    """Whether it is a folder of this account that nobody else may write to."""
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not others


def _put(folder: int, name: str, content: bytes) -> None:
    """A whole file in an open folder, all at once."""
    draft = f".{name}.{os.getpid()}.{token_hex(4)}"
    # Readable by its owner alone from the start.
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(content) + content)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        raise


def _keep(folder: int, kept: int) -> None:
    """Remove all but the files used last from an open folder."""
    names = [name for name in os.listdir(folder) if not name.startswith(".")]
    used = {name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime for name in names}
    for old in sorted(names, key=lambda name: used[name], reverse=True)[kept:]:
        with suppress(FileNotFoundError):
            os.unlink(old, dir_fd=folder)


def _digest(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode() + b"\n"
