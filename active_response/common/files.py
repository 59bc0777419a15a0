"""Files and folders that only their owner, root or we could have changed."""

import posix as os
import time

from active_response.common.refusal import Refused

FILE_LIMIT = 1048576  # bytes read of any configuration file
END = "# end"  # the last line of a file that is complete
STABLE_AFTER = 0.01  # seconds since the last change of a file; the kernel's clock for these is no finer
PAUSES = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)  # seconds to wait for whoever is writing a file


def check_owner(path: str, what: str) -> None:
    """Refuse a file or folder that somebody else than its owner, root or us, could change."""
    check_info(os.stat(path), path, what)


def check_info(info: os.stat_result, path: str, what: str) -> None:
    """Do as ``check_owner`` does, on what was found out already."""
    if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
        raise Refused("permissions", "%s can be written by others: %s" % (what, path))


def read_file(path: str, limit: int = FILE_LIMIT, own: str = "") -> str:
    """Return the text of a file of at most ``limit`` bytes. Raises OSError; Refused when it is longer.

    With ``own``, what the file is, it is refused when others could change it: the very file that is read, not the one
    that had its name a moment ago. A pipe in its place does not hold us.
    """
    return read_stable(path, limit, own)[0]


def read_stable(path: str, limit: int = FILE_LIMIT, own: str = "") -> "tuple[str, bool]":
    """Do as ``read_file`` does, and tell whether nobody wrote the file meanwhile, nor just before."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = os.fstat(file)
        if own:
            check_info(before, path, own)
            if before.st_mode & 0o170000 != 0o100000:
                raise Refused("permissions", "%s is not a plain file: %s" % (own, path))
        parts: "list[bytes]" = []
        size = 0
        while True:
            part = os.read(file, 65536)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > limit:
                raise Refused("configuration", "longer than %d bytes: %s" % (limit, path))
        after = os.fstat(file)
        stable = before.st_size == size == after.st_size and before.st_mtime_ns == after.st_mtime_ns
        stable = stable and abs(time.time() - after.st_mtime) > STABLE_AFTER
        return b"".join(parts).decode("utf-8", "replace"), stable
    finally:
        os.close(file)


def read_complete(path: str, limit: int, own: str) -> "list[str]":
    """Return the lines of a file of the administrator's, once it is complete: its last line is ``END``.

    A file that is being written is shorter than it will be, and a list that is too short protects too few. So it says
    itself where it ends, and whoever is writing it just now is waited for. Raises OSError, Refused("configuration").
    """
    for pause in PAUSES:
        time.sleep(pause)
        text, stable = read_stable(path, limit, own)
        lines = text.rstrip().split("\n")
        if stable and lines[-1].rstrip() == END:
            if lines.count(END) > 1:
                raise Refused("configuration", "%s:%d: lines after `%s`" % (path, lines.index(END) + 2, END))
            return lines
    if not text.strip():
        raise Refused("configuration", "%s is empty" % path)
    if lines[-1].rstrip() == END:
        raise Refused("configuration", "%s is being written" % path)
    raise Refused("configuration", "%s:%d: not complete, its last line is not `%s`" % (path, len(lines), END))


def parent(path: str) -> str:
    """Return the folder that ``path`` lies in."""
    return path.rpartition("/")[0] or "/"


def open_folder(path: str, mode: int) -> int:
    """Return a folder, opened; made, with the one above it, if need be. Raises OSError.

    It is opened before its group is set, and never through a link: the folder above may belong to somebody who puts
    another one in its place meanwhile.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    for _ in (1, 2):
        try:
            os.mkdir(path, mode)
        except FileExistsError:  # noqa: PERF203 - twice at most
            return os.open(path, flags)  # others make it, too
        except FileNotFoundError:
            os.close(open_folder(parent(path), 0o750))
        else:
            break
    folder = os.open(path, flags)
    if os.fstat(folder).st_uid == os.geteuid():
        os.fchown(folder, -1, os.stat(parent(path)).st_gid)
    return folder


def open_state(path: str) -> int:
    """Return a folder of ours alone, opened. Raises OSError; Refused when others could change it or what it lies in."""
    folder = open_folder(path, 0o700)
    try:
        check_info(os.fstat(folder), path, "the state folder")
        check_owner(parent(path), "the folder of the state")
    except Exception:
        os.close(folder)
        raise
    return folder


def replace_file(folder: int, name: str, data: bytes, *, shared: bool = False) -> None:
    """Write a file in an open folder; nobody sees it under its name before it is whole. Raises OSError.

    It is its owner's only; with ``shared`` also for the group of the folder, which may write there: what lies there
    already under the draft's name is then not written to. Nothing is left behind when it fails.
    """
    draft = ".%s.%d" % (name, os.getpid())
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_EXCL if shared else os.O_TRUNC)
    file = os.open(draft, flags, 0o640 if shared else 0o600, dir_fd=folder)
    try:
        if shared:
            os.fchown(file, -1, os.fstat(folder).st_gid)
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(draft, dir_fd=folder)
        raise
    finally:
        os.close(file)


def read_settings(path: str) -> "list[tuple[str, str, str]]":
    """Return the `key = value` lines of a configuration file, each with its place, comments left out.

    Raises Refused("configuration") when it is not there, is not complete or sets nothing, or others could change it.
    """
    try:
        check_owner(parent(path), "the configuration's folder")
        lines = read_complete(path, FILE_LIMIT, "the configuration")
    except OSError as error:
        raise Refused("configuration", "%s: %s" % (path, error.strerror)) from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            key, equals, value = text.partition("=")
            found.append(("%s:%d" % (path, number), key.strip(), value.strip() if equals else ""))
    if not found:
        raise Refused("configuration", "%s sets nothing" % path)
    return found
