"""Images, directories and reports to findings: typed results of the wodle's scanning and parsing."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate import wodle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wazuh_cicd.gate.policy import Policy

KINDS = ("image", "registry", "archive", "directory", "sbom", "report")


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding, as the wodle parsed it. ``raw`` is the wodle's own object, for its SLA and exception functions."""

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
    raw: Any = field(compare=False, repr=False)

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
    module = wodle.load()
    moment = time.time() if now is None else now
    config, notes = _config(module, policy, options, scanning=any(kind != "report" for kind, _ in subjects))
    with _workspace() as work:
        try:
            toolbox = module.Toolbox(config, str(work))
        except module.ScanError as error:
            raise UsageError(str(error)) from None
        early: tuple[Problem, ...] = ()
        if any(kind != "report" for kind, _ in subjects):
            early, more = _prepare(module, toolbox, options)
            notes += more
        return [_one(module, toolbox, policy, subject, (early, notes), moment) for subject in subjects]


@contextlib.contextmanager
def _workspace() -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="wazuh-cicd-gate-"))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _config(module: Any, policy: Policy, options: Options, *, scanning: bool) -> tuple[Any, tuple[str, ...]]:  # noqa: ANN401 -- the wodle's module
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
        return module.check_config(given), notes
    except module.ScanError as error:
        raise UsageError(str(error)) from None


def _absolute(signature: Mapping[str, Any]) -> dict[str, Any]:
    """Make paths of files absolute; keys may also be addresses of a key management service."""
    found = dict(signature)
    for name in ("key", "trusted_root"):
        if found.get(name) and "://" not in found[name]:
            found[name] = str(Path(found[name]).absolute())
    return found


def _prepare(module: Any, toolbox: Any, options: Options) -> tuple[tuple[Problem, ...], tuple[str, ...]]:  # noqa: ANN401 -- the wodle's objects
    """Update the databases; returns what stops every scan, and what the reader should know."""
    if not toolbox.names():
        return (Problem("scanner", "no_scanner", "neither Trivy nor Grype was found: name them in the policy"),), ()
    if not options.update:
        return (), ()
    try:
        problem = toolbox.update_databases(float(options.seconds))
    except module.ScanError as error:
        return (_problem(module, error.reason, error.detail),), ()
    except OSError as error:
        return (_problem(module, "db_update_failed", str(error.strerror)),), ()
    # An old database that is still young enough will do: its age is judged below.
    return (), () if problem is None else (f"the database was not updated: {module.REASONS[problem.reason]}",)


def _problem(module: Any, reason: str, detail: str, area: str = "scanner") -> Problem:  # noqa: ANN401 -- the wodle's module
    text = module.REASONS.get(reason, reason)
    return Problem(area, reason, f"{text} ({detail})" if detail else text)


def _one(  # noqa: PLR0917 -- what all subjects share
    module: Any,  # noqa: ANN401 -- the wodle's module
    toolbox: Any,  # noqa: ANN401 -- the wodle's object
    policy: Policy,
    subject: tuple[str, str],
    before: tuple[tuple[Problem, ...], tuple[str, ...]],
    now: float,
) -> Scan:
    kind, value = subject
    early, notes = before
    name = module.clean(value)
    try:
        target = _target(module, toolbox.config, kind, value)
        reports = toolbox.scan(target, float(toolbox.config["image_seconds"]))
    except module.ScanError as error:
        reason = "no_scanner" if early and not toolbox.names() else error.reason
        own = early if reason == "no_scanner" else (*early, _problem(module, error.reason, error.detail))
        return Scan(name, kind, scanners=",".join(toolbox.names()), problems=own, notes=notes)
    except OSError as error:
        return Scan(name, kind, problems=(*early, _problem(module, "no_image", str(error.strerror))), notes=notes)
    problems = [*early]
    proof = module.prove(target, reports, toolbox.config)
    if proof is not None:
        shown = (
            "the operating system is past its end of life" if proof.event == "eol_os" else module.REASONS[proof.reason]
        )
        problems.append(Problem("scanner", proof.reason, f"{shown} ({proof.detail})" if proof.detail else shown))
    if policy.require_proof and not all(report.proves for report in reports):
        problems.append(Problem("scanner", "no_proof", "this format does not show what the scanner looked at"))
    problems += _ages(toolbox, reports, policy, now, report=kind == "report")
    problems += _supply_chain(module, toolbox, target, policy, reports)
    merged = module.merge(reports)
    return Scan(
        artifact=(reports[0].artifact or name) if kind == "report" else target.name,
        kind=kind,
        digest=target.shown_digest() or next((r.image_id for r in reports if r.image_id), ""),
        system=next((r.os for r in reports if r.os), ""),
        scanners=",".join(sorted({r.scanner for r in reports})),
        issues=tuple(sorted((_issue(finding) for finding in merged), key=_order(module))),
        suppressed=sum(len(report.suppressed) for report in reports),
        problems=tuple(problems),
        notes=notes,
    )


def _target(module: Any, config: Any, kind: str, value: str) -> Any:  # noqa: ANN401 -- the wodle's objects
    if kind == "image":
        found = module.find_image(module.docker_images(config["docker_socket"]), value)
        if found is None:
            raise module.ScanError("no_image")
        return found
    if kind == "registry":
        return module.registry_target(value)
    return module.path_target(kind, value)


def _ages(toolbox: Any, reports: Sequence[Any], policy: Policy, now: float, *, report: bool) -> list[Problem]:  # noqa: ANN401 -- the wodle's objects
    limit = policy.database_max_age_hours * 3600
    if report:  # of SARIF and CycloneDX no age is known: require_proof refuses them
        times = {r.scanner: r.db_built or r.created for r in reports if r.proves}
    elif "vuln" in policy.checks:
        times = {name: built for name, (text, built) in toolbox.database_times().items() if text}
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


def _supply_chain(module: Any, toolbox: Any, target: Any, policy: Policy, reports: Sequence[Any]) -> list[Problem]:  # noqa: ANN401 -- the wodle's objects
    problems = []
    if target.kind == "report" and (policy.registries or policy.signature is not None):
        digests = tuple(digest for report in reports for digest in report.digests)
        target = target._replace(kind="image", digests=digests, reference=(digests or (target.reference,))[0])
        if not digests:
            text = "the report names no repository digest, so neither registry nor signature can be checked"
            return [Problem("supply-chain", "no_digest", text)]
    host = module.untrusted(target, toolbox.config)
    if host:
        problems.append(Problem("supply-chain", "untrusted_registry", f"{host} is not among the trusted registries"))
    if policy.signature is not None and target.kind in ("image", "registry"):
        try:
            found = toolbox.signature(target, 180.0)
        except module.ScanError as error:
            found = module.Problem("scan_error", error.reason, error.detail)
        if found is not None:
            text = _SIGNATURE_TEXTS.get(found.reason, module.REASONS.get(found.reason, found.reason))
            problems.append(
                Problem("supply-chain", found.reason, text + (f" ({found.detail})" if found.detail else ""))
            )
    return problems


_SIGNATURE_TEXTS = {
    "no_signature": "the image is not signed",
    "not_in_registry": "the image is not in its registry, so it cannot be signed there",
    "no_matching_signature": "the image is signed, but not by the key that the policy names",
    "no_certificate": "the signature carries no certificate",
    "wrong_identity": "the image is signed by another identity than the policy names",
}


def _issue(finding: Any) -> Issue:  # noqa: ANN401 -- the wodle's object
    fields = (
        "kind",
        "id",
        "severity",
        "scanner",
        "package",
        "version",
        "fixed",
        "status",
        "target",
        "lines",
        "title",
        "url",
    )
    values = {name: getattr(finding, name) for name in (*fields, "threat", "fix_date")}
    return Issue(**values, base=finding.base(), raw=finding)


def _order(module: Any) -> Any:  # noqa: ANN401 -- the wodle's module
    return lambda issue: (issue.kind, -module.RANK[issue.severity], issue.id, issue.package, issue.target, issue.lines)
