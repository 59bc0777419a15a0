"""What an installation needs of a manager; a local tree and the server API both give it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wazuh_cicd.install.record import ADVICE, PRIVATE, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wazuh_cicd.install.record import Record
    from wazuh_cicd.install.tree import Facts, Tree
    from wazuh_cicd.manager.logtest import RemoteEngine

CONF = "etc/ossec.conf"

RELOAD = "reload"
RESTART = "restart"
NOTHING = "nothing"
_CONF = re.compile(rf"(?:[A-Za-z0-9][\w.-]*:)?{re.escape(CONF)}", re.ASCII)


def may_touch(path: str) -> bool:
    """Whether an installation may write, keep, put back or remove this path at all, whoever names it."""
    return kind_of(path) is not None or path in (PRIVATE, ADVICE) or _CONF.fullmatch(path) is not None


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
    def store(self) -> Tree:
        """A folder of ours, on this machine, for the journal and the backups."""
        ...

    @property
    def record_path(self) -> str:
        """Where the record of what is installed lies."""
        ...

    @property
    def flat_lists(self) -> bool:
        """Whether lists lie directly below ``etc/lists``."""
        ...

    @property
    def unread(self) -> list[str]:
        """Why files with rules could not be looked at by ``site_rules``, one line a file."""
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

    def facts(self, path: str) -> Facts | None:
        """Owner and mode of a file when it was last read; None where there are none."""
        ...

    def keep(self, path: str, backup: str) -> bool:
        """Keep a file as it is, owner and mode included where that is possible.

        Args:
            path: of the file.
            backup: a path below ``store``.

        Returns:
            False when there is no such file.
        """
        ...

    def stage(self, path: str, data: bytes, token: str, facts: Facts | None = None) -> None:
        """Make everything that can fail for lack of room or rights fail now; the file itself is not touched yet.

        Args:
            path: of the file.
            data: its new content.
            token: marks the drafts of this installation.
            facts: whose owner and mode it gets, where that is not the file in place: content never changes its owner.
        """
        ...

    def write(self, path: str, data: bytes, token: str) -> None:
        """Put a staged file in place, all at once."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; nothing when it is not there."""
        ...

    def restore(self, path: str, backup: str | None) -> None:
        """Put a kept file (a path below ``store``) back, or remove the file when there was none."""
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

    def loaded_since(self, path: str) -> bool:
        """Whether the manager has certainly started after a file was last written."""
        ...

    def trusts(self, record: Record) -> bool:
        """Whether a record's choices are known to be our own, not only what lies where others can write."""
        ...

    def remember(self, data: bytes | None) -> None:
        """Keep a copy of the record where only we write, so that it can be told from another's."""
        ...

    def engine(self) -> RemoteEngine | None:
        """Its logtest; None when it cannot be asked."""
        ...
