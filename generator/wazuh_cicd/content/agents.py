"""What agents get: group configurations, SCA policies, audit rules, programs and how they are brought there.

The manager hands out what lies in ``etc/shared/GROUP`` by itself; programs it cannot hand out. They travel in the same
folder with their checksums and a script that verifies and copies them (``docs/deployment.md``).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.content.programs import programs
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


def agent_files() -> dict[str, bytes]:
    """Everything below ``build/agent``, by path from ``agent/`` on; deterministic.

    Raises:
        UsageError: a group names a program that is not there.
    """
    files = {f"agent/{path}": data for path, data in programs().items()}
    for group, policies in POLICIES.items():
        text = (DATA / "groups" / group / "agent.conf").read_text(encoding="utf-8")
        files[f"agent/etc/shared/{group}/agent.conf"] = _HASH.sub(lambda match: _hash(match[1]), text).encode()
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


def _hash(path: str) -> str:
    if path not in programs():
        raise UsageError(f"a group's agent.conf names a program that is not there: {path}")
    return hashlib.sha256(programs()[path]).hexdigest()
