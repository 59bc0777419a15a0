"""Replay recorded answers of a real manager and compare: decoder, fields, rule, counters, messages.

A PATH is a folder or a .txtar file with cases that bring their own rules (tests/conformance holds them), or a .jsonl
file (or a folder of them) whose cases run on the rulesets named with --ruleset. The last line says how many passed and
failed.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.engine import Ruleset, load_ruleset
from wazuh_cicd.engine.recordings import Case, Outcome, find_cases, load_all, recording_options, run_case

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.engine.load.files import RulesetFiles


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder with cases, .txtar or .jsonl file")
    parser.add_argument("--stock", type=Path, metavar="DIR", help="the stock ruleset, for the cases that ask for it")
    parser.add_argument(
        "--ruleset", type=Path, action="append", default=[], metavar="DIR", help="ruleset for .jsonl cases; repeatable"
    )
    parser.add_argument("--texts", action="store_true", help="compare the wording of messages, not only their codes")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to use (default 1)")
    parser.add_argument("--json", action="store_true", help="one JSON object a case, totals last")


class _Runner:
    """What every process needs to run cases: the rulesets, loaded at most once."""

    def __init__(self, stock: Path | None, rulesets: Sequence[Path], *, texts: bool) -> None:
        self._stock = stock
        self._folders = rulesets
        self._texts = texts
        self._stock_files: RulesetFiles | None = None
        self._loaded: Ruleset | None = None

    def run(self, case: Case) -> Outcome:
        if case.wants_stock and self._stock is not None and self._stock_files is None:
            self._stock_files = load_all([self._stock])
        if case.files is None and self._folders and self._loaded is None:
            self._loaded = load_ruleset(self._folders, options=recording_options())
        return run_case(case, self._stock_files, self._loaded, texts=self._texts)


_runner: _Runner | None = None


def _start(stock: Path | None, rulesets: Sequence[Path], texts: bool) -> None:  # noqa: FBT001  (initialiser of a pool)
    global _runner  # noqa: PLW0603  (one per worker process)
    _runner = _Runner(stock, rulesets, texts=texts)


def _run(case: Case) -> Outcome:
    if _runner is None:  # pragma: no cover  (the pool calls the initialiser first)
        raise RuntimeError("worker without runner")
    return _runner.run(case)


def _outcomes(args: argparse.Namespace, cases: Sequence[Case]) -> Iterator[Outcome]:
    if args.jobs > 1:
        with ProcessPoolExecutor(
            args.jobs, initializer=_start, initargs=(args.stock, args.ruleset, args.texts)
        ) as pool:
            yield from pool.map(_run, cases, chunksize=8)
    else:
        runner = _Runner(args.stock, args.ruleset, texts=args.texts)
        yield from map(runner.run, cases)


def run(args: argparse.Namespace) -> int:
    """Run the cases; 0 when none failed."""
    cases = [case for path in args.paths for case in find_cases(path)]
    passed = failed = 0
    skipped: dict[str, int] = {}
    for outcome in _outcomes(args, cases):
        if outcome.skipped:
            skipped[outcome.skipped] = skipped.get(outcome.skipped, 0) + 1
        elif outcome.difference:
            failed += 1
        else:
            passed += 1
        _report(outcome, as_json=args.json)
    for reason, count in skipped.items():
        sys.stderr.write(f"wazuh-cicd: {count} cases SKIPPED: {reason}\n")
    total = sum(skipped.values())
    if args.json:
        sys.stdout.write(json.dumps({"passed": passed, "failed": failed, "skipped": total}) + "\n")
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0


def _report(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        difference = outcome.difference
        sys.stdout.write(
            json.dumps(
                {
                    "case": outcome.name,
                    "status": "skipped" if outcome.skipped else "failed" if difference else "passed",
                    "difference": None
                    if difference is None
                    else {"key": difference.key, "expected": difference.expected, "found": difference.found},
                }
            )
            + "\n"
        )
    elif outcome.difference:
        sys.stdout.write(f"FAILED {outcome.name}: {outcome.difference}\n")
