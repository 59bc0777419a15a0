"""The compiled cache: a ruleset that was loaded once is not parsed again.

One JSON file a ruleset (``caches``), named by a hash of everything that went into it: names and contents of all files,
settings, this package's own code. It holds data only: a file that cannot be used is ignored and written again.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.caches import cache_folder, read, write
from wazuh_cicd.engine.frozen import freeze_tree, thaw_tree
from wazuh_cicd.engine.frozendecoders import freeze_decoders, thaw_decoders
from wazuh_cicd.engine.load.messages import LoadMessage

if TYPE_CHECKING:
    from wazuh_cicd.engine.decode.decoders import DecoderSet
    from wazuh_cicd.engine.judge.ruletree import RuleTree
    from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles

FORMAT = 3
# Smaller rulesets are parsed faster than it is worth to keep them.
MIN_BYTES = 200_000
# Rulesets that are kept; the one used longest ago goes first.
KEPT = 8


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


def load(key: str, messages: list[LoadMessage]) -> tuple[DecoderSet, RuleTree] | None:
    """Return the decoders and rules that were kept under a key, None when there are none that can be used.

    Args:
        key: as ``key_of`` gives it.
        messages: gets what the manager said while loading.
    """
    try:
        kept = json.loads(read(_path(key)) or b"")
        if kept["format"] != FORMAT or kept["key"] != key:
            return None
        said = [LoadMessage(*message) for message in kept["messages"]]
        decoders = thaw_decoders(kept["decoders"])
        tree = thaw_tree(kept["tree"], decoders.id_of, messages)
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
    write(_path(key), json.dumps(kept, separators=(",", ":")).encode(), kept=KEPT)


def _path(key: str) -> Path:
    return cache_folder("rulesets") / f"{key}.json"
