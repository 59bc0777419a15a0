"""A small content folder with rules of every kind that the proof room has to prove."""

from __future__ import annotations

import pytest

from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

RULES = """
source: github
parent: {stock: 91100}
event:
  location: github
  envelope: {integration: github}
  defaults: {github.actor: dana, github.repo: acme/app}
rules:
  - id: 111900
    name: cloned
    level: 5
    title: "$(github.actor) cloned $(github.repo)"
    status: stable
    when:
      github.action: git.clone
      github.actor: {regex: '.'}
    unless:
      github.actor: octo-bot
    mitre: [T1213.003]
    compliance: [pci_dss_10.2.7]
    why: It may be the first of many.
    triage: [Who?]
    false_positives: [Everybody.]
    tests:
      - fires: {github.action: git.clone}
      - silent: {github.action: git.push}
      - silent: {github.action: git.clone, github.actor: octo-bot}
  - id: 111901
    name: mass-clone
    level: 12
    title: "$(github.actor) cloned many repositories"
    status: stable
    correlate: {of: cloned, count: 3, within: 10m, same: [github.actor], different: [github.repo]}
    mitre: [T1213.003]
    compliance: [pci_dss_10.2.7]
    why: The organisation is copied.
    triage: [Who?]
    false_positives: [Backups.]
    tests:
      - fires: {github.action: git.clone, github.repo: acme/app-$n}
        repeat: 3
        every: 1m
      - silent: {github.action: git.clone, github.repo: acme/app-$n}
        repeat: 2
        every: 1m
        instead: cloned
      - silent: {github.action: git.clone, github.repo: acme/app-$n}
        repeat: 3
        every: 11m
      - silent: {github.action: git.clone, github.repo: acme/app}
        repeat: 3
        every: 1m
        note: one repository
"""


@pytest.fixture
def content(tmp_path):
    """Write the rules, some text of them replaced, and load them."""

    def write(*changes):
        text = RULES
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        for room in ("rules/github", "decoders", "lists"):
            (tmp_path / room).mkdir(parents=True, exist_ok=True)
        (tmp_path / "rules/github/clones.yml").write_text(text)
        return load_specs(tmp_path)

    return write


@pytest.fixture
def engine():
    """The embedded engine on rendered specs."""

    def load(specs):
        return EmbeddedEngine(assemble(package=render_package(specs).ruleset_files()))

    return load
