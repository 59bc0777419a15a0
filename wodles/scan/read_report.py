"""From bytes to a report: recognise the format, drop what is bulky or dangerous, parse."""

import json
from typing import Any, Dict, Iterable, List, Tuple

from wodles.scan.cyclonedx_report import parse_cyclonedx
from wodles.scan.errors import ScanError
from wodles.scan.grype_report import parse_grype
from wodles.scan.reports import Report
from wodles.scan.sarif_report import parse_sarif
from wodles.scan.trivy_report import parse_trivy

# Bulky or dangerous parts are dropped while parsing: a 10,000-finding report stays below 200 MB that way.
_DROPPED = frozenset(
    (
        *(
            "References",
            "Description",
            "Code",
            "Match",
            "ImageConfig",
            "CreatedBy",
            "VendorSeverity",
            "CVSS",
            "Highlighted",
        ),
        *("Message", "Query", "Text", "Layers"),  # Trivy
        *(
            "configuration",
            "description",
            "urls",
            "cvss",
            "cpes",
            "metadata",
            "searchedBy",
            "manifest",
            "advisories",
        ),  # Grype
    )
)


def _slim(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    return {key: value for key, value in pairs if key not in _DROPPED}


def read_json(data: bytes) -> Any:
    """Parse a report; raises ``ScanError`` bad_report for anything that is not JSON."""
    slim = b'"$schema"' not in data[:4096] and b'"bomFormat"' not in data[:4096]
    try:
        text = data.decode("utf-8", "replace")
        return json.loads(text, object_pairs_hook=_slim if slim else None)
    except (ValueError, RecursionError, OverflowError):
        raise ScanError("bad_report", "not JSON") from None


def parse_report(data: bytes, kev: Iterable[str] = ()) -> Report:
    """Recognise and parse a Trivy, Grype, SARIF or CycloneDX report.

    Args:
        data: the report's bytes.
        kev: CVE ids of CISA's catalogue, for scanners that do not know it.

    Raises:
        ScanError: bad_report for a report that cannot be read whole: leaving something out would look clean.
    """
    document = read_json(data)
    if not isinstance(document, dict):
        raise ScanError("bad_report", "not a JSON object")
    if "SchemaVersion" in document:
        report = parse_trivy(document)
    elif "matches" in document:
        report = parse_grype(document)
    elif document.get("bomFormat") == "CycloneDX":
        report = parse_cyclonedx(document)
    elif isinstance(document.get("runs"), list):
        report = parse_sarif(document)
    else:
        raise ScanError("bad_report", "neither Trivy, Grype, SARIF nor CycloneDX")
    known = frozenset(kev)
    if known:
        findings = tuple(
            f._replace(threat="kev")
            if f.threat in ("", "epss") and (f.id in known or known.intersection(f.aliases))
            else f
            for f in report.findings
        )
        report = report._replace(findings=findings)
    return report
