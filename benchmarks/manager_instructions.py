"""What our rules cost a real analysisd in instructions: the same number every time, where time differs by per cents.

    python benchmarks/manager_instructions.py --without /srv/mgr-stock --with /srv/mgr-ours EVENTS

Needs valgrind, root, and two managers that are alike but for our package, whose analysisd does not run and whose
wazuh-db does. Best with one thread of each kind (``analysisd.*_threads=1`` in ``etc/internal_options.conf``). EVENTS
holds one event a line. Each analysisd is run under callgrind, which counts only what the threads do that decode an
event, match rules and write alerts; loading (a minute or more) and the control socket are left out. Prints both counts
for an event, by thread, and the ratio without/with: 1.0 means no cost.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

from manager_cost import answers, counted

_THREADS = {
    "w_decode_event_thread": "decoding",
    "w_process_event_thread": "rules",
    "w_writer_log_thread": "writing alerts",
}
_AT_ONCE = 500
_STARTS_WITHIN = 600.0
_STILL = 2.0


def send(root: Path, events: list[bytes]) -> None:
    """Send the events a few at a time, and wait each time until nothing has moved for two seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.connect(str(root / "queue/sockets/queue"))
        for start in range(0, len(events), _AT_ONCE):
            for event in events[start : start + _AT_ONCE]:
                queue.send(b"1:benchmark:" + event)
            last, since = counted(root), time.monotonic()
            while time.monotonic() - since < _STILL:
                time.sleep(0.1)
                if (now := counted(root)) != last:
                    last, since = now, time.monotonic()
            if last[2]:
                raise SystemExit("the manager dropped events: the numbers would mean nothing")


def spent(profile: Path) -> Counter[str]:
    """Instructions by thread: what each thread's main function and all that it called did."""
    names: dict[str, str] = {}
    found: Counter[str] = Counter()
    function = ""
    for line in profile.read_text(encoding="utf-8", errors="replace").splitlines():
        if (named := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?$", line)) is not None:
            if named[3]:
                names[named[2]] = named[3]
            if not named[1]:
                function = names[named[2]]
        elif function in _THREADS and re.match(r"[\d+*-]", line):
            found[function] += int(line.split()[1])
    return found


def measure(root: Path, events: list[bytes]) -> Counter[str]:
    """Run this folder's analysisd under callgrind, send the events, end it, read its profile."""
    (root / "tmp").mkdir(exist_ok=True)
    for left in (root / "tmp").glob("instructions.*"):
        left.unlink()
    toggles = [f"--toggle-collect={name}" for name in _THREADS]
    # The profile's path is opened once before analysisd changes its root folder, and written after that.
    command = ["valgrind", "--tool=callgrind", "--vgdb=no", "--collect-atstart=no", *toggles]
    command += ["--callgrind-out-file=/tmp/instructions.%p", str(root / "bin/wazuh-analysisd"), "-f"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as analysisd:
        outside = Path(f"/tmp/instructions.{analysisd.pid}")  # noqa: S108 - where callgrind tried it
        try:
            give_up = time.monotonic() + _STARTS_WITHIN
            while not answers(root):
                if analysisd.poll() is not None or time.monotonic() > give_up:
                    raise SystemExit(f"{root}: its analysisd did not start under valgrind")
                time.sleep(0.5)
            send(root, events)
            os.kill(analysisd.pid, signal.SIGTERM)
            analysisd.wait(timeout=120)
        finally:
            analysisd.kill()
            outside.unlink(missing_ok=True)
    return spent(root / f"tmp/instructions.{analysisd.pid}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--without", type=Path, required=True, metavar="ROOT")
    parser.add_argument("--with", dest="ours", type=Path, required=True, metavar="ROOT")
    parser.add_argument("events", type=Path)
    args = parser.parse_args()
    events = [line for line in args.events.read_bytes().splitlines() if line]
    base, ours = (measure(root, events) for root in (args.without, args.ours))
    print(f"{len(events)} events; instructions an event:")
    for name, what in _THREADS.items():
        print(f"{what}: {base[name] / len(events):,.0f} without, {ours[name] / len(events):,.0f} with")
    print(f"together: {base.total() / len(events):,.0f} without, {ours.total() / len(events):,.0f} with")
    print(f"ratio {base.total() / ours.total():.4f}")


if __name__ == "__main__":
    main()
