"""Files below one folder, reached by directory descriptors: no part of a path is ever followed through a link.

Some folders of a manager may be written by its own user (``etc``, ``etc/rules``, ``etc/lists``), and the installer runs
as root. So a path is not a name that is looked up again and again: each step opens the next folder with ``O_NOFOLLOW``
relative to the one before, and what is read, linked, renamed or removed is a name in an open folder (openat(2)).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import Unsafe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a pipe in the place of a file would stop us for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BITS = 0o777  # neither set-user-ID nor the like is ever carried over
_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a file.

    Attributes:
        device: of the file system.
        inode: its number there.
        owner: user id.
        group: group id.
        mode: permission bits.
        size: bytes.
        modified: nanoseconds.
        links: how many names it has.
        kind: the file type bits.
    """

    device: int
    inode: int
    owner: int
    group: int
    mode: int
    size: int
    modified: int
    links: int
    kind: int

    @classmethod
    def of(cls, status: os.stat_result) -> Facts:
        """From ``stat``."""
        return cls(
            status.st_dev,
            status.st_ino,
            status.st_uid,
            status.st_gid,
            status.st_mode & _BITS,
            status.st_size,
            status.st_mtime_ns,
            status.st_nlink,
            stat.S_IFMT(status.st_mode),
        )

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file."""
        return self.kind == stat.S_IFREG

    def same_file(self, other: Facts | None) -> bool:
        """Whether both are one file, under whatever names."""
        return other is not None and (self.device, self.inode) == (other.device, other.inode)

    def unchanged(self, other: Facts | None) -> bool:
        """Whether it is the same file, not written since."""
        same = other is not None and (self.size, self.modified) == (other.size, other.modified)
        return same and self.same_file(other)

    def writable_by_others(self, trusted: frozenset[int]) -> bool:
        """Whether a user beside the trusted ones may change it."""
        group = self.mode & 0o020 and self.group != 0
        return self.owner not in trusted or bool(group) or bool(self.mode & 0o002)


@dataclass(slots=True)
class Tree:
    """The files below a folder.

    Attributes:
        base: an existing folder, named by the administrator; links on the way to it are theirs.
        inside: the folder's path below ``base``, walked without following links.
        private: it and the folders in it must belong to us, and nobody else may have written there; made so when made.
    """

    base: Path
    inside: str = ""
    private: bool = False
    _first: Facts | None = field(default=None, init=False, repr=False)

    def shown(self, path: str = "") -> str:
        """The path as a user knows it."""
        return str(self.base.joinpath(self.inside, path))

    @contextmanager
    def folder(self, path: str = "") -> Iterator[int]:
        """A descriptor of a folder, for as long as the block lasts.

        Raises:
            Unsafe: a link, or something that is no folder, stands on the way.
            FileNotFoundError: a part of it is not there.
        """
        handle = self._open_base()
        try:
            walked: list[str] = []
            for number, name in enumerate([*_parts(self.inside), *_parts(path)]):
                walked.append(name)
                handle = self._enter(handle, name, str(self.base.joinpath(*walked)))
                if self.private and number >= len(_parts(self.inside)) - 1:
                    self._check_private(handle, self.base.joinpath(*walked))
            yield handle
        finally:
            os.close(handle)

    def make(self, path: str = "", *, mode: int | None = None) -> None:
        """Make a folder and those above it, as far as they are missing.

        Args:
            path: below this tree's folder.
            mode: of what is made, which then belongs to us; None: owner and mode of the folder above.

        Raises:
            Unsafe: a link stands on the way, or what was just made is not what is there.
            OSError: it cannot be made.
        """
        handle = self._open_base()
        try:
            inside = _parts(self.inside)
            walked: list[str] = []
            for number, name in enumerate([*inside, *_parts(path)]):
                walked.append(name)
                shown = str(self.base.joinpath(*walked))
                try:
                    handle = self._enter(handle, name, shown)
                except FileNotFoundError:
                    own = self.private and number >= len(inside) - 1
                    handle = _make_one(handle, name, shown, 0o700 if own else mode)
                if self.private and number >= len(inside) - 1:
                    self._check_private(handle, self.base.joinpath(*walked))
        finally:
            os.close(handle)

    def facts(self, path: str) -> Facts | None:
        """What is at a path, a link not followed; None when nothing is."""
        parent, name = _split(path)
        try:
            with self.folder(parent) as folder, _named(self.shown(path)):
                return Facts.of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def folder_facts(self, path: str = "") -> Facts | None:
        """What is known of a folder; None when it is not there."""
        try:
            with self.folder(path) as folder:
                return Facts.of(os.fstat(folder))
        except FileNotFoundError:
            return None

    def read(self, path: str) -> tuple[bytes, Facts] | None:
        """An ordinary file's content, with what was known of it when it was opened; None when nothing is there.

        Raises:
            Unsafe: it is a link, a pipe or the like, or larger than any file of a manager's configuration.
            OSError: it cannot be read.
        """
        parent, name = _split(path)
        shown = self.shown(path)
        try:
            with self.folder(parent) as folder, _named(shown):
                handle = os.open(name, _READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        facts = Facts.of(os.fstat(handle))
        if not facts.is_file:
            os.close(handle)
            if facts.kind == stat.S_IFDIR:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), shown)
            raise Unsafe(f"{shown}: I130 is no ordinary file; remove it")
        with os.fdopen(handle, "rb") as stream, _named(shown):
            data = stream.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                raise Unsafe(f"{shown}: I130 is larger than {_LARGEST >> 20} MiB; remove it")
            return data, facts

    def read_own(self, path: str) -> bytes | None:
        """A file of our own (``write``); None when nothing is there.

        Raises:
            Unsafe: somebody else has written it, or could have.
            OSError: it cannot be read.
        """
        found = self.read(path)
        if found is None:
            return None
        data, facts = found
        if facts.owner != os.geteuid() or facts.mode & 0o022 or facts.links > 1:
            raise Unsafe(f"{self.shown(path)}: I131 may have been written by user {facts.owner} or others; remove it")
        return data

    def create(
        self, path: str, data: bytes, *, owner: int, group: int, mode: int, modified: int | None = None
    ) -> Facts:
        """A new file, down to the disk; nobody else can open it before it is whole.

        Raises:
            OSError: something has that name already, or it cannot be written.
        """
        parent, name = _split(path)
        with self.folder(parent) as folder, _named(self.shown(path)):
            handle = os.open(name, _CREATE, 0o600, dir_fd=folder)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                if (owner, group) != (os.geteuid(), os.getegid()):
                    os.fchown(handle, owner, group)
                os.fchmod(handle, mode & _BITS)
                if modified is not None:
                    os.utime(handle, ns=(modified, modified))
                os.fsync(handle)
                return Facts.of(os.fstat(handle))

    def replace(self, draft: str, path: str) -> None:
        """Give a file the name of another one in the same folder, in one step."""
        parent, name = _split(path)
        with self.folder(parent) as folder, _named(self.shown(path)):
            os.rename(_split(draft)[1], name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def link(self, path: str, other: Tree, name: str) -> None:
        """A second name in another tree for the same file.

        Raises:
            OSError: the other tree is on another file system, or that knows no second names.
        """
        parent, source = _split(path)
        place, target = _split(name)
        with self.folder(parent) as here, other.folder(place) as there, _named(other.shown(name)):
            os.link(source, target, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
            os.fsync(there)

    def unlink(self, path: str) -> None:
        """Remove a name; nothing when it is not there."""
        parent, name = _split(path)
        with suppress(FileNotFoundError), self.folder(parent) as folder, _named(self.shown(path)):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder; nothing when it is not there or holds something."""
        parent, name = _split(path)
        with suppress(OSError, Unsafe), self.folder(parent) as folder:
            os.rmdir(name, dir_fd=folder)
            os.fsync(folder)

    def names(self, path: str = "") -> list[str]:
        """What a folder holds, sorted; nothing when it is not there."""
        try:
            with self.folder(path) as folder, _named(self.shown(path)):
                return sorted(os.listdir(folder))  # noqa: PTH208 - an open folder has no path
        except FileNotFoundError:
            return []

    def write(self, path: str, data: bytes) -> None:
        """Write a file of our own (mode 0600) all at once."""
        draft = f"{path}.draft"
        self.unlink(draft)
        self.create(draft, data, owner=os.geteuid(), group=os.getegid(), mode=0o600)
        self.replace(draft, path)

    def remove(self, path: str) -> None:
        """Remove a folder of ours and the files in it, as far as that is possible."""
        with suppress(OSError):
            # The journal goes first: a folder without it counts for nothing.
            for name in sorted(self.names(path), key=lambda name: name != "journal.json"):
                self.unlink(f"{path}/{name}")
        self.rmdir(path)

    def _open_base(self) -> int:
        handle = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        facts = Facts.of(os.fstat(handle))
        if self._first is None:
            self._first = facts
        elif not facts.same_file(self._first):
            os.close(handle)
            raise Unsafe(f"{self.base}: I130 is another folder than a moment ago; find out who moved it")
        return handle

    @staticmethod
    def _enter(handle: int, name: str, shown: str) -> int:
        """The folder ``name`` in the open one, which is closed when that works."""
        try:
            inner = os.open(name, _FOLDER, dir_fd=handle)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Unsafe(
                    f"{shown}: I130 is a link or no folder, and links are not followed;"
                    " put the folder itself there, or mount it"
                ) from error
            _check_length(error, shown)
            raise OSError(error.errno, error.strerror, shown) from error
        os.close(handle)
        return inner

    @staticmethod
    def _check_private(handle: int, shown: Path) -> None:
        facts = Facts.of(os.fstat(handle))
        if facts.owner != os.geteuid():
            raise Unsafe(
                f"{shown}: I131 belongs to user {facts.owner}, not to the one who installs; find out who made it"
            )
        if facts.mode & 0o022:
            raise Unsafe(
                f"{shown}: I131 may be written by others (mode {facts.mode:o}), so what lies there is not believed;"
                " find out who opened it, then remove it"
            )
        if facts.mode & 0o077:
            os.fchmod(handle, 0o700)


def _make_one(handle: int, name: str, shown: str, mode: int | None) -> int:
    """Make the folder ``name`` in the open one, and open it; the outer one is closed when that works."""
    with _named(shown):
        os.mkdir(name, 0o700, dir_fd=handle)
        inner = os.open(name, _FOLDER, dir_fd=handle)
        try:
            _check_new(inner, shown)
            above = Facts.of(os.fstat(handle))
            if mode is None:
                with suppress(PermissionError):
                    os.fchown(inner, above.owner, above.group)
                os.fchmod(inner, above.mode)
            else:
                if mode & 0o077:
                    with suppress(PermissionError):
                        os.fchown(inner, os.geteuid(), above.group)
                os.fchmod(inner, mode)
        except BaseException:
            os.close(inner)
            raise
    os.close(handle)
    return inner


def _check_new(handle: int, shown: str) -> None:
    """Between making and opening it somebody may have put another folder there: ours is empty and belongs to us."""
    if os.fstat(handle).st_uid != os.geteuid() or os.listdir(handle):
        raise Unsafe(f"{shown}: I130 was exchanged while it was made; find out by whom")


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if path.startswith("/") or any(part in (".", "..") for part in parts) or re.search(r"[\0\n]", path):
        raise Unsafe(f"{path!r}: I132 is no path below the manager's folder")
    return parts


def _split(path: str) -> tuple[str, str]:
    parts = _parts(path)
    if not parts:
        raise Unsafe(f"{path!r}: I132 is no path below the manager's folder")
    return "/".join(parts[:-1]), parts[-1]


@contextmanager
def _named(shown: str) -> Iterator[None]:
    """Errors name the whole path, not the last part of it."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unsafe(f"{shown}: I130 is a link, and links are not followed; put the file itself there") from error
        if error.errno == errno.ENXIO:
            raise Unsafe(f"{shown}: I130 is no ordinary file; remove it") from error
        _check_length(error, shown)
        raise OSError(error.errno, error.strerror, shown) from error


def _check_length(error: OSError, shown: str) -> None:
    if error.errno == errno.ENAMETOOLONG:
        raise Unsafe(f"{shown[:120]}…: I132 is longer than any path; find out who named it") from error
