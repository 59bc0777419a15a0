# ruff: noqa: INP001, E501 - a program of the project; rows of tables
"""Write ``docs/noise.md``: what the rules say on the ordinary life of others, by corpus and by rule.

    python tools/noise.py > docs/noise.md

It measures with every corpus at hand; recordings that lie beside the checkout are named in ``tests/benign/foreign.py``.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests")]

from benign.foreign import corpora  # noqa: E402 - the path comes first
from wazuh_cicd.proof.noise import PER, budget_of, figures, listen  # noqa: E402
from wazuh_cicd.proof.rulesets import assemble  # noqa: E402
from wazuh_cicd.render import render_package  # noqa: E402
from wazuh_cicd.spec import load_specs  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.proof.noise import Figure, Heard
    from wazuh_cicd.spec import SpecSet

_HEAD = """# Noise

What the rules say on the ordinary life of others, at their full levels and with the lists as they are shipped.
`python tools/noise.py > docs/noise.md` writes this page; `tests/benign/test_noise.py` measures again and fails when a
rule exceeds its budget or a corpus says more than is written here. The corpora of the first rows are made in
`tests/benign`; the others are recordings that the repository does not hold.

A budget is one alert above level 5 for 500 benign events of the kind that a rule reads, a tenth of that from level 8
on; a spec may state another with its reason (`noise` in [specs](specs.md)). A shorter corpus counts as 500 events.
A rule is `stable` only with a figure here, 0 of N included, or with such a reason; the others begin at level 3
([administration](admin.md)).
"""


def _measure(specs: SpecSet, status: str | None) -> tuple[list[Heard], list[Figure]]:
    """Judge the foreign corpora with the levels of a status; None: every rule at its own."""
    ruleset: Ruleset = assemble(package=render_package(specs, status=status).ruleset_files())
    heard = listen([one for one in corpora() if one.foreign], ruleset, frozenset(specs.by_id))
    return heard, figures(specs, heard, ruleset)


def _corpus_rows(heard: Iterable[Heard], first: Iterable[Heard]) -> Iterator[str]:
    for one, start in zip(heard, first, strict=True):
        count, loud = len(one.corpus.events), one.loud.total()
        rate = f"{loud * PER / max(count, PER):.1f}" if one.corpus.rates else "each thing stands once"
        yield (
            f"| {one.corpus.name} | {one.corpus.origin} | {count} | {loud} | {one.alarms} | {rate} |"
            f" {start.loud.total()} | {start.alarms} |"
        )


def _source_rows(specs: SpecSet, found: Iterable[Figure]) -> Iterator[str]:
    by_source: dict[str, list[Figure]] = {}
    for one in found:
        by_source.setdefault(one.rule.source, []).append(one)
    for source, members in by_source.items():
        status = Counter(one.rule.status for one in members)
        events = [one.events for one in members]
        argued = sum(not one.events and one.rule.noise is not None for one in members)
        lower = sum(rule.source == source and rule.level <= 5 for rule in specs.rules)
        yield (
            f"| {source} | {len(members)} | {lower} | {status['stable']} | {len(members) - status['stable']} | {argued} |"
            f" {min(events)}-{max(events)} | {sum(one.alerts > 0 for one in members)} |"
        )


def page() -> str:
    """The whole page."""
    specs = load_specs()
    heard, found = _measure(specs, None)
    first, _ = _measure(specs, "stable")
    lines = [_HEAD, "## By corpus", ""]
    lines += [
        "| corpus | where it comes from | events | above 5 | from 8 on | above 5 in 500 | first start: above 5 | from 8 on |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [*_corpus_rows(heard, first), "", "## By source", ""]
    lines += [
        "| source | rules above 5 | other rules | stable | test | stable by a reason alone | events read | rules heard |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [*_source_rows(specs, found), "", "## Rules that were heard", ""]
    lines += ["| rule | level | status | alerts | events | in 500 | budget |", "|---|---|---|---|---|---|---|"]
    for one in found:
        if one.alerts:
            rule = one.rule
            lines.append(
                f"| {rule.id} {rule.name} | {rule.level} | {rule.status} | {one.alerts} | {one.events} | {one.rate:.2f} |"
                f" {budget_of(rule):g} |"
            )
    lines += ["", "## Budgets with a reason", "", "| rule | budget | why |", "|---|---|---|"]
    reasons: dict[tuple[float, str], list[str]] = {}
    for rule in specs.rules:
        if rule.noise is not None and rule.level > 5:
            reasons.setdefault((rule.noise.budget, rule.noise.why), []).append(str(rule.id))
    lines += [f"| {', '.join(ids)} | {budget:g} | {why} |" for (budget, why), ids in reasons.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
