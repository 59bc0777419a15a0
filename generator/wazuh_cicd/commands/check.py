"""Find what is wrong with specs or with any Wazuh ruleset.

A PATH is a folder of specs (rules/*/*.yml), a part of one (rules/github), one spec file, one XML file of rules or
decoders, or a ruleset: laid out like a manager's (rules/*.xml, decoders/*.xml, lists/), or a folder with XML files of
rules and decoders anywhere below it. A file is read together with what lies around it; anything else is refused.
Without PATH the package's own specs are checked. Exit 1 on errors and warnings; notes are free. --manager says what an
upgrade of the manager would change for our rules: tests that its new stock rules break, rules that it would drop, and
parents that read otherwise.

With --fresh, what the specs name is compared with what their sources document: GitHub's audit log actions, Kubernetes
API groups and, when they are given, the stock rules (--stock) and ATT&CK techniques (--attack) of a manager.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="specs or a ruleset; default: our own specs"
    )
    parser.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text", help="default: text")
    parser.add_argument(
        "--write",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="also write this format to a file; repeatable",
    )
    parser.add_argument(
        "--stock", type=Path, metavar="DIR", help="the stock ruleset, loaded beneath and not reported on"
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder of the specs that single spec files belong to")
    parser.add_argument(
        "--manager",
        type=Path,
        metavar="DIR",
        help="the stock ruleset of a manager's next version, compared with --stock (default: this manager's)",
    )
    fresh = parser.add_argument_group("stale rules")
    fresh.add_argument("--fresh", action="store_true", help="compare the names in the specs with what is documented")
    fresh.add_argument(
        "--github-events", metavar="FILE|URL", help="GitHub's list of audit log events; default: the package's copy"
    )
    fresh.add_argument(
        "--kubernetes-groups", metavar="FILE", help="what kubectl api-versions prints; default: the package's copy"
    )
    fresh.add_argument(
        "--attack", type=Path, metavar="FILE", help="a manager's var/db/mitre.db, or a list of techniques"
    )


def run(args: argparse.Namespace) -> int:
    """Check; 1 when there is an error or a warning."""
    from wazuh_cicd.report.findings import FORMATS

    writes = [_write_option(text) for text in args.write]
    if args.manager is not None:
        findings = _upgrade(args)
    elif args.fresh:
        findings = collect_fresh(args)
    elif args.github_events is not None or args.kubernetes_groups is not None or args.attack is not None:
        raise UsageError("--github-events, --kubernetes-groups and --attack belong to --fresh")
    else:
        findings = collect(args.paths, stock=args.stock, root=args.root)
    for name, path in writes:
        path.write_text(FORMATS[name](findings), encoding="utf-8")
    sys.stdout.write(FORMATS[args.format](findings))
    return int(any(finding.severity is not Severity.NOTE for finding in findings))


def _write_option(text: str) -> tuple[str, Path]:
    from wazuh_cicd.report.findings import FORMATS

    name, _, path = text.partition("=")
    if not path or name not in FORMATS:
        raise UsageError(f"--write {text}: write FORMAT=FILE, with a format of {', '.join(FORMATS)}")
    return name, Path(path)


def _upgrade(args: argparse.Namespace) -> list[Finding]:
    from wazuh_cicd.check.upgrade import upgrade_findings
    from wazuh_cicd.spec import load_specs

    if args.paths:
        raise UsageError("--manager compares two stock rulesets for the package's own rules; it takes no PATH")
    old = args.stock or Path(os.environ.get("WAZUH_ROOT") or "/var/ossec")
    return upgrade_findings(load_specs(args.root), old, args.manager, jobs=os.cpu_count() or 1)


def collect(paths: list[Path], *, stock: Path | None = None, root: Path | None = None) -> list[Finding]:
    """The findings about all paths.

    Raises:
        UsageError: a path is not there, or is neither specs nor a ruleset.
    """
    from wazuh_cicd.check.ruleset import check_ruleset
    from wazuh_cicd.check.specs import check_specs
    from wazuh_cicd.check.targets import targets

    if not paths:
        return check_specs(root, stock=stock)
    rulesets, files, contents, specs = targets(paths, root)
    findings: list[Finding] = []
    if rulesets or files:
        findings.extend(check_ruleset(rulesets, files=files, beneath=[stock] if stock else []))
    for folder in contents:
        findings.extend(check_specs(folder, stock=stock))
    for folder, chosen in specs.items():
        findings.extend(check_specs(folder, chosen, stock=stock))
    return findings


def collect_fresh(args: argparse.Namespace) -> list[Finding]:
    """The findings about names that are no longer, or not yet, in the rules.

    Raises:
        UsageError: a PATH is not one folder of specs, or a list cannot be read.
    """
    from wazuh_cicd.check.fresh import fresh_findings, manager_findings
    from wazuh_cicd.check.targets import is_ruleset
    from wazuh_cicd.content.documented.names import attack_techniques, github_actions, kubernetes_groups
    from wazuh_cicd.spec import load_specs

    if len(args.paths) > 1 or any(not path.is_dir() or is_ruleset(path) for path in args.paths):
        raise UsageError("--fresh looks at one folder of specs, or at the package's own")
    specs = load_specs(args.paths[0] if args.paths else args.root)
    techniques = attack_techniques(args.attack) if args.attack is not None else None
    found = [
        *fresh_findings(specs, github_actions(args.github_events), kubernetes_groups(args.kubernetes_groups)),
        *manager_findings(specs, args.stock, techniques),
    ]
    return sorted(dict.fromkeys(found))
