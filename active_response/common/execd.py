"""The conversation with wazuh-execd, and the frame that every response runs in."""

import _signal
import posix as os
import select
import sys

from active_response.common.deadline import HARD_DEADLINE, time_left
from active_response.common.files import check_owner, parent
from active_response.common.home import Home
from active_response.common.jsontext import parse_json, to_json
from active_response.common.log import finish
from active_response.common.refusal import Failed, Refused
from active_response.common.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

# `_signal` and `posix` are what `signal` and `os` are built on. They start in no time; the public ones load enum.

VERSION = 1
MESSAGE_LIMIT = 131072  # bytes; analysisd and execd cut at 65,536


class Input:
    """Lines from execd, each with a limit of bytes and time."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.rest = b""

    def line(self) -> str:
        """Return the next line, or what there is at the end of the input. Raises Refused or Failed."""
        while b"\n" not in self.rest:
            if len(self.rest) > MESSAGE_LIMIT:
                raise Refused("message", "longer than %d bytes" % MESSAGE_LIMIT)
            if not select.select([self.file], [], [], time_left())[0]:
                continue
            part = os.read(self.file, 65536)
            if not part:
                break
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8", "replace")


def confirm(home: Home, source: Input, key: str) -> None:
    """Tell execd what this response is about. Raises Refused("not-confirmed") unless it answers.

    `abort` means that execd counts the key as treated already and its time anew, and so must we: it is as good as
    `continue`.
    """
    message = {
        "version": VERSION,
        "origin": {"name": home.name, "module": "active-response"},
        "command": "check_keys",
        "parameters": {"keys": [key]},
    }
    os.write(1, to_json(message).encode("ascii") + b"\n")
    try:
        answer = parse_json(source.line())
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("command") not in ("continue", "abort"):
        raise Refused("not-confirmed", "execd did not answer continue or abort")


def check_program(home: Home) -> None:
    """Refuse to act as a program that others could change."""
    check_owner(home.script, "this script")
    check_owner(parent(home.script), "this script's folder")


def answer_execd(
    home: Home,
    arguments: "tuple[str, ...]",
    carry_out: "Callable[[Request, Input, dict[str, str]], None]",
) -> "tuple[int, dict[str, str]]":
    """Read what execd asks on standard input, and do it.

    Args:
        home: this installation.
        arguments: see ``Request``.
        carry_out: does what is asked and adds to the entry for the log what came of it. Raises Refused, Failed.

    Returns:
        the exit code and the entry for the log.
    """
    entry = {"response": home.response, "action": "", "result": "failed", "reason": "", "detail": ""}
    try:
        source = Input(0)
        text = source.line()
        try:
            request = Request(parse_json(text), home.name, arguments)
        except ValueError as error:
            raise Refused("message", str(error)) from None
        entry.update(action=request.command, rule_id=request.rule, alert_id=request.alert_id)
        carry_out(request, source, entry)
    except Failed as error:
        entry.update(result="failed", reason=error.reason, detail=error.detail)
    except Refused as error:
        entry.update(result="refused", reason=error.reason, detail=error.detail)
    except Exception as error:  # noqa: BLE001 - one line in the log, never a traceback to nowhere
        entry.update(result="failed", reason="internal", detail="%s: %s" % (type(error).__name__, error))
    return 1 if entry["result"] == "failed" else 0, entry


def open_standard_files() -> None:
    """Have something in the place of each standard file that is closed, lest a file of ours takes its number."""
    file = 0
    while file < 3:
        file = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.close(file)


def serve(
    home: Home,
    respond: "Callable[[Home], tuple[int, dict[str, str]]]",
    administrate: "Callable[[Home, list[str]], int]",
) -> int:
    """Serve execd, or the administrator when there are options; return the exit code."""
    os.umask(0o027)
    open_standard_files()
    if len(sys.argv) > 1:
        return administrate(home, sys.argv[1:])
    # The last resort is the kernel's: no handler of ours that could be waiting for something itself.
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGALRM})
    _signal.alarm(HARD_DEADLINE)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    code, entry = respond(home)
    return finish(home, code, entry)


def leave(status: int) -> "NoReturn":
    """End this process at once, without what Python does before its end."""
    try:
        sys.stdout.flush()
    finally:
        os._exit(status)  # noqa: SLF001 - its name in os, too
