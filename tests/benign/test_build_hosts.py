from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benign.build_life import LOCATION, build_hosts
from benign.normal_life import MONDAY, Event
from benign.site import STOCK, Site

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
#: Real recordings of hosts and daemons at work.
RECORDINGS = {
    "auditd": ("auditd/crowdsec__auditd-logs.log", "auditd/openshift__raw_auditd.log"),
    "docker-events": (
        "docker-events/arms-manager.jsonl",
        "docker-events/compose-events-json__exec.jsonl",
        "docker-events/rhixecompany__banking.jsonl",
    ),
}
LOUD, ALARM, FOR = 5, 8, 500


def recording(name: str) -> tuple[Event, ...]:
    """The events of a recording as an agent would pass them on."""
    events = []
    for file in RECORDINGS[name]:
        for line in (SAMPLES / file).read_text(errors="surrogateescape").splitlines():
            if not line.strip():
                continue
            if name == "auditd":
                events.append(Event(MONDAY + len(events), LOCATION, line))
                continue
            event = json.loads(line)
            event = event.get("log", event) if isinstance(event.get("log", event), dict) else json.loads(event["log"])
            docker = event.get("docker", event)
            wrapped = json.dumps({"integration": "docker", "docker": docker}, separators=(",", ":"))
            events.append(Event(MONDAY + len(events), "Wazuh-Docker", wrapped))
    return tuple(events)


OURS = Site({}, lambda: {"build-hosts": build_hosts()})
RECORDED = Site({}, lambda: {name: recording(name) for name in RECORDINGS})


@pytest.mark.parametrize(
    "stock", [False, pytest.param(True, marks=pytest.mark.skipif(not STOCK.is_dir(), reason="no ../shared"))]
)
def test_builds_raise_no_alarm(stock):
    loud = [
        (number, level, event.log)
        for event, number, level, _ in OURS.judged("build-hosts", stock=stock)
        if level > LOUD and number in OURS.ours
    ]
    assert not [entry for entry in loud if entry[1] >= ALARM]
    assert len(loud) <= len(OURS.events["build-hosts"]) / FOR, loud


def test_the_corpus_is_large_varied_and_reaches_our_rules():
    events = OURS.events["build-hosts"]
    assert len({event.log for event in events}) == len(events) >= 800
    assert len({number for _, number, _, _ in OURS.judged("build-hosts", stock=False) if number in OURS.ours}) >= 6


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no ../shared")
@pytest.mark.parametrize("name", RECORDINGS)
def test_real_recordings_raise_hardly_an_alarm(name):
    judged = RECORDED.judged(name, stock=False)
    loud = Counter(
        (number, level, title) for _, number, level, title in judged if level > LOUD and number in RECORDED.ours
    )
    assert judged
    assert not loud, f"{sum(loud.values())} of {len(judged)}"
