"""Enough of Wazuh's SCA language to judge our policies on a tree: files and folders, PCRE2 contents, ``not``, ``n:``.

A content test on a file or folder that is not there makes the check not applicable; ``all`` fails when one rule fails,
``any`` passes when one passes, ``none`` fails when one is met; whatever else was not applicable decides last.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import yaml

from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from pathlib import Path

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def judge(policy: Path, root: Path) -> dict[int, str]:
    """The result of each check of a policy, with ``root`` in the place of ``/``."""
    document = yaml.safe_load(policy.read_text(encoding="utf-8"))
    assert document["policy"]["regex_type"] == "pcre2"
    variables = document.get("variables", {})
    return {check["id"]: _check(check, variables, root) for check in document["checks"]}


def applies(policy: Path, root: Path) -> bool:
    """Whether the policy's requirements are met."""
    document = yaml.safe_load(policy.read_text(encoding="utf-8"))
    return _check(document["requirements"], document.get("variables", {}), root) == PASSED


def _check(check: dict[str, Any], variables: dict[str, str], root: Path) -> str:
    results = []
    for rule in check["rules"]:
        text = rule
        for name in sorted(variables, key=len, reverse=True):
            text = text.replace(name, variables[name])
        results.append(_rule(text, root))
    condition = check["condition"]
    if condition == "none":
        met = True in results
        return FAILED if met else (NOT_APPLICABLE if None in results else PASSED)
    if condition == "any":
        return PASSED if True in results else (NOT_APPLICABLE if None in results else FAILED)
    return FAILED if False in results else (NOT_APPLICABLE if None in results else PASSED)


def _rule(text: str, root: Path) -> bool | None:
    negated = text.startswith("not ")
    text = text.removeprefix("not ")
    kind, rest = text.split(":", 1)
    target, *contents = rest.split(" -> ")
    place = root / target.lstrip("/")
    if kind == "f":
        found = _file(place, contents[0]) if contents else place.is_file() or place.is_socket()
    elif kind == "d":
        found = _folder(place, contents) if contents else place.is_dir()
    else:
        raise AssertionError(f"{kind}: is not used in our policies")
    return None if found is None else found != negated


def _file(place: Path, content: str) -> bool | None:
    if not place.is_file():
        return None
    lines = place.read_text(encoding="utf-8").splitlines()
    return any(all(_term(term, line) for term in content.split(" && ")) for line in lines)


def _folder(place: Path, contents: list[str]) -> bool | None:
    if not place.is_dir():
        return None
    # The names of files are always matched by OS_Regex, whatever regex_type says.
    pattern = compile_pattern("osregex", contents[0].removeprefix("r:").encode())
    named = [child for child in sorted(place.iterdir()) if child.is_file() and pattern.test(child.name.encode())]
    if len(contents) == 1:
        return bool(named)
    return any(_file(child, contents[1]) for child in named)


def _term(term: str, line: str) -> bool:
    negated = term.startswith("!")
    kind, rest = term.lstrip("!").split(":", 1)
    if kind == "r":
        return _matches(rest, line) != negated
    assert kind == "n"
    pattern, _, comparison = rest.partition(" compare ")
    sign, number = comparison.split()
    found = re.search(pattern, line)
    return bool(found and _COMPARE[sign](int(found[1]), int(number))) != negated


def _matches(pattern: str, text: str) -> bool:
    return compile_pattern("pcre2", pattern.encode()).test(text.encode())
