"""Replay a bundled attack story through the embedded evaluator and print its alerts as an analyst wants them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import WazuhCicdError

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument("story", type=Path, nargs="?", help="another story (YAML, see docs/specs.md)")


def run(args: argparse.Namespace) -> int:
    """Print the story; 1 when its alerts are not the expected ones."""
    from wazuh_cicd.proof.engines import EmbeddedEngine
    from wazuh_cicd.proof.rulesets import assemble
    from wazuh_cicd.proof.stories import load_story, play_story, unexpected
    from wazuh_cicd.render import render_package
    from wazuh_cicd.report import story as report
    from wazuh_cicd.spec import load_specs

    specs = load_specs()
    engine = EmbeddedEngine(assemble(package=render_package(specs).ruleset_files()))
    if args.story:
        story = load_story(args.story)
    else:
        with resources.as_file(resources.files("wazuh_cicd") / "_demo" / "story.yml") as path:
            story = load_story(path)
    scenes = list(play_story(story, engine))
    report.show(story, scenes, specs)
    if difference := unexpected(story, scenes, {rule.id: rule.name for rule in specs.rules}):
        raise WazuhCicdError(f"the story did not end as it should: {difference}")
    return 0
