"""A manager's folder on this machine: usually ``/var/ossec``, or any tree laid out like one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.install.desired import is_list, is_ours
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.lock import only_one
from wazuh_cicd.install.ossecconf import read_conf
from wazuh_cicd.install.target import CONF, RESTART, SiteRule
from wazuh_cicd.manager.errors import ManagerError, Unreachable
from wazuh_cicd.manager.logtest import SocketEngine
from wazuh_cicd.manager.sockets import ANALYSIS, LOGTEST, UnixChannel, request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

_RULE = re.compile(rb'<rule\s[^>]*?\bid="(\d+)"[^>]*>')
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_FOLDERS = ("etc/rules", "etc/decoders", "etc/lists", "etc/lists/cicd", "active-response/bin", "wodles/cicd")
_SAID = re.compile(r"(?:^|: )(WARNING|ERROR|CRITICAL): (.*)$")
# What analysisd -t says of the machine it runs on, not of the configuration.
_NOISE = re.compile(r"set resource limit for file descriptors")


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

    def __post_init__(self) -> None:
        """Refuse what is no manager's folder.

        Raises:
            InstallError: no ossec.conf below it.
        """
        if not (self.root / CONF).exists():
            raise InstallError(f"{self.root}: no manager there ({CONF} is missing); name its folder with --root")

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.root)

    @property
    def state(self) -> Path:
        """Below the manager's own folder, so that files can be kept by a second name instead of a copy."""
        return self.root / "var" / "wazuh-cicd"

    def lock(self) -> AbstractContextManager[None]:
        """Against every other installation on this manager."""
        return only_one(self.state, "run as root")

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
            where = self.root / folder
            if where.is_dir():
                yield from (path for path in _files(where, folder) if is_ours(path))

    def read(self, path: str) -> bytes | None:
        """A file's content; None when it is not there."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InstallError(f"{self.root / path}: {error.strerror}; run as root") from error

    def keep(self, path: str, backup: Path) -> bool:
        """A second name for the same file: costs no room, keeps owner, mode and time."""
        source = Path(os.path.realpath(self.root / path))
        if not source.exists():
            return False
        backup.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(source, backup)
        except OSError:
            # Another file system (a volume of its own), or one without hard links.
            shutil.copy2(source, backup)
            status = source.stat()
            with suppress(PermissionError):
                os.chown(backup, status.st_uid, status.st_gid)
            _sync(backup)
        _sync(backup.parent)
        return True

    def stage(self, path: str, data: bytes, token: str) -> None:
        """Write all of it beside its place, with owner and mode, down to the disk."""
        place = Path(os.path.realpath(self.root / path))
        try:
            self._make_folder(place.parent)
            draft = _draft(place, token)
            with draft.open("xb") as stream:
                stream.write(data)
                self._own(stream.fileno(), place, path)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise InstallError(f"{place}: {error.strerror}; nothing was changed") from error

    def write(self, path: str, data: bytes, token: str) -> None:  # noqa: ARG002 - staged already
        """Rename the draft over the file."""
        place = Path(os.path.realpath(self.root / path))
        _draft(place, token).replace(place)
        _sync(place.parent)
        self._forget_compiled(path)

    def delete(self, path: str) -> None:
        """Remove the file, and the folder when it is ours and empty now."""
        place = self.root / path
        place.unlink(missing_ok=True)
        self._forget_compiled(path)
        if place.parent.name == "cicd":
            with suppress(OSError):
                place.parent.rmdir()
        if place.parent.exists():
            _sync(place.parent)

    def restore(self, path: str, backup: Path | None) -> None:
        """Give the kept file its first name back; needs no room on the disk."""
        if backup is None:
            self.delete(path)
            return
        place = Path(os.path.realpath(self.root / path))
        self._make_folder(place.parent)
        if place.exists() and (place.samefile(backup) or _is_copy(place, backup)):
            return
        draft = _draft(place, "restore")
        draft.unlink(missing_ok=True)
        try:
            os.link(backup, draft)
        except OSError:
            shutil.copy2(backup, draft)
            status = backup.stat()
            with suppress(PermissionError):
                os.chown(draft, status.st_uid, status.st_gid)
            _sync(draft)
        draft.replace(place)
        _sync(place.parent)
        self._forget_compiled(path)

    def unstage(self, paths: Iterable[str], token: str) -> None:
        """Remove the drafts."""
        for path in paths:
            place = Path(os.path.realpath(self.root / path))
            _draft(place, token).unlink(missing_ok=True)
            _draft(place, "restore").unlink(missing_ok=True)
            if place.parent.name == "cicd":
                with suppress(OSError):
                    place.parent.rmdir()

    def site_rules(self, ours: set[str]) -> Mapping[int, Sequence[SiteRule]]:
        """By reading the files that ossec.conf names, ours left out."""
        conf = read_conf(self.read(CONF) or b"")
        found: dict[int, list[SiteRule]] = {}
        paths = [
            path
            for folder in conf.rule_dirs
            if (self.root / folder).is_dir()
            for path in _files(self.root / folder, folder)
            if path.endswith(".xml")
        ]
        for path in [*paths, *conf.included]:
            if path in ours or path.rsplit("/", 1)[-1] in conf.excluded or path in conf.excluded:
                continue
            data = _COMMENT.sub(b"", self.read(path) or b"")
            for rule in _RULE.finditer(data):
                found.setdefault(int(rule[1]), []).append(SiteRule(path, b'overwrite="yes"' in rule[0]))
        return found

    def check(self) -> list[str]:
        """Run ``wazuh-analysisd -t`` and read what it says: its exit code is 0 even when rules were dropped.

        In a tree without the program, the evaluator loads the ruleset instead.
        """
        program = self.root / "bin" / "wazuh-analysisd"
        if not program.exists():
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
        except RulesetError as error:
            return [f"CRITICAL: {line}" for line in str(error).splitlines()]

    def is_running(self) -> bool:
        """Whether analysisd listens on its control socket; one that is too busy to answer in time runs as well."""
        return self._answers(ANALYSIS, busy=True)

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
        command = list(self.restart_command) or [str(self.root / "bin" / "wazuh-control"), "restart"]
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

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(mode=0o750)
        status = folder.parent.stat()
        with suppress(PermissionError):
            os.chown(folder, status.st_uid, status.st_gid)
        folder.chmod(status.st_mode & 0o7777)

    def _own(self, handle: int, place: Path, path: str) -> None:
        """Owner and mode: as the file had them, else as a file of its folder should have them."""
        if place.exists():
            status = place.stat()
            owner, group, mode = status.st_uid, status.st_gid, status.st_mode & 0o7777
        else:
            status = place.parent.stat()
            owner, group = status.st_uid, status.st_gid
            mode = 0o750 if path.startswith(("active-response/bin/", "wodles/")) else 0o660
            if path.startswith("active-response/cicd/"):
                mode = 0o640
            if mode != 0o660 and os.geteuid() == 0:
                owner = 0
        os.fchmod(handle, mode)
        if (owner, group) != (os.geteuid(), os.getegid()):
            os.fchown(handle, owner, group)

    def _forget_compiled(self, path: str) -> None:
        # analysisd compiles a list anew only when its text is newer by whole seconds: a restored one never is.
        if is_list(path):
            (self.root / f"{path}.cdb").unlink(missing_ok=True)


def _files(where: Path, folder: str) -> list[str]:
    return sorted(f"{folder}/{entry.name}" for entry in where.iterdir())


def _is_copy(place: Path, backup: Path) -> bool:
    """Whether a file is still what a backup on another file system was made of: then it needs no room again."""
    now, then = place.stat(), backup.stat()
    facts = [(s.st_mode, s.st_uid, s.st_gid, s.st_size) for s in (now, then)]
    return facts[0] == facts[1] and place.read_bytes() == backup.read_bytes()


def _draft(place: Path, token: str) -> Path:
    # No ".xml" at the end: analysisd reads every file of the folder that has it.
    return place.with_name(f".{place.name}.cicd-{token}")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
