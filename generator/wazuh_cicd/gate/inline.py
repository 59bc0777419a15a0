"""Comments in a source tree that tell Trivy to ignore a misconfiguration: it leaves no trace of them in its report."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from wazuh_cicd.gate.pipelines import SKIPPED, unreadable
from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding
from wodles.scan.text import clean

if TYPE_CHECKING:
    from pathlib import Path

_FILES = re.compile(
    r"(?:(?:[\w.-]+\.)?(?:Dockerfile|Containerfile)(?:\.[\w.-]+)?"
    r"|.*\.(?:tf|tofu|hcl|ya?ml|tpl|template|dockerfile))\Z",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"(?:trivy|tfsec):ignore:(?P<id>[\w*.-]+)", re.IGNORECASE)
_LARGEST = 8 << 20


def ignored_inline(directory: Path) -> list[Finding]:
    """Find the comments, each as a hidden finding; raises ``ScanError`` for a file that cannot be read."""
    found = []
    root = str(directory)
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            path = os.path.join(folder, name)  # noqa: PTH118 -- as os.walk gives it
            if not _FILES.match(name) or os.path.islink(path) or not os.path.isfile(path):  # noqa: PTH113, PTH114
                continue
            try:
                with open(path, "rb") as stream:  # noqa: PTH123 -- any name that os.walk gives
                    text = stream.read(_LARGEST).decode("utf-8", "replace")
            except OSError as error:
                raise ScanError("no_proof", f"a file cannot be read: {error.strerror}") from None
            for number, line in enumerate(text.splitlines() if ":ignore:" in text.lower() else (), 1):
                found += [
                    Finding(
                        kind="misconfiguration",
                        id=clean(match["id"], 80),
                        severity="UNKNOWN",
                        scanner="wazuh-cicd",
                        title="inline comment",
                        target=clean(os.path.relpath(path, root)),
                        lines=str(number),
                    )
                    for match in _COMMENT.finditer(line)
                ]
    return found
