"""Prove every rule on its own events: those that must fire and those that must stay silent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.commands import engine_options
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from wazuh_cicd.spec import RuleSpec, SpecSet


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the verb's arguments."""
    parser.add_argument(
        "-k",
        metavar="WORDS",
        default="",
        help="only rules whose id, name, source, family or title holds all these words",
    )
    parser.add_argument(
        "--engine",
        choices=engine_options.NAMES,
        default="embedded",
        help="what judges: the embedded evaluator (default), a manager's logtest socket on this host, its server API,"
        " or the manager of docker-compose.yml",
    )
    parser.add_argument("--format", choices=("text", "json", "junit"), default="text")
    parser.add_argument("--stories", type=Path, metavar="DIR", help="also replay the attack stories in this folder")
    parser.add_argument(
        "--mutate", action="store_true", help="change each condition of each rule in turn: some test must notice"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to use (default: 1)")
    engine_options.add_status(parser, None)
    engine_options.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Run the tests and print their results; 1 when one failed or the engine complained."""
    from wazuh_cicd.proof.runner import Outcome, Results, run_tests, select
    from wazuh_cicd.proof.stories import prove_stories
    from wazuh_cicd.render.maturity import at_status
    from wazuh_cicd.report import tests as report
    from wazuh_cicd.spec import load_specs

    specs = load_specs()
    rules = list(select(specs, args.k.split()))
    if not rules:
        raise UsageError(f"no rule holds the words {args.k!r}")
    if args.mutate:
        return _mutate(args, specs, rules)
    if args.status:
        # What a demoted rule says at its own level is not this package's to prove.
        specs = at_status(specs, args.status)
        rules = [specs.by_id[rule.id] for rule in rules]
    engine = engine_options.open_engine(args, args.engine)
    results = run_tests(specs, engine, rules, jobs=max(1, args.jobs))
    stories = tuple(prove_stories(args.stories, engine, specs)) if args.stories else ()
    results = Results(results.engine, (*results.results, *stories), tuple(map(str, engine.load_messages)))
    sys.stdout.write(report.render(results, args.format) + "\n")
    return int(results.failed or bool(results.messages) or not results.count(Outcome.PASSED))


def _mutate(args: argparse.Namespace, specs: SpecSet, rules: list[RuleSpec]) -> int:
    from wazuh_cicd.proof.mutate import run_mutants
    from wazuh_cicd.report import mutants as report

    if args.engine != "embedded" or args.stock or args.ruleset or args.status:
        raise UsageError("--mutate works on the embedded evaluator and the package alone, each rule at its own level")
    outcome = run_mutants(specs, rules, jobs=max(1, args.jobs))
    sys.stdout.write(report.render(outcome, args.format) + "\n")
    return int(outcome.failed)
