"""Attack stories: a sequence of events and the alerts an analyst should see, in order.

A story is a YAML file::

    title: A leaked token empties an organisation
    about: What happened, and where it was published.
    references: [https://example.com/write-up]
    defaults: {location: github, event: {integration: github, github: {org: acme}}}
    events:
      - {after: 30s, note: mallory clones, event: {github: {action: git.clone}}}
      - {after: 5s, repeat: 10, every: 3s, event: {github: {action: git.clone, repo: acme/app$n}}}
      - {log: 'Dec 10 01:02:03 host sshd[1]: ...', location: /var/log/auth.log}
    expect: [repository-cloned, mass-clone]

``expect`` names the rules (ours by name, others by number) of all alerts, in order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from wazuh_cicd.errors import FindingsError
from wazuh_cicd.findings import Finding
from wazuh_cicd.proof.runner import EPOCH, Outcome, Result, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from wazuh_cicd.proof.engines import Engine, Verdict
    from wazuh_cicd.spec import SpecSet

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)\Z")
_NUMBER = re.compile(r"\$n\b")
_KEYS = {"title", "about", "references", "defaults", "events", "expect"}
_EVENT_KEYS = {"after", "note", "event", "log", "location", "repeat", "every"}


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event: the raw log, where it comes from, seconds since the one before, the author's note."""

    log: bytes
    location: str
    after: float
    note: str


@dataclass(frozen=True, slots=True)
class Story:
    """A story, its events unrolled."""

    name: str
    title: str
    about: str
    events: tuple[StoryEvent, ...]
    expect: tuple[str, ...]


def load_story(path: Path) -> Story:
    """Read one story.

    Raises:
        FindingsError: the file cannot be read as a story; the finding says where.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = getattr(error, "problem", None) or str(error)
        raise FindingsError(
            [Finding(str(path), line, column, "STORY01", f"not readable as YAML: {problem}")]
        ) from error
    problems = list(_problems(data))
    if problems:
        raise FindingsError([Finding(str(path), 0, 0, "STORY02", problem) for problem in problems])
    defaults = data.get("defaults", {})
    return Story(
        name=path.stem,
        title=data["title"],
        about=data.get("about", ""),
        events=tuple(event for item in data["events"] for event in _unroll(item, defaults)),
        expect=tuple(map(str, data["expect"])),
    )


def _problems(data: object) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "a story is a mapping with title, events and expect"
        return
    for key in sorted({"title", "events", "expect"} - data.keys()):
        yield f"`{key}` is missing"
    for key in sorted(map(str, data.keys() - _KEYS)):
        yield f"unknown key `{key}`; known are {', '.join(sorted(_KEYS))}"
    events = data.get("events", [])
    if not isinstance(events, list) or not events:
        yield "`events` is a list of at least one event"
        return
    for number, item in enumerate(events, start=1):
        if not isinstance(item, dict):
            yield f"event {number} is not a mapping"
            continue
        for key in sorted(map(str, item.keys() - _EVENT_KEYS)):
            yield f"event {number}: unknown key `{key}`; known are {', '.join(sorted(_EVENT_KEYS))}"
        if ("log" in item) == ("event" in item):
            yield f"event {number} needs either `event` (a mapping) or `log` (a text)"
        for key in ("after", "every"):
            if not _DURATION.match(str(item.get(key, 0))):
                yield f"event {number}: `{key}` is a duration such as 30s, 5m or 1h"


def _seconds(text: object) -> float:
    match = _DURATION.match(str(text))
    if match is None:  # refused by _problems already
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2] or "s"]


def _unroll(item: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[StoryEvent]:
    after, every = _seconds(item.get("after", 0)), _seconds(item.get("every", 0))
    location = item.get("location", defaults.get("location", "stdin"))
    for number in range(1, int(item.get("repeat", 1)) + 1):
        if "log" in item:
            text = str(item["log"])
        else:
            text = json.dumps(_merge(defaults.get("event", {}), item["event"]), separators=(",", ":"))
        yield StoryEvent(
            log=_NUMBER.sub(str(number), text).encode(),
            location=location,
            after=after if number == 1 else every,
            note=item.get("note", "") if number == 1 else "",
        )


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@dataclass(frozen=True, slots=True)
class Scene:
    """One event of a story as it was judged; ``at`` is simulated time, seconds since the epoch."""

    event: StoryEvent
    at: float
    verdict: Verdict


def play_story(story: Story, engine: Engine) -> Iterator[Scene]:
    """Judge a story's events in one session, in simulated time where the engine can."""
    session = engine.open_session()
    now = EPOCH
    for event in story.events:
        now += event.after
        yield Scene(event, now, session.process(event.log, event.location, time=now))


def prove_stories(folder: Path, engine: Engine, specs: SpecSet) -> Iterator[Result]:
    """Replay every story in a folder: the alerts must be the expected ones, in order."""
    names = {rule.id: rule.name for rule in specs.rules}
    for number, path in enumerate(sorted(folder.glob("*.yml")), start=1):
        story = load_story(path)
        outcome, reason = (
            _prove(story, engine, names)
            if engine.simulates_time
            else (Outcome.SKIPPED, f"{engine.name} cannot simulate the time between the events")
        )
        yield Result(0, story.name, "stories", number, "fires", outcome, reason, story.title, str(path), 1)


def _prove(story: Story, engine: Engine, names: dict[int, str]) -> tuple[Outcome, str]:
    difference = unexpected(story, play_story(story, engine), names)
    return (Outcome.FAILED, difference) if difference else (Outcome.PASSED, "")


def unexpected(story: Story, scenes: Iterable[Scene], names: dict[int, str]) -> str:
    """The first alert that the story does not expect, or the ones it misses; empty when all is as expected."""
    expected = iter(story.expect)
    number = 0
    for scene in scenes:
        if not scene.verdict.alert or scene.verdict.rule_id is None:
            continue
        number += 1
        wanted = next(expected, "nothing")
        if wanted not in {str(scene.verdict.rule_id), names.get(scene.verdict.rule_id)}:
            return f"alert {number} was to be {wanted}, but is {describe(scene.verdict, names)}"
    missing = list(expected)
    return f"no alert from {', '.join(missing)}" if missing else ""
