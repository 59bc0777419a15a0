"""SARIF 2.1.0 of Trivy, Grype, or any other tool."""

import re
from typing import Any, Dict, List, Optional, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, identifier_of, line_range, threat_of
from wodles.scan.text import clean
from wodles.scan.values import (
    RANK,
    as_dict,
    as_epoch,
    as_list,
    as_number,
    as_severity,
    as_texts,
    object_of,
    score_severity,
    strangers,
    text_of,
)

_SARIF_TEXT = re.compile(
    r"^(Package|Installed Version|Version|Fixed Version|Fix Version|Severity):(?: (.*))?$", re.MULTILINE
)
_SARIF_ADVISORY = re.compile(r"((?:CVE-\d{4}-\d{4,})|(?:GHSA(?:-[0-9a-z]{4}){3}))(?:-(.+))?$")
# Tools whose every result is a secret; they write no severity.
_SARIF_SECRET_TOOLS = ("gitleaks", "trufflehog", "detect-secrets", "ggshield")
# SARIF 2.1.0, sections 3.13 and 3.14.
_SARIF_KEYS = ("version", "runs", "inlineExternalProperties", "properties")
_SARIF_RUN_KEYS = (
    *("externalPropertyFileReferences", "automationDetails", "runAggregates", "newlineSequences", "originalUriBaseIds"),
    *("specialLocations", "artifacts", "logicalLocations", "addresses", "threadFlowLocations", "graphs", "invocations"),
    *("conversion", "tool", "taxonomies", "translations", "policies", "webRequests", "webResponses", "results"),
    *("redactionTokens", "versionControlProvenance", "properties"),
)
_SARIF_EXIT_CODES = (1, 10)  # what many tools, and this project's gate, end with when they found something


def parse_sarif(document: Dict[str, Any]) -> Report:
    """Parse SARIF 2.1.0 of Trivy, Grype, zizmor, Scorecard or any other tool."""
    findings: List[Finding] = []
    suppressed: List[Finding] = []
    tools: List[str] = []
    times: List[Optional[int]] = []
    identities: List[Tuple[str, Tuple[str, ...]]] = []
    artifact = ""
    doubts = list(strangers(document, _SARIF_KEYS, "the report"))
    if document.get("version") != "2.1.0":
        doubts.append("it is not SARIF 2.1.0")
    if not isinstance(document["runs"], list):
        raise ScanError("bad_report", "runs is not a list")
    if not document["runs"]:
        doubts.append("it holds no run of a tool")
    if document.get("inlineExternalProperties"):
        doubts.append("its results are kept elsewhere")
    for entry in document["runs"]:
        run = object_of(entry, "a run")
        driver = as_dict(as_dict(run.get("tool"), "tool").get("driver"), "driver")
        tool = text_of(driver.get("name"), 40).lower()
        tools.append(tool or "unknown")
        doubts += _sarif_doubts(run, tool)
        rules = _SarifRules(run)
        properties = as_dict(run.get("properties"), "properties")
        artifact = artifact or clean(properties.get("imageName"))
        identities.append(
            (
                text_of(properties.get("imageID"), 100),
                tuple(clean(digest) for digest in as_texts(properties.get("repoDigests"))),
            )
        )
        times += [as_epoch(i["endTimeUtc"]) for i in _sarif_invocations(run) if "endTimeUtc" in i]
        for item in as_list(run.get("results"), "results"):
            result = object_of(item, "a result")
            rule, identifier = rules.of(result)
            lost = not rule and rules.described
            found = _sarif_result(result, rule, identifier_of(identifier, "a result"), tool, lost=lost)
            hidden = _sarif_hidden(result, found)
            if hidden:
                suppressed.append(found._replace(title=hidden))
            elif hidden is not None:
                findings.append(found)
    if None in times:
        doubts.append("the time when the tool ended cannot be read")
    known = [moment for moment in times if moment is not None]
    image_id, digests = identities[0] if len(set(identities)) == 1 else ("", ())
    return Report(
        scanner=",".join(sorted(set(tools))) or "sarif",
        version="",
        artifact=artifact,
        kind="report",
        findings=tuple(findings),
        suppressed=tuple(suppressed),
        image_id=image_id,
        digests=digests,
        created=min(known) if known else None,
        proves=False,
        doubts=tuple(doubts),
    )


def _sarif_invocations(run: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [object_of(item, "an invocation") for item in as_list(run.get("invocations"), "invocations")]


def _sarif_doubts(run: Dict[str, Any], tool: str) -> List[str]:
    """Say why a run proves nothing: the tool is not named or failed, or its results are not there."""
    doubts = list(strangers(run, _SARIF_RUN_KEYS, "a run"))
    if not tool:
        doubts.append("it does not say which tool wrote it")
    if not isinstance(run.get("results"), list):
        doubts.append("a run has no results, not even none")
    if run.get("externalPropertyFileReferences"):
        doubts.append("its results are kept elsewhere")
    for invocation in _sarif_invocations(run):
        code = invocation.get("exitCode", 0)
        found = bool(run.get("results")) and code in _SARIF_EXIT_CODES
        if invocation.get("executionSuccessful") is not True:
            doubts.append("it does not say that the tool succeeded")
        elif isinstance(code, bool) or not isinstance(code, int) or (code and not found):
            doubts.append("the tool ended with an error")
        elif any(invocation.get(name) for name in ("exitSignalName", "exitSignalNumber", "processStartFailureMessage")):
            doubts.append("the tool was ended by a signal, or did not start")
        for name in ("toolExecutionNotifications", "toolConfigurationNotifications"):
            notices = [as_dict(notice, "a notification") for notice in as_list(invocation.get(name), name)]
            if any(notice.get("level", "warning") not in ("warning", "note", "none") for notice in notices):
                doubts.append("the tool reports an error")
    return doubts


class _SarifRules:
    """The rules of a run, of the driver and its extensions."""

    def __init__(self, run: Dict[str, Any]) -> None:
        tool = as_dict(run.get("tool"), "tool")
        driver = as_dict(tool.get("driver"), "driver")
        extensions = [as_dict(e, "an extension") for e in as_list(tool.get("extensions"), "extensions")]
        self._listed = [as_dict(rule, "a rule") for rule in as_list(driver.get("rules"), "rules")]
        more = [as_dict(r, "a rule") for e in extensions for r in as_list(e.get("rules"), "rules")]
        self.described = bool(self._listed or more)
        self._by_id = {clean(rule.get("id"), 160): rule for rule in more + self._listed}

    def of(self, result: Dict[str, Any]) -> Tuple[Dict[str, Any], str]:
        """Return a result's rule, empty when it is not described, and its id."""
        named = as_dict(result.get("rule"), "a result's rule")
        identifier = text_of(result.get("ruleId") or named.get("id"), 160)
        index = result.get("ruleIndex")
        rule = self._by_id.get(identifier, {})
        if not rule and isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(self._listed):
            rule = self._listed[index]
            identifier = identifier or clean(rule.get("id"), 160)
        return rule, identifier


def _sarif_hidden(result: Dict[str, Any], finding: Finding) -> Optional[str]:
    """Say how the report hides a result; empty: it does not, None: it is no finding, but a check that passed."""
    excuses = [as_dict(s, "a suppression") for s in as_list(result.get("suppressions"), "suppressions")]
    if excuses and all(s.get("status") in (None, "accepted") for s in excuses):
        words = [clean(s.get("justification") or s.get("kind"), 80) for s in excuses]
        return "suppressed: " + (", ".join(filter(None, words)) or "no reason")
    if result.get("baselineState") == "absent":
        return "absent: of an earlier run"
    if result.get("kind") in ("pass", "notApplicable", "informational") and result.get("level") in (None, "none"):
        return "kind: " + clean(result["kind"]) if finding.kind in ("vulnerability", "secret") else None
    return ""


def _sarif_facts(result: Dict[str, Any], rule: Dict[str, Any]) -> Dict[str, str]:
    """Return what Trivy and Grype say in the text of a result or of its rule."""
    facts: Dict[str, str] = {}
    for owner, name in ((rule, "help"), (result, "message")):
        text = as_dict(owner.get(name), name).get("text")
        facts.update(_SARIF_TEXT.findall(text if isinstance(text, str) else ""))
    return facts


def _sarif_severity(
    result: Dict[str, Any],
    rule: Dict[str, Any],
    facts: Dict[str, str],
    tags: List[str],
    *,
    vulnerability: bool,
    lost: bool,
) -> str:
    """Rate a result: by a word in its text or tags, its score, else by its level, where that is one.

    Many tools write the level "warning" at every vulnerability: of those only "error" is a rating. So it is of a result
    whose rule should be described and is not (``lost``), because nothing says what it is about.
    """
    named = [tag.upper() for tag in tags if tag.upper() in RANK]
    if "Severity" in facts:
        return as_severity(facts["Severity"])
    if named:
        return named[0]
    for owner in (result, rule):
        properties = as_dict(owner.get("properties"), "properties")
        for key in ("security-severity", "cvssv3_baseScore"):
            if key in properties:
                score = as_number(properties[key])
                return score_severity(score) if score is not None and 0 < score <= 10 else "UNKNOWN"
    level = result.get("level") or as_dict(rule.get("defaultConfiguration"), "defaultConfiguration").get("level")
    words = {"error": "HIGH"} if vulnerability or lost else {"error": "HIGH", "warning": "MEDIUM", "note": "LOW"}
    return words.get(level, "UNKNOWN") if isinstance(level, str) else "UNKNOWN"


def _sarif_kind(tags: List[str], tool: str, name: object, *, vulnerability: bool) -> str:
    kinds = [kind for kind in ("vulnerability", "secret", "misconfiguration", "license") if kind in tags]
    if tool in _SARIF_SECRET_TOOLS or name == "Secret":  # the rules' name for it in Trivy's SARIF
        return "secret"
    return kinds[0] if kinds else ("vulnerability" if vulnerability else "misconfiguration")


def _sarif_result(result: Dict[str, Any], rule: Dict[str, Any], identifier: str, tool: str, *, lost: bool) -> Finding:
    tags = as_texts(as_dict(rule.get("properties"), "properties").get("tags"))
    facts = _sarif_facts(result, rule)
    advisory = _SARIF_ADVISORY.match(identifier)
    kind = _sarif_kind(tags, tool, rule.get("name"), vulnerability=advisory is not None)
    locations = as_list(result.get("locations"), "locations")
    physical = (
        as_dict(as_dict(locations[0], "a location").get("physicalLocation"), "physicalLocation") if locations else {}
    )
    region = as_dict(physical.get("region"), "region")
    uri = clean(as_dict(physical.get("artifactLocation"), "artifactLocation").get("uri"))
    fixed = clean(facts.get("Fixed Version") or facts.get("Fix Version"), 200)
    # Trivy leaves "Fixed Version:" empty where there is none; Grype does so also where it does not know.
    unfixed = tool == "trivy" and facts.get("Fixed Version") == ""
    return Finding(
        kind=kind,
        id=advisory.group(1) if advisory and kind == "vulnerability" else identifier,
        severity=_sarif_severity(result, rule, facts, tags, vulnerability=kind == "vulnerability", lost=lost),
        scanner=tool,
        package=clean(facts.get("Package") or (advisory.group(2) if advisory else ""), 200),
        version=clean(facts.get("Installed Version") or facts.get("Version"), 100),
        fixed=fixed,
        status="affected" if unfixed else "",
        target=uri,
        lines=line_range(region.get("startLine"), region.get("endLine")) if kind != "vulnerability" else "",
        title=clean(as_dict(rule.get("shortDescription"), "shortDescription").get("text") or rule.get("name"), 160),
        url=clean(rule.get("helpUri"), 200),
        threat=threat_of(identifier, (), tags),
    )
