"""The rendered ruleset kept between runs, so that a short command pays for no YAML and no rendering.

The cache (``caches``) is a JSON file, named by a hash of everything that decides its content: the specs' bytes and this
package's code. It holds the files' texts and is data only; one that cannot be used is made anew.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd import __version__
from wazuh_cicd.caches import cache_folder, read, write
from wazuh_cicd.content.paths import content_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SPECS = ("rules", "decoders", "lists")
_CODE = ("spec", "render", "content")
# Renderings that are kept: one for each checkout or version in use, and for each status that was asked for.
_KEPT = 6
_PACKAGE = Path(__file__).resolve().parent.parent


def cached_ruleset_files(status: str | None = None) -> Mapping[str, bytes]:
    """What ``render_package(load_specs(), status=status).ruleset_files()`` gives, from the cache where possible.

    Raises:
        SpecError: the specs cannot be rendered.
    """
    key = _key(content_root())
    path = cache_folder("package") / f"{key}{'-' + status if status else ''}.json"
    if (kept := _read(path)) is not None:
        return kept
    # Only now: these imports are what the cache saves.
    from wazuh_cicd.render.package import render_package  # noqa: PLC0415
    from wazuh_cicd.spec import load_specs  # noqa: PLC0415

    files = render_package(load_specs(), status=status).ruleset_files()
    texts = {name: data.decode("utf-8", "surrogateescape") for name, data in files.items()}
    write(path, json.dumps(texts).encode(), kept=_KEPT)
    return files


def _key(root: Path) -> str:
    digest = hashlib.sha256(f"{__version__} {root}".encode())
    for name, data in _ingredients(root):
        digest.update(f"\0{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _ingredients(root: Path) -> Iterator[tuple[str, bytes]]:
    for room in _SPECS:
        for path in sorted((root / room).rglob("*.yml")):
            yield path.relative_to(root).as_posix(), path.read_bytes()
    for room in _CODE:
        for path in sorted((_PACKAGE / room).rglob("*")):
            if path.suffix in {".py", ".j2", ".xml", ".json"}:
                # Code changes through installations and editors, both of which set the time: no need to read it.
                stat = path.stat()
                yield path.relative_to(_PACKAGE).as_posix(), f"{stat.st_mtime_ns} {stat.st_size}".encode()


def _read(path: Path) -> dict[str, bytes] | None:
    try:
        texts: Any = json.loads(read(path) or b"")
        return {str(name): text.encode("utf-8", "surrogateescape") for name, text in texts.items()}
    except (ValueError, AttributeError):
        return None
