"""Replay the tests that Panther's rules carry, from a clone of theirs, through our rules: prints what each ends at.

    git clone --bare https://github.com/panther-labs/panther-analysis /tmp/panther
    python benchmarks/replay_panther.py /tmp/panther --stock RULESET [--misses]

Their tests are events with the answer that is wanted; those that must alert are put into the form in which a manager
gets such events. A test counts as hit when it ends at a rule that is as loud as theirs: level 7 for high and critical,
5 for medium, 3 for the rest. Nothing of theirs is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST = {"critical": 7, "high": 7, "medium": 5, "low": 3, "info": 3}
_FORBIDDEN = 403
_FOLDERS = ("rules/github_rules/", "rules/kubernetes_rules/", "rules/aws_cloudtrail_rules/")


def _git(clone: Path, *command: str) -> str:
    return subprocess.run(["git", "-C", str(clone), *command], check=True, capture_output=True, encoding="utf-8").stdout


def _rules(clone: Path) -> Iterator[dict[str, Any]]:
    for name in _git(clone, "ls-tree", "-r", "--name-only", "HEAD", "rules").splitlines():
        if name.startswith(_FOLDERS) and name.endswith(".yml"):
            rule = yaml.safe_load(_git(clone, "show", f"HEAD:{name}"))
            if isinstance(rule, dict) and rule.get("AnalysisType") == "rule" and rule.get("Enabled", True):
                yield rule


def _event(kind: str, log: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The event as a manager gets it, and its location; None for sources that we do not read in that form."""
    own = {key: value for key, value in log.items() if not key.startswith("p_")}
    if kind == "GitHub.Audit":
        return {"integration": "github", "github": own}, "github"
    if kind == "AWS.CloudTrail":
        return {"integration": "aws", "aws": {**own, "source": "cloudtrail"}}, "Wazuh-AWS"
    if kind == "Amazon.EKS.Audit":
        return _whole(own), "/var/log/kubernetes/audit.log"
    return None


def _whole(log: dict[str, Any]) -> dict[str, Any]:
    """An audit event with what each one has and theirs leave out."""
    target = log.get("objectRef") or {}
    code = (log.get("responseStatus") or {}).get("code") or (201 if log.get("verb") == "create" else 200)
    group = f"/apis/{target['apiGroup']}/{target.get('apiVersion', 'v1')}" if target.get("apiGroup") else "/api/v1"
    parts = [f"namespaces/{target['namespace']}"] if target.get("namespace") else []
    parts += [str(target[key]) for key in ("resource", "name", "subresource") if target.get(key)]
    allowed = "forbid" if code == _FORBIDDEN else "allow"
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse",
        "auditID": "6a3c8b51-2a57-4b6e-9a67-1c5b7c1f0a11", "stage": "ResponseComplete",
        "requestURI": "/".join([group, *parts]), "userAgent": "kubectl/v1.29.0 (linux/amd64) kubernetes/3f7a50f",
        **log,
        "responseStatus": {"metadata": {}, **(log.get("responseStatus") or {}), "code": code},
        "annotations": {"authorization.k8s.io/decision": allowed, **(log.get("annotations") or {})},
    }  # fmt: skip


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("clone", type=Path, help="their repository, bare or not")
    parser.add_argument("--stock", type=Path, required=True, help="Wazuh's own ruleset")
    parser.add_argument("--misses", action="store_true", help="print each test that is not hit")
    args = parser.parse_args()
    specs = load_specs()
    ruleset = assemble([args.stock], package=render_package(specs).ruleset_files())
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for rule in _rules(args.clone):
        least = _LEAST.get(str(rule.get("Severity", "")).lower(), 3)
        for test in rule.get("Tests") or ():
            log = test.get("Log")
            kinds = [kind for kind in rule.get("LogTypes", ()) if isinstance(log, dict) and _fits(kind, log)]
            made = _event(kinds[0], log) if kinds and test.get("ExpectedResult") is True else None
            if made is None:
                continue
            verdict = ruleset.session(clock=lambda: 0.0).process(json.dumps(made[0]).encode(), made[1])
            ours = verdict.rule is not None and verdict.rule.id in specs.by_id
            loud = verdict.level >= least
            quieter = "quieter" if ours and verdict.level >= _LEAST["low"] else "missed"
            counts[kinds[0]][quieter if not loud else "hit" if ours else "hit by a stock rule"] += 1
            if args.misses and not loud:
                name = specs.by_id[verdict.rule.id].name if ours and verdict.rule is not None else ""
                print(
                    kinds[0],
                    rule.get("RuleID"),
                    f"({least})",
                    test.get("Name"),
                    "->",
                    verdict.rule_id,
                    name,
                    verdict.level,
                )
    for kind, found in sorted(counts.items()):
        print(f"{kind}: " + ", ".join(f"{number} {what}" for what, number in sorted(found.items())))


def _fits(kind: str, log: dict[str, Any]) -> bool:
    said = str(log.get("p_log_type", kind))
    return said == kind


if __name__ == "__main__":
    main()
