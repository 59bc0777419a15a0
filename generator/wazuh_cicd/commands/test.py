"""Prove every rule on its own events: those that must fire and those that must stay silent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from wazuh_cicd.proof.engines import Engine
    from wazuh_cicd.render import Package
    from wazuh_cicd.spec import RuleSpec, SpecSet


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument(
        "-k", metavar="WORDS", default="", help="only rules whose id, name, source, family or title holds all these words"
    )
    parser.add_argument(
        "--engine",
        choices=("embedded", "socket", "api", "docker"),
        default="embedded",
        help="what judges: the embedded evaluator (default), a manager's logtest socket on this host, its API,"
        " or the manager of docker-compose.yml",
    )
    parser.add_argument("--format", choices=("text", "json", "junit"), default="text")
    parser.add_argument("--stock", type=Path, metavar="DIR", help="Wazuh's stock ruleset, loaded before the package")
    parser.add_argument(
        "--ruleset", type=Path, action="append", default=[], metavar="DIR", help="a further ruleset, loaded before the package"
    )
    parser.add_argument("--stories", type=Path, metavar="DIR", help="also replay the attack stories in this folder")
    parser.add_argument(
        "--mutate", action="store_true", help="change each condition of each rule in turn: some test of it must notice"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to use with --mutate")
    remote = parser.add_argument_group("a real manager")
    remote.add_argument("--socket", type=Path, metavar="PATH", help="the logtest socket (default: below WAZUH_ROOT or /var/ossec)")
    remote.add_argument("--api", metavar="URL", help="the server API, https://…:55000 (--engine api)")
    remote.add_argument("--ca", type=Path, metavar="FILE", help="the CA certificate that signs the API's")
    remote.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the API's JWT (or WAZUH_API_TOKEN)")


def run(args: argparse.Namespace) -> int:
    """Run the tests and print their results; 1 when one failed."""
    from wazuh_cicd.proof.runner import Outcome, Results, run_tests, select
    from wazuh_cicd.render import render_package
    from wazuh_cicd.report import tests as report
    from wazuh_cicd.spec import load_specs

    specs = load_specs()
    rules = list(select(specs, args.k.split()))
    if not rules:
        raise UsageError(f"no rule holds the words {args.k!r}")
    package = render_package(specs)
    if args.mutate:
        return _mutate(args, specs, package, rules)
    engine, messages = _engine(args, package)
    results = run_tests(specs, engine, rules)
    stories = tuple(_stories(args.stories, engine, specs)) if args.stories else ()
    results = Results(results.engine, (*results.results, *stories), tuple(messages))
    sys.stdout.write(report.render(results, args.format) + "\n")
    return int(results.failed or bool(messages) or not results.count(Outcome.PASSED))


def _engine(args: argparse.Namespace, package: Package) -> tuple[Engine, list[str]]:
    """The engine, and what it had to say while loading."""
    if args.engine == "embedded":
        from wazuh_cicd.proof.engines import EmbeddedEngine
        from wazuh_cicd.proof.rulesets import assemble

        ruleset = assemble(args.ruleset, stock=args.stock, package=package)
        return EmbeddedEngine(ruleset), [str(message) for message in ruleset.messages]
    from wazuh_cicd.proof.remote import connect

    return connect(args.engine, socket=args.socket, api=args.api, ca=args.ca, token_file=args.token_file), []


def _stories(folder: Path, engine: Engine, specs: SpecSet):  # type: ignore[no-untyped-def]  # noqa: ANN202
    raise NotImplementedError


def _mutate(args: argparse.Namespace, specs: SpecSet, package: Package, rules: list[RuleSpec]) -> int:
    raise NotImplementedError
