"""The bundled story is what a newcomer sees first."""

from __future__ import annotations

from wazuh_cicd import cli


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
