"""Findings as events: which fields an event has, and what they are called."""

from typing import Optional

from wodles.scan.context import Run
from wodles.scan.events import Fields
from wodles.scan.reports import Finding
from wodles.scan.sla import Waiver, find_waiver, sla_due
from wodles.scan.state import Entry
from wodles.scan.targets import Target
from wodles.scan.values import DAY, day_of

KIND_FIELDS = {
    "vulnerability": ("id", "package", "version", "fixed", "severity", "severity_source", "status", "target"),
    "misconfiguration": ("id", "package", "severity", "target", "lines", "title", "status", "fixed"),
    "secret": ("id", "package", "severity", "target", "lines", "title"),
    "license": ("id", "package", "severity", "status", "target"),
}
OVERDUE_FIELDS = ("id", "package", "version", "fixed", "severity", "status")
# What the fields of a finding are called in an event, where that differs by kind.
_FIELD_NAMES = {
    ("misconfiguration", "package"): "resource",
    ("misconfiguration", "status"): "check",
    ("misconfiguration", "fixed"): "resolution",
    ("secret", "package"): "category",
    ("license", "status"): "category",
}
EVENT_FIELDS = {
    kind: [(field, _FIELD_NAMES.get((kind, field), field)) for field in fields] for kind, fields in KIND_FIELDS.items()
}
MAX_FIELDS = 16


def emit_finding(run: Run, finding: Finding, entry: Entry, target: Target, state: str) -> bool:
    """Write an event about a finding of this scan; False when the run's limit is used up."""
    fields = common_fields(target, state, finding.scanner)
    fields += [(name, getattr(finding, field)) for field, name in EVENT_FIELDS[finding.kind]]
    if finding.kind == "vulnerability" and finding.fixed and finding.status == "fixed":
        fields.remove(("status", "fixed"))  # room for what is not said already
    if state != "new":
        fields.append(("since", day_of(entry.first_seen)))
    if finding.kind == "secret":
        fields.append(("secret", run.state.secret_hash(finding)))
    optional = [("threat", finding.threat)]
    if finding.kind == "secret":
        optional.append(("pushed", target.pushed()))
    waiver = find_waiver(run.waivers, finding, target.name) if run.waivers else None
    if waiver:
        optional.append(("exception", exception_text(run, waiver)))
    if finding.kind == "vulnerability":
        due = sla_due(finding.severity, finding.threat, entry.first_seen, entry.fix_since, run.config.sla_days)
        optional.append(("due", day_of(due) if due else ""))
    if finding.epss is not None:
        optional.append(("epss", "%.3f" % finding.epss))
    if state == "suppressed":
        optional.append(("suppressed_by", finding.title))
    return run.emit.finding(finding.kind, limit_fields(fields, optional))


def emit_known(run: Run, entry: Entry, target: Target, state: str, suppressed: Optional[Finding] = None) -> bool:
    """Write an event about a finding of an earlier scan; False when the run's limit is used up."""
    core = entry.fields
    kind = core.get("kind", "vulnerability")
    if kind not in KIND_FIELDS:
        return True
    fields = common_fields(target, state, core.get("scanner", ""))
    fields += [(name, core.get(field, "")) for field, name in EVENT_FIELDS[kind]]
    if kind == "vulnerability" and core.get("fixed") and core.get("status") == "fixed":
        fields.remove(("status", "fixed"))
    fields.append(("since", day_of(entry.first_seen)))
    optional = [("threat", core.get("threat", ""))]
    if suppressed is not None:
        optional.append(("suppressed_by", suppressed.title))
    return run.emit.finding(kind, limit_fields(fields, optional))


def common_fields(target: Target, state: str, scanner: str) -> Fields:
    """Return the fields that each event about a finding begins with."""
    return [
        ("state", state),
        ("scanner", scanner),
        ("artifact", target.name),
        ("digest", target.shown_digest()),
        ("exposure", target.exposure),
    ]


def exception_text(run: Run, waiver: Waiver) -> str:
    """Say until when an exception lasts, and who answers for it."""
    return "%s %s (%s)" % (
        "expired" if waiver.expires <= run.now else "until",
        day_of(waiver.expires - DAY),
        waiver.owner,
    )


def limit_fields(fields: Fields, optional: Fields) -> Fields:
    """Keep an event small: what is empty goes, then the optional fields that are too many."""
    kept = [(key, value) for key, value in fields if value]
    return kept + [(key, value) for key, value in optional if value][: max(0, MAX_FIELDS - 1 - len(kept))]
