"""Operators that really ran against a real API server stay quiet."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

RECORDED = Path(__file__).parents[1] / "samples" / "kubernetes" / "operators-1.36.jsonl"


def test_recorded_operators_and_controllers_are_quiet():
    specs = load_specs()
    now = [0.0]
    session = assemble([], package=render_package(specs).ruleset_files()).session(clock=lambda: now[0])
    judged = []
    for line in RECORDED.read_bytes().splitlines():
        now[0] = datetime.fromisoformat(json.loads(line)["stageTimestamp"].replace("Z", "+00:00")).timestamp()
        verdict = session.process(line, "/var/log/kubernetes/audit.log")
        judged.append((verdict.level, specs.by_id[verdict.rule.id].name if verdict.rule is not None else ""))
    assert len(judged) > 200
    assert Counter(name for level, name in judged if level > 5) == {}
    assert {name for level, name in judged if level >= 3} == {"k8s-operator-lists-secrets"}
