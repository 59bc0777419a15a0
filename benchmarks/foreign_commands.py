"""How loud the rules about build hosts are on commands that others wrote: prints alerts for 500 events.

Give it checkouts or bare clones of public projects. It takes the command lines of their workflows, makefiles, npm
scripts and container files, puts them into the form that the shipped audit rules give an agent, and judges them:

    python benchmarks/foreign_commands.py [--stock RULESET] [--show N] CLONE...

A line counts as a text given to a shell (make and npm do that) and as the commands in it. Nothing is executed or kept.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.audit import Record, record

if TYPE_CHECKING:
    from collections.abc import Iterator

LOUD = 6
ALARM = 8
_WANTED = re.compile(
    r"(?:^|/)(?:\.github/workflows/[^/]+\.ya?ml|action\.ya?ml|[Mm]akefile|[^/]+\.mk|package\.json|[^/]*Dockerfile[^/]*)$"
)
_ASSIGNED = re.compile(r"\w+=\S*$")
_WORDS = frozenset(
    ["if", "then", "else", "elif", "fi", "for", "do", "done", "while", "until", "case", "esac", "!", "{", "}", "time"]
)
_BUILT_IN = frozenset(
    [
        "cd",
        "echo",
        "export",
        "set",
        "exit",
        "source",
        ".",
        "test",
        "[",
        "[[",
        "read",
        "local",
        "return",
        "trap",
        "shift",
        "eval",
        "exec",
        "unset",
        "function",
        "pushd",
        "popd",
        "true",
        "false",
        "printf",
        "wait",
        "declare",
        "alias",
    ]
)


def texts(clone: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of the files that hold commands."""
    git = ["git", "-C", str(clone)]
    names = subprocess.run([*git, "ls-tree", "-r", "--name-only", "HEAD"], capture_output=True, check=True, text=True)
    for name in names.stdout.splitlines():
        if _WANTED.search(name) and "node_modules/" not in name:
            shown = subprocess.run([*git, "show", f"HEAD:{name}"], capture_output=True, check=False)
            if shown.returncode == 0:
                yield name, shown.stdout.decode("utf-8", "replace")


def lines(name: str, text: str) -> Iterator[str]:
    """The command lines of one file."""
    base = name.rpartition("/")[2]
    if base.endswith((".yml", ".yaml")):
        yield from (line for block in _runs(_loaded(text)) for line in _joined(block))
    elif base == "package.json":
        try:
            scripts = json.loads(text).get("scripts", {})
        except (ValueError, AttributeError):
            return
        yield from (line for line in scripts.values() if isinstance(line, str))
    elif "ockerfile" in base:
        for line in _joined(text):
            if line.startswith("RUN "):
                yield re.sub(r"^(?:--\S+\s+)+", "", line[4:].strip())
    else:
        for line in _joined(text, keep_tab=True):
            if line.startswith("\t"):
                yield line.strip().lstrip("@-+").replace("$$", "$")


def _loaded(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None


def _runs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run" and isinstance(value, str):
                yield re.sub(r"\$\{\{.*?\}\}", "x", value)
            else:
                yield from _runs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _runs(value)


def _joined(text: str, *, keep_tab: bool = False) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        kept = line.rstrip() if keep_tab else line.strip()
        if kept.strip() and not kept.strip().startswith("#"):
            yield kept


def commands(line: str) -> Iterator[tuple[str, ...]]:
    """The programs with their arguments that a line starts."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    skip = False
    try:
        for token in [*lexer, ";"]:
            if token and set(token) <= set(";&|()"):
                yield from _command(words)
                words = []
            elif token and set(token) <= set("<>&"):
                skip = True
            elif skip:
                skip = False
            else:
                words.append(token)
    except ValueError:
        return


def _command(words: list[str]) -> Iterator[tuple[str, ...]]:
    while words and (words[0] in _WORDS or _ASSIGNED.match(words[0])):
        words = words[1:]
    if words and words[0] not in _BUILT_IN and re.fullmatch(r"[\w./+-]+", words[0]):
        yield tuple(words)


def events(clone: Path, seen: set[object]) -> Iterator[tuple[str, str]]:
    """(what it is, the record) of every new command of a clone."""
    for name, text in texts(clone):
        for line in lines(name, text):
            for args in (("/bin/sh", "-c", line), *commands(line)):
                if args in seen or sum(map(len, args)) > 30_000:
                    continue
                seen.add(args)
                shown = f"{clone.parent.name}/{name}: {' '.join(args)}"
                keys = ["cicd_runner_exec"]
                if args[0] in {"docker", "podman", "nerdctl"}:
                    keys.append("cicd_docker_cli")
                for key in keys:
                    yield shown, record(Record(args=args, key=key))


def main() -> int:
    """Judge all commands and print what was loud."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--stock", type=Path)
    parser.add_argument("--show", type=int, default=100)
    options = parser.parse_args()
    ruleset = assemble(stock=options.stock, package=render_package(load_specs()).ruleset_files())
    session = ruleset.session()
    count: Counter[str] = Counter()
    loud: list[tuple[int, int, str]] = []
    seen: set[object] = set()
    for clone in options.clones:
        for number, (shown, log) in enumerate(events(clone, seen)):
            raw = log.encode("utf-8", "surrogateescape")
            verdict = session.process(raw, "/var/log/audit/audit.log", time=1767225600 + number)
            count["events"] += 1
            if verdict.level >= LOUD:
                count["loud"] += 1
                loud.append((verdict.level, verdict.rule_id or 0, shown))
            count["alarms"] += verdict.level >= ALARM
    for level, rule, shown in sorted(loud, reverse=True)[: options.show]:
        print(f"{level:2} {rule} {shown[:300]}")
    total = max(count["events"], 1)
    print(
        f"{count['events']} events of {len(options.clones)} projects: {count['loud']} above level {LOUD - 1}"
        f" ({500 * count['loud'] / total:.2f} for 500), {count['alarms']} at level {ALARM} or more"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
