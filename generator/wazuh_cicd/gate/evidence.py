"""The verdict as an event for Wazuh, so that what was let through, by which policy, is on record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.gate.judge import PASS, POLICY, SCANNER, SUPPLY_CHAIN, summary_counts
from wazuh_cicd.manager.sockets import enqueue
from wodles.scan.events import encode_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wazuh_cicd.gate.judge import Verdict
    from wazuh_cicd.gate.scans import Scan

_REASONS = {PASS: "pass", POLICY: "policy", SCANNER: "scanner", SUPPLY_CHAIN: "supply-chain"}
# Where each CI says who runs what: the first variable that is set wins.
_CONTEXT = {
    "repository": ("GITHUB_REPOSITORY", "CI_PROJECT_PATH", "JOB_NAME"),
    "commit": ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"),
    "pipeline": ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_NUMBER"),
    "actor": ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID"),
}


def events(verdict: Verdict, environment: Mapping[str, str] | None = None) -> list[bytes]:
    """Write one event an artifact, each a line of at most 8 KiB in the scanner's envelope."""
    environment = os.environ if environment is None else environment
    context = [
        (key, next((environment[n] for n in names if environment.get(n)), "")) for key, names in _CONTEXT.items()
    ]
    return [_event(verdict, scan, context) for scan in verdict.scans]


def _event(verdict: Verdict, scan: Scan, context: list[tuple[str, str]]) -> bytes:
    decisions = [d for d in verdict.decisions if d.scan is scan]
    counts = summary_counts(decisions)
    worst = ", ".join(dict.fromkeys(d.issue.id for d in decisions if d.result == "fail"))
    problems = ", ".join(dict.fromkeys(p.reason for p in scan.problems))
    fields = [
        ("verdict", "pass" if verdict.code == PASS else "fail"),
        ("reason", _REASONS[verdict.code]),
        ("code", verdict.code),
        ("profile", verdict.policy.profile),
        ("artifact", scan.artifact),
        ("digest", scan.digest),
        ("vulnerabilities", counts["vulnerability"]),
        ("secrets", counts["secret"]),
        ("others", counts["misconfiguration"] + counts["license"] + counts["end-of-life"]),
        ("excused", sum(d.result == "excused" for d in decisions)),
        ("hidden", scan.hidden),
        ("problems", problems or worst),
        *context,
    ]
    return encode_event("gate", fields)


def append(path: Path, lines: list[bytes]) -> None:
    """Append events to a file that a Wazuh agent reads; raises ``UsageError``."""
    try:
        with path.open("ab") as stream:
            stream.write(b"".join(lines))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def send(path: Path, lines: list[bytes]) -> None:
    """Send events to the queue of the Wazuh agent on this host (``queue/sockets/queue``); raises ``Unreachable``."""
    enqueue(path, "cicd-gate", lines)
