"""What wazuh-analysisd 4.14 does to one event, without a manager.

    ruleset = load_ruleset([Path("/var/ossec")])            # or RulesetFiles(decoders=..., rules=..., lists=...)
    session = ruleset.session()
    verdict = session.process('{"integration": "github"}', "github")
    verdict.rule_id, verdict.alert, verdict.output          # as the manager's logtest answers

Nothing here knows about our specs: it reads Wazuh XML, anybody's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_cicd.engine.judge.explain import Explanation, Step
    from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles, read_folder
    from wazuh_cicd.engine.load.messages import LoadMessage
    from wazuh_cicd.engine.ruleset import Ruleset, RulesetLoadError, load_ruleset
    from wazuh_cicd.engine.session import Session, Verdict

__all__ = [
    "EngineOptions",
    "Explanation",
    "LoadMessage",
    "Ruleset",
    "RulesetFiles",
    "RulesetLoadError",
    "Session",
    "Step",
    "Verdict",
    "load_ruleset",
    "read_folder",
]

_HOMES = {
    "EngineOptions": "load.files",
    "Explanation": "judge.explain",
    "LoadMessage": "load.messages",
    "Ruleset": "ruleset",
    "RulesetFiles": "load.files",
    "RulesetLoadError": "ruleset",
    "Session": "session",
    "Step": "judge.explain",
    "Verdict": "session",
    "load_ruleset": "ruleset",
    "read_folder": "load.files",
}


def __getattr__(name: str) -> object:
    """Import a name of the public face when it is first used: most commands need only some of the engine."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
