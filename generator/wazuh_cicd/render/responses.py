"""Bindings of rules to active responses, as ``ossec.conf`` wants them (``docs/active-response.md``).

One fragment, and so one switch, an action; none is installed unless asked for. A block is left out rather than
disabled: a disabled one that stands last switches every response of the manager off. Rules that are less sure than
their action needs (``CONFIDENCE_NEEDED``) are never bound: their response is a hint for the analyst.
"""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from wazuh_cicd.spec.links import is_sure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.spec.model import SpecSet

# Seconds that an effect lasts; None: nothing to undo. A container that was taken out of service by night is still so
# when somebody comes to look at it.
TIMEOUTS: Mapping[str, int | None] = {"block-ip": 600, "quarantine-container": 43200, "scan-image": None}
# Characters of the locations that a command's name shows.
_LONGEST = 32
# What tells one command from another: the field with the address, seconds, minutes of repeated offenders, origins.
Call = tuple[str, "int | None", tuple[int, ...], tuple[str, ...]]


def command_name(action: str, field: str) -> str:
    """The command's name. Wazuh appends the timeout to it, so it must not end in a digit."""
    name = f"cicd-{action}" + (f"-{re.sub(r'[^A-Za-z0-9]', '-', field)}" if field else "")
    return f"{name}-field" if name[-1].isdigit() else name


def _short(text: str) -> str:
    """A part of a command's name that stays readable; the rest becomes a hash, so that names stay apart."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}-{sha256(text.encode()).hexdigest()[:6]}"


def bindings(specs: SpecSet, ids: Ids) -> dict[str, dict[Call, list[int]]]:
    """The rules of each action, by the call that they make."""
    bound: dict[str, dict[Call, list[int]]] = {}
    for rule in specs.rules:
        response = rule.response
        if response is None or rule.forgeable or rule.level == 0 or not is_sure(response):
            continue
        field = response.arguments.get("address", "") if response.action == "block-ip" else ""
        timeout = TIMEOUTS[response.action] if response.timeout is None else response.timeout
        call = (field, timeout, response.repeated if timeout else (), tuple(sorted(response.origins)))
        bound.setdefault(response.action, {}).setdefault(call, []).append(ids.of(rule.name))
    return {action: dict(sorted(calls.items(), key=str)) for action, calls in sorted(bound.items())}


def calls_of(action: str, calls: Mapping[Call, list[int]]) -> list[dict[str, object]]:
    """One dictionary a command for the template: name, executable, arguments, times and the rules' ids."""
    out: list[dict[str, object]] = []
    names = Counter(command_name(action, field) for field, _, _, _ in calls)
    for (field, timeout, repeated, origins), numbers in calls.items():
        name = command_name(action, field)
        if names[name] > 1 and origins:
            name += f"-from-{_short(re.sub(r'[^A-Za-z0-9]+', '-', '-'.join(origins)).strip('-'))}"
        if timeout != TIMEOUTS[action]:
            name += f"-for-{timeout}s"
        if repeated:
            name += f"-then-{'-'.join(map(str, repeated))}m"
        if name[-1].isdigit():
            name += "-field"
        arguments = [f"address={field}"] if field else []
        if timeout is not None:
            arguments.append(f"timeout={timeout}")
        if repeated and action == "block-ip":
            arguments.append(f"longest={max(repeated) * 60}")  # the kernel must not end it before execd does
        arguments += [f"from={origin}" for origin in origins]
        out.append(
            {
                "name": name,
                "executable": f"cicd-{action}",
                "arguments": " ".join(arguments),
                "timeout": timeout,
                "repeated": ",".join(map(str, repeated)),
                "rules": ",".join(map(str, sorted(numbers))),
            }
        )
    return out
