"""What the GitHub webhook rules say about the history of any git repository: the noise of everyday work.

    python benchmarks/repository_history.py PATH… [--pushes 2000] [--level 6]

Makes one push delivery of each commit of the first line of descent and one of each tag, in the order in which they were
made, as a receiver would hand them on, and runs them through the rules with the lists as they are shipped. Prints the
alerts from a level on, by rule, and how many there are in 500 deliveries. It asserts nothing, sends nothing and writes
nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "generator"))

from wazuh_cicd.proof.package import cached_ruleset_files  # noqa: E402 - the path comes first
from wazuh_cicd.proof.rulesets import assemble  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

_RECORD, _UNIT = "\x1e", "\x1f"
_FORMAT = _RECORD + _UNIT.join(("%H", "%an", "%ae", "%cn", "%ce", "%ct", "%B")) + _UNIT
_MOST_COMMITS = 20  # GitHub puts more into a push; the rules look at each in the same way
_BOT_SUFFIX = "[bot]"


class Commit(NamedTuple):
    """One commit: who wrote and who committed it, when, its message and the files by what became of them."""

    sha: str
    author: tuple[str, str]
    committer: tuple[str, str]
    time: int
    message: str
    files: dict[str, list[str]]


def git(repository: Path, *arguments: str) -> str:
    """What git prints."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "replace")


def commits(repository: Path, *selection: str) -> Iterator[Commit]:
    """Commits with their files, the oldest first."""
    text = git(
        repository, "log", "--reverse", "-m", "--first-parent", "--name-status", f"--format={_FORMAT}", *selection
    )
    kinds = {"A": "added", "D": "removed"}
    for record in text.split(_RECORD)[1:]:
        sha, author, mail, committer, address, when, message, names = record.split(_UNIT, 7)
        files: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
        for line in filter(None, names.splitlines()):
            status, _, name = line.partition("\t")
            files[kinds.get(status[:1], "modified")].append(name.rpartition("\t")[2])
        yield Commit(sha, (author, mail), (committer, address), int(when), message.strip(), files)


def login(commit: Commit) -> str:
    """The account that pushed: the committer's, the author's where GitHub committed."""
    name, mail = commit.author if commit.committer[0] == "GitHub" else commit.committer
    if name.endswith(_BOT_SUFFIX):
        return name
    return mail.partition("@")[0].rpartition("+")[2] or "somebody"


def delivery(repository: str, actor: str, ref: str, pushed: list[Commit], *, created: bool) -> dict[str, Any]:
    """One push as a receiver hands it on."""
    listed = [
        {
            "id": commit.sha,
            "distinct": True,
            "message": commit.message,
            "author": {"name": commit.author[0], "email": commit.author[1]},
            "committer": {"name": commit.committer[0], "email": commit.committer[1]},
            **commit.files,
        }
        for commit in pushed[-_MOST_COMMITS:]
    ]
    head = listed[-1] if listed else None
    return {
        "integration": "cicd-github-webhook",
        "github": {"event": "push", "delivery": "0", "actor": actor, "org": "example", "repo": repository},
        "webhook": {
            "ref": ref,
            "created": created,
            "deleted": False,
            "forced": False,
            "commits": listed,
            "head_commit": head,
            "repository": {"full_name": repository, "private": False, "default_branch": "main"},
        },
    }


def deliveries(repository: Path, most: int) -> list[tuple[int, dict[str, Any]]]:
    """The last pushes of a repository and its tags, with their times."""
    name = f"example/{repository.resolve().parent.name if repository.name in {'repo', '.git'} else repository.name}"
    found = [
        (commit.time, delivery(name, login(commit), "refs/heads/main", [commit], created=False))
        for commit in commits(repository, "HEAD", f"--max-count={most}")
    ]
    oldest = min((when for when, _ in found), default=0)
    tags = git(repository, "for-each-ref", "refs/tags", "--format=%(creatordate:unix)\x1f%(refname)").splitlines()
    for line in tags:
        when, _, ref = line.partition(_UNIT)
        if when and int(when) >= oldest:
            found.append((int(when), delivery(name, "releaser", ref, [], created=True)))
    return sorted(found, key=lambda pair: pair[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--pushes", type=int, default=2000)
    parser.add_argument("--level", type=int, default=6)
    arguments = parser.parse_args()
    ruleset = assemble(package=cached_ruleset_files())
    total, loud, alerts = 0, 0, Counter[str]()
    for path in arguments.paths:
        session = ruleset.session()
        events = deliveries(path, arguments.pushes)
        count = 0
        for when, event in events:
            verdict = session.process(json.dumps(event), "github-webhook", time=float(when))
            if verdict.level >= arguments.level:
                count += 1
                alerts[f"{verdict.level:3} {verdict.rule_id} {verdict.output['rule']['description']}"] += 1
        total, loud = total + len(events), loud + count
        print(f"{path}: {len(events)} deliveries, {count} alerts from level {arguments.level} on")
    for text, number in alerts.most_common(40):
        print(f"{number:6} {text}")
    print(f"{total} deliveries, {loud} alerts: {loud * 500 / max(total, 1):.2f} in 500")


if __name__ == "__main__":
    main()
