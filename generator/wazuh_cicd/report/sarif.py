"""SARIF 2.1.0, the form in which code scanning takes results.

Facts: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wazuh_cicd import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def log(
    tool: str,
    rules: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    invocation: Mapping[str, Any] | None = None,
) -> str:
    """A log with one run.

    Args:
        tool: the name that the reader shows.
        rules: ``reportingDescriptor`` objects.
        results: see ``result``.
        invocation: how the run ended; for a tool that may be unable to judge.
    """
    driver = {"name": tool, "version": __version__, "semanticVersion": __version__, "rules": list(rules)}
    run: dict[str, Any] = {"tool": {"driver": driver}}
    if invocation is not None:
        run["invocations"] = [dict(invocation)]
    run |= {"columnKind": "unicodeCodePoints", "results": list(results)}
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def result(rules: Mapping[str, int], rule: str, level: str, text: str) -> dict[str, Any]:
    """What every result has; ``rules`` gives each rule's number in the log. A text cannot bring a link along."""
    plain = re.sub(r"[\\\[\]]", r"\\\g<0>", text)  # section 3.11.6
    return {"ruleId": rule, "ruleIndex": rules[rule], "level": level, "message": {"text": plain}}


def location(path: str, line: int = 0, column: int = 0) -> dict[str, Any]:
    """A place in a file; ``line`` and ``column`` count from 1, and 0 means the whole file or line."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path)}}
    if line:
        physical["region"] = {"startLine": line, **({"startColumn": column} if column else {})}
    return {"physicalLocation": physical}
