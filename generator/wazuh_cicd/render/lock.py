"""The lock file of rule ids: what was published under which id, so that no id ever means two things.

``rules/ids.lock`` holds a line for each id: the id, the rule's name, the hash of its rendered form, and ``retired``
when the rule is gone for good.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from wazuh_cicd.render import Package
    from wazuh_cicd.render.model import RenderedRule
    from wazuh_cicd.spec.model import SpecSet

FILE = "ids.lock"
_HEAD = "# Ids of rules, once and for all: id, name, hash of the rendered rule. Written by 'wazuh-cicd build --lock'.\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One published rule."""

    id: int
    name: str
    digest: str
    retired: bool = False

    def __str__(self) -> str:
        """The line of the file."""
        return f"{self.id} {self.name} {self.digest}{' retired' if self.retired else ''}\n"


def digest(rule: RenderedRule) -> str:
    """Hash of a rendered rule, without ``info``; moving the ids changes it for rules with parents of ours only."""
    tags = tuple((tag.name, tag.text, tag.attributes) for tag in rule.tags if tag.name != "info")
    told = (rule.attributes, tags, rule.mitre)
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def read_lock(path: Path) -> dict[int, Entry]:
    """The entries of a lock file by id; empty when there is none.

    Raises:
        UsageError: the file is damaged.
    """
    if not path.is_file():
        return {}
    entries = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) not in (3, 4) or not words[0].isdigit() or words[3:] not in ([], ["retired"]):
            raise UsageError(f"{path}:{number}: not a line of a lock file; restore it from version control")
        entries[int(words[0])] = Entry(int(words[0]), words[1], words[2], retired=len(words) == 4)
    return entries


def lock_findings(specs: SpecSet, package: Package, root: Path) -> Iterator[Finding]:
    """What the lock file says against the specs."""
    from wazuh_cicd.spec.load import shown  # noqa: PLC0415 - load imports the reader, which needs no lock

    path = root / "rules" / FILE
    if not path.is_file():
        return
    name = shown(path)
    entries = read_lock(path)
    stale = 0
    for rule in specs.rules:
        entry = entries.get(rule.id)
        if entry is None:
            stale += 1
            continue
        now = digest(package.rendered[rule.name])
        if entry.retired or (entry.name != rule.name and entry.digest != now):
            place = rule.at("id")
            what = "is retired" if entry.retired else f"belongs to '{entry.name}'"
            text = f"id {rule.id} {what} ({name}): it cannot be given to '{rule.name}'"
            yield Finding(
                place.path, place.line, place.column, "L610", text, "take an id that was never used", rule=rule.name
            )
        elif entry.name != rule.name or entry.digest != now:
            stale += 1
    for entry in entries.values():
        if entry.id not in specs.by_id and not entry.retired:
            text = f"rule {entry.id} '{entry.name}' was published and is gone"
            fix = f"keep it with 'status: deprecated', or run 'wazuh-cicd build --lock --retire {entry.id}'"
            yield Finding(name, 0, 0, "L611", text, fix, rule=entry.name)
    if stale:
        text = f"{stale} new or changed rules are not in the lock file"
        yield Finding(
            name, 0, 0, "L612", text, "run 'wazuh-cicd build --lock' and commit it", severity=Severity.WARNING
        )


def write_lock(specs: SpecSet, rendered: Mapping[str, RenderedRule], root: Path, retire: Collection[int] = ()) -> int:
    """Bring the lock file up to date; returns the number of entries that are new or changed.

    Raises:
        UsageError: an id would be reused, has vanished without being retired, or is to be retired while in use.
    """
    path = root / "rules" / FILE
    entries = read_lock(path)
    for number in retire:
        if number in specs.by_id:
            raise UsageError(f"--retire {number}: rule '{specs.by_id[number].name}' still has this id")
        if number not in entries:
            raise UsageError(f"--retire {number}: never published")
        entries[number] = Entry(number, entries[number].name, entries[number].digest, retired=True)
    changed = len(retire)
    for rule in specs.rules:
        now = Entry(rule.id, rule.name, digest(rendered[rule.name]))
        before = entries.get(rule.id)
        if before is not None and (before.retired or (before.name != now.name and before.digest != now.digest)):
            raise UsageError(f"id {rule.id} belongs to '{before.name}': '{rule.name}' needs an id that was never used")
        changed += before != now
        entries[rule.id] = now
    gone = [entry for entry in entries.values() if entry.id not in specs.by_id and not entry.retired]
    if gone:
        numbers = " ".join(f"--retire {entry.id}" for entry in gone[:5])
        raise UsageError(f"{len(gone)} published rules are gone ('{gone[0].name}'...): restore them, or add {numbers}")
    path.write_text(_HEAD + "".join(str(entries[number]) for number in sorted(entries)), "utf-8")
    return changed
