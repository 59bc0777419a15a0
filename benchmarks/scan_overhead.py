"""What the wodle costs over bare Trivy, and what an unchanged second run saves: paired runs on real images.

Each round scans the same archives with Trivy alone (same options, same order, in a shell-like loop) and with the wodle,
in turn first and second, both with a cold layer cache and a database made on the spot; then the wodle again, unchanged,
and Trivy alone again, with its layer cache warm. Needs Trivy (tests/wodles/install_scanners.sh). Times are wall-clock
and processor seconds (of all processes together); the second kind does not mind what else the machine does.

    python benchmarks/scan_overhead.py [IMAGES] [ROUNDS]
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from scan_kit import Wodle
from scan_live import debian_image, npm_lock, scanner, tool, trivy_database
from wodles.scan.commands import trivy_arguments
from wodles.scan.config import check_config
from wodles.scan.targets import Target
from wodles.scan.toolbox import Toolbox


def image(path: Path, number: int) -> None:
    """An image with 300 packages, a lock file and 500 small files to look for secrets in."""
    packages = {f"package-{n}": f"1.{number}.{n}" for n in range(300)} | {"openssl": "3.0.11-1"}
    files = {f"srv/{number}/{n}.py": f"value = {n}\n" * 100 for n in range(500)}
    debian_image(
        path, packages=packages, files={"app/package-lock.json": npm_lock(left_pad="1.3.0"), **files}, tag=f"i:{number}"
    )


class Clock:
    """Seconds since it was made: on the wall, and of the processor in all processes that we waited for."""

    def __init__(self) -> None:
        """Start now."""
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter(), children.ru_utime + children.ru_stime

    def read(self) -> tuple[float, float]:
        """Return wall-clock and processor seconds."""
        wall, processor = self._now()
        return wall - self._start[0], processor - self._start[1]


def bare(config: dict[str, object], archives: list[Path], work: Path) -> tuple[float, float]:
    """Run Trivy alone over the archives."""
    toolbox = Toolbox(check_config(config), str(work))
    commands = []
    for archive in archives:
        target = Target("archive", str(archive), str(archive))
        arguments = trivy_arguments(toolbox.config, target, str(work / "report.json"), 600.0)
        commands.append([str(scanner("trivy")), *arguments])
    environment = toolbox.environment("trivy")
    clock = Clock()
    for command in commands:
        subprocess.run(command, cwd=work, env=environment, check=True, capture_output=True)
        json.loads((work / "report.json").read_bytes())
    return clock.read()


def main(images: int = 5, rounds: int = 5) -> None:
    """Measure and print."""
    alone, ours, unchanged, warm = [], [], [], []
    events = [0, 0]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        archives = [base / f"{n}.tar" for n in range(images)]
        for number, archive in enumerate(archives):
            image(archive, number)
        trivy_database(base / "pristine")
        for number in range(rounds):
            wodle = Wodle(base, trivy=tool("trivy"), archives=[str(a) for a in archives])
            work = base / "bare"
            for order in ((0, 1), (1, 0))[number % 2]:
                shutil.rmtree(base / "cache", ignore_errors=True)
                shutil.copytree(base / "pristine", base / "cache")
                shutil.rmtree(work, ignore_errors=True)
                (work / "tmp").mkdir(parents=True)
                if order == 0:
                    alone.append(bare(wodle.config, archives, work))
                else:
                    shutil.rmtree(base / "state", ignore_errors=True)
                    clock = Clock()
                    events[0] = len(wodle.run(timeout=600))
                    ours.append(clock.read())
            warm.append(bare(wodle.config, archives, work))
            clock = Clock()
            events[1] = len(wodle.run(timeout=600))
            unchanged.append(clock.read())
    print(f"{images} images, {rounds} paired rounds, medians; {events[0]} events, then {events[1]}")
    for kind, name in enumerate(("wall", "processor")):
        first, again, cached = (statistics.median(row[kind] for row in rows) for rows in (ours, unchanged, warm))
        ratio = statistics.median(o[kind] / a[kind] for o, a in zip(ours, alone, strict=True))
        print(
            f"{name}: Trivy alone {statistics.median(row[kind] for row in alone):.2f} s, wodle {first:.2f} s", end="; "
        )
        print(
            f"overhead {100 * (ratio - 1):+.1f} %; unchanged {again:.3f} s: {first / again:.0f} times as fast", end=" "
        )
        print(f"as the first run, {cached / again:.0f} times as fast as Trivy again with a warm cache ({cached:.2f} s)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
