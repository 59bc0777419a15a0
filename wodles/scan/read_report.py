"""From bytes to a report: recognise the format, drop what is bulky or dangerous, parse."""

import json
from typing import Any, Dict, Iterable, List, Tuple

from wodles.scan.cyclonedx_report import parse_cyclonedx
from wodles.scan.errors import ScanError
from wodles.scan.grype_report import parse_grype
from wodles.scan.reports import Report
from wodles.scan.sarif_report import parse_sarif
from wodles.scan.trivy_report import parse_trivy
from wodles.scan.values import RANK

# Bulky or dangerous parts are dropped while parsing: a 10,000-finding report stays below 200 MB that way.
_DROPPED = frozenset(
    (
        # Trivy
        *("References", "Description", "Code", "Match", "ImageConfig", "CreatedBy", "VendorSeverity", "Highlighted"),
        *("Message", "Query", "Text", "Layers"),
        # Grype
        *("configuration", "description", "urls", "cpes", "metadata", "searchedBy", "manifest", "advisories"),
    )
)
# CVSS scores are kept only where they are the rating.
_RATED = frozenset(RANK) - {"UNKNOWN"}
_SCORES = (("Severity", "CVSS"), ("severity", "cvss"))


def _whole(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Make an object; a key that stands twice would let one reader see what another does not."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ScanError("bad_report", "a key stands twice in one object")
    return found


def _slim(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = {key: value for key, value in _whole(pairs).items() if key not in _DROPPED}
    for word, scores in _SCORES:
        if scores in found and str(found.get(word)).upper() in _RATED:
            del found[scores]
    return found


def _refuse(constant: str) -> Any:
    raise ScanError("bad_report", "not JSON: " + constant)


def read_json(data: bytes) -> Any:
    """Parse a report; raises ``ScanError`` bad_report for anything that is not one JSON document, each key once."""
    slim = b'"runs"' not in data and b'"bomFormat"' not in data
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_slim if slim else _whole, parse_constant=_refuse)
    except (ValueError, RecursionError, OverflowError):
        raise ScanError("bad_report", "not JSON") from None


def parse_report(data: bytes, kev: Iterable[str] = ()) -> Report:
    """Recognise and parse a Trivy, Grype, SARIF or CycloneDX report.

    What cannot be read whole is refused; what can be read but does not prove what was looked at carries ``doubts``.

    Args:
        data: the report's bytes.
        kev: CVE ids of CISA's catalogue, for scanners that do not know it.

    Raises:
        ScanError: bad_report for a report that cannot be read whole: leaving something out would look clean.
    """
    document = read_json(data)
    if not isinstance(document, dict):
        raise ScanError("bad_report", "not a JSON object")
    marks = [mark for mark in ("SchemaVersion", "matches", "bomFormat", "runs") if mark in document]
    if len(marks) != 1:
        raise ScanError("bad_report", "neither Trivy, Grype, SARIF nor CycloneDX")
    parsers = {"SchemaVersion": parse_trivy, "matches": parse_grype, "bomFormat": parse_cyclonedx, "runs": parse_sarif}
    report = parsers[marks[0]](document)
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
