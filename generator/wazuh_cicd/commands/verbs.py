"""The verbs of the command line and their parsers, for whoever runs one and for what completes them in a shell."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

VERBS = {
    "build": "render the specs to a Wazuh package",
    "check": "find what is wrong with specs or with any Wazuh ruleset",
    "test": "prove every rule on its own events",
    "logtest": "show what an event becomes, and why",
    "conformance": "replay recorded answers of a real manager",
    "explain": "print what there is to know about a rule",
    "docs": "write a site with a page for each rule",
    "diff": "run the same events through two engines and compare",
    "coverage": "list the detection ideas that the rules implement",
    "demo": "replay a bundled attack story and print its alerts",
    "schema": "print the JSON Schema of the specs, for editors",
    "drill": "play wazuh-execd for an active-response script",
    "gate": "pass or fail a pipeline on what the scanners found",
    "report": "turn alerts into incidents with what to do, as one HTML file",
    "install": "plan, apply, verify or roll back the package on a manager",
    "completion": "print what completes the command line in bash, zsh or fish",
}


def module_of(verb: str) -> ModuleType:
    """The module of a verb, imported when it is used."""
    return import_module(f"wazuh_cicd.commands.{verb}")


def verb_parser(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb. Options are written out: an abbreviation means something else in the next version."""
    module = module_of(verb)
    parser = argparse.ArgumentParser(prog=f"wazuh-cicd {verb}", description=module.__doc__, allow_abbrev=False)
    module.configure(parser)
    return parser
