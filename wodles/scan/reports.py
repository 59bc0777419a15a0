"""What a scanner reported, whatever the format: its findings, and how those of two scanners become one list."""

import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.text import clean
from wodles.scan.values import RANK

EPSS_LIKELY = 0.5
# The words for "nobody has fixed it yet"; every other word, and none, leaves it open.
UNFIXED = ("affected", "will_not_fix", "fix_deferred", "end_of_life", "under_investigation")


class Finding(NamedTuple):
    """One thing a scanner found, without anything that could hold a secret.

    ``kind`` is ``vulnerability``, ``misconfiguration``, ``secret`` or ``license``; ``threat`` is ``malware``, ``kev``,
    ``epss`` (an exploit is likely) or empty; ``fix_date`` is when the fix came out, in seconds since 1970.
    """

    kind: str
    id: str
    severity: str
    scanner: str
    package: str = ""
    version: str = ""
    fixed: str = ""
    status: str = ""
    severity_source: str = ""
    target: str = ""
    lines: str = ""
    title: str = ""
    url: str = ""
    purl: str = ""
    threat: str = ""
    epss: Optional[float] = None
    fix_date: Optional[int] = None
    aliases: Tuple[str, ...] = ()

    def fix_state(self) -> str:
        """Say whether somebody fixed it: ``fixed``, ``unfixed`` where the scanner says so, else ``unknown``."""
        if self.fixed or self.status == "fixed":
            return "fixed"
        return "unfixed" if self.status in UNFIXED else "unknown"

    def base(self) -> str:
        """Identify the finding whatever the package's version, so that a version bump cannot restart an SLA clock."""
        if self.kind == "vulnerability":
            name = self.purl.rsplit("@", 1)[0] if self.purl else self.package
            return "|".join(("v", self.id, name))
        return "|".join((self.kind[0], self.id, self.package, self.target, self.lines))

    def key(self, base: str = "") -> str:
        """Identify the finding: package URL (or name, version) and CVE; rule, place and lines for other kinds."""
        base = base or self.base()
        if self.kind == "vulnerability":
            return base + "@" + (self.purl.rsplit("@", 1)[-1] if "@" in self.purl else self.version)
        return base


class Report(NamedTuple):
    """What one scanner said about one artifact.

    ``os_checked`` is None where no operating system is expected (a directory). ``packages`` are the direct
    dependencies, as package URLs without version, where the report lists them. ``suppressed`` are the findings that the
    report itself hides, their ``title`` says how. ``doubts`` say why the report proves nothing, in our own words.
    """

    scanner: str
    version: str
    artifact: str
    kind: str
    findings: Tuple[Finding, ...]
    suppressed: Tuple[Finding, ...] = ()
    image_id: str = ""
    digests: Tuple[str, ...] = ()
    os: str = ""
    os_checked: Optional[bool] = None
    eol: bool = False
    db_built: Optional[int] = None
    created: Optional[int] = None
    packages: Tuple[str, ...] = ()
    proves: bool = True  # False: the format cannot show what was left out (SARIF, CycloneDX)
    looked: bool = True  # False: it names nothing that was looked at, which only who started the scanner can know
    doubts: Tuple[str, ...] = ()

    def identities(self) -> Set[str]:
        """Return the digests by which the image that it is about is known: its id, and those of its manifests."""
        return ({self.image_id} | {d.rsplit("@", 1)[-1] for d in self.digests}) - {""}


def threat_of(
    identifier: str,
    aliases: Iterable[str],
    marks: Iterable[str],
    *,
    kev: bool = False,
    epss: Optional[float] = None,
) -> str:
    """Name the worst threat: ``malware``, ``kev``, ``epss``, or none.

    Args:
        identifier: the advisory's id.
        aliases: its other ids.
        marks: the CWE ids, or tags, that it carries.
        kev: whether it is in CISA's catalogue of exploited vulnerabilities.
        epss: how likely an exploit is, 0 to 1.
    """
    if identifier.startswith("MAL-") or any(a.startswith("MAL-") for a in aliases) or "CWE-506" in marks:
        return "malware"
    if kev:
        return "kev"
    return "epss" if epss is not None and epss >= EPSS_LIKELY else ""


def canonical_id(identifier: str, aliases: Iterable[str]) -> Tuple[str, Tuple[str, ...]]:
    """Choose the CVE among a vulnerability's names; an advisory about several keeps its own; the others are aliases."""
    names = [identifier] + [a for a in aliases if a and a != identifier]
    cves = sorted({name for name in names if name.startswith("CVE-")})
    chosen = identifier if identifier.startswith("CVE-") or len(cves) != 1 else cves[0]
    return chosen, tuple(name for name in names if name != chosen)


def package_url(value: object) -> str:
    """Cut qualifiers and subpath off a package URL, and spell its version and Python names one way.

    Trivy writes the epoch of a version as a qualifier, Grype into the version of Debian's packages.
    """
    text = clean(value, 400)
    if not text.startswith("pkg:"):
        return ""
    text, _, qualifiers = text.split("#", 1)[0].partition("?")
    if "%" in text:
        import urllib.parse

        text = urllib.parse.unquote(text)
    if "epoch=" in qualifiers:
        epoch = re.search(r"(?:^|&)epoch=([0-9]+)", qualifiers)
        name, at, version = text.rpartition("@")
        if epoch and at and epoch.group(1) != "0" and ":" not in version:
            text = name + at + epoch.group(1) + ":" + version
    if text.startswith("pkg:pypi/"):
        name, at, version = text.partition("@")
        text = name.lower().replace("_", "-") + at + version
    return text


def line_range(start: object, end: object) -> str:
    """Write the lines that a finding is about, ``3`` or ``3-7``; empty when the first one is not a line number."""
    if not isinstance(start, int) or isinstance(start, bool) or start <= 0:
        return ""
    return "%d-%d" % (start, end) if isinstance(end, int) and end > start else str(start)


def identifier_of(value: object, what: str) -> str:
    """Return an id; raises ``ScanError`` bad_report when there is none, or it is no text."""
    text = clean(value, 120) if isinstance(value, str) else ""
    if not text:
        raise ScanError("bad_report", what + " has no id")
    return text


_THREAT_RANK = {"": 0, "epss": 1, "kev": 2, "malware": 3}


def merge(reports: Iterable[Report]) -> List[Finding]:
    """Merge the scanners' findings: the same CVE in the same package URL is one, with the worst of both views.

    What one scanner leaves open, the other may know; what one report says in two ways stays open.
    """
    merged: Dict[str, Finding] = {}
    for report in reports:
        own: Dict[str, Finding] = {}
        for finding in report.findings:
            key = finding.key()
            known = own.get(key)
            own[key] = finding if known is None else _doubted(known, finding, _worse(known, finding))
        for key, finding in own.items():
            merged[key] = _worse(merged[key], finding) if key in merged else finding
    return list(merged.values())


def _doubted(one: Finding, other: Finding, both: Finding) -> Finding:
    """Keep what one of two entries of the same report leaves open: its rating, and whether there is a fix."""
    if "UNKNOWN" in (one.severity, other.severity) and both.severity != "CRITICAL":
        both = both._replace(severity="UNKNOWN")
    if "unknown" in (one.fix_state(), other.fix_state()) and both.fix_state() != "fixed":
        both = both._replace(status="")
    return both


def _worse(one: Finding, other: Finding) -> Finding:
    higher = other if RANK[other.severity] > RANK[one.severity] else one
    threat = max(one.threat, other.threat, key=_THREAT_RANK.__getitem__)
    scores = [s for s in (one.epss, other.epss) if s is not None]
    dates = [d for d in (one.fix_date, other.fix_date) if d]
    return one._replace(
        severity=higher.severity,
        severity_source=higher.severity_source,
        scanner=",".join(sorted(set(one.scanner.split(",")) | set(other.scanner.split(",")))),
        fixed=one.fixed or other.fixed,
        status="fixed" if "fixed" in (one.status, other.status) else one.status or other.status,
        title=one.title or other.title,
        url=one.url or other.url,
        threat=threat,
        epss=max(scores) if scores else None,
        fix_date=min(dates) if dates else None,
        aliases=tuple(sorted(set(one.aliases) | set(other.aliases))),
    )
