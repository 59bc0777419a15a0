"""The bindings of rules to active responses, as ``ossec.conf`` wants them (``docs/active-response.md``).

One switch an action. A block is left out rather than disabled: a disabled one that stands last switches every response
of the manager off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.render import Package

# Seconds that each effect lasts, repeated to the program: Wazuh never tells it.
TIMEOUTS: Mapping[str, int | None] = {"block-ip": 600, "quarantine-container": 3600, "scan-image": None}


def command_name(action: str, field: str) -> str:
    """The command's name; Wazuh appends the timeout to it, so it must not end in a digit."""
    name = f"cicd-{action}" + (f"-{re.sub(r'[^A-Za-z0-9]', '-', field)}" if field else "")
    return f"{name}-field" if name[-1].isdigit() else name


def fragments(package: Package) -> dict[str, bytes]:
    """The ``<command>`` and ``<active-response>`` elements of each action that a rule of the package names."""
    bound: dict[str, dict[str, list[int]]] = {}
    for rule in package.specs.rules:
        if rule.response is not None:
            field = rule.response.arguments.get("address", "") if rule.response.action == "block-ip" else ""
            bound.setdefault(rule.response.action, {}).setdefault(field, []).append(package.rule_id(rule.name))
    return {action: _elements(action, fields).encode() for action, fields in sorted(bound.items())}


def _elements(action: str, fields: Mapping[str, list[int]]) -> str:
    timeout = TIMEOUTS.get(action)
    commands, responses = [], []
    for field, ids in sorted(fields.items()):
        name = command_name(action, field)
        arguments = " ".join(
            filter(None, [f"address={field}" if field else "", f"timeout={timeout}" if timeout is not None else ""])
        )
        commands.append(
            f"  <command>\n    <name>{name}</name>\n    <executable>cicd-{escape(action)}</executable>\n"
            + (f"    <extra_args>{arguments}</extra_args>\n" if arguments else "")
            + f"    <timeout_allowed>{'no' if timeout is None else 'yes'}</timeout_allowed>\n  </command>\n"
        )
        responses.append(
            f"  <active-response>\n    <command>{name}</command>\n    <location>local</location>\n"
            f"    <rules_id>{','.join(map(str, sorted(ids)))}</rules_id>\n"
            + (f"    <timeout>{timeout}</timeout>\n" if timeout is not None else "")
            + "  </active-response>\n"
        )
    return "".join([*commands, *responses])
