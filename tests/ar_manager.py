"""Plays the manager for the tests of responses: which alert does a line become, and which response does that start?"""

from __future__ import annotations

from lxml import etree

from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs


class Manager:
    """The evaluator, and the bindings of one response as they would be installed."""

    def __init__(self, action: str) -> None:
        self.session = assemble(package=cached_ruleset_files()).session()
        fragment = render_package(load_specs()).files[f"manager/ossec.conf.d/response-{action}.xml"]
        tree = etree.fromstring(fragment)
        calls = {
            one.findtext("name"): (one.findtext("executable"), one.findtext("extra_args"))
            for one in tree.iter("command")
            if len(one)
        }
        self.bindings = {}
        for one in tree.iter("active-response"):
            executable, arguments = calls[one.findtext("command")]
            for rule in one.findtext("rules_id").split(","):
                self.bindings[int(rule)] = (executable, (arguments or "").split(), int(one.findtext("timeout") or 0))

    def judge(self, line: str, location: str) -> tuple[dict, tuple[str, list[str], int] | None]:
        """Return the alert and the response that it starts, if any."""
        verdict = self.session.process(line.encode(), location)
        return verdict.output, self.bindings.get(verdict.rule_id) if verdict.alert else None
