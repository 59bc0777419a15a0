"""Room for evidence: how much of it is kept, and whose goes first."""

import posix as os
import time

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

DRAFTS = "."  # how the names of files begin that a process did not finish
LARGE = ("processes.json", "changes.json", "log")  # of at most ANSWER_LIMIT each; these go when there is no room
# What goes when there is no room: first what is large, then the engine's description, whose length its maker chooses.
TIERS = ((DRAFTS, *LARGE), ("inspect.json",), ("released.json",))
RESERVE = len(LARGE) * ANSWER_LIMIT
DRAFT_AGE = 3600  # seconds; no process of ours writes for so long
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
            used -= oldest.remove((DRAFTS, *LARGE, "inspect.json", "released.json"))
            group.remove(oldest)
            folders.remove(oldest)
        else:
            freed = next(filter(None, (take_oldest(by_image, tier) for tier in TIERS)), 0)
            if not freed:
                return ["less than %d MB are free, or %d MB are used" % (config.keep_free_mb, config.evidence_mb)]
            used -= freed
    return []


def take_oldest(by_image: "dict[str, list[Folder]]", names: "tuple[str, ...]") -> int:
    """Take files of these names away from the oldest folder of the image with most; return how many bytes that were."""
    group = max(by_image.values(), key=lambda one: sum(folder.bytes_of(names) for folder in one), default=[])
    oldest = next((one for one in group if one.bytes_of(names)), None)
    return oldest.remove(names) if oldest else 0


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

    def chosen(self, names: "tuple[str, ...]") -> "list[str]":
        """Return the files of these names; of drafts, those that nobody can be writing any more."""
        old = time.time() - self.changed > DRAFT_AGE
        return [one for one in self.sizes if one in names or (old and DRAFTS in names and one.startswith(DRAFTS))]

    def bytes_of(self, names: "tuple[str, ...]") -> int:
        """Bytes of the files of these names."""
        return sum(self.sizes[one] for one in self.chosen(names))

    def remove(self, names: "tuple[str, ...]") -> int:
        """Remove these files, and the folder when nothing is left; return how many bytes that were."""
        before = self.size
        for name in self.chosen(names):
            del self.sizes[name]
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
