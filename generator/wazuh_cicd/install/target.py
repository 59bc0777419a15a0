"""What an installation needs of a manager; a local tree and the server API both give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wazuh_cicd.manager.logtest import RemoteEngine

CONF = "etc/ossec.conf"

RELOAD = "reload"
RESTART = "restart"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SiteRule:
    """A rule that is not ours.

    Attributes:
        path: the file it stands in.
        overwrite: whether it overwrites another rule on purpose.
    """

    path: str
    overwrite: bool = False


class Target(Protocol):
    """A manager.

    Paths are relative to its folder (``etc/rules/…``). A configuration file of a cluster's node has the node's name in
    front: ``worker1:etc/ossec.conf``.
    """

    @property
    def name(self) -> str:
        """Shown to the user."""
        ...

    @property
    def state(self) -> Path:
        """A folder of ours, on this machine, for the journal and the backups."""
        ...

    @property
    def flat_lists(self) -> bool:
        """Whether lists lie directly below ``etc/lists``."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Keep other installations out.

        Raises:
            InstallError: one is at work.
        """
        ...

    def conf_paths(self) -> Sequence[str]:
        """The ``ossec.conf`` of the manager, or of each node of its cluster."""
        ...

    def can_write(self, path: str) -> bool:
        """Whether a file of this kind can be brought there at all."""
        ...

    def can_read(self, path: str) -> bool:
        """Whether a file of this kind can be read and removed there."""
        ...

    def ours(self) -> Iterable[str]:
        """Files that bear our names, for when the record is lost."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file's content; None when it is not there.

        Raises:
            InstallError: it is there and cannot be read.
        """
        ...

    def keep(self, path: str, backup: Path) -> bool:
        """Keep a file as it is, owner and mode included where that is possible.

        Returns:
            False when there is no such file.
        """
        ...

    def stage(self, path: str, data: bytes, token: str) -> None:
        """Make everything that can fail for lack of room or rights fail now; the file itself is not touched yet."""
        ...

    def write(self, path: str, data: bytes, token: str) -> None:
        """Put a staged file in place, all at once."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; nothing when it is not there."""
        ...

    def restore(self, path: str, backup: Path | None) -> None:
        """Put a kept file back, or remove the file when there was none."""
        ...

    def unstage(self, paths: Iterable[str], token: str) -> None:
        """Remove what ``stage`` left."""
        ...

    def site_rules(self, ours: set[str]) -> Mapping[int, Sequence[SiteRule]]:
        """The rules that the manager reads from files other than ours."""
        ...

    def check(self) -> list[str]:
        """Test the configuration on disk; warnings and errors, in the manager's words."""
        ...

    def activate(self, how: str) -> list[str]:
        """Reload or restart, and wait until the manager judges events again.

        Returns:
            What it warned of.

        Raises:
            ManagerError: it refuses, or does not come back.
        """
        ...

    def is_running(self) -> bool:
        """Whether there is anything to activate."""
        ...

    def engine(self) -> RemoteEngine | None:
        """Its logtest; None when it cannot be asked."""
        ...
