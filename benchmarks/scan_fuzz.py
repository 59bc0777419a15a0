"""Mutated reports through parsing, merging, proving and encoding: how many are read, how many refused, how many break.

Prints the counts and the rate; a traceback ends the program, an event over 8 KiB or a leaked canary is counted.

    python benchmarks/scan_fuzz.py [REPORTS] [SEED]
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "wodles")]

from test_scan_reports import REPORTS, grype_report, mutate, parse_and_encode, plant  # noqa: E402

from scan_kit import trivy_report, vulnerability  # noqa: E402 -- found by the line above

CANARY = "c4n4ry-wJalrXUtnFEMI-K7MDENG"


def main(reports: int = 100_000, seed: int = 1) -> None:
    """Mutate, read, count."""
    chooser = random.Random(seed)  # noqa: S311 -- repeatable, not secret
    bases = [json.loads(p.read_bytes()) for p in REPORTS if p.stat().st_size < 60_000]
    bases += [
        trivy_report(vulnerability(1), vulnerability(2)),
        json.loads(grype_report("CVE-2024-0001", "pkg:npm/x@1")),
    ]
    bases = [plant(base, CANARY) for base in bases]
    refused = long = leaked = size = 0
    started = time.perf_counter()
    for _ in range(reports):
        document = chooser.choice(bases)
        for _ in range(chooser.randint(1, 4)):
            document = mutate(document, chooser, "x")
        data = json.dumps(document).encode()
        if chooser.random() < 0.1:
            data = data[: chooser.randrange(len(data) + 1)]
        events = parse_and_encode(data)
        refused += events == b""
        long += any(len(line) > 8192 for line in events.splitlines())
        leaked += CANARY.encode() in events
        size += len(events)
    seconds = time.perf_counter() - started
    read = reports - refused
    print(f"{reports} mutated reports of {len(bases)} originals: {read} read, {refused} refused, no traceback")
    print(
        f"{size / 2**20:.0f} MiB of events, {long} over 8 KiB, {leaked} with a canary; {reports / seconds:.0f} a second"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
