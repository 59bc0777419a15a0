"""The containers in quarantine: what is needed to undo it, and the evidence."""

import posix as os
import time

from active_response.common.deadline import lock_in_time
from active_response.common.files import FILE_LIMIT, open_folder, open_state, read_file
from active_response.common.home import Home
from active_response.common.jsontext import parse_json, to_json
from active_response.common.words import HEX


class Ward:
    """The containers in quarantine: a folder each, with what `delete` needs to undo, and the evidence; under a lock."""

    def __init__(self, home: Home) -> None:
        self.path = home.state + "/quarantine"
        os.close(open_state(home.state))
        self.lock = open_state(self.path)
        lock_in_time(self.lock)

    def close(self) -> None:
        """Give up the lock."""
        os.close(self.lock)

    def names(self) -> "list[str]":
        """Return the ids of the containers in quarantine."""
        return [name for name in os.listdir(self.path) if self.record(name) is not None]

    def new_ones(self) -> int:
        """Return how many came in within a minute."""
        now = time.time()
        times = [os.stat(self.path + "/" + name + "/record.json").st_mtime for name in self.names()]
        return sum(1 for then in times if -5 < now - then < 60)

    def record(self, name: str) -> "dict[str, object] | None":
        """Return what was written down of a container, None when it is not in quarantine."""
        if len(name) != 64 or name.strip(HEX):
            return None
        try:
            record = parse_json(read_file(self.path + "/" + name + "/record.json", 4 * FILE_LIMIT))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def write(self, name: str, record: "dict[str, object]") -> None:
        """Write down what is about to be done, so that it can be undone whatever happens next."""
        os.close(open_folder(self.path + "/" + name, 0o700))
        self.keep(name, "record.json", to_json(record).encode("ascii"))

    def keep(self, name: str, what: str, data: bytes) -> None:
        """Keep a file, for its owner only; whole or not at all."""
        path = self.path + "/" + name + "/" + what
        draft = "%s.%d" % (path, os.getpid())
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(draft, path)

    def release(self, name: str) -> None:
        """End a quarantine; the evidence stays, under the time of its end."""
        folder = self.path + "/" + name
        os.rename(folder + "/record.json", folder + "/released.json")
        os.rename(folder, "%s.released-%d" % (folder, int(time.time())))
