"""What is to be scanned: images, directories, archives, references, and whether they may come from where they do."""

import fnmatch
import hashlib
import os
import re
from typing import Iterable, NamedTuple, Optional, Tuple

from wodles.scan.config import Config
from wodles.scan.errors import ScanError
from wodles.scan.text import label


class Target(NamedTuple):
    """What is to be scanned: ``kind`` image, directory, archive, registry, sbom or report."""

    kind: str
    name: str  # how it is called in events: the tag, the path
    reference: str  # what the scanner is given
    digest: str = ""  # the image id, or a fingerprint of a directory; empty: not known before the scan
    digests: Tuple[str, ...] = ()  # repository digests
    names: Tuple[str, ...] = ()
    exposure: str = "stored"  # stored < running < published
    trigger: str = ""
    namespace: str = ""  # containerd's
    ids: Tuple[str, ...] = ()  # image ids, where the digest is not one

    def key(self) -> str:
        """Return what its memory is kept under: a rebuilt image keeps its name, and its findings their clocks."""
        return self.kind + ":" + self.name + (" of " + self.namespace if self.namespace else "")

    def pushed(self) -> str:
        """Return the repository that the image is in, or an empty text when it never left this host."""
        place = self.digests[0] if self.digests else (self.reference if self.kind == "registry" else "")
        return place.split("@")[0]

    def shown_digest(self) -> str:
        """Return the digest for events: an image's id, not the fingerprint of a directory or file."""
        return self.digest if self.digest.startswith("sha256:") else ""


REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,511}\Z")


def matches(target: Target, patterns: Iterable[str]) -> bool:
    """Say whether one of a target's names fits one of the patterns."""
    names = [target.name] + list(target.names) + list(target.digests)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


def tree_fingerprint(path: str, entries: int = 2000000) -> str:
    """Fingerprint a directory by names, sizes and times of change: cheap beside a scan, and changes with any file."""
    hasher = hashlib.sha256()
    pending = [path]
    while pending:
        try:
            with os.scandir(pending.pop()) as scan:
                found = sorted(scan, key=lambda e: e.name)
        except OSError:
            hasher.update(b"?")
            continue
        for entry in found:
            entries -= 1
            if entries < 0:
                return ""
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:  # gone since it was listed
                hasher.update(b"?")
                continue
            line = "%s\0%d\0%d\0%d\0%d\n" % (entry.path, info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
            hasher.update(line.encode("utf-8", "surrogateescape"))
            if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                pending.append(entry.path)
    return "tree:" + hasher.hexdigest()[:40]


def path_target(kind: str, path: str) -> Target:
    """Make a target of a directory, an archive, an SBOM or a report."""
    try:
        info = os.stat(path)
    except OSError:
        raise ScanError("no_image", "no such path") from None
    if kind == "directory":
        digest = tree_fingerprint(path)
    else:
        digest = "file:%d-%d-%d-%d" % (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    absolute = os.path.abspath(path)
    return Target(kind, label(absolute), absolute, digest)


def registry_target(reference: str) -> Target:
    """Make a target of an image reference; raises ``ScanError`` when it is not one (an option, for instance)."""
    if not REFERENCE.match(reference):
        raise ScanError("no_image", "not an image reference")
    digest = reference.rsplit("@", 1)[1] if "@sha256:" in reference else ""
    return Target("registry", label(reference), reference, digest)


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_SEGMENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io")


def repository_of(reference: str) -> Tuple[str, ...]:
    """Return the repository that a reference names, normalised, as host and path segments; empty: it names none.

    As Docker and containerd read it: without a host it is docker.io, there without a path ``library``; tag and digest
    do not belong to it.
    """
    name, at, digest = reference.partition("@")
    if at and not _DIGEST.match(digest):
        return ()
    head, slash, rest = name.partition("/")
    if not (slash and ("." in head or ":" in head or head.lower() == "localhost")):
        head, rest = "docker.io", name
    host = _host(head)
    path = rest.rsplit("/", 1)
    path[-1] = path[-1].partition(":")[0]
    segments = "/".join(path).split("/")
    if host == "docker.io" and len(segments) == 1:
        segments = ["library"] + segments
    if not _HOST.match(host) or not all(map(_SEGMENT.match, segments)):
        return ()
    return (host,) + tuple(segments)


def _host(name: str) -> str:
    host = re.sub(r":443\Z", "", name.lower())
    return "docker.io" if host in _DOCKER_HUB else host


def _covers(trusted: str, repository: Tuple[str, ...]) -> bool:
    """Say whether a host, a host pattern or a host with a path covers a repository, by whole path segments."""
    parts = trusted.rstrip("/").split("/")
    host = _host(parts[0])
    return fnmatch.fnmatchcase(repository[0], host) and repository[1 : len(parts)] == tuple(parts[1:])


def untrusted(target: Target, config: Config) -> str:
    """Return the registry that an image comes from when no trusted registry covers it, or an empty text.

    An image without repository digests was built or loaded here and comes from no registry.
    """
    if not config.trusted_registries or target.kind not in ("image", "registry"):
        return ""
    for origin in list(target.digests) if target.kind == "image" else [target.reference]:
        repository = repository_of(origin)
        if not repository or not any(_covers(trusted, repository) for trusted in config.trusted_registries):
            return repository[0] if repository else "not an image reference"
    return ""


def find_image(targets: Iterable[Target], image: str) -> Optional[Target]:
    """Find the image that a request names: by id, tag, digest, or name without tag."""
    wanted = {image, "sha256:" + image, image + ":latest", "docker.io/" + image, "docker.io/library/" + image}
    for target in targets:
        names = {target.digest, target.name} | set(target.names) | set(target.digests) | set(target.ids)
        short = target.digest.replace("sha256:", "")
        if names & wanted or (len(image) >= 12 and short.startswith(image)):
            return target
    return None
