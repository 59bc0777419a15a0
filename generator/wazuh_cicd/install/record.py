"""What was installed, kept on the manager itself, so that any machine can upgrade, verify or remove it.

The record has the form of a CDB list (``key:value`` lines) and lies beside the lists, because that is the one kind of
file that both a local tree and the server API can hold; it is declared nowhere, so analysisd never reads it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "etc/lists/cicd_installed"


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """One installed state.

    Attributes:
        version: of the package.
        id_base: where its rule ids begin.
        sources: that were chosen.
        responses: that were switched on.
        files: SHA-256 of each file as it was shipped, by path below the manager's folder.
        rules: a short hash of each rule, by id: the lock of published ids.
    """

    version: str
    id_base: int
    sources: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[int, str] = field(default_factory=dict)

    def dump(self) -> bytes:
        """As it is written."""
        lines = [f"version:{self.version}", f"id_base:{self.id_base}"]
        lines += [f"sources:{' '.join(self.sources)}", f"responses:{' '.join(self.responses)}"]
        # No blank in a key: the API would refuse the line.
        lines += [f"file={path}:{value}" for path, value in sorted(self.files.items())]
        lines += [f"rule={number}:{value}" for number, value in sorted(self.rules.items())]
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def load(cls, data: bytes) -> Record:
        """Read it back.

        Raises:
            InstallError: it was edited or cut.
        """
        plain: dict[str, str] = {}
        files: dict[str, str] = {}
        rules: dict[int, str] = {}
        try:
            for line in data.decode().splitlines():
                key, _, value = line.partition(":")
                kind, _, rest = key.replace(" ", "=", 1).partition("=")
                if kind == "file":
                    files[rest] = value
                elif kind == "rule":
                    rules[int(rest)] = value
                else:
                    plain[key] = value
            return cls(
                plain["version"],
                int(plain["id_base"]),
                tuple(plain["sources"].split()),
                tuple(plain["responses"].split()),
                files,
                rules,
            )
        except (KeyError, ValueError) as error:
            raise InstallError(
                f"{PATH}: cannot be read ({error!r}); restore it from a backup, or delete it and apply again"
            ) from error
