"""The containers in quarantine: what is needed to undo it, and the evidence."""

import posix as os
import time

from active_response.common.deadline import lock_in_time
from active_response.common.files import FILE_LIMIT, open_folder, open_state, read_file, replace_file
from active_response.common.home import Home
from active_response.common.jsontext import parse_json, to_json
from active_response.common.refusal import Failed, Refused
from active_response.common.words import HEX, is_number

RECORD = "record.json"
RECORD_LIMIT = FILE_LIMIT // 4  # bytes; whoever makes a container chooses how long its aliases are


class Ward:
    """The containers in quarantine: a folder each, with what `delete` needs to undo, and the evidence; under a lock.

    A disk that is full, or read-only by now, is no reason to leave a container alone: what is needed to undo it is then
    kept in memory, until the next boot, which ends the pause as well.
    """

    def __init__(self, home: Home) -> None:
        self.paths: "list[str]" = []  # folders that hold one of each container; the first is on the disk
        self.lack = ""
        self._memory = home.memory
        try:
            os.close(open_state(home.state))
            self._use(home.state)
        except OSError as error:
            self.lack = "%s: %s" % (home.state, error.strerror)
            self._use_memory()
        if os.access(home.memory + "/quarantine", os.F_OK):
            self._use_memory()

    def _use(self, path: str) -> None:
        folder = open_state(path + "/quarantine")
        if self.paths:
            os.close(folder)
        else:
            self.lock = folder
            lock_in_time(self.lock)
        self.paths.append(path + "/quarantine")

    def _use_memory(self) -> None:
        if self._memory + "/quarantine" not in self.paths:
            try:
                os.close(open_state(self._memory))
                self._use(self._memory)
            except (OSError, Refused) as error:
                raise Failed("evidence", "%s; %s" % (self.lack, error)) from None

    def close(self) -> None:
        """Give up the lock."""
        os.close(self.lock)

    def names(self) -> "list[str]":
        """Return the ids of the containers in quarantine."""
        found = {name for path in self.paths for name in os.listdir(path)}
        return [name for name in found if self.record(name) is not None]

    def folder(self, name: str) -> str:
        """Return the folder of a container: the one with its record, or where that would be."""
        for path in self.paths:
            if os.access("%s/%s/%s" % (path, name, RECORD), os.F_OK):
                return path + "/" + name
        return self.paths[0] + "/" + name

    def record(self, name: str) -> "dict[str, object] | None":
        """Return what was written down of a container, None when it is not in quarantine.

        What cannot be read any more is empty: the container is in quarantine all the same.
        """
        if len(name) != 64 or name.strip(HEX):
            return None
        try:
            record = parse_json(read_file(self.folder(name) + "/" + RECORD, 4 * FILE_LIMIT))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, Refused):
            return {}
        return record if isinstance(record, dict) else {}

    def write(self, name: str, record: "dict[str, object]") -> bool:
        """Write down what is about to be done, so that it can be undone whatever happens next.

        Return whether all of it was: a record that is too long is kept without the networks. Raises Failed.
        """
        record = dict(record, began=str(int(time.monotonic())), boot=boot_id())
        text = to_json(record)
        whole = len(text) <= RECORD_LIMIT
        data = (text if whole else to_json(dict(record, networks={}))).encode("ascii")
        try:
            self._put(self.paths[0] + "/" + name, RECORD, data)
        except OSError as error:
            self.lack = "%s: %s" % (self.paths[0], error.strerror)
            self._use_memory()
            try:
                self._put(self.paths[-1] + "/" + name, RECORD, data)
            except OSError as second:
                raise Failed("evidence", "%s; %s: %s" % (self.lack, self.paths[-1], second.strerror)) from None
        return whole

    def keep(self, name: str, what: str, data: bytes) -> None:
        """Keep a file, for its owner only; whole or not at all. Raises OSError."""
        self._put(self.folder(name), what, data)

    @staticmethod
    def _put(path: str, what: str, data: bytes) -> None:
        folder = open_folder(path, 0o700)
        try:
            replace_file(folder, what, data)
        finally:
            os.close(folder)

    def release(self, name: str) -> None:
        """End a quarantine; the evidence stays, under the time of its end."""
        folder = self.folder(name)
        os.rename(folder + "/" + RECORD, folder + "/released.json")
        os.rename(folder, "%s.released-%d" % (folder, int(time.time())))


def boot_id() -> str:
    """Return which boot this is."""
    return read_file("/proc/sys/kernel/random/boot_id").strip()


def age_of(record: "dict[str, object]", boot: str) -> int:
    """Return for how many seconds a container has been in quarantine, by a clock that nobody can set.

    A day for one from before a reboot: that ended the pause.
    """
    began = record.get("began")
    if record.get("boot") != boot or not isinstance(began, str) or not is_number(began, 10):
        return 86400
    return max(0, int(time.monotonic()) - int(began))
