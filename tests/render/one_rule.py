"""Running one condition on events through the whole of spec, render and engine."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import RulesetFiles, load_ruleset
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEAD = """\
source: github
parent: {stock: 91100}
event: {location: github, envelope: {integration: github}}
defaults: {mitre: [T1562.001], compliance: [nist_800_53_CM.3], why: x, triage: [x], false_positives: [x]}
rules:
"""
TESTS = "    tests: [{fires: {github.a: x}}, {silent: {github.a: y}}]\n"
RULE = 111900


def rule_text(conditions: Mapping[str, Any]) -> str:
    """One rule in YAML (of which JSON is a part)."""
    lines = [f"  - id: {RULE}", "    name: tested", "    level: 5", "    title: $(github.a)"]
    lines += [f"    {key}: {json.dumps(value, ensure_ascii=True)}" for key, value in conditions.items()]
    return "\n".join(lines) + "\n" + TESTS


def run(
    conditions: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]],
    *,
    lists: Mapping[str, str] | None = None,
    top_level: bool = False,
) -> list[bool]:
    """Whether the rule with these conditions takes each event (fields below ``github``, or at the top)."""
    with TemporaryDirectory() as place:
        root = Path(place)
        (root / "rules" / "github").mkdir(parents=True)
        (root / "tests").mkdir()
        (root / "rules" / "github" / "x.yml").write_text(HEAD + rule_text(conditions), "utf-8")
        for name, text in (lists or {}).items():
            (root / "lists").mkdir(exist_ok=True)
            (root / "lists" / f"{name}.yml").write_text(text, "utf-8")
        ruleset = ruleset_of(render_package(load_specs(root)))
    session = ruleset.session()
    taken = []
    for event in events:
        body = {"integration": "github", **event} if top_level else {"integration": "github", "github": dict(event)}
        verdict = session.process(json.dumps(body, ensure_ascii=False).encode(), "github")
        taken.append(verdict.rule_id == RULE)
    return taken


def ruleset_of(package):
    """The package on the stand-ins, loaded by the engine; any message of the manager is a failure."""
    files = package.ruleset_files()

    def below(folder: str):
        return tuple((name, data) for name, data in files.items() if name.startswith(folder))

    rendered = RulesetFiles(below("etc/decoders/"), below("etc/rules/"), dict(below("etc/lists/")))
    ruleset = load_ruleset([stock_root()], files=rendered)
    assert [str(message) for message in ruleset.messages] == []
    return ruleset
