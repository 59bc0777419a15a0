"""Reading a list file."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.spec.model import ListSpec
from wazuh_cicd.spec.patterns import literal
from wazuh_cicd.spec.shapes import LIST_FILE
from wazuh_cicd.spec.yamlnodes import scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.spec.yamlnodes import SpecReader

#: The most bytes of a value that a list of patterns is compared with; a service account's name has 338 at most.
LONGEST = 512
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_PATTERN = re.compile(r"[A-Za-z0-9._:/@*-]+\Z")
_PREFIX = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){1,3}\Z")


def read_list_file(reader: SpecReader, root: yaml.Node) -> ListSpec | None:
    """One list; what is wrong is reported."""
    entries = reader.mapping(root, LIST_FILE.what, LIST_FILE.names, LIST_FILE.required)
    if not entries:
        return None
    name = reader.text(entries["name"], "name") if "name" in entries else ""
    stem = PurePath(reader.path).stem
    if name and not _NAME.match(name):
        reader.problem("S104", entries["name"], f"list name '{name}'", "use lower-case letters, digits and '_'")
    elif name and name != stem:
        reader.problem("L601", entries["name"], f"list '{name}' stands in '{stem}.yml'", "give both the same name")
    keys = (
        reader.choice(entries["keys"], "keys", ("text", "address", "prefix", "pattern")) if "keys" in entries else None
    ) or "text"
    return ListSpec(
        name=name,
        title=reader.text(entries["title"], "title") if "title" in entries else "",
        keys=keys,
        example=_entries(reader, entries.get("example"), "'example'", keys),
        entries=_entries(reader, entries.get("entries"), "'entries'", keys),
        place=reader.place(root),
    )


def _entries(reader: SpecReader, node: yaml.Node | None, what: str, keys: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if node is None or (isinstance(node, yaml.ScalarNode) and scalar(node) is None):
        return found
    for key, value in reader.items(node, what):
        text = (
            ""
            if isinstance(value, yaml.ScalarNode) and scalar(value) is None
            else reader.text(value, "an entry's value")
        )
        for part, name in ((key.value, "key"), (text, "value")):
            if re.search(r'["\r\n]', part) or part != part.strip():
                node_ = key if name == "key" else value
                reader.problem(
                    "L602", node_, f"a list's {name} with a quote, a line break or outer blanks", "remove them"
                )
        if not key.value:
            reader.problem("L602", key, "an empty key", "write a key")
        elif keys == "address" and not _address(key.value):
            reader.problem(
                "L603",
                key,
                f"'{key.value}' is neither an address nor an IPv4 prefix that ends in '.'",
                "Wazuh compares text: write 10.1. for 10.1.0.0/16; for names write 'keys: prefix'",
            )
        elif keys == "pattern" and not _PATTERN.match(key.value):
            reader.problem(
                "L604",
                key,
                f"'{key.value}' is not a pattern",
                "write letters, digits, '.', '_', ':', '/', '@', '-', and '*' for any run of characters but ':'",
            )
        found[key.value] = text
    return found


def _address(text: str) -> bool:
    if _PREFIX.match(text):
        return True
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


def pattern_text(spec: ListSpec) -> str:
    """One expression for the whole value, which any of the list's patterns fits.

    ``*`` stands for any run of characters but ``:``, which separates namespace and name of a service account. Patterns
    that begin alike up to their last ``:``, and after it up to their last ``*``, share that beginning, so that it is
    read once. No value of more than ``LONGEST`` bytes fits, so that nobody can make the comparison long.
    """
    scopes: dict[str, dict[str, list[str]]] = {}
    for key in sorted(spec.entries):
        scope, colon, name = key.rpartition(":")
        begin, star, end = name.rpartition("*")
        ends = scopes.setdefault(scope + colon, {}).setdefault(begin + star, [])
        ends.append(end)
    parts = [
        # A run that a colon ends cannot end earlier: nothing is gained by trying.
        literal(scope).replace(r"\*:", "[^:]*+:").replace(r"\*", "[^:]*")
        + _either([_name_text(begin, ends) for begin, ends in names.items()])
        for scope, names in scopes.items()
    ]
    return rf"\A(?!(?s:.{{{LONGEST + 1}}})){_either(parts)}\z" if parts else r"(?!)"


def _name_text(begin: str, ends: Sequence[str]) -> str:
    """What comes after the last colon: ``begin``, which may end with a star, and one of the ends."""
    head = literal(begin).replace(r"\*", "[^:]*")
    texts = [literal(end) for end in ends]
    if begin.endswith("*") and "" in ends:
        return f"{head}+"  # all that is left
    if begin == "*":
        return f"{head}+(?<={'|'.join(texts)})"  # read once, and looked back from its end
    return head + _either(texts)


def _either(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"


def list_text(spec: ListSpec) -> str:
    """The list in Wazuh's format: ``key:value`` a line, keys with a colon in quotes."""
    lines = []
    for key, value in spec.entries.items():
        shown = f'"{key}"' if ":" in key else key
        lines.append(f"{shown}:{value}\n")
    return "".join(lines)
