"""The command ``wazuh-cicd``: finds the verb, hands over to its module, turns failures into exit codes.

Exit codes: 0 clean, 1 findings or failures, 2 wrong use or an internal error (``docs/cli.md``). A verb may define
further codes for itself (``gate`` does).
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd import __version__
from wazuh_cicd.commands.verbs import VERBS, module_of, verb_parser
from wazuh_cicd.errors import FindingsError, WazuhCicdError

if TYPE_CHECKING:
    from collections.abc import Sequence


def _form() -> str:
    """Say whether this is the compiled evaluator, without loading it."""
    session = Path(__file__).parent / "engine" / "session"
    return "compiled" if any(Path(f"{session}{suffix}").exists() for suffix in EXTENSION_SUFFIXES) else "pure Python"


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    listing = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="wazuh-cicd",
        description="Wazuh content for CI/CD: specs, generator, offline evaluator, proof and installation.",
        epilog=f"verbs:\n{listing}\n\n'wazuh-cicd VERB --help' explains one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wazuh-cicd {__version__} ({_form()})")
    parser.add_argument("verb", metavar="VERB", choices=tuple(VERBS), help="what to do, see below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def collect_seldom() -> None:
    """Let the collector of reference cycles run seldom: nothing that is made for one event refers to itself.

    At the end of the process it finds nothing to look at: going through a loaded ruleset once more takes a fifth of the
    time of a short command.
    """
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the arguments behind the program's name; ``sys.argv[1:]`` when absent.

    Returns:
        The exit code.
    """
    collect_seldom()
    try:
        parser = _top_parser()
        if not (sys.argv[1:] if argv is None else argv):
            # Help is what the reader wants; a script whose verb is an empty variable did not do its work, though.
            parser.print_help()
            return 2
        chosen = parser.parse_args(argv)
        args = verb_parser(chosen.verb).parse_args(chosen.arguments)
        return int(module_of(chosen.verb).run(args))
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
    """Write a line to standard error; where that is closed or full, the exit code says it alone.

    What a server answered or a file holds may stand in it: nothing of that steers the terminal.
    """
    text = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
