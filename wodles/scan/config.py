"""The configuration file, checked and completed with the defaults."""

import json
import os
from typing import Any, Dict, NamedTuple, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.files import read_trusted
from wodles.scan.text import clean
from wodles.scan.values import RANK, SEVERITIES, as_texts

DEFAULT_CONFIG = "/var/ossec/etc/cicd/scan.json"


class Config(NamedTuple):
    """The whole configuration; ``docs/scanning.md`` says what each key means.

    A scanner is its object of ``path``, ``sha256`` and ``version``, empty when it is not configured.
    """

    trivy: Dict[str, Any] = {}
    grype: Dict[str, Any] = {}
    cosign: Dict[str, Any] = {}
    allow_unpinned: bool = False
    engine: str = "docker"
    docker_socket: str = "/var/run/docker.sock"
    containerd_socket: str = "/run/containerd/containerd.sock"
    containerd_namespaces: Tuple[str, ...] = ()
    crictl: str = "/usr/local/bin/crictl"
    ctr: str = "/usr/bin/ctr"
    running_only: bool = False
    directories: Tuple[str, ...] = ()
    archives: Tuple[str, ...] = ()
    registry: Tuple[str, ...] = ()
    reports: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    checks: Tuple[str, ...] = ("vuln", "secret", "misconfig")
    dependencies: bool = False
    severity_floor: str = "MEDIUM"
    no_os_allowed: Tuple[str, ...] = ()
    trusted_registries: Tuple[str, ...] = ()
    signatures: Tuple[Dict[str, Any], ...] = ()
    sla_days: Dict[str, int] = {"KEV": 7, "CRITICAL": 7, "HIGH": 30, "MEDIUM": 90, "LOW": 180}
    overdue_repeat_days: int = 7
    exceptions: str = ""
    kev_catalog: str = ""
    ignore_file: str = ""
    vex: Tuple[str, ...] = ()
    database_update: bool = True
    database_max_age_hours: int = 24
    database_repository: str = ""
    java_database_repository: str = ""
    image_seconds: int = 600
    run_seconds: int = 3000
    events_per_run: int = 5000
    report_bytes: int = 256 << 20
    cache_directory: str = "/var/ossec/var/cicd/scan-cache"
    state_directory: str = "/var/ossec/var/cicd/scan"
    queue_directory: str = "/var/ossec/queue/cicd/scan-queue"
    forget_days: int = 30
    proxy: str = ""
    docker_config: str = ""

    def tool(self, name: str) -> Dict[str, Any]:
        """Return a scanner's part, by its name."""
        return {"trivy": self.trivy, "grype": self.grype, "cosign": self.cosign}[name]

    def cache(self, name: str) -> str:
        """Return a scanner's cache directory."""
        return os.path.join(self.cache_directory, name)

    def scanners(self) -> Tuple[str, ...]:
        """Return the names of the scanners that are configured."""
        return tuple(name for name in ("trivy", "grype") if self.tool(name))


DEFAULTS = Config()

CHECKS = ("vuln", "secret", "misconfig", "license")
_TOOL_KEYS = {"path": (str,), "sha256": (str, list), "version": (str,)}
_SIGNATURE_KEYS = (
    "images",
    "key",
    "identity",
    "identity_regexp",
    "issuer",
    "issuer_regexp",
    "transparency_log",
    "certificate_log",
    "trusted_root",
)


def check_config(given: object) -> Config:
    """Complete a configuration with the defaults; raises ``ScanError`` config with the first thing that is wrong."""
    if not isinstance(given, dict):
        raise ScanError("config", "the configuration is not a JSON object")
    config = DEFAULTS._replace(**{key: _checked_value(key, value) for key, value in given.items()})
    for name in ("trivy", "grype", "cosign"):
        _check_tool(name, config)
    _check_choices(config)
    for key, days in config.sla_days.items():
        if key not in ("KEV",) + SEVERITIES or not _whole_number(days):
            raise ScanError("config", "'sla_days' must map KEV or a severity to a number of days")
    for rule in config.signatures:
        _check_signature_rule(rule)
    return config


def _checked_value(key: str, value: Any) -> Any:
    """Check the type of one value; lists become tuples."""
    if key not in Config._fields:
        raise ScanError("config", "unknown key '%s'" % clean(key, 60))
    default = getattr(DEFAULTS, key)
    wanted = list if isinstance(default, tuple) else type(default)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ScanError("config", "'%s' must be a %s" % (key, wanted.__name__))
    if isinstance(value, int) and value < 0:
        raise ScanError("config", "'%s' must not be negative" % key)
    if wanted is not list:
        return value
    if key != "signatures" and not all(isinstance(item, str) for item in value):
        raise ScanError("config", "'%s' must hold strings" % key)
    return tuple(value)


def _check_tool(name: str, config: Config) -> None:
    tool = config.tool(name)
    for key, value in tool.items():
        if key not in _TOOL_KEYS or not isinstance(value, _TOOL_KEYS[key]):
            raise ScanError("config", "'%s.%s' is unknown or of the wrong type" % (name, clean(key, 40)))
    if tool and not str(tool.get("path", "")).startswith("/"):
        raise ScanError("config", "'%s.path' must be an absolute path" % name)
    if tool and not tool.get("sha256") and not config.allow_unpinned:
        raise ScanError("config", "'%s.sha256' must pin the binary (or set allow_unpinned)" % name)


def _check_choices(config: Config) -> None:
    if config.engine not in ("docker", "cri", "containerd", "none"):
        raise ScanError("config", "'engine' must be docker, cri, containerd or none")
    for key, path in (("crictl", config.crictl), ("ctr", config.ctr)):
        if not path.startswith("/"):
            raise ScanError("config", "'%s' must be an absolute path" % key)
    if config.severity_floor not in RANK:
        raise ScanError("config", "'severity_floor' must be one of " + ", ".join(SEVERITIES))
    unknown = [check for check in config.checks if check not in CHECKS]
    if unknown or not config.checks:
        raise ScanError("config", "'checks' must hold some of " + ", ".join(CHECKS))


def _whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_signature_rule(rule: object) -> None:
    if (
        not isinstance(rule, dict)
        or any(key not in _SIGNATURE_KEYS for key in rule)
        or not as_texts(rule.get("images"))
    ):
        raise ScanError("config", "a rule of 'signatures' needs images and one of key or identity, and nothing unknown")
    for key, value in rule.items():
        if key != "images" and not isinstance(value, bool if key.endswith("_log") else str):
            raise ScanError("config", "'signatures.%s' is of the wrong type" % key)
    keyless = bool(rule.get("identity") or rule.get("identity_regexp")) and bool(
        rule.get("issuer") or rule.get("issuer_regexp")
    )
    if bool(rule.get("key")) == keyless:
        raise ScanError("config", "a rule of 'signatures' needs either key, or identity and issuer")


def load_config(path: str) -> Config:
    """Read a configuration file that only its owner, or root, may write.

    Raises ``ScanError`` config, with the file's name, and the line where it is not JSON.
    """
    name = clean(path, 200)
    data = read_trusted(path, "the configuration", 1 << 20)
    try:
        given = json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        place = "%s:%d:%d" % (name, error.lineno, error.colno)
        raise ScanError("config", place + ": the configuration is not JSON") from None
    except (ValueError, RecursionError):
        raise ScanError("config", name + ": the configuration is not JSON") from None
    try:
        return check_config(given)
    except ScanError as error:
        raise ScanError(error.reason, "%s: %s" % (name, error.detail)) from None
