"""Reading lists of names: the dated copies of the package, or what a user gives as a file or an address."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 16 * 1024 * 1024  # bytes; GitHub's own list has a third of a million
_PATIENCE = 30.0  # seconds
_DATE = re.compile(r"^# date: (\d{4}-\d\d-\d\d)$", re.MULTILINE)
_ACTION = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){1,2}\Z")
_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?\Z")
_GROUP = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")
_DATABASE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Documented:
    """A list of names.

    Attributes:
        names: the names.
        origin: where they come from, for messages: a file, an address, or the package's copy with its date.
    """

    names: frozenset[str]
    origin: str


def github_actions(given: str | None = None) -> Documented:
    """GitHub's audit log actions, ``repo.create``.

    Args:
        given: a file or https address: GitHub's own JSON list (``src/audit-logs/data`` of its documentation), or text
            with one action, or one ``category: operation operation``, a line. None for the package's copy.

    Raises:
        UsageError: it cannot be read, or names no action.
    """
    text, origin = _text(given, "github-audit-events.txt", "GitHub's audit log events")
    return Documented(_filled(frozenset(_actions(text)), "audit log actions", origin), origin)


def harmless_actions() -> frozenset[str]:
    """The actions that were judged to need no rule although their names say disable, delete and the like."""
    table = files("wazuh_cicd.content.documented") / "github-audit-harmless.txt"
    return frozenset(_actions(table.read_text("utf-8")))


def kubernetes_groups(given: str | None = None) -> Documented:
    """Kubernetes API groups, as ``kubectl api-versions`` or ``kubectl get --raw /apis`` prints them.

    Raises:
        UsageError: it cannot be read, or names no group.
    """
    text, origin = _text(given, "kubernetes-api-groups.txt", "Kubernetes API groups")
    names: set[str] = set()
    value = _json(text)
    if isinstance(value, dict):
        names.update(str(group.get("name")) for group in value.get("groups", ()) if isinstance(group, dict))
    else:
        lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
        names.update(line.partition("/")[0] for line in lines if line and line != "v1")
    groups = frozenset(name for name in names if _GROUP.match(name))
    return Documented(_filled(groups, "API groups", origin), origin)


def attack_techniques(given: Path) -> Documented:
    """The ATT&CK techniques that a manager knows.

    Args:
        given: the manager's ``var/db/mitre.db``, MITRE's ``enterprise-attack.json``, or text with an id a line.

    Raises:
        UsageError: it cannot be read, or names no technique.
    """
    data = _bytes(given)
    found = _from_database(given) if data.startswith(_DATABASE) else set(_techniques(data.decode("utf-8", "replace")))
    return Documented(_filled(frozenset(found), "ATT&CK techniques", str(given)), str(given))


def _text(given: str | None, shipped: str, what: str) -> tuple[str, str]:
    if given is None:
        text = (files("wazuh_cicd.content.documented") / shipped).read_text("utf-8")
        date = _DATE.search(text)
        return text, f"{what} of {date[1] if date else 'an unknown day'}"
    if urlsplit(given).scheme in {"http", "https"}:
        return _fetched(given).decode("utf-8", "replace"), given
    return _bytes(Path(given)).decode("utf-8", "replace"), given


def _fetched(address: str) -> bytes:
    if urlsplit(address).scheme != "https":
        raise UsageError(f"{address}: only https addresses are read")
    try:
        with urlopen(address, timeout=_PATIENCE) as answer:  # noqa: S310 - https, checked above
            data: bytes = answer.read(_LARGEST + 1)
    except (URLError, OSError, ValueError) as error:
        raise UsageError(f"{address} cannot be read: {getattr(error, 'reason', error)}") from None
    if len(data) > _LARGEST:
        raise UsageError(f"{address} is larger than {_LARGEST} bytes")
    return data


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST * 8 + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST * 8:
        raise UsageError(f"{path} is larger than {_LARGEST * 8} bytes")
    return data


def _filled(names: frozenset[str], what: str, origin: str) -> frozenset[str]:
    if not names:
        raise UsageError(f"{origin} names no {what}")
    return names


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError:
        return None


def _actions(text: str) -> Iterator[str]:
    value = _json(text)
    if value is not None:
        yield from (name for name in _values(value, "action") if _ACTION.match(name))
        return
    for line in text.splitlines():
        category, colon, operations = line.strip().partition(": ")
        names = [f"{category}.{operation}" for operation in operations.split()] if colon else [category]
        yield from (name for name in names if _ACTION.match(name))


def _techniques(text: str) -> Iterator[str]:
    value = _json(text)
    words = (*_values(value, "external_id"), *_values(value, "id")) if value is not None else text.split()
    yield from (word for word in words if _TECHNIQUE.match(word))


def _values(value: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    todo = [value]
    while todo:
        current = todo.pop()
        if isinstance(current, dict):
            found = current.get(key)
            if isinstance(found, str):
                yield found
            todo.extend(current.values())
        elif isinstance(current, list):
            todo.extend(current)


def _from_database(path: Path) -> set[str]:
    try:
        base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = base.execute("SELECT external_id FROM reference WHERE source = 'mitre-attack'").fetchall()
        finally:
            base.close()
    except sqlite3.Error as error:
        raise UsageError(f"{path} is no MITRE database of a manager: {error}") from None
    return {str(row[0]) for row in rows if _TECHNIQUE.match(str(row[0]))}
