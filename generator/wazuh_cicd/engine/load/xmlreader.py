"""The XML reader of analysisd, which is not a conforming XML parser.

What an author must know, and what this module reproduces: no entities, no CDATA, no ``<?xml?>``; a raw ``<`` in a text
opens an element unless a backslash stands before it (both characters stay); ``<! ... !>`` and ``<!-- ... -->`` are
comments, also inside a text; of a text with elements in between only the part behind the last one counts; nothing is
trimmed; an attribute value may not contain ``>``.

Texts are ``str``, decoded as UTF-8 with ``surrogateescape`` so that every byte survives; ``to_bytes`` gives the bytes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.messages import ERROR, FatalLoadError, LoadMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUE = 20_480
MAX_DEPTH = 1024

# The common leaf, read at one go: simple name, attributes without surprises, a text without ``<``.
_LEAF = re.compile(rb"<([A-Za-z_]\w{0,63})((?:[ \t\n]+[A-Za-z_]\w{0,63}=\"[^\">\0]{0,2000}\")*)>([^<\0]{0,16000})</\1>")
# The common opening tag.
_TAG = re.compile(rb"<([A-Za-z_]\w{0,63})((?:[ \t\n]+[A-Za-z_]\w{0,63}=\"[^\">\0]{0,2000}\")*)>")
_ATTRIBUTE = re.compile(rb"([A-Za-z_]\w*)=\"([^\"]*)\"")
_NAME_END = re.compile(rb"[>\s]|<!")
_TEXT_END = re.compile(rb"<")
_COMMENT_END = re.compile(rb"!>|-->")
_ATTRIBUTE_STOP = re.compile(rb"[>/=\s]")
_SPACE = b" \t\n\v\f\r"
_VARIABLE = "var"
_DEFINITION = re.compile(rb"<\s*var", re.IGNORECASE)
# Bytes. A shorter text or attribute is never looked at: ``$A`` stays as it is.
_SHORTEST_REFERENCE = 3
_VARIABLE_END = re.compile(rb"[$.|, ]")
# Bytes of a variable's name, and how many of them a message shows.
_LONGEST_NAME = 255
_SHOWN_NAME = 95


class XmlError(FatalLoadError):
    """A file that the reader refuses; nothing of the ruleset is loaded then."""


@dataclass(slots=True)
class Node:
    """One element.

    Attributes:
        tag: as spelled in the file; compare without letter case.
        attributes: (name, value) in order; names of one spelling are unique.
        content: the text behind the last child element; empty when there is none.
        children: elements inside.
        line: of the opening ``<``, counted from 1.
        column: of the opening ``<`` in bytes, counted from 1.
    """

    tag: str
    attributes: list[tuple[str, str]]
    content: str = ""
    children: list[Node] = field(default_factory=list)
    line: int = 0
    column: int = 0

    def attribute(self, name: str) -> str | None:
        """Value of the attribute called so; letter case counts."""
        for key, value in self.attributes:
            if key == name:
                return value
        return None


def to_bytes(text: str) -> bytes:
    """The bytes of a text that this module decoded."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """Decode so that ``to_bytes`` restores every byte."""
    return data.decode("utf-8", "surrogateescape")


def read_xml(data: bytes, path: str) -> list[Node]:
    """Read a file of rules or decoders and put its variables in.

    Args:
        data: the whole file. Zero bytes are an empty list.
        path: how messages name the file.

    Returns:
        The elements at top level; every ``<var>`` is left out.

    Raises:
        XmlError: not readable for the manager (1226), or an unknown variable (1227).
    """
    nodes = _Reader(data, path).read()
    if _DEFINITION.search(data):
        _apply_variables(nodes, path)
    return nodes


class _Reader:
    """Reads one file from left to right; ``_pos`` is the next byte."""

    __slots__ = ("_counted", "_data", "_lines", "_path", "_pos", "_row_start")

    def __init__(self, data: bytes, path: str) -> None:
        self._data = data
        self._path = path
        self._pos = 0
        self._counted = 0
        self._lines = 1
        self._row_start = 0

    def read(self) -> list[Node]:  # noqa: C901 - one loop over the bytes, whose state the branches share
        """All elements at top level."""
        data = self._data
        top: list[Node] = []
        stack: list[Node] = []
        text: list[bytes] = []  # of the innermost open element, since its last child
        held = 0  # bytes in it
        escape_spent = -1  # position of a '<' that a backslash before a comment has escaped already
        while True:
            at = data.find(b"<", self._pos)
            if at < 0:
                if stack:
                    self._overflow(held, len(data))
                    self._pos = len(data)
                    raise self._error("XMLERR: End of file and some elements were not closed.")
                return top
            if stack:
                self._overflow(held, at)
            following = data[at + 1 : at + 2]
            if following == b"!":
                begin = self._pos
                if stack and begin < at:
                    text.append(data[begin:at])
                    held += at - begin
                self._skip_comment(at)
                if _ends_escaped(data[begin:at]):  # the backslash then acts on what follows the comment
                    escape_spent = self._pos
                continue
            if at == escape_spent or _ends_escaped(data[self._pos : at]):
                if stack:
                    text.append(data[self._pos : at + 1])
                    held += at + 1 - self._pos
                self._pos = at + 1
                continue
            if following == b"/":
                if not stack:
                    self._pos = at
                    raise self._error("XMLERR: Element not opened.")
                text.append(data[self._pos : at])
                self._close(stack.pop(), at + 2, b"".join(text))
                text, held = [], 0
                continue
            siblings = stack[-1].children if stack else top
            leaf = _LEAF.match(data, at)
            if leaf and len(stack) < MAX_DEPTH and not _ends_escaped(leaf.group(3)):
                plain_leaf = self._plain(leaf, at, to_text(leaf.group(3)))
                if plain_leaf is not None:
                    siblings.append(plain_leaf)
                    self._pos = leaf.end()
                    text, held = [], 0
                    continue
            plain = _TAG.match(data, at)
            opened = self._plain(plain, at, "") if plain else None
            if plain and opened is not None:
                self._pos = plain.end()
                node, closed = opened, False
            else:
                node, closed = self._open(at)
            siblings.append(node)
            text, held = [], 0
            if not closed:
                stack.append(node)
                if len(stack) > MAX_DEPTH:
                    raise self._error("XMLERR: Max recursion level reached.")

    def _plain(self, found: re.Match[bytes], at: int, content: str) -> Node | None:
        """Make a node of an opening tag without surprises; None when an attribute is given twice."""
        tag, raw = found.group(1, 2)
        attributes: list[tuple[str, str]] = []
        if raw:
            attributes = [(sys.intern(to_text(name)), to_text(value)) for name, value in _ATTRIBUTE.findall(raw)]
            if len(attributes) > 1 and len({name for name, _ in attributes}) < len(attributes):
                return None
        self._count(at)
        return Node(sys.intern(to_text(tag)), attributes, content, [], self._lines, at - self._row_start + 1)

    def _open(self, at: int) -> tuple[Node, bool]:
        """Read an opening tag at ``at``; the second value says that it closes itself."""
        data = self._data
        self._count(at)
        node = Node("", [], line=self._lines, column=at - self._row_start + 1)
        self._pos = at + 1
        pieces: list[bytes] = []
        held = 0
        while True:
            found = _NAME_END.search(data, self._pos)
            stop = found.start() if found else len(data)
            self._overflow(held, stop)
            pieces.append(data[self._pos : stop])
            held += stop - self._pos
            self._pos = stop
            if not found:
                raise self._error("XMLERR: End of file and some elements were not closed.")
            if found.group() != b"<!":
                break
            self._skip_comment(stop)
        name = b"".join(pieces)
        closed = name.endswith(b"/")
        node.tag = _decode(name[:-1] if closed else name)
        stopper = data[self._pos : self._pos + 1]
        self._pos += 1
        if stopper != b">" and self._attributes(node):
            closed = True
        return node, closed

    def _attributes(self, node: Node) -> bool:
        """Read attributes up to the end of the tag; True when they end in ``/`` (the ``>`` is left unread)."""
        data = self._data
        seen: set[bytes] = set()
        while True:
            while data[self._pos : self._pos + 1] and data[self._pos] in _SPACE:
                self._pos += 1
            found = _ATTRIBUTE_STOP.search(data, self._pos)
            stop = found.start() if found else len(data)
            name = data[self._pos : stop]
            shown = _decode(name)
            if len(name) >= MAX_VALUE:
                raise self._error(f"XMLERR: Overflow attempt at attribute '{shown[:20]}'.")
            self._pos = stop + 1
            if not found:
                raise self._error("XMLERR: End of file while reading an attribute.")
            stopper = found.group()
            if stopper != b"=":
                if name:
                    self._pos = stop
                    raise self._error(f"XMLERR: Attribute '{shown}' has no value.")
                return stopper == b"/"
            if name in seen:
                raise self._error(f"XMLERR: Attribute '{shown}' already defined.")
            seen.add(name)
            value = self._value(shown)
            node.attributes.append((shown, _decode(value)))
            after = data[self._pos : self._pos + 1]
            self._pos += 1
            if after == b">":
                return False
            if after == b"/":
                return True
            if not after or after not in _SPACE:
                raise self._error(f"XMLERR: Bad attribute closing for '{shown}'='{_decode(value)}'.")

    def _value(self, shown: str) -> bytes:
        data = self._data
        quote = data[self._pos : self._pos + 1]
        while quote and quote in _SPACE:
            self._pos += 1
            quote = data[self._pos : self._pos + 1]
        if quote not in (b'"', b"'"):
            raise self._error(f"XMLERR: Attribute '{shown}' not followed by a \" or '.")
        begin = self._pos + 1
        stop = data.find(quote, begin)
        bad = data.find(b">", begin, stop if stop >= 0 else len(data))
        limit = bad if bad >= 0 else stop
        if (limit if limit >= 0 else len(data)) - begin >= MAX_VALUE:
            raise self._error(f"XMLERR: Overflow attempt at attribute '{shown[:20]}'.")
        if bad >= 0:
            self._pos = bad
            raise self._error(f"XMLERR: Attribute '{shown}' not closed.")
        if stop < 0:
            self._pos = len(data)
            raise self._error("XMLERR: End of file while reading an attribute.")
        self._pos = stop + 1
        return data[begin:stop]

    def _close(self, node: Node, begin: int, content: bytes) -> None:
        """Read a closing tag whose name starts at ``begin``."""
        data = self._data
        self._pos = begin
        pieces: list[bytes] = []
        held = 0
        while True:
            stop = data.find(b">", self._pos, self._pos + MAX_VALUE)
            comment = data.find(b"<!", self._pos, stop if stop >= 0 else self._pos + MAX_VALUE)
            if comment >= 0:
                pieces.append(data[self._pos : comment])
                held += comment - self._pos
                self._skip_comment(comment)
                continue
            if stop < 0:
                self._overflow(held, len(data))
                self._pos = len(data)
                raise self._error("XMLERR: End of file and some elements were not closed.")
            self._overflow(held, stop)
            pieces.append(data[self._pos : stop])
            self._pos = stop + 1
            break
        if _decode(b"".join(pieces)) != node.tag:
            self._pos = stop
            raise self._error(f"XMLERR: Element '{node.tag}' not closed.")
        node.content = _decode(content)

    def _skip_comment(self, at: int) -> None:
        found = _COMMENT_END.search(self._data, at + 2)
        if not found:
            self._pos = len(self._data)
            raise self._error("XMLERR: Comment not closed.")
        self._pos = found.end()

    def _overflow(self, held: int, stop: int) -> None:
        """Refuse a name or text, ``held`` bytes so far, that has grown to ``MAX_VALUE`` bytes before ``stop``."""
        size = held + stop - self._pos
        if size >= MAX_VALUE:
            self._pos = stop - (size - MAX_VALUE)
            raise self._error("XMLERR: String overflow.")

    def _count(self, position: int) -> None:
        """Bring line number and start of the line up to ``position``, which never goes back."""
        data = self._data
        lines = data.count(b"\n", self._counted, position)
        if lines:
            self._lines += lines
            self._row_start = data.rfind(b"\n", 0, position) + 1
        self._counted = position

    def _error(self, text: str) -> XmlError:
        self._count(max(self._counted, min(self._pos, len(self._data))))
        column = self._counted - self._row_start + 1
        message = f"(1226): Error reading XML file '{self._path}': {text} (line {self._lines})."
        return XmlError(LoadMessage(ERROR, 1226, message, self._path, self._lines, column))


def _ends_escaped(text: bytes) -> bool:
    """Whether the text ends in an odd number of backslashes: two of them stand for themselves."""
    return text.endswith(b"\\") and (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def _decode(raw: bytes) -> str:
    """Decode a name or text; the manager's texts end at a NUL."""
    return to_text(raw.partition(b"\0")[0])


def _apply_variables(nodes: list[Node], path: str) -> None:
    """Replace ``$NAME`` behind the first definition; take the definitions out, wherever they stand.

    The first definition of a name counts. One without attributes is named by the next attribute of the file.
    """
    variables: dict[bytes, bytes] = {}
    defined = False
    ordered = list(_document_order(nodes))
    for place, node in enumerate(ordered):
        if node.tag.lower() != _VARIABLE:
            if defined:
                _substitute_in(node, variables, path)
            continue
        defined = True
        attributes = node.attributes or next((behind.attributes for behind in ordered[place:] if behind.attributes), [])
        if not attributes:
            raise _variable_error("No value set for variable.", node, path)
        name, value = attributes[0]
        if name.lower() != "name":
            raise _variable_error('Only "name" is allowed as an attribute for a variable', node, path)
        variables.setdefault(to_bytes(value).lower(), to_bytes(node.content))
    for siblings in (nodes, *(node.children for node in ordered)):
        siblings[:] = [node for node in siblings if node.tag.lower() != _VARIABLE]


def _document_order(nodes: list[Node]) -> Iterator[Node]:
    pending = nodes[::-1]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def _variable_error(reason: str, node: Node, path: str) -> XmlError:
    message = f"(1227): Error applying XML variables '{path}': XMLERR: {reason}.."
    return XmlError(LoadMessage(ERROR, 1227, message, path, node.line, node.column))


def _substitute_in(node: Node, variables: dict[bytes, bytes], path: str) -> None:
    node.content = _substitute(node.content, variables, node, path)
    for index, (name, value) in enumerate(node.attributes):
        node.attributes[index] = (name, _substitute(value, variables, node, path))


def _substitute(text: str, variables: dict[bytes, bytes], node: Node, path: str) -> str:
    """Put variables into a text.

    The manager counts where it writes apart from where it reads, and passes over ``$(field)`` without counting: a
    variable that comes later in the text is written that much too early, over what stands there.
    """
    if "$" not in text or len(raw := to_bytes(text)) < _SHORTEST_REFERENCE:
        return text
    result = raw
    position = written = 0
    while (at := raw.find(b"$", position)) >= 0:
        written += at - position
        found = _VARIABLE_END.search(raw, at + 1)
        position = found.start() if found else len(raw)
        name = raw[at + 1 : position]
        if len(name) > _LONGEST_NAME:
            raise _variable_error(f"Invalid variable name size: '{_LONGEST_NAME}'", node, path)
        value = variables.get(name.lower())
        if value is not None:
            before = result[:written] + value
            result, written = before + raw[position:], len(before)
        elif not name:
            written += 1
        elif not name.startswith(b"("):
            raise _variable_error(f"Unknown variable: '{to_text(name[:_SHOWN_NAME])}'", node, path)
    return to_text(result)
