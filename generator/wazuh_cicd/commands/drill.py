"""Play wazuh-execd for an active-response script: handshake, timeouts, restarts, hostile alerts.

The script is copied into an empty Wazuh home in a temporary folder, and run in a network namespace of its own, so that
what it blocks is blocked nowhere else (--here runs it in this one).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.drill.scenarios import Drill, exercises, nest, prepare
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("script", type=Path, help="the active-response program")
    parser.add_argument("--field", default="srcip", help="decoded field that the script acts on (srcip)")
    parser.add_argument("--value", default="198.51.100.7", help="a value of that field that the script accepts")
    parser.add_argument("--extra-args", default="", help="the binding's extra_args")
    parser.add_argument("--config", type=Path, help="configuration file to lay beside the script as it is")
    parser.add_argument(
        "--here", action="store_true", help="stay in this network namespace: what is blocked is blocked"
    )
    parser.add_argument(
        "-k", dest="words", default="", metavar="WORDS", help="only exercises whose name has these words"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object an exercise")


def run(args: argparse.Namespace) -> int:
    """Run the exercises; 0 when all were passed, 1 when not."""
    if not args.here:
        _leave_network()
    with tempfile.TemporaryDirectory(prefix="wazuh-cicd-drill-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        script = prepare(args.script, home)
        if args.config:
            target = home / "active-response/cicd" / args.config.name
            target.write_bytes(args.config.read_bytes())
            target.chmod(0o640)
        drill = Drill(script, home, nest(args.field, args.value), args.field, args.extra_args.split())
        passed = failed = 0
        for name, exercise in exercises(drill):
            if args.words.lower() not in name.lower():
                continue
            started = time.monotonic()
            problem = exercise()
            seconds = round(time.monotonic() - started, 3)
            passed, failed = passed + (not problem), failed + bool(problem)
            if args.json:
                line = json.dumps({"exercise": name, "passed": not problem, "problem": problem, "seconds": seconds})
            else:
                line = f"{'FAIL' if problem else 'ok  '} {name}" + (f": {problem}" if problem else "")
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    if not args.json:
        sys.stdout.write(f"{passed} passed, {failed} failed\n")
    if not passed + failed:
        raise UsageError(f"no exercise has the words {args.words!r}")
    return 1 if failed else 0


def _leave_network() -> None:
    """Move this process, and what it starts, to a network namespace of its own. Raises UsageError."""
    new_network = 0x40000000  # CLONE_NEWNET, linux/sched.h
    try:
        if hasattr(os, "unshare"):
            os.unshare(new_network)
        else:
            _unshare(new_network)
        _loopback_up()
    except OSError as error:
        raise UsageError(f"cannot make a network namespace ({error.strerror}); be root, or use --here") from None


def _unshare(flags: int) -> None:
    """``os.unshare`` for Python before 3.12."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _loopback_up() -> None:
    """Switch on the loopback interface of the new namespace (``SIOCSIFFLAGS``, netdevice(7))."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))  # IFF_UP
