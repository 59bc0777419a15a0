"""What was installed, so that the next run can upgrade, verify or remove it.

It has the form of a CDB list (``key:value`` lines). On a local tree it lies in ``var/wazuh-cicd``, where only root
comes. The server API can keep it in ``etc/lists`` only, where the manager's own user and every API user with the right
to lists may rewrite it: there it is advice. It names no path in either place: a line gives the kind and the name of a
file, and a name that is not one of ours is refused.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from wazuh_cicd.errors import UsageError
from wazuh_cicd.install.errors import InstallError, Unsafe
from wazuh_cicd.install.settings import Settings
from wazuh_cicd.render.info import checked_runbook_url
from wazuh_cicd.spec.model import ASKED

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where root keeps it, below the manager's folder.
PRIVATE = "var/wazuh-cicd/installed"
#: Where the server API keeps it; declared nowhere, so analysisd never reads it.
ADVICE = "etc/lists/cicd_installed"
_PLACES = {
    "rules": "etc/rules/",
    "decoders": "etc/decoders/",
    "folder-list": "etc/lists/cicd/",
    "list": "etc/lists/cicd_",
    "response": "active-response/bin/",
    "wodle": "wodles/cicd/",
    # On the indexer (``indexed.py``).
    "indexer-pipeline": "indexer:pipeline/",
    "indexer-template": "indexer:template/",
    "indexer-saved": "indexer:saved/",
}
_NAMES = {
    "rules": r"\d{4}-cicd_\w+_rules\.xml",
    "decoders": r"\d{4}-cicd_\w+_decoders\.xml",
    "folder-list": r"\w+",
    "list": r"(?!installed$)\w+",
    "response": r"cicd-[\w-]+",
    "wodle": r"cicd-[\w-]+",
    "indexer-pipeline": r"wazuh-cicd",
    "indexer-template": r"wazuh-cicd",
    "indexer-saved": r"(?:dashboard|visualization|search|index-pattern)/cicd-[\w-]+",
}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def kind_of(path: str) -> tuple[str, str] | None:
    """The kind and the name of a file of the package; None for any other path."""
    for kind, place in _PLACES.items():
        name = path.removeprefix(place)
        if path.startswith(place) and re.fullmatch(_NAMES[kind], name, re.ASCII):
            return kind, name
    return None


@dataclass(frozen=True, slots=True)
class Record:
    """One installed state.

    Attributes:
        version: of the package.
        id_base: where its rule ids begin.
        sources: that were chosen.
        responses: that were switched on.
        internal: whether ``block-ip`` may block internal addresses.
        status: from which on rules keep their own level; empty where an older version gave it to all of them.
        observe: whether the responses only log what they would do.
        runbook_url: where the rules' pages are; empty for nowhere.
        files: SHA-256 of each file as it was shipped, by path below the manager's folder.
        rules: a short hash of each rule, by id: the lock of published ids.
        indexer: the address of the indexer that has our template; empty for none.
        indexer_ca: the CA file that it was trusted by; empty for the system's.
        loaded: SHA-256 of each rules, decoders and list file as the manager has loaded it, by path.
    """

    version: str
    id_base: int
    sources: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[int, str] = field(default_factory=dict)
    loaded: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    observe: bool = False
    status: str = ""
    runbook_url: str = ""
    indexer: str = ""
    indexer_ca: str = ""

    @property
    def settings(self) -> Settings:
        """What the site had chosen."""
        return Settings(
            self.sources,
            self.responses,
            self.internal,
            self.id_base,
            self.observe,
            self.status or ASKED[-1],
            self.runbook_url,
            self.indexer,
            self.indexer_ca,
        )

    def dump(self) -> bytes:
        """As it is written."""
        lines = [f"version:{self.version}", f"id_base:{self.id_base}"]
        lines += [f"sources:{' '.join(self.sources)}", f"responses:{' '.join(self.responses)}"]
        lines += ["internal:yes"] if self.internal else []
        lines += ["observe:yes"] if self.observe else []
        lines += [f"status:{self.status}"] if self.status else []
        lines += [f"runbook_url:{quote(self.runbook_url)}"] if self.runbook_url else []  # the API takes no second colon
        # No colon and no blank in a value: the API would refuse the line.
        lines += [f"indexer:{quote(self.indexer, safe='/')}"] if self.indexer else []
        lines += [f"indexer_ca:{quote(self.indexer_ca, safe='/')}"] if self.indexer_ca else []
        # No blank in a key: the API would refuse the line.
        for prefix, digests in (("", self.files), ("loaded-", self.loaded)):
            for path, value in sorted(digests.items()):
                found = kind_of(path)
                if found is None:
                    raise Unsafe(f"{path}: I132 is no file of wazuh-cicd, it cannot be recorded")
                lines.append(f"{prefix}{found[0]}={found[1]}:{value}")
        lines += [f"rule={number}:{value}" for number, value in sorted(self.rules.items())]
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def load(cls, data: bytes, shown: str = PRIVATE) -> Record:
        """Read it back.

        Raises:
            Unsafe: it names a file that is none of ours.
            InstallError: it was edited or cut.
        """
        plain: dict[str, str] = {}
        files: dict[str, str] = {}
        loaded: dict[str, str] = {}
        rules: dict[int, str] = {}
        try:
            for line in data.decode("ascii").splitlines():
                if not line.isprintable():
                    raise ValueError(line)  # noqa: TRY301 - what it says is shown on terminals
                key, _, value = line.partition(":")
                kind, _, name = key.partition("=")
                if kind == "rule":
                    rules[int(name)] = value
                elif kind == "file" or kind.removeprefix("loaded-") in _PLACES:
                    # Versions before 0.2 wrote whole paths.
                    path = name if kind == "file" else _PLACES[kind.removeprefix("loaded-")] + name
                    if value and not _DIGEST.fullmatch(value):
                        raise ValueError(line)  # noqa: TRY301 - as int() does for the others
                    if kind_of(path) is None:
                        raise Unsafe(f"{shown}: I132 names {path!r}, which is no file of wazuh-cicd; {_FIX}")
                    (loaded if kind.startswith("loaded-") else files)[path] = value
                else:
                    plain[key] = value
            base, status = int(plain["id_base"]), plain.get("status", "")
            if not 0 <= base < 10**9 or status not in ("", *ASKED):
                raise ValueError(f"id_base {base}, status {status}")  # noqa: TRY301 - as int() does for the others
            return cls(
                plain["version"],
                base,
                tuple(plain["sources"].split()),
                tuple(plain["responses"].split()),
                files,
                rules,
                loaded,
                plain.get("internal") == "yes",
                plain.get("observe") == "yes",
                status,
                _address(plain.get("runbook_url", ""), shown),
                unquote(plain.get("indexer", "")),
                unquote(plain.get("indexer_ca", "")),
            )
        except (KeyError, ValueError) as error:
            raise InstallError(f"{shown}: cannot be read ({error!r}); {_FIX}") from error


def _address(quoted: str, shown: str) -> str:
    """The address of the pages, checked again: others may have written it.

    Raises:
        InstallError: no alert could hold it.
    """
    try:
        return checked_runbook_url(unquote(quoted))
    except UsageError as error:
        raise InstallError(f"{shown}: {error}; {_FIX}") from error


_FIX = "find out who wrote that, delete it and apply again"
