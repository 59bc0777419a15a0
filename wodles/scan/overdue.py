"""Vulnerabilities that are open past their SLA."""

from typing import Dict

from wodles.scan.context import Run
from wodles.scan.finding_events import OVERDUE_FIELDS, common_fields, exception_text, limit_fields
from wodles.scan.reports import Finding
from wodles.scan.sla import find_waiver, sla_due
from wodles.scan.state import Entry
from wodles.scan.targets import Target
from wodles.scan.values import DAY, day_of


def emit_overdue(run: Run, target: Target, findings: Dict[str, Entry]) -> int:
    """Report vulnerabilities that are open past their SLA: at the breach, and again every so many days.

    Returns how many are. What is reported is marked so in ``findings``.
    """
    breaches = 0
    repeat = run.config.overdue_repeat_days * DAY
    for key, entry in list(findings.items()):
        core = entry.fields
        if core.get("kind") != "vulnerability":
            continue
        severity, threat = core.get("severity", ""), core.get("threat", "")
        due = sla_due(severity, threat, entry.first_seen, entry.fix_since, run.config.sla_days)
        waiver = None
        if run.waivers:
            finding = Finding("vulnerability", core["id"], severity, "", core.get("package", ""))
            finding = finding._replace(aliases=tuple(core.get("aliases", ())))
            waiver = find_waiver(run.waivers, finding, target.name)
        if waiver and waiver.expires > run.now:
            continue
        if not waiver and (due is None or due > run.now):
            continue  # an expired exception is a breach even before the due date, and without a fix
        breaches += 1
        if entry.overdue and (not repeat or run.now - entry.overdue < repeat):
            continue
        fields = common_fields(target, "overdue", core.get("scanner", ""))
        fields += [(k, core.get(k, "")) for k in OVERDUE_FIELDS]
        if due is None or (waiver and due > run.now):
            due = waiver.expires if waiver else run.now
        fields += [("since", day_of(entry.first_seen)), ("due", day_of(due))]
        late = max(0, (run.now - due) // DAY)
        optional = [
            ("threat", threat),
            ("exception", exception_text(run, waiver) if waiver else ""),
            ("days_late", late or ""),
        ]
        if run.emit.finding("vulnerability", limit_fields(fields, optional)):
            findings[key] = entry._replace(overdue=run.now)
    run.counts["overdue"] += breaches
    return breaches
