"""Trivy's JSON, schema 2."""

from typing import Any, Callable, Dict, List, Set, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, line_range, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import (
    as_dict,
    as_epoch,
    as_severity,
    as_texts,
    list_in,
    object_of,
    severity_of,
    strangers,
    text_in,
    text_of,
)


def _trivy_vulnerability(entry: Dict[str, Any], target: str) -> Finding:
    vendor_ids = [clean(x, 60) for x in as_texts(entry.get("VendorIDs"))]
    identifier, aliases = canonical_id(identifier_of(entry.get("VulnerabilityID"), "a vulnerability"), vendor_ids)
    cwes = as_texts(entry.get("CweIDs"))
    rated = [vendor for vendor in as_dict(entry.get("CVSS"), "CVSS").values() if isinstance(vendor, dict)]
    scores = [vendor.get(name) for vendor in rated for name in ("V2Score", "V3Score", "V40Score")]
    return Finding(
        kind="vulnerability",
        id=identifier,
        aliases=aliases,
        severity=severity_of(entry.get("Severity"), scores),
        severity_source=clean(entry.get("SeveritySource"), 40),
        scanner="trivy",
        package=clean(entry.get("PkgName"), 200),
        version=clean(entry.get("InstalledVersion"), 100),
        fixed=clean(text_in(entry, "FixedVersion"), 200),
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


_TrivyParser = Callable[[Dict[str, Any], str], Finding]
_TRIVY_KINDS: Tuple[Tuple[str, _TrivyParser], ...] = (
    ("Vulnerabilities", _trivy_vulnerability),
    ("Misconfigurations", _trivy_misconfiguration),
    ("Secrets", _trivy_secret),
    ("Licenses", _trivy_license),
)
# The kinds of what Trivy hides (pkg/types/finding.go).
_TRIVY_HIDDEN: Dict[str, _TrivyParser] = {
    "vulnerability": _trivy_vulnerability,
    "misconfiguration": _trivy_misconfiguration,
    "secret": _trivy_secret,
    "license": _trivy_license,
}
# What Trivy writes (pkg/types/report.go, pkg/fanal/types/artifact.go). Of the classes, the last two hold no findings.
_TRIVY_TYPES = ("container_image", "vm", "filesystem", "repository", "cyclonedx", "spdx", "aws_account")
_TRIVY_IMAGES = ("container_image", "vm")
_TRIVY_CLASSES = ("os-pkgs", "lang-pkgs", "config", "secret", "license", "license-file", "custom", "crypto")
_TRIVY_KEYS = (
    *("SchemaVersion", "Trivy", "ReportID", "CreatedAt", "ArtifactID", "ArtifactName", "ArtifactType", "Metadata"),
    "Results",
)
_TRIVY_RESULT = (
    *("Target", "Class", "Type", "Packages", "MisconfSummary", "CustomResources", "CryptoAssets"),
    *("ExperimentalModifiedFindings", "Vulnerabilities", "Misconfigurations", "Secrets", "Licenses"),
)


def parse_trivy(document: Dict[str, Any]) -> Report:
    """Parse Trivy's JSON, schema 2. A failed, not a passed, misconfiguration check is a finding."""
    if document.get("SchemaVersion") != 2 or isinstance(document.get("SchemaVersion"), bool):
        raise ScanError("bad_report", "not Trivy's schema 2")
    kind = clean(document.get("ArtifactType"), 40)
    metadata = as_dict(document.get("Metadata"), "Metadata")
    system = as_dict(metadata.get("OS"), "Metadata.OS")
    family, release = text_of(system.get("Family"), 40), text_of(system.get("Name"), 60)
    # What names a system is of an image or a host, also as an inventory or a root file system.
    image = kind in _TRIVY_IMAGES or family not in ("", "none")
    parts = _TrivyResults()
    for result in list_in(document, "Results"):
        parts.add(object_of(result, "a result"))
    doubts = list(strangers(document, _TRIVY_KEYS, "the report")) + parts.doubts
    if document.get("ArtifactType") not in _TRIVY_TYPES:
        doubts.append("it does not say what kind of artifact it is about")
    return Report(
        scanner="trivy",
        version=clean(as_dict(document.get("Trivy"), "Trivy").get("Version"), 40),
        artifact=clean(document.get("ArtifactName")),
        kind=kind,
        findings=tuple(parts.findings),
        suppressed=tuple(parts.suppressed),
        image_id=text_of(metadata.get("ImageID"), 100),
        digests=tuple(clean(x) for x in as_texts(metadata.get("RepoDigests"))),
        os=(family + " " + release).strip(),
        # Trivy names the packages' result by the family whose advisories it compared them with.
        os_checked=bool(release and family not in ("", "none") and family in parts.systems) if image else None,
        eol=system.get("EOSL") not in (None, False),
        created=as_epoch(document.get("CreatedAt")),
        packages=tuple(sorted(parts.packages - {""})),
        looked=parts.looked,
        doubts=tuple(doubts),
    )


class _TrivyResults:
    """What the results of a report hold, gathered."""

    def __init__(self) -> None:
        self.findings: List[Finding] = []
        self.suppressed: List[Finding] = []
        self.packages: Set[str] = set()
        self.systems: Set[str] = set()
        self.doubts: List[str] = []
        self.looked = False

    def add(self, result: Dict[str, Any]) -> None:
        """Read one result."""
        target, group = clean(result.get("Target")), result.get("Class")
        self.doubts += strangers(result, _TRIVY_RESULT, "a result")
        if group not in _TRIVY_CLASSES:
            self.doubts.append("a result is of no class that Trivy has")
        elif group not in ("custom", "crypto"):
            self.looked = True
        if group == "os-pkgs":
            self.systems.add(text_of(result.get("Type"), 40))
        for name, parse in _TRIVY_KINDS:
            for item in list_in(result, name):
                entry = object_of(item, "an entry of " + name)
                hidden = name == "Misconfigurations" and entry.get("Status") == "EXCEPTION"
                if hidden:
                    self.suppressed.append(parse(entry, target)._replace(title="an exception of Trivy's"))
                elif name != "Misconfigurations" or entry.get("Status") != "PASS":
                    self.findings.append(parse(entry, target))
        self._hidden(result, target)
        for item in list_in(result, "Packages"):
            if isinstance(item, dict) and item.get("Relationship") == "direct":
                purl = package_url(as_dict(item.get("Identifier"), "Identifier").get("PURL"))
                self.packages.add(purl.rsplit("@", 1)[0] or clean(item.get("Name"), 200))

    def _hidden(self, result: Dict[str, Any], target: str) -> None:
        """Read what Trivy was told to hide, and notice what it hid without a trace."""
        before = len(self.suppressed)
        for item in list_in(result, "ExperimentalModifiedFindings"):
            entry = object_of(item, "a hidden finding")
            parse = _TRIVY_HIDDEN.get(clean(entry.get("Type"), 40))
            if parse is None:
                self.doubts.append("it hides a finding of a kind that this version does not know")
                continue
            found = parse(as_dict(entry.get("Finding"), "Finding"), target)
            status, source = clean(entry.get("Status"), 40), clean(entry.get("Source"), 160)
            self.suppressed.append(found._replace(status=status, title=source))
        if result.get("Class") == "secret" and not result.get("Secrets") and len(self.suppressed) == before:
            self.doubts.append("a result about secrets holds none: they were filtered out")
        summary = as_dict(result.get("MisconfSummary"), "MisconfSummary")
        failed = [m for m in list_in(result, "Misconfigurations") if m.get("Status") not in ("PASS", "EXCEPTION")]
        counted = summary.get("Failures", 0)
        if not isinstance(counted, int) or not 0 <= counted <= len(failed):
            self.doubts.append("it counts more failed checks than it lists: some were filtered out")
        shown = sum(1 for finding in self.suppressed if finding.kind == "misconfiguration" and finding.target == target)
        if summary.get("Exceptions", 0) not in (0, shown):
            hidden = Finding("misconfiguration", "exceptions", "UNKNOWN", "trivy", target=target)
            self.suppressed.append(hidden._replace(title="counted as exceptions, not listed"))
