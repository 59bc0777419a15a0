"""Print the JSON Schema of the specs, for editors.

With the YAML language server, write this as the first line of a rule file:
# yaml-language-server: $schema=../../build/rule.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from wazuh_cicd.spec.schema import KINDS, json_schema

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", nargs="?", choices=tuple(KINDS), help="which kind of file; default: any of them")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    sys.stdout.write(json.dumps(json_schema(args.kind), indent=2, ensure_ascii=False) + "\n")
    return 0
