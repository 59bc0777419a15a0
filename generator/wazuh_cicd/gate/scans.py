"""Images, directories and reports to findings: the gate scans, parses and verifies with the scanner's own code."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError
from wodles.scan.config import Config, check_config
from wodles.scan.databases import database_times, update_databases
from wodles.scan.errors import REASONS, ScanError
from wodles.scan.inventory import docker_images
from wodles.scan.reports import Finding, Report, merge
from wodles.scan.scans import prove, scan_target
from wodles.scan.signature import verify_signature
from wodles.scan.targets import Target, find_image, path_target, registry_target, untrusted
from wodles.scan.text import clean
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import RANK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wazuh_cicd.gate.policy import Policy

KINDS = ("image", "registry", "archive", "directory", "sbom", "report")


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding of a scan. ``raw`` is the scanner's own record of it, for its SLA and exception functions."""

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
    suppressed: int = 0
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to scan; none of it changes what the policy demands."""

    cache: Path
    docker_socket: str = "/var/run/docker.sock"
    docker_config: str = ""
    kev_catalog: str = ""
    seconds: int = 900
    update: bool = True


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
        return [_one(toolbox, policy, subject, (early, notes), moment) for subject in subjects]


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
    if policy.signature is not None and "cosign" not in tools and (path := shutil.which("cosign")):
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
    name = clean(value)
    try:
        target = _target(toolbox.config, kind, value)
        reports = scan_target(toolbox, target, float(toolbox.config.image_seconds))
    except ScanError as error:
        reason = "no_scanner" if early and not toolbox.config.scanners() else error.reason
        own = early if reason == "no_scanner" else (*early, _problem(error.reason, error.detail))
        return Scan(name, kind, scanners=",".join(toolbox.config.scanners()), problems=own, notes=notes)
    except OSError as error:
        return Scan(name, kind, problems=(*early, _problem("no_image", str(error.strerror))), notes=notes)
    problems = [*early]
    proof = prove(target, reports, toolbox.config)
    if proof is not None:
        shown = "the operating system is past its end of life" if proof.event == "eol_os" else REASONS[proof.reason]
        problems.append(Problem("scanner", proof.reason, f"{shown} ({proof.detail})" if proof.detail else shown))
    if policy.require_proof and not all(report.proves for report in reports):
        problems.append(Problem("scanner", "no_proof", "this format does not show what the scanner looked at"))
    problems += _ages(toolbox, reports, policy, now, report=kind == "report")
    problems += _supply_chain(toolbox, target, policy, reports)
    merged = merge(reports)
    return Scan(
        artifact=(reports[0].artifact or name) if kind == "report" else target.name,
        kind=kind,
        digest=target.shown_digest() or next((r.image_id for r in reports if r.image_id), ""),
        system=next((r.os for r in reports if r.os), ""),
        scanners=",".join(sorted({r.scanner for r in reports})),
        issues=tuple(sorted((_issue(finding) for finding in merged), key=_order)),
        suppressed=sum(len(report.suppressed) for report in reports),
        problems=tuple(problems),
        notes=notes,
    )


def _target(config: Config, kind: str, value: str) -> Target:
    if kind == "image":
        found = find_image(docker_images(config.docker_socket), value)
        if found is None:
            raise ScanError("no_image")
        return found
    if kind == "registry":
        return registry_target(value)
    return path_target(kind, value)


def _ages(toolbox: Toolbox, reports: Sequence[Report], policy: Policy, now: float, *, report: bool) -> list[Problem]:
    limit = policy.database_max_age_hours * 3600
    if report:  # of SARIF and CycloneDX no age is known: require_proof refuses them
        times = {r.scanner: r.db_built or r.created for r in reports if r.proves}
    elif "vuln" in policy.checks:
        times = {name: built for name, (text, built) in database_times(toolbox.config).items() if text}
    else:
        times = {}
    problems = []
    for name, when in times.items():
        if not when:
            problems.append(Problem("scanner", "db_stale", f"the age of {name}'s data is not known"))
        elif now - when > limit:
            age = f"{int((now - when) // 3600)} hours old, the limit is {limit // 3600}"
            problems.append(Problem("scanner", "db_stale", f"{name}'s data is {age}"))
    return problems


def _supply_chain(toolbox: Toolbox, target: Target, policy: Policy, reports: Sequence[Report]) -> list[Problem]:
    problems = []
    if target.kind == "report" and (policy.registries or policy.signature is not None):
        digests = tuple(digest for report in reports for digest in report.digests)
        target = target._replace(kind="image", digests=digests, reference=(digests or (target.reference,))[0])
        if not digests:
            text = "the report names no repository digest, so neither registry nor signature can be checked"
            return [Problem("supply-chain", "no_digest", text)]
    host = untrusted(target, toolbox.config)
    if host:
        problems.append(Problem("supply-chain", "untrusted_registry", f"{host} is not among the trusted registries"))
    if policy.signature is not None and target.kind in ("image", "registry"):
        reason = detail = ""
        try:
            found = verify_signature(toolbox, target, 180.0)
            if found is not None:
                reason, detail = found.reason, found.detail
        except ScanError as error:
            reason, detail = error.reason, error.detail
        if reason:
            text = _SIGNATURE_TEXTS.get(reason, REASONS.get(reason, reason))
            problems.append(Problem("supply-chain", reason, text + (f" ({detail})" if detail else "")))
    return problems


_SIGNATURE_TEXTS = {
    "no_signature": "the image is not signed",
    "not_in_registry": "the image is not in its registry, so it cannot be signed there",
    "no_matching_signature": "the image is signed, but not by the key that the policy names",
    "no_certificate": "the signature carries no certificate",
    "wrong_identity": "the image is signed by another identity than the policy names",
}


def _issue(finding: Finding) -> Issue:
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
        raw=finding,
    )


def _order(issue: Issue) -> tuple[str, int, str, str, str, str]:
    return issue.kind, -RANK[issue.severity], issue.id, issue.package, issue.target, issue.lines
