"""Grype's JSON."""

from typing import Any, Dict

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import as_dict, as_epoch, as_list, as_number, as_severity, as_texts


def parse_grype(document: Dict[str, Any]) -> Report:
    """Parse Grype's JSON; a GHSA id is replaced by the CVE it is related to."""
    if not isinstance(document.get("matches"), list):
        raise ScanError("bad_report", "matches is not a list")
    descriptor = as_dict(document.get("descriptor"), "descriptor")
    if clean(descriptor.get("name")) not in ("grype", ""):
        raise ScanError("bad_report", "not written by Grype")
    source = as_dict(document.get("source"), "source")
    root = "/" if source.get("type") == "directory" else ""  # Grype writes paths as if the directory were the root
    findings = [_grype_match(as_dict(m, "a match"), root) for m in document["matches"]]
    ignored = [
        _grype_match(as_dict(m, "an ignored match"), root)
        for m in as_list(document.get("ignoredMatches"), "ignoredMatches")
    ]
    target = source.get("target")
    place = target if isinstance(target, dict) else {}
    distro = as_dict(document.get("distro"), "distro")
    name = clean(distro.get("name"), 40)
    alerts = {
        clean(alert.get("type"), 40)
        for package in as_list(document.get("alertsByPackage"), "alertsByPackage")
        for alert in as_list(as_dict(package, "alertsByPackage").get("alerts"), "alerts")
        if isinstance(alert, dict)
    }
    image = source.get("type") == "image"
    database = as_dict(descriptor.get("db"), "descriptor.db")
    status = as_dict(database.get("status"), "descriptor.db.status")
    return Report(
        scanner="grype",
        version=clean(descriptor.get("version"), 40),
        artifact=clean(place.get("userInput") if place else target),
        kind="container_image" if image else clean(source.get("type"), 40),
        findings=tuple(findings),
        suppressed=tuple(ignored),
        image_id=clean(place.get("imageID"), 100),
        digests=tuple(clean(x) for x in as_texts(place.get("repoDigests"))),
        os=(name + " " + clean(distro.get("version"), 60)).strip(),
        os_checked=(bool(name) and "distro-unknown" not in alerts) if image else None,
        eol="distro-eol" in alerts,
        db_built=as_epoch(status.get("built") or database.get("built")),
        created=as_epoch(descriptor.get("timestamp")),
    )


def _grype_match(match: Dict[str, Any], root: str) -> Finding:
    vulnerability = as_dict(match.get("vulnerability"), "vulnerability")
    artifact = as_dict(match.get("artifact"), "artifact")
    related = [
        clean(r.get("id"), 60) for r in as_list(match.get("relatedVulnerabilities"), "related") if isinstance(r, dict)
    ]
    identifier, aliases = canonical_id(identifier_of(vulnerability.get("id"), "a match"), related)
    fix = as_dict(vulnerability.get("fix"), "fix")
    scores = [as_number(e.get("epss")) for e in as_list(vulnerability.get("epss"), "epss") if isinstance(e, dict)]
    epss = max([s for s in scores if s is not None] or [-1.0])
    dates = [as_epoch(e.get("date")) for e in as_list(fix.get("available"), "fix.available") if isinstance(e, dict)]
    cwes = [clean(c.get("cwe") if isinstance(c, dict) else c, 20) for c in as_list(vulnerability.get("cwes"), "cwes")]
    locations = [loc for loc in as_list(artifact.get("locations"), "locations") if isinstance(loc, dict)]
    namespace = clean(vulnerability.get("namespace"), 60)
    return Finding(
        kind="vulnerability",
        id=identifier,
        aliases=aliases,
        severity=as_severity(vulnerability.get("severity")),
        severity_source=namespace.split(":")[0],
        scanner="grype",
        package=clean(artifact.get("name"), 200),
        version=clean(artifact.get("version"), 100),
        fixed=clean(", ".join(as_texts(fix.get("versions"))), 200),
        status={"not-fixed": "affected", "wont-fix": "will_not_fix"}.get(
            clean(fix.get("state")), clean(fix.get("state"), 40)
        ),
        target=clean(locations[0].get("path")).lstrip(root or None) if locations else "",
        url=clean(vulnerability.get("dataSource"), 200),
        purl=package_url(artifact.get("purl")),
        epss=epss if epss >= 0 else None,
        fix_date=min([d for d in dates if d is not None] or [0]) or None,
        threat=threat_of(identifier, aliases, cwes, kev=bool(vulnerability.get("knownExploited")), epss=epss),
    )
