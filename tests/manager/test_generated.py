"""The evaluator and a real manager, on rulesets and events that nobody wrote: they must say the same.

A manager's logtest reads the rules from disk for each session, so a file of rules beside the others is enough; it is
taken away again. The manager keeps running on the rules it has.
"""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from generated_rulesets import Block, events
from machine_made import case
from wazuh_cicd.engine import EngineOptions, RulesetLoadError, load_ruleset
from wazuh_cicd.manager.errors import Refused
from wazuh_cicd.proof.compare import comparable, differences

if TYPE_CHECKING:
    from pathlib import Path

# Ids that neither a site nor this package gives; a group of our own.
BLOCK = Block(first=109900, group="generated")
EXAMPLES = int(os.environ.get("WAZUH_GENERATED_EXAMPLES", "40"))
FIRST_SEED = int(os.environ.get("WAZUH_GENERATED_SEED", "0"))
HEAD = '<group name="generated,">'


@pytest.fixture
def rules_file(manager):
    if manager.root is None or os.environ.get("WAZUH_ROOT_MAY_CHANGE") != "1":
        pytest.skip("needs a manager on this host whose rules may change (WAZUH_ROOT, WAZUH_ROOT_MAY_CHANGE=1)")
    path = manager.root / "etc/rules/zzzz_generated_rules.xml"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def decoders_file(rules_file):
    path = rules_file.parents[1] / "decoders/zzzz_generated_decoders.xml"
    yield path
    path.unlink(missing_ok=True)


def put(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    with suppress(LookupError):
        shutil.chown(draft, group="wazuh")
    draft.chmod(0o660)
    draft.rename(path)


def test_generated_rules_end_where_a_manager_ends(manager, rules_file):
    engine = manager.engine()
    options = EngineOptions(manager=socket.gethostname())  # where a header names none, rules see this one
    seen = {"loaded": 0, "refused": 0, "events": 0, "ours": 0}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # to make a failing case smaller takes longer than to read it
    )
    @given(BLOCK.rules(), st.lists(events, min_size=1, max_size=3).map(lambda lists: list(chain.from_iterable(lists))))
    def compared(rules, logs):
        put(rules_file, f"{HEAD}{''.join(rules)}</group>\n")
        session = engine.open_session()
        try:
            ruleset = load_ruleset([manager.root], options=options)
        except RulesetLoadError:
            seen["refused"] += 1
            with pytest.raises(Refused):
                session.process("x")
            return
        seen["loaded"] += 1
        embedded = ruleset.session()
        for log in filter(None, logs):  # logtest takes no empty event
            theirs, ours = session.process(log, "/var/log/x"), embedded.process(log, "/var/log/x")
            found = list(differences(comparable(ours), comparable(theirs)))
            assert not found, f"{log!r}: {found}"
            seen["events"] += 1
            seen["ours"] += BLOCK.first <= (theirs.rule_id or 0) < BLOCK.first + 20
        session.close()

    compared()
    # Otherwise nothing would have been compared.
    assert seen["loaded"] > EXAMPLES // 3
    assert seen["ours"] > EXAMPLES // 4


def test_machine_made_rulesets_judge_as_a_manager_does(manager, rules_file, decoders_file):
    engine = manager.engine(debug=True)
    options = EngineOptions(manager=socket.gethostname())
    loaded = events_seen = ours = 0
    for seed in range(FIRST_SEED, FIRST_SEED + EXAMPLES):
        made = case(seed, BLOCK.first)
        for kept in (manager.root / "queue/diff").glob("*"):  # what check_diff has kept is for all sessions
            shutil.rmtree(kept, ignore_errors=True)
        put(decoders_file, made.decoders)
        put(rules_file, made.rules)
        session = engine.open_session()
        try:
            embedded = load_ruleset([manager.root], options=options, cache=False).session()
        except RulesetLoadError:
            with pytest.raises(Refused):
                session.process("x")
            continue
        loaded += 1
        for number, (log, location) in enumerate(made.events):
            theirs, mine = session.process(log, location), embedded.process(log, location)
            where = f"seed {seed}, event {number} {log!r} from {location}"
            assert not list(differences(comparable(mine), comparable(theirs))), where
            assert list(mine.tried) == list(theirs.tried), where
            if number == 0:
                said = [*embedded.ruleset.messages, *mine.messages]
                assert sorted(message.text for message in said) == sorted(m.text for m in theirs.messages), where
            events_seen += 1
            ours += BLOCK.first <= (theirs.rule_id or 0) < BLOCK.first + 20
        session.close()
    # Otherwise nothing would have been compared.
    assert loaded > EXAMPLES // 3
    assert ours > events_seen // 5
