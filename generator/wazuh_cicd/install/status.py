"""What is installed, what the site edited since, and whether the manager runs what lies there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd import __version__
from wazuh_cicd.install.desired import is_list
from wazuh_cicd.install.journal import unfinished
from wazuh_cicd.install.plan import UNKNOWN, installed, stale_files, waiting
from wazuh_cicd.install.record import digest
from wazuh_cicd.install.verify import FAILED, INACTIVE, UNANSWERED, VERIFIED

if TYPE_CHECKING:
    from wazuh_cicd.install.record import Record
    from wazuh_cicd.install.target import Target


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an installation.

    Attributes:
        record: what was installed; None for nothing.
        this: the version that asks.
        files: how many files are there.
        rules: how many rules were installed.
        lists: how many of the files are lists.
        edited_lists: lists that the site has edited.
        edited: generated files that somebody has edited.
        missing: files that are gone.
        stale: files that were written after the manager loaded them.
        running: whether the manager answers.
        cut_off: whether an installation was cut off.
        switches: what the settings file would change, in words.
    """

    record: Record | None
    this: str = __version__
    files: int = 0
    rules: int = 0
    lists: int = 0
    edited_lists: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    running: bool = False
    cut_off: bool = False
    switches: tuple[str, ...] = ()

    @property
    def chosen(self) -> str:
        """The site's choices, in words."""
        if self.record is None or self.record.version == UNKNOWN:
            return "not recorded"
        return str(self.record.settings)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Why what runs may not be what lies there."""
        return waiting(self.record, self.stale) if self.record else ()

    @property
    def code(self) -> int:
        """As ``install`` ends."""
        if self.record is None or self.edited or self.missing or self.cut_off:
            return FAILED
        if not self.running:
            return UNANSWERED
        return INACTIVE if self.stale else VERIFIED


def status_of(target: Target, switches: tuple[str, ...] = ()) -> Status:
    """Look at the files and ask whether the manager runs."""
    cut_off = unfinished(target) is not None
    record = installed(target)
    if record is None:
        return Status(None, cut_off=cut_off)
    there: dict[str, bytes] = {}
    missing: list[str] = []
    edited: list[str] = []
    edited_lists: list[str] = []
    for path, shipped in sorted(record.files.items()):
        if not target.can_read(path):
            continue
        now = target.read(path)
        if now is None:
            missing.append(path)
            continue
        there[path] = now
        if shipped and digest(now) != shipped:
            (edited_lists if is_list(path) else edited).append(path)
    running = target.is_running()
    return Status(
        record,
        files=len(there),
        rules=len(record.rules),
        lists=sum(map(is_list, there)),
        edited_lists=tuple(edited_lists),
        edited=tuple(edited),
        missing=tuple(missing),
        stale=stale_files(target, record, there) if running else (),
        running=running,
        cut_off=cut_off,
        switches=switches,
    )
