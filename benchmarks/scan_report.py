"""How long and how much memory a 10,000-finding report takes to become events, and how a second run compares.

Each measurement is a whole run of the wodle in a process of its own: start of Python included. Prints medians.

    python benchmarks/scan_report.py [FINDINGS] [ROUNDS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from scan_kit import WODLE, trivy_report, vulnerability


def padded(number: int) -> dict[str, object]:
    """A vulnerability as long as a real one (about 2.5 KB compact), references and description included."""
    return vulnerability(
        number,
        Title="package: a flaw of some length in the handling of input",
        Description="A flaw was found in the handling of input. " * 22,
        References=[f"https://example.com/advisory/{number}/{n}" for n in range(20)],
        CVSS={"nvd": {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V3Score": 9.8}},
        Layer={"DiffID": "sha256:" + "c" * 64},
        PublishedDate="2024-01-01T00:00:00Z",
    )


def run(config: Path, report: Path) -> tuple[float, float, float, int, int]:
    """Wall-clock seconds, processor seconds, peak MiB, events, bytes of the largest event."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, str(WODLE), "--config", str(config), "--report", str(report)], stdout=out
        )
        _, _, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        out.seek(0)
        lines = out.read().splitlines()
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, len(lines), max(map(len, lines))


def main(findings: int = 10_000, rounds: int = 5) -> None:
    """Measure and print."""
    first, second = [], []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        report = base / "report.json"
        report.write_text(json.dumps(trivy_report(*(padded(n) for n in range(findings))), separators=(",", ":")))
        for number in range(rounds):
            config = base / f"scan-{number}.json"
            settings = {
                "engine": "none",
                "state_directory": str(base / f"state-{number}"),
                "events_per_run": 2 * findings,
            }
            config.write_text(json.dumps(settings))
            config.chmod(0o600)
            first.append(run(config, report))
            second.append(run(config, report))
        size = report.stat().st_size / 2**20
    print(f"{findings} findings, report of {size:.1f} MiB, {rounds} rounds, medians")
    for name, rows in (("first run", first), ("unchanged second run", second)):
        wall, processor, memory = (statistics.median(row[i] for row in rows) for i in range(3))
        print(f"{name}: {wall:.2f} s ({processor:.2f} s of the processor), {memory:.0f} MiB peak", end=", ")
        print(f"{rows[0][3]} events, largest {rows[0][4]} bytes")
    print(f"events saved by the second run: {100 * (1 - second[0][3] / first[0][3]):.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
