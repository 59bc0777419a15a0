"""CycloneDX JSON with vulnerabilities."""

from typing import Any, Dict, List, Optional, Tuple

from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, package_url, threat_of
from wodles.scan.text import clean
from wodles.scan.values import (
    RANK,
    as_dict,
    as_epoch,
    as_list,
    as_number,
    list_in,
    object_of,
    severity_of,
    strangers,
    text_of,
)

_CYCLONEDX_VERSIONS = ("1.4", "1.5", "1.6", "1.7")  # 1.4 is the first one that has vulnerabilities
# These write an empty list of vulnerabilities only after they looked. Trivy writes one into every inventory.
_CYCLONEDX_SCANNERS = ("grype",)
_CYCLONEDX_KEYS = (
    *("metadata", "components", "services", "externalReferences", "dependencies", "compositions", "vulnerabilities"),
    *("annotations", "formulation", "declarations", "definitions", "citations", "properties", "signature"),
)
_CYCLONEDX_STATES = ("exploitable", "in_triage")
_CYCLONEDX_EXCUSED = ("not_affected", "false_positive", "resolved", "resolved_with_pedigree")


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
    entries = list_in(document, "vulnerabilities")
    for entry in entries:
        for finding, excused in _cyclonedx_affected(object_of(entry, "a vulnerability"), components):
            (suppressed if excused else findings).append(finding)
    metadata = as_dict(document.get("metadata"), "metadata")
    subject = as_dict(metadata.get("component"), "metadata.component")
    image_id, digests = _cyclonedx_identities(subject)
    return Report(
        scanner="cyclonedx",
        version=clean(document.get("specVersion"), 20),
        artifact=clean(subject.get("name")),
        kind="container_image" if subject.get("type") == "container" else "sbom",
        findings=tuple(findings),
        suppressed=tuple(suppressed),
        image_id=image_id,
        digests=digests,
        created=as_epoch(metadata.get("timestamp")),
        proves=False,
        doubts=tuple(_cyclonedx_doubts(document, metadata, subject, looked=bool(entries))),
    )


def _cyclonedx_doubts(
    document: Dict[str, Any], metadata: Dict[str, Any], subject: Dict[str, Any], *, looked: bool
) -> List[str]:
    doubts = list(strangers(document, _CYCLONEDX_KEYS, "the report"))
    if document.get("bomFormat") != "CycloneDX" or document.get("specVersion") not in _CYCLONEDX_VERSIONS:
        doubts.append(
            "it is of no CycloneDX version that this version knows (%s to %s)"
            % (_CYCLONEDX_VERSIONS[0], _CYCLONEDX_VERSIONS[-1])
        )
    if "vulnerabilities" not in document:
        doubts.append("it is an inventory that nobody compared with vulnerabilities: scan it with --sbom")
    elif not looked and not any(tool in _CYCLONEDX_SCANNERS for tool in _cyclonedx_tools(metadata.get("tools"))):
        doubts.append("it does not show that somebody looked for vulnerabilities: scan it with --sbom")
    if not text_of(subject.get("name")):
        doubts.append("it does not say what it is about")
    return doubts


def _cyclonedx_tools(tools: Any) -> List[str]:
    """Return the names of the tools: a list up to 1.4, an object of components and services from 1.5 on."""
    listed = as_list(tools.get("components"), "tools") if isinstance(tools, dict) else as_list(tools, "tools")
    return [text_of(as_dict(tool, "a tool").get("name"), 60).lower() for tool in listed]


def _cyclonedx_identities(subject: Dict[str, Any]) -> Tuple[str, Tuple[str, ...]]:
    """Return the image id and the manifests' digests: Trivy writes properties, Grype the manifest as the version."""
    properties: Dict[str, List[str]] = {}
    for item in as_list(subject.get("properties"), "properties"):
        member = as_dict(item, "a property")
        properties.setdefault(clean(member.get("name"), 100), []).append(clean(member.get("value")))
    digests = properties.get("aquasecurity:trivy:RepoDigest", [])
    version = clean(subject.get("version"), 100)
    if version.startswith("sha256:"):
        digests.append(version)
    ids = properties.get("aquasecurity:trivy:ImageID", [])
    return (ids[0] if len(ids) == 1 else ""), tuple(digests)


def _cyclonedx_affected(
    vulnerability: Dict[str, Any], components: Dict[str, Dict[str, Any]]
) -> List[Tuple[Finding, bool]]:
    """Return a finding for each component that a vulnerability affects, and whether the report excuses it."""
    references = as_list(vulnerability.get("references"), "references")
    aliases = [clean(as_dict(r, "a reference").get("id"), 60) for r in references]
    identifier, aliases_kept = canonical_id(identifier_of(vulnerability.get("id"), "a vulnerability"), aliases)
    severity, epss, kev = _cyclonedx_rating(as_list(vulnerability.get("ratings"), "ratings"))
    cwes = ["CWE-%s" % c for c in as_list(vulnerability.get("cwes"), "cwes")]
    analysis = as_dict(vulnerability.get("analysis"), "analysis")
    state = clean(analysis.get("state"), 40)
    found = []
    for affected in as_list(vulnerability.get("affects"), "affects") or [{}]:
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
            # The analysis is somebody's decision, not the scanner's word on whether there is a fix.
            status=state if state in _CYCLONEDX_STATES + _CYCLONEDX_EXCUSED else "",
            purl=package_url(component.get("purl")) or package_url(reference),
            fixed=clean(vulnerability.get("recommendation"), 200),
            epss=epss,
            threat=threat_of(identifier, aliases_kept, cwes, kev=kev, epss=epss),
        )
        excused = state in _CYCLONEDX_EXCUSED
        found.append((finding._replace(title="analysis: " + state) if excused else finding, excused))
    return found


def _cyclonedx_rating(ratings: List[Any]) -> Tuple[str, Optional[float], bool]:
    """Return the severity, the EPSS score, and whether it is in the KEV catalogue.

    The highest rating counts; one that says neither a known word nor a score leaves the whole unrated.
    """
    rated: List[str] = []
    epss: Optional[float] = None
    kev = False
    for item in ratings:
        rating = as_dict(item, "a rating")
        source = clean(as_dict(rating.get("source"), "source").get("name")).upper()
        # Neither has a word for a severity, or a vector: what has one is a rating, whoever is named as its source.
        other = "severity" not in rating and clean(rating.get("method")).lower() in ("", "other")
        if "KEV" in source:
            kev = True
        elif other and (source == "FIRST" or "EPSS" in source):
            score = as_number(rating.get("score"))
            epss = score if epss is None or (score is not None and score > epss) else epss
        if not other or not ("KEV" in source or source == "FIRST" or "EPSS" in source):
            word = rating.get("severity", "unknown")
            rated.append(severity_of(word, [rating.get("score")]))
    if not rated or ("UNKNOWN" in rated and max(RANK[r] for r in rated) < RANK["CRITICAL"]):
        return "UNKNOWN", epss, kev
    return max(rated, key=RANK.__getitem__), epss, kev
