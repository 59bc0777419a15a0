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


def registry_of(reference: str) -> str:
    """Return the registry's host of an image reference, as Docker reads it."""
    head, slash, _ = reference.partition("/")
    return head if slash and ("." in head or ":" in head or head == "localhost") else "docker.io"


def untrusted(target: Target, config: Config) -> str:
    """Return the registry that an image comes from when no trusted registry covers it, or an empty text.

    An image without repository digests was built or loaded here and comes from no registry.
    """
    if not config.trusted_registries or target.kind not in ("image", "registry"):
        return ""
    origins = list(target.digests) if target.kind == "image" else [target.reference]
    for origin in origins:
        full = (
            origin if registry_of(origin) != "docker.io" or origin.startswith("docker.io/") else "docker.io/" + origin
        )
        host = registry_of(full)
        if not any(
            host == t or full.startswith(t.rstrip("/") + "/") or fnmatch.fnmatchcase(host, t)
            for t in config.trusted_registries
        ):
            return host
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
