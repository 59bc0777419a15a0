"""The journal of one installation: written before anything changes, so that a kill at any moment can be undone.

``journal.json`` is there exactly while an installation is under way. When it is done it moves into its backup folder,
from where ``rollback`` takes it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.record import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wazuh_cicd.install.plan import Change
    from wazuh_cicd.install.target import Target

WRITING = "writing"
ACTIVATING = "activating"
DONE = "done"
_KEPT = 10


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

    def folder(self, target: Target) -> Path:
        """Where the kept files lie."""
        return target.state / "backup" / self.id

    def backup(self, target: Target, entry: Entry) -> Path | None:
        """The kept file."""
        return self.folder(target) / entry.backup if entry.backup else None

    def save(self, target: Target) -> None:
        """Write it as the running installation, all at once."""
        _write(target.state / "journal.json", self)

    def set_phase(self, target: Target, phase: str) -> None:
        """Note how far it came."""
        self.phase = phase
        self.save(target)

    def finish(self, target: Target) -> None:
        """It is done: what was the running installation becomes the newest backup."""
        self.phase = DONE
        _write(self.folder(target) / "journal.json", self)
        (target.state / "journal.json").unlink()
        _sync(target.state)
        for old in sorted((target.state / "backup").iterdir())[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def discard(self, target: Target) -> None:
        """It was undone: nothing is left of it."""
        (target.state / "journal.json").unlink(missing_ok=True)
        _sync(target.state)
        shutil.rmtree(self.folder(target), ignore_errors=True)


def begin(target: Target, changes: Iterable[Change], version: str, activation: str) -> Journal:
    """Keep every file that will change, then write the journal.

    Raises:
        InstallError: a file cannot be kept; nothing was changed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 0
    backups = target.state / "backup"
    try:
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in backups.iterdir():
            # Cut off before its journal was written: nothing had changed.
            if not (folder / "journal.json").exists():
                shutil.rmtree(folder, ignore_errors=True)
        while (backups / f"{stamp}-{number:02}").exists():
            number += 1
        journal = Journal(f"{stamp}-{number:02}", version, WRITING, activation)
        journal.folder(target).mkdir(mode=0o700)
        for index, change in enumerate(changes):
            name = f"{index:04}"
            there = target.keep(change.path, journal.folder(target) / name)
            after = None if change.after is None else digest(change.after)
            journal.entries.append(Entry(change.path, name if there else None, after))
        _sync(backups)
        journal.save(target)
    except OSError as error:
        raise InstallError(f"{target.state}: {error.strerror}; nothing was changed") from error
    return journal


def unfinished(target: Target) -> Journal | None:
    """The installation that was cut off, if one was."""
    return _read(target.state / "journal.json")


def finished(target: Target) -> list[Journal]:
    """The installations that can be rolled back, newest first."""
    backups = target.state / "backup"
    if not backups.is_dir():
        return []
    found = (_read(folder / "journal.json") for folder in sorted(backups.iterdir(), reverse=True))
    return [journal for journal in found if journal is not None]


def _read(path: Path) -> Journal | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        entries = [Entry(**entry) for entry in document.pop("entries")]
        return Journal(**document, entries=entries)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallError(f"{path}: cannot be read ({error}); its kept files lie beside it") from error


def _write(path: Path, journal: Journal) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(asdict(journal), stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
