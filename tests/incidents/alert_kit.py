"""Alerts for tests, as a manager writes them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wazuh_cicd.incidents.analysis import Analysis
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_cicd.incidents.model import Report

NOON = 1_767_787_200
_SPECS = None


def specs():
    global _SPECS  # noqa: PLW0603 - they take two seconds
    _SPECS = _SPECS or load_specs()
    return _SPECS


def alert(
    rule: str = "111150", level: int = 12, *, after: int = 0, title: str = "", agent=("000", "manager"), **data: Any
):
    """One alert, so many seconds after noon."""
    when = datetime.fromtimestamp(NOON + after, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.123+0000")
    about = {"id": rule, "level": level, "description": title or f"title of {rule}", "groups": ["cicd"]}
    return {
        "timestamp": when,
        "rule": {**about, "mitre": {"id": ["T1562.001"], "tactic": ["Defense Evasion"]}, "pci_dss": ["10.2.7"]},
        "agent": {"id": agent[0], "name": agent[1]},
        "id": f"{NOON + after}.1",
        "data": data,
    }


def github(
    actor: str = "mallory", repo: str = "acme/app", address: str = "203.0.113.66", **fields: Any
) -> dict[str, Any]:
    return {"github": {"actor": actor, "repo": repo, "actor_ip": address, **fields}}


def report_of(alerts: Iterable[dict[str, Any]], **options: Any) -> Report:
    analysis = Analysis(specs(), **options)
    analysis.take(alerts)
    return analysis.report(NOON)


def lines(alerts: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in alerts)
