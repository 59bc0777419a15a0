"""Each bundled attack is one incident, and nothing of ordinary life is in it (figures: docs/report.md)."""

from __future__ import annotations

import pytest

from incidents import mixing
from incidents.alert_kit import alert, github, report_of

pytestmark = pytest.mark.xdist_group("grouping")  # ordinary life is judged once


@pytest.mark.parametrize("path", mixing.STORIES, ids=lambda path: path.stem)
def test_an_attack_in_ordinary_life_is_one_incident_with_nothing_else_in_it(path):
    (found,) = mixing.outcomes((*mixing.ordinary_alerts(), *mixing.story_alerts(path)))
    assert found.notable >= 2
    assert (found.incidents, found.ordinary, found.others) == (1, 0, 0)


def test_attacks_in_one_stream_stay_apart():
    found = mixing.all_at_once()
    assert len(found) == len(mixing.STORIES)
    assert [one for one in found if (one.incidents, one.ordinary, one.others) != (1, 0, 0)] == []


def test_ordinary_life_is_loud_enough_to_prove_something():
    alerts = mixing.ordinary_alerts()
    assert len(alerts) > 1000
    assert sum(one.alert["rule"]["level"] >= 5 for one in alerts) > 200


def incidents(*alerts):
    return [(one.alerts, one.level) for one in report_of(alerts).incidents]


def test_two_actors_in_two_repositories_are_two_incidents():
    assert incidents(alert(**github("a", "acme/a", "")), alert(after=5, **github("b", "acme/b", ""))) == [
        (1, 12),
        (1, 12),
    ]


def test_an_actor_is_one_for_a_day_and_a_repository_for_hours():
    day = 86_400
    same = github("a", "acme/a", "")
    assert incidents(alert(**same), alert(after=day - 60, **same)) == [(2, 12)]
    assert len(incidents(alert(**same), alert(after=day + 60, **same))) == 2
    assert incidents(alert(**github("a", "acme/a", "")), alert(after=3600, **github("b", "acme/a", ""))) == [(2, 12)]
    assert len(incidents(alert(**github("a", "acme/a", "")), alert(after=day // 2, **github("b", "acme/a", "")))) == 2


def test_an_alert_that_names_two_incidents_makes_them_one():
    one, other = github("a", "acme/a", ""), github("b", "acme/b", "")
    both = github("a", "acme/b", "")
    assert incidents(alert(**one), alert(after=5, **other), alert(after=9, **both)) == [(3, 12)]


def test_disorder_in_time_changes_nothing():
    alerts = [alert(after=number * 600, **github("a", f"acme/{number}", "")) for number in range(20)]
    assert incidents(*alerts) == incidents(*reversed(alerts)) == [(20, 12)]


def test_ordinary_alerts_come_in_only_by_actor_and_address_within_the_hour():
    low = {"rule": "111052", "level": 3}
    found = report_of(
        [
            alert(**low, title="an hour and more before", **github()),
            alert(after=4000, **low, title="before", **github()),
            alert(after=4100, **low, title="same name, other address", **github(address="192.0.2.1")),
            alert(after=4200, **low, title="other name", **github("dana", address="192.0.2.2")),
            alert(after=4300, **github()),
            alert(after=4400, **low, title="after", **github()),
        ]
    )
    (incident,) = found.incidents
    assert [line.title for line in incident.lines] == ["before", "title of 111150"]
    assert next(line.last_title for line in incident.lines) == "after"
    assert incident.alerts == 3


def test_names_under_which_many_act_tie_nothing():
    assert len(incidents(*(alert(**github("github-actions[bot]", f"acme/{n}", "")) for n in range(3)))) == 3


def test_private_addresses_tie_nothing_where_an_actor_is_named():
    assert len(incidents(*(alert(**github(f"dev-{n}", f"acme/{n}", "10.0.0.1")) for n in range(3)))) == 3


def test_at_a_busy_time_time_says_nothing():
    """Two grave incidents of two sources minutes apart are one; with many around them they are what they name."""

    def host(after, name):
        return alert("112101", 15, after=after, agent=("001", name))

    quiet = [alert(**github("a", "acme/a", "")), host(300, "build-01")]
    assert incidents(*quiet) == [(2, 15)]
    others = [alert(after=60 * n, **github(f"x{n}", f"acme/x{n}", "")) for n in range(1, 6)]
    assert len(incidents(*sorted([*quiet, *others], key=lambda one: one["timestamp"]))) == 7


def test_a_flood_of_incidents_is_bounded_and_the_worst_is_kept():
    flood = [alert("111101", 8, after=n, **github(f"u{n}", f"acme/{n}", "")) for n in range(12_000)]
    flood.insert(100, alert("111404", 15, after=100, title="the one", **github("mallory")))
    found = report_of(flood)
    assert found.incidents[0].title == "the one"
    assert len(found.incidents) == 50
    assert 50 + sum(count for _, count in found.more) == 12_001


def test_an_incident_of_many_rows_keeps_the_grave_ones_and_counts_the_rest():
    rows = [alert("111101", 8, after=n, **github("u", "acme/a", f"203.0.113.{n % 250}")) for n in range(5)]
    rows += [alert(f"1{11000 + n}", 8, after=n, **github("u", "acme/a", "")) for n in range(900)]
    rows.append(alert("111404", 15, after=950, title="the one", **github("u", "acme/a", "")))
    (incident,) = report_of(rows).incidents
    assert incident.alerts == 906
    assert sum(line.count for line in incident.lines) + incident.unshown == 906
    assert "the one" in [line.title for line in incident.lines]
