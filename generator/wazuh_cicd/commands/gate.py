"""Pass or fail a pipeline on what the scanners found.

Scans an image, a directory or an archive, or takes an existing report (Trivy JSON, Grype JSON, SARIF, CycloneDX), and
holds it against a policy. Exit codes: 0 pass, 10 policy, 20 scanner, 30 signature or registry, 2 wrong use; only 0 lets
a build through.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate import evidence
from wazuh_cicd.gate.judge import Judge
from wazuh_cicd.gate.policy import load_policy
from wazuh_cicd.gate.profiles import PROFILES
from wazuh_cicd.gate.scans import KINDS, Options, scan_all
from wazuh_cicd.report.gate import FORMATS, as_table
from wazuh_cicd.report.tables import wants_colour

if TYPE_CHECKING:
    import argparse

_SUBJECTS = {
    "image": "an image of the local Docker engine, by tag or id",
    "registry": "an image reference, scanned in its registry",
    "archive": "an image archive (docker save)",
    "directory": "a directory: dependencies, secrets, misconfiguration",
    "sbom": "an SBOM (CycloneDX or SPDX JSON), scanned by Trivy or Grype",
    "report": "an existing report: Trivy or Grype JSON, SARIF, CycloneDX",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}", action="append", default=[], metavar="X", help=f"{_SUBJECTS[kind]}; repeatable"
        )
    parser.add_argument("--policy", type=Path, help="YAML file, see docs/gate.md (default: the profile as it is)")
    parser.add_argument("--profile", choices=tuple(PROFILES), help="named policy to start from (default: default)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="of standard output (default: text)")
    parser.add_argument(
        "--write",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="also write this format to a file; repeatable",
    )
    parser.add_argument(
        "--history", type=Path, help="JSON file that remembers when findings were first seen (for SLAs)"
    )
    parser.add_argument("--event", type=Path, help="append the verdict as an event to this file")
    parser.add_argument("--event-socket", type=Path, help="send the verdict to this Wazuh queue socket")
    parser.add_argument("--cache", type=Path, help="databases and layers (default: ~/.cache/wazuh-cicd/scan)")
    parser.add_argument("--no-update", action="store_true", help="do not update the vulnerability databases")
    parser.add_argument("--kev", type=Path, help="CISA's catalogue of known exploited vulnerabilities (JSON)")
    parser.add_argument("--docker-socket", default="/var/run/docker.sock", help="default: %(default)s")
    parser.add_argument("--docker-config", default="", help="folder with the registry logins (config.json)")
    parser.add_argument(
        "--timeout", type=int, default=900, metavar="S", help="seconds for each scan (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Scan, judge, write; returns the gate's exit code."""
    subjects = [(kind, value) for kind in KINDS for value in getattr(args, kind)]
    if not subjects:
        raise UsageError("nothing to judge: name one of " + ", ".join(f"--{kind}" for kind in KINDS))
    writes = [_write_option(text) for text in args.write]
    policy = load_policy(args.policy, args.profile)
    history = _read_history(args.history) if args.history else None
    judge = Judge(policy, history)
    options = Options(
        cache=args.cache or Path.home() / ".cache" / "wazuh-cicd" / "scan",
        docker_socket=args.docker_socket,
        docker_config=args.docker_config,
        kev_catalog=str(args.kev) if args.kev else "",
        seconds=args.timeout,
        update=not args.no_update,
    )
    verdict = judge.verdict(scan_all(subjects, policy, options))
    sys.stdout.write(
        as_table(verdict, colour=wants_colour()) if args.format == "text" else FORMATS[args.format](verdict)
    )
    for name, path in writes:
        _write(path, FORMATS[name](verdict))
    if args.history:
        _write(args.history, json.dumps(history, sort_keys=True) + "\n")
    lines = evidence.events(verdict)
    if args.event:
        evidence.append(args.event, lines)
    if args.event_socket:
        evidence.send(args.event_socket, lines)
    return verdict.code


def _write_option(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path or name not in FORMATS:
        raise UsageError(f"--write {text}: write FORMAT=FILE, with a format of {', '.join(FORMATS)}")
    return name, Path(path)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _read_history(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: the history cannot be read; remove it to start anew") from error
    if not isinstance(content, dict) or not all(type(value) is int for value in content.values()):
        raise UsageError(f"{path}: the history must map findings to seconds; remove it to start anew")
    return content
