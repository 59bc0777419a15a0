"""How long alerts are kept: policies for Index State Management of OpenSearch 2.x, which the Wazuh indexer brings.

``docs/retention.md`` says which regime asks for which, and how one is put in place.
"""

from __future__ import annotations

from typing import Any

#: By name: days in which everything is searched daily, then days after which an index is deleted.
POLICIES = {"retention-1-year": (90, 366), "retention-6-years": (90, 6 * 366)}
_INDICES = ("wazuh-alerts-4.x-*", "wazuh-archives-4.x-*")
_PRIORITY = 50


def policies() -> dict[str, dict[str, Any]]:
    """Each policy as it is sent: ``PUT _plugins/_ism/policies/NAME``."""
    return {f"wazuh-cicd-{name}": _policy(hot, kept) for name, (hot, kept) in POLICIES.items()}


def _policy(hot: int, kept: int) -> dict[str, Any]:
    return {
        "policy": {
            "description": f"wazuh-cicd: writable for {hot} days, then read-only, deleted after {kept} days",
            "default_state": "hot",
            "states": [
                {"name": "hot", "actions": [], "transitions": [_after("kept", hot)]},
                {
                    "name": "kept",
                    "actions": [{"read_only": {}}, {"force_merge": {"max_num_segments": 1}}],
                    "transitions": [_after("gone", kept)],
                },
                {"name": "gone", "actions": [{"delete": {}}], "transitions": []},
            ],
            "ism_template": [{"index_patterns": list(_INDICES), "priority": _PRIORITY}],
        }
    }


def _after(state: str, days: int) -> dict[str, Any]:
    return {"state_name": state, "conditions": {"min_index_age": f"{days}d"}}
