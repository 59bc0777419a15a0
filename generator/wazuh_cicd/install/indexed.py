"""A manager together with its indexer: one target, so that one transaction covers both.

What lies on the indexer has a path as well: ``indexer:pipeline/wazuh-cicd``, ``indexer:template/wazuh-cicd``,
``indexer:saved/dashboard/cicd-overview``. Its content is the JSON that was sent, in one fixed form, so that what the
indexer gives back can be compared with it.

An index that names a pipeline which is not there takes no document at all. So the pipeline is there before the template
that names it, and goes after it, once no index names it any more.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.manager.errors import ManagerError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wazuh_cicd.install.record import Record
    from wazuh_cicd.install.target import SiteRule, Target
    from wazuh_cicd.install.tree import Facts, Tree
    from wazuh_cicd.manager.indexer import Indexer
    from wazuh_cicd.manager.logtest import RemoteEngine

PREFIX = "indexer:"
PIPELINE = f"{PREFIX}pipeline/"
TEMPLATE = f"{PREFIX}template/"
SAVED = f"{PREFIX}saved/"
_OURS = "wazuh-alerts-4.x-*,wazuh-archives-4.x-*"
_INDEX = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._+-]*")
_LENIENT = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=all"
_SAVED_INDEX = ".kibana"
_BUILT = {"indexer/pipeline.json": f"{PIPELINE}wazuh-cicd", "indexer/template.json": f"{TEMPLATE}wazuh-cicd"}


def is_indexed(path: str) -> bool:
    """Whether a path lies on the indexer."""
    return path.startswith(PREFIX)


def indexer_goal(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the build wrote for the indexer, by path there."""
    goal = {place: canonical(place, json.loads(files[name])) for name, place in _BUILT.items()}
    for line in files["indexer/saved-objects.ndjson"].splitlines():
        one = json.loads(line)
        place = f"{SAVED}{one['type']}/{one['id']}"
        stored = {key: one[key] for key in ("type", "references", "migrationVersion")}
        goal[place] = canonical(place, {**stored, one["type"]: one["attributes"]})
    return goal


def canonical(path: str, document: Any) -> bytes:  # noqa: ANN401 - JSON
    """The one form of a document: what an indexer adds or spells otherwise is taken away."""
    if path.startswith(TEMPLATE):
        document = {
            "order": document.get("order", 0),
            "index_patterns": sorted(document.get("index_patterns", ())),
            "settings": dict(_flat(document.get("settings", {}), "")),
            "mappings": document.get("mappings", {}),
        }
    elif path.startswith(SAVED):
        document = {key: value for key, value in document.items() if key != "updated_at"}
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _flat(settings: Mapping[str, Any], above: str) -> Iterable[tuple[str, str]]:
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield (name if name.startswith("index.") else f"index.{name}"), _text(value)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(slots=True)
class IndexedTarget:
    """A manager, and its indexer.

    Attributes:
        manager: everything that is no path of the indexer goes to it.
        indexer: None when nobody has named it: then whatever would have to be done there is refused.
    """

    manager: Target
    indexer: Indexer | None

    @property
    def name(self) -> str:
        """The manager's."""
        return self.manager.name

    @property
    def store(self) -> Tree:
        """The manager's."""
        return self.manager.store

    @property
    def record_path(self) -> str:
        """The manager's."""
        return self.manager.record_path

    @property
    def flat_lists(self) -> bool:
        """The manager's."""
        return self.manager.flat_lists

    @property
    def unread(self) -> list[str]:
        """The manager's."""
        return self.manager.unread

    def lock(self) -> AbstractContextManager[None]:
        """The manager's."""
        return self.manager.lock()

    def conf_paths(self) -> Sequence[str]:
        """The manager's."""
        return self.manager.conf_paths()

    def can_write(self, path: str) -> bool:
        """Saved objects need an OpenSearch Dashboards that has started once."""
        if is_indexed(path):
            return not path.startswith(SAVED) or self._has_dashboards()
        return self.manager.can_write(path)

    def can_read(self, path: str) -> bool:
        """As ``can_write``."""
        return self.can_write(path) if is_indexed(path) else self.manager.can_read(path)

    def ours(self) -> Iterable[str]:
        """The manager's: without a record nobody knows of an indexer."""
        return self.manager.ours()

    def read(self, path: str) -> bytes | None:
        """A document in its one form."""
        if not is_indexed(path):
            return self.manager.read(path)
        found = self._indexer(path).get(_address(path))
        if found is None:
            return None
        try:
            document = found["_source" if path.startswith(SAVED) else path.rsplit("/", 1)[-1]]
            if not isinstance(document, dict):
                raise TypeError(type(document))  # noqa: TRY301 - as the line above does
            return canonical(path, document)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ManagerError(f"{path}: not an answer of an indexer") from error

    def facts(self, path: str) -> Facts | None:
        """Documents have neither owner nor mode."""
        return None if is_indexed(path) else self.manager.facts(path)

    def keep(self, path: str, backup: str) -> bool:
        """Documents are kept as files."""
        if not is_indexed(path):
            return self.manager.keep(path, backup)
        data = self.read(path)
        if data is None:
            return False
        self.store.create(backup, data, owner=os.geteuid(), group=os.getegid(), mode=0o600)
        return True

    def stage(self, path: str, data: bytes, token: str, facts: Facts | None = None) -> None:
        """Have the indexer run a pipeline before it is put in place: a script that does not compile is refused here."""
        if not is_indexed(path):
            self.manager.stage(path, data, token, facts)
        elif path.startswith(PIPELINE):
            alert = {"rule": {"groups": ["cicd"]}, "data": {"user": "null", ".": "x"}}
            body = {"pipeline": json.loads(data), "docs": [{"_index": "wazuh-alerts-4.x-test", "_source": alert}]}
            answer = self._indexer(path).request("POST", "/_ingest/pipeline/_simulate", body)
            try:
                done = answer["docs"][0]["doc"]["_source"]["wazuh_cicd"]["not_indexed"]
            except (KeyError, IndexError, TypeError):
                done = None
            if done != ["data.."]:
                raise InstallError(
                    f"{path}: the indexer does not run the pipeline's script; are Painless scripts switched off"
                    " (script.allowed_types)?"
                )

    def write(self, path: str, data: bytes, token: str) -> None:
        """Put a document in place."""
        if not is_indexed(path):
            self.manager.write(path, data, token)
            return
        more = "?require_alias=true" if path.startswith(SAVED) else ""
        self._indexer(path).request("PUT", _address(path) + more, json.loads(data))

    def delete(self, path: str) -> None:
        """Remove a document; a pipeline once no index names it."""
        if not is_indexed(path):
            self.manager.delete(path)
            return
        if path.startswith(PIPELINE):
            self._let_go(path.rsplit("/", 1)[-1])
        try:
            self._indexer(path).request("DELETE", _address(path))
        except Refused as error:
            if error.code != 404:
                raise

    def restore(self, path: str, backup: str | None) -> None:
        """Put a kept document back, or remove it."""
        if not is_indexed(path):
            self.manager.restore(path, backup)
            return
        if backup is None:
            if self.read(path) is not None:
                self.delete(path)
            return
        kept = self.store.read(backup)
        if kept is None:
            raise InstallError(f"{self.store.shown(backup)}: is missing, so {path} cannot be put back")
        if self.read(path) != kept[0]:
            self.write(path, kept[0], "")

    def unstage(self, paths: Iterable[str], token: str) -> None:
        """Nothing was staged on the indexer."""
        self.manager.unstage([path for path in paths if not is_indexed(path)], token)

    def site_rules(self, ours: set[str]) -> Mapping[int, Sequence[SiteRule]]:
        """The manager's."""
        return self.manager.site_rules(ours)

    def check(self) -> list[str]:
        """The manager's."""
        return self.manager.check()

    def activate(self, how: str) -> list[str]:
        """The manager's."""
        return self.manager.activate(how)

    def is_running(self) -> bool:
        """The manager's."""
        return self.manager.is_running()

    def loaded_since(self, path: str) -> bool:
        """The manager's."""
        return self.manager.loaded_since(path)

    def trusts(self, record: Record) -> bool:
        """The manager's."""
        return self.manager.trusts(record)

    def remember(self, data: bytes | None) -> None:
        """The manager's."""
        self.manager.remember(data)

    def engine(self) -> RemoteEngine | None:
        """The manager's."""
        return self.manager.engine()

    def _indexer(self, path: str) -> Indexer:
        if self.indexer is None:
            raise InstallError(f"{path}: lies on an indexer that nobody has named; give --indexer")
        return self.indexer

    def _has_dashboards(self) -> bool:
        return self._indexer(SAVED).get(f"/_alias/{_SAVED_INDEX}") is not None

    def _let_go(self, name: str) -> None:
        """Take a pipeline out of the settings of every index that names it."""
        indexer = self._indexer(PIPELINE)
        settings = indexer.request("GET", f"/{_OURS}/_settings/index.final_pipeline?flat_settings=true&{_LENIENT}")
        try:
            naming = [
                index
                for index, found in settings.items()
                if found.get("settings", {}).get("index.final_pipeline") == name
            ]
        except AttributeError as error:
            raise ManagerError(f"{PIPELINE}{name}: not an answer of an indexer") from error
        for index in naming:
            # A name is part of an address: '..' would lead to the settings of every index.
            if not _INDEX.fullmatch(index):
                raise ManagerError(f"{PIPELINE}{name}: the indexer names an index {index!r}, which nobody asked for")
            body = {"index.final_pipeline": "_none"}
            indexer.request("PUT", f"/{quote(index, safe='')}/_settings", body)


def _address(path: str) -> str:
    """Of a path on the indexer."""
    kind, name = path.removeprefix(PREFIX).split("/", 1)
    if kind == "pipeline":
        return f"/_ingest/pipeline/{quote(name, safe='')}"
    if kind == "template":
        return f"/_template/{quote(name, safe='')}"
    return f"/{_SAVED_INDEX}/_doc/{quote(name.replace('/', ':', 1), safe='')}"
