"""Scanning one target with every configured scanner, and what the reports prove."""

import os
import time
from typing import List, Optional

from wodles.scan.classify import classify
from wodles.scan.commands import grype_arguments, trivy_arguments
from wodles.scan.config import Config
from wodles.scan.databases import cache_lock, grype_system
from wodles.scan.errors import Problem, ScanError
from wodles.scan.read_report import parse_report
from wodles.scan.reports import Report
from wodles.scan.targets import Target, matches
from wodles.scan.toolbox import Toolbox
from wodles.scan.verify import DENIED_VERSIONS


def scan_target(toolbox: Toolbox, target: Target, seconds: float) -> List[Report]:
    """Scan a target with every configured scanner; raises ``ScanError`` when one of them does not deliver."""
    if target.kind == "report":
        with open(target.reference, "rb") as stream:
            data = stream.read(toolbox.config.report_bytes + 1)
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


def prove(target: Target, reports: List[Report], config: Config) -> Optional[Problem]:
    """Say why reports do not prove an artifact clean: the wrong image, an unknown or unsupported operating system."""
    for report in reports:
        if target.kind == "image" and target.digest:
            wanted = {target.digest} | set(target.ids) | {d.rsplit("@", 1)[-1] for d in target.digests}
            seen = {report.image_id} | {d.rsplit("@", 1)[-1] for d in report.digests}
            if not (wanted & seen) - {""}:
                return Problem("scan_error", "image_mismatch", report.scanner)
        if target.kind == "registry" and "@sha256:" in target.reference:
            seen = {report.image_id} | {d.rsplit("@", 1)[-1] for d in report.digests}
            if target.reference.rsplit("@", 1)[1] not in seen:
                return Problem("scan_error", "image_mismatch", report.scanner)
    images = [report for report in reports if report.os_checked is not None]
    if images and not any(report.os_checked for report in images) and not matches(target, config.no_os_allowed):
        return Problem("scan_error", "unknown_os", images[0].os)
    for report in images:
        if report.eol:
            return Problem("eol_os", "end_of_life", report.os)
    return None
