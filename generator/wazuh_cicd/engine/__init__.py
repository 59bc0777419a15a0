"""What wazuh-analysisd 4.14 does to one event, without a manager.

    ruleset = load_ruleset([Path("/var/ossec")])            # or RulesetFiles(decoders=..., rules=..., lists=...)
    session = ruleset.session()
    verdict = session.process('{"integration": "github"}', "github")
    verdict.rule_id, verdict.alert, verdict.output          # as the manager's logtest answers

Nothing here knows about our specs: it reads Wazuh XML, anybody's.
"""

from __future__ import annotations

from wazuh_cicd.engine.judge.explain import Explanation, Step
from wazuh_cicd.engine.judge.verdict import Verdict
from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles, read_folder
from wazuh_cicd.engine.load.messages import LoadMessage
from wazuh_cicd.engine.ruleset import RulesetLoadError, load_ruleset
from wazuh_cicd.engine.session import Ruleset, Session

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
