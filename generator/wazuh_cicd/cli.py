"""The command ``wazuh-cicd``: finds the verb, hands over to its module, turns failures into exit codes.

Exit codes: 0 clean, 1 findings or failures, 2 wrong use or an internal error (``docs/cli.md``). A verb may define
further codes for itself (``gate`` does).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from wazuh_cicd import __version__
from wazuh_cicd.errors import FindingsError, WazuhCicdError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "build": "render the specs to a Wazuh package",
    "check": "find what is wrong with specs or with any Wazuh ruleset",
    "test": "prove every rule on its own events",
    "logtest": "show what an event becomes, and why",
    "conformance": "replay recorded answers of a real manager",
    "explain": "print what there is to know about a rule",
    "docs": "write a site with a page for each rule",
    "diff": "run the same events through two engines and compare",
    "coverage": "list the detection ideas that the rules implement",
    "demo": "replay a bundled attack story and print its alerts",
    "schema": "print the JSON Schema of the specs, for editors",
    "drill": "play wazuh-execd for an active-response script",
    "gate": "pass or fail a pipeline on what the scanners found",
    "report": "turn alerts into incidents with what to do, as one HTML file",
    "install": "plan, apply, verify or roll back the package on a manager",
}


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    listing = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="wazuh-cicd",
        description="Wazuh content for CI/CD: specs, generator, offline evaluator, proof and installation.",
        epilog=f"verbs:\n{listing}\n\n'wazuh-cicd VERB --help' explains one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wazuh-cicd {__version__}")
    parser.add_argument("verb", metavar="VERB", choices=tuple(VERBS), help="what to do, see below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def collect_seldom() -> None:
    """Let the collector of reference cycles run seldom: nothing that is made for one event refers to itself."""
    gc.set_threshold(50_000, 20, 100)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the arguments behind the program's name; ``sys.argv[1:]`` when absent.

    Returns:
        The exit code.
    """
    collect_seldom()
    try:
        chosen = _top_parser().parse_args(argv)
        module = import_module(f"wazuh_cicd.commands.{chosen.verb}")
        parser = argparse.ArgumentParser(prog=f"wazuh-cicd {chosen.verb}", description=module.__doc__)
        module.configure(parser)
        args = parser.parse_args(chosen.arguments)
        return int(module.run(args))
    except FindingsError as error:
        _say(str(error))
        return 1
    except WazuhCicdError as error:
        _say(f"wazuh-cicd: {error}")
        return 2
    except BrokenPipeError:
        # The reader (head, less) went away: not our failure, and nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A file or folder the user named; what a verb expects to fail, it reports in its own words.
        where = f"{error.filename}: " if error.filename else ""
        _say(f"wazuh-cicd: {where}{error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        return 130


def _say(text: str) -> None:
    """Write a line to standard error; where that is closed or full, the exit code says it alone."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
