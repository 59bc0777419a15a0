"""Grype's JSON."""

from typing import Any, Dict, List, Optional, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import (
    as_dict,
    as_epoch,
    as_list,
    as_number,
    as_texts,
    list_in,
    object_of,
    severity_of,
    strangers,
    text_of,
    texts_in,
)

# What Grype writes (grype/presenter/models/document.go and source.go); "unknown" is a source that it cannot name.
_GRYPE_KEYS = ("matches", "ignoredMatches", "alertsByPackage", "source", "distro", "descriptor")
_GRYPE_STATES = {"fixed": "fixed", "not-fixed": "affected", "wont-fix": "will_not_fix"}
_GRYPE_SOURCES = ("image", "directory", "file", "sbom-file", "purl", "purl-file", "snap")


def parse_grype(document: Dict[str, Any]) -> Report:
    """Parse Grype's JSON; a GHSA id is replaced by the CVE it is related to."""
    if not isinstance(document.get("matches"), list):
        raise ScanError("bad_report", "matches is not a list")
    descriptor = as_dict(document.get("descriptor"), "descriptor")
    if descriptor.get("name") != "grype":
        raise ScanError("bad_report", "not written by Grype")
    source = as_dict(document.get("source"), "source")
    root = "/" if source.get("type") == "directory" else ""  # Grype writes paths as if the directory were the root
    findings = [_grype_match(object_of(m, "a match"), root) for m in document["matches"]]
    ignored = [_grype_ignored(object_of(m, "an ignored match"), root) for m in list_in(document, "ignoredMatches")]
    target = source.get("target")
    place = target if isinstance(target, dict) else {}
    distro = as_dict(document.get("distro"), "distro")
    name = text_of(distro.get("name"), 40)
    alerts = {
        clean(as_dict(alert, "an alert").get("type"), 40)
        for package in as_list(document.get("alertsByPackage"), "alertsByPackage")
        for alert in as_list(as_dict(package, "alertsByPackage").get("alerts"), "alerts")
    }
    image = source.get("type") == "image"
    built, doubts = _grype_database(as_dict(descriptor.get("db"), "descriptor.db"))
    doubts += strangers(document, _GRYPE_KEYS, "the report")
    if source.get("type") not in _GRYPE_SOURCES or not (place or text_of(target)):
        doubts.append("it does not say what it is about")
    if not image and "distro-unknown" in alerts:
        doubts.append("it holds packages of a system that it does not know")
    written = descriptor.get("timestamp")
    if written not in (None, "") and as_epoch(written) is None:
        doubts.append("the time when it was written cannot be read")
    return Report(
        scanner="grype",
        version=clean(descriptor.get("version"), 40),
        artifact=clean(place.get("userInput") if place else target),
        kind="container_image" if image else clean(source.get("type"), 40),
        findings=tuple(findings),
        suppressed=tuple(ignored),
        image_id=text_of(place.get("imageID"), 100),
        digests=tuple(clean(x) for x in as_texts(place.get("repoDigests")) + as_texts([place.get("manifestDigest")])),
        os=(name + " " + clean(distro.get("version"), 60)).strip(),
        os_checked=(bool(name) and "distro-unknown" not in alerts) if image else None,
        eol="distro-eol" in alerts,
        db_built=built,
        created=as_epoch(written),
        doubts=tuple(doubts),
    )


def _grype_database(database: Dict[str, Any]) -> Tuple[Optional[int], List[str]]:
    """Return when the database was built, and why it proves nothing: schema 6 says that it is valid, 5 has no error."""
    status = as_dict(database.get("status"), "descriptor.db.status")
    if not database:
        return None, ["it was written without a vulnerability database"]
    doubts = []
    if "status" in database and status.get("valid") is not True:
        doubts.append("its vulnerability database is not valid")
    if any(part.get("error") not in (None, "") for part in (database, status)):
        doubts.append("its vulnerability database has an error")
    return as_epoch(status.get("built") if "status" in database else database.get("built")), doubts


def _grype_ignored(match: Dict[str, Any], root: str) -> Finding:
    rules = [rule for rule in as_list(match.get("appliedIgnoreRules"), "appliedIgnoreRules") if isinstance(rule, dict)]
    reasons = [clean(rule.get("reason") or rule.get("vex-status") or rule.get("namespace"), 80) for rule in rules]
    return _grype_match(match, root)._replace(title="ignore rule: " + (", ".join(filter(None, reasons)) or "no reason"))


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
        severity=severity_of(vulnerability.get("severity"), _grype_scores(vulnerability)),
        severity_source=namespace.split(":")[0],
        scanner="grype",
        package=clean(artifact.get("name"), 200),
        version=clean(artifact.get("version"), 100),
        fixed=clean(", ".join(texts_in(fix, "versions")), 200),
        status=_GRYPE_STATES.get(text_of(fix.get("state")), "unknown"),
        target=clean(locations[0].get("path")).lstrip(root or None) if locations else "",
        url=clean(vulnerability.get("dataSource"), 200),
        purl=package_url(artifact.get("purl")),
        epss=epss if epss >= 0 else None,
        fix_date=min([d for d in dates if d is not None] or [0]) or None,
        threat=threat_of(identifier, aliases, cwes, kev=bool(vulnerability.get("knownExploited")), epss=epss),
    )


def _grype_scores(vulnerability: Dict[str, Any]) -> List[object]:
    ratings = [as_dict(rating, "cvss") for rating in as_list(vulnerability.get("cvss"), "cvss")]
    return [as_dict(rating.get("metrics"), "metrics").get("baseScore") for rating in ratings]
