"""The alerts of everything that is at hand: the specs' firing tests, the shared cases and the recordings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benign import foreign
from search_kit import as_filebeat_sends
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.proof.runner import play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.engine.judge.verdict import Verdict
    from wazuh_cicd.spec import SpecSet

STOCK = foreign.SAMPLES / "wazuh-4.14.3" / "ruleset"
CASES = foreign.SHARED / "cases"
RECORDED = foreign.SAMPLES / "expected-stock"
EPOCH = 1_767_787_200.0


def all_alerts(specs: SpecSet, *, stock: bool = False) -> list[dict[str, Any]]:
    """Every alert that a manager with the package writes; ``stock``: and with the whole stock ruleset."""
    ruleset = assemble([STOCK] if stock else [], package=cached_ruleset_files())
    verdicts = [*_firing(specs, ruleset), *_cases(ruleset), *_recordings(ruleset)]
    return as_filebeat_sends(verdict.output for verdict in verdicts if verdict.alert and verdict.output)


def one_of_each(alerts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the alerts whose data has the same members of the same kinds, the first."""
    first: dict[frozenset[tuple[str, str]], dict[str, Any]] = {}
    for alert in alerts:
        first.setdefault(frozenset(_form("", alert.get("data"))), alert)
    return list(first.values())


def _form(path: str, value: Any) -> Iterator[tuple[str, str]]:
    kind = type(value).__name__
    if isinstance(value, str):
        kind += " null" if value == "null" else " long" if len(value) > 8000 else ""
    yield path, kind
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _form(f"{path}/{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _form(f"{path}/*", inner)


def _firing(specs: SpecSet, ruleset: Ruleset) -> Iterator[Verdict]:
    for rule in specs.rules:
        for test in rule.tests:
            if test.expect == "fires":
                yield from play(ruleset.session(), test.events)


def _cases(ruleset: Ruleset) -> Iterator[Verdict]:
    for path in sorted(CASES.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            session, now = ruleset.session(), EPOCH
            for event in json.loads(line)["events"]:
                now = event.get("time") or now + 1
                log = event["log"] if isinstance(event["log"], str) else json.dumps(event["log"])
                yield session.process(log, event.get("location", "stdin"), time=now)


def _recordings(ruleset: Ruleset) -> Iterator[Verdict]:
    for corpus in foreign.corpora():
        if not corpus.foreign:
            continue
        session = ruleset.session()
        for event in corpus.events:
            if event.decoded is not None:
                decoder, fields = event.decoded
                yield session.process_decoded(decoder, dict(fields), location=event.location, log=b"", time=event.time)
            else:
                yield session.process(event.log, event.location, time=event.time)
    for path in sorted(RECORDED.glob("*.jsonl")):
        session, now = ruleset.session(), EPOCH
        for line in path.read_text("utf-8").splitlines():
            for log in json.loads(line)["events"]:
                now += 1
                yield session.process(log, time=now)
