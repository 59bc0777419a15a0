"""Show what an event becomes: decoder, fields, rule, alert; and with --explain, why.

Reads events, one a line, from FILE or standard input. All events of a run share one session, so that composites fire
when they have seen enough.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.commands import engine_options
from wazuh_cicd.commands.collector import loading

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from wazuh_cicd.engine import Explanation, Verdict
    from wazuh_cicd.proof.events import InputEvent

# Bytes that are read at once.
_PIECE = 65_536


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="events, one a line (default: standard input)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object an event, as Wazuh's logtest writes it")
    parser.add_argument("--jsonl", action="store_true", help='a line is an object {"log": …, "location": …, "time": …}')
    parser.add_argument("--location", default="stdin", help="where events come from that do not say (default: stdin)")
    parser.add_argument(
        "--explain", action="store_true", help="the way through the rule tree: what was tried, what failed, who won"
    )
    engine_options.add_ruleset(parser)
    engine_options.add_status(parser, None)
    parser.add_argument("--no-package", action="store_true", help="leave the package's own content out")


def run(args: argparse.Namespace) -> int:
    """Judge the events; 0 also when none alerts."""
    from wazuh_cicd.engine.patterns.perl import gave_up
    from wazuh_cicd.proof.package import cached_ruleset_files
    from wazuh_cicd.proof.rulesets import assemble
    from wazuh_cicd.report import logtest as report

    with loading():
        ruleset = assemble(args.ruleset, package=None if args.no_package else cached_ruleset_files(args.status))
    for message in ruleset.messages:
        sys.stderr.write(f"wazuh-cicd: {message}\n")
    session = ruleset.session()
    for event in _events(args):
        shown: Verdict | Explanation
        if args.explain:
            shown = session.explain(event.log, event.location, time=event.time)
        else:
            shown = session.process(event.log, event.location, time=event.time)
        sys.stdout.write((report.as_json(shown) if args.json else report.as_text(shown)) + "\n")
    sys.stdout.flush()
    for source, times in gave_up.items():
        shown_source = source.decode("utf-8", "backslashreplace")
        sys.stderr.write(
            f"wazuh-cicd: a pattern reached the limit of PCRE2 {times} times, which a manager takes as no match: "
            f"{shown_source[:120]}\n"
        )
    return 0


def _events(args: argparse.Namespace) -> Iterator[InputEvent]:
    from wazuh_cicd.proof.events import read_events

    if args.file:
        with args.file.open("rb") as stream:
            yield from read_events(stream, jsonl=args.jsonl, location=args.location, name=str(args.file))
        return
    if sys.stdin.isatty():
        sys.stderr.write("Type or paste one event a line; Ctrl-D ends.\n")
    yield from read_events(_answered_lines(), jsonl=args.jsonl, location=args.location, name="stdin")


def _answered_lines() -> Iterator[bytes]:
    """Yield the lines of standard input, and write out all answers before waiting for more of them."""
    source = sys.stdin.buffer.raw if isinstance(sys.stdin.buffer, io.BufferedReader) else sys.stdin.buffer
    rest: list[bytes] = []
    while True:
        sys.stdout.flush()
        piece = source.read(_PIECE)
        if not piece:
            break
        *lines, last = piece.split(b"\n")
        if lines:
            yield b"".join([*rest, lines[0]])
            yield from lines[1:]
            rest.clear()
        rest.append(last)
    if rest:
        yield b"".join(rest)
