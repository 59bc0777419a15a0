"""Scanning one target with every configured scanner, and what the reports prove."""

import os
import time
from typing import Iterator, List, Optional, Set

from wodles.scan.classify import classify
from wodles.scan.commands import grype_arguments, trivy_arguments
from wodles.scan.config import Config
from wodles.scan.databases import cache_lock, grype_system
from wodles.scan.errors import Problem, ScanError
from wodles.scan.files import read_within
from wodles.scan.read_report import parse_report
from wodles.scan.reports import Report
from wodles.scan.targets import Target, matches
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import CLOCK_SKEW, age_doubt, day_of
from wodles.scan.verify import DENIED_VERSIONS


def scan_target(toolbox: Toolbox, target: Target, seconds: float) -> List[Report]:
    """Scan a target with every configured scanner; raises ``ScanError`` when one of them does not deliver."""
    if target.kind == "report":
        data = read_within(target.reference, toolbox.config.report_bytes + 1, seconds)
        if len(data) > toolbox.config.report_bytes:
            raise ScanError("report_too_large")
        return [_check_version(parse_report(data, toolbox.kev))]
    if not toolbox.config.scanners():
        raise ScanError("config", "no scanner is configured")
    deadline = time.monotonic() + seconds
    with cache_lock(toolbox.config, seconds):
        return [_scan_with(toolbox, name, target, deadline - time.monotonic()) for name in toolbox.config.scanners()]


def _scan_with(toolbox: Toolbox, name: str, target: Target, seconds: float) -> Report:
    import tempfile

    handle, output = tempfile.mkstemp(prefix="report-", dir=toolbox.work)
    os.close(handle)
    try:
        if name == "trivy":
            arguments = trivy_arguments(toolbox.config, target, output, seconds)
            patience = seconds + 5  # Trivy's own time limit ends first, so that its message tells it from a hang
        else:
            arguments = grype_arguments(toolbox.config, target, output)
            patience = seconds
        local = target.kind != "registry"
        outcome = toolbox.run(name, arguments, patience, output, target.namespace, offline=local)
        if outcome.code or outcome.ended_by:
            raise ScanError(classify(outcome), "%s, exit code %d" % (name, outcome.code))
        if os.path.getsize(output) > toolbox.config.report_bytes:
            raise ScanError("report_too_large")
        with open(output, "rb") as stream:
            data = stream.read()
        if not data:
            raise ScanError("bad_report", name + " wrote no report")
        report = parse_report(data, toolbox.kev)
    finally:
        os.unlink(output)
    if report.scanner != name:
        raise ScanError("bad_report", "not written by " + name)
    if name == "grype" and report.os_checked:
        checked, eol = grype_system(toolbox.config, report.os)
        report = report._replace(os_checked=checked, eol=report.eol or eol)
    return _check_version(report)


def _check_version(report: Report) -> Report:
    if report.version.lstrip("v") in DENIED_VERSIONS.get(report.scanner, ()):
        raise ScanError("denied_version", report.scanner + " " + report.version)
    return report


def prove(target: Target, reports: List[Report], config: Config, now: Optional[float] = None) -> Optional[Problem]:
    """Say why reports do not prove an artifact clean, the system's end of life included; None: they do."""
    problem = next(doubts(target, reports, config, now), None)
    ended = end_of_life(reports)
    return Problem("eol_os", "end_of_life", ended) if problem is None and ended else problem


def doubts(target: Target, reports: List[Report], config: Config, now: Optional[float] = None) -> Iterator[Problem]:
    """Say why reports prove nothing: no proof in the format's terms, old data, another image, an unknown system.

    Args:
        target: what they are about.
        reports: one of each scanner.
        config: how old data of a report may be, and which images need no operating system.
        now: seconds since 1970.
    """
    now = time.time() if now is None else now
    for report in reports:
        for doubt in report.doubts:
            yield Problem("scan_error", "no_proof", report.scanner + ": " + doubt)
        if not report.looked and _must_show(target, report, config):
            yield Problem("scan_error", "no_proof", report.scanner + ": it names nothing that was looked at")
        if target.kind in ("image", "registry", "archive") and report.os_checked is None:
            yield Problem("scan_error", "no_proof", report.scanner + ": it is not about an image")
        image = report.kind == "container_image" and report.proves
        if image and target.kind == "report" and not report.identities():
            yield Problem("scan_error", "no_proof", report.scanner + ": it does not say which image it is about")
        old = _age(target, report, config, now)
        if old:
            yield Problem("db_stale", "db_stale", "%s: %s" % (report.scanner, old))
        wanted = target_identities(target)
        if wanted and not wanted & report.identities():
            yield Problem("scan_error", "image_mismatch", report.scanner)
    images = [report for report in reports if report.os_checked is not None]
    if images and not any(report.os_checked for report in images) and not _needs_no_os(target, images, config):
        yield Problem("scan_error", "unknown_os", images[0].os)


def end_of_life(reports: List[Report]) -> str:
    """Return the operating system that gets no fixes any more, as a scanner calls it; empty when none is known."""
    return next((report.os or "unknown" for report in reports if report.eol), "")


def _must_show(target: Target, report: Report, config: Config) -> bool:
    """Say whether a report must name what was looked at: where we did not start the scanner, or it read an inventory.

    Of a directory that we had scanned, the scanner's arguments and its exit code say that it was looked at.
    """
    return target.kind in ("report", "sbom") and not _needs_no_os(target, [report], config)


def _needs_no_os(target: Target, reports: List[Report], config: Config) -> bool:
    if target.kind == "report":  # called by its file; the image's name is in the report
        named = [report.artifact for report in reports if report.os_checked is not None and report.artifact]
        return bool(named) and all(matches(target._replace(name=name), config.no_os_allowed) for name in named)
    return matches(target, config.no_os_allowed)


def _age(target: Target, report: Report, config: Config, now: float) -> str:
    """Say why a report's times prove nothing; a scan of ours is as old as its database, which is judged elsewhere."""
    if report.created is not None and report.created > now + CLOCK_SKEW:
        return "it is dated in the future, %s" % day_of(report.created)
    if target.kind != "report":
        return ""
    moment = report.db_built if report.scanner == "grype" else report.created
    if not report.proves and report.scanner != "cyclonedx" and report.created is None:
        return ""  # SARIF need not say when it was written; a policy that wants proof refuses it
    return age_doubt(moment, now, config.database_max_age_hours)


def target_identities(target: Target) -> Set[str]:
    """Return the digests that a target is known by; a report of it must name one of them. None: it is not known."""
    if target.kind == "image" and target.digest:
        return {target.digest} | set(target.ids) | {d.rsplit("@", 1)[-1] for d in target.digests}
    if target.kind == "registry" and "@sha256:" in target.reference:
        return {target.reference.rsplit("@", 1)[1]}
    return set()
