"""Running another program to its end: a deadline, and nothing of it left behind."""

import os
import resource
import signal
import time
from typing import Any, Dict, List, NamedTuple, Set

from wodles.scan.errors import ScanError


class Command(NamedTuple):
    """A program to run.

    Args:
        argv: the command line.
        directory: its working directory, which it cannot use to configure itself because it is empty.
        environment: all of its environment.
        descriptor: the open file to run instead of ``argv[0]``, whose hash was checked; -1: none.
        watch: a file that it writes; when it outgrows ``limit`` the program is ended.
        limit: bytes.
        stdout: a file for its standard output, which is thrown away otherwise.
        offline: without any network interface, where we may.
    """

    argv: List[str]
    directory: str
    environment: Dict[str, str]
    descriptor: int = -1
    watch: str = ""
    limit: int = 256 << 20
    stdout: str = ""
    offline: bool = False


class Outcome(NamedTuple):
    """How a child ended: its exit code (negative: the signal), its log for classification only, whether we ended it."""

    code: int
    log: str
    ended_by: str  # "" by itself, "timeout", "report_too_large"


_LIBC: Any = None


def _prctl(option: int, value: int) -> None:
    global _LIBC  # noqa: PLW0603 -- looked up once; dlopen in a forked child would be unsafe
    if _LIBC is None:
        import ctypes

        _LIBC = ctypes.CDLL(None, use_errno=True)
    _LIBC.prctl(option, value, 0, 0, 0)


_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CLONE_NEWNET = 0x40000000


def _in_child(*, offline: bool) -> None:
    """Run between fork and exec: die with the parent, dump no memory, have no network where none is needed.

    Only root can take the network away from a child; for others the scanners' own options must do.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if offline:
        _LIBC.unshare(_CLONE_NEWNET)


def children() -> Set[int]:
    """Return the process ids of our own children."""
    try:
        with open("/proc/self/task/%d/children" % os.getpid(), "rb") as stream:
            return {int(word) for word in stream.read().split()}
    except (OSError, ValueError):
        return set()


def _kill_orphans(others: Set[int]) -> None:
    """Kill whatever escaped its group: as subreaper we are the parent of every orphan below us.

    Args:
        others: children that were ours before, and are none of the program's.
    """
    for _ in range(20):
        orphans = children() - others
        if not orphans:
            return
        for orphan in orphans:
            try:
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)
            except OSError:
                pass


def run_program(command: Command, seconds: float) -> Outcome:
    """Run a program to its end, at most ``seconds``; its whole process group, and what escaped from it, dies then."""
    deadline = time.monotonic() + max(0.0, seconds)
    others = children()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    try:
        return _run_watched(command, deadline)
    finally:
        _kill_orphans(others)
        _prctl(_PR_SET_CHILD_SUBREAPER, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _run_watched(command: Command, deadline: float) -> Outcome:
    import subprocess

    log_path = os.path.join(command.directory, ".log")
    with open(log_path, "wb") as log, open(command.stdout or os.devnull, "wb") as out:
        try:
            child = subprocess.Popen(  # noqa: S603 -- the program was verified by its hash
                command.argv,
                executable="/proc/self/fd/%d" % command.descriptor if command.descriptor >= 0 else None,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=command.directory,
                env=command.environment,
                start_new_session=True,
                pass_fds=[command.descriptor] if command.descriptor >= 0 else [],
                preexec_fn=lambda: _in_child(offline=command.offline),  # noqa: PLW1509 -- this program has one thread
            )
        except OSError:
            raise ScanError("binary_unsafe", "the program could not be started") from None
    watched = [path for path in (command.watch, log_path, command.stdout) if path]
    ended_by = ""
    try:
        while child.poll() is None:
            left = deadline - time.monotonic()
            grown = any(os.path.exists(p) and os.path.getsize(p) > command.limit for p in watched)
            if left <= 0 or grown:
                ended_by = "report_too_large" if grown else "timeout"
                break
            signal.sigtimedwait([signal.SIGCHLD], min(left, 0.5))
    finally:
        _end_group(child, gently=bool(ended_by))
    with open(log_path, "rb") as stream:
        stream.seek(max(0, os.path.getsize(log_path) - (1 << 16)))  # what it died of stands at the end
        log_text = stream.read().decode("utf-8", "replace")
    os.unlink(log_path)
    return Outcome(child.returncode, log_text, ended_by)


def _end_group(child: Any, *, gently: bool) -> None:
    if child.poll() is None and gently:
        _signal_group(child.pid, signal.SIGTERM)
        patience = time.monotonic() + 2
        while child.poll() is None and time.monotonic() < patience:
            signal.sigtimedwait([signal.SIGCHLD], 0.2)
    _signal_group(child.pid, signal.SIGKILL)  # also what the program left behind in its group
    child.wait()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except OSError:
        pass
