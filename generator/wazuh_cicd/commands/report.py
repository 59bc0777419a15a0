"""Turn alerts into a report: incidents with what to do, and the figures around them, as one HTML file.

Reads alerts.json, compressed or not, folders of them as a manager lays them out (logs/alerts), or an indexer. The file
needs nothing from elsewhere, runs no script and can be mailed or printed.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from wazuh_cicd.incidents.reading import Alert, Input, Period
    from wazuh_cicd.report.progress import Bar

FORMATS = ("html", "json", "md")
_MOST_INCIDENTS = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument("alerts", type=Path, nargs="*", metavar="ALERTS", help="alerts.json, .json.gz, or a folder")
    parser.add_argument("--indexer", metavar="URL", help="read from this indexer instead, https://HOST:9200")
    parser.add_argument("--ca", type=Path, help="PEM file with the indexer's CA (default: those of the system)")
    parser.add_argument("--since", help="from then on: 2026-11-29, 2026-11-29T18:00 (UTC), or 24h, 7d before now")
    parser.add_argument("--until", help="up to then")
    parser.add_argument("--owners", type=Path, help="YAML file that maps repositories and images to teams")
    parser.add_argument("--format", choices=FORMATS, default="html", help="default: %(default)s")
    parser.add_argument(
        "--incidents", type=int, default=50, metavar="N", help="describe so many (default: %(default)s)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Write the report; 1 when there was no alert to report on."""
    from wazuh_cicd.incidents.analysis import Analysis
    from wazuh_cicd.incidents.reading import Input, Period, as_moment
    from wazuh_cicd.owners import load_owners
    from wazuh_cicd.report.incidents import FORMATS as WRITERS
    from wazuh_cicd.report.progress import Bar
    from wazuh_cicd.report.untrusted import visible
    from wazuh_cicd.spec import load_specs

    if bool(args.alerts) == bool(args.indexer):
        raise UsageError("name alerts.json or a folder of them, or an indexer with --indexer")
    if args.ca and not args.indexer:
        raise UsageError("--ca: is for --indexer")
    if not 1 <= args.incidents <= _MOST_INCIDENTS:
        raise UsageError(f"--incidents {args.incidents}: write a number from 1 to {_MOST_INCIDENTS}")
    if args.format == "html" and not args.output and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("name a file for the page with -o, or take --format md")
    now = time.time()
    period = Period(
        as_moment(args.since, "--since", now) if args.since else None,
        as_moment(args.until, "--until", now, end=True) if args.until else None,
    )
    if period.since is not None and period.until is not None and period.since > period.until:
        raise UsageError("--since lies after --until")
    owners = load_owners(args.owners) if args.owners else None
    found = Input()
    bar = Bar("reading alerts", "alerts" if args.indexer else "B")
    analysis = Analysis(load_specs(), period, found, owners, described=args.incidents)
    gc.freeze()  # the specs stay: the collector need not walk them for each thousand alerts
    try:
        analysis.take(_alerts(args, period, found, bar))
    finally:
        bar.end()
    bad = sum(found.bad.values())
    if not analysis.alerts:
        sys.stderr.write(f"wazuh-cicd: {visible(_nothing(args, found))}\n")
        return 1
    if bad or found.broken:
        what = [f"{bad} lines are no alerts, the first at {found.first_bad}"] if bad else []
        sys.stderr.write(f"wazuh-cicd: {visible('; '.join([*what, *found.broken]))}\n")
    _write(args.output, WRITERS[args.format](analysis.report(int(now))))
    return 0


def _alerts(args: argparse.Namespace, period: Period, found: Input, bar: Bar) -> Iterator[Alert]:
    if args.indexer:
        from wazuh_cicd.incidents.indexer import Indexer

        return Indexer(args.indexer, args.ca).alerts(period, found, bar)
    from wazuh_cicd.incidents.reading import find_files, read_files

    return read_files(find_files(args.alerts, period, found), found, bar)


def _nothing(args: argparse.Namespace, found: Input) -> str:
    """Say why there is nothing to report on: an empty report would look like a quiet day."""
    bad = sum(found.bad.values())
    where = args.indexer or ", ".join(map(str, args.alerts))
    why = []
    if found.outside or found.skipped:
        why.append(f"{found.outside} alerts and {found.skipped} day files lie outside --since and --until")
    if bad:
        why.append(f"{bad} lines are no alerts, the first at {found.first_bad}")
    why += found.broken
    return f"{where}: no alert to report on; {'; '.join(why) or 'nothing is in it'}; no report written"


def _write(path: Path | None, content: str) -> None:
    data = content.encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = path.resolve()
    # What alerts say is not for everybody: only a mode that we gave a file is kept, not that of another account's.
    before = target.stat() if target.exists() else None
    mode = before.st_mode & 0o777 if before is not None and before.st_uid == os.geteuid() else 0o600
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123 -- a descriptor
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
