"""SARIF 2.1.0 of Trivy, Grype, or any other tool."""

import re
from typing import Any, Dict, List

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, identifier_of, line_range, threat_of
from wodles.scan.text import clean
from wodles.scan.values import RANK, as_dict, as_list, as_number, as_severity, as_texts

_SARIF_TEXT = re.compile(
    r"^(Package|Installed Version|Version|Fixed Version|Fix Version|Severity): (.*)$", re.MULTILINE
)


def parse_sarif(document: Dict[str, Any]) -> Report:
    """Parse SARIF 2.1.0 of Trivy, Grype, zizmor, Scorecard or any other tool.

    Raises:
        ScanError: scanner_failed when an invocation says so itself.
    """
    findings: List[Finding] = []
    suppressed: List[Finding] = []
    tools: List[str] = []
    artifact = ""
    for entry in as_list(document.get("runs"), "runs"):
        run = as_dict(entry, "a run")
        driver = as_dict(as_dict(run.get("tool"), "tool").get("driver"), "driver")
        tool = clean(driver.get("name"), 40).lower() or "unknown"
        tools.append(tool)
        for invocation in as_list(run.get("invocations"), "invocations"):
            if as_dict(invocation, "an invocation").get("executionSuccessful") is False:
                raise ScanError("scanner_failed", "the report says that the tool failed")
        rules = [as_dict(rule, "a rule") for rule in as_list(driver.get("rules"), "rules")]
        by_id = {clean(rule.get("id"), 160): rule for rule in rules}
        artifact = artifact or clean(as_dict(run.get("properties"), "properties").get("imageName"))
        for item in as_list(run.get("results"), "results"):
            result = as_dict(item, "a result")
            index = result.get("ruleIndex")
            identifier = clean(result.get("ruleId"), 160)
            rule = by_id.get(identifier, {})
            if not rule and isinstance(index, int) and 0 <= index < len(rules):
                rule = rules[index]
                identifier = identifier or clean(rule.get("id"), 160)
            if result.get("kind") in ("pass", "notApplicable", "informational"):
                continue
            finding = _sarif_result(result, rule, identifier_of(identifier, "a result"), tool)
            excuses = [as_dict(s, "a suppression") for s in as_list(result.get("suppressions"), "suppressions")]
            excused = any(s.get("status") in (None, "accepted") for s in excuses)
            (suppressed if excused else findings).append(finding)
    return Report(
        scanner=",".join(sorted(set(tools))) or "sarif",
        version="",
        artifact=artifact,
        kind="report",
        findings=tuple(findings),
        suppressed=tuple(suppressed),
        proves=False,
    )


def _sarif_result(result: Dict[str, Any], rule: Dict[str, Any], identifier: str, tool: str) -> Finding:
    properties = as_dict(rule.get("properties"), "properties")
    tags = as_texts(properties.get("tags"))
    message = as_dict(result.get("message"), "message").get("text")
    help_text = as_dict(rule.get("help"), "help").get("text")
    facts = dict(_SARIF_TEXT.findall(help_text if isinstance(help_text, str) else ""))
    facts.update(_SARIF_TEXT.findall(message if isinstance(message, str) else ""))
    level = (
        result.get("level")
        or as_dict(rule.get("defaultConfiguration"), "defaultConfiguration").get("level")
        or "warning"
    )
    score = as_number(properties.get("security-severity"))
    named = [tag.upper() for tag in tags if tag.upper() in RANK]
    if facts.get("Severity") and as_severity(facts["Severity"]) != "UNKNOWN":
        severity = as_severity(facts["Severity"])
    elif named:
        severity = named[0]
    elif score is not None:
        severity = "CRITICAL" if score >= 9 else "HIGH" if score >= 7 else "MEDIUM" if score >= 4 else "LOW"
    else:
        severity = {"error": "HIGH", "warning": "MEDIUM", "note": "LOW", "none": "UNKNOWN"}.get(str(level), "UNKNOWN")
    kinds = [k for k in ("vulnerability", "secret", "misconfiguration", "license") if k in tags]
    cve = re.match(r"((?:CVE-\d{4}-\d{4,})|(?:GHSA(?:-[0-9a-z]{4}){3}))(?:-(.+))?$", identifier)
    kind = kinds[0] if kinds else ("vulnerability" if cve else "misconfiguration")
    locations = as_list(result.get("locations"), "locations")
    physical = (
        as_dict(as_dict(locations[0], "a location").get("physicalLocation"), "physicalLocation") if locations else {}
    )
    region = as_dict(physical.get("region"), "region")
    uri = clean(as_dict(physical.get("artifactLocation"), "artifactLocation").get("uri"))
    return Finding(
        kind=kind,
        id=cve.group(1) if cve and kind == "vulnerability" else identifier,
        severity=severity,
        scanner=tool,
        package=clean(facts.get("Package") or (cve.group(2) if cve else ""), 200),
        version=clean(facts.get("Installed Version") or facts.get("Version"), 100),
        fixed=clean(facts.get("Fixed Version") or facts.get("Fix Version"), 200),
        target=uri,
        lines=line_range(region.get("startLine"), region.get("endLine")) if kind != "vulnerability" else "",
        title=clean(as_dict(rule.get("shortDescription"), "shortDescription").get("text") or rule.get("name"), 160),
        url=clean(rule.get("helpUri"), 200),
        threat=threat_of(identifier, (), tags),
    )
