"""YAML text to located nodes.

PyYAML composes the node graph; values are resolved here by the core schema of YAML 1.2, so that ``on``, ``no`` and
``2026-01-01`` stay the text that was written. Only a subset of YAML is read: no anchors and aliases (a small file can
stand for a huge one), no tags of one's own, no second document, no duplicate key.

What a file means, and what is wrong with it, never depends on how PyYAML was built. Its own loader decides. libyaml,
where it is there, only saves time: it reads texts in which both agree, and what it refuses is read again.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import yaml

from wazuh_cicd.spec.problems import Place, did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wazuh_cicd.spec.problems import Problems

Scalar: TypeAlias = "str | int | float | bool | None"
Loader: TypeAlias = "type[yaml.SafeLoader | yaml.CSafeLoader]"
Result = TypeVar("Result")

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 60  # both composers recurse: libyaml's would take the process down
_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
# What YAML 1.1 resolves and we read as text: no tag was written, so these are not refused.
_IMPLICIT_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "merge", "value")}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, Scalar] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_DEEP_LINE = re.compile(r"(?m)^ {50}|(?:[-?:][ ]+){50}")
# Texts that the two loaders do not read alike.
_DISPUTED = tuple(
    re.compile(pattern)
    for pattern in (
        r"[\t\ufeff\x85\u2028\u2029]",  # tabs, a byte order mark, and the line breaks that YAML 1.2 gave up
        r"[|>](?<!\S.)[-+0-9]*#",  # a comment right after the sign of a block text
    )
)
# Texts in which they may give an empty value another place.
_DISPUTED_PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        r"---(?<![^\r\n]---)",  # the start of a document
        r"\?(?<![^\s\[\]{},:]\?)(?=\s|\Z)",  # the sign of a key
        r":\s+[\]},]",  # a value before a bracket
    )
)


class PlainLoader(yaml.SafeLoader):
    """PyYAML's own loader, except that ``?`` may stand inside an unquoted text of a list in brackets.

    PyYAML ends such a text there (``scan_plain``); libyaml and YAML 1.2 (section 7.3.3) read on.
    """

    _in_text = False

    def scan_plain(self) -> yaml.ScalarToken:
        """Scan an unquoted text."""
        self._in_text = True
        try:
            return super().scan_plain()
        finally:
            self._in_text = False

    def peek(self, index: int = 0) -> str:
        """The next character; inside an unquoted text ``?`` is one like any other."""
        character: str = super().peek(index)
        return "x" if character == "?" and self._in_text else character


#: libyaml's loader; None where PyYAML was built without it.
FAST_LOADER: type[yaml.CSafeLoader] | None = getattr(yaml, "CSafeLoader", None)


class SpecReader:
    """One file's text and its problems: reads nodes and reports against them."""

    def __init__(self, path: str, problems: Problems, patterns: Mapping[str, str] | None = None) -> None:
        """Prepare for the file ``path`` (as the user named it).

        Args:
            path: the file.
            problems: where findings go.
            patterns: the expression of every list of patterns, for the matcher ``like``.
        """
        self.path = path
        self.problems = problems
        self.patterns = patterns or {}

    def place(self, node: yaml.Node | None) -> Place:
        """Where the node starts."""
        if node is None:
            return Place(self.path)
        return Place(self.path, node.start_mark.line + 1, node.start_mark.column + 1)

    def problem(self, code: str, node: yaml.Node | None, message: str, fix: str = "") -> None:
        """Report against a node."""
        self.problems.add(code, self.place(node), message, fix)

    def compose(self, data: bytes) -> yaml.Node | None:
        """The root node; None, and a reported problem, when the text is not YAML that we read."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problems.add(
                "Y106", Place(self.path, line), f"byte {data[error.start]:#04x} is not UTF-8", "save the file as UTF-8"
            )
            return None
        if len(data) > MAX_BYTES:
            self.problems.add("Y107", Place(self.path), f"larger than {MAX_BYTES} bytes", "split the file")
            return None
        try:
            if self._too_deep(text):
                self._refuse_depth()
                return None
            root = _compose(text)
        except yaml.YAMLError as error:
            self._syntax_error(error, text)
            return None
        if root is not None and not self._accept(root):
            return None
        return root

    @staticmethod
    def _too_deep(text: str) -> bool:
        depth = deepest = 0
        for bracket in re.findall(r"[\[\]{}]", text):
            depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
            deepest = max(deepest, depth)
        if deepest < MAX_DEPTH and not _DEEP_LINE.search(text):
            return False
        return _read(text, lambda loader: _deeper_than(MAX_DEPTH, yaml.parse(text, Loader=loader)))

    def _refuse_depth(self) -> None:
        self.problems.add("Y107", Place(self.path), f"nested deeper than {MAX_DEPTH} levels", "flatten it")

    def _syntax_error(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            position = getattr(error, "position", 0)
            place = Place(self.path, text.count("\n", 0, position) + 1)
            found = f"U+{ord(text[position]):04X} is not allowed" if position < len(text) else "unreadable text"
            self.problems.add("Y101", place, f"not YAML: {found}", "remove the character, or write it as an escape")
            return
        place = Place(self.path, mark.line + 1, mark.column + 1)
        lines = text.split("\n")
        line = lines[mark.line] if mark.line < len(lines) else ""
        reason = " ".join(filter(None, [getattr(error, "problem", ""), getattr(error, "context", "")]))
        if "\t" in line[: mark.column + 1] or line.lstrip(" ").startswith("\t"):
            place = Place(self.path, mark.line + 1, line.index("\t") + 1)
            self.problems.add("Y102", place, "a tab where YAML wants blanks", "indent with spaces, two a level")
        elif "another document" in reason:
            self.problems.add(
                "Y108", place, "a second document in one file", "remove the line '---', or split the file"
            )
        elif "mapping values are not allowed" in reason:
            self.problems.add(
                "Y101", place, "not YAML: ': ' inside an unquoted text, or wrong indentation", "quote the whole text"
            )
        elif (character := line[mark.column : mark.column + 1]) and character in "@`%&*!|>":
            self.problems.add("Y101", place, f"not YAML: a text cannot start with '{character}'", "quote the text")
        else:
            self.problems.add(
                "Y101", place, f"not YAML: {reason}", "look here and just above: a bracket or quote left open?"
            )

    def _accept(self, root: yaml.Node) -> bool:
        seen: set[int] = set()
        todo = [root]
        good = True
        while todo:
            node = todo.pop()
            if id(node) in seen:
                self.problem("Y104", node, "an alias stands for this node", "write the value out where it is used")
                good = False
                continue
            seen.add(id(node))
            if node.tag not in _CORE_TAGS and not (node.tag in _IMPLICIT_TAGS and not getattr(node, "style", "")):
                self.problem("Y105", node, f"tag '{node.tag}' is not known", "remove the tag")
                good = False
            if isinstance(node, yaml.MappingNode):
                keys: dict[str, yaml.Node] = {}
                for key, value in node.value:
                    if not isinstance(key, yaml.ScalarNode):
                        self.problem("Y109", key, "a key must be a plain text", "quote it")
                        good = False
                        continue
                    if key.value in keys:
                        first = self.place(keys[key.value])
                        self.problem(
                            "Y103",
                            key,
                            f"key '{key.value}' stands here twice (first in line {first.line})",
                            "keep one of them; several conditions on one field go into one mapping",
                        )
                        good = False
                    keys.setdefault(key.value, key)
                    todo.append(value)
            elif isinstance(node, yaml.SequenceNode):
                todo.extend(node.value)
        return good

    # -- typed access ------------------------------------------------------------------------------------------------

    def mapping(
        self, node: yaml.Node, what: str, known: Sequence[str], required: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """The values of a mapping by key; unknown and missing keys are reported, a wrong kind gives an empty dict."""
        if not isinstance(node, yaml.MappingNode):
            self.problem("S103", node, f"{what} must be a mapping, not {kind(node)}", "write 'key: value' lines")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value in known:
                found[key.value] = value
            else:
                fix = did_you_mean(key.value, known, otherwise=f"known keys: {', '.join(known)}")
                self.problem("S101", key, f"unknown key '{key.value}' in {what}", fix)
        for name in required:
            if name not in found:
                self.problem("S102", node, f"{what} lacks '{name}'", f"add '{name}:'")
        return found

    def items(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """The pairs of a mapping with free keys."""
        if not isinstance(node, yaml.MappingNode):
            self.problem("S103", node, f"{what} must be a mapping, not {kind(node)}", "write 'key: value' lines")
            return
        yield from node.value

    def elements(self, node: yaml.Node, what: str, *, single: bool = False) -> list[yaml.Node]:
        """The elements of a list; with ``single`` one bare value stands for a list of one."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if single and isinstance(node, yaml.ScalarNode) and scalar(node) is not None:
            return [node]
        self.problem("S103", node, f"{what} must be a list, not {kind(node)}", "write it as [a, b]")
        return []

    def text(self, node: yaml.Node, what: str) -> str:
        """A text. Numbers and booleans are taken as they are written; an empty value is reported."""
        if not isinstance(node, yaml.ScalarNode) or scalar(node) is None:
            self.problem("S103", node, f"{what} must be a text, not {kind(node)}", "write one text, quoted if need be")
            return ""
        return str(node.value)

    def texts(self, node: yaml.Node, what: str, *, single: bool = True) -> tuple[str, ...]:
        """A list of texts, or a single one."""
        return tuple(self.text(element, what) for element in self.elements(node, what, single=single))

    def integer(self, node: yaml.Node, what: str, low: int, high: int) -> int | None:
        """A whole number inside ``low``..``high``."""
        value = scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(
                "S103", node, f"{what} must be a whole number, not {kind(node)}", f"write one of {low}..{high}"
            )
            return None
        if not low <= value <= high:
            self.problem("S105", node, f"{what} {value} is outside {low}..{high}", f"write a number of {low}..{high}")
            return None
        return value

    def boolean(self, node: yaml.Node, what: str) -> bool | None:
        """``true`` or ``false``."""
        value = scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(value, bool):
            self.problem("S103", node, f"{what} must be true or false, not {kind(node)}", "write true or false")
            return None
        return value

    def choice(self, node: yaml.Node, what: str, known: Sequence[str]) -> str | None:
        """One of the known words."""
        value = self.text(node, what)
        if value in known:
            return value
        if value:
            fix = did_you_mean(value, known, otherwise=f"write {listing(known)}")
            self.problem("S104", node, f"{what} '{value}' is not known", fix)
        return None


def _read(text: str, reader: Callable[[Loader], Result]) -> Result:
    """What ``reader`` makes of the text with a loader that it is handed.

    Raises:
        yaml.YAMLError: the text is not YAML; always in the words and with the places of ``PlainLoader``.
    """
    if FAST_LOADER is not None and not any(pattern.search(text) for pattern in _DISPUTED):
        with contextlib.suppress(yaml.YAMLError):
            return reader(FAST_LOADER)
    return reader(PlainLoader)


def _compose(text: str) -> yaml.Node | None:
    """The root node; raises as ``_read`` does."""

    def compose(loader: Loader) -> yaml.Node | None:
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
        if loader is FAST_LOADER and any(pattern.search(text) for pattern in _DISPUTED_PLACES) and _has_empty(root):
            return compose(PlainLoader)
        return root

    return _read(text, compose)


def _has_empty(root: yaml.Node | None) -> bool:
    """Whether a value below a node is empty; anything that is refused later counts as well."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if (
            node is None
            or id(node) in seen
            or (isinstance(node, yaml.ScalarNode) and not node.value and not node.style)
        ):
            return True
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            todo.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
    return False


def _deeper_than(limit: int, events: Iterable[yaml.Event]) -> bool:
    depth = 0
    for event in events:
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > limit:
                return True
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
    return False


def scalar(node: yaml.ScalarNode) -> Scalar:
    """The value of a scalar node by YAML 1.2's core schema (decimal integers only); quoted text is always text."""
    text: str = node.value
    if node.style or node.tag == "tag:yaml.org,2002:str" and text not in _CONSTANTS and not text[:1].isdigit():  # noqa: RUF021 - reads as written
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text) and len(text) < 4000:
        return int(text) if not _leading_zero(text) else text
    if _FLOAT.match(text) and not _leading_zero(text):
        return float(text)
    return text


def _leading_zero(text: str) -> bool:
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def plain(node: yaml.Node) -> object:
    """The node as plain Python data (dicts, lists, scalars), as JSON would hold it."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(value) for value in node.value]
    return scalar(node) if isinstance(node, yaml.ScalarNode) else None


def kind(node: yaml.Node) -> str:
    """What a node is, for messages."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    value = scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"{str(value).lower()}"
    return f"the number {node.value}" if isinstance(value, (int, float)) else f"the text '{_short(node.value)}'"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
