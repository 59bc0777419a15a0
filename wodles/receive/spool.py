"""The file that Wazuh reads: written by one thread, on disk before anything is acknowledged.

What arrives while the disk is busy is written together at the next turn (group commit). A write that fails is taken
back, so that the file never holds half a line before a whole one; what a kill left of a line, which was never
acknowledged, is cut off at the next start.

Wazuh's logcollector notices a renamed file and begins the new one, but does not read on in the old. So before a file is
renamed nothing is written for longer than logcollector takes to come back: deliveries wait that time.
"""

import errno
import os
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Tuple

from wodles.receive.errors import RefusedError

EVENTS = "events.json"
READ_SECONDS = 4.0  # logcollector comes back every two seconds (logcollector.loop_timeout)
IDLE_SECONDS = 10.0  # a file that rested so long can be renamed without waiting
BATCH_BYTES = 4 << 20

Entry = Tuple[bytes, Any]  # whole lines, and who waits for them


class Spool:
    """The output folder. ``put`` is called by the server's thread, everything else happens in the spool's own."""

    def __init__(self, folder: str, rotate: int, kept: int, free: int, done: Callable[[List[Any], str], None]) -> None:
        """Take the folder, its bounds, and what is called in the spool's thread with each batch and why it failed."""
        self.folder = folder
        self.rotate = rotate
        self.kept = kept
        self.free = free
        self.waiting_bytes = 0
        self.failed = ""  # what the disk said last, empty when all is well
        self._done = done
        self._file = -1
        self._size = 0
        self._written = 0.0
        self._queue: Deque[Entry] = deque()
        self._ready = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    @property
    def path(self) -> str:
        """The file that is written."""
        return os.path.join(self.folder, EVENTS)

    def start(self) -> None:
        """Open the file and begin. Raises ``RefusedError`` when it cannot be written."""
        try:
            self._open()
        except OSError as error:
            raise RefusedError("output", "%s: %s" % (self.path, error.strerror)) from None
        self._thread.start()

    def put(self, data: bytes, waiter: Any) -> None:
        """Have lines written; ``done`` hears of it."""
        with self._ready:
            self._queue.append((data, waiter))
            self.waiting_bytes += len(data)
            self._ready.notify()

    def finish(self) -> None:
        """Write what was put, and end."""
        with self._ready:
            self._ending = True
            self._ready.notify()
        self._thread.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def age(self) -> int:
        """Return the seconds since something was written."""
        return int(time.monotonic() - self._written) if self._written else 0

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.path, flags, 0o640)
        try:
            info = os.fstat(file)
            if info.st_mode & 0o170000 != 0o100000 or info.st_nlink != 1 or info.st_uid != os.geteuid():
                raise OSError(errno.EPERM, "not a plain file of our own")
            self._size = _whole_lines(file, info.st_size)
            if self._size != info.st_size:
                os.ftruncate(file, self._size)
            os.lseek(file, self._size, os.SEEK_SET)
            _sync_folder(self.folder)
        except OSError:
            os.close(file)
            raise
        self._file = file

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._queue and not self._ending:
                    self._ready.wait()
                if not self._queue:
                    return
                batch: List[Entry] = []
                size = 0
                while self._queue and (not batch or size + len(self._queue[0][0]) <= BATCH_BYTES):
                    batch.append(self._queue.popleft())
                    size += len(batch[-1][0])
            failed = self._write(b"".join([data for data, _ in batch]))
            with self._ready:
                self.waiting_bytes -= size
            self._done([waiter for _, waiter in batch], failed)

    def _write(self, data: bytes) -> str:
        """Write lines and wait for the disk; why they are not surely there, empty when they are."""
        try:
            if self._file >= 0 and self._moved():
                os.close(self._file)
                self._file = -1
            if self._file < 0:
                self._open()
            elif self._size + len(data) > self.rotate and self._size:
                self._begin_anew()
            disk = os.statvfs(self.folder)
            if disk.f_bavail * disk.f_frsize < self.free + len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError as error:
            self.failed = error.strerror or "unknown"
            self._take_back()
            return self.failed
        self._size += len(data)
        self._written = time.monotonic()
        self.failed = ""
        return ""

    def _moved(self) -> bool:
        """Say whether somebody renamed or removed the file."""
        try:
            return os.stat(self.path, follow_symlinks=False).st_ino != os.fstat(self._file).st_ino
        except FileNotFoundError:
            return True

    def _take_back(self) -> None:
        """Remove what a failed write left; the file is opened anew at the next turn, whatever the kernel kept of it."""
        if self._file < 0:
            return
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            pass  # the next opening cuts half a line off
        try:
            os.close(self._file)
        except OSError:
            pass
        self._file = -1

    def _begin_anew(self) -> None:
        rest = self._written + IDLE_SECONDS - time.monotonic()
        if rest > 0:
            time.sleep(min(rest, READ_SECONDS))
        for number in range(self.kept, 0, -1):
            old = self.path + (".%d" % (number - 1) if number > 1 else "")
            if os.path.exists(old):
                os.rename(old, self.path + ".%d" % number)
        os.close(self._file)
        self._file = -1
        self._open()


def _whole_lines(file: int, size: int) -> int:
    """Return how many bytes of a file are whole lines."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        at = os.pread(file, end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def _sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def last_bytes(path: str, most: int) -> bytes:
    """Return the end of a file, empty when there is none."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        size = os.fstat(file).st_size
        return os.pread(file, most, max(0, size - most))
    finally:
        os.close(file)
