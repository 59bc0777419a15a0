"""Run the same events through two engines and print the first difference of each kind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.commands import engine_options

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument("file", type=Path, nargs="?", help="events, one a line (default: standard input)")
    parser.add_argument("--jsonl", action="store_true", help='a line is an object {"log": …, "location": …, "time": …}')
    parser.add_argument("--location", default="stdin", help="where events come from that do not say")
    parser.add_argument(
        "--left", choices=engine_options.NAMES, default="embedded", help="the first engine (default: embedded)"
    )
    parser.add_argument("--right", choices=engine_options.NAMES, default="socket", help="the second (default: socket)")
    parser.add_argument(
        "--no-package", action="store_true", help="leave the package's content out of the embedded engine"
    )
    parser.add_argument(
        "--sessions", choices=("one", "each"), default="one", help="one session for all events, or one each"
    )
    engine_options.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Compare; 1 when anything differs."""
    from wazuh_cicd.proof.compare import compare
    from wazuh_cicd.proof.events import read_events

    left = engine_options.open_engine(args, args.left, package=not args.no_package)
    right = engine_options.open_engine(args, args.right, package=not args.no_package)
    source = args.file.open("rb") if args.file else sys.stdin.buffer
    with source:
        events = read_events(source, jsonl=args.jsonl, location=args.location, name=str(args.file or "stdin"))
        outcome = compare(left, right, events, fresh=args.sessions == "each")
    for difference in outcome.first_of_each_kind:
        sys.stdout.write(f"event {difference.number}: {difference.kind}\n")
        sys.stdout.write(f"  {difference.log}\n")
        sys.stdout.write(f"  {left.name}: {difference.left}\n  {right.name}: {difference.right}\n")
    kinds = len(outcome.first_of_each_kind)
    sys.stdout.write(f"{outcome.events} events, {outcome.differing} differ, in {kinds} ways\n")
    return int(outcome.differing > 0)
