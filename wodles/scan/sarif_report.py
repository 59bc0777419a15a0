"""SARIF 2.1.0 of Trivy, Grype, or any other tool."""

import re
from typing import Any, Dict, List, Optional, Set, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding, Report, canonical_id, identifier_of, line_range, threat_of
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
_SARIF_FACT_TOOLS = ("trivy", "grype")  # what the text of other tools says is not theirs alone: it may quote code
_SARIF_ADVISORY = re.compile(r"((?:CVE-\d{4}-\d{4,})|(?:GHSA(?:-[0-9a-z]{4}){3}))(?:-(.+))?$", re.IGNORECASE)
_SARIF_CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.IGNORECASE)
# Ids of other databases of vulnerabilities and of malicious packages (ossf.github.io/osv-schema, vendors' advisories).
_SARIF_DATABASES = re.compile(
    r"(?:MAL|PYSEC|RUSTSEC|GO|OSV|GSD|GMS|PSF|HSEC|RSEC|BIT|CURL|CGA|EUVD|CNVD|CNNVD|JVNDB|ASB-A|PUB-A"
    r"|DSA|DLA|DTSA|TEMP|USN|LSN|RH[SBE]A|ALAS\w*|A[LEB]SA|ALBA|ALEA|EL[SBE]A|RL[SBE]A|RXSA|(?:open)?SUSE(?:-\w+)?|MGASA"
    r"|GLSA|AZL|PHSA|OESA|LBSEC|OSSF|SNYK|SONATYPE|PRISMA|NSWG|CLEANSTART|DRUPAL|EEF)-(?:[\w.:]+-)*\d"
    r"|npm:[^:]+:\d{8}|sonatype-\d|.*(?:CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3})",
    re.DOTALL,
)
# Tools whose every result is a vulnerability of a package.
_SARIF_PACKAGE_TOOLS = (
    *("osv-scanner", "grype", "govulncheck", "snyk open source", "snyk container", "dependency-check", "npm-audit"),
    *("pip-audit", "cargo-audit", "cargo audit", "bundler-audit", "docker scout", "clair"),
)
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
    """Return the invocations of the tool, and of what converted its report."""
    listed = as_list(run.get("invocations"), "invocations")
    conversion = as_dict(run.get("conversion"), "conversion")
    if "invocation" in conversion:
        listed = [*listed, conversion["invocation"]]
    return [object_of(item, "an invocation") for item in listed]


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
        self._by_id: Dict[str, Dict[str, Any]] = {}
        self._twice: Set[str] = set()
        for rule in more + self._listed:
            identifier = clean(rule.get("id"), 160)
            if self._by_id.setdefault(identifier, rule) != rule:
                self._twice.add(identifier)

    def of(self, result: Dict[str, Any]) -> Tuple[Dict[str, Any], str]:
        """Return a result's rule, and its id; the rule is empty when none, or more than one, may be meant."""
        named = as_dict(result.get("rule"), "a result's rule")
        identifier = text_of(result.get("ruleId") or named.get("id"), 160)
        index = result.get("ruleIndex")
        if identifier in self._by_id:
            return {} if identifier in self._twice else self._by_id[identifier], identifier
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(self._listed):
            rule = self._listed[index]
            whole = clean(rule.get("id"), 160)
            # An id may name a part of its rule: "CA1000/1" (section 3.27.5).
            if not identifier or identifier.startswith(whole + "/"):
                return {} if whole in self._twice else rule, identifier or whole
        return {}, identifier


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


def _sarif_facts(result: Dict[str, Any], rule: Dict[str, Any], tool: str) -> Dict[str, List[str]]:
    """Return what Trivy and Grype say in the text of a result, or else of its rule; a quoted text may say it again."""
    facts: Dict[str, List[str]] = {}
    for owner, name in ((rule, "help"), (result, "message")):
        text = as_dict(owner.get(name), name).get("text")
        found: Dict[str, List[str]] = {}
        for key, value in _SARIF_TEXT.findall(text if isinstance(text, str) and tool in _SARIF_FACT_TOOLS else ""):
            found.setdefault(key, []).append(value)
        facts.update(found)
    return facts


def _sarif_worst(ratings: List[str]) -> str:
    """Return the highest of several ratings of one result; one that is not rated leaves the whole unrated."""
    highest = max(ratings, key=RANK.__getitem__)
    return "UNKNOWN" if "UNKNOWN" in ratings and highest != "CRITICAL" else highest


def _sarif_severity(
    result: Dict[str, Any],
    rule: Dict[str, Any],
    facts: Dict[str, List[str]],
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
        return _sarif_worst([as_severity(word) for word in facts["Severity"]])
    if named:
        return _sarif_worst(named)
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
    if vulnerability and "vulnerability" not in kinds and "secret" not in kinds:
        return "vulnerability"  # a licence, or a check, does not have the id of an advisory
    return kinds[0] if kinds else "misconfiguration"


def _sarif_result(result: Dict[str, Any], rule: Dict[str, Any], identifier: str, tool: str, *, lost: bool) -> Finding:
    tags = as_texts(as_dict(rule.get("properties"), "properties").get("tags"))
    facts = _sarif_facts(result, rule, tool)
    said = {key: next(filter(None, values), "") for key, values in facts.items()}
    advisory = _SARIF_ADVISORY.match(identifier)
    known = advisory or _SARIF_DATABASES.match(identifier) or tool in _SARIF_PACKAGE_TOOLS or "CWE-506" in tags
    kind = _sarif_kind(tags, tool, rule.get("name"), vulnerability=bool(known))
    name, aliases = identifier, ()  # type: str, Tuple[str, ...]
    if kind == "vulnerability":
        name = _sarif_spelt(advisory.group(1)) if advisory else identifier
        name, aliases = canonical_id(name, [cve.upper() for cve in _SARIF_CVE.findall(identifier)])
    locations = as_list(result.get("locations"), "locations")
    physical = (
        as_dict(as_dict(locations[0], "a location").get("physicalLocation"), "physicalLocation") if locations else {}
    )
    region = as_dict(physical.get("region"), "region")
    uri = clean(as_dict(physical.get("artifactLocation"), "artifactLocation").get("uri"))
    fixed = clean(said.get("Fixed Version") or said.get("Fix Version"), 200)
    # Trivy leaves "Fixed Version:" empty where there is none; Grype does so also where it does not know.
    unfixed = tool == "trivy" and said.get("Fixed Version") == ""
    return Finding(
        kind=kind,
        id=name,
        aliases=aliases,
        severity=_sarif_severity(result, rule, facts, tags, vulnerability=kind == "vulnerability", lost=lost),
        scanner=tool,
        package=clean(said.get("Package") or (advisory.group(2) if advisory else ""), 200),
        version=clean(said.get("Installed Version") or said.get("Version"), 100),
        fixed=fixed,
        status="affected" if unfixed else "",
        target=uri,
        lines=line_range(region.get("startLine"), region.get("endLine")) if kind != "vulnerability" else "",
        title=clean(as_dict(rule.get("shortDescription"), "shortDescription").get("text") or rule.get("name"), 160),
        url=clean(rule.get("helpUri"), 200),
        threat=threat_of(name, aliases, tags),
    )


def _sarif_spelt(identifier: str) -> str:
    """Spell the id of a CVE or of GitHub's advisory as its database does."""
    upper = identifier.upper()
    return upper if upper.startswith("CVE-") else upper[:4] + identifier[4:].lower()
