"""A manager, or a cluster's master, behind its server API.

What the API cannot do is left out and said: programs (active responses, wodles) and folders below ``etc/lists``. It
can replace ``ossec.conf`` only as a whole, node by node, and checks uploads itself: it refuses what analysisd would
not load.
Facts: api/api/spec/spec.yaml, framework/wazuh/{rule,decoder,cdb_list,manager}.py of Wazuh 4.14.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from wazuh_cicd.install.desired import is_ours
from wazuh_cicd.install.errors import InstallError, Unsafe
from wazuh_cicd.install.lock import only_one
from wazuh_cicd.install.record import ADVICE, Record
from wazuh_cicd.install.target import CONF, RESTART, SiteRule, may_touch
from wazuh_cicd.install.tree import Tree
from wazuh_cicd.manager.api import document
from wazuh_cicd.manager.errors import Denied, ManagerError, Refused, Unreachable
from wazuh_cicd.manager.logtest import NO_SESSION, ApiEngine
from wazuh_cicd.manager.sockets import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wazuh_cicd.install.tree import Facts
    from wazuh_cicd.manager.api import Api

_KINDS = {"etc/rules/": "/rules/files", "etc/decoders/": "/decoders/files", "etc/lists/": "/lists/files"}
_BODY_LIMIT = 10_485_760
_RULES_A_PAGE = 5000
_UNKNOWN = (1415, 1503, 1802)  # rules, decoders, lists file not found
_OWN_COPY = "installed"
_SENT = "Ruleset reload request sent successfully"


def default_state(url: str) -> Path:
    """Where the journal and the backups of this API's manager lie on this machine."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(base) / "wazuh-cicd" / quote(urlsplit(url).netloc, safe="")


@dataclass(slots=True)
class ApiTarget:
    """A manager behind its API.

    Attributes:
        api: see ``Api``.
        state_folder: replaces ``default_state``.
        wait: seconds to wait for a restarted manager.
        now: replaced by tests.
    """

    api: Api
    state_folder: Path | None = None
    wait: float = 120.0
    now: Callable[[], float] = time.monotonic
    flat_lists: bool = field(default=True, init=False)
    unread: list[str] = field(default_factory=list, init=False, repr=False)
    _names: dict[str, dict[str, str]] = field(default_factory=dict, init=False, repr=False)
    _nodes: list[str] | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """The address."""
        return self.api.url

    @property
    def store(self) -> Tree:
        """On this machine: the API has no place for backups."""
        folder = (self.state_folder or default_state(self.api.url)).absolute()
        return Tree(folder.parent, folder.name, private=True)

    @property
    def record_path(self) -> str:
        """Beside the lists: the API reaches no folder of our own."""
        return ADVICE

    def lock(self) -> AbstractContextManager[None]:
        """Against other installations from this machine; the API has no lock against those of other machines."""
        self._names.clear()
        fix = "name another folder with --state"
        store = self.store
        try:
            # Not by parents=True alone: folders above would get whatever mode the umask leaves.
            for folder in (*reversed(store.base.parents), store.base):
                if not folder.exists():
                    folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InstallError(f"{store.base}: {error.strerror}; {fix}") from error
        return only_one(store, fix)

    def conf_paths(self) -> Sequence[str]:
        """One, or one a node: a cluster synchronises rules, decoders and lists, but not ``ossec.conf``."""
        nodes = self._cluster()
        return [f"{node}:{CONF}" for node in nodes] if nodes else [CONF]

    def can_write(self, path: str) -> bool:
        """Rules, decoders and lists only."""
        return any(path.startswith(kind) and "/" not in path[len(kind) :] for kind in _KINDS)

    def can_read(self, path: str) -> bool:
        """Rules, decoders, lists in any folder, and ``ossec.conf``."""
        return path.startswith(tuple(_KINDS)) or self._conf_url(path) is not None

    def ours(self) -> Iterable[str]:
        """Files with our names."""
        for kind in _KINDS:
            paths = sorted(f"{folder}/{name}" for name, folder in self._listing(kind).items())
            yield from filter(is_ours, paths)

    def read(self, path: str) -> bytes | None:
        """A file's content; None when it is not there."""
        conf = self._conf_url(path)
        if conf is not None:
            return self.api.request("GET", conf, params={"raw": "true"}).content
        kind, name = self._split(path)
        if name not in self._listing(kind):
            return None
        params: dict[str, str | int] = {"raw": "true"}
        if "lists" not in kind:
            params["relative_dirname"] = kind.rstrip("/")
        answer = self.api.request("GET", f"{_KINDS[kind]}/{name}", params=params)
        if "json" in answer.headers.get("Content-Type", ""):
            # The raw form of a file is never JSON: this is an error dressed as success.
            raise ManagerError(f"GET {_KINDS[kind]}/{name}: {answer.text[:200]}")
        return answer.content

    def facts(self, path: str) -> None:
        """The API tells no owner: it writes every file as the manager's own."""

    def keep(self, path: str, backup: str) -> bool:
        """Download it."""
        data = self.read(path)
        if data is None:
            return False
        self.store.create(backup, data, owner=os.geteuid(), group=os.getegid(), mode=0o600)
        return True

    def stage(
        self,
        path: str,
        data: bytes,
        token: str,  # noqa: ARG002 - the protocol's signature
        facts: Facts | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Refuse before the first upload what the API would refuse at a later one."""
        if len(data) > _BODY_LIMIT:
            raise InstallError(f"{path}: {len(data)} bytes, the API takes at most {_BODY_LIMIT}")
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise InstallError(f"{path}: is not UTF-8 (byte {error.start}); the API would refuse it") from error
        if not data:
            raise InstallError(f"{path}: is empty; the API takes no empty file")

    def write(self, path: str, data: bytes, token: str) -> None:  # noqa: ARG002 - as above
        """Upload it and read it back: some texts the API changes silently."""
        conf = self._conf_url(path)
        if conf is not None:
            self.api.items("PUT", conf, body=data)
        else:
            kind, name = self._split(path)
            params = {"overwrite": "true"} | ({} if "lists" in kind else {"relative_dirname": kind.rstrip("/")})
            self.api.items("PUT", f"{_KINDS[kind]}/{name}", params=params, body=data)
            self._listing(kind)[name] = kind.rstrip("/")
        now = self.read(path)
        if now is None or now.rstrip(b"\n") != data.rstrip(b"\n"):
            raise InstallError(f"{path}: the manager has stored something else than was uploaded")

    def delete(self, path: str) -> None:
        """Delete it; nothing when it is not there."""
        kind, name = self._split(path)
        if name not in self._listing(kind):
            return
        params = {} if "lists" in kind else {"relative_dirname": kind.rstrip("/")}
        try:
            self.api.items("DELETE", f"{_KINDS[kind]}/{name}", params=params)
        except Refused as error:
            if error.code not in (1906, *_UNKNOWN):
                raise
        self._listing(kind).pop(name, None)

    def restore(self, path: str, backup: str | None) -> None:
        """Upload the kept content, unless it is there."""
        self._names.clear()
        if backup is None:
            self.delete(path)
            return
        store = self.store
        kept = store.read(backup)
        if kept is None:
            raise InstallError(f"{store.shown(backup)}: is missing, so {path} cannot be put back")
        if self.read(path) != kept[0]:
            self.write(path, kept[0], "")

    def unstage(self, paths: Iterable[str], token: str) -> None:
        """Nothing was staged."""

    def site_rules(self, ours: set[str]) -> Mapping[int, Sequence[SiteRule]]:
        """From ``GET /rules``, which reads the files that the configuration names.

        It reads them all anew for each page, so the pages are large; the API allows 100,000 items.
        """
        found: dict[int, list[SiteRule]] = {}
        for item in self.api.pages("/rules", {"select": "id,filename,relative_dirname,details"}, size=_RULES_A_PAGE):
            path = f"{_text(item, 'relative_dirname')}/{_text(item, 'filename')}"
            if path not in ours:
                details = item.get("details")
                overwrite = isinstance(details, dict) and str(details.get("overwrite", "")) == "yes"
                found.setdefault(number(item.get("id")), []).append(SiteRule(path, overwrite))
        return found

    def check(self) -> list[str]:
        """The API's validation on every node, and what a new logtest session warns of (the validation tells none)."""
        base = "/cluster" if self._cluster() else "/manager"
        said = []
        for item in self.api.objects("GET", f"{base}/configuration/validation"):
            if item.get("status") != "OK":
                details = item.get("details") or "no details"
                lines = details if isinstance(details, list) else [details]
                said += [f"ERROR: {item.get('name')}: {line}" for line in lines]
        try:
            said += [str(message) for message in ApiEngine(self.api).load_messages]
        except Refused as error:
            if error.code != NO_SESSION:
                raise
            said.append(f"CRITICAL: {error}")
        return said

    def is_running(self) -> bool:
        """Whether analysisd runs."""
        return self._status() == "running"

    def loaded_since(self, path: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """The API tells no file's time."""
        return False

    def trusts(self, record: Record) -> bool:
        """When this machine has installed it so itself."""
        try:
            found = self.store.read_own(_OWN_COPY)
        except OSError as error:
            raise InstallError(f"{error.filename}: {error.strerror}; name another folder with --state") from error
        return found is not None and Record.load(found, self.store.shown(_OWN_COPY)).settings == record.settings

    def remember(self, data: bytes | None) -> None:
        """On this machine."""
        if data is None:
            self.store.unlink(_OWN_COPY)
        else:
            self.store.write(_OWN_COPY, data)

    def activate(self, how: str) -> list[str]:
        """Reload or restart all nodes, and wait."""
        base = "/cluster" if self._cluster() else "/manager"
        if how == RESTART:
            before = self._started()
            self.api.request("PUT", f"{base}/restart", repeatable=False)
            self._wait_for_restart(before)
            return []
        said = []
        for item in self.api.objects("PUT", f"{base}/analysisd/reload"):
            message = str(item.get("msg", ""))
            if not message.startswith(_SENT) and message:
                said += [f"WARNING: {line}" for line in message.split(", (") if line]
        return [line if "(" in line else line.replace("WARNING: ", "WARNING: (", 1) for line in said]

    def engine(self) -> ApiEngine:
        """``PUT /logtest``."""
        return ApiEngine(self.api)

    def _cluster(self) -> list[str]:
        if self._nodes is None:
            status = document(self.api.request("GET", "/cluster/status")).get("data")
            if not isinstance(status, dict):
                raise ManagerError(f"{self.name}: GET /cluster/status: no data in the answer")
            enabled = status.get("enabled") == "yes" and status.get("running") == "yes"
            names = [_text(item, "name") for item in self.api.pages("/cluster/nodes")] if enabled else []
            for name in names:
                # It becomes part of paths, and of the journal, which is read by what installs next.
                if not may_touch(f"{name}:{CONF}"):
                    raise Unsafe(
                        f"{self.name}: I132 has a node named {name[:80]!r}; letters, digits, '.', '_', '-' only"
                    )
            if enabled and not names:
                raise ManagerError(f"{self.name}: GET /cluster/nodes: a cluster without nodes")
            self._nodes = names
        return self._nodes

    def _conf_url(self, path: str) -> str | None:
        if path == CONF:
            return "/manager/configuration"
        if path.endswith(f":{CONF}"):
            return f"/cluster/{quote(path.removesuffix(f':{CONF}'), safe='')}/configuration"
        return None

    @staticmethod
    def _split(path: str) -> tuple[str, str]:
        if not may_touch(path):
            raise Unsafe(f"{path!r}: I132 is no file of wazuh-cicd")
        for kind in _KINDS:
            if path.startswith(kind):
                # A list in a folder is found by its name alone, and can be read and deleted, not written.
                return kind, path.rsplit("/", 1)[-1]
        raise InstallError(f"{path}: the API has no way to this file")

    def _listing(self, kind: str) -> dict[str, str]:
        """The folder of each file, by name."""
        if kind not in self._names:
            params = {} if "lists" in kind else {"relative_dirname": kind.rstrip("/")}
            items = self.api.pages(_KINDS[kind], params)
            self._names[kind] = {_text(item, "filename"): _text(item, "relative_dirname") for item in items}
        return self._names[kind]

    def _status(self) -> str:
        items = self.api.objects("GET", "/manager/status")
        return str(items[0].get("wazuh-analysisd", "unknown")) if items else "unknown"

    def _started(self) -> str:
        """When analysisd began, as the API tells it."""
        path = f"/cluster/{self._cluster()[0]}/daemons/stats" if self._cluster() else "/manager/daemons/stats"
        items = self.api.objects("GET", path, params={"daemons_list": "wazuh-analysisd"})
        return str(items[0].get("uptime", "")) if items else ""

    def _wait_for_restart(self, before: str) -> None:
        give_up = self.now() + self.wait
        problem = "it still runs as before"
        while self.now() < give_up:
            self.api.sleep(2.0)
            try:
                if self._status() != "running":
                    problem = "analysisd does not run"
                elif self._started() != before:
                    return
            except Denied:
                raise
            except (Refused, Unreachable, ManagerError) as error:
                # Expected while the API itself restarts.
                problem = str(error)
        raise Unreachable(f"{self.name}: the manager did not come back within {self.wait:.0f} s ({problem})")


def _text(item: Mapping[str, Any], key: str) -> str:
    """A text of an item.

    Raises:
        ManagerError: it has none there.
    """
    found = item.get(key)
    if not isinstance(found, str):
        raise ManagerError(f"an item of the API has no {key}: {str(item)[:120]}")
    return found
