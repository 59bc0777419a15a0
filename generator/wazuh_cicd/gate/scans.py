"""Images, directories and reports to findings: the gate scans, parses and verifies with the scanner's own code."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate.inline import ignored_inline
from wazuh_cicd.gate.pipelines import literal_credentials
from wazuh_cicd.gate.provenance import verify_provenance
from wodles.scan.config import Config, check_config
from wodles.scan.databases import database_times, update_databases
from wodles.scan.errors import REASONS, ScanError
from wodles.scan.errors import Problem as ScanProblem
from wodles.scan.inventory import docker_images
from wodles.scan.reports import Finding, Report, merge
from wodles.scan.scans import doubts, end_of_life, scan_target, target_identities
from wodles.scan.signature import verify_signature
from wodles.scan.targets import Target, find_image, path_target, registry_target, repository_of, untrusted
from wodles.scan.text import clean
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import RANK, age_doubt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wazuh_cicd.gate.policy import Policy

KINDS = ("image", "registry", "archive", "directory", "sbom", "report")


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding of a scan.

    ``fix_state`` is ``fixed``, ``unfixed`` or ``unknown``; ``hidden`` says how the report itself hides it, empty where
    it does not. ``raw`` is the scanner's own record of it, for its SLA and exception functions.
    """

    kind: str
    id: str
    severity: str
    scanner: str
    package: str
    version: str
    fixed: str
    status: str
    target: str
    lines: str
    title: str
    url: str
    threat: str
    fix_date: int | None
    base: str
    fix_state: str
    hidden: str
    raw: Finding = field(compare=False, repr=False)

    @property
    def line(self) -> int:
        """The first line that it is about; 0 when there is none."""
        return int(self.lines.split("-")[0]) if self.lines else 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an artifact is not proved to be what its findings say. ``area`` is ``scanner`` or ``supply-chain``."""

    area: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What is known of one artifact."""

    artifact: str
    kind: str
    digest: str = ""
    system: str = ""
    scanners: str = ""
    issues: tuple[Issue, ...] = ()
    identities: frozenset[str] = frozenset()
    report_of_image: bool = False
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def hidden(self) -> int:
        """How many findings the report itself hides."""
        return sum(bool(issue.hidden) for issue in self.issues)


@dataclass(frozen=True, slots=True)
class Options:
    """How to scan; none of it changes what the policy demands.

    ``expected`` are the digests (image ids, or of manifests) one of which every image, archive and report must be of.
    """

    cache: Path
    docker_socket: str = "/var/run/docker.sock"
    docker_config: str = ""
    kev_catalog: str = ""
    seconds: int = 900
    update: bool = True
    expected: tuple[str, ...] = ()


def scan_all(
    subjects: Sequence[tuple[str, str]], policy: Policy, options: Options, now: float | None = None
) -> list[Scan]:
    """Scan or read every subject, ``(kind, value)`` with a kind of ``KINDS``. Failures are problems of the scan.

    Raises:
        UsageError: the policy's scanners cannot be used as configured, or the cache is inside what is judged.
    """
    cache = options.cache.resolve()
    for kind, value in subjects:
        if kind == "directory" and cache.is_relative_to(Path(value).resolve()):
            raise UsageError(f"--cache {options.cache} is inside {value}: what is judged could bring its own database")
    moment = time.time() if now is None else now
    config, notes = _config(policy, options, scanning=any(kind != "report" for kind, _ in subjects))
    with _workspace() as work:
        try:
            toolbox = Toolbox(config, str(work))
        except ScanError as error:
            raise UsageError(str(error)) from None
        early: tuple[Problem, ...] = ()
        if any(kind != "report" for kind, _ in subjects):
            early, more = _prepare(toolbox, options)
            notes += more
        scans = [_one(toolbox, policy, subject, (early, notes), moment) for subject in subjects]
    return _bound(scans, options.expected)


def _bound(scans: list[Scan], expected: tuple[str, ...]) -> list[Scan]:
    """Refuse what is about another image than asked for: of ``--expect``, or of the images beside the reports."""
    local = frozenset().union(*(scan.identities for scan in scans if scan.kind in ("image", "registry")))
    seen = frozenset().union(*(scan.identities for scan in scans))
    checked = []
    for scan in scans:
        named = scan.identities or scan.report_of_image
        if expected and scan.kind in ("image", "registry", "archive", "report"):
            wanted = frozenset(expected)
        else:
            wanted = local if scan.kind == "report" and named else frozenset()
        problems = scan.problems
        if wanted and not wanted & scan.identities:
            problems += (_problem("image_mismatch", "the digest is not one that was asked for"),)
        checked.append(replace(scan, problems=problems))
    missing = sorted(set(expected) - seen)
    if missing:
        last = checked[-1]
        unseen = _problem("image_mismatch", f"nothing is about {missing[0]}")
        checked[-1] = replace(last, problems=(*last.problems, unseen))
    return checked


@contextlib.contextmanager
def _workspace() -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="wazuh-cicd-gate-"))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _config(policy: Policy, options: Options, *, scanning: bool) -> tuple[Config, tuple[str, ...]]:
    tools: dict[str, Any] = {name: dict(tool) for name, tool in policy.scanners.items()}
    notes: tuple[str, ...] = ()
    if scanning and not {"trivy", "grype"} & set(tools):
        tools |= {
            name: {"path": str(Path(path).resolve())} for name in ("trivy", "grype") if (path := shutil.which(name))
        }
    signed = policy.signature is not None or policy.provenance is not None
    if signed and "cosign" not in tools and (path := shutil.which("cosign")):
        tools["cosign"] = {"path": str(Path(path).resolve())}
    unpinned = sorted(name for name, tool in tools.items() if not tool.get("sha256"))
    if unpinned:
        notes = (f"not pinned by SHA-256 in the policy: {', '.join(unpinned)}",)
    given: dict[str, Any] = {
        **tools,
        "allow_unpinned": True,
        "engine": "docker",
        "docker_socket": options.docker_socket,
        "docker_config": options.docker_config and str(Path(options.docker_config).absolute()),
        "kev_catalog": options.kev_catalog,
        # The scanners run in another directory than ours.
        "cache_directory": str(options.cache.absolute()),
        "checks": list(policy.checks),
        "image_seconds": options.seconds,
        "no_os_allowed": list(policy.no_os_allowed),
        "trusted_registries": list(policy.registries),
        "signatures": [{"images": ["*"], **_absolute(policy.signature)}] if policy.signature is not None else [],
        "database_max_age_hours": policy.database_max_age_hours,
    }
    try:
        return check_config(given), notes
    except ScanError as error:
        raise UsageError(str(error)) from None


def _absolute(signature: Mapping[str, Any]) -> dict[str, Any]:
    """Make paths of files absolute; keys may also be addresses of a key management service."""
    found = dict(signature)
    for name in ("key", "trusted_root"):
        if found.get(name) and "://" not in found[name]:
            found[name] = str(Path(found[name]).absolute())
    return found


def _prepare(toolbox: Toolbox, options: Options) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Update the databases; returns what stops every scan, and what the reader should know."""
    if not toolbox.config.scanners():
        return (Problem("scanner", "no_scanner", "neither Trivy nor Grype was found: name them in the policy"),), ()
    if not options.update:
        return (), ()
    try:
        problem = update_databases(toolbox, float(options.seconds))
    except ScanError as error:
        return (_problem(error.reason, error.detail),), ()
    except OSError as error:
        return (_problem("db_update_failed", str(error.strerror)),), ()
    # An old database that is still young enough will do: its age is judged below.
    return (), () if problem is None else (f"the database was not updated: {REASONS[problem.reason]}",)


def _problem(reason: str, detail: str, area: str = "scanner") -> Problem:
    text = REASONS.get(reason, reason)
    return Problem(area, reason, f"{text} ({detail})" if detail else text)


def _one(
    toolbox: Toolbox,
    policy: Policy,
    subject: tuple[str, str],
    before: tuple[tuple[Problem, ...], tuple[str, ...]],
    now: float,
) -> Scan:
    kind, value = subject
    early, notes = before
    name = clean(value) or kind
    try:
        target = _target(toolbox.config, kind, value)
        reports = scan_target(toolbox, target, float(toolbox.config.image_seconds))
    except ScanError as error:
        reason = "no_scanner" if early and not toolbox.config.scanners() else error.reason
        own = early if reason == "no_scanner" else (*early, _problem(error.reason, error.detail))
        return Scan(name, kind, scanners=",".join(toolbox.config.scanners()), problems=own, notes=notes)
    except OSError as error:
        return Scan(name, kind, problems=(*early, _problem("no_image", str(error.strerror))), notes=notes)
    except Exception as error:  # noqa: BLE001 -- a report that breaks our reader must not end in a traceback
        return Scan(name, kind, problems=(*early, _problem("internal", type(error).__name__)), notes=notes)
    problems = [*early, *(_problem(p.reason, p.detail) for p in doubts(target, reports, toolbox.config, now))]
    if policy.require_proof and not all(report.proves for report in reports):
        problems.append(Problem("scanner", "no_proof", "this format does not show what the scanner looked at"))
    if kind != "report":
        problems += _ages(toolbox, policy, now)
    if not all(report.proves for report in reports):
        notes = (*notes, f"{name}: its format does not show what was looked at, or how old the data were")
    more, told = _supply_chain(toolbox, target, policy, reports)
    try:
        written, commented = _read_directory(Path(value), policy) if kind == "directory" else ([], [])
    except ScanError as error:
        written, commented = [], []
        problems.append(_problem(error.reason, error.detail))
    found = [*merge(reports), *_ended(reports), *written]
    hidden = merge([_hidden_as_found(report.suppressed) for report in reports] + [_hidden_as_found(commented)])
    shown = [_issue(finding) for finding in found]
    shown += [_issue(finding, finding.title or "it does not say how") for finding in hidden]
    return Scan(
        artifact=(reports[0].artifact or name) if kind == "report" else target.name,
        kind=kind,
        digest=target.shown_digest() or next((r.image_id for r in reports if r.image_id), ""),
        system=next((r.os for r in reports if r.os), ""),
        scanners=",".join(sorted({r.scanner for r in reports})),
        issues=tuple(sorted(shown, key=_order)),
        identities=frozenset(target_identities(target).union(*(r.identities() for r in reports))),
        report_of_image=any(r.os_checked is not None or r.kind == "container_image" for r in reports),
        problems=(*problems, *more),
        notes=(*notes, *told),
    )


def _hidden_as_found(findings: Sequence[Finding]) -> Report:
    """Make a report of what is hidden, so that the same finding twice is one, with the worst of both views."""
    return Report(scanner="", version="", artifact="", kind="", findings=tuple(findings))


def _ended(reports: Sequence[Report]) -> list[Finding]:
    """Make a finding of an operating system past its end of life: whoever builds the image can change that."""
    system = end_of_life(list(reports))
    family, _, release = system.partition(" ")
    finding = Finding(
        "end-of-life", "end-of-life", "HIGH", ",".join(r.scanner for r in reports if r.eol), family, release
    )
    return [finding] if system else []


def _read_directory(directory: Path, policy: Policy) -> tuple[list[Finding], list[Finding]]:
    """Find what no scanner reports: credentials that pipeline files write out, and checks that comments switch off."""
    secrets = literal_credentials(directory) if "secret" in policy.checks else []
    return secrets, ignored_inline(directory) if "misconfig" in policy.checks else []


def _target(config: Config, kind: str, value: str) -> Target:
    if kind == "image":
        found = find_image(docker_images(config.docker_socket), value)
        if found is None:
            raise ScanError("no_image")
        return found
    if kind == "registry":
        return registry_target(value)
    return path_target(kind, value)


def _ages(toolbox: Toolbox, policy: Policy, now: float) -> list[Problem]:
    if "vuln" not in policy.checks:
        return []
    times = database_times(toolbox.config)
    missing = [_problem("db_missing", name) for name, (text, _) in times.items() if not text]
    old = {name: age_doubt(built, now, policy.database_max_age_hours) for name, (text, built) in times.items() if text}
    return missing + [_problem("db_stale", f"{name}: {doubt}") for name, doubt in old.items() if doubt]


def _supply_chain(
    toolbox: Toolbox, target: Target, policy: Policy, reports: Sequence[Report]
) -> tuple[list[Problem], tuple[str, ...]]:
    """Check registry, signature and provenance; returns what is wrong, and what the reader should know."""
    rules = {"registries": policy.registries, "signature": policy.signature, "provenance": policy.provenance}
    wanted = [name for name, rule in rules.items() if rule]
    if not wanted:
        return [], ()
    if target.kind not in ("image", "registry", "report"):
        if target.kind in policy.no_origin_allowed:
            return [], (f"{target.name}: a {target.kind} has no registry or signature; the policy allows that",)
        text = f"{_named(wanted)} cannot be checked on a {target.kind}; no_origin_allowed can allow that"
        return [Problem("supply-chain", "no_origin", text)], ()
    digests = target.digests if target.kind == "image" else tuple(d for r in reports for d in r.digests if "@" in d)
    if target.kind == "registry":
        digests = _registry_digest(target, digests)
    problems = []
    if not digests and target.kind != "registry":
        if target.kind == "image" and wanted == ["registries"]:
            return [], (f"{target.name}: built or loaded here, so it comes from no registry",)
        if target.kind == "report" and "report" in policy.no_origin_allowed:
            return [], (f"{target.name}: the report names no repository digest; the policy allows that",)
        # Before it is pushed an image has no such digest: that says nothing about who signed it.
        return [_no_digest("scanner", wanted)], ()
    origin = target._replace(kind="image", digests=digests) if target.kind == "report" else target
    host = untrusted(origin, toolbox.config)
    if host:
        problems.append(Problem("supply-chain", "untrusted_registry", f"{host} is not among the trusted registries"))
    if policy.signature is not None or policy.provenance is not None:
        if not digests:
            return [*problems, _no_digest("supply-chain", wanted)], ()
        problems += _verified(toolbox, digests[0], policy)
    return problems, ()


def _no_digest(area: str, wanted: Sequence[str]) -> Problem:
    return Problem(area, "no_digest", f"no repository digest is known, so {_named(wanted)} cannot be checked")


def _registry_digest(target: Target, digests: tuple[str, ...]) -> tuple[str, ...]:
    """Return the reference with the digest that was scanned: a tag may name another image by now."""
    if "@" in target.reference:
        return (target.reference,)
    wanted = repository_of(target.reference)
    return tuple(digest for digest in digests if wanted and repository_of(digest) == wanted)


def _named(wanted: Sequence[str]) -> str:
    return " and ".join(wanted)


def _verified(toolbox: Toolbox, reference: str, policy: Policy) -> list[Problem]:
    """Verify signature and provenance of an image, named by its digest."""
    image = Target("registry", reference, reference)
    found: list[ScanProblem] = []
    try:
        signed = verify_signature(toolbox, image, 180.0) if policy.signature is not None else None
        built = None
        if policy.provenance is not None:
            built = verify_provenance(toolbox, reference, _absolute(policy.provenance), 180.0)
        found = [problem for problem in (signed, built) if problem is not None]
    except ScanError as error:
        found = [ScanProblem("scan_error", error.reason, error.detail)]
    problems = []
    for problem in found:
        text = _SIGNATURE_TEXTS.get(problem.reason, REASONS.get(problem.reason, problem.reason))
        shown = text + (f" ({problem.detail})" if problem.detail else "")
        problems.append(Problem("supply-chain", problem.reason, shown))
    return problems


_SIGNATURE_TEXTS = {
    "no_signature": "the image is not signed",
    "not_in_registry": "the image is not in its registry, so it cannot be signed there",
    "no_matching_signature": "the image is signed, but not by the key that the policy names",
    "no_certificate": "the signature carries no certificate",
    "wrong_identity": "the image is signed by another identity than the policy names",
    "no_provenance": "the image has no provenance that the policy's signer vouches for",
    "wrong_provenance": "the image was built by another builder, or from another repository, than the policy names",
}


def _issue(finding: Finding, hidden: str = "") -> Issue:
    return Issue(
        kind=finding.kind,
        id=finding.id,
        severity=finding.severity,
        scanner=finding.scanner,
        package=finding.package,
        version=finding.version,
        fixed=finding.fixed,
        status=finding.status,
        target=finding.target,
        lines=finding.lines,
        title=finding.title,
        url=finding.url,
        threat=finding.threat,
        fix_date=finding.fix_date,
        base=finding.base(),
        fix_state=finding.fix_state(),
        hidden=hidden,
        raw=finding,
    )


def _order(issue: Issue) -> tuple[str, int, str, str, str, str]:
    return issue.kind, -RANK[issue.severity], issue.id, issue.package, issue.target, issue.lines
