"""The bundled attack stories inside the alerts of ordinary life, and which incident each alert ended in.

    PYTHONPATH=generator:tests:. python tests/incidents/mixing.py

prints the table of ``docs/report.md``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benign.factory_life import FACTORY_LISTS, factory_events
from benign.foreign import corpora
from benign.normal_life import SITE_LISTS, all_events
from benign.secrets_life import SECRETS_LISTS, secrets_events
from benign.site import Site
from wazuh_cicd.incidents import grouping
from wazuh_cicd.incidents.analysis import Analysis
from wazuh_cicd.proof.engines import EmbeddedEngine
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.stories import load_story, play_story
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import SpecSet, load_specs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STORIES = sorted((Path(__file__).parents[1] / "stories").glob("*.yml"))
ORDINARY = "ordinary"
COUNT = 400  # events of each family of ordinary life
_APART = 3 * 86_400  # seconds between two stories when all are in one stream
# When a story begins, in the week of ordinary life; both begin when the stories' clock does.
_NOON = 0


@dataclass(frozen=True)
class Marked:
    """An alert, when it was written, and the story that it is of."""

    when: float
    story: str
    alert: dict[str, Any]


@cache
def specs() -> SpecSet:
    return load_specs()


@cache
def engine() -> EmbeddedEngine:
    return EmbeddedEngine(assemble(package=render_package(specs()).ruleset_files()))


def marked(story: str, when: float, output: dict[str, Any]) -> Marked:
    alert = json.loads(json.dumps(output))
    alert["timestamp"] = datetime.fromtimestamp(when, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    alert["rule"]["description"] = f"[{story}] {alert['rule'].get('description', '')}"
    return Marked(when, story, alert)


@cache
def story_alerts(path: Path, later: int = _NOON) -> tuple[Marked, ...]:
    scenes = play_story(load_story(path), engine())
    return tuple(marked(path.stem, one.at + later, one.verdict.output) for one in scenes if one.verdict.alert)


def _judge(events: Iterable[Any], session: Any) -> Iterable[Marked]:
    for event in events:
        if event.decoded is not None:
            decoder, fields = event.decoded
            verdict = session.process_decoded(decoder, fields, location=event.location, time=event.time)
        else:
            verdict = session.process(event.log, event.location, time=event.time)
        if verdict.alert:
            yield marked(ORDINARY, event.time, verdict.output)


@cache
def ordinary_alerts() -> tuple[Marked, ...]:
    """A company's week, its factory and its vaults, with its own lists; clusters and build hosts as shipped."""
    found: list[Marked] = []
    site = Site({**SITE_LISTS, **FACTORY_LISTS, **SECRETS_LISTS}, dict)
    own = assemble(package=render_package(site.specs).ruleset_files())
    for _, events in (*all_events(COUNT), *factory_events(COUNT), *secrets_events(COUNT)):
        found += _judge(events, own.session())
    for corpus in corpora():
        if corpus.name in ("cluster-kubeadm", "build-hosts"):
            found += _judge(corpus.events, engine().ruleset.session())
    return tuple(found)


@dataclass(frozen=True)
class Outcome:
    """What became of a story.

    Attributes:
        alerts: of the story.
        notable: of them, level 7 and above.
        incidents: in how many these ended.
        lower_in: alerts below level 7 in its main incident, of ``alerts - notable``.
        ordinary: alerts of ordinary life in its incidents.
        others: alerts of other stories there.
    """

    story: str
    alerts: int
    notable: int
    incidents: int
    lower_in: int
    ordinary: int
    others: int


def outcomes(alerts: Iterable[Marked]) -> list[Outcome]:
    """Group alerts, and follow each to the incident where it ended."""
    placed: list[tuple[grouping.Group, grouping.Event]] = []
    add = grouping.Group.add

    def noted(group: grouping.Group, event: grouping.Event) -> None:
        placed.append((group, event))
        add(group, event)

    ordered = sorted(alerts, key=lambda one: one.when)
    with mock.patch.object(grouping.Group, "add", noted):
        analysis = Analysis(specs())
        analysis.take(one.alert for one in ordered)
        analysis.report(0)
    where: dict[str, Counter[int]] = {}
    inside: dict[int, Counter[str]] = {}
    lower: Counter[tuple[int, str]] = Counter()
    for group, event in placed:
        story, top = event.title[1:].partition("]")[0], id(grouping._top(group))
        inside.setdefault(top, Counter())[story] += 1
        if event.level >= grouping.NOTABLE:
            where.setdefault(story, Counter())[top] += 1
        else:
            lower[top, story] += 1
    total = Counter(one.story for one in ordered)
    result = []
    for story, tops in sorted(where.items()):
        if story == ORDINARY:
            continue
        main = tops.most_common(1)[0][0]
        result.append(
            Outcome(
                story=story,
                alerts=total[story],
                notable=tops.total(),
                incidents=len(tops),
                lower_in=lower[main, story],
                ordinary=sum(inside[top][ORDINARY] for top in tops),
                others=sum(inside[top].total() - inside[top][story] - inside[top][ORDINARY] for top in tops),
            )
        )
    return result


def one_by_one() -> list[Outcome]:
    """Each story alone in the week of ordinary life."""
    return [one for path in STORIES for one in outcomes((*ordinary_alerts(), *story_alerts(path)))]


def all_at_once() -> list[Outcome]:
    """All stories in one stream, three days apart."""
    shifted = [one for number, path in enumerate(STORIES) for one in story_alerts(path, number * _APART)]
    return outcomes((*ordinary_alerts(), *shifted))


_HEADS = ("story", "alerts", "from level 7", "incidents", "lower ones in it", "ordinary ones in it", "of other stories")


def _print(title: str, found: Sequence[Outcome]) -> None:
    rows = [
        (one.story, one.alerts, one.notable, one.incidents, f"{one.lower_in} of {one.alerts - one.notable}",
         one.ordinary, one.others)
        for one in found
    ]  # fmt: skip
    sys.stdout.write(f"\n{title}\n\n")
    for row in (_HEADS, ("---",) * len(_HEADS), *rows):
        sys.stdout.write(f"| {' | '.join(map(str, row))} |\n")


if __name__ == "__main__":
    levels = Counter(one.alert["rule"]["level"] for one in ordinary_alerts())
    sys.stdout.write(f"{sum(levels.values())} alerts of ordinary life, by level {dict(sorted(levels.items()))}\n")
    _print("Each story alone", one_by_one())
    _print("All in one stream", all_at_once())
