"""A story's alerts as a table for an analyst: when, how bad, what happened, how it is known, what to do first."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.proof.stories import Scene, Story
    from wazuh_cicd.spec import SpecSet

#: From these levels on, the colours of the terminal's own palette.
_COLOURS = ((12, "bold red"), (8, "yellow"), (0, "default"))


def show(story: Story, scenes: Sequence[Scene], specs: SpecSet, console: Console | None = None) -> None:
    """Print a story's alerts; events that alert nobody are only counted."""
    console = console or Console(highlight=False)
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
    alerts = 0
    for scene in scenes:
        if not scene.verdict.alert:
            continue
        alerts += 1
        rule = scene.verdict.output["rule"]
        spec = specs.by_id.get(int(rule["id"]))
        level = rule.get("level", 0)
        style = next(colour for least, colour in _COLOURS if level >= least)
        table.add_row(
            datetime.fromtimestamp(scene.at, tz=timezone.utc).strftime("%H:%M:%S"),
            Text(str(level), style=style),
            rule["id"],
            Text(rule["description"], style=style),
            "\n".join(spec.mitre) if spec else "",
            Text(spec.triage[0] if spec and spec.triage else ""),
        )
    console.print()
    console.print(table)
    console.print(Text(f"{len(scenes)} events, {alerts} alerts"))
