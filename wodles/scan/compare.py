"""What changed in an artifact since its last scan."""

import hashlib
from typing import Dict, List, Optional, Set, Tuple

from wodles.scan.context import Run
from wodles.scan.finding_events import KIND_FIELDS, common_fields, emit_finding, emit_known
from wodles.scan.overdue import emit_overdue
from wodles.scan.reports import Finding, Report, merge
from wodles.scan.state import Entry, Known
from wodles.scan.targets import Target, untrusted
from wodles.scan.values import RANK

_COUNTED = ("new", "new_severe", "changed", "resolved", "overdue", "suppressed", "deferred", "dependencies")


def compare(run: Run, target: Target, prior: Known, reports: List[Report]) -> Tuple[Known, Dict[str, int]]:
    """Write what changed as events.

    Args:
        run: the run.
        target: the artifact.
        prior: what was known of it; empty the first time.
        reports: what the scanners say now.

    Returns:
        What is known of it now, and how many events of each kind there are.
    """
    tally = dict.fromkeys(_COUNTED, 0)
    before = prior.findings
    after, handled = _current(run, target, before, reports, tally)
    suppressed = {f.key(): f for r in reports for f in r.suppressed}
    gone = {k: e for k, e in before.items() if k not in after and e.base not in handled}
    after.update(_gone(run, target, gone, suppressed, tally))
    hidden = sorted(suppressed)
    for key in sorted(set(hidden) - set(hidden if prior.suppressed is None else prior.suppressed) - set(before)):
        tally["suppressed"] += 1
        emit_finding(run, suppressed[key], _entry(run, suppressed[key], None, ""), target, "suppressed")
    added, packages = _dependencies(run, target, prior, reports)
    tally["dependencies"] = added
    tally["overdue"] = emit_overdue(run, target, after)
    known = Known(
        kind=target.kind,
        digest=target.digest,
        inputs=run.inputs,
        scanned=run.now,
        exposure=target.exposure,
        registry=untrusted(target, run.config),
        pushed=bool(target.pushed()),
        findings=after,
        suppressed=tuple(hidden),
        packages=packages,
    )
    return known, tally


def _current(
    run: Run, target: Target, before: Dict[str, Entry], reports: List[Report], tally: Dict[str, int]
) -> Tuple[Dict[str, Entry], Set[str]]:
    """Compare what is there now; returns what to remember, and the bases of all findings."""
    by_base: Dict[str, Entry] = {}
    for entry in before.values():
        by_base.setdefault(entry.base, entry)
    after: Dict[str, Entry] = {}
    handled: Set[str] = set()
    for finding in sorted(merge(reports), key=lambda f: (-RANK[f.severity], f.id)):
        base = finding.base()
        key = finding.key(base)
        old = before.get(key) or by_base.get(base)
        entry = _entry(run, finding, old, base)
        handled.add(base)
        rated = finding.severity != "UNKNOWN"  # what nobody has rated is not below the floor
        shown = not rated or RANK[finding.severity] >= RANK[run.config.severity_floor]
        shown = shown or finding.threat in ("malware", "kev")
        state = "new" if old is None else ("changed" if old.look != entry.look else "")
        if old is not None and old.quiet:
            state = "new" if shown else ""  # below the floor until now
        shown = shown or (old is not None and not old.quiet)  # what was reported once is reported to its end
        if not shown:
            entry = entry._replace(quiet=True)
        if state and shown and not emit_finding(run, finding, entry, target, state):
            tally["deferred"] += 1
            if old is not None:
                after[key] = old  # as it was reported: the next run sees the change again, and the clock goes on
            continue  # a new one is not remembered: it is new again at the next run
        if state:
            tally[state] += 1
            severe = finding.kind == "vulnerability" and RANK[finding.severity] >= RANK["HIGH"]
            tally["new_severe"] += state == "new" and severe
        after[key] = entry
    return after, handled


def _gone(
    run: Run, target: Target, gone: Dict[str, Entry], suppressed: Dict[str, Finding], tally: Dict[str, int]
) -> Dict[str, Entry]:
    """Report what is no longer there; returns what has to wait for the next run."""
    deferred = {}
    for key, entry in gone.items():
        state = "suppressed" if key in suppressed else "resolved"
        if entry.quiet or emit_known(run, entry, target, state, suppressed.get(key)):
            tally[state] += 1
        else:
            tally["deferred"] += 1
            deferred[key] = entry
    return deferred


def _entry(run: Run, finding: Finding, old: Optional[Entry], base: str) -> Entry:
    """Make what is remembered of a finding: when it was first seen, since when there is a fix, how it looks."""
    first = old.first_seen if old else run.now
    fix_since = 0
    if finding.fixed or finding.status == "fixed":
        fix_since = min((old.fix_since if old and old.fix_since else run.now), finding.fix_date or run.now)
    core = {key: getattr(finding, key) for key in KIND_FIELDS[finding.kind] if getattr(finding, key)}
    core.update(kind=finding.kind, id=finding.id, scanner=finding.scanner)
    if finding.threat:
        core["threat"] = finding.threat
    if finding.aliases:
        core["aliases"] = list(finding.aliases)
    look = "|".join((finding.severity, finding.fixed, finding.threat, finding.version, finding.status))
    digest = hashlib.sha256(look.encode("utf-8", "replace")).hexdigest()[:12]
    return Entry(first, fix_since, digest, old.overdue if old else 0, base, core)


def _dependencies(
    run: Run, target: Target, prior: Known, reports: List[Report]
) -> Tuple[int, Optional[Tuple[str, ...]]]:
    """Report new direct dependencies; returns how many there are, and which ones to remember."""
    if not run.config.dependencies:
        return 0, None
    packages = tuple(sorted({p for r in reports for p in r.packages}))
    if prior.packages is None:
        return 0, packages
    added = sorted(set(packages) - set(prior.packages))
    for package in added:
        fields = [("package", package), ("known", len(prior.packages)), ("direct", len(packages))]
        if not run.emit.finding("dependency", common_fields(target, "new", "trivy") + fields):
            return len(added), prior.packages
    return len(added), packages


def count_findings(findings: Dict[str, Entry]) -> Dict[str, int]:
    """Count what an artifact's summary shows."""
    counts = {"critical": 0, "high": 0, "secrets": 0, "misconfigurations": 0}
    for entry in findings.values():
        core = entry.fields
        kind = core.get("kind")
        if kind == "vulnerability":
            severity = str(core.get("severity", "")).lower()
            if severity in counts:
                counts[severity] += 1
        elif kind == "secret":
            counts["secrets"] += 1
        elif kind == "misconfiguration":
            counts["misconfigurations"] += 1
    return counts
