"""What agents get: group configurations, SCA policies, audit rules, programs and how they are brought there.

The manager hands out what lies in ``etc/shared/GROUP`` by itself; programs it cannot hand out. They travel in the same
folder with their checksums and a script that verifies and copies them (``docs/deployment.md``).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.content.paths import content_root
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).resolve().parent.parent / "_agent"
# The policies that each group's agent.conf names.
POLICIES: Mapping[str, tuple[str, ...]] = {
    "build-servers": (),
    "github-runners": ("cicd_github_runner.yml",),
    "jenkins-controllers": ("cicd_jenkins.yml",),
    "docker-hosts": ("cicd_docker.yml",),
    "kubernetes-control-plane": ("cicd_kubernetes.yml",),
    "vault-servers": (),
}
_OWN = ("groups", "sca", "audit")
_HASH = re.compile(r"@sha256:([\w./-]+)@")
# Folders whose files may be run, in the package and on an agent.
_PROGRAMS = {"active_response": "active-response/bin", "wodles": "wodles/cicd"}


def agent_files(root: Path | None = None) -> dict[str, bytes]:
    """Everything below ``build/agent``, by path from ``agent/`` on; deterministic.

    Args:
        root: see ``content_root``.

    Raises:
        UsageError: a group names a program that is not there.
    """
    root = root or content_root()
    files: dict[str, bytes] = {}
    for folder, place in _PROGRAMS.items():
        for program in sorted((root / folder).glob("cicd-*")):
            if program.is_file():
                files[f"agent/{place}/{program.name}"] = program.read_bytes()
    for group, policies in POLICIES.items():
        text = (DATA / "groups" / group / "agent.conf").read_text(encoding="utf-8")
        files[f"agent/etc/shared/{group}/agent.conf"] = _HASH.sub(lambda m: _hash(root, m[1]), text).encode()
        for policy in policies:
            files[f"agent/etc/shared/{group}/{policy}"] = (DATA / "sca" / policy).read_bytes()
    for rules in sorted((DATA / "audit").glob("*.rules")):
        files[f"agent/cicd/audit/{rules.name}"] = rules.read_bytes()
    for found in sorted(DATA.rglob("*")):
        relative = found.relative_to(DATA)
        if found.is_file() and relative.parts[0] not in _OWN and found.suffix != ".pyc":
            files[f"agent/cicd/{relative.as_posix()}"] = found.read_bytes()
    sums = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {path.removeprefix('agent/')}\n" for path, data in sorted(files.items())
    )
    files["agent/cicd/SHA256SUMS"] = sums.encode()
    return dict(sorted(files.items()))


def _hash(root: Path, path: str) -> str:
    try:
        return hashlib.sha256((root / path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{root / path}: {error.strerror}; a group's agent.conf names it") from error
