"""The exercises that an active-response script has to pass, whoever wrote it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.drill.execd import Execd, Outcome
from wazuh_cicd.drill.messages import alert, hostile_lines, hostile_texts, message, message5
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

EXECD_LIMIT = 5.0  # seconds that a script may hold execd; our promise, execd itself waits for ever
GRACE = 1.5  # seconds more for starting the program on a busy machine


@dataclass(frozen=True, slots=True)
class Result:
    """One exercise: ``problem`` is empty when it was passed."""

    name: str
    problem: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Drill:
    """What is exercised, and how.

    Attributes:
        script: the program as it lies in ``folder``.
        folder: a Wazuh home.
        good: decoded fields of an alert that the script acts on.
        field: the decoded field, dotted, that hostile texts are put into.
        extra_args: of the binding.
        prefix: words put before the script.
        rounds: how often the cheap exercises are repeated.
    """

    script: Path
    folder: Path
    good: Mapping[str, Any]
    field: str
    extra_args: Sequence[str] = ()
    prefix: Sequence[str] = ()
    rounds: int = 1

    def execd(self) -> Execd:
        """Return a fresh execd."""
        return Execd(self.script, self.folder, self.prefix)

    def line(self, command: str = "add", data: Mapping[str, Any] | None = None) -> bytes:
        """Return a message with the binding's arguments."""
        return message(command, alert(self.good if data is None else data), extra_args=self.extra_args)


def prepare(script: Path, folder: Path) -> Path:
    """Lay a copy of ``script`` into an empty Wazuh home, with the example configuration it prints, if it does.

    Raises UsageError when there is no such program.
    """
    if not script.is_file() or not os.access(script, os.X_OK):
        raise UsageError(f"{script}: not an executable file")
    for name in ("active-response/bin", "active-response/cicd", "queue", "logs", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(0o750)
    libraries = script.resolve().parents[2] / "lib" if len(script.resolve().parents) > 2 else script
    if script.resolve().parent.match("active-response/bin") and libraries.is_dir():
        (folder / "lib").symlink_to(libraries)  # Wazuh's own programs find theirs by where they lie
    copy = folder / "active-response/bin" / script.name
    shutil.copy(script, copy)
    copy.chmod(0o750)
    if b"--example-config" in copy.read_bytes():
        example = subprocess.run(  # noqa: S603 - the program that the user named
            [copy, "--example-config"], capture_output=True, check=False, timeout=20
        )
        config = folder / "active-response/cicd" / f"{script.name.removeprefix('cicd-')}.conf"
        config.write_bytes(example.stdout)
        config.chmod(0o640)
    return copy


def flaws(outcome: Outcome) -> str:
    """Return what no run may do, whatever it was asked: hold execd, crash, chatter, leave processes behind."""
    if outcome.code is None:
        return f"had to be ended after {outcome.seconds:.1f} s"
    if outcome.code in (126, 127):
        return f"could not be started: {outcome.errors.strip()[:160] or outcome.code}"
    if outcome.seconds > EXECD_LIMIT + GRACE:
        return f"held execd for {outcome.seconds:.1f} s"
    if "Traceback" in outcome.errors:
        return "traceback: " + outcome.errors.strip().rpartition("\n")[2]
    if outcome.more:
        return f"wrote more than one line: {outcome.more[:60]!r}"
    if outcome.said and not outcome.keys:
        return f"its line is no check_keys message with keys: {outcome.said[:60]!r}"
    if outcome.left_behind:
        return f"left processes behind: {outcome.left_behind}"
    return ""


def exercises(drill: Drill) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield every exercise with its name; called, it returns the problem or an empty string."""
    yield "add: registers its key, acts on `continue`", lambda: _add(drill)
    yield "add again: takes `abort`", lambda: _repeat(drill)
    yield "delete, twice", lambda: _delete(drill)
    yield "timeouts: delete runs once, later", lambda: _timeout(drill)
    yield "execd stops in good order: everything is undone", lambda: _stop(drill)
    yield "execd is killed: the next one starts clean", lambda: _crash(drill)
    yield "execd never answers", lambda: _silent(drill)
    yield "execd dies in the handshake", lambda: _hang_up(drill)
    yield "half a message, then nothing", lambda: _half(drill)
    yield "Wazuh 5: enable, disable", lambda: _wazuh5(drill)
    yield "eight at once", lambda: _at_once(drill)
    yield "the script is killed again and again", lambda: _killed(drill)
    for name, line in hostile_lines():
        yield f"hostile message: {name}", partial(_hostile_line, drill, line)
    yield "hostile texts in the alert", lambda: _hostile_texts(drill)


def nest(dotted: str, value: object) -> dict[str, Any]:
    """Return ``{"a": {"b": value}}`` for ``a.b``."""
    first, _, rest = dotted.partition(".")
    return {first: nest(rest, value) if rest else value}


def _add(drill: Drill) -> str:
    outcome = drill.execd().run(drill.line(), timeout=600)
    return flaws(outcome) or ("" if outcome.keys else "no check_keys: execd would never undo it")


def _repeat(drill: Drill) -> str:
    execd = drill.execd()
    first = execd.run(drill.line(), timeout=600)
    second = execd.run(drill.line(), timeout=600)
    if first.keys != second.keys:
        return f"other keys for the same alert: {first.keys} {second.keys}"
    return flaws(first) or flaws(second) or ("" if second.answer == "abort" else "execd did not know the key")


def _delete(drill: Drill) -> str:
    execd = drill.execd()
    return next(filter(None, (flaws(execd.run(drill.line("delete"))) for _ in range(2))), "")


def _timeout(drill: Drill) -> str:
    execd = drill.execd()
    execd.run(drill.line(), timeout=10, now=100.0)
    early, late, after = execd.tick(105.0), execd.tick(111.0), execd.tick(130.0)
    if early or len(late) != 1 or after:
        return f"deletes: {len(early)} early, {len(late)} in time, {len(after)} after"
    return flaws(late[0])


def _stop(drill: Drill) -> str:
    execd = drill.execd()
    execd.run(drill.line(), timeout=600)
    undone = execd.stop()
    return flaws(undone[0]) if len(undone) == 1 else f"{len(undone)} deletes"


def _crash(drill: Drill) -> str:
    execd = drill.execd()
    execd.run(drill.line(), timeout=600)
    execd.crash()
    again = execd.run(drill.line(), timeout=600)
    return flaws(again) or ("" if again.answer == "continue" else "not taken up again")


def _silent(drill: Drill) -> str:
    return flaws(drill.execd().run(drill.line(), answer=False))


def _hang_up(drill: Drill) -> str:
    process = _start(drill)
    _feed(process, drill.line())
    process.stdout.close()  # type: ignore[union-attr]
    _hang_up_input(process)
    return _ends(process)


def _half(drill: Drill) -> str:
    process = _start(drill)
    _feed(process, drill.line()[:40])
    problem = _ends(process)
    _hang_up_input(process)
    process.stdout.close()  # type: ignore[union-attr]
    return problem


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write to a script that may have ended already, as it may."""
    with suppress(BrokenPipeError):
        process.stdin.write(data)  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]


def _hang_up_input(process: subprocess.Popen[bytes]) -> None:
    with suppress(BrokenPipeError):  # closing writes what could not be written before
        process.stdin.close()  # type: ignore[union-attr]


def _start(drill: Drill) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the program that the user named, no shell
        [*drill.prefix, str(drill.script)],
        cwd=drill.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ends(process: subprocess.Popen[bytes]) -> str:
    try:
        process.wait(EXECD_LIMIT + GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "did not end"
    return ""


def _wazuh5(drill: Drill) -> str:
    execd = drill.execd()
    fields = {"source": {"ip": "198.51.100.7"}, **drill.good}
    outcomes = [execd.run(message5(command, fields, timeout=60), timeout=60) for command in ("enable", "disable")]
    return next(filter(None, map(flaws, outcomes)), "")


def _at_once(drill: Drill) -> str:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(drill.execd().run(drill.line(), timeout=60))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(filter(None, map(flaws, outcomes)), "")


def _killed(drill: Drill) -> str:
    """End the script at several moments; afterwards it must work as before."""
    for milliseconds in (1, 5, 10, 20, 40, 80):
        process = _start(drill)
        try:
            process.communicate(drill.line() + b'{"command":"continue"}\n', timeout=milliseconds / 1000)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return _add(drill)


def _hostile_line(drill: Drill, line: bytes) -> str:
    return flaws(drill.execd().run(line))


def _hostile_texts(drill: Drill) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        canary = Path(scratch) / "canary"
        for text in hostile_texts(str(canary)):
            outcome = drill.execd().run(drill.line(data=nest(drill.field, text)), timeout=600)
            problem = flaws(outcome)
            if canary.exists():
                problem = "a text of the event was executed"
            if problem:
                return f"{json.dumps(text)[:60]}: {problem}"
    return ""
