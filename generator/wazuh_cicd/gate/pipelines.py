"""Literal credentials in pipeline files: what a job should get at run time, written where everybody reads it.

Scanners know the shapes of many providers' tokens; ``PASSWORD: hunter2`` has no shape, only a name.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from wodles.scan.errors import ScanError
from wodles.scan.reports import Finding
from wodles.scan.text import clean, redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "literal-credential"
_LARGEST = 4 << 20
_NAMES = re.compile(
    r"(?:Jenkinsfile(?:\.[\w.-]+)?|[\w.-]+\.[jJ]enkinsfile|(?:[\w.-]+)?\.gitlab-ci(?:\.[\w-]+)?\.ya?ml"
    r"|azure-pipelines(?:[\w.-]*)?\.ya?ml|bitbucket-pipelines\.ya?ml|\.drone\.ya?ml|\.travis\.ya?ml|cloudbuild\.ya?ml"
    r"|buildspec\.ya?ml)\Z"
)
_FOLDERS = (".github/workflows", ".github/actions", ".gitea/workflows", ".forgejo/workflows", ".circleci", ".gitlab/ci",
            ".woodpecker", ".tekton", ".buildkite")  # fmt: skip
SKIPPED = frozenset((".git", "node_modules", ".venv", "venv", "__pycache__", ".terraform"))
# A name that holds a credential, in snake, kebab or camel case; "token_file" and the like name a place, not a value.
_WORD = (
    r"(?:password|passwd|passphrase|(?<![a-z])pass|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key"
    r"|private[_-]?key|auth[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|webhook[_-]?url|connection[_-]?string)"
)
_KEY = rf"(?P<name>[\w.-]{{0,120}}?{_WORD})(?P<rest>[_-]?(?:\d{{1,3}}|value|string|prod|dev|test|stage|staging|ci))?"
# Ways to give a value: `key: value`, `key = value`, `key=value`; and a list item's `name: KEY` with `value:` below it.
_ASSIGNMENT = re.compile(
    rf"(?<![\w$.{{-])[\"']?{_KEY}[\"']?\s*(?::=|\+=|=>|[:=])\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;#&|)}}\]]+)",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"^\s*(?:-\s*)?(?:name|key)\s*:\s*[\"']?{_KEY}[\"']?\s*$", re.IGNORECASE)
_VALUE = re.compile(r"^\s*value\s*:\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s#]+)")
_OPTIONS = re.compile(
    r"(?:docker|podman|helm|oras|crane|skopeo|buildah|nerdctl)\s[^|;&]{0,200}?login\b[^|;&]{0,200}?"
    r"\s(?:-p|--password)[=\s]{1,9}(?P<login>\S+)"
    r"|\bcurl\b[^|;&]{0,400}?\s(?:-u|--user)[=\s]{0,9}[\"']?[^\s:\"']{1,100}:(?P<user>[^\s\"']+)"
    r"|\b(?:mysql|mysqldump|mariadb)\b[^|;&]{0,400}?\s-p(?P<mysql>[^\s-]\S*)"
    r"|\bsshpass\s+-p\s*(?P<ssh>\S+)"
    r"|Authorization:\s*(?:Bearer|Basic|token)\s+(?P<header>[^\s\"']+)"
    r"|\b(?:password|_authToken|_password)\s+(?P<netrc>[^\s\"']{4,})\s*(?:\"|'|$)"
)
_OPTION_TEXTS = {
    "login": "password of a login",
    "user": "password of curl",
    "mysql": "password of mysql",
    "ssh": "password of sshpass",
    "header": "Authorization",
    "netrc": "password",
}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^/\s:@\"']{0,200}:(?P<value>[^/\s@\"']{1,400})@", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
# A value that is taken from somewhere at run time, or that is none.
_REFERENCE = re.compile(
    r"\$|environ\b|%[A-Za-z_]\w*%|\{\{|<%|credentials\s*\(|\b(?:env|params|vars?|secrets?|inputs?|config|settings|vault|library)\s*[.\[(]"
    r"|(?:readFile|sh|getenv|lookup|get|load|fetch|readSecret|string|usernamePassword|file|input|System)\s*\(|!reference|!vault"
)
_NO_VALUE = re.compile(
    r"(?:|true|false|yes|no|on|off|null|nil|none|~|write|read|inherit|\|[+-]?|>[+-]?|\*+|x{3,}|\.{3,}|<[^>]*>|[\[{].*|[&*]\w.*"
    r"|[\d.]{1,3})\Z",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[\w./+-]{16,1024}")  # long enough for the shapes of the providers' tokens
_PLACE = re.compile(r"(?:/|\./|\.\./|~/)[\w./@-]+\Z|(?:secret|kv|database|auth)/[\w./-]+\Z")


def literal_credentials(directory: Path) -> list[Finding]:
    """Find credentials that a directory's pipeline files write out; raises ``ScanError`` for one that cannot be read.

    What is found is named by variable, file and line; the value is not kept.
    """
    found = []
    for path, name in pipeline_files(directory):
        try:
            with open(path, "rb") as stream:  # noqa: PTH123 -- a bytes path of any name
                data = stream.read(_LARGEST + 1)
        except OSError as error:
            raise ScanError("no_proof", f"a pipeline file cannot be read: {error.strerror}") from None
        if len(data) > _LARGEST:
            raise ScanError("report_too_large", "a pipeline file is larger than 4 MiB")
        found += [
            Finding(
                kind="secret",
                id=RULE,
                severity="HIGH",
                scanner="wazuh-cicd",
                package=clean(variable, 80),
                title=f"{clean(variable, 60)} is written out; inject it at run time",
                target=clean(name),
                lines=str(line),
            )
            for line, variable in credentials_in(data.decode("utf-8", "replace"))
        ]
    return found


def pipeline_files(directory: Path) -> Iterator[tuple[str, str]]:
    """Walk a directory's pipeline files, ``(path, name below the directory)``; links are followed inside it only."""
    root = str(directory)
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        special = any(below == place or below.startswith(place + "/") for place in _FOLDERS)
        for name in sorted(names):
            path = os.path.join(folder, name)  # noqa: PTH118 -- as os.walk gives it
            wanted = _NAMES.match(name) or (special and name.endswith((".yml", ".yaml")))
            inside = os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)
            if wanted and inside and os.path.isfile(path):  # noqa: PTH113 -- a path of os.walk's
                yield path, name if below == "." else f"{below}/{name}"


def unreadable(error: OSError) -> None:
    """Refuse a folder that cannot be read: what is in it is not known. Raises ``ScanError``."""
    raise ScanError("no_proof", f"a folder cannot be read: {error.strerror}")


def credentials_in(text: str) -> Iterator[tuple[int, str]]:
    """Find literal credentials in one file's text: line and the name of what holds it."""
    named = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("#", "//")):
            continue
        found = ""
        for match in _ASSIGNMENT.finditer(line):
            if _literal(match["value"]) and not _is_address_of_secrets(match["name"], match["value"]):
                found = found or match["name"]
        value = _VALUE.match(line) if named else None
        if value and _literal(value["value"]):
            found = found or named
        for match in _OPTIONS.finditer(line):
            option = next((name for name, given in match.groupdict().items() if given), "")
            if option and _literal(match[option]):
                found = found or _OPTION_TEXTS[option]
        address = _ADDRESS.search(line)
        if address and _literal(address["value"]):
            found = found or "password in an address"
        if _PRIVATE_KEY.search(line):
            found = found or "private key"
        if not found and any(redact(word) != word for word in _WORDS.findall(line)):
            found = "token"
        if found:
            yield number, found
        following = _NAMED.match(line)
        named = following["name"] if following else ""


def _is_address_of_secrets(name: str, value: str) -> bool:
    """Say whether a value names where the secret is kept, as `secrets: inherit` or a credentials id do."""
    return name.lower().endswith(("credentials", "credential")) and bool(re.fullmatch(r"[\"']?[\w-]+[\"']?", value))


def _literal(value: str) -> bool:
    """Say whether a value is written out, not taken from a variable, a store or a file at run time."""
    quoted = value[:1] in "\"'" and len(value) > 1
    text = value[1:-1] if quoted and value[-1:] == value[:1] else value
    text = text.strip().strip("\"'`")
    if _NO_VALUE.match(text) or _PLACE.match(text) or _REFERENCE.search(text):
        return False
    return len(text) >= 3
