"""Which team owns a repository or an image: a small YAML file that maps patterns to teams.

    title: Who owns what
    owners:
      acme/payments-*: {team: payments, contact: payments@example.com}
      registry.example.com/payments/*: {team: payments, contact: payments@example.com}
      acme/*: platform

The first pattern that fits decides. ``*`` stands for any text, ``?`` for one character; letters count as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.errors import FindingsError
from wazuh_cicd.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REMEMBERED = 50_000
_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Owner:
    """A team, and how it is reached."""

    team: str
    contact: str = ""

    def __str__(self) -> str:
        """``payments (payments@example.com)``."""
        return f"{self.team} ({self.contact})" if self.contact else self.team


@dataclass
class Owners:
    """Patterns in order, each with its owner."""

    entries: tuple[tuple[str, Owner], ...] = ()
    _patterns: tuple[tuple[re.Pattern[str], Owner], ...] = field(init=False, repr=False)
    _known: dict[str, Owner | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Compile the patterns."""
        self._patterns = tuple((re.compile(translate(pattern)), owner) for pattern, owner in self.entries)

    def of(self, name: str) -> Owner | None:
        """The owner of a repository or an image, None where no pattern fits."""
        if name not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[name] = next((owner for pattern, owner in self._patterns if pattern.match(name)), None)
        return self._known[name]


def load_owners(path: Path) -> Owners:
    """Read the file.

    Raises:
        FindingsError: it cannot be read as owners; the findings say where.
        OSError: it cannot be opened.
    """
    problems: list[Finding] = []

    def wrong(node: yaml.Node | None, code: str, message: str, fix: str = "") -> None:
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problems.append(Finding(str(path), line, column, code, message, fix))

    entries: list[tuple[str, Owner]] = []
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise FindingsError([Finding(str(path), 0, 0, "OWNER01", "larger than 4 MiB")])
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except (UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        what = getattr(error, "problem", None) or "not UTF-8, or nested too deeply"
        raise FindingsError([Finding(str(path), line, column, "OWNER01", f"not readable as YAML: {what}")]) from error
    listing = _owners_node(root)
    if listing is None:
        wrong(root, "OWNER02", "the file needs a mapping `owners`", "write `owners:` and below it `PATTERN: TEAM`")
    else:
        seen: set[str] = set()
        for key, value in listing.value:
            pattern = _scalar(key)
            owner = _owner(value)
            if not pattern:
                wrong(key, "OWNER03", "a pattern is a text such as acme/*")
            elif pattern in seen:
                wrong(key, "OWNER04", f"the pattern {pattern} stands here twice", "keep the one that is meant")
            elif owner is None:
                fix = "write `PATTERN: TEAM` or `PATTERN: {team: TEAM, contact: ADDRESS}`"
                wrong(value, "OWNER05", f"the owner of {pattern} is no team", fix)
            else:
                seen.add(pattern)
                entries.append((pattern, owner))
    if problems:
        raise FindingsError(problems)
    return Owners(tuple(entries))


def _owners_node(root: yaml.Node | None) -> yaml.MappingNode | None:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if _scalar(key) == "owners" and isinstance(value, yaml.MappingNode):
                return value
    return None


def _scalar(node: yaml.Node) -> str:
    return node.value.strip() if isinstance(node, yaml.ScalarNode) and isinstance(node.value, str) else ""


def _owner(node: yaml.Node) -> Owner | None:
    if isinstance(node, yaml.MappingNode):
        fields = dict(_pairs(node))
        if fields.keys() <= {"team", "contact"} and fields.get("team"):
            return Owner(fields["team"], fields.get("contact", ""))
        return None
    team = _scalar(node)
    return Owner(team) if team else None


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, str]]:
    for key, value in node.value:
        yield _scalar(key), _scalar(value)
