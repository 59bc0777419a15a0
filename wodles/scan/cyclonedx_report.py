"""CycloneDX JSON with vulnerabilities."""

from typing import Any, Dict, List

from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import RANK, as_dict, as_list, as_number, as_severity


def parse_cyclonedx(document: Dict[str, Any]) -> Report:
    """Parse a CycloneDX JSON with vulnerabilities: one finding for each affected component."""
    components: Dict[str, Dict[str, Any]] = {}
    pending = as_list(document.get("components"), "components")[:]
    while pending:
        component = as_dict(pending.pop(), "a component")
        components[clean(component.get("bom-ref"), 500)] = component
        pending.extend(as_list(component.get("components"), "components"))
    findings: List[Finding] = []
    suppressed: List[Finding] = []
    for entry in as_list(document.get("vulnerabilities"), "vulnerabilities"):
        vulnerability = as_dict(entry, "a vulnerability")
        aliases = [
            clean(as_dict(r, "a reference").get("id"), 60)
            for r in as_list(vulnerability.get("references"), "references")
        ]
        identifier, aliases_kept = canonical_id(identifier_of(vulnerability.get("id"), "a vulnerability"), aliases)
        severity, epss, kev = "UNKNOWN", None, False
        for rating in as_list(vulnerability.get("ratings"), "ratings"):
            rated = as_dict(rating, "a rating")
            source = clean(as_dict(rated.get("source"), "source").get("name")).upper()
            if "KEV" in source:
                kev = True
            elif source == "FIRST" or "EPSS" in source:
                epss = as_number(rated.get("score"))
            elif RANK[as_severity(rated.get("severity"))] > RANK[severity]:
                severity = as_severity(rated.get("severity"))
        cwes = ["CWE-%s" % c for c in as_list(vulnerability.get("cwes"), "cwes")]
        state = clean(as_dict(vulnerability.get("analysis"), "analysis").get("state"), 40)
        affects = as_list(vulnerability.get("affects"), "affects") or [{}]
        for affected in affects:
            reference = clean(as_dict(affected, "affects").get("ref"), 500)
            component = components.get(reference, {})
            finding = Finding(
                kind="vulnerability",
                id=identifier,
                aliases=aliases_kept,
                severity=severity,
                scanner="cyclonedx",
                package=clean(component.get("name"), 200),
                version=clean(component.get("version"), 100),
                status=state,
                purl=package_url(component.get("purl")) or package_url(reference),
                fixed=clean(vulnerability.get("recommendation"), 200),
                epss=epss,
                threat=threat_of(identifier, aliases_kept, cwes, kev=kev, epss=epss),
            )
            excused = state in ("not_affected", "false_positive", "resolved", "resolved_with_pedigree")
            (suppressed if excused else findings).append(finding)
    metadata = as_dict(document.get("metadata"), "metadata")
    subject = as_dict(metadata.get("component"), "metadata.component")
    return Report(
        scanner="cyclonedx",
        version=clean(document.get("specVersion"), 20),
        artifact=clean(subject.get("name")),
        kind="container_image" if subject.get("type") == "container" else "sbom",
        findings=tuple(findings),
        suppressed=tuple(suppressed),
        proves=False,
    )
