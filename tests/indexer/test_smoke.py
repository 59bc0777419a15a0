"""``install smoke``: an event a source goes the whole way, or one line says where it ended."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from search_kit import INDEX
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.smoke import ALERTS, MARK, QUEUE, Candidate, Smoke, candidates
from wazuh_cicd.manager.indexer import Indexer, IndexerCredentials
from wazuh_cicd.render import render_package
from wazuh_cicd.report.install import smoke_text
from wazuh_cicd.spec import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from search_kit import SearchNode
    from wazuh_cicd.spec import SpecSet

EVENTS = {name: [Candidate(name, 111000 + place, name.encode())] for place, name in enumerate(("github", "vault"))}


class Engine:
    """Stands in for logtest: an event's text is the name of its source."""

    def open_session(self) -> Engine:
        return self

    def process(self, log: bytes, location: str) -> Any:
        assert location.startswith(MARK)
        rule = next((one.rule_id for found in EVENTS.values() for one in found if one.log == log), None)
        return type("Verdict", (), {"rule_id": rule})


class Manager:
    """Stands in for analysisd and Filebeat: datagrams become lines of alerts.json, and documents."""

    def __init__(self, root: Path, ship: Callable[[dict[str, Any]], object] | None, lose: str = "") -> None:
        self.root, self.ship, self.lose, self.heard = root, ship, lose, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(root / QUEUE))
        self.socket.settimeout(0.05)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        while not self.stop.is_set():
            try:
                _, location, log = self.socket.recv(65536).decode().split(":", 2)
            except TimeoutError:
                continue
            self.heard.append((location, log))
            if log == self.lose:
                continue
            rule = {"id": str(EVENTS[log][0].rule_id), "level": 3, "groups": ["cicd", log]}
            alert = {"timestamp": "2026-01-07T12:00:00.000+0000", "rule": rule, "location": location}
            with (self.root / ALERTS).open("a") as stream:
                line = json.dumps(alert)
                stream.write(line[:20])
                stream.flush()  # a reader may come in the middle of a line
                stream.write(line[20:] + "\nno json\n")
            if self.ship is not None:
                self.ship(alert)

    def end(self) -> None:
        self.stop.set()
        self.thread.join()
        self.socket.close()


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mgr") as folder:
        (Path(folder) / "queue/sockets").mkdir(parents=True)
        (Path(folder) / "logs/alerts").mkdir(parents=True)
        (Path(folder) / ALERTS).write_text(json.dumps({"location": "old"}) + "\n")
        yield Path(folder)


def test_an_event_of_each_source_goes_the_whole_way(root: Path, node: SearchNode) -> None:
    manager = Manager(root, lambda alert: node.ask("POST", f"/{INDEX}/_doc?refresh=true", alert))
    try:
        ways = Smoke(root, Engine(), Indexer(node.url, IndexerCredentials()), wait=20).run(EVENTS)
    finally:
        manager.end()
    assert [way.problem for way in ways] == ["", ""]
    assert all(0 <= (way.alert or -1) <= (way.indexed or -1) for way in ways)
    assert {log for _, log in manager.heard} == {"github", "vault"}
    assert "2 of 2 sources' events arrived in the index" in smoke_text(ways, indexed=True)


def test_an_index_that_lacks_one_is_one_line(root: Path, node: SearchNode) -> None:
    node.ask("PUT", f"/{INDEX}")
    manager = Manager(root, None)
    try:
        ways = Smoke(root, Engine(), Indexer(node.url, IndexerCredentials()), wait=0.5).run(EVENTS)
    finally:
        manager.end()
    text = smoke_text(ways, indexed=True).splitlines()
    assert all(
        "in logs/alerts/alerts.json, not in the index after 0.5 s: look into Filebeat's log" in line
        for line in text[:2]
    )
    assert text[2] == "0 of 2 sources' events arrived in the index"


def test_an_alert_that_is_never_written_is_one_line_and_the_others_go_on(root: Path) -> None:
    manager = Manager(root, None, lose="vault")
    try:
        ways = Smoke(root, Engine(), None, wait=0.5).run(EVENTS)
    finally:
        manager.end()
    assert ways[0].problem == ""
    assert ways[1].problem.startswith("not in logs/alerts/alerts.json after 0.5 s: does analysisd run")
    assert "nothing is known of the index" in smoke_text(ways, indexed=False)


def test_a_source_without_an_event_that_ends_at_its_rule_is_said(root: Path) -> None:
    manager = Manager(root, None)
    try:
        (way,) = Smoke(root, Engine(), None, wait=0.2).run({"aws": [Candidate("aws", 118001, b"nothing")]})
    finally:
        manager.end()
    assert "verify --thorough" in way.problem
    assert manager.heard == []


def test_a_manager_that_is_not_there_is_said(root: Path) -> None:
    with pytest.raises(InstallError, match="does the manager run"):
        Smoke(root, Engine(), None, wait=0.2).run(EVENTS)
    (root / ALERTS).unlink()
    with pytest.raises(InstallError, match="as root"):
        Smoke(root, Engine(), None, wait=0.2).run(EVENTS)


def test_every_source_has_harmless_events(specs: SpecSet) -> None:
    package = render_package(specs, status="stable")
    found = candidates(package, SOURCES)
    assert all(found[source] for source in SOURCES)
    for source, events in found.items():
        for one in events:
            rule = package.specs.by_id[one.rule_id]
            assert rule.source == source
            assert rule.response is None
            assert rule.level >= 3
