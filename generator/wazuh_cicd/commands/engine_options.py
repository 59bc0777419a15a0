"""The options by which ``test`` and ``diff`` choose what judges, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.commands.collector import loading

if TYPE_CHECKING:
    import argparse

    from wazuh_cicd.proof.engines import Engine

NAMES = ("embedded", "socket", "api", "docker")


def add_ruleset(parser: argparse.ArgumentParser) -> None:
    """Add the option that names further rulesets for the evaluator."""
    parser.add_argument(
        "--ruleset",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="add a folder with decoders/, rules/ and lists/, loaded before the package (repeatable)",
    )


def add_status(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the option that says from which status on rules keep their own level (``render.maturity``)."""
    shown = f"default: {default}" if default else "default: each at its own level"
    parser.add_argument(
        "--status",
        choices=("stable", "test", "experimental"),
        default=default,
        help=f"how mature a rule must be; one that is less so begins at level 3, without a response ({shown})",
    )


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where rulesets and managers are."""
    parser.add_argument("--stock", type=Path, metavar="DIR", help="Wazuh's stock ruleset, loaded before the package")
    add_ruleset(parser)
    remote = parser.add_argument_group("a real manager")
    remote.add_argument(
        "--socket", type=Path, metavar="PATH", help="its logtest socket (default: below WAZUH_ROOT, else /var/ossec)"
    )
    remote.add_argument("--api", metavar="URL", help="its server API, https://…:55000")
    remote.add_argument("--ca", type=Path, metavar="FILE", help="the CA certificate that signed the API's")
    remote.add_argument("--server-name", metavar="NAME", help="the name in the API's certificate, if not the address")
    remote.add_argument(
        "--token-file", type=Path, metavar="FILE", help="a file with the API's JWT (else WAZUH_API_TOKEN)"
    )


def open_engine(args: argparse.Namespace, name: str, *, package: bool = True) -> Engine:
    """The engine of that name; the embedded one with the rulesets named, and our package unless left out."""
    if name == "embedded":
        from wazuh_cicd.proof.engines import EmbeddedEngine
        from wazuh_cicd.proof.package import cached_ruleset_files
        from wazuh_cicd.proof.rulesets import assemble

        with loading():
            content = cached_ruleset_files(getattr(args, "status", None)) if package else None
            return EmbeddedEngine(assemble(args.ruleset, stock=args.stock, package=content))
    from wazuh_cicd.manager.logtest import connect

    return connect(
        name,
        socket=args.socket,
        api=args.api,
        ca=args.ca,
        token_file=args.token_file,
        server_name=args.server_name,
    )
