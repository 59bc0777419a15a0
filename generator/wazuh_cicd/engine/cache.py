"""The compiled cache: a ruleset that was loaded once is not parsed again.

A ruleset of which some files have changed is loaded from the first of these on: what stands before is as it was kept.

One JSON file a ruleset (``caches``), named by a hash of everything that went into it: names and contents of all files,
settings, this package's own code. It holds data only: a file that cannot be used is ignored and written again.
"""

from __future__ import annotations

import json
import re
from functools import cache
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wazuh_cicd.caches import cache_folder, read, write
from wazuh_cicd.engine.decode.decoders import DecoderSet
from wazuh_cicd.engine.frozen import freeze_growth, freeze_tree, thaw_tree
from wazuh_cicd.engine.frozendecoders import freeze_decoders, thaw_decoders
from wazuh_cicd.engine.judge.ruletree import RuleTree
from wazuh_cicd.engine.load.messages import LoadMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles

FORMAT = 4
# Smaller rulesets are parsed faster than it is worth to keep them.
MIN_BYTES = 200_000
# Rulesets that are kept; the one used longest ago goes first.
KEPT = 8
_KEY = re.compile(r"[0-9a-f]{64}\Z")


@cache
def _code() -> bytes:
    """Identify the code of the engine, so that a changed one does not read what another wrote."""
    here = Path(__file__).parent
    stats = ((path.name, path.stat()) for path in sorted(here.rglob("*.py")))
    return "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats).encode()


class FileMark(NamedTuple):
    """How far a ruleset was when one of its rule files had been read.

    Attributes:
        digest: the hash of the file, its name included.
        rules: so many rules were loaded.
        messages: so much the manager had said.
        overwrites: some rule of the file has changed an earlier one.
    """

    digest: str
    rules: int
    messages: int
    overwrites: bool


class Kept(NamedTuple):
    """What was kept of a ruleset: all of it, or its beginning.

    Attributes:
        decoders, tree: what was loaded.
        marks: for each rule file that is in it.
    """

    decoders: DecoderSet
    tree: RuleTree
    marks: list[FileMark]


def key_of(files: RulesetFiles, options: EngineOptions) -> str:
    """Return the hash of everything that a loaded ruleset depends on."""
    digest = sha256(f"{base_of(files, options)}\n".encode())
    _feed(digest, files.rules)
    return digest.hexdigest()


def base_of(files: RulesetFiles, options: EngineOptions) -> str:
    """Return the hash of what the reading of every rule file depends on: all but the rule files."""
    digest = sha256(f"{FORMAT} {options!r}\n".encode())
    digest.update(_code())
    _feed(digest, files.decoders)
    _feed(
        digest, [(name, b"") for name in sorted(files.lists)]
    )  # of a list, the name alone counts while rules are read
    return digest.hexdigest()


def file_digest(name: str, data: bytes) -> str:
    """Return the hash of one rule file."""
    digest = sha256()
    _feed(digest, [(name, data)])
    return digest.hexdigest()


def _feed(digest: Any, files: Iterable[tuple[str, bytes]]) -> None:  # noqa: ANN401  (hashlib's types have no name)
    for name, data in files:
        digest.update(f"\n{len(name)} {name} {len(data)}\n".encode("utf-8", "surrogateescape"))
        digest.update(data)
    digest.update(b"\n--")


def worth_it(files: RulesetFiles) -> bool:
    """Whether a ruleset is large enough to be kept."""
    return sum(len(data) for _, data in files.rules) >= MIN_BYTES


def load(key: str, messages: list[LoadMessage]) -> Kept | None:
    """Return the decoders and rules that were kept under a key, None when there are none that can be used.

    Args:
        key: as ``key_of`` gives it.
        messages: gets what the manager said while loading.
    """
    return _load(key, messages, None)


def load_beginning(base: str, digests: Sequence[str], messages: list[LoadMessage]) -> Kept | None:
    """Return what was kept last of a ruleset with the same base, up to its first file that is another one now.

    None when it is less than half of it, or when a file that is not among them has changed what one of them says.

    Args:
        base: as ``base_of`` gives it.
        digests: of the rule files, in order.
        messages: gets what the manager said while loading so far.
    """
    try:
        beginning = json.loads(read(_pointer(base)) or b"")
        key, growth = beginning["key"], beginning["growth"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(key, str) or not _KEY.match(key):
        return None
    return _load(key, messages, (digests, growth))


def _load(key: str, messages: list[LoadMessage], beginning: tuple[Sequence[str], Any] | None) -> Kept | None:
    try:
        kept = json.loads(read(_path(key)) or b"")
        if kept["format"] != FORMAT or kept["key"] != key:
            return None
        marks = [FileMark(*mark) for mark in kept["marks"]]
        said = kept["messages"]
        rules = growth = None
        if beginning is not None:
            digests, growth = beginning
            common = sum(
                1 for _ in takewhile(lambda pair: pair[0].digest == pair[1], zip(marks, digests, strict=False))
            )
            if common * 2 < len(digests) or any(mark.overwrites for mark in marks[common:]):
                return None
            marks = marks[:common]
            said = said[: marks[-1].messages]
            rules = marks[-1].rules
        decoders = thaw_decoders(kept["decoders"])
        tree = thaw_tree(kept["tree"], decoders.id_of, messages, rules=rules, growth=growth)
        spoken = [LoadMessage(*message) for message in said]
    except Exception:  # noqa: BLE001  (whatever is wrong with the file, it is only a cache)
        return None
    messages.extend(spoken)
    return Kept(decoders, tree, marks)


def store(key: str, base: str, kept_ruleset: Kept) -> None:
    """Keep decoders and rules. That the folder cannot be written is no error: the next start is only slower."""
    decoders, tree, marks = kept_ruleset
    kept: dict[str, Any] = {
        "format": FORMAT,
        "key": key,
        "messages": [
            [said.severity, said.code, said.text, said.path, said.line, said.column, said.rule]
            for said in tree.messages
        ],
        "marks": marks,
        "decoders": freeze_decoders(decoders),
        "tree": freeze_tree(tree),
    }
    write(_path(key), json.dumps(kept, separators=(",", ":")).encode(), kept=KEPT)
    beginning = {"key": key, "growth": freeze_growth(tree)}
    write(_pointer(base), json.dumps(beginning, separators=(",", ":")).encode(), kept=KEPT)


def _path(key: str) -> Path:
    return cache_folder("rulesets") / f"{key}.json"


def _pointer(base: str) -> Path:
    return cache_folder("bases") / f"{base}.json"
