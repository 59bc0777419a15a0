"""Plan, apply, verify or roll back the package on a manager, through its folder or its server API.

What is not said is as installed: sources, responses and ids are remembered. A settings file (/etc/wazuh-cicd.toml, or
--config) can say all of it. Exit codes: 0 verified on a running manager, 1 not as it should be or undone, 2 wrong use,
3 in place but not what runs, 4 the manager does not answer.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from wazuh_cicd.install.desired import Desired
    from wazuh_cicd.install.record import Record
    from wazuh_cicd.install.settings import Options, Settings, SettingsFile
    from wazuh_cicd.install.target import Target
    from wazuh_cicd.render import Package

VERBS = {
    "plan": "show what would change; nothing is changed",
    "apply": "install, upgrade or switch; undone by itself when anything fails",
    "verify": "check files, ids and load messages, and judge live events",
    "smoke": "send a marked, harmless event a source and find it in alerts.json and in the index",
    "status": "say what is installed, what was edited, and whether it runs",
    "rollback": "undo the newest installation, or one that was cut off",
    "uninstall": "remove the package and every trace of it",
}
_CHOOSING = ("plan", "apply")
_WRITING = ("apply", "rollback", "uninstall")


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments: a page of its own for each of its verbs."""
    verbs = parser.add_subparsers(dest="action", metavar="VERB", required=True)
    for verb, text in VERBS.items():
        page = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        _configure_where(page.add_argument_group("which manager"))
        if verb in _CHOOSING:
            _configure_what(page.add_argument_group("what (not said: as installed)"))
        _configure_how(page.add_argument_group("how"), verb)


def _configure_where(where: argparse._ArgumentGroup) -> None:
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
        "--indexer",
        metavar="URL",
        help="the Wazuh indexer that gets the index template, https://…:9200 (WAZUH_INDEXER_USER with"
        " WAZUH_INDEXER_PASSWORD or WAZUH_INDEXER_PASSWORD_FILE; not said: as installed, first: none)",
    )
    where.add_argument(
        "--indexer-ca", type=Path, metavar="FILE", help="the CA certificate to trust there (default: that of --ca)"
    )
    where.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="where the API's journal and backups lie (default: below XDG_STATE_HOME)",
    )
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: /etc/wazuh-cicd.toml if it is there)"
    )


def _configure_what(what: argparse._ArgumentGroup) -> None:
    what.add_argument(
        "--with", dest="add", metavar="LIST", default="", help="add sources: github,docker,… (first: all)"
    )
    what.add_argument("--without", dest="drop", metavar="LIST", default="", help="take sources away")
    what.add_argument("--respond", metavar="LIST", default="", help="switch these responses on: block-ip,…")
    what.add_argument("--unrespond", metavar="LIST", default="", help="switch these responses off")
    what.add_argument("--no-indexer", action="store_true", help="take away what lies on the indexer")
    what.add_argument(
        "--internal",
        action=argparse.BooleanOptionalAction,
        help="block-ip may block internal, private and shared addresses as well (first: no)",
    )
    what.add_argument(
        "--observe",
        action=argparse.BooleanOptionalAction,
        help="the responses only log what they would do, for a first week (first: no)",
    )
    what.add_argument("--id-base", type=int, metavar="N", help="where our rule ids begin (first: 111000)")
    what.add_argument(
        "--status",
        choices=("stable", "test", "experimental"),
        help="how mature a rule must be; one that is less so begins at level 3, without a response (first: stable)",
    )
    what.add_argument(
        "--runbook-url",
        metavar="URL",
        help="alerts name the rule's page: where 'wazuh-cicd docs' is published, or an address with {id} or {name};"
        " '' for nowhere (first: nowhere)",
    )


def _configure_how(how: argparse._ArgumentGroup, verb: str) -> None:
    if verb == "plan":
        how.add_argument("--details", action="store_true", help="every file, and the difference of every changed one")
    if verb in ("plan", "status"):
        how.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    if verb == "apply":
        how.add_argument("--yes", action="store_true", help="take over choices that others may have written, unasked")
    if verb in _WRITING:
        how.add_argument("--no-activate", action="store_true", help="neither reload nor restart")
        how.add_argument("--restart-command", metavar="COMMAND", help="instead of bin/wazuh-control restart")
    if verb in ("apply", "verify"):
        how.add_argument("--thorough", action="store_true", help="verify with the events of every rule")
    how.add_argument("--wait", type=float, metavar="SECONDS", help="for a manager to come back (120)")


def run(args: argparse.Namespace) -> int:
    """Do it; the exit codes are the module's."""
    from wazuh_cicd.install.errors import InstallError, Unloadable
    from wazuh_cicd.install.settings import read_file
    from wazuh_cicd.install.verify import FAILED, UNANSWERED
    from wazuh_cicd.manager.errors import Unreachable

    file = read_file(args.config)
    _fill(args, file)
    try:
        return _act(args, open_target(args), file)
    except Unreachable as error:
        _say(str(error))
        return UNANSWERED
    except InstallError as error:
        _say(str(error))
        broken = isinstance(error, Unloadable) or isinstance(error.__cause__, Unreachable)
        return UNANSWERED if broken else FAILED


def _act(args: argparse.Namespace, target: Target, file: SettingsFile) -> int:
    from wazuh_cicd.install import apply as steps
    from wazuh_cicd.install.desired import nothing
    from wazuh_cicd.install.plan import installed, make_plan
    from wazuh_cicd.install.settings import Options, choose, words
    from wazuh_cicd.install.status import status_of
    from wazuh_cicd.install.verify import verify
    from wazuh_cicd.report import install as report

    activate = not getattr(args, "no_activate", False)
    record = installed(target)
    if args.action not in _CHOOSING:
        target = _with_indexer(args, target, file, record)
    if args.action == "rollback":
        undone = steps.rollback(target, activate=activate, say=_say)
        _out(f"rolled back {undone}")
        return 0
    if args.action == "uninstall":
        outcome = steps.apply(target, nothing(), activate=activate, say=_say, tick=_Bar().tick)
        _out(report.outcome_text(outcome))
        return outcome.verified.code
    before = _known_settings(record)
    if args.action == "status":
        wanted = choose(Options(), file, before) if before else None
        status = status_of(target, wanted.switches(before) if wanted and before else ())
        _out(report.status_json(status) if args.format == "json" else report.status_text(status))
        return status.code
    if args.action == "smoke":
        return _smoke(args, target, before)
    if args.action == "verify":
        if before is not None and record is not None and not target.trusts(record):
            _say(f"the record on the manager, which others may write, says: {before}")
        desired = _desired(before or choose(Options(), file, None), target)
        verified = verify(target, desired, known=_site_messages(target), thorough=args.thorough)
        _out(report.verified_text(verified))
        return verified.code
    options = Options(
        words(args.add),
        words(args.drop),
        words(args.respond),
        words(args.unrespond),
        args.internal,
        args.id_base,
        args.observe,
        args.status,
        args.runbook_url,
        "" if args.no_indexer else args.indexer,
        "" if args.no_indexer else _absolute(args.indexer_ca or (args.ca if args.indexer else None)),
    )
    settings = _choice(args, target, options, file, record)
    target = _with_indexer(args, target, file, record, settings)
    desired = _desired(settings, target)
    if args.action == "plan":
        plan = make_plan(target, desired)
        _out(report.plan_json(plan) if args.format == "json" else report.plan_text(plan, details=args.details))
        return int(bool(plan.errors))
    outcome = steps.apply(target, desired, activate=activate, thorough=args.thorough, say=_say, tick=_Bar().tick)
    _out(report.outcome_text(outcome))
    return outcome.verified.code


def _fill(args: argparse.Namespace, file: SettingsFile) -> None:
    """What the command line does not say, the settings file may."""
    if not (args.root or args.api):
        args.root = Path(file.text("root")) if file.text("root") else None
        args.api = file.text("api") or None
    for key in ("ca", "token_file", "state"):
        if getattr(args, key) is None and file.text(key):
            setattr(args, key, Path(file.text(key)))
    args.server_name = args.server_name or file.text("server_name") or None
    args.wait = float(file.values.get("wait", 120.0)) if args.wait is None else args.wait
    args.restart_command = getattr(args, "restart_command", None) or file.text("restart_command")
    args.thorough = getattr(args, "thorough", False) or bool(file.values.get("thorough", False))
    args.no_activate = getattr(args, "no_activate", False) or not file.values.get("activate", True)


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


def _absolute(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None


def _with_indexer(
    args: argparse.Namespace,
    target: Target,
    file: SettingsFile,
    record: Record | None,
    settings: Settings | None = None,
) -> Target:
    """The manager together with the indexer that is named, or that its record names.

    Raises:
        UsageError: only a record that others may write names it: a password is not sent where they say.
    """
    from wazuh_cicd.install.indexed import IndexedTarget
    from wazuh_cicd.manager.indexer import Indexer, IndexerCredentials, checked_url

    before = _known_settings(record)
    known = before.indexer if before else ""
    stated = args.indexer or file.text("indexer")
    url = (settings.indexer if settings else "") or known or stated
    if not url:
        return IndexedTarget(target, None)
    url = checked_url(url)
    if record is not None and url != (checked_url(stated) if stated else "") and not target.trusts(record):
        raise UsageError(
            f"the record on the manager, which others may write, names the indexer {url}:"
            f" confirm it with --indexer {url}"
        )
    said = _absolute(args.indexer_ca or (args.ca if args.indexer else None)) or file.text("indexer_ca")
    if record is not None and before is not None and before.indexer_ca and not said and not target.trusts(record):
        # Whom to trust is as much their choice as where to send a password.
        raise UsageError(
            f"the record on the manager, which others may write, names the CA file {before.indexer_ca!r} for {url}:"
            " say whom to trust there with --indexer-ca"
        )
    ca = said or (settings.indexer_ca if settings else "") or (before.indexer_ca if before else "")
    return IndexedTarget(target, Indexer(url, IndexerCredentials.find(os.environ), Path(ca) if ca else None))


def _known_settings(record: Record | None) -> Settings | None:
    from wazuh_cicd.install.plan import UNKNOWN

    return record.settings if record is not None and record.version != UNKNOWN else None


def _choice(
    args: argparse.Namespace, target: Target, options: Options, file: SettingsFile, record: Record | None
) -> Settings:
    """What shall be installed, once it is sure whose choice that is.

    Raises:
        UsageError: nobody knows what was chosen.
        InstallError: somebody else may have chosen, and nobody confirms it.
    """
    from wazuh_cicd.install.errors import InstallError
    from wazuh_cicd.install.plan import UNKNOWN
    from wazuh_cicd.install.settings import choose, is_complete

    if record is not None and record.version == UNKNOWN and not (options.add_sources or "sources" in file.values):
        raise UsageError(
            "the record of what was chosen is lost: say --with LIST (and --respond, --id-base), or give a settings file"
        )
    settings = choose(options, file, _known_settings(record))
    if (
        record is None
        or record.version == UNKNOWN
        or is_complete(options, file, _known_settings(record))
        or target.trusts(record)
    ):
        return settings
    told = f"the record on the manager, which others may write, says: {record.settings}"
    if args.action == "plan" or args.yes:
        _say(told)
        return settings
    if sys.stdin.isatty() and sys.stderr.isatty():
        _say(told)
        sys.stderr.write("wazuh-cicd: go on with that? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return settings
    raise InstallError(f"{told}; nothing was changed: confirm it with --yes, or state your choice in a settings file")


def _package(settings: Settings) -> Package:
    from wazuh_cicd.render import render_package
    from wazuh_cicd.spec import SOURCES, load_specs

    if not settings.sources:
        # By a package without rules everything would be in order.
        raise UsageError("the record on the manager names no source: somebody changed it; say --with LIST and apply")
    chosen = None if set(settings.sources) == set(SOURCES) else settings.sources
    return render_package(
        load_specs(),
        id_base=settings.id_base,
        with_sources=chosen,
        status=settings.status,
        runbook_url=settings.runbook_url,
        responses=settings.responses,
    )


def _desired(settings: Settings, target: Target) -> Desired:
    from wazuh_cicd.indexer import indexer_files
    from wazuh_cicd.install.desired import desired_from
    from wazuh_cicd.install.indexed import indexer_goal

    package = _package(settings)
    return desired_from(
        package,
        sources=settings.sources,
        responses=settings.responses,
        internal=settings.internal,
        observe=settings.observe,
        status=settings.status,
        runbook_url=settings.runbook_url,
        flat_lists=target.flat_lists,
        indexer=settings.indexer,
        indexer_ca=settings.indexer_ca,
        indexed=indexer_goal(indexer_files(package.specs)) if settings.indexer else None,
    )


def _smoke(args: argparse.Namespace, target: Target, settings: Settings | None) -> int:
    """One event a source, followed to the index.

    Raises:
        UsageError: this is not the manager itself, or nothing is installed.
    """
    from wazuh_cicd.install.indexed import IndexedTarget
    from wazuh_cicd.install.smoke import Smoke, candidates
    from wazuh_cicd.install.verify import UNANSWERED
    from wazuh_cicd.report import install as report

    if args.api:
        raise UsageError("smoke follows an event through the manager's own files: run it on the manager, without --api")
    if settings is None:
        raise UsageError("nothing of wazuh-cicd is installed there: run 'wazuh-cicd install apply'")
    engine = target.engine()
    if engine is None:
        _say("the manager does not answer: no event was sent")
        return UNANSWERED
    indexer = target.indexer if isinstance(target, IndexedTarget) else None
    found = candidates(_package(settings), settings.sources)
    ways = Smoke(Path(target.name), engine, indexer, wait=args.wait).run(found)
    _out(report.smoke_text(ways, indexed=indexer is not None))
    return int(any(way.problem for way in ways))


def _site_messages(target: Target) -> set[str]:
    """What the manager says of the site's own files: what names none of our rules or files is not ours to judge."""
    import re

    return {line for line in target.check() if not re.search(r"cicd|'11[1-9]\d{3}'", line)}


class _Bar:
    """A bar on a terminal, for steps that take longer than two seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = sys.stderr.isatty()

    def tick(self, step: str, done: int, total: int) -> None:
        """One file more."""
        if not self._shown:
            return
        if done == 1:
            self._began = time.monotonic()
        if time.monotonic() - self._began > 2.0:
            width = 30 * done // total
            end = "\n" if done == total else ""
            sys.stderr.write(f"\rwazuh-cicd: {step} [{'#' * width:<30}] {100 * done // total:3} %{end}")
            sys.stderr.flush()


def _say(line: str) -> None:
    from wazuh_cicd.report.install import plain

    sys.stderr.write(plain(f"wazuh-cicd: {line}") + "\n")


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")
