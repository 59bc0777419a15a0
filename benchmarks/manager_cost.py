"""What our rules cost a real analysisd: the same events through a manager without them and one with them, in turns.

    python benchmarks/manager_cost.py --without /srv/mgr-stock --with /srv/mgr-ours [--fresh] [--pairs 15] EVENTS

Both managers must run on this host, alike but for our package. EVENTS holds one event a line. Events go through the
real queue, few enough at a time that none is dropped. Compared is analysisd's own processor time for each event (from
/proc, all its threads), which other load on the machine hardly touches; the time on the clock is printed beside it.
Prints the ratio without/with of each pair and the median: 1.0 means no cost, 0.98 means two per cent more work.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

_AT_ONCE = 2000  # analysisd's queues hold 16,384


def ask(root: Path, command: str) -> dict[str, Any]:
    """One command on the control socket."""
    body = json.dumps(
        {"version": 1, "origin": {"name": "b", "module": "b"}, "command": command, "parameters": {}}
    ).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)  # a manager that is stopped would be waited for for ever
        connection.connect(str(root / "queue/sockets/analysis"))
        connection.sendall(struct.pack("<I", len(body)) + body)
        stream = connection.makefile("rb")
        answer: dict[str, Any] = json.loads(stream.read(struct.unpack("<I", stream.read(4))[0]))
    return answer


def counted(root: Path) -> tuple[int, int, int]:
    """Events received, processed and dropped since the manager's start."""
    events = ask(root, "getstats")["data"]["metrics"]["events"]
    return events["received"], events["processed"], _sum(events["received_breakdown"]["dropped_breakdown"])


def _sum(tree: dict[str, Any] | int) -> int:
    return sum(map(_sum, tree.values())) if isinstance(tree, dict) else int(tree)


def settle(root: Path, received: int, lost: int) -> None:
    """Wait until all were received and nothing moves any more (some events end early and are never counted)."""
    quiet, last = 0, -1
    while quiet < 3:
        seen, processed, dropped = counted(root)
        if dropped != lost:
            raise SystemExit("the manager dropped events: the numbers would mean nothing")
        quiet = quiet + 1 if seen >= received and processed == last else 0
        last = processed
        time.sleep(0.01)


def process_of(root: Path) -> int:
    """The process id of this folder's analysisd."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "exe").resolve() == (root / "bin/wazuh-analysisd").resolve():
                return int(entry.name)
        except OSError:  # noqa: PERF203 - processes come and go
            continue
    raise SystemExit(f"{root}: its analysisd does not run")


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads so far, to the nanosecond."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return spent / 1e9


def run(root: Path, events: list[bytes]) -> tuple[float, float]:
    """Send the events, wait until all are processed; processor and clock seconds an event."""
    pid = process_of(root)
    before, _, lost = counted(root)
    cpu, clock = cpu_seconds(pid), time.perf_counter()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.connect(str(root / "queue/sockets/queue"))
        for start in range(0, len(events), _AT_ONCE):
            part = events[start : start + _AT_ONCE]
            for event in part:
                queue.send(b"1:benchmark:" + event)
            settle(root, before + start + len(part), lost)
    return (cpu_seconds(pid) - cpu) / len(events), (time.perf_counter() - clock) / len(events)


def start_anew(root: Path) -> None:
    """End this folder's analysisd and start another: two of one kind differ by some per cent all their life."""
    pid = process_of(root)
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}/exe").exists():
        time.sleep(0.05)
    subprocess.run([root / "bin/wazuh-analysisd"], check=True, capture_output=True)
    give_up = time.monotonic() + 60
    while not answers(root):
        if time.monotonic() > give_up:
            raise SystemExit(f"{root}: its analysisd did not start")
        time.sleep(0.1)


def answers(root: Path) -> bool:
    """Whether somebody listens on the control socket."""
    try:
        ask(root, "getstats")
    except OSError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--without", type=Path, required=True, metavar="ROOT")
    parser.add_argument("--with", dest="ours", type=Path, required=True, metavar="ROOT")
    parser.add_argument("events", type=Path)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument(
        "--fresh", action="store_true", help="start both analysisd anew before each pair (test managers only)"
    )
    args = parser.parse_args()
    lines = [line for line in args.events.read_bytes().splitlines() if line] * args.repeat
    ratios, rates = [], []
    for pair in range(args.pairs):
        for root in (args.without, args.ours):
            if args.fresh:
                start_anew(root)
            if args.fresh or pair == 0:
                run(root, lines[:2000])
        # The order changes from pair to pair: what warms up or wears off meets both alike.
        order = (args.without, args.ours) if pair % 2 == 0 else (args.ours, args.without)
        found = {root: run(root, lines) for root in order}
        base, ours = found[args.without], found[args.ours]
        ratios.append(base[0] / ours[0])
        rates.append((1 / base[0], 1 / ours[0], 1 / base[1], 1 / ours[1]))
        print(
            f"pair {pair + 1}: {ratios[-1]:.3f}   events a processor second: {rates[-1][0]:,.0f} without,"
            f" {rates[-1][1]:,.0f} with; on the clock: {rates[-1][2]:,.0f}, {rates[-1][3]:,.0f}"
        )
    columns = [statistics.median(column) for column in zip(*rates, strict=True)]
    quartiles = statistics.quantiles(ratios, n=4)
    print(
        f"{len(lines)} events a run, {args.pairs} pairs; median ratio {statistics.median(ratios):.3f}, quartiles"
        f" {quartiles[0]:.3f} and {quartiles[2]:.3f}"
    )
    print(f"median events a processor second: {columns[0]:,.0f} without, {columns[1]:,.0f} with")


if __name__ == "__main__":
    main()
