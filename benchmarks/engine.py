"""How fast the evaluator starts and runs, and that its memory stays flat.

    python benchmarks/engine.py --stock DIR --logs DIR-OR-FILE.jsonl... [--repeat 5] [--soak EVENTS]

DIR is Wazuh's stock ruleset; the logs are recorded cases (``{"events": [log, ...]}`` a line). Prints medians. Times are
of the processor, so that other work on the machine counts as little as possible; the first line says how long a fixed
loop took, to compare machines by. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.cli import collect_seldom
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import Ruleset, load_ruleset
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Event = tuple[bytes, str]

EPOCH = 1_700_000_000.0
LOOP = 3_000_000

START = """
import sys, time
from pathlib import Path
from wazuh_cicd.cli import collect_seldom
from wazuh_cicd.engine import load_ruleset
collect_seldom()
ruleset = load_ruleset([Path(name) for name in sys.argv[2:]], cache=sys.argv[1] == "cache")
ruleset.session().process("Nov 13 10:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2")
print(time.process_time())
"""


def median(measure: Callable[[], float], repeat: int) -> float:
    """Return the median of some measurements."""
    return statistics.median(measure() for _ in range(repeat))


def loop() -> float:
    """Return the seconds that a fixed loop takes."""
    begin = time.process_time()
    total = 0
    for number in range(LOOP):
        total += number
    return time.process_time() - begin


def start(mode: str, *folders: Path) -> float:
    """Return the seconds from the start of an interpreter to its first verdict."""
    command = [sys.executable, "-c", START, mode, *map(str, folders)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def throughput(ruleset: Ruleset, events: Sequence[Event], *, output: bool) -> float:
    """Return events a second of one session."""
    session = ruleset.session()
    begin = time.process_time()
    for number, (log, location) in enumerate(events):
        verdict = session.process(log, location, time=EPOCH + number)
        if output:
            _ = verdict.output
    return len(events) / (time.process_time() - begin)


def recorded(paths: Sequence[Path]) -> Iterator[Event]:
    """Yield the events of recorded cases."""
    for path in paths:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for line in file.read_text("utf-8").splitlines():
                yield from ((log.encode("utf-8", "surrogateescape"), "stdin") for log in json.loads(line)["events"])


def report(name: str, value: float, unit: str) -> None:
    """Print one line of the table."""
    print(f"{name:<58} {value:>10.2f} {unit}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--stock", type=Path, required=True, metavar="DIR")
    parser.add_argument("--logs", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--soak", type=int, default=0, metavar="EVENTS", help="then run so many events in one session")
    args = parser.parse_args()
    collect_seldom()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    report(f"a loop of {LOOP:,} additions", median(loop, args.repeat), "s")

    specs = load_specs()
    package = render_package(specs)
    own_events = [
        (event.log, event.location)
        for rule in specs.rules
        for test in rule.tests
        for event in test.events
        if event.log is not None
    ]
    stock_events = list(recorded(args.logs))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WAZUH_CICD_CACHE"] = str(Path(folder) / "cache")
        package.write(Path(folder))
        own = (stock_root(), Path(folder) / "manager")
        report("start, own package, no cache", median(lambda: start("none", *own), args.repeat), "s")
        start("cache", *own)
        report("start, own package, compiled cache", median(lambda: start("cache", *own), args.repeat), "s")
        report("start, stock ruleset, no cache", median(lambda: start("none", args.stock), args.repeat), "s")
        start("cache", args.stock)
        report("start, stock ruleset, compiled cache", median(lambda: start("cache", args.stock), args.repeat), "s")
        for name, folders, events in (("stock", (args.stock,), stock_events), ("own", own, own_events)):
            ruleset = load_ruleset(folders)
            throughput(ruleset, events, output=True)
            for what, output in (("verdict", False), ("verdict and full output", True)):
                rate = median(lambda: throughput(ruleset, events, output=output), args.repeat)  # noqa: B023
                report(f"{name} ruleset, {len(events)} events, {what}", rate, "events/s")
    if args.soak:
        soak(load_ruleset([args.stock]), stock_events, args.soak)


def soak(ruleset: Ruleset, events: Sequence[Event], total: int) -> None:
    """Run many events through one session and print the peak memory at every tenth of the way."""
    session = ruleset.session()
    done = 0
    while done < total:
        for log, location in events:
            session.process(log, location, time=EPOCH + done / 100)
            done += 1
            if done % max(1, total // 10) == 0:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                report(f"peak memory after {done:,} events", peak, "MiB")


if __name__ == "__main__":
    main()
