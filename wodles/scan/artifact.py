"""One artifact: scanned, proved, compared, remembered."""

import errno
import os
import time
from typing import Dict, List, Optional, Tuple

from wodles.scan.compare import compare, count_findings
from wodles.scan.context import Run
from wodles.scan.errors import Problem, ScanError
from wodles.scan.inventory import EXPOSURE_RANK
from wodles.scan.overdue import emit_overdue
from wodles.scan.reports import Report
from wodles.scan.scans import prove, scan_target
from wodles.scan.signature import verify_signature
from wodles.scan.state import Known
from wodles.scan.targets import Target, untrusted


def scan_artifact(run: Run, target: Target) -> None:
    """Scan one target, unless nothing changed since the last time, and write its events."""
    started = time.monotonic()
    run.counts["artifacts"] += 1
    name = target.key()
    try:
        remembered = run.state.load(name)
    except ScanError as error:
        run.error(Problem("scan_error", error.reason), target)
        remembered = None
    first = remembered is None
    prior = remembered or Known(target.kind, {})
    unchanged = (
        not first
        and bool(target.digest)
        and prior.digest == target.digest
        and prior.inputs == run.inputs
        and prior.complete is True
    )
    if unchanged:
        run.counts["unchanged"] += 1
        run.counts["unproved"] += prior.outcome not in ("clean", "findings")
        _unchanged(run, name, target, prior, started)
        return
    if run.left() <= 1:
        run.counts["failed"] += 1
        run.counts["unproved"] += 1
        run.error(Problem("scan_error", "run_deadline"), target)
        return
    run.counts["scanned"] += 1
    run.counts["unproved"] += 1  # until it is proved
    reports, problem, signature = _scan(run, target, prior)
    if problem is not None:
        run.counts["failed"] += 1
        run.error(problem, target)
    if not reports or (problem is not None and problem.reason in ("image_mismatch", "empty_result")):
        doubted = _seen(run, target) if problem is not None and problem.reason == "empty_result" else ""
        _remember_failure(run, name, target, prior, doubted)
        _artifact_summary(run, target, prior, "error", {}, started, first=first)
        return
    _supply_chain(run, target, prior, signature)
    known, tally = compare(run, target, prior, reports)
    settled = signature is None or signature.event == "unsigned_image"
    outcome = "findings" if known.findings else "clean"
    if problem is not None:
        outcome = problem.event if problem.event != "scan_error" else "error"
    elif run.stale:
        outcome = "db_stale"
    run.counts["unproved"] -= outcome in ("clean", "findings")
    known = known._replace(
        complete=settled and not tally["deferred"], signature=signature.reason if signature else "", outcome=outcome
    )
    run.state.save(name, known)
    _artifact_summary(run, target, known, outcome, tally, started, first=first)


def _scan(run: Run, target: Target, prior: Known) -> Tuple[List[Report], Optional[Problem], Optional[Problem]]:
    """Verify and scan; returns the reports, why they prove nothing, and what is wrong with the signature."""
    signature: Optional[Problem] = None
    reports: List[Report] = []
    try:
        if target.kind in ("image", "registry"):
            signature = verify_signature(run.toolbox, target, min(180.0, run.left()))
        reports = scan_target(run.toolbox, target, min(float(run.config.image_seconds), run.left()))
        problem = prove(target, reports, run.config)
        if problem is None and _emptied(prior, reports) and prior.doubted != _seen(run, target):
            problem = Problem("scan_error", "empty_result", "findings before: %d" % len(prior.findings))
    except ScanError as error:
        event = "db_stale" if error.reason == "db_stale" else "scan_error"
        problem = Problem(event, error.reason, error.detail)
    except OSError as error:
        reason = "disk_full" if error.errno == errno.ENOSPC else "no_image"
        problem = Problem("scan_error", reason, os.strerror(error.errno or 0))
    return reports, problem, signature


def _emptied(prior: Known, reports: List[Report]) -> bool:
    """Notice a suspicious nothing: several vulnerabilities before, and now not one finding of any kind."""
    before = [e for e in prior.findings.values() if e.fields.get("kind") == "vulnerability"]
    return len(before) >= 5 and not any(r.findings or r.suppressed for r in reports)


def _unchanged(run: Run, name: str, target: Target, prior: Known, started: float) -> None:
    findings = dict(prior.findings)
    risen = EXPOSURE_RANK[target.exposure] > EXPOSURE_RANK.get(prior.exposure, 0)
    overdue = emit_overdue(run, target, findings)
    counts = count_findings(prior.findings)
    pushed = bool(counts["secrets"] and target.pushed() and not prior.pushed)
    known = prior._replace(findings=findings, exposure=target.exposure, pushed=bool(target.pushed()))
    if risen or pushed or (target.trigger and counts["critical"]):
        trigger = "pushed" if pushed else "started" if risen else target.trigger
        shown = target._replace(trigger=trigger)
        _artifact_summary(run, shown, known, prior.outcome, {"overdue": overdue}, started, first=False)
    if known != prior:
        run.state.save(name, known)
    else:
        os.utime(run.state.path(name))


def _seen(run: Run, target: Target) -> str:
    return target.digest + "|" + run.inputs


def _remember_failure(run: Run, name: str, target: Target, prior: Known, doubted: str) -> None:
    """Keep the old findings and their clocks: a failing scan must not reset an SLA.

    Args:
        run: the run.
        name: the artifact's, in the state.
        target: the artifact.
        prior: what was known of it.
        doubted: what gave a suspicious nothing; when the very same gives it again, it is believed.
    """
    known = prior._replace(complete=False, outcome="error", exposure=target.exposure, doubted=doubted)
    run.state.save(name, known)


def _supply_chain(run: Run, target: Target, prior: Known, signature: Optional[Problem]) -> None:
    host = untrusted(target, run.config)
    same = prior.digest == target.digest and bool(target.digest)
    common = [
        ("artifact", target.name),
        ("digest", target.shown_digest()),
        ("kind", target.kind),
        ("exposure", target.exposure),
        ("repository_digest", target.digests[0] if target.digests else ""),
        ("trigger", target.trigger),
    ]
    if host and not (same and prior.registry == host):
        run.emit.note("untrusted_registry", [("state", "new"), ("registry", host), ("reason", "not_listed")] + common)
    if signature is not None and signature.event == "scan_error":
        run.error(signature, target)
    elif signature is not None and not (same and prior.signature == signature.reason):
        run.emit.note(
            "unsigned_image", [("state", "new"), ("reason", signature.reason), ("scanner", "cosign")] + common
        )


def _artifact_summary(  # noqa: PLR0917 -- what the summary shows
    run: Run, target: Target, known: Known, outcome: str, tally: Dict[str, int], started: float, *, first: bool
) -> None:
    counts = count_findings(known.findings)
    fields = [
        ("scope", "artifact"),
        ("artifact", target.name),
        ("digest", target.shown_digest()),
        ("exposure", target.exposure),
        ("outcome", outcome),
        ("trigger", target.trigger or ("first" if first else "rescan")),
        ("critical", counts["critical"]),
        ("high", counts["high"]),
        ("secrets", counts["secrets"]),
        ("misconfigurations", counts["misconfigurations"]),
        ("new", tally.get("new", 0)),
        ("new_severe", 0 if first else tally.get("new_severe", 0)),
        ("resolved", tally.get("resolved", 0)),
        ("overdue", tally.get("overdue", 0)),
        ("seconds", int(time.monotonic() - started)),
    ]
    run.emit.note("summary", fields)
    run.emit.flush()
