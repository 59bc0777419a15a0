"""Write a site with a page for each rule, indexes by source, level, technique and control, and a search.

It needs no server: open index.html. Alerts name its pages when it is published and installed with --runbook-url.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.spec.model import FIRST_ID, SOURCES

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build/site"), metavar="DIR", help="default: build/site"
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder with rules/, decoders/, lists/ of your own")
    parser.add_argument(
        "--id-base", type=int, default=FIRST_ID, metavar="N", help=f"where the rules' ids begin; default {FIRST_ID}"
    )
    parser.add_argument(
        "--source", action="append", choices=tuple(SOURCES), metavar="NAME", help="only this source (repeatable)"
    )


def run(args: argparse.Namespace) -> int:
    """Write it."""
    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.render.package import select_sources
    from wazuh_cicd.report.pages.site import site_files, write_site
    from wazuh_cicd.spec import load_specs

    specs = load_specs(args.root)
    if args.source:
        specs = select_sources(specs, args.source)
    count = write_site(site_files(specs, Ids(specs, args.id_base)), args.output)
    sys.stdout.write(f"{len(specs.rules)} pages, {count} files: {args.output / 'index.html'}\n")
    return 0
