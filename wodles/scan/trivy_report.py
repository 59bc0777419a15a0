"""Trivy's JSON, schema 2."""

from typing import Any, Callable, Dict, List, Set, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, line_range, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import as_dict, as_epoch, as_list, as_severity, as_texts


def _trivy_vulnerability(entry: Dict[str, Any], target: str) -> Finding:
    vendor_ids = [clean(x, 60) for x in as_texts(entry.get("VendorIDs"))]
    identifier, aliases = canonical_id(identifier_of(entry.get("VulnerabilityID"), "a vulnerability"), vendor_ids)
    cwes = as_texts(entry.get("CweIDs"))
    return Finding(
        kind="vulnerability",
        id=identifier,
        aliases=aliases,
        severity=as_severity(entry.get("Severity")),
        severity_source=clean(entry.get("SeveritySource"), 40),
        scanner="trivy",
        package=clean(entry.get("PkgName"), 200),
        version=clean(entry.get("InstalledVersion"), 100),
        fixed=clean(entry.get("FixedVersion"), 200),
        status=clean(entry.get("Status"), 40),
        target=clean(entry.get("PkgPath")) or target,
        title=clean(entry.get("Title"), 160),
        url=clean(entry.get("PrimaryURL"), 200),
        purl=package_url(as_dict(entry.get("PkgIdentifier"), "PkgIdentifier").get("PURL")),
        threat=threat_of(identifier, aliases, cwes),
    )


def _trivy_secret(entry: Dict[str, Any], target: str) -> Finding:
    return Finding(
        kind="secret",
        id=identifier_of(entry.get("RuleID"), "a secret"),
        severity=as_severity(entry.get("Severity")),
        scanner="trivy",
        package=clean(entry.get("Category"), 80),
        title=clean(entry.get("Title"), 160),
        target=target,
        lines=line_range(entry.get("StartLine"), entry.get("EndLine")),
    )


def _trivy_misconfiguration(entry: Dict[str, Any], target: str) -> Finding:
    cause = as_dict(entry.get("CauseMetadata"), "CauseMetadata")
    return Finding(
        kind="misconfiguration",
        id=identifier_of(entry.get("ID") or entry.get("AVDID"), "a misconfiguration"),
        severity=as_severity(entry.get("Severity")),
        scanner="trivy",
        package=clean(cause.get("Resource"), 160),
        status=clean(entry.get("Type"), 60),
        title=clean(entry.get("Title"), 160),
        url=clean(entry.get("PrimaryURL"), 200),
        target=target,
        lines=line_range(cause.get("StartLine"), cause.get("EndLine")),
        fixed=clean(entry.get("Resolution"), 200),
    )


def _trivy_license(entry: Dict[str, Any], target: str) -> Finding:
    return Finding(
        kind="license",
        id=clean(entry.get("Name"), 100) or "unnamed",
        severity=as_severity(entry.get("Severity")),
        scanner="trivy",
        package=clean(entry.get("PkgName"), 200),
        status=clean(entry.get("Category"), 40),
        target=clean(entry.get("FilePath")) or target,
    )


_TRIVY_KINDS: Tuple[Tuple[str, Callable[[Dict[str, Any], str], Finding]], ...] = (
    ("Vulnerabilities", _trivy_vulnerability),
    ("Misconfigurations", _trivy_misconfiguration),
    ("Secrets", _trivy_secret),
    ("Licenses", _trivy_license),
)


def parse_trivy(document: Dict[str, Any]) -> Report:
    """Parse Trivy's JSON, schema 2. A failed, not a passed, misconfiguration check is a finding."""
    if document.get("SchemaVersion") != 2 or isinstance(document.get("SchemaVersion"), bool):
        raise ScanError("bad_report", "not Trivy's schema 2")
    kind = clean(document.get("ArtifactType"), 40)
    metadata = as_dict(document.get("Metadata"), "Metadata")
    system = as_dict(metadata.get("OS"), "Metadata.OS")
    family = clean(system.get("Family"), 40)
    findings: List[Finding] = []
    suppressed: List[Finding] = []
    packages: Set[str] = set()
    os_result = False
    for result in as_list(document.get("Results"), "Results"):
        if not isinstance(result, dict):
            raise ScanError("bad_report", "a result is not an object")
        target = clean(result.get("Target"))
        os_result = os_result or result.get("Class") == "os-pkgs"
        for name, parse in _TRIVY_KINDS:
            for entry in as_list(result.get(name), name):
                if not isinstance(entry, dict):
                    raise ScanError("bad_report", "an entry of " + name + " is not an object")
                if name == "Misconfigurations" and entry.get("Status") in ("PASS", "EXCEPTION"):
                    continue
                findings.append(parse(entry, target))
        for entry in as_list(result.get("ExperimentalModifiedFindings"), "ExperimentalModifiedFindings"):
            inner = as_dict(as_dict(entry, "a suppressed finding").get("Finding"), "Finding")
            if inner.get("VulnerabilityID"):
                found = _trivy_vulnerability(inner, target)
                suppressed.append(
                    found._replace(status=clean(entry.get("Status"), 40), title=clean(entry.get("Source"), 160))
                )
        for entry in as_list(result.get("Packages"), "Packages"):
            if isinstance(entry, dict) and entry.get("Relationship") == "direct":
                purl = package_url(as_dict(entry.get("Identifier"), "Identifier").get("PURL"))
                packages.add(purl.rsplit("@", 1)[0] or clean(entry.get("Name"), 200))
    image = kind in ("container_image", "vm")
    return Report(
        scanner="trivy",
        version=clean(as_dict(document.get("Trivy"), "Trivy").get("Version"), 40),
        artifact=clean(document.get("ArtifactName")),
        kind=kind,
        findings=tuple(findings),
        suppressed=tuple(suppressed),
        image_id=clean(metadata.get("ImageID"), 100),
        digests=tuple(clean(x) for x in as_texts(metadata.get("RepoDigests"))),
        os=(family + " " + clean(system.get("Name"), 60)).strip(),
        os_checked=(os_result and family not in ("", "none")) if image else None,
        eol=system.get("EOSL") is True,
        created=as_epoch(document.get("CreatedAt")),
        packages=tuple(sorted(packages - {""})),
    )
