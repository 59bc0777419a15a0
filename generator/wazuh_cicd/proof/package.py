"""The rendered ruleset kept between runs, so that a short command pays for no YAML and no rendering.

The cache is a JSON file in the user's cache folder, named by a hash of everything that decides its content: the specs'
bytes and this package's code. It holds the files' texts and is data only; one that does not parse, or whose own digest
does not fit, is made anew. A folder that cannot be written costs the time, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd import __version__
from wazuh_cicd.content.paths import content_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SPECS = ("rules", "decoders", "lists")
_CODE = ("spec", "render", "content")
_PACKAGE = Path(__file__).resolve().parent.parent


def cached_ruleset_files() -> Mapping[str, bytes]:
    """What ``render_package(load_specs()).ruleset_files()`` gives, from the cache where that is possible.

    Raises:
        SpecError: the specs cannot be rendered.
    """
    key = _key(content_root())
    folder = cache_folder()
    path = folder / f"package-{key[:24]}.json"
    if (kept := _read(path, key)) is not None:
        return kept
    # Only now: these imports are what the cache saves.
    from wazuh_cicd.render.package import render_package  # noqa: PLC0415
    from wazuh_cicd.spec import load_specs  # noqa: PLC0415

    files = render_package(load_specs()).ruleset_files()
    with suppress(OSError):
        _write(path, key, files)
    return files


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/wazuh-cicd`` (XDG Base Directory Specification), by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "wazuh-cicd"


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


def _read(path: Path, key: str) -> dict[str, bytes] | None:
    try:
        data: Any = json.loads(path.read_bytes())
        files = {str(name): text.encode("utf-8", "surrogateescape") for name, text in data["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if data.get("key") == key and data.get("digest") == _digest(files) else None


def _write(path: Path, key: str, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {name: data.decode("utf-8", "surrogateescape") for name, data in files.items()}
    content = json.dumps({"key": key, "digest": _digest(files), "files": texts})
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".package-")  # owner-only from the start
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    for old in path.parent.glob("package-*.json"):
        if old != path:
            old.unlink(missing_ok=True)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode("utf-8", "surrogateescape"))
        digest.update(files[name])
    return digest.hexdigest()
