"""Replay a bundled attack story through the embedded evaluator and print its alerts as an analyst wants them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError, WazuhCicdError

if TYPE_CHECKING:
    import argparse

DEFAULT = "leaked-token-day"


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument(
        "story",
        type=Path,
        nargs="?",
        metavar="STORY",
        help=f"a story's name, see --list, or a file (YAML, see docs/specs.md); default: {DEFAULT}",
    )
    parser.add_argument("--list", action="store_true", help="list the stories that the package brings")


def run(args: argparse.Namespace) -> int:
    """Print the story; 2 when its alerts are not the expected ones."""
    from wazuh_cicd.proof.engines import EmbeddedEngine
    from wazuh_cicd.proof.rulesets import assemble
    from wazuh_cicd.proof.stories import load_story, play_story, unexpected
    from wazuh_cicd.render import render_package
    from wazuh_cicd.report import story as report
    from wazuh_cicd.spec import load_specs

    if args.list:
        if args.story:
            raise UsageError("--list takes no STORY")
        stories = [load_story(path) for path in bundled().values()]
        sys.stdout.write(report.listing(stories))
        return 0
    story = load_story(_place(args.story))
    specs = load_specs()
    engine = EmbeddedEngine(assemble(package=render_package(specs).ruleset_files()))
    scenes = list(play_story(story, engine))
    report.show(story, scenes, specs)
    if difference := unexpected(story, scenes, {rule.id: rule.name for rule in specs.rules}):
        raise WazuhCicdError(f"the story did not end as it should: {difference}")
    return 0


def bundled() -> dict[str, Path]:
    """The stories that the package brings, by name."""
    from wazuh_cicd.content.paths import content_root

    first = Path(__file__).resolve().parent.parent / "_demo" / f"{DEFAULT}.yml"
    return {path.stem: path for path in (first, *sorted((content_root() / "tests" / "stories").glob("*.yml")))}


def _place(story: Path | None) -> Path:
    stories = bundled()
    if story is None:
        return stories[DEFAULT]
    if story.exists() or str(story) not in stories:
        if not story.exists() and not story.suffix:
            raise UsageError(f"{story}: no such story or file; 'wazuh-cicd demo --list' names the stories")
        return story
    return stories[str(story)]
