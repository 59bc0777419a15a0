"""Checking a scanner's binary before it runs."""

import hashlib
import io
import os
import re
import stat
from typing import Any, Dict, NamedTuple, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.files import trusted
from wodles.scan.text import clean

# Trivy 0.69.4 to 0.69.6 carried a credential stealer (CVE-2026-33634).
DENIED_VERSIONS = {"trivy": ("0.69.4", "0.69.5", "0.69.6"), "grype": (), "cosign": ()}
# Before 3.0.4 and 2.6.2 a signature bundle was not checked fully (GHSA-whqx-f9j3-ch6m).
COSIGN_MINIMUM = ((2, 6, 2), (3, 0, 4))
# Before it, Trivy sends the credentials of one registry to another one that asks for them (CVE-2024-35192).
TRIVY_MINIMUM = (0, 51, 2)


class Verified(NamedTuple):
    """A scanner binary whose hash was checked; it runs through the open descriptor, so it cannot be swapped later."""

    name: str
    path: str
    sha256: str
    descriptor: int
    identity: Tuple[int, ...]


_VERIFIED: Dict[str, Verified] = {}
HASH_CHUNK = 1 << 18  # fits a processor's cache: it is looked at twice


def _file_identity(info: os.stat_result) -> Tuple[int, ...]:
    return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def verify_tool(name: str, tool: Dict[str, Any], pins: Dict[str, str]) -> Verified:
    """Check a scanner before it runs: owner and mode, pinned SHA-256, deny-list. It is never asked for its version.

    Args:
        name: trivy, grype or cosign.
        tool: its part of the configuration.
        pins: hashes remembered from earlier runs, for a tool that the configuration does not pin; updated.

    Raises:
        ScanError: binary_unsafe, binary_mismatch, denied_version or scanner_changed.
    """
    path = tool["path"]
    known = _VERIFIED.get(path)
    if (
        known is not None
        and known.identity == _file_identity(os.fstat(known.descriptor))
        and _same_file(path, known.identity)
    ):
        return known
    if str(tool.get("version", "")).lstrip("v") in DENIED_VERSIONS[name]:
        raise ScanError("denied_version", name + " " + clean(tool.get("version"), 20))
    if name == "cosign" and tool.get("version") and not _cosign_new_enough(str(tool["version"])):
        raise ScanError("denied_version", "cosign before 2.6.2 or 3.0.4")
    if name == "trivy" and tool.get("version") and _numbers(str(tool["version"])) < TRIVY_MINIMUM:
        raise ScanError("denied_version", "trivy before 0.51.2")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise ScanError("binary_unsafe", name + " cannot be opened") from None
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode) or not trusted(info):
        os.close(descriptor)
        raise ScanError("binary_unsafe", name + " is not a file that only its owner may change")
    # Bytes that were searched for these versions once need not be searched again, only hashed.
    searched = "not %s: " % ",".join(DENIED_VERSIONS[name])
    known_good = any(key.startswith(searched) for key in pins)
    digest, denied = hash_binary(descriptor, "" if known_good else name)
    if known_good and searched + digest not in pins:
        os.lseek(descriptor, 0, os.SEEK_SET)
        digest, denied = hash_binary(descriptor, name)
    problem = None
    allowed = tool.get("sha256") or []
    pinned = [allowed] if isinstance(allowed, str) else list(allowed)
    if denied:
        problem = ScanError("denied_version", name + " " + denied)
    elif pinned and digest not in [str(p).lower() for p in pinned]:
        problem = ScanError("binary_mismatch", name + " has SHA-256 " + digest)
    elif not pinned and pins.get(name, digest) != digest:
        problem = ScanError("scanner_changed", name + " has SHA-256 " + digest)
    if problem is not None:
        os.close(descriptor)
        raise problem
    pins[name] = digest
    pins[searched + digest] = name
    verified = Verified(name, path, digest, descriptor, _file_identity(os.fstat(descriptor)))
    _VERIFIED[path] = verified
    return verified


def _same_file(path: str, identity: Tuple[int, ...]) -> bool:
    try:
        return _file_identity(os.stat(path)) == identity
    except OSError:
        return False


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def _cosign_new_enough(version: str) -> bool:
    numbers = _numbers(version)
    old, new = COSIGN_MINIMUM
    return numbers >= new or (numbers[:1] == old[:1] and numbers >= old)


def hash_binary(descriptor: int, name: str) -> Tuple[str, str]:
    """Return a binary's SHA-256, and the denied version that its build information names, if any.

    Without a name it is only hashed.
    """
    hasher = hashlib.sha256()
    denied = ""
    versions = [v.encode() for v in DENIED_VERSIONS.get(name, ())]
    common = versions[0].rpartition(b".")[0] if versions else b""  # one search instead of one for each version
    named = rb"aquasecurity/trivy[^\n\x00]{0,60}(?:ver=|\tv)(%s)(?![\d.])" % b"|".join(map(re.escape, versions))
    overlap = 256
    buffer = bytearray(overlap + HASH_CHUNK)
    view = memoryview(buffer)
    with io.open(descriptor, "rb", buffering=0, closefd=False) as stream:
        while True:
            size = stream.readinto(view[overlap:]) or 0
            if not size:
                return hasher.hexdigest(), denied
            hasher.update(view[overlap : overlap + size])
            if common and not denied and buffer.find(common, 0, overlap + size) >= 0:
                found = re.search(named, view[: overlap + size])
                denied = found.group(1).decode() if found else ""
            view[:overlap] = bytes(view[size : size + overlap])
