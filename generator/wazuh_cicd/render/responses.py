"""Bindings of rules to active responses, as ``ossec.conf`` wants them (``docs/active-response.md``).

One fragment, and so one switch, an action; none is installed unless asked for. A block is left out rather than
disabled: a disabled one that stands last switches every response of the manager off. Rules whose confidence is ``low``
are never bound: their response is a hint for the analyst.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from wazuh_cicd.content.paths import content_root
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.spec.model import SpecSet

# Seconds that an effect lasts; None: nothing to undo.
TIMEOUTS: Mapping[str, int | None] = {"block-ip": 600, "quarantine-container": 3600, "scan-image": None}
BOUND = ("medium", "high")


def command_name(action: str, field: str) -> str:
    """The command's name. Wazuh appends the timeout to it, so it must not end in a digit."""
    name = f"cicd-{action}" + (f"-{re.sub(r'[^A-Za-z0-9]', '-', field)}" if field else "")
    return f"{name}-field" if name[-1].isdigit() else name


def bindings(specs: SpecSet, ids: Ids) -> dict[str, dict[tuple[str, int | None], list[int]]]:
    """The rules of each action, by the field with the address and the timeout in seconds."""
    bound: dict[str, dict[tuple[str, int | None], list[int]]] = {}
    for rule in specs.rules:
        response = rule.response
        if response is None or rule.forgeable or rule.level == 0 or response.arguments["confidence"] not in BOUND:
            continue
        field = response.arguments.get("address", "") if response.action == "block-ip" else ""
        timeout = TIMEOUTS[response.action] if response.timeout is None else response.timeout
        bound.setdefault(response.action, {}).setdefault((field, timeout), []).append(ids.of(rule.name))
    return {action: dict(sorted(calls.items(), key=str)) for action, calls in sorted(bound.items())}


def calls_of(action: str, calls: Mapping[tuple[str, int | None], list[int]]) -> list[dict[str, object]]:
    """One dictionary a command for the template: name, executable, arguments, timeout and the rules' ids."""
    out: list[dict[str, object]] = []
    for (field, timeout), numbers in calls.items():
        name = command_name(action, field)
        if timeout != TIMEOUTS[action]:
            name += f"-for-{timeout}s"
        arguments = [f"address={field}"] if field else []
        if timeout is not None:
            arguments.append(f"timeout={timeout}")
        out.append(
            {
                "name": name,
                "executable": f"cicd-{action}",
                "arguments": " ".join(arguments),
                "timeout": timeout,
                "rules": ",".join(map(str, sorted(numbers))),
            }
        )
    return out


@cache
def programs() -> Mapping[str, bytes]:
    """The programs that a manager runs, by their path below ``manager/`` (agents: ``content.agents``)."""
    try:
        root = content_root()
    except UsageError:
        return {}
    found = {}
    for folder, target in (("active_response", "active-response/bin"), ("wodles", "wodles/cicd")):
        for path in sorted((root / folder).glob("cicd-*")):
            if path.is_file():
                found[f"{target}/{path.name}"] = path.read_bytes()
    return found
