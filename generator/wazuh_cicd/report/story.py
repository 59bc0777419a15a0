"""A story's alerts as a table for an analyst: when, how bad, what happened, how it is known, what to do first."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wazuh_cicd.proof.stories import Scene, Story
    from wazuh_cicd.spec import SpecSet

#: Columns for output that is no terminal.
_FILE_WIDTH = 140

#: From these levels on, the colours of the terminal's own palette.
_COLOURS = ((12, "bold red"), (8, "yellow"), (0, "default"))


# A field in a title or a question, as Wazuh writes it.
_FIELD = re.compile(r"\$\(([^()]+)\)")
_MISSING = "(not in the event)"


def filled(text: str, output: Mapping[str, Any]) -> str:
    """A text with the event's own values in it, as an analyst wants to read it."""
    return _FIELD.sub(lambda found: _value(output.get("data", {}), found[1]), text)


def _value(data: object, name: str) -> str:
    """The value of a field, ``a.b`` being ``b`` of ``a``, or a key with a dot in it."""
    if isinstance(data, dict):
        if name in data:
            found = data[name]
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        first, dot, rest = name.partition(".")
        while dot:
            if isinstance(data.get(first), dict):
                return _value(data[first], rest)
            more, dot, rest = rest.partition(".")
            first = f"{first}.{more}"
    return _MISSING


def listing(stories: Sequence[Story]) -> str:
    """The stories as lines: the name, and what it is about."""
    width = max((len(story.name) for story in stories), default=0)
    return "".join(f"{story.name:<{width}}  {story.title}\n" for story in stories)


def show(story: Story, scenes: Sequence[Scene], specs: SpecSet, console: Console | None = None) -> None:
    """Print a story's alerts, those of one rule in a row as one line; events that alert nobody are only counted."""
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:  # a pipe or a file has no width of its own
            console.width = max(console.width, _FILE_WIDTH)
    console.print(Text(story.title, style="bold"))
    if story.about:
        console.print(Text(" ".join(story.about.split())))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("time", no_wrap=True)
    table.add_column("lvl", justify="right", no_wrap=True)
    table.add_column("rule", no_wrap=True)
    table.add_column("what happened", ratio=3)
    table.add_column("ATT&CK", no_wrap=True)
    table.add_column("ask first", ratio=2)
    alerts = [scene for scene in scenes if scene.verdict.alert]
    for rule_id, run in groupby(alerts, key=lambda scene: scene.verdict.rule_id):
        same = list(run)
        rule = same[-1].verdict.output["rule"]
        spec = specs.by_id.get(rule_id or 0)
        level = rule.get("level", 0)
        style = next(colour for least, colour in _COLOURS if level >= least)
        times = "" if len(same) == 1 else f" ({len(same)} times)"
        table.add_row(
            datetime.fromtimestamp(same[0].at, tz=timezone.utc).strftime("%H:%M:%S"),
            Text(str(level), style=style),
            rule["id"],
            Text(filled(" ".join(rule["description"].split()), same[-1].verdict.output) + times, style=style),
            "\n".join(spec.mitre) if spec else "",
            Text(filled(spec.triage[0].text, same[-1].verdict.output) if spec and spec.triage else ""),
        )
    console.print()
    console.print(table)
    console.print(Text(f"{len(scenes)} events, {len(alerts)} alerts"))
