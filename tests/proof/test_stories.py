"""Attack stories as files."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.errors import FindingsError
from wazuh_cicd.proof.stories import load_story

STORY = """
title: A story
defaults: {location: github, event: {integration: github, github: {org: acme, actor: dana}}}
events:
  - {after: 30s, event: {github: {action: a, actor: mallory}}}
  - {after: 1m, repeat: 2, every: 1.5h, event: {github: {repo: app-$n, name: $name}}}
  - {log: "plain $n", location: /var/log/x}
expect: [first, 5710]
"""


def write(folder, text):
    path = folder / "story.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_merged_with_the_defaults_and_unrolled(tmp_path):
    story = load_story(write(tmp_path, STORY))
    assert [(event.after, event.location) for event in story.events] == [
        (30, "github"),
        (60, "github"),
        (5400, "github"),
        (0, "/var/log/x"),
    ]
    first, second, third = (json.loads(event.log) for event in story.events[:3])
    assert first == {"integration": "github", "github": {"org": "acme", "actor": "mallory", "action": "a"}}
    assert (second["github"]["repo"], third["github"]["repo"]) == ("app-1", "app-2")
    assert second["github"]["name"] == "$name"
    assert story.events[3].log == b"plain 1"
    assert story.expect == ("first", "5710")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("title: A story", ""), "`title` is missing"),
        (("title:", "titel: x\ntitle:"), "unknown key `titel`"),
        (("after: 30s", "after: soon"), "event 1: `after` is a duration"),
        (("log:", "event: {a: 1}, log:"), "event 3 needs either"),
        (("expect: [", "expect: [["), "not readable as YAML"),
    ],
)
def test_a_story_that_cannot_be_read_says_why(tmp_path, change, complaint):
    path = write(tmp_path, STORY.replace(*change))
    with pytest.raises(FindingsError) as caught:
        load_story(path)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(path))
