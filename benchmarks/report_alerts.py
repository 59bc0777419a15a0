"""What `wazuh-cicd report` takes, against parsing the same file with the standard library's json.

    python benchmarks/report_alerts.py [--alerts 250000 --alerts 1000000] [--notable 5] [--folder DIR]

Makes a month of alerts: those of ordinary life in tests/benign, and of the stories in tests/stories for the share that
is of level 7 and above, with many actors, repositories and hosts. Each program runs alone, in a process of its own;
times are of the processor, memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests"), str(ROOT)]

if TYPE_CHECKING:
    from collections.abc import Sequence

_START = 1_767_225_600
_MONTH = 30 * 86_400
_PARSE = "import json, sys\nfor line in open(sys.argv[1], 'rb'):\n    json.loads(line)\n"
#: Names in the alerts that become many.
_NAMES = ("dev-ana", "dev-ben", "dev-cai", "dana-dev", "mallory", "acme/app", "acme/web", "build-01", "203.0.113.66")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the files, run both programs on each, print a row for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--alerts", type=int, action="append", help="so many; repeatable (default: 250000, 1000000)")
    parser.add_argument("--notable", type=float, default=5.0, metavar="PERCENT", help="of level 7 and above (5)")
    parser.add_argument("--rounds", type=int, default=2, help="each in turn; the fastest counts (2)")
    parser.add_argument("--folder", type=Path, help="where the files are made (default: a temporary one)")
    args = parser.parse_args(arguments)
    print("| alerts | level 7 and above | MiB | json s | report s | ratio | µs an alert | json MiB | report MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for count in args.alerts or [250_000, 1_000_000]:
            path = Path(name, "alerts.json")
            # In a process of its own: a child's peak begins with that of its parent.
            maker = multiprocessing.get_context("spawn").Process(target=_make, args=(path, count, args.notable / 100))
            maker.start()
            maker.join()
            page = str(Path(name, "report.html"))
            reading = [sys.executable, "-c", _PARSE, str(path)]
            reporting = [sys.executable, "-m", "wazuh_cicd.cli", "report", str(path), "-o", page]
            rounds = [(_run(reading), _run(reporting)) for _ in range(args.rounds)]
            (parse, parse_peak), (whole, peak) = map(min, zip(*rounds, strict=True))
            print(
                f"| {count:,} | {args.notable:g} % | {path.stat().st_size >> 20} | {parse:.1f} | {whole:.1f} |"
                f" {whole / parse:.2f} | {whole / count * 1e6:.1f} | {parse_peak} | {peak} |",
                flush=True,
            )
    return 0


def _make(path: Path, count: int, share: float) -> None:
    _write(path, count, share, *_templates())


def _templates() -> tuple[list[str], list[str]]:
    """Alerts as text, with the places where time and names go."""
    from incidents import mixing  # noqa: PLC0415 - after the path

    found = [*mixing.ordinary_alerts(), *(one for path in mixing.STORIES for one in mixing.story_alerts(path))]
    quiet: list[str] = []
    loud: list[str] = []
    for one in found:
        alert = {**one.alert, "timestamp": "@TIME@"}
        alert["rule"]["description"] = alert["rule"]["description"].partition("] ")[2]
        text = json.dumps(alert, separators=(",", ":"))
        for number, name in enumerate(_NAMES):
            text = text.replace(name, f"@{number}@")
        (loud if alert["rule"]["level"] >= 7 else quiet).append(text)
    return quiet, loud


def _write(path: Path, count: int, share: float, quiet: Sequence[str], loud: Sequence[str]) -> None:
    dice = random.Random(count)  # noqa: S311 - the same file each time
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            text = dice.choice(loud if dice.random() < share else quiet)
            moment = datetime.fromtimestamp(_START + number * _MONTH // count, tz=timezone.utc)
            text = text.replace("@TIME@", moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000"))
            who = dice.randrange(2000)
            for place, name in enumerate(_NAMES):
                mark = f"@{place}@"
                if mark in text:
                    text = text.replace(mark, _another(name, who))
            stream.write(text + "\n")


def _another(name: str, who: int) -> str:
    """One of the many that stand for a name."""
    if name[0].isdigit():
        return f"203.0.{who >> 8}.{who & 255}"
    return f"{name}-{who % 300}"


def _run(command: Sequence[str]) -> tuple[float, int]:
    """Seconds of the processor, and the peak in MiB."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'generator'}{os.pathsep}{ROOT}"}
    begun = time.monotonic()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        message = f"{' '.join(command[:4])} ended with {child.returncode} after {time.monotonic() - begun:.0f} s"
        raise SystemExit(message)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main())
