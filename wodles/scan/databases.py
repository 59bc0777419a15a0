"""The scanners' vulnerability databases: how old they are, updating them, what they know of a system."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import time
from typing import Dict, Iterator, List, Optional, Tuple

from wodles.scan.classify import classify
from wodles.scan.config import Config
from wodles.scan.errors import Problem, ScanError
from wodles.scan.files import query_sqlite, read_small_json
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import HOUR, as_epoch


def database_times(config: Config) -> Dict[str, Tuple[str, int]]:
    """Return for each scanner a text that changes with its database, and when it was made (0: unknown).

    Without a database the text is empty.
    """
    times = {}
    if config.trivy:
        metadata = read_small_json(os.path.join(config.cache("trivy"), "db", "metadata.json"))
        java = read_small_json(os.path.join(config.cache("trivy"), "java-db", "metadata.json"))
        times["trivy"] = (
            "%s/%s" % (metadata.get("UpdatedAt"), java.get("UpdatedAt")) if metadata else "",
            as_epoch(metadata.get("UpdatedAt")) or 0,
        )
    if config.grype:
        text, built = "", 0
        for path in sorted(glob.glob(os.path.join(glob.escape(config.cache("grype")), "*", "*.json"))):
            part = read_small_json(path)
            text += json.dumps(part, sort_keys=True)
            built = max(built, as_epoch(part.get("built")) or 0)
        for path in _grype_databases(config):
            info = os.stat(path)
            text += "%d/%d" % (info.st_size, info.st_mtime_ns)
            rows = query_sqlite(path, "SELECT build_timestamp FROM db_metadata")
            built = built or as_epoch(rows[0][0] if rows else "") or int(info.st_mtime)
        times["grype"] = (text and hashlib.sha256(text.encode()).hexdigest()[:16], built)
    return times


@contextlib.contextmanager
def cache_lock(config: Config, seconds: float) -> Iterator[None]:
    """Hold the cache alone: neither may a database be replaced under a scan, nor does Trivy share its layer cache.

    Raises:
        ScanError: cache_locked when another process of ours still holds it after ``seconds``.
    """
    os.makedirs(config.cache_directory, mode=0o700, exist_ok=True)
    deadline = time.monotonic() + seconds
    with open(os.path.join(config.cache_directory, ".lock"), "wb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ScanError("cache_locked", "another run works with these databases") from None
                time.sleep(0.1)
        yield


# Reasons that say more than that the update failed.
_UPDATE_REASONS = ("rate_limited", "denied", "disk_full", "timeout", "cache_locked", "cache_corrupt")


def update_databases(toolbox: Toolbox, seconds: float) -> Optional[Problem]:
    """Update each database once, under a lock that other runs share; afterwards scans are offline."""
    deadline = time.monotonic() + seconds
    with cache_lock(toolbox.config, seconds):
        for name, arguments in _update_commands(toolbox.config):
            outcome = toolbox.run(name, arguments, deadline - time.monotonic())
            if outcome.code or outcome.ended_by:
                reason = classify(outcome)
                shown = reason if reason in _UPDATE_REASONS else "db_update_failed"
                return Problem("scan_error", shown, "update of the database of " + name)
    return None


def _update_commands(config: Config) -> Iterator[Tuple[str, List[str]]]:
    if config.trivy:
        metadata = read_small_json(os.path.join(config.cache("trivy"), "db", "metadata.json"))
        if (as_epoch(metadata.get("NextUpdate")) or 0) <= time.time():
            common = ["--quiet", "--no-progress", "--cache-dir", config.cache("trivy")]
            common += ["--disable-telemetry", "--skip-version-check"]
            repository = config.database_repository
            source = ["--db-repository", repository] if repository else []
            yield "trivy", ["image", "--download-db-only"] + common + source
            java = config.java_database_repository
            source = ["--java-db-repository", java] if java else []
            yield "trivy", ["image", "--download-java-db-only"] + common + source
    if config.grype:
        _, built = database_times(config)["grype"]
        if time.time() - built > 6 * HOUR:
            yield "grype", ["db", "update", "--quiet"]


_GRYPE_NAMES = {"redhat": "rhel", "amazonlinux": "amzn", "oraclelinux": "ol"}  # as its database calls the same systems


def grype_system(config: Config, system: str) -> Tuple[bool, bool]:
    """Ask Grype's database whether it has data for a system, and whether that is past its end of life.

    Grype itself says nothing when it has none (Photon OS, BusyBox, a release that is too new), and reports an end of
    life only where the database knows the exact version: not of Debian 9.13, because it knows 9.
    """
    name, _, version = system.lower().partition(" ")
    major, minor = ([part.lstrip("0") for part in version.split(".")[:2]] + ["", ""])[:2]
    known = eol = False
    for path in _grype_databases(config):
        query = "SELECT major_version, minor_version, eol_date FROM operating_systems WHERE lower(name) IN (?, ?)"
        ends = {}
        for row in query_sqlite(path, query, (name, _GRYPE_NAMES.get(name, name))):
            ends[str(row[0] or "").lstrip("0"), str(row[1] or "").lstrip("0")] = as_epoch(row[2]) or 0
        replaced = query_sqlite(
            path, "SELECT 1 FROM operating_system_specifier_overrides WHERE lower(alias) = ?", (name,)
        )
        known = known or bool(replaced) or any(row[0] in (major, "") for row in ends) or bool(ends and not major)
        end = ends.get((major, minor)) or ends.get((major, "")) or 0
        eol = eol or 0 < end < time.time()
    return known, eol


def _grype_databases(config: Config) -> List[str]:
    return sorted(glob.glob(os.path.join(glob.escape(config.cache("grype")), "*", "vulnerability.db")))
