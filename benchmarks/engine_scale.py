"""What more rules cost an event: the stock ruleset and this package once, twice and four times together.

    python benchmarks/engine_scale.py --stock DIR --logs DIR-OR-FILE.jsonl... [--repeat 5] [--memory EVENTS]

The further copies have ids of their own, hang in the same trees and below each other as the first do, and want the same
events. Prints processor microseconds an event (medians, in turns) and how they grow; with ``--memory`` the peak memory
while so many events go through one session. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine import EPOCH, recorded, report, soak
from wazuh_cicd.cli import collect_seldom
from wazuh_cicd.engine import Ruleset, RulesetFiles, load_ruleset, read_folder
from wazuh_cicd.proof.package import cached_ruleset_files

if TYPE_CHECKING:
    from engine import Event

TIMES = (1, 2, 4)
# Ids have six digits; those of a copy lie so far above those of the first.
STEP = 200_000
_ID = re.compile(rb'(<rule\s[^>]*?\bid=")(\d+)')
_REFERENCE = re.compile(rb"(<(?:if_sid|if_matched_sid)>)([\d,\s]+)")
_NUMBER = re.compile(rb"\d+")


def copied(data: bytes, number: int) -> bytes:
    """Return a rule file with other ids, those that it refers to included; overwriting ones stay apart, too."""

    def moved(found: re.Match[bytes]) -> bytes:
        return found[1] + _NUMBER.sub(lambda digits: b"%d" % (int(digits[0]) + number * STEP), found[2])

    return _REFERENCE.sub(moved, _ID.sub(moved, data))


def several(files: RulesetFiles, times: int) -> RulesetFiles:
    """Return a ruleset with its rules so many times."""
    rules = [
        (f"{name.removesuffix('.xml')}-{number}.xml" if number else name, copied(data, number) if number else data)
        for name, data in files.rules
        for number in range(times)
    ]
    return RulesetFiles(files.decoders, tuple(rules), files.lists)


def microseconds(ruleset: Ruleset, events: list[Event]) -> float:
    """Return the processor time of an event in a warm session."""
    session = ruleset.session()
    begin = time.process_time()
    for number, (log, location) in enumerate(events):
        session.process(log, location, time=EPOCH + number)
    return (time.process_time() - begin) / len(events) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--stock", type=Path, required=True, metavar="DIR")
    parser.add_argument("--logs", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, metavar="EVENTS")
    args = parser.parse_args()
    collect_seldom()
    files = read_folder(args.stock) + RulesetFiles.from_paths(cached_ruleset_files())
    events = list(recorded(args.logs))
    rulesets = {times: load_ruleset(files=several(files, times), cache=False) for times in TIMES}
    for ruleset in rulesets.values():
        microseconds(ruleset, events)
    found: dict[int, list[float]] = {times: [] for times in TIMES}
    for _ in range(args.repeat):
        for times, ruleset in rulesets.items():
            found[times].append(microseconds(ruleset, events))
    once = statistics.median(found[1])
    for times, values in found.items():
        report(f"{times} x the rules ({len(rulesets[times].rules)})", statistics.median(values), "us an event")
        report("  times as much as once", statistics.median(values) / once, "")
    if args.memory:
        soak(rulesets[1], events, args.memory)


if __name__ == "__main__":
    main()
