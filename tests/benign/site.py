"""A company whose normal life the package judges: its lists, its events, and what our rules say of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import SpecSet, load_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benign.normal_life import Event

    # An event, the rule it ends at (0: none), that rule's level and title.
    Judged = tuple[tuple[Event, int, int, str], ...]

STOCK = Path(__file__).parents[2].parent / "shared" / "samples" / "wazuh-4.14.3" / "ruleset"


@dataclass
class Site:
    """One company.

    Attributes:
        lists: entries that it adds to the package's lists, by list.
        make: makes its events by family; called once.
    """

    lists: Mapping[str, Mapping[str, str]]
    make: Callable[[], Mapping[str, Sequence[Event]]]

    def __post_init__(self) -> None:
        self._judged: dict[tuple[str, bool], Judged] = {}

    @cached_property
    def specs(self) -> SpecSet:
        """The package with the lists filled as the company would."""
        specs = load_specs()
        lists = tuple(replace(one, entries={**one.entries, **self.lists.get(one.name, {})}) for one in specs.lists)
        return replace(specs, lists=lists)

    @cached_property
    def ours(self) -> frozenset[int]:
        """The ids of our rules."""
        return frozenset(rule.id for rule in self.specs.rules)

    @cached_property
    def events(self) -> Mapping[str, Sequence[Event]]:
        """Its events by family."""
        return self.make()

    def judged(self, name: str, *, stock: bool) -> Judged:
        """What becomes of the events of a family, with or without Wazuh's own rules."""
        known = self._judged.get((name, stock))
        if known is None:
            known = self._judged[name, stock] = tuple(self._judge(name, stock=stock))
        return known

    def _judge(self, name: str, *, stock: bool):
        package = render_package(self.specs).ruleset_files()
        session = assemble(stock=STOCK if stock else None, package=package).session()
        for event in self.events[name]:
            if event.decoded is not None:
                decoder, fields = event.decoded
                verdict = session.process_decoded(decoder, fields, location=event.location, time=event.time)
            else:
                verdict = session.process(event.log, event.location, time=event.time)
            title = verdict.output.get("rule", {}).get("description", "")
            yield event, verdict.rule_id or 0, verdict.level, title
