"""Render the specs to a Wazuh package."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.commands import engine_options
from wazuh_cicd.content.agents import agent_files
from wazuh_cicd.content.paths import content_root
from wazuh_cicd.errors import SpecError, UsageError
from wazuh_cicd.indexer import indexer_files
from wazuh_cicd.install.settings import words
from wazuh_cicd.render import render_package
from wazuh_cicd.render.lock import write_lock
from wazuh_cicd.render.maturity import is_demoted
from wazuh_cicd.spec import SOURCES, load_specs
from wazuh_cicd.spec.model import FIRST_ID
from wazuh_cicd.spec.shapes import ACTIONS

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-o", "--output", type=Path, default=Path("build"), metavar="DIR", help="default: build")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder with rules/, decoders/, lists/ of your own")
    parser.add_argument(
        "--id-base", type=int, default=FIRST_ID, metavar="N", help=f"move the block of rule ids; default {FIRST_ID}"
    )
    parser.add_argument(
        "--source", action="append", choices=tuple(SOURCES), metavar="NAME", help="only this source (repeatable)"
    )
    engine_options.add_status(parser, "stable")
    parser.add_argument(
        "--respond", metavar="LIST", default="", help="leave full_log out where these responses are bound: block-ip,..."
    )
    parser.add_argument(
        "--runbook-url",
        metavar="URL",
        default="",
        help="alerts name the rule's page: where 'wazuh-cicd docs' is published, or an address with {id} or {name}",
    )
    parser.add_argument("--lock", action="store_true", help="bring the lock file of rule ids up to date")
    parser.add_argument(
        "--retire", action="append", type=int, default=[], metavar="ID", help="with --lock: gone for good"
    )


def _responses(text: str) -> tuple[str, ...]:
    """The names of an option.

    Raises:
        UsageError: one of them is no response.
    """
    names = words(text)
    unknown = sorted(set(names) - set(ACTIONS))
    if unknown:
        raise UsageError(f"--respond {','.join(unknown)}: no such response; there are: {', '.join(ACTIONS)}")
    return names


def run(args: argparse.Namespace) -> int:
    """Build; 1 when a spec is wrong."""
    try:
        specs = load_specs(args.root)
        package = render_package(
            specs,
            id_base=args.id_base,
            with_sources=args.source,
            status=args.status,
            runbook_url=args.runbook_url,
            responses=_responses(args.respond),
        )
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.write(f"{len(error.findings)} errors: nothing built\n")
        return 1
    if args.lock:
        if args.source or args.id_base != FIRST_ID:
            raise UsageError("--lock records the whole package at its own ids: no --source, no --id-base")
        # The lock holds every rule at its own level, whatever this build starts with.
        changed = write_lock(specs, render_package(specs).rendered, args.root or content_root(), args.retire)
        sys.stdout.write(f"lock file: {changed} entries changed\n")
    elif args.retire:
        raise UsageError("--retire goes with --lock")
    package = replace(package, files={**package.files, **agent_files(), **indexer_files(package.specs)})
    package.write(args.output)
    rules = len(package.rendered)
    quiet = sum(is_demoted(specs.by_name[name], args.status) for name in package.rendered)
    begin = f" ({quiet} less mature than {args.status}, at level 3 or below)" if quiet else ""
    sys.stdout.write(f"{rules} rules{begin}, {len(package.files)} files in {args.output}\n")
    return 0
