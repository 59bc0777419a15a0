"""How fast the evaluator is beside a real manager: processor seconds for the same events, in turns.

    python benchmarks/against_manager.py --root /srv/mgr --stock RULESET --logs RECORDED... [--python EXE]...

ROOT is the folder of a manager on this host, with the stock ruleset RULESET and this package installed; RECORDED are
recorded cases (``{"events": [log, ...]}`` a line). Each EXE is an interpreter that has this package (say, one from the
checkout and one with the compiled wheel); this one without any. In each pair the daemon gets the events through its
queue, logtest one request an event, then each EXE runs: verdicts alone and with the output (of a warm session), and the
whole command ``logtest --json --jsonl`` with its start. Prints the time of the manager by that of the evaluator, above
1.0 where the evaluator is faster; only processor time counts, of all threads. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from manager_cost import cpu_seconds, process_of, run

from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WARM = """
import json, os, sys, time
from pathlib import Path
from wazuh_cicd.cli import collect_seldom
from wazuh_cicd.proof.package import cached_ruleset_files
from wazuh_cicd.proof.rulesets import assemble
collect_seldom()
ruleset = assemble([Path(sys.argv[1])], package=cached_ruleset_files())
events = [json.loads(line) for line in Path(sys.argv[2]).read_bytes().splitlines()]
events = [(event["log"].encode("utf-8", "surrogateescape"), event["location"]) for event in events]
def go(output):
    session = ruleset.session()
    begin = time.process_time()
    for number, (log, location) in enumerate(events):
        verdict = session.process(log, location, time=1.7e9 + number)
        if output:
            verdict.output
    return time.process_time() - begin
go(True)
print(go(False), go(True))
"""
LOCATION = "benchmark"


def recorded(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the logs of recorded cases."""
    for path in paths:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for line in file.read_text("utf-8").splitlines():
                yield from json.loads(line)["events"]


def own() -> Iterator[str]:
    """Yield the logs in the tests of this package's specs."""
    for rule in load_specs().rules:
        for test in rule.tests:
            yield from (event.log.decode("utf-8", "surrogateescape") for event in test.events if event.log is not None)


def logtest(root: Path, logs: Sequence[str]) -> float:
    """Return the processor seconds of analysisd for all events in one session of logtest."""
    pid = process_of(root)
    token = ""
    before = cpu_seconds(pid)
    for number, log in enumerate(logs):
        if number == 1:
            before = cpu_seconds(pid)  # the first one loads the ruleset
        request = {"event": log, "log_format": "syslog", "location": LOCATION} | ({"token": token} if token else {})
        body = json.dumps(
            {
                "version": 1,
                "origin": {"name": "b", "module": "b"},
                "command": "log_processing",
                "parameters": request,
            }
        ).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(root / "queue/sockets/logtest"))
            connection.sendall(struct.pack("<I", len(body)) + body)
            stream = connection.makefile("rb")
            answer = json.loads(stream.read(struct.unpack("<I", stream.read(4))[0]).decode("utf-8", "surrogateescape"))
        token = token or answer["data"]["token"]
    spent = cpu_seconds(pid) - before
    return spent * len(logs) / (len(logs) - 1)


def seconds(command: Sequence[str | Path]) -> float:
    """Return the processor seconds of a command from its start to its end."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--root", type=Path, required=True, metavar="DIR")
    parser.add_argument("--stock", type=Path, required=True, metavar="DIR")
    parser.add_argument("--logs", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--python", type=Path, action="append", metavar="EXE")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=20, help="each recorded event so often")
    args = parser.parse_args()
    pythons = args.python or [Path(sys.executable)]
    sets = {"stock tests": list(recorded(args.logs)) * args.repeat, "own events": list(own())}
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("WAZUH_CICD_CACHE", str(Path(folder) / "cache"))
        for pair in range(args.pairs):
            for name, logs in sets.items():
                # What the queue cuts a message at; the rest counts as an event of its own nowhere.
                fitting = [log for log in logs if "\n" not in log and "\0" not in log]
                file = Path(folder) / "events.jsonl"
                lines = [json.dumps({"log": log, "location": LOCATION, "time": 1.7e9}) for log in fitting]
                file.write_text("\n".join(lines) + "\n", "ascii")
                daemon = run(args.root, [log.encode("utf-8", "surrogateescape") for log in fitting])[0] * len(fitting)
                asked = logtest(args.root, fitting)
                print(f"pair {pair + 1}, {name}: {len(fitting)} events; daemon {daemon:.2f} s, logtest {asked:.2f} s")
                for python in pythons:
                    warm = subprocess.run(
                        [python, "-c", WARM, args.stock, file], check=True, capture_output=True, text=True
                    )
                    verdicts, outputs = map(float, warm.stdout.split())
                    command = [python, "-m", "wazuh_cicd.cli", "logtest", "--json", "--jsonl", "--ruleset", args.stock]
                    whole = seconds([*command, file])
                    print(f"  {python}: verdicts {verdicts:.2f} s, with output {outputs:.2f} s, program {whole:.2f} s")
                    for what, ratio in (
                        ("verdicts / daemon", daemon / verdicts),
                        ("output / logtest", asked / outputs),
                        ("program / logtest", asked / whole),
                    ):
                        ratios.setdefault(f"{name:<12} {what:<20} {python}", []).append(ratio)
    for what, values in ratios.items():
        print(f"{what}: median {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
