"""A manager's folder on this machine: usually ``/var/ossec``, or any tree laid out like one.

The installer runs as root there, while the manager's own user may write ``etc``, ``etc/rules``, ``etc/decoders`` and
``etc/lists``. So every file is reached by descriptors (``tree.py``), only files of known kinds and owners are read or
replaced, what is put in place is what was checked, and root runs no program that another user can change. What is
written belongs to the owner of its folder; content that was read keeps the owner it had.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.desired import is_list, is_ours, is_program
from wazuh_cicd.install.errors import InstallError, Unsafe
from wazuh_cicd.install.journal import BACKUPS
from wazuh_cicd.install.lock import only_one
from wazuh_cicd.install.ossecconf import read_conf, without_comments
from wazuh_cicd.install.record import PRIVATE, Record
from wazuh_cicd.install.target import CONF, RESTART, SiteRule, may_touch
from wazuh_cicd.install.tree import Facts, Tree
from wazuh_cicd.manager.errors import ManagerError, Unreachable
from wazuh_cicd.manager.logtest import SocketEngine
from wazuh_cicd.manager.sockets import ANALYSIS, LOGTEST, UnixChannel, request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

# Both take time in proportion to a file, whatever stands in it.
_RULE = re.compile(rb"<rule\s([^<>]*)>")
_RULE_ID = re.compile(rb'\bid="(\d{1,10})"')
_FOLDERS = ("etc/rules", "etc/decoders", "etc/lists", "etc/lists/cicd", "active-response/bin", "wodles/cicd")
_MANAGERS_OWN = ("", "etc", "etc/rules", "etc/decoders", "etc/lists")
_SAID = re.compile(r"(?:^|: )(WARNING|ERROR|CRITICAL): (.*)$")
# What analysisd -t says of the machine it runs on, not of the configuration.
_NOISE = re.compile(r"set resource limit for file descriptors")
_STATE = "var/wazuh-cicd"


@dataclass(slots=True)
class LocalTarget:
    """A manager's folder.

    Attributes:
        root: the folder.
        wait: seconds to wait for a restarted manager.
        restart_command: restarts the manager; default: its own ``bin/wazuh-control restart``.
    """

    root: Path
    wait: float = 120.0
    restart_command: Sequence[str] = ()
    flat_lists: bool = field(default=False, init=False)
    unread: list[str] = field(default_factory=list, init=False, repr=False)
    _tree: Tree = field(init=False, repr=False)
    _store: Tree = field(init=False, repr=False)
    _seen: dict[str, Facts | None] = field(default_factory=dict, init=False, repr=False)
    _drafts: dict[str, Facts] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no manager's folder.

        Raises:
            InstallError: no ossec.conf below it.
        """
        self.root = self.root.resolve()
        self._tree = Tree(self.root)
        self._store = Tree(self.root, _STATE, private=True)
        try:
            there = self._tree.facts(CONF) is not None
        except OSError as error:
            raise InstallError(f"{error.filename}: {error.strerror}; run as root") from error
        if not there:
            raise InstallError(f"{self.root}: no manager there ({CONF} is missing); name its folder with --root")

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.root)

    @property
    def store(self) -> Tree:
        """Below the manager's own folder, so that files can be kept by a second name instead of a copy."""
        return self._store

    @property
    def record_path(self) -> str:
        """Where only root comes."""
        return PRIVATE

    def lock(self) -> AbstractContextManager[None]:
        """Against every other installation on this manager."""
        return only_one(self._store, "run as root")

    def conf_paths(self) -> Sequence[str]:
        """The one file."""
        return (CONF,)

    def can_write(self, path: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Everything can be written here."""
        return True

    def can_read(self, path: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Everything can be read here."""
        return True

    def ours(self) -> Iterable[str]:
        """Files with our names, by looking into the folders they may lie in."""
        for folder in _FOLDERS:
            yield from filter(is_ours, (f"{folder}/{name}" for name in self._tree.names(folder)))

    def facts(self, path: str) -> Facts | None:
        """Owner and mode of a file when it was last read."""
        return self._seen.get(path)

    def read(self, path: str) -> bytes | None:
        """A file's content; None when it is not there.

        Raises:
            Unsafe: it is a link, has other names elsewhere, or belongs to somebody who has no business there.
            InstallError: it cannot be read.
        """
        try:
            if path == PRIVATE:
                self._store.folder_facts()  # refuses one that is not ours alone
            found = self._tree.read(path)
        except OSError as error:
            fix = "put a file there" if isinstance(error, IsADirectoryError) else "run as root"
            raise InstallError(f"{error.filename or path}: {error.strerror}; {fix}") from error
        self._seen[path] = found[1] if found else None
        if found is None:
            return None
        self._check_file(path, found[1])
        if path == PRIVATE and (found[1].owner != os.geteuid() or found[1].mode & 0o022):
            raise Unsafe(f"{self._tree.shown(path)}: I131 may have been written by others than root; remove it")
        return found[0]

    def keep(self, path: str, backup: str) -> bool:
        """A second name for the same file: costs no room, keeps owner, mode and time."""
        self._guard(path)
        facts = self._tree.facts(path)
        if facts is None:
            return False
        self._check_file(path, facts)
        try:
            self._tree.link(path, self._store, backup)
        except OSError:
            # Another file system (a volume of its own), or one without hard links.
            found = self._tree.read(path)
            if found is None:
                return False
            data, facts = found
            self._check_file(path, facts)
            self._store.create(
                backup, data, owner=facts.owner, group=facts.group, mode=facts.mode, modified=facts.modified
            )
            return True
        if not facts.same_file(self._store.facts(backup)):
            self._store.unlink(backup)
            raise Unsafe(f"{self._tree.shown(path)}: I130 was exchanged while this ran; find out by whom")
        return True

    def stage(self, path: str, data: bytes, token: str, facts: Facts | None = None) -> None:
        """Write all of it beside its place, with owner and mode, down to the disk."""
        self._guard(path)
        shown = self._tree.shown(path)
        folder = path.rsplit("/", 1)[0]
        try:
            self._tree.make(folder, mode=0o750 if is_program(path) else None)
            self._check_programs_folder(path)
            self._check_unchanged(path)
            owner, group, mode = self._owner(path, folder, facts)
            draft = _draft(path, token)
            self._drafts[draft] = self._tree.create(draft, data, owner=owner, group=group, mode=mode)
        except OSError as error:
            raise InstallError(f"{shown}: {error.strerror}; nothing was changed") from error

    def write(self, path: str, data: bytes, token: str) -> None:  # noqa: ARG002 - staged already
        """Rename the draft over the file."""
        self._guard(path)
        draft = _draft(path, token)
        staged = self._drafts.pop(draft)
        self._check_unchanged(path)
        if not staged.unchanged(self._tree.facts(draft)):
            raise Unsafe(f"{self._tree.shown(draft)}: I130 was exchanged while this ran; find out by whom")
        self._tree.replace(draft, path)
        self._seen[path] = staged
        if not staged.same_file(self._tree.facts(path)):
            raise Unsafe(f"{self._tree.shown(path)}: I130 was exchanged while this ran; find out by whom")
        self._forget_compiled(path)

    def delete(self, path: str) -> None:
        """Remove the file, and the folder when it is ours and empty now."""
        self._guard(path)
        self._tree.unlink(path)
        self._seen[path] = None
        self._forget_compiled(path)
        self._remove_folder(path)

    def restore(self, path: str, backup: str | None) -> None:
        """Give the kept file its first name back; needs no room on the disk."""
        if backup is None:
            self.delete(path)
            return
        self._guard(path)
        kept = self._store.facts(backup)
        if kept is None or not kept.is_file:
            raise InstallError(f"{self._store.shown(backup)}: is missing, so {path} cannot be put back")
        self._tree.make(path.rsplit("/", 1)[0], mode=0o750 if is_program(path) else None)
        now = self._tree.facts(path)
        if now is not None and (kept.same_file(now) or self._is_copy(path, now, backup, kept)):
            return
        draft = _draft(path, "restore")
        self._tree.unlink(draft)
        if is_program(path) and self._loose(kept):
            kept = self._copy_back(path, backup, draft)
        else:
            try:
                self._store.link(backup, self._tree, draft)
            except OSError:
                kept = self._copy_back(path, backup, draft)
        if not kept.same_file(self._tree.facts(draft)):
            raise Unsafe(f"{self._tree.shown(draft)}: I130 was exchanged while this ran; find out by whom")
        self._tree.replace(draft, path)
        self._seen[path] = kept
        self._forget_compiled(path)

    def _copy_back(self, path: str, backup: str, draft: str) -> Facts:
        """A draft with a kept file's content, owner and mode; a program that others could change becomes root's."""
        found = self._store.read(backup)
        if found is None:
            raise InstallError(f"{self._store.shown(backup)}: is missing; {path} cannot be put back")
        data, kept = found
        owner, group, mode = kept.owner, kept.group, kept.mode
        if is_program(path) and self._loose(kept):
            owner, group, mode = self._owner(path, path.rsplit("/", 1)[0], None)
        return self._tree.create(draft, data, owner=owner, group=group, mode=mode, modified=kept.modified)

    def unstage(self, paths: Iterable[str], token: str) -> None:
        """Remove the drafts."""
        for path in paths:
            self._guard(path)
            self._drafts.pop(_draft(path, token), None)
            self._tree.unlink(_draft(path, token))
            self._tree.unlink(_draft(path, "restore"))
            self._remove_folder(path)

    def site_rules(self, ours: set[str]) -> Mapping[int, Sequence[SiteRule]]:
        """By reading the files that ossec.conf names, ours left out.

        A file that is reached over a link, or lies outside the manager's folder, is not opened but noted in ``unread``.
        """
        self.unread.clear()
        conf = read_conf(self.read(CONF) or b"")
        found: dict[int, list[SiteRule]] = {}
        paths = dict.fromkeys(conf.included)
        # One folder has many spellings, and each file is read once.
        for folder in dict.fromkeys(re.sub("/+", "/", folder).rstrip("/") for folder in conf.rule_dirs):
            try:
                names = self._tree.names(folder)
            except Unsafe as error:
                self.unread.append(str(error))
                continue
            paths.update(dict.fromkeys(f"{folder}/{name}" for name in names if name.endswith(".xml")))
        excluded = set(conf.excluded)
        for path in paths:
            if path in ours or path.rsplit("/", 1)[-1] in excluded or path in excluded:
                continue
            try:
                data = self.read(path) or b""
            except Unsafe as error:
                self.unread.append(str(error))
                continue
            for rule in _RULE.finditer(without_comments(data)):
                if number := _RULE_ID.search(rule[1]):
                    found.setdefault(int(number[1]), []).append(SiteRule(path, b'overwrite="yes"' in rule[1]))
        return found

    def check(self) -> list[str]:
        """Run ``wazuh-analysisd -t`` and read what it says: its exit code is 0 even when rules were dropped.

        In a tree without the program, the evaluator loads the ruleset instead.
        """
        program = self._program("wazuh-analysisd")
        if program is None:
            return self._check_offline()
        try:
            ran = subprocess.run(  # noqa: S603 - the manager's own program
                [str(program), "-t"], cwd=self.root, capture_output=True, timeout=300, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InstallError(f"{program} -t: {error}; the configuration cannot be tested") from error
        text = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        said = [f"{found[1]}: {found[2]}" for line in text.splitlines() if (found := _SAID.search(line))]
        said = [line for line in said if not _NOISE.search(line)]
        if ran.returncode != 0 and not any(line.startswith(("ERROR", "CRITICAL")) for line in said):
            said.append(f"CRITICAL: wazuh-analysisd -t ended with {ran.returncode} and no word")
        return said

    def _check_offline(self) -> list[str]:
        from wazuh_cicd.engine import load_ruleset  # noqa: PLC0415 - only trees without a manager need it
        from wazuh_cicd.errors import RulesetError  # noqa: PLC0415 - as above

        try:
            return [str(message) for message in load_ruleset([self.root]).messages]
        except (RulesetError, OSError) as error:
            return [f"CRITICAL: {line}" for line in str(error).splitlines()]

    def is_running(self) -> bool:
        """Whether analysisd listens on its control socket; one that is too busy to answer in time runs as well."""
        return self._answers(ANALYSIS, busy=True)

    def loaded_since(self, path: str) -> bool:
        """By the time of the file and the time at which analysisd says it began."""
        facts = self._tree.facts(path)
        if facts is None:
            return False
        try:
            data = request(UnixChannel(self.root / ANALYSIS, timeout=10.0), "getstats").get("data")
        except ManagerError:
            return False
        began = data.get("uptime") if isinstance(data, dict) else None
        return isinstance(began, int | float) and facts.modified < began * 10**9

    def trusts(self, record: Record) -> bool:
        """Only what lies where root alone writes."""
        found = self.read(PRIVATE)
        return found is not None and Record.load(found).settings == record.settings

    def remember(self, data: bytes | None) -> None:
        """The record itself lies where only root writes."""

    def activate(self, how: str) -> list[str]:
        """Reload through the control socket, or restart and wait."""
        if how == RESTART:
            self._restart()
            return []
        answer = request(UnixChannel(self.root / ANALYSIS, timeout=max(self.wait, 60.0)), "reload-ruleset")
        told = answer.get("data")
        return [f"WARNING: {line}" for line in told] if isinstance(told, list) else []

    def engine(self) -> SocketEngine | None:
        """The logtest socket, if somebody answers there."""
        return SocketEngine(UnixChannel(self.root / LOGTEST)) if self._answers(LOGTEST) else None

    def _restart(self) -> None:
        command = list(self.restart_command)
        if not command:
            control = self._program("wazuh-control")
            if control is None:
                raise Unreachable(f"{self.root}/bin/wazuh-control: not there; name another way with --restart-command")
            command = [str(control), "restart"]
        try:
            ran = subprocess.run(  # noqa: S603 - the manager's own program, or the admin's
                command, capture_output=True, timeout=max(self.wait, 60.0), check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unreachable(f"{' '.join(command)}: {error}") from error
        if ran.returncode != 0:
            lines = (ran.stdout + ran.stderr).decode("utf-8", "replace").strip().splitlines()
            raise ManagerError(f"{' '.join(command)} failed: {lines[-1] if lines else ran.returncode}")
        give_up = time.monotonic() + self.wait
        while not (self._answers(ANALYSIS) and self._answers(LOGTEST)):
            if time.monotonic() > give_up:
                raise Unreachable(f"{self.root}: the manager did not come back within {self.wait:.0f} s")
            time.sleep(0.5)

    def _answers(self, socket: str, *, busy: bool = False) -> bool:
        channel = UnixChannel(self.root / socket, timeout=10.0)
        try:
            # No such command: any answer at all shows that somebody is there.
            request(channel, "getconfig")
        except Unreachable as error:
            return busy and isinstance(error.__cause__, TimeoutError)
        except ManagerError:
            return True
        return True

    def _guard(self, path: str) -> None:
        if not may_touch(path):
            raise Unsafe(f"{path!r}: I132 is no file of wazuh-cicd; nothing else is written or removed")

    def _check_file(self, path: str, facts: Facts) -> None:
        shown = self._tree.shown(path)
        if not facts.is_file:
            raise Unsafe(f"{shown}: I130 is a link or no ordinary file; put the file itself there")
        if facts.owner not in self._owners():
            raise Unsafe(
                f"{shown}: I131 belongs to user {facts.owner}, who is neither root nor the manager's own;"
                " remove it, or give it to the owner of its folder"
            )
        if facts.links > 1 and facts.links > 1 + self._kept_names(facts):
            raise Unsafe(f"{shown}: I130 has a second name elsewhere, so it may be another's file; put a copy there")

    def _owners(self) -> frozenset[int]:
        """Root, whoever installs, and the users that the manager's own folders belong to."""
        found = {0, os.geteuid()}
        for folder in _MANAGERS_OWN:
            facts = self._tree.folder_facts(folder)
            if facts is not None:
                found.add(facts.owner)
        return frozenset(found)

    def _kept_names(self, facts: Facts) -> int:
        """How many of our backups are second names of this file."""
        kept = (
            self._store.facts(f"{BACKUPS}/{folder}/{name}")
            for folder in self._store.names(BACKUPS)
            for name in self._store.names(f"{BACKUPS}/{folder}")
        )
        return sum(facts.same_file(other) for other in kept)

    def _check_unchanged(self, path: str) -> None:
        """Refuse to replace what is not what was read: somebody edits it, or has exchanged it."""
        if path not in self._seen:
            return
        seen, now = self._seen[path], self._tree.facts(path)
        if (seen is None) != (now is None) or (seen is not None and not seen.unchanged(now)):
            raise Unsafe(f"{self._tree.shown(path)}: I133 was changed by somebody else while this ran; run it again")

    def _owner(self, path: str, folder: str, facts: Facts | None) -> tuple[int, int, int]:
        """Owner and mode: of the content where it came from elsewhere, else the file's own, else its folder's."""
        above = self._tree.folder_facts(folder)
        if above is None:
            raise InstallError(f"{self._tree.shown(folder)}: is gone; run it again")
        if path == PRIVATE:
            return os.geteuid(), os.getegid(), 0o600
        if is_program(path):
            return os.geteuid(), above.group, 0o750
        facts = facts or self._seen.get(path)
        if facts is not None:
            return facts.owner, facts.group, facts.mode
        if above.owner not in self._owners():
            raise Unsafe(f"{self._tree.shown(folder)}: I131 belongs to user {above.owner}; find out who made it")
        return above.owner, above.group, 0o660

    def _program(self, name: str) -> Path | None:
        """A program of the manager, to be run with our rights; None when it is not there.

        Raises:
            Unsafe: somebody else can change it, and would have these rights.
        """
        path = f"bin/{name}"
        try:
            facts = self._tree.facts(path)
            if facts is None:
                return None
            for place, found in (
                ("", self._tree.folder_facts()),
                ("bin", self._tree.folder_facts("bin")),
                (path, facts),
            ):
                if found is None or self._loose(found):
                    raise Unsafe(
                        f"{self._tree.shown(place)}: I134 may be changed by others than root, so root does not run"
                        f" {path}; 'chown root' and 'chmod go-w' it (the manager's packages do)"
                    )
        except OSError as error:
            raise InstallError(f"{error.filename or path}: {error.strerror}; run as root") from error
        if not facts.is_file:
            raise Unsafe(f"{self._tree.shown(path)}: I130 is a link or no ordinary file; it is not run")
        return self.root / path

    @staticmethod
    def _loose(facts: Facts) -> bool:
        """Whether somebody beside root may change what root runs."""
        return os.geteuid() == 0 and facts.writable_by_others(frozenset({0}))

    def _check_programs_folder(self, path: str) -> None:
        """Refuse to put a program where somebody else could exchange it afterwards: root will run it."""
        if not is_program(path):
            return
        parts = path.split("/")
        for number in range(len(parts)):
            folder = "/".join(parts[:number])
            facts = self._tree.folder_facts(folder)
            if facts is None or self._loose(facts):
                raise Unsafe(
                    f"{self._tree.shown(folder)}: I134 may be changed by others than root, so no program is put there;"
                    " 'chown root' and 'chmod go-w' it (the manager's packages do)"
                )

    def _is_copy(self, path: str, now: Facts, backup: str, kept: Facts) -> bool:
        """Whether a file is still what a backup on another file system was made of: then it needs no room again."""
        alike = [(facts.kind, facts.mode, facts.owner, facts.group, facts.size) for facts in (now, kept)]
        if alike[0] != alike[1] or not now.is_file:
            return False
        here, there = self._tree.read(path), self._store.read(backup)
        return here is not None and there is not None and here[0] == there[0]

    def _remove_folder(self, path: str) -> None:
        folder = path.rsplit("/", 1)[0]
        if folder.endswith("/cicd"):
            self._tree.rmdir(folder)

    def _forget_compiled(self, path: str) -> None:
        # analysisd compiles a list anew only when its text is newer by whole seconds: a restored one never is.
        if is_list(path):
            self._tree.unlink(f"{path}.cdb")


def _draft(path: str, token: str) -> str:
    # No ".xml" at the end: analysisd reads every file of the folder that has it.
    folder, name = path.rsplit("/", 1)
    return f"{folder}/.{name}.cicd-{token}"
