"""Where a ruleset comes from (folders laid out like a manager's, files in memory) and what it is judged with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

# What the ossec.conf of the packages leaves out.
PACKAGED_EXCLUDES = ("0215-policy_rules.xml",)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of the manager that a ruleset is judged with; the defaults are those of the packages.

    Attributes:
        manager: host name of the manager: the host of events that bring none.
        alert_level: ``log_alert_level``.
        mail_level: ``email_alert_level``.
        default_timeframe: seconds, for composites without the attribute.
        exclude_rules: base names of rule files that are not loaded.
        utc: ``<time>`` and ``<weekday>`` see UTC instead of the local zone.
    """

    manager: str = "wazuh-manager"
    alert_level: int = 3
    mail_level: int = 12
    default_timeframe: int = 360
    exclude_rules: tuple[str, ...] = PACKAGED_EXCLUDES
    utc: bool = False


@dataclass(frozen=True, slots=True)
class RulesetFiles:
    """A ruleset in memory.

    Attributes:
        decoders: (name, content) of decoder files; only the base name of a name orders them.
        rules: the same for rule files.
        lists: content of CDB lists by declared name (``etc/lists/mine``).
    """

    decoders: tuple[tuple[str, bytes], ...] = ()
    rules: tuple[tuple[str, bytes], ...] = ()
    lists: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def from_paths(cls, files: Mapping[str, bytes]) -> RulesetFiles:
        """Sort files by the folder they lie in: ``etc/rules/x.xml``, ``etc/decoders/y.xml``, ``etc/lists/mine``.

        Raises:
            UsageError: a path lies in none of these folders.
        """
        decoders: list[tuple[str, bytes]] = []
        rules: list[tuple[str, bytes]] = []
        lists: dict[str, bytes] = {}
        for path, data in files.items():
            folders = path.split("/")[:-1]
            if "lists" in folders:
                lists["etc/lists/" + path.split("lists/", 1)[1]] = data
            elif "decoders" in folders:
                decoders.append((path, data))
            elif "rules" in folders:
                rules.append((path, data))
            else:
                raise UsageError(f"{path}: not below decoders/, rules/ or lists/")
        return cls(tuple(decoders), tuple(rules), lists)

    def __add__(self, other: RulesetFiles) -> RulesetFiles:
        """Put two together; of files with one base name those of the left are read first."""
        return RulesetFiles(self.decoders + other.decoders, self.rules + other.rules, {**self.lists, **other.lists})


#: Where ``decoders/``, ``rules/`` and ``lists/`` may lie below a folder that is laid out like a manager's.
LAYOUTS = ("", "etc", "ruleset", "manager/etc")


def read_folder(folder: Path) -> RulesetFiles:
    """Read a folder laid out like a manager's, or one with rule and decoder files anywhere below it.

    Raises:
        UsageError: it is not there, or holds no ruleset.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    found = False
    files = RulesetFiles()
    for layout in LAYOUTS:
        base = folder / layout
        kinds = {kind: base / kind for kind in ("decoders", "rules", "lists") if (base / kind).is_dir()}
        found = found or bool(kinds)
        files += RulesetFiles(
            _xml_files(kinds.get("decoders")), _xml_files(kinds.get("rules")), _list_files(kinds.get("lists"))
        )
    if not found:
        files = _scattered(folder)
    if not found and not (files.decoders or files.rules):
        raise UsageError(f"{folder}: no decoders, rules or lists below it")
    return files


def read_file(path: Path) -> RulesetFiles:
    """Read one file of rules or decoders by what it holds.

    Raises:
        UsageError: it cannot be read, or holds neither rules nor decoders.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    kind = file_kind(data)
    if not kind:
        raise UsageError(f"{path}: neither rules (<group>) nor decoders (<decoder>) are in it")
    entry = ((str(path), data),)
    return RulesetFiles(decoders=entry) if kind == "decoders" else RulesetFiles(rules=entry)


def holds_scattered(folder: Path) -> bool:
    """Whether a folder that is not laid out like a manager's has rule or decoder files below it."""
    files = _scattered(folder)
    return bool(files.decoders or files.rules)


def _scattered(folder: Path) -> RulesetFiles:
    """Rule and decoder files by what they hold, in the order of their base names, as in a manager's folder."""
    found: dict[str, list[tuple[str, bytes]]] = {"decoders": [], "rules": []}
    for path in sorted(folder.rglob("*.xml"), key=lambda place: (place.name, place)):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            data = path.read_bytes()
            found.get(file_kind(data), []).append((str(path), data))
    return RulesetFiles(tuple(found["decoders"]), tuple(found["rules"]))


def file_kind(data: bytes) -> str:
    """What an XML file holds by its first element that is no variable: ``rules``, ``decoders``, or nothing of these."""
    plain = re.sub(rb"<!--.*?-->", b"", data, flags=re.DOTALL)
    names = (match[1].decode() for match in re.finditer(rb"<([A-Za-z_][A-Za-z0-9_-]*)", plain))
    return {"group": "rules", "decoder": "decoders"}.get(next((name for name in names if name != "var"), ""), "")


def _xml_files(folder: Path | None) -> tuple[tuple[str, bytes], ...]:
    if folder is None:
        return ()
    return tuple((str(path), path.read_bytes()) for path in sorted(folder.glob("*.xml")) if path.is_file())


def _list_files(folder: Path | None) -> dict[str, bytes]:
    if folder is None:
        return {}
    return {
        f"etc/lists/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".cdb" and not path.name.startswith(".")
    }
