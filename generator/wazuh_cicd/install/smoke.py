"""Does an event arrive? One marked, harmless event a source: the manager's queue, alerts.json, the index.

The events are those of the package's own tests: for each source the quietest rule of level 3 or more that one event
reaches and no response hangs on. The mark is the event's location, ``wazuh-cicd-smoke-…``: it stands in the alert as
``location``, and no rule of a site that knows its logs by their location takes it. Before an event is sent the
manager's logtest is asked whether it ends at that rule, so that what is missing later is missing on its way.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.tree import Tree
from wazuh_cicd.manager.errors import ManagerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from wazuh_cicd.manager.indexer import Indexer
    from wazuh_cicd.manager.logtest import RemoteEngine
    from wazuh_cicd.render import Package
    from wazuh_cicd.spec.model import RuleSpec

QUEUE = "queue/sockets/queue"
ALERTS = "logs/alerts/alerts.json"
MARK = "wazuh-cicd-smoke"
_QUIETEST = 3  # what a manager writes alerts from
_TRIES = 12
_PAUSE = 0.25
_LONGEST_LINE = 4 << 20  # analysisd writes at most 64 KiB
_MOST_CHUNKS = 256
_INDICES = "/wazuh-alerts-4.x-*"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that should become an alert.

    Attributes:
        source: of the rule.
        rule_id: as on the manager.
        log: the event.
    """

    source: str
    rule_id: int
    log: bytes


@dataclass(slots=True)
class Way:
    """How far one source's event came.

    Attributes:
        source: of the rule.
        rule_id: that it should end at; 0 when there is none.
        location: the mark.
        alert: seconds until it stood in alerts.json; None: it did not.
        indexed: seconds until it was found in the index; None: it was not, or nobody asked.
        problem: what is wrong, in one line; empty when nothing is.
    """

    source: str
    rule_id: int
    location: str
    alert: float | None = None
    indexed: float | None = None
    problem: str = ""


@dataclass(slots=True)
class Smoke:
    """The parts that an event passes.

    Attributes:
        root: the manager's folder.
        engine: its logtest.
        indexer: None: the event is followed to alerts.json only.
        wait: seconds for each step.
        sleep, now: replaced by tests.
    """

    root: Path
    engine: RemoteEngine
    indexer: Indexer | None
    wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    _token: str = field(default_factory=lambda: secrets.token_hex(6), init=False)

    def run(self, candidates: Mapping[str, Sequence[Candidate]]) -> list[Way]:
        """Send one event a source and follow them.

        Args:
            candidates: by source, the quietest first.

        Raises:
            InstallError: the queue takes no event, or alerts.json cannot be read.
            ManagerError: logtest does not answer.
        """
        ways = [self._choose(source, found) for source, found in candidates.items()]
        sent = {way.location: (way, log) for way, log in ways if not way.problem}
        with _Follower(self.root) as follower:
            begun = self.now()
            for location, (_, log) in sent.items():
                _send(self.root, location, log)
            self._until(sent, begun, lambda: self._in_alerts(follower, sent), "alert")
        arrived = {location: pair for location, pair in sent.items() if pair[0].alert is not None}
        for location, (way, _) in sent.items():
            if location not in arrived:
                way.problem = (
                    f"not in {ALERTS} after {self.wait:g} s: does analysisd run, is <jsonout_output> on,"
                    " is <log_alert_level> 3?"
                )
        if self.indexer is not None and arrived:
            self._until(arrived, begun, lambda: self._in_index(arrived), "indexed")
            for way, _ in arrived.values():
                if way.indexed is None:
                    way.problem = (
                        f"in {ALERTS}, not in the index after {self.wait:g} s: look into Filebeat's log"
                        " ('Cannot index event' names a refused alert)"
                    )
        return [way for way, _ in ways]

    def _choose(self, source: str, candidates: Sequence[Candidate]) -> tuple[Way, bytes]:
        location = f"{MARK}-{self._token}-{source}"
        for one in candidates[:_TRIES]:
            if self.engine.open_session().process(one.log, location).rule_id == one.rule_id:
                return Way(source, one.rule_id, location), one.log
        problem = "no event of the package's tests ends at its rule: run 'wazuh-cicd install verify --thorough'"
        return Way(source, 0, location, problem=problem), b""

    def _until(
        self, wanted: Mapping[str, tuple[Way, bytes]], begun: float, look: Callable[[], Iterable[str]], name: str
    ) -> None:
        """Look again and again, and note when each was seen."""
        end = self.now() + self.wait
        while any(getattr(way, name) is None for way, _ in wanted.values()):
            for location in look():
                way = wanted[location][0]
                if getattr(way, name) is None:
                    setattr(way, name, self.now() - begun)
            if self.now() >= end:
                return
            self.sleep(_PAUSE)

    @staticmethod
    def _in_alerts(follower: _Follower, wanted: Mapping[str, tuple[Way, bytes]]) -> Iterator[str]:
        for alert in follower.new():
            location, rule = alert.get("location"), alert.get("rule")
            if isinstance(location, str) and location in wanted and isinstance(rule, dict):
                way = wanted[location][0]
                if str(rule.get("id")) == str(way.rule_id):
                    yield location

    def _in_index(self, wanted: Mapping[str, tuple[Way, bytes]]) -> Iterator[str]:
        if self.indexer is None:
            return
        query = {
            "size": len(wanted),
            "_source": ["location"],
            "query": {"terms": {"location": list(wanted)}},
        }
        answer = self.indexer.request("POST", f"{_INDICES}/_search?ignore_unavailable=true", query)
        try:
            found = [str(hit["_source"]["location"]) for hit in answer["hits"]["hits"]]
        except (KeyError, TypeError) as error:
            raise ManagerError(f"{self.indexer.url}: not an answer of an indexer") from error
        yield from (location for location in found if location in wanted)


class _Follower:
    """What a manager appends to alerts.json from now on."""

    def __init__(self, root: Path) -> None:
        self._root, self._path = root, root / ALERTS
        self._rest = b""
        self._cut = False

    def __enter__(self) -> _Follower:  # noqa: PYI034 - typing.Self came with 3.11
        # Neither the file nor a folder above it may be a link, and a pipe in its place must not stop us.
        try:
            with Tree(self._root).folder(os.path.dirname(ALERTS)) as folder:  # noqa: PTH120 - a path below the root
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                self._file = os.open(os.path.basename(ALERTS), flags, dir_fd=folder)  # noqa: PTH119 - as above
        except OSError as error:
            raise InstallError(f"{self._path}: {error.strerror}; run this on the manager, as root") from error
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            os.close(self._file)
            raise InstallError(f"{self._path}: is no ordinary file; find out who put it there")
        os.lseek(self._file, 0, os.SEEK_END)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def new(self) -> Iterator[dict[str, object]]:
        """Whole lines that came since the last call; what is no object, or no alert by its length, is passed over.

        Whoever writes faster than we read does not keep us here: the rest is left to the next call.
        """
        for _ in range(_MOST_CHUNKS):
            chunk = os.read(self._file, 1 << 20)
            if not chunk:
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if self._cut and lines:
                lines, self._cut = lines[1:], False
            if self._cut or len(self._rest) > _LONGEST_LINE:
                self._rest, self._cut = b"", True
            for line in lines:
                if MARK.encode() not in line:
                    continue
                try:
                    alert = json.loads(line.decode("utf-8", "replace"))
                except (ValueError, RecursionError):
                    continue
                if isinstance(alert, dict):
                    yield alert


def _send(root: Path, location: str, log: bytes) -> None:
    queue = root / QUEUE
    try:
        parent, name = os.path.split(QUEUE)
        with (
            Tree(root).folder(parent) as folder,
            _opened(name, folder) as place,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
        ):
            if not stat.S_ISSOCK(os.fstat(place).st_mode):
                raise InstallError(f"{queue}: is a link or no socket; find out who put it there")
            channel.settimeout(10)
            # The socket that was looked at, whatever has its name by now.
            channel.sendto(b"1:" + location.encode() + b":" + log, f"/proc/self/fd/{place}")
    except OSError as error:
        raise InstallError(f"{queue}: {error.strerror or error}; does the manager run?") from error


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """What stands in an open folder, neither followed nor read."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def candidates(package: Package, sources: Iterable[str]) -> dict[str, list[Candidate]]:
    """For each source the events of its quietest rules, the quietest first.

    Args:
        package: as installed.
        sources: those that are installed.
    """
    found: dict[str, list[Candidate]] = {source: [] for source in sources}
    for rule in sorted(package.specs.rules, key=lambda rule: (rule.level, rule.id)):
        if rule.source in found and _is_harmless(rule):
            alone = (test.events[0].log for test in rule.tests if test.expect == "fires" and len(test.events) == 1)
            log = next(filter(None, alone), None)
            if log is not None:
                found[rule.source].append(Candidate(rule.source, package.rule_id(rule.name), log))
    return found


def _is_harmless(rule: RuleSpec) -> bool:
    return (
        rule.level >= _QUIETEST
        and rule.response is None
        and rule.correlate is None
        and not rule.noalert
        and not rule.ignore
        and not any(condition.subject in ("location", "time", "weekday") for condition in (*rule.when, *rule.unless))
    )
