"""Plan, apply, verify or roll back the package on a manager, through its folder or its server API."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from wazuh_cicd.install.desired import Desired
    from wazuh_cicd.install.target import Target

VERBS = {
    "plan": "show what would change",
    "apply": "install or upgrade; undone by itself when anything fails",
    "verify": "check files, ids and load messages, and judge live events",
    "rollback": "undo the newest installation, or one that was cut off",
    "uninstall": "remove the package and every trace of it",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument(
        "action",
        choices=tuple(VERBS),
        metavar="{" + ",".join(VERBS) + "}",
        help="; ".join(f"{name}: {text}" for name, text in VERBS.items()),
    )
    where = parser.add_argument_group("which manager")
    where.add_argument("--root", type=Path, metavar="DIR", help="its folder (default: WAZUH_ROOT, else /var/ossec)")
    where.add_argument("--api", metavar="URL", help="its server API instead, https://…:55000")
    where.add_argument("--ca", type=Path, metavar="FILE", help="the CA certificate to trust, and no other")
    where.add_argument("--server-name", metavar="NAME", help="the name in the API's certificate, if not the address")
    where.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with the API's JWT (else WAZUH_API_TOKEN, or"
        " WAZUH_API_USER with WAZUH_API_PASSWORD or WAZUH_API_PASSWORD_FILE)",
    )
    where.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="where the API's journal and backups lie (default: below XDG_STATE_HOME)",
    )
    what = parser.add_argument_group("what")
    what.add_argument("--with", dest="sources", metavar="LIST", default="", help="only these sources: github,docker,…")
    what.add_argument("--respond", metavar="LIST", default="", help="switch these responses on: block-ip,…")
    what.add_argument(
        "--internal",
        action="store_true",
        help="with --respond block-ip: also block internal, private and shared addresses (off)",
    )
    what.add_argument(
        "--observe",
        action="store_true",
        help="with --respond: the responses only log what they would do, for a first week (off)",
    )
    what.add_argument("--id-base", type=int, default=111000, metavar="N", help="where our rule ids begin (111000)")
    how = parser.add_argument_group("how")
    how.add_argument("--no-activate", action="store_true", help="neither reload nor restart")
    how.add_argument("--thorough", action="store_true", help="verify with the events of every rule")
    how.add_argument("--wait", type=float, default=120.0, metavar="SECONDS", help="for a manager to come back (120)")
    how.add_argument("--restart-command", metavar="COMMAND", default="", help="instead of bin/wazuh-control restart")
    how.add_argument("--format", choices=("text", "json"), default="text", help="of the plan")


def run(args: argparse.Namespace) -> int:
    """Do it; 1 when the plan has errors, a verification fails or an installation was undone."""
    from wazuh_cicd.install import apply as steps
    from wazuh_cicd.install.desired import nothing
    from wazuh_cicd.install.errors import HalfDone, InstallError
    from wazuh_cicd.install.plan import make_plan
    from wazuh_cicd.install.verify import verify
    from wazuh_cicd.report import install as report

    target = open_target(args)
    activate = not args.no_activate
    try:
        if args.action == "plan":
            plan = make_plan(target, _desired(args, target))
            _out(report.plan_json(plan) if args.format == "json" else report.plan_text(plan))
            return int(bool(plan.errors))
        if args.action == "verify":
            verified = verify(target, _desired(args, target), known=_site_messages(target), thorough=args.thorough)
            _out(report.verified_text(verified))
            return int(bool(verified.failures))
        if args.action == "rollback":
            undone = steps.rollback(target, activate=activate, say=_say)
            _out(f"rolled back {undone}")
            return 0
        goal = nothing() if args.action == "uninstall" else _desired(args, target)
        outcome = steps.apply(target, goal, activate=activate, thorough=args.thorough, say=_say)
        _out(report.outcome_text(outcome))
    except HalfDone:
        raise
    except InstallError as error:
        _say(str(error))
        return 1
    return 0


def open_target(args: argparse.Namespace) -> Target:
    """The manager that the options name.

    Raises:
        UsageError: two of them, or an incomplete one.
    """
    if args.api:
        if args.root:
            raise UsageError("--root and --api name two managers; give one")
        from wazuh_cicd.install.remote import ApiTarget
        from wazuh_cicd.manager.api import Api, Credentials

        credentials = Credentials.find(os.environ, args.token_file)
        api = Api(args.api, credentials, args.ca, args.server_name)
        return ApiTarget(api, state_folder=args.state, wait=args.wait)
    from wazuh_cicd.install.local import LocalTarget

    root = args.root or Path(os.environ.get("WAZUH_ROOT") or "/var/ossec")
    return LocalTarget(root.resolve(), wait=args.wait, restart_command=shlex.split(args.restart_command))


def _desired(args: argparse.Namespace, target: Target) -> Desired:
    from wazuh_cicd.install.desired import desired_from
    from wazuh_cicd.render import render_package
    from wazuh_cicd.spec import SOURCES, load_specs

    sources = [word for word in args.sources.split(",") if word]
    package = render_package(load_specs(), id_base=args.id_base, with_sources=sources or None)
    return desired_from(
        package,
        sources=sources or list(SOURCES),
        responses=[word for word in args.respond.split(",") if word],
        internal=args.internal,
        observe=args.observe,
        flat_lists=target.flat_lists,
    )


def _site_messages(target: Target) -> set[str]:
    """What the manager says of the site's own files: what names none of our rules or files is not ours to judge."""
    import re

    return {line for line in target.check() if not re.search(r"cicd|'11[1-9]\d{3}'", line)}


def _say(line: str) -> None:
    sys.stderr.write(f"wazuh-cicd: {line}\n")


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")
