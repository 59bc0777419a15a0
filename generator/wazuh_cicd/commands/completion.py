"""Print what completes the command line in a shell.

Examples:
  bash  wazuh-cicd completion bash > ~/.local/share/bash-completion/completions/wazuh-cicd
  zsh   wazuh-cicd completion zsh > "${fpath[1]}/_wazuh-cicd"
  fish  wazuh-cicd completion fish > ~/.config/fish/completions/wazuh-cicd.fish
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from wazuh_cicd import __version__
from wazuh_cicd.commands.verbs import VERBS, module_of

SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    sys.stdout.write(shtab.complete(whole_parser(), args.shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """All verbs in one parser, with what is completed by the names of files and folders marked."""
    parser = argparse.ArgumentParser(prog="wazuh-cicd", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__, help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, text in VERBS.items():
        page = verbs.add_parser(verb, help=text, allow_abbrev=False)
        module_of(verb).configure(page)
    _mark(parser)
    return parser


def _mark(parser: argparse.ArgumentParser) -> None:
    import shtab

    for action in parser._actions:  # noqa: SLF001 -- argparse has no other way to list them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- as above
            for page in action.choices.values():
                _mark(page)
        elif action.choices is None and action.type is Path:
            marked: Any = action
            marked.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
