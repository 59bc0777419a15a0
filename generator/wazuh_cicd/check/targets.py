"""What the paths of ``wazuh-cicd check`` are: rulesets, single files of one, content folders, single specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.engine.load.files import LAYOUTS, file_kind, holds_scattered
from wazuh_cicd.errors import UsageError
from wazuh_cicd.spec.load import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KINDS = ("rules", "decoders", "lists")


class Targets(NamedTuple):
    """What is to be checked.

    Attributes:
        rulesets: folders with the XML files of a ruleset.
        files: single XML files of rules or decoders.
        contents: folders of specs.
        specs: single YAML files by the content folder that they belong to.
    """

    rulesets: list[Path]
    files: list[Path]
    contents: list[Path]
    specs: dict[Path, list[Path]]


def targets(paths: Sequence[Path], root: Path | None = None) -> Targets:
    """Sort the paths by what they are; each is one of these, or refused.

    Args:
        paths: files and folders.
        root: the content folder of the single specs; by default the one that they lie in.

    Raises:
        UsageError: a path is not there, or holds nothing that can be checked.
    """
    found = Targets([], [], [], {})
    for path in paths:
        if not path.exists():
            raise UsageError(f"no such file or folder: {path}")
        if path.is_dir():
            _sort_folder(path, root, found)
        elif path.suffix == ".xml":
            if not file_kind(_read(path)):
                raise UsageError(f"{path}: neither rules (<group>) nor decoders (<decoder>) are in it")
            found.files.append(path)
        elif path.suffix in SUFFIXES:
            found.specs.setdefault(root or _content_of(path), []).append(path)
        else:
            raise UsageError(f"{path}: neither XML of a ruleset (.xml) nor a spec (.yml)")
    return found


def is_ruleset(folder: Path) -> bool:
    """Whether a folder holds XML files of rules or decoders, below rules/ and decoders/ or, without these, anywhere."""
    if any(list((folder / layout / kind).glob("*.xml")) for layout in LAYOUTS for kind in ("rules", "decoders")):
        return True
    known = any((folder / layout / kind).is_dir() for layout in LAYOUTS for kind in _KINDS)
    return not known and holds_scattered(folder)


def _sort_folder(folder: Path, root: Path | None, found: Targets) -> None:
    if is_ruleset(folder):
        found.rulesets.append(folder)
    elif any((folder / name).is_dir() for name in _KINDS):
        found.contents.append(folder)
    else:
        # Part of a content folder, such as rules/github.
        specs = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
        if not specs:
            raise UsageError(f"{folder}: neither specs nor XML files of rules or decoders are in it")
        found.specs.setdefault(root or _content_of(specs[0]), []).extend(specs)


def _content_of(spec: Path) -> Path:
    """The content folder that a spec lies in."""
    place = spec.resolve()
    for above in place.parents:
        if above.name in _KINDS:
            return above.parent
    raise UsageError(f"{spec}: lies in no rules/, decoders/ or lists/; --root names the folder that it belongs to")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
