"""The gate's policy: YAML text to a checked model, every error located.

version: 1
profile: default            # see profiles.py; what the file says wins over it
vulnerabilities: {severity: HIGH, unfixed: warn, threats: [malware, kev, epss], grace: false}
exceptions:
  - {id: CVE-2024-1234, owner: team-a, reason: not reachable, granted: 2026-01-01, expires: 2026-03-01}
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate.profiles import PROFILES
from wazuh_cicd.gate.provenance import TYPES, repository_address
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.yamlnodes import MAX_BYTES, SpecReader, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import yaml

SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
THRESHOLDS = (*SEVERITIES, "NEVER")
THREATS = ("malware", "kev", "epss")
_KEYS = (
    *("version", "profile", "vulnerabilities", "sla_days", "secrets", "misconfiguration", "licenses", "signature"),
    *("registries", "exceptions", "require_proof", "no_os_allowed", "database_max_age_hours", "scanners", "checks"),
    *("provenance", "hidden", "no_origin_allowed"),
)
_SIGNATURE = (
    *("key", "identity", "identity_regexp", "issuer", "issuer_regexp", "trusted_root"),
    *("transparency_log", "certificate_log"),
)
_PROVENANCE = ("builder", "source", "type", *_SIGNATURE)
_RESULTS = ("fail", "warn", "pass")
NO_ORIGIN = ("archive", "directory", "sbom", "report")


@dataclass(frozen=True, slots=True)
class Policy:
    """What must hold for a build to pass.

    Attributes:
        profile: the named policy that it starts from.
        severity: vulnerabilities from this severity on fail; ``NEVER`` lets all of them pass.
        unfixed: ``fail``, ``warn`` or ``pass``: vulnerabilities that nobody has fixed yet, as the scanner says.
        unrated: the same for vulnerabilities without a severity.
        hidden: the same for findings that the report itself hides; ``fail`` judges them as if nothing hid them.
        threats: these fail whatever their severity: ``malware``, ``kev`` (known exploited), ``epss`` (likely to be).
        grace: inside its SLA a vulnerability only warns; needs a known age (a fix date, or ``--history``).
        sla_days: days by severity, and ``KEV``.
        secrets: secrets from this severity on fail.
        misconfiguration: the same for misconfiguration.
        licenses: patterns of licence names that fail.
        license_severity: licences from this severity on fail.
        signature: how cosign verifies the image; None: not asked for.
        provenance: builder and source repository that a SLSA attestation must name, and who must have signed it.
        no_origin_allowed: kinds of subject that may go without registry, signature and provenance.
        registries: where images may come from; empty: anywhere.
        exceptions: as in the scanner's exceptions file; checked there.
        require_proof: formats that cannot prove that the operating system was looked at (SARIF, CycloneDX) fail.
        no_os_allowed: image name patterns that need no recognised operating system (``FROM scratch``).
        database_max_age_hours: an older vulnerability database is a scanner failure.
        scanners: path, SHA-256 and version of trivy, grype, cosign.
        checks: what Trivy looks for.
    """

    profile: str = "default"
    severity: str = "HIGH"
    unfixed: str = "warn"
    unrated: str = "fail"
    hidden: str = "warn"
    threats: tuple[str, ...] = THREATS
    grace: bool = False
    sla_days: Mapping[str, int] = field(default_factory=dict)
    secrets: str = "LOW"
    misconfiguration: str = "HIGH"
    licenses: tuple[str, ...] = ()
    license_severity: str = "NEVER"
    signature: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] | None = None
    no_origin_allowed: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    exceptions: tuple[Mapping[str, Any], ...] = ()
    require_proof: bool = False
    no_os_allowed: tuple[str, ...] = ()
    database_max_age_hours: int = 120
    scanners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: tuple[str, ...] = ("vuln", "secret", "misconfig")


def from_profile(name: str) -> Policy:
    """Return a named policy; raises ``UsageError`` for an unknown name."""
    if name not in PROFILES:
        raise UsageError(f"profile '{name}' is unknown; known are {', '.join(PROFILES)}")
    content = PROFILES[name]
    return Policy(profile=name, **_vulnerabilities(content["vulnerabilities"]), **_rest(content))


def _vulnerabilities(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}


def _rest(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "vulnerabilities"}


def load_policy(path: Path | None, profile: str | None = None) -> Policy:
    """Read a policy file, or take a profile alone.

    Args:
        path: a YAML file; None for the profile as it is.
        profile: wins over the file's own ``profile``.

    Raises:
        SpecError: the file's errors, all of them, each with its place; an empty file is one.
        UsageError: the file cannot be read, or the profile is unknown.
    """
    if path is None:
        return from_profile(profile or "default")
    try:
        with path.open("rb") as stream:  # a pipe will do; a device that never ends is cut, and refused for its size
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    problems = Problems()
    reader = SpecReader(str(path), problems)
    root = reader.compose(data)
    policy = from_profile(profile or "default")
    if root is not None:
        policy = _Reader(reader).policy(root, profile)
    elif not problems.errors:
        reader.problem("S102", None, "the policy is empty", "write at least: version: 1")
    problems.raise_errors()
    return policy


class _Reader:
    """Reads the nodes of one policy file."""

    def __init__(self, reader: SpecReader) -> None:
        self.r = reader

    def policy(self, root: yaml.Node, profile: str | None) -> Policy:
        nodes = self.r.mapping(root, "a policy", _KEYS, ("version",))
        if "version" in nodes:
            self.r.integer(nodes["version"], "version", 1, 1)
        named = self.r.choice(nodes["profile"], "profile", tuple(PROFILES)) if "profile" in nodes else "default"
        policy = from_profile(profile or named or "default")
        changes: dict[str, Any] = {}
        if "vulnerabilities" in nodes:
            changes |= self._vulnerabilities(nodes["vulnerabilities"])
        if "licenses" in nodes:
            changes |= self._licenses(nodes["licenses"])
        for key in ("secrets", "misconfiguration"):
            if key in nodes:
                changes[key] = self.r.choice(nodes[key], key, THRESHOLDS)
        if "hidden" in nodes:
            changes["hidden"] = self.r.choice(nodes["hidden"], "hidden", _RESULTS)
        if "no_os_allowed" in nodes:
            changes["no_os_allowed"] = self.r.texts(nodes["no_os_allowed"], "no_os_allowed")
        changes |= self._origins(nodes)
        if "checks" in nodes:
            changes["checks"] = self._choices(nodes["checks"], "checks", ("vuln", "secret", "misconfig", "license"))
        if "require_proof" in nodes:
            changes["require_proof"] = self.r.boolean(nodes["require_proof"], "require_proof")
        if "database_max_age_hours" in nodes:
            node = nodes["database_max_age_hours"]
            changes["database_max_age_hours"] = self.r.integer(node, "database_max_age_hours", 1, 24 * 365)
        if "sla_days" in nodes:
            changes["sla_days"] = self._days(nodes["sla_days"])
        if "exceptions" in nodes:
            entries = self.r.elements(nodes["exceptions"], "exceptions")
            changes["exceptions"] = tuple(self._plain_mapping(entry, "an exception") for entry in entries)
        if "scanners" in nodes:
            changes["scanners"] = self._scanners(nodes["scanners"])
        # A value that was refused is None; its problem is kept, and ends the reading after everything was looked at.
        return replace(policy, **{key: value for key, value in changes.items() if value is not None})

    def _origins(self, nodes: dict[str, yaml.Node]) -> dict[str, Any]:
        """Read where images may come from, and who vouches for them."""
        changes: dict[str, Any] = {}
        if "registries" in nodes:
            changes["registries"] = self.r.texts(nodes["registries"], "registries")
            self._registries(nodes["registries"], changes["registries"])
            if not changes["registries"]:
                fix = "name where images may come from, or leave it out: then it is anywhere"
                self.r.problem("S102", nodes["registries"], "registries is empty", fix)
        if "no_origin_allowed" in nodes:
            changes["no_origin_allowed"] = self._choices(nodes["no_origin_allowed"], "no_origin_allowed", NO_ORIGIN)
        if "signature" in nodes:
            changes["signature"] = self._signature(nodes["signature"])
        if "provenance" in nodes:
            changes["provenance"] = self._provenance(nodes["provenance"])
        return changes

    def _choices(self, node: yaml.Node, what: str, known: tuple[str, ...]) -> tuple[str, ...]:
        found = (self.r.choice(element, what, known) for element in self.r.elements(node, what, single=True))
        return tuple(choice for choice in found if choice)

    def _vulnerabilities(self, node: yaml.Node) -> dict[str, Any]:
        nodes = self.r.mapping(node, "vulnerabilities", ("severity", "unfixed", "unrated", "threats", "grace"))
        changes: dict[str, Any] = {}
        if "severity" in nodes:
            changes["severity"] = self.r.choice(nodes["severity"], "severity", THRESHOLDS)
        for key in ("unfixed", "unrated"):
            if key in nodes:
                changes[key] = self.r.choice(nodes[key], key, _RESULTS)
        if "threats" in nodes:
            changes["threats"] = self._choices(nodes["threats"], "threats", THREATS)
        if "grace" in nodes:
            changes["grace"] = self.r.boolean(nodes["grace"], "grace")
        return changes

    def _licenses(self, node: yaml.Node) -> dict[str, Any]:
        nodes = self.r.mapping(node, "licenses", ("forbidden", "severity"))
        changes: dict[str, Any] = {}
        if "forbidden" in nodes:
            changes["licenses"] = self.r.texts(nodes["forbidden"], "forbidden")
        if "severity" in nodes:
            changes["license_severity"] = self.r.choice(nodes["severity"], "severity", THRESHOLDS)
        return changes

    def _days(self, node: yaml.Node) -> dict[str, int]:
        nodes = self.r.mapping(node, "sla_days", ("KEV", *SEVERITIES))
        days = {key: self.r.integer(value, key, 0, 3650) for key, value in nodes.items()}
        return {key: value for key, value in days.items() if value is not None}

    def _signer(self, node: yaml.Node, what: str, nodes: dict[str, yaml.Node]) -> dict[str, Any]:
        """Read who must have signed, and the keys beside it."""
        keyless = bool({"identity", "identity_regexp"} & set(nodes)) and bool({"issuer", "issuer_regexp"} & set(nodes))
        if ("key" in nodes) == keyless:
            self.r.problem("S102", node, f"{what} needs either key, or identity and issuer", "name one way to verify")
        found: dict[str, Any] = {}
        for key, value in nodes.items():
            text = not key.endswith("_log")
            found[key] = self.r.text(value, key) if text else self.r.boolean(value, key)
            if text and not str(found[key]).strip():
                self.r.problem("S102", value, f"{key} is empty", "write what must hold, or leave it out")
        return found

    def _signature(self, node: yaml.Node) -> dict[str, Any]:
        return self._signer(node, "signature", self.r.mapping(node, "signature", _SIGNATURE))

    def _provenance(self, node: yaml.Node) -> dict[str, Any]:
        nodes = self.r.mapping(node, "provenance", _PROVENANCE)
        found = self._signer(node, "provenance", nodes)
        if not found.get("builder") or not found.get("source"):
            self.r.problem("S102", node, "provenance needs builder and source", "name who builds, and which repository")
        elif not repository_address(found["source"]):
            self.r.problem("S102", nodes["source"], "source is no repository", "write https://github.com/acme/app")
        if "type" in nodes:
            self.r.choice(nodes["type"], "type", TYPES)
        return found

    def _registries(self, node: yaml.Node, named: tuple[str, ...]) -> None:
        for name in named:
            host, *path = name.rstrip("/").split("/")
            if not host or any(not part or part in {".", ".."} or set(part) & set("*?[@") for part in path):
                self.r.problem("S102", node, f"'{name}' is no registry", "write a host, or host/path without a pattern")

    def _plain_mapping(self, node: yaml.Node, what: str) -> dict[str, Any]:
        return {key.value: plain(value) for key, value in self.r.items(node, what)}

    def _scanners(self, node: yaml.Node) -> dict[str, dict[str, Any]]:
        nodes = self.r.mapping(node, "scanners", ("trivy", "grype", "cosign"))
        found = {}
        for name, value in nodes.items():
            parts = self.r.mapping(value, name, ("path", "sha256", "version"), ("path",))
            tool: dict[str, Any] = {}
            for key, part in parts.items():
                tool[key] = list(self.r.texts(part, key)) if key == "sha256" else self.r.text(part, key)
            found[name] = tool
        return found
