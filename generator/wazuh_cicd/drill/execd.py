"""One active-response script, run as wazuh-execd runs it.

The protocol is that of execd 4.14 (``os_execd/execd.c``, ``shared/exec_op.c``): the program is started in a session of
its own with pipes for standard input and output and no standard error; one line goes in, one line comes back, an answer
goes in, and execd waits for the end. Unlike execd, the player gives up after ``patience`` seconds and tells so.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANSWER_LIMIT = 8191  # bytes of the script's line that execd reads
KEY_LIMIT = 4095  # bytes of a key


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run.

    Attributes:
        command: what the script was asked: add, delete, enable, disable.
        said: the line it wrote, without the line end; empty for none.
        keys: what it registered as; empty when its line was no ``check_keys``.
        answer: continue or abort, as execd answered; empty when there was nothing to answer.
        code: its exit code, negative for a signal; None when it had to be ended.
        seconds: how long execd was held.
        more: what it wrote to standard output behind its first line.
        errors: what it wrote to standard error (a real execd throws that away).
        left_behind: process ids of its session that outlived it.
    """

    command: str
    said: str = ""
    keys: tuple[str, ...] = ()
    answer: str = ""
    code: int | None = 0
    seconds: float = 0.0
    more: str = ""
    errors: str = ""
    left_behind: tuple[int, ...] = ()


@dataclass(slots=True)
class _Pending:
    line: bytes
    since: float
    timeout: float
    offences: int = 1


@dataclass(slots=True)
class Execd:
    """Plays execd for one script.

    Args:
        script: the program.
        folder: the working directory, a Wazuh home; the script is called by the path it has below.
        prefix: words put before the script, such as ``ip netns exec build``.
        patience: seconds after which a run is ended.
        repeated_offenders: minutes, as in the agent's ossec.conf.
        environment: of the script; execd passes on its own.
    """

    script: Path
    folder: Path
    prefix: Sequence[str] = ()
    patience: float = 10.0
    repeated_offenders: Sequence[int] = ()
    environment: Mapping[str, str] | None = None
    pending: dict[str, _Pending] = field(default_factory=dict)

    def run(self, line: bytes, *, timeout: float = 0.0, now: float | None = None, answer: bool = True) -> Outcome:
        """Start the script with one line, as on a message from the manager.

        Args:
            line: what it reads.
            timeout: seconds of a stateful response; 0 for one without end.
            now: the time for the list of timeouts; the monotonic clock when absent.
            answer: whether execd answers at all; without, it stays silent with the pipe open.
        """
        moment = time.monotonic() if now is None else now
        command = _command_of(line)
        started = time.monotonic()
        with tempfile.TemporaryFile() as errors:
            process = self._start(errors.fileno())
            stdin, stdout = process.stdin, process.stdout
            if stdin is None or stdout is None:
                raise AssertionError("pipes were asked for")
            said = keys = reply = ""
            names: tuple[str, ...] = ()
            _write(stdin.fileno(), line)
            if command in ("delete", "disable"):
                stdin.close()
            else:
                said = self._read_line(stdout.fileno(), started)
                names, keys = self._keys(said)
                if said:
                    reply = self._decide(keys, line, timeout, moment)
                    if answer:
                        _write(stdin.fileno(), _answer(said, reply))
                        stdin.close()
                elif line.endswith(b"\n"):
                    stdin.close()
            code, more = self._finish(process, started)
            if not stdin.closed:
                stdin.close()
            seconds = time.monotonic() - started
            stdout.close()
            errors.seek(0)
            complaint = errors.read(65536).decode("utf-8", "replace")
        return Outcome(
            command, said, names, reply if answer else "", code, seconds, more, complaint, _session(process.pid)
        )

    def tick(self, now: float | None = None) -> list[Outcome]:
        """Run the deletes whose time has passed, as execd does about once a second."""
        moment = time.monotonic() if now is None else now
        due = [key for key, entry in self.pending.items() if moment - entry.since > entry.timeout]
        return [self._undo(key) for key in due]

    def stop(self) -> list[Outcome]:
        """End execd in good order: every pending delete is run at once."""
        return [self._undo(key) for key in list(self.pending)]

    def crash(self) -> None:
        """End execd by force: it forgets everything."""
        self.pending.clear()

    def _undo(self, key: str) -> Outcome:
        line = self.pending.pop(key).line
        return self.run(line.replace(b'"command":"add"', b'"command":"delete"').replace(b'"enable"', b'"disable"'))

    def _start(self, errors: int) -> subprocess.Popen[bytes]:
        try:
            name = str(self.script.relative_to(self.folder))
        except ValueError:
            name = str(self.script)
        return subprocess.Popen(  # noqa: S603 - the program that the user named, no shell
            [*self.prefix, name if "/" in name else f"./{name}"],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env=None if self.environment is None else dict(self.environment),
        )

    def _read_line(self, file: int, started: float) -> str:
        """Read bytewise, so that nothing behind the line is lost; stop at its end, the limit or the end of patience."""
        data = b""
        while not data.endswith(b"\n") and len(data) < ANSWER_LIMIT:
            left = started + self.patience - time.monotonic()
            if left <= 0 or not select.select([file], [], [], left)[0]:
                break
            part = os.read(file, 1)
            if not part:
                break
            data += part
        return data.decode("utf-8", "replace").rstrip("\n")

    def _keys(self, said: str) -> tuple[tuple[str, ...], str]:
        base = self.script.name
        try:
            parsed = json.loads(said)
            keys = tuple(parsed["parameters"]["keys"]) if parsed["command"] == "check_keys" else ()
        except (ValueError, KeyError, TypeError):
            return (), base
        return keys, "-".join([base, *map(str, keys)])[:KEY_LIMIT]

    def _decide(self, key: str, line: bytes, timeout: float, now: float) -> str:
        if not timeout:
            return "continue"
        entry = self.pending.get(key)
        if entry is None:
            self.pending[key] = _Pending(line, now, timeout)
            return "continue"
        entry.since = now
        entry.offences += 1
        if self.repeated_offenders:
            step = min(entry.offences - 2, len(self.repeated_offenders) - 1)
            entry.timeout = self.repeated_offenders[step] * 60.0
        return "abort"

    def _finish(self, process: subprocess.Popen[bytes], started: float) -> tuple[int | None, str]:
        """Wait for the end of output and of the process, as ``wpclose`` does; end it when patience does."""
        data = b""
        file = process.stdout.fileno() if process.stdout else -1
        while True:
            left = started + self.patience - time.monotonic()
            if left <= 0 or not select.select([file], [], [], left)[0]:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return None, data.decode("utf-8", "replace")
            part = os.read(file, 65536)
            if not part:
                break
            data += part
        try:
            return process.wait(max(0.01, started + self.patience - time.monotonic())), data.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None, data.decode("utf-8", "replace")


def _command_of(line: bytes) -> str:
    for command in ("delete", "disable"):
        if f'"command":"{command}"'.encode() in line:
            return command
    return "enable" if b'"command":"enable"' in line else "add"


def _answer(said: str, reply: str) -> bytes:
    try:
        parsed = json.loads(said)
    except ValueError:
        parsed = {}
    body = {"version": 1, "origin": {"name": "node01", "module": "wazuh-execd"}, "command": reply}
    body["parameters"] = parsed.get("parameters", {}) if isinstance(parsed, dict) else {}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def _write(file: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(file, data) :]
    except BrokenPipeError:
        return  # the script has ended already, as it may


def _session(leader: int) -> tuple[int, ...]:
    """Return the processes that still live in the session of a process that has ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[3] == str(leader) and fields[0] != "Z":
                found.append(int(folder.name))
    return tuple(found)
