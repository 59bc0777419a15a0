"""Files and folders that only their owner, root or we could have changed."""

import posix as os

from active_response.common.refusal import Refused

FILE_LIMIT = 1048576  # bytes read of any configuration file


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
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if own:
            info = os.fstat(file)
            check_info(info, path, own)
            if info.st_mode & 0o170000 != 0o100000:
                raise Refused("permissions", "%s is not a plain file: %s" % (own, path))
        parts: "list[bytes]" = []
        size = 0
        while True:
            part = os.read(file, 65536)
            if not part:
                return b"".join(parts).decode("utf-8", "replace")
            parts.append(part)
            size += len(part)
            if size > limit:
                raise Refused("configuration", "longer than %d bytes: %s" % (limit, path))
    finally:
        os.close(file)


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


def read_settings(path: str) -> "list[tuple[str, str, str]]":
    """Return the `key = value` lines of a configuration file, each with its place, comments left out.

    Raises Refused("configuration") when it is not there, or others could change it.
    """
    try:
        check_owner(parent(path), "the configuration's folder")
        lines = read_file(path, own="the configuration").split("\n")
    except OSError as error:
        raise Refused("configuration", "%s: %s" % (path, error.strerror)) from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            key, equals, value = text.partition("=")
            found.append(("%s:%d" % (path, number), key.strip(), value.strip() if equals else ""))
    return found
