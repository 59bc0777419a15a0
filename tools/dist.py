# ruff: noqa: INP001, T201 - a program of the release, imported by its tests only
"""Make a release in ``dist/``: wheel, hashes to install it by, package as tarball and OCI image, SBOM, checksums.

The same commit gives the same bytes: times come from the commit (or SOURCE_DATE_EPOCH), names are sorted, owners
are root.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

from wazuh_cicd import __version__

ROOT = Path(__file__).resolve().parent.parent
NAME = "wazuh-cicd"


def commit_time() -> int:
    """Seconds since the epoch: SOURCE_DATE_EPOCH, else the commit's own time, else 0."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    asked = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own repository
    return int(asked.stdout) if asked.returncode == 0 and asked.stdout.strip() else 0


def dependencies() -> list[str]:
    """The names that ``pyproject.toml`` lists as needed at run time."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    return [name.lower() for name in re.findall(r'^\s*"([A-Za-z0-9._-]+)', block[1] if block else "", re.MULTILINE)]


def tarball(folder: Path, top: str, when: int) -> bytes:
    """A folder as ``.tar.gz``, reproducible.

    Args:
        folder: what goes in.
        top: the one folder at the top of the archive.
        when: time of every entry, in seconds.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for place in sorted(folder.rglob("*")):
            if not place.is_file():
                continue
            path = place.relative_to(folder).as_posix()
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = place.stat().st_size
            entry.mtime = when
            entry.mode = 0o755 if place.stat().st_mode & 0o100 or path.endswith(".sh") else 0o644
            entry.uname = entry.gname = "root"
            with place.open("rb") as stream:
                archive.addfile(entry, stream)
    return gzip.compress(raw.getvalue(), mtime=0)


def tag_problem(tag: str, version: str, changelog: str, fragments: list[str]) -> str:
    """Why a tag is no release of this tree; empty when tag, version and changelog agree.

    Args:
        tag: the Git tag, ``v1.2.3``.
        version: the code's own.
        changelog: the text of ``CHANGELOG.md``.
        fragments: names of the changes that are not in it yet.
    """
    if tag != f"v{version}":
        return f"the tag {tag} is not v{version}, the version of the code"
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    if newest is None or newest[1] != version:
        return f"CHANGELOG.md begins with {newest[1] if newest else 'nothing'}, not with {version}: run towncrier build"
    if fragments:
        return f"changelog.d still holds {fragments[0]}: run towncrier build"
    return ""


def requirements(wheel: Path, locked: str) -> str:
    """What pip installs a release by: the wheel beside this file and its libraries, each by hash, and nothing else."""
    entries = [part.strip() for part in re.split(r"\n(?=[A-Za-z0-9])", locked) if part.strip()]
    needed = [entry for entry in entries if re.match(r"[A-Za-z0-9._-]+", entry)[0] not in _BUILD_ONLY]  # type: ignore[index]
    own = f"./{wheel.name} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    return "\n".join([own, *needed]) + "\n"


# What the wheel is built with, and these alone need.
_BUILD_ONLY = {"hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}


def oci_image(package: bytes, version: str, when: int) -> bytes:
    """The package as an OCI image layout in a tar: one layer, no program in it.

    A registry keeps it, Kubernetes mounts it as an image volume or copies it from an init container, and
    ``COPY --from`` takes it into an image of a manager. Facts: https://github.com/opencontainers/image-spec
    """
    plain = gzip.decompress(package)
    config = _blob(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": _timestamp(when),
            "config": {"Labels": {"org.opencontainers.image.version": version}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
        }
    )
    manifest = _blob(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", package)],
            "annotations": {"org.opencontainers.image.title": NAME, "org.opencontainers.image.version": version},
        }
    )
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": version}
    files = {f"blobs/sha256/{_digest(data)[7:]}": data for data in (config, manifest, package)}
    files["index.json"] = _blob({"schemaVersion": 2, "manifests": [entry]})
    files["oci-layout"] = _blob({"imageLayoutVersion": "1.0.0"})
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), when, 0o644
            archive.addfile(member, io.BytesIO(data))
    return raw.getvalue()


def _blob(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}


def sbom(version: str, when: int, files: dict[str, bytes]) -> dict[str, Any]:
    """What a release consists of, as CycloneDX 1.6: our files with their hashes, and the libraries the wheel needs.

    The versions of libraries are those installed here: the wheel itself asks for minimums only.
    """
    own = f"pkg:pypi/{NAME}@{version}"
    libraries = []
    for name in dependencies():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # needed by other versions of Python only
        about = metadata.metadata(name)
        licence = next((about[key] for key in ("License-Expression", "License") if key in about), "")
        entry: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{found}",
            "name": name,
            "version": found,
            "purl": f"pkg:pypi/{name}@{found}",
        }
        if licence and len(licence) < 60:
            entry["licenses"] = [{"license": {"name": licence}}]
        libraries.append(entry)
    libraries.sort(key=lambda item: str(item["name"]))
    parts = [
        {
            "type": "file",
            "bom-ref": f"file:{path}",
            "name": path,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}],
        }
        for path, data in sorted(files.items())
    ]
    identity = hashlib.sha256(json.dumps([own, parts, libraries], sort_keys=True).encode()).hexdigest()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": _timestamp(when),
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": NAME,
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "GPL-2.0-or-later"}}],
            },
        },
        "components": [*libraries, *parts],
        "dependencies": [
            {"ref": own, "dependsOn": [item["bom-ref"] for item in libraries]},
            *({"ref": item["bom-ref"], "dependsOn": []} for item in libraries),
        ],
    }


def _timestamp(when: int) -> str:
    from datetime import datetime, timezone  # noqa: PLC0415 - here alone

    return datetime.fromtimestamp(when, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(command: list[str], when: int) -> None:
    """Run a step, its output shown when it fails."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(when)}
    done = subprocess.run(  # noqa: S603 - our own steps
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main(argv: list[str] | None = None) -> int:
    """Make everything; 0 when it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--tag", metavar="vX.Y.Z", help="refuse when tag, version and CHANGELOG.md do not agree")
    args = parser.parse_args(argv)
    target = args.output
    if args.tag is not None:
        waiting = sorted(place.name for place in (ROOT / "changelog.d").glob("+*.md"))
        problem = tag_problem(args.tag, __version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), waiting)
        if problem:
            sys.exit(problem)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if old.is_file():
            old.unlink()
    when = commit_time()
    version = __version__
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "build"
        run([sys.executable, "-m", "wazuh_cicd.cli", "build", "-o", str(build)], when)
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(target), str(ROOT)], when)
        files = {p.relative_to(build).as_posix(): p.read_bytes() for p in sorted(build.rglob("*")) if p.is_file()}
        package = tarball(build, f"{NAME}-{version}", when)
        (target / f"{NAME}-{version}-package.tar.gz").write_bytes(package)
        (target / f"{NAME}-{version}-oci.tar").write_bytes(oci_image(package, version, when))
    (wheel,) = target.glob("*.whl")
    locked = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    (target / f"{NAME}-{version}-requirements.txt").write_text(requirements(wheel, locked), encoding="utf-8")
    document = json.dumps(sbom(version, when, files), indent=1) + "\n"
    (target / f"{NAME}-{version}.cdx.json").write_text(document, encoding="utf-8")
    made = sorted(place for place in target.iterdir() if place.is_file())
    sums = "".join(f"{hashlib.sha256(place.read_bytes()).hexdigest()}  {place.name}\n" for place in made)
    (target / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print("\n".join(str(place) for place in [*made, target / "SHA256SUMS"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
