"""The compiled cache: a ruleset that was loaded once is not parsed again.

One JSON file a ruleset, named by a hash of everything that went into it (names and contents of all files, settings,
this package's own code). It holds data only: a file that is damaged, foreign or made by another version is ignored and
written again. Files appear at once or not at all, so that a folder can be shared by several processes.

The folder is ``$WAZUH_CICD_CACHE``, else ``$XDG_CACHE_HOME/wazuh-cicd``, else ``~/.cache/wazuh-cicd``.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.frozen import freeze_tree, thaw_tree
from wazuh_cicd.engine.frozendecoders import freeze_decoders, thaw_decoders
from wazuh_cicd.engine.messages import LoadMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.engine.cdb import CdbList
    from wazuh_cicd.engine.decoders import DecoderSet
    from wazuh_cicd.engine.files import EngineOptions, RulesetFiles
    from wazuh_cicd.engine.ruletree import RuleTree

FORMAT = 2
# Smaller rulesets are parsed faster than it is worth to keep them.
MIN_BYTES = 200_000
# Rulesets that are kept; the one used longest ago goes first.
KEPT = 8


def folder() -> Path:
    """Return where the cache lies; it need not exist."""
    if named := os.environ.get("WAZUH_CICD_CACHE"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wazuh-cicd"


@cache
def _code() -> bytes:
    """Identify the code of the engine, so that a changed one does not read what another wrote."""
    here = Path(__file__).parent
    stats = ((path.name, path.stat()) for path in sorted(here.rglob("*.py")))
    return "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats).encode()


def key_of(files: RulesetFiles, options: EngineOptions) -> str:
    """Return the hash of everything that a loaded ruleset depends on."""
    digest = sha256(f"{FORMAT} {options!r}\n".encode())
    digest.update(_code())
    for kind in (files.decoders, files.rules, tuple(sorted(files.lists.items()))):
        for name, data in kind:
            digest.update(f"\n{len(name)} {name} {len(data)}\n".encode("utf-8", "surrogateescape"))
            digest.update(data)
        digest.update(b"\n--")
    return digest.hexdigest()


def worth_it(files: RulesetFiles) -> bool:
    """Whether a ruleset is large enough to be kept."""
    return sum(len(data) for _, data in files.rules) >= MIN_BYTES


def load(key: str, lists: Mapping[bytes, CdbList], messages: list[LoadMessage]) -> tuple[DecoderSet, RuleTree] | None:
    """Return the decoders and rules that were kept under a key, None when there are none that can be used.

    Args:
        key: as ``key_of`` gives it.
        lists: the declared CDB lists.
        messages: gets what the manager said while loading.
    """
    path = folder() / f"{key}.json"
    try:
        kept = json.loads(path.read_bytes())
        if kept["format"] != FORMAT or kept["key"] != key:
            return None
        said = [LoadMessage(*message) for message in kept["messages"]]
        decoders = thaw_decoders(kept["decoders"])
        tree = thaw_tree(kept["tree"], lists, messages)
        os.utime(path)
    except Exception:  # noqa: BLE001  (whatever is wrong with the file, it is only a cache)
        return None
    messages.extend(said)
    return decoders, tree


def store(key: str, decoders: DecoderSet, tree: RuleTree) -> None:
    """Keep decoders and rules. That the folder cannot be written is no error: the next start is only slower."""
    kept: dict[str, Any] = {
        "format": FORMAT,
        "key": key,
        "messages": [
            [said.severity, said.code, said.text, said.path, said.line, said.column, said.rule]
            for said in tree.messages
        ],
        "decoders": freeze_decoders(decoders),
        "tree": freeze_tree(tree),
    }
    text = json.dumps(kept, separators=(",", ":")).encode()
    place = folder()
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place, prefix=".", suffix=".tmp", delete=False) as file:
            file.write(text)
        Path(file.name).replace(place / f"{key}.json")
        _prune(place)


def _prune(place: Path) -> None:
    kept = sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in kept[KEPT:]:
        old.unlink(missing_ok=True)
