"""The bundled story is what a newcomer sees first."""

from __future__ import annotations

import io

from rich.console import Console

from wazuh_cicd import cli
from wazuh_cicd.commands.demo import bundled
from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.stories import load_story, play_story
from wazuh_cicd.report.story import filled, show
from wazuh_cicd.spec import load_specs


def test_the_demo_ends_with_its_alerts_in_a_table(capsys):
    assert cli.main(["demo"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "A leaked token empties an organisation"
    assert "111315   GitHub: dana-dev cloned ten repositories" in shown
    assert shown.splitlines()[-1] == "18 events, 18 alerts"


def test_a_story_that_ends_otherwise_is_a_failure(tmp_path, capsys):
    story = tmp_path / "story.yml"
    story.write_text("title: Nothing\nevents: [{log: nothing to see}]\nexpect: [github-mass-clone]\n")
    assert cli.main(["demo", str(story)]) == 2
    assert "no alert from github-mass-clone" in capsys.readouterr().err


def test_the_bundled_stories_are_listed_and_played_by_name(capsys):
    assert cli.main(["demo", "--list"]) == 0
    names = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert names[0] == "leaked-token-day"
    assert set(names) > {"vault-emptied", "tj-actions-changed-files"}
    assert cli.main(["demo", "vault-emptied"]) == 0
    assert capsys.readouterr().out.startswith("A stolen pipeline token empties Vault\n")


def test_a_story_that_is_not_there_is_one_line(capsys):
    assert cli.main(["demo", "no-such-story"]) == 2
    assert capsys.readouterr().err == (
        "wazuh-cicd: no-such-story: no such story or file; 'wazuh-cicd demo --list' names the stories\n"
    )
    assert cli.main(["demo", "--list", "vault-emptied"]) == 2


def test_no_story_shows_the_name_of_a_field_instead_of_its_value():
    specs = load_specs()
    engine = EmbeddedEngine(assemble(package=cached_ruleset_files(None)))
    stream = io.StringIO()
    for path in bundled().values():
        story = load_story(path)
        show(story, list(play_story(story, engine)), specs, Console(file=stream, width=200))
    shown = " ".join(stream.getvalue().split())
    assert shown.count(" events, ") == len(bundled()) > 10
    assert "$(" not in shown
    assert "(not in the event)" not in shown


def test_a_question_is_filled_from_the_event():
    output = {"data": {"srcip": "192.0.2.1", "github": {"repo": "acme/app", "a.b": True}, "x.y": {"z": "w"}}}
    text = "$(srcip) $(github.repo) $(github.a.b) $(x.y.z) $(github) $(none) $(github.none)"
    assert filled(text, output) == (
        '192.0.2.1 acme/app true w {"repo": "acme/app", "a.b": true} (not in the event) (not in the event)'
    )
