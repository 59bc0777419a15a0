"""Room for evidence: how much of it is kept, and whose goes first."""

import posix as os

from active_response.common.files import read_file
from active_response.common.jsontext import parse_json
from active_response.common.refusal import Refused
from active_response.common.words import HEX
from active_response.quarantine_container.config import Config
from active_response.quarantine_container.engine import ANSWER_LIMIT
from active_response.quarantine_container.ward import RECORD, RECORD_LIMIT, Ward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

LARGE = ("processes.json", "changes.json", "log")  # of at most ANSWER_LIMIT each; these go when there is no room
RESERVE = len(LARGE) * ANSWER_LIMIT
FOLDERS = 2000  # of containers, those that were released included


def make_room(ward: Ward, config: Config, name: str) -> "list[str]":
    """Take old evidence away until there is room for more of it; return why there is none, an empty list if there is.

    The image that has most loses first: whoever starts containers to have them quarantined pushes out his own.
    """
    path = ward.paths[0]
    folders = [Folder(path, one) for one in os.listdir(path) if one != name and not one[:64].strip(HEX)]
    used = sum(folder.size for folder in folders)
    by_image: "dict[str, list[Folder]]" = {}
    for folder in sorted(folders, key=lambda one: one.changed):
        by_image.setdefault(folder.image, []).append(folder)
    while len(folders) > FOLDERS or used + RESERVE > config.evidence_mb << 20 or not enough_free(path, config):
        if len(folders) > FOLDERS:
            several = [group for group in by_image.values() if any(one.released for one in group)]
            if not several:
                break
            group = max(several, key=len)
            oldest = next(one for one in group if one.released)
            used -= oldest.remove((*LARGE, "inspect.json", "released.json"))
            group.remove(oldest)
            folders.remove(oldest)
        else:
            group = max(by_image.values(), key=lambda one: sum(folder.large for folder in one), default=[])
            largest = next((one for one in group if one.large), None)
            if largest is None:
                return ["less than %d MB are free, or %d MB are used" % (config.keep_free_mb, config.evidence_mb)]
            used -= largest.remove(LARGE)
    return []


def enough_free(path: str, config: Config) -> bool:
    """Whether the disk has room for one more container's evidence, beside what stays free."""
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize >= (config.keep_free_mb << 20) + RESERVE


class Folder:
    """What is kept of one container."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path + "/" + name
        self.released = ".released-" in name
        self.changed = 0.0
        self.image = ""
        self.sizes: "dict[str, int]" = {}
        try:
            self.changed = os.stat(self.path).st_mtime
            for one in os.listdir(self.path):
                self.sizes[one] = os.stat(self.path + "/" + one).st_blocks * 512
            record = read_file(self.path + ("/released.json" if self.released else "/" + RECORD), RECORD_LIMIT)
            self.image = image_in(record)
        except (OSError, ValueError, Refused):
            pass  # released or removed meanwhile

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())

    @property
    def large(self) -> int:
        """Bytes of those that can be done without."""
        return sum(self.sizes.get(name, 0) for name in LARGE)

    def remove(self, names: "tuple[str, ...]") -> int:
        """Remove these files, and the folder when nothing is left; return how many bytes that were."""
        before = self.size
        for name in names:
            if self.sizes.pop(name, None) is not None:
                attempt_on(os.unlink, self.path + "/" + name)
        if self.released and not self.sizes:
            attempt_on(os.rmdir, self.path)
        return before - self.size


def image_in(text: str) -> str:
    """Return the image that a record names. Raises ValueError."""
    record = parse_json(text)
    return str(record.get("image", "")) if isinstance(record, dict) else ""


def attempt_on(step: "Callable[[str], None]", path: str) -> None:
    """Take something away that may be gone already."""
    try:
        step(path)
    except OSError:
        return
