"""The scanners' command lines: offline, without updates and telemetry."""

import glob
import os
from typing import List

from wodles.scan.config import Config
from wodles.scan.targets import Target


def trivy_arguments(config: Config, target: Target, output: str, seconds: float) -> List[str]:
    """Return Trivy's command line: offline, without updates, telemetry, or packages that nobody asked for."""
    common = [
        "--quiet", "--no-progress", "--format", "json", "--output", output, "--cache-dir", config.cache("trivy"),
        "--timeout", "%ds" % max(1, int(seconds)), "--offline-scan", "--skip-version-check", "--disable-telemetry",
        "--list-all-pkgs=%s" % ("true" if config.dependencies else "false"), "--exit-code", "0",
    ]  # fmt: skip
    if "vuln" in config.checks:
        common += ["--skip-db-update", "--skip-java-db-update"]
    if config.ignore_file:
        common += ["--ignorefile", config.ignore_file, "--show-suppressed"]
    for document in config.vex:
        common += ["--vex", document, "--show-suppressed"]
    if target.kind == "sbom":
        checks = ",".join(c for c in config.checks if c in ("vuln", "license"))
        return ["sbom"] + common + ["--scanners", checks, "--", target.reference]
    scanners = ["--scanners", ",".join(config.checks)]
    if "misconfig" in config.checks:
        scanners.append("--skip-check-update")
    if target.kind == "directory":
        inside = _cache_inside(config, target)
        skipped = ["--skip-dirs", inside] if inside else []
        return ["filesystem"] + common + scanners + skipped + ["--", target.reference]
    image = [c for c in ("misconfig", "secret") if c in config.checks]
    if image:
        scanners += ["--image-config-scanners", ",".join(image)]
    if target.kind == "archive":
        return ["image"] + common + scanners + ["--input", target.reference]
    source = "remote" if target.kind == "registry" else _local_engine(config)
    # Trivy does not take each name that containerd has; a digest it takes always.
    reference = target.digest if config.engine == "containerd" and source == "containerd" else target.reference
    return ["image"] + common + scanners + ["--image-src", source, "--", reference]


def grype_arguments(config: Config, target: Target, output: str) -> List[str]:
    """Return Grype's command line; it has no time limit of its own."""
    # An image that vanished since it was listed would be pulled: without a network it cannot be.
    schemes = {
        "directory": "dir:",
        "archive": "docker-archive:",
        "registry": "registry:",
        "sbom": "sbom:",
        "image": _local_engine(config) + ":",
    }
    arguments = ["--output", "json", "--file", output]  # not --quiet: that would hide why it failed
    for document in config.vex:
        arguments += ["--vex", document]
    inside = _cache_inside(config, target) if target.kind == "directory" else ""
    if inside:
        arguments += ["--exclude", "./" + glob.escape(inside) + "/**"]
    return arguments + ["--", schemes[target.kind] + target.reference]


def _cache_inside(config: Config, target: Target) -> str:
    """Return the cache's path below a directory that is scanned, or nothing: pipelines often keep it there."""
    cache = os.path.realpath(config.cache_directory)
    root = os.path.realpath(target.reference)
    return os.path.relpath(cache, root) if cache.startswith(root + "/") else ""


def _local_engine(config: Config) -> str:
    return "docker" if config.engine in ("docker", "none") else "containerd"
