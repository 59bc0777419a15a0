"""The payload of a forge, without its addresses, within what Wazuh reads of an event.

Nearly every payload of GitHub fits once the addresses are gone. A pull request describes three repositories with eighty
fields each: of these the ones that say something stay. What still does not fit is folded, then shortened, in the
order in which it costs least, and the event names what was done.
"""

import re
from typing import Any, Dict, List, Tuple

from wodles.receive.lines import (
    FIELDS,
    LINE_BYTES,
    count_fields,
    encode,
    fold_fields,
    shorten_lists,
    shorten_texts,
)

# What stays of a repository that is described inside something else, or when the event is too large.
_REPOSITORY = frozenset(
    [
        "id",
        "name",
        "full_name",
        "private",
        "internal",
        "fork",
        "archived",
        "disabled",
        "default_branch",
        "visibility",
        "description",
        "owner",
        "parent",
        "created_at",
        "pushed_at",
        "is_template",
        "topics",
        "language",
        "homepage",
    ]
)
_USER = frozenset(["id", "login", "username", "name", "email", "type", "site_admin", "is_admin", "full_name"])
_KEPT = (
    "pull_request",
    "alert",
    "rule",
    "repository",
    "workflow_run",
    "workflow_job",
    "head",
    "base",
    "sender",
    "release",
    "security_advisory",
    "changes",
    "repository_ruleset",
    "review",
    "comment",
    "issue",
)
# Paths that run something, or that a rule reads: they are the last to go when a push is too long.
_TELLING = re.compile(
    r"(?:^|/)(?:\.[^/]+/|\.[^/]+$|(?:action|docker-compose|compose|values|Chart)\.ya?ml$|Dockerfile|Makefile|Jenkinsfile"
    r"|package(?:-lock)?\.json$|[^/]*\.(?:lock|toml|gradle|sh|ps1|cfg|pth|tf)$|setup\.py$|CLAUDE|AGENTS|GEMINI|CODEOWNERS)"
)
_MESSAGE = 200  # characters of a commit's message in a push that is too long


def without_addresses(value: Any) -> Any:
    """Return a payload without keys that end in ``_url``, and without ``url`` and ``node_id``."""
    if type(value) is dict:
        return {
            key: without_addresses(item) if type(item) in (dict, list) else item
            for key, item in value.items()
            if not key.endswith(("_url", "node_id")) and key != "url"
        }
    if type(value) is list:
        return [without_addresses(item) if type(item) in (dict, list) else item for item in value]
    return value


def fitted(envelope: Dict[str, Any]) -> Tuple[bytes, Dict[str, str]]:
    """Return the line of an event whose payload stands under ``webhook``, and what was lost, empty when nothing was.

    ``envelope`` is changed; the other keys are ours and short.
    """
    if count_fields(envelope) > FIELDS:
        _drop_details(envelope["webhook"])
        if count_fields(envelope) > FIELDS - 8:
            fold_fields(envelope, FIELDS - 8, _KEPT)
        envelope["receiver"] = {"outcome": "accepted", "cut": "details"}
    line = encode(envelope)
    if len(line) <= LINE_BYTES:
        return line, {}
    return _shortened(envelope, len(line))


def _shortened(envelope: Dict[str, Any], size: int) -> Tuple[bytes, Dict[str, str]]:
    """Shorten an event until it fits."""
    cut = {"bytes": str(size)}
    done: List[str] = []
    line = b""

    def fits(what: str) -> bool:
        nonlocal line
        done.append(what)
        envelope["receiver"] = {"outcome": "accepted", "cut": " ".join(done), "bytes": str(size)}
        line = encode(envelope)
        return len(line) <= LINE_BYTES

    payload = envelope["webhook"]
    if isinstance(payload.get("commits"), list):
        left = _shorten_push(payload)
        if left:
            cut["paths_left_out"] = str(left)
        if fits("commits"):
            return line, dict(cut, what="commits")
        _drop_details(payload)
        # The newest commits say what is there now; the oldest go first.
        while len(payload["commits"]) > 1 and len(encode(payload["commits"])) > LINE_BYTES * 3 // 4:
            half = (len(payload["commits"]) + 1) // 2
            cut["commits_left_out"] = str(int(cut.get("commits_left_out", "0")) + len(payload["commits"]) - half)
            payload["commits"] = payload["commits"][-half:]
    else:
        _drop_details(payload)
    for most in (8000, 2000, 500):
        envelope["webhook"] = shorten_texts(envelope["webhook"], most)
        if fits("texts"):
            return line, dict(cut, what="texts")
    for entries in (100, 20, 3):
        envelope["webhook"] = shorten_lists(envelope["webhook"], entries)
        if fits("lists"):
            return line, dict(cut, what="lists")
    envelope["webhook"] = {key: item for key, item in payload.items() if not isinstance(item, (dict, list, str))}
    if not fits("payload"):
        envelope["webhook"] = {}
        fits("everything")
    return line, dict(cut, what="payload")


def _drop_details(payload: Any) -> None:
    """Take out of repositories and people what no rule reads, and links, reactions and what is null."""
    todo: List[Any] = [payload]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += [item for item in value if isinstance(item, (dict, list))]
            continue
        if "full_name" in value and "default_branch" in value:
            _keep_only(value, _REPOSITORY)
        elif "login" in value and "site_admin" in value:
            _keep_only(value, _USER)
        for key in [
            key for key, item in value.items() if item is None or key in ("_links", "reactions", "permissions")
        ]:
            del value[key]
        todo += [item for item in value.values() if isinstance(item, (dict, list))]


def _keep_only(value: Dict[str, Any], keys: "frozenset[str]") -> None:
    for key in [key for key in value if key not in keys]:
        del value[key]


def _shorten_push(payload: Dict[str, Any]) -> int:
    """Leave of a push's commits what the rules read; returns how many paths were left out."""
    commits = [commit for commit in payload["commits"] if isinstance(commit, dict)]
    for commit in commits:
        for key in ("tree_id", "removed") if len(commits) > 1 else ("tree_id",):
            commit.pop(key, None)
        if isinstance(commit.get("message"), str):
            commit["message"] = shorten_texts(commit["message"], _MESSAGE)
    payload["commits"] = commits
    head = payload.get("head_commit")
    if isinstance(head, dict) and commits:
        for key in ("added", "removed", "modified"):
            head.pop(key, None)
    left = 0
    for most in (200, 50, 10, 3):
        if len(encode(payload)) <= LINE_BYTES - 1000:
            break
        for commit in commits:
            for key in ("added", "modified", "removed"):
                paths = commit.get(key)
                if isinstance(paths, list) and len(paths) > most:
                    telling = [path for path in paths if isinstance(path, str) and _TELLING.search(path)]
                    named = set(telling)
                    others = [path for path in paths if isinstance(path, str) and path not in named]
                    kept = (telling + others)[:most]
                    left += len(paths) - len(kept)
                    commit[key] = kept
    return left
