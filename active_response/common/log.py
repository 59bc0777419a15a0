"""The log that Wazuh reads: one JSON line for each thing that a response did or refused."""

import errno
import fcntl
import posix as os
import time

from active_response.common.deadline import START
from active_response.common.files import open_folder
from active_response.common.home import Home
from active_response.common.jsontext import to_json

LOG_LIMIT = 10485760  # bytes; then the log becomes response.log.1
LOG = "response.log"


def line_of(entry: "dict[str, str]") -> str:
    """Return an entry as the line that Wazuh reads."""
    return to_json({"integration": "cicd-response", "cicd": entry}) + "\n"


def write_log(home: Home, entry: "dict[str, str]") -> None:
    """Append one JSON line to the log that Wazuh reads. Raises OSError when it cannot be written safely."""
    line = line_of(entry)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    # The folder above may belong to the group wazuh: never write through a link or into a foreign file.
    folder = open_folder(home.logs, 0o750)
    try:
        file = os.open(LOG, flags, 0o640, dir_fd=folder)
        try:
            info = os.fstat(file)
            if info.st_mode & 0o170000 != 0o100000 or info.st_nlink != 1 or info.st_uid != os.geteuid():
                raise OSError(errno.EPERM, "not a plain file of our own", home.log)
            if not info.st_size:
                os.fchown(file, -1, os.fstat(folder).st_gid)
            elif os.pread(file, 1, info.st_size - 1) != b"\n":
                line = "\n" + line  # behind a line that a full disk cut off
            data = line.encode("ascii")
            if os.write(file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), home.log)
            if info.st_size > LOG_LIMIT:
                begin_anew(folder, file, info)
        finally:
            os.close(file)
    finally:
        os.close(folder)


def begin_anew(folder: int, file: int, info: os.stat_result) -> None:
    """Rename a log that is too long: one of all who find it so does, and only while it still has the name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # whoever may read the log may hold this lock, too: never wait for it
    if os.stat(LOG, dir_fd=folder, follow_symlinks=False).st_ino == info.st_ino:
        os.rename(LOG, LOG + ".1", src_dir_fd=folder, dst_dir_fd=folder)


def finish(home: Home, code: int, entry: "dict[str, str]") -> int:
    """Write the entry to the log, with the time it took; return the exit code."""
    entry = {key: value for key, value in entry.items() if value}
    entry["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry["milliseconds"] = str(int((time.monotonic() - START) * 1000))
    try:
        write_log(home, entry)
    except OSError as error:
        complain("%s: %s: %s" % (home.name, home.log, error.strerror))
        hand_to_agent(home, line_of(dict(entry, log=str(error.strerror))))
        return 1
    return code


def complain(text: str) -> None:
    """Write a line to standard error, if there is one that takes it: nobody needs to read what we say."""
    try:
        os.write(2, text.encode("ascii", "backslashreplace") + b"\n")
    except OSError:
        return


def hand_to_agent(home: Home, line: str) -> None:
    """Give the agent a line that could not be written, as its log collector would; otherwise nobody hears of it."""
    import _socket  # noqa: PLC0415 - only when the disk is full

    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        link.setblocking(False)  # noqa: FBT003 - the socket's own signature
        link.connect(home.root + "/queue/sockets/queue")
        link.send(("1:%s:%s" % (home.log, line.rstrip())).encode("ascii"))
    except OSError:
        return  # the agent does not run, or has no time
    finally:
        link.close()
