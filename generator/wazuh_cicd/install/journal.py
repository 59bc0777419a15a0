"""The journal of one installation: written before anything changes, so that a kill at any moment can be undone.

``journal.json`` is there exactly while an installation is under way. When it is done it moves into its backup folder,
from where ``rollback`` takes it. What it says is checked when it is read: it decides which files are written and
removed.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wazuh_cicd.install.errors import InstallError, Unsafe
from wazuh_cicd.install.record import digest
from wazuh_cicd.install.target import NOTHING, RELOAD, RESTART, may_touch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_cicd.install.plan import Change
    from wazuh_cicd.install.target import Target
    from wazuh_cicd.install.tree import Tree

WRITING = "writing"
ACTIVATING = "activating"
DONE = "done"
_KEPT = 10
_NOW = "journal.json"
_ID = re.compile(r"\d{8}T\d{6}Z-\d{2,}")
_BACKUP = re.compile(r"\d{4,}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
BACKUPS = "backup"


@dataclass(slots=True)
class Entry:
    """One file.

    Attributes:
        path: below the manager's folder.
        backup: the kept file's name in the backup folder; None when there was no file.
        after: SHA-256 of what was written; None when the file was removed.
    """

    path: str
    backup: str | None
    after: str | None

    def check(self) -> None:
        """Refuse what no installation has written.

        Raises:
            Unsafe: a path that is not ours, or a name that leads out of the backup folder.
        """
        good = (
            may_touch(self.path)
            and (self.backup is None or _BACKUP.fullmatch(self.backup))
            and (self.after is None or _DIGEST.fullmatch(self.after))
        )
        if not good:
            raise Unsafe(f"I132 names {self.path!r} (kept as {self.backup!r}), which is no file of wazuh-cicd")


@dataclass(slots=True)
class Journal:
    """One installation.

    Attributes:
        id: also the backup folder's name and the mark of drafts.
        version: of the package that was installed.
        phase: how far it came.
        activation: what made it live: nothing, reload or restart.
        entries: the files, in the order in which they are written.
    """

    id: str
    version: str
    phase: str
    activation: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """Where the kept files lie, below the folder of journals."""
        return f"{BACKUPS}/{self.id}"

    def backup(self, entry: Entry) -> str | None:
        """The kept file, below the folder of journals."""
        return f"{self.folder}/{entry.backup}" if entry.backup else None

    def save(self, target: Target) -> None:
        """Write it as the running installation, all at once."""
        _write(target.store, _NOW, self)

    def set_phase(self, target: Target, phase: str) -> None:
        """Note how far it came."""
        self.phase = phase
        self.save(target)

    def finish(self, target: Target) -> None:
        """It is done: what was the running installation becomes the newest backup."""
        self.phase = DONE
        _write(target.store, f"{self.folder}/{_NOW}", self)
        target.store.unlink(_NOW)
        for old in target.store.names(BACKUPS)[:-_KEPT]:
            target.store.remove(f"{BACKUPS}/{old}")

    def discard(self, target: Target) -> None:
        """It was undone: nothing is left of it."""
        target.store.unlink(_NOW)
        target.store.remove(self.folder)


def begin(target: Target, changes: Iterable[Change], version: str, activation: str) -> Journal:
    """Keep every file that will change, then write the journal.

    Raises:
        InstallError: a file cannot be kept; nothing was changed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 0
    store = target.store
    try:
        store.make(BACKUPS)
        there = store.names(BACKUPS)
        for folder in there:
            # Cut off before its journal was written: nothing had changed.
            if store.facts(f"{BACKUPS}/{folder}/{_NOW}") is None:
                store.remove(f"{BACKUPS}/{folder}")
        while f"{stamp}-{number:02}" in there:
            number += 1
        journal = Journal(f"{stamp}-{number:02}", version, WRITING, activation)
        store.make(journal.folder)
        for index, change in enumerate(changes):
            name = f"{index:04}"
            kept = target.keep(change.path, f"{journal.folder}/{name}")
            after = None if change.after is None else digest(change.after)
            journal.entries.append(Entry(change.path, name if kept else None, after))
        journal.save(target)
    except OSError as error:
        raise InstallError(f"{error.filename or store.shown()}: {error.strerror}; nothing was changed") from error
    return journal


def unfinished(target: Target) -> Journal | None:
    """The installation that was cut off, if one was."""
    return _read(target.store, _NOW)


def finished(target: Target) -> list[Journal]:
    """The installations that can be rolled back, newest first."""
    names = sorted(target.store.names(BACKUPS), reverse=True)
    found = (_read(target.store, f"{BACKUPS}/{name}/{_NOW}") for name in names)
    return [journal for journal in found if journal is not None]


def _read(store: Tree, path: str) -> Journal | None:
    try:
        found = store.read_own(path)
        if found is None:
            return None
        document: dict[str, Any] = json.loads(found)
        entries = [Entry(**entry) for entry in document.pop("entries")]
        journal = Journal(**document, entries=entries)
        _check(journal)
    except Unsafe as error:
        raise Unsafe(f"{store.shown(path)}: {error}; find out who wrote that, and remove it") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InstallError(f"{store.shown(path)}: cannot be read ({error}); its kept files lie beside it") from error
    return journal


def _check(journal: Journal) -> None:
    if not _ID.fullmatch(journal.id):
        raise Unsafe(f"I132 has the id {journal.id!r}")
    if journal.phase not in (WRITING, ACTIVATING, DONE) or journal.activation not in (NOTHING, RELOAD, RESTART):
        raise ValueError(f"phase {journal.phase!r}, activation {journal.activation!r}")
    for entry in journal.entries:
        entry.check()


def _write(store: Tree, path: str, journal: Journal) -> None:
    store.write(path, json.dumps(asdict(journal), indent=1).encode())
