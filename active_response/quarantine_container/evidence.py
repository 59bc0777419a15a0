"""What a container was doing, kept for whoever comes to look."""

import _signal
import posix as os

from active_response.common.deadline import Budget
from active_response.common.home import Home
from active_response.common.log import finish
from active_response.common.refusal import Refused
from active_response.quarantine_container.config import Config
from active_response.quarantine_container.engine import Engine
from active_response.quarantine_container.room import LARGE, make_room
from active_response.quarantine_container.ward import Ward

INSPECT_LIMIT = 1048576  # bytes kept of what the engine said of a container
EVIDENCE_DEADLINE = 60  # seconds that the logs and changes of a container may take, in a process of their own


def gather(home: Home, engine: Engine, ward: Ward, config: Config, name: str) -> None:
    """Save the container's processes, changed files and log, in a process of its own that execd does not wait for."""
    if os.fork():
        return
    # The child: a session of its own, none of execd's pipes, its own deadline.
    code = 1
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for file in (0, 1, 2):
            os.dup2(null, file)
        os.close(ward.lock)
        Budget.seconds = float(EVIDENCE_DEADLINE)
        _signal.alarm(EVIDENCE_DEADLINE + 5)
        saved: "list[str]" = []
        problems = [ward.lack] if ward.lack else make_room(ward, config, name)
        if not problems:
            saved, problems = save(engine, ward, config, name)
        entry = {"response": home.response, "action": "evidence", "container": name}
        entry.update(
            result="failed" if problems else "done",
            reason="evidence" if problems else "",
            detail="; ".join(problems) or ", ".join(saved),
        )
        code = finish(home, 0, entry)
    finally:
        os._exit(code)  # noqa: SLF001 - its name in os, too


def save(engine: Engine, ward: Ward, config: Config, name: str) -> "tuple[list[str], list[str]]":
    """Keep what the engine tells. Return the names of the files that were kept, and what failed."""
    saved: "list[str]" = []
    problems: "list[str]" = []
    query = "?stdout=1&stderr=1&timestamps=1&tail=%d" % config.log_lines
    for what, path in ((LARGE[0], "/top"), (LARGE[1], "/changes"), (LARGE[2], "/logs" + query)):
        try:
            status, body = engine.call("GET", "/containers/%s%s" % (name, path))
        except Refused as error:
            problems.append("%s: %s" % (what, error.detail))
            continue
        if status != 200:
            problems.append("%s: HTTP %d" % (what, status))
        elif attempt_to_keep(ward, name, what, body, problems):
            saved.append(what)
    return saved, problems


def attempt_to_keep(ward: Ward, name: str, what: str, data: bytes, problems: "list[str]") -> bool:
    """Keep a file, and return whether that worked; if not, say why. The container may be released meanwhile."""
    try:
        ward.keep(name, what, data)
    except OSError as error:
        problems.append("%s: %s" % (what, error.strerror))
        return False
    return True
