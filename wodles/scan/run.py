"""One run from lock to summary."""

import errno
import fcntl
import glob
import os
import time
from typing import Any, Callable, List, Optional, Tuple

from wodles.scan.artifact import scan_artifact
from wodles.scan.config import Config
from wodles.scan.context import Run
from wodles.scan.errors import REASONS, Problem, ScanError, TerminatedError
from wodles.scan.events import Emitter
from wodles.scan.files import remove_tree
from wodles.scan.prepare import fingerprint_inputs, prepare
from wodles.scan.selection import list_targets, named_targets
from wodles.scan.state import State
from wodles.scan.toolbox import Toolbox
from wodles.scan.values import DAY


def run_scan(config: Config, write: Callable[[bytes], Any], extra: Optional[List[Tuple[str, str]]] = None) -> int:
    """Do one run under the lock; everything that goes wrong is written as an event.

    Args:
        config: a checked configuration.
        write: takes the events' bytes.
        extra: targets named on the command line, ``(kind, value)``; then nothing else is scanned.

    Returns:
        0, or 1 when the run could not be done.
    """
    started = time.monotonic()
    emitter = Emitter(write, config.events_per_run)
    work = ""
    try:
        state = State(config.state_directory)
        with open(os.path.join(state.directory, ".lock"), "wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ScanError("busy") from None
            for leftover in glob.glob(os.path.join(glob.escape(state.directory), "work-*")):
                remove_tree(leftover)
            work = os.path.join(state.directory, "work-%d-%s" % (os.getpid(), os.urandom(8).hex()))
            os.mkdir(work, 0o700)
            pins = state.load_pins()
            known = dict(pins)
            current = Run(config, emitter, state, Toolbox(config, work, pins))
            _scan_all(current, extra)
            if pins != known:
                state.save_pins(pins)
            if not extra:
                state.forget(time.time() - config.forget_days * DAY)
            current.summary(started)
        return 0
    except ScanError as error:
        problem = Problem("scan_error", error.reason, error.detail)
    except TerminatedError:
        problem = Problem("scan_error", "terminated")
    except OSError as error:
        reason = "disk_full" if error.errno == errno.ENOSPC else "internal"
        problem = Problem("scan_error", reason, os.strerror(error.errno or 0))
    finally:
        if work:
            remove_tree(work)
    emitter.note(
        problem.event,
        [("reason", problem.reason), ("text", REASONS[problem.reason]), ("detail", problem.detail), ("kind", "run")],
    )
    emitter.flush()
    return 0 if problem.reason == "busy" else 1


def _scan_all(run: Run, extra: Optional[List[Tuple[str, str]]]) -> None:
    """Scan every target in turn; what goes wrong with one of them does not keep the others from being scanned."""
    if extra and all(kind == "report" for kind, _ in extra):
        run.inputs = fingerprint_inputs(run, {})
    else:
        prepare(run)
    targets = named_targets(run, extra) if extra else list_targets(run)
    run.emit.flush()
    for target in targets:
        try:
            scan_artifact(run, target)
        except (TerminatedError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 -- one hostile artifact must not keep the rest from being scanned
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            run.counts["failed"] += 1
            run.error(Problem("scan_error", "disk_full" if full else "internal", type(error).__name__), target)
        run.emit.flush()
