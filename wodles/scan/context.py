"""What all parts of one run share."""

import time
from typing import List, Optional

from wodles.scan.config import Config
from wodles.scan.databases import database_times
from wodles.scan.errors import REASONS, Problem
from wodles.scan.events import Emitter, Fields
from wodles.scan.sla import Waiver
from wodles.scan.state import State
from wodles.scan.targets import Target
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import day_of

VERSION = "1"  # of the program, in each run's summary; another one makes every artifact be scanned again


class Run:
    """One run: its parts, its clock, and what it counts."""

    def __init__(
        self, config: Config, emitter: Emitter, state: State, toolbox: Toolbox, now: Optional[float] = None
    ) -> None:
        """Take the parts; ``now`` (seconds since 1970) is for tests of the clock."""
        self.config = config
        self.emit = emitter
        self.state = state
        self.toolbox = toolbox
        self.now = int(time.time() if now is None else now)
        self.deadline = time.monotonic() + config.run_seconds
        self.counts = {"artifacts": 0, "scanned": 0, "unchanged": 0, "failed": 0, "unproved": 0, "overdue": 0}
        self.waivers: List[Waiver] = []
        self.stale = False
        self.inputs = ""

    def left(self) -> float:
        """Return how many seconds the run may still take."""
        return self.deadline - time.monotonic()

    def error(self, problem: Problem, target: Optional[Target] = None) -> None:
        """Write the one event that says why something is not proved clean."""
        self.emit.note(
            problem.event,
            [
                ("reason", problem.reason),
                ("text", REASONS.get(problem.reason, "")),
                ("detail" if problem.event != "eol_os" else "os", problem.detail),
                ("scanner", ",".join(self.config.scanners())),
                ("artifact", target.name if target else ""),
                ("kind", target.kind if target else "run"),
                ("digest", target.shown_digest() if target else ""),
                ("exposure", target.exposure if target else ""),
                ("trigger", target.trigger if target else ""),
            ],
        )

    def summary(self, started: float) -> None:
        """Close the run; without this event, a run was cut off."""
        times = database_times(self.config) if self.config.scanners() else {}
        built = min([b for _, b in times.values() if b] or [0])
        fields: Fields = [
            ("scope", "run"),
            ("outcome", "errors" if self.emit.errors else "complete"),
            ("scanner", ",".join(self.config.scanners())),
        ]
        fields += sorted(self.counts.items())
        fields += [
            ("events", self.emit.sent + 1),
            ("errors", self.emit.errors),
            ("deferred", self.emit.deferred),
            ("database", day_of(built) if built else ""),
            ("seconds", int(time.monotonic() - started)),
            ("version", VERSION),
        ]
        self.emit.note("summary", fields)
        self.emit.flush()
