"""Marked blocks in ``ossec.conf``, every other byte kept.

The file is not one XML document: it may hold several ``<ossec_config>`` elements, comments between them, and text that
no XML parser takes. Only one ``<ruleset>`` may be in all of it: a second one silently switches the site's own
rules off. So lists are declared inside the block that is there, between two comments; everything else goes into an
``<ossec_config>`` of its own behind the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.install.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BEGIN = b"wazuh-cicd begin"
_END = b"<!-- wazuh-cicd end -->"
_NOTE = b": written by 'wazuh-cicd install', edits between the marks are lost"
_BEGIN_LINE = b"<!-- " + _BEGIN + _NOTE + b" -->"
# The file had no line end at its end: one was added with the block and leaves with it.
_BEGIN_ADDED = b"<!-- " + _BEGIN + b", line end added" + _NOTE + b" -->"

_TOKEN = re.compile(
    rb"""<!--(?:.*?-->|.*)                                 # a comment; one that has no end hides the rest
    |(?<!\\)<(?P<close>/?)(?P<name>[A-Za-z_][^\s/>]*)        # a tag (\\< is text to analysisd)
        (?P<attributes>(?:\s+[^\s=>/]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*
        (?P<empty>/?)>""",
    re.DOTALL | re.VERBOSE,
)
_BLOCK = re.compile(
    rb"(?:(?<=\n)[ \t]*)?<!-- wazuh-cicd begin(?P<added>, line end added)?[^\n<]*?-->"
    rb"(?:(?!<!-- wazuh-cicd begin).)*?<!-- wazuh-cicd end -->(?:\r?\n)?",
    re.DOTALL,
)
_COMMENT = re.compile(rb"<!--(?:.*?-->|.*)", re.DOTALL)
# Deeper than any configuration of a manager; each element's path costs as much as it is deep.
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the file.

    Attributes:
        path: names from the outermost element down, ``("ossec_config", "ruleset", "list")``.
        start: offset of its ``<``.
        inner: offset behind its start tag.
        inner_end: offset of its end tag (where an empty element ends).
        end: offset behind its end tag.
    """

    path: tuple[str, ...]
    start: int
    inner: int
    inner_end: int
    end: int

    def text(self, data: bytes) -> str:
        """What stands between its tags, trimmed."""
        return without_comments(data[self.inner : self.inner_end]).decode("utf-8", "replace").strip()


def without_comments(data: bytes) -> bytes:
    """XML text without its comments; one that has no end hides the rest. Takes time in proportion to the text."""
    return _COMMENT.sub(b"", data)


def elements(data: bytes) -> list[Element]:
    """All elements, in the order in which they begin.

    Raises:
        InstallError: a tag that is not closed, or closed twice, with its line.
    """
    return sorted(_elements(data), key=lambda element: element.start)


def _elements(data: bytes) -> Iterator[Element]:
    open_tags: list[tuple[str, int, int]] = []
    for token in _TOKEN.finditer(data):
        if token["name"] is None:
            continue
        name = token["name"].decode("utf-8", "replace")
        if token["close"]:
            if not open_tags or open_tags[-1][0] != name:
                line = data.count(b"\n", 0, token.start()) + 1
                wanted = f"</{open_tags[-1][0]}>" if open_tags else "nothing"
                raise InstallError(f"ossec.conf:{line}: </{name}> where {wanted} was expected; mend the file first")
            path = tuple(tag for tag, _, _ in open_tags)
            _, start, inner = open_tags.pop()
            yield Element(path, start, inner, token.start(), token.end())
        elif token["empty"]:
            path = (*(tag for tag, _, _ in open_tags), name)
            yield Element(path, token.start(), token.end(), token.end(), token.end())
        else:
            open_tags.append((name, token.start(), token.end()))
            if len(open_tags) > _DEEPEST:
                line = data.count(b"\n", 0, token.start()) + 1
                raise InstallError(
                    f"ossec.conf:{line}: more than {_DEEPEST} elements in each other; mend the file first"
                )
    if open_tags:
        name, start, _ = open_tags[-1]
        line = data.count(b"\n", 0, start) + 1
        raise InstallError(f"ossec.conf:{line}: <{name}> is never closed; mend the file first")


@dataclass(frozen=True, slots=True)
class Conf:
    """What an installation needs to know of an ``ossec.conf``.

    Attributes:
        data: the file.
        rulesets: the ruleset blocks; exactly one may be there.
        lists: the lists declared outside our marks.
        rule_dirs: folders the rules are read from.
        decoder_dirs: folders the decoders are read from.
        excluded: rule and decoder files left out by the site.
        included: rule files named one by one.
        commands: names of the commands outside our marks.
        last_response_disabled: whether the last active response outside our marks says ``<disabled>yes``.
        enabled_responses: how many do not.
    """

    data: bytes
    rulesets: tuple[Element, ...]
    lists: tuple[str, ...]
    rule_dirs: tuple[str, ...]
    decoder_dirs: tuple[str, ...]
    excluded: tuple[str, ...]
    included: tuple[str, ...]
    commands: tuple[str, ...]
    last_response_disabled: bool
    enabled_responses: int


def read_conf(data: bytes) -> Conf:
    """Read what matters, our own marked blocks left out."""
    bare = without_blocks(data)
    found = elements(bare)

    def texts(*names: str) -> tuple[str, ...]:
        return tuple(e.text(bare) for e in found if e.path == ("ossec_config", "ruleset", *names))

    disabled: list[bool] = []
    for element in found:  # in the order in which they begin: what is inside a response follows it
        if element.path == ("ossec_config", "active-response"):
            disabled.append(False)
        elif element.path[:2] == ("ossec_config", "active-response") and element.path[-1] == "disabled":
            disabled[-1] = element.text(bare).lower() == "yes"
    return Conf(
        data=data,
        rulesets=tuple(e for e in found if e.path == ("ossec_config", "ruleset")),
        lists=texts("list"),
        rule_dirs=texts("rule_dir"),
        decoder_dirs=texts("decoder_dir"),
        excluded=texts("rule_exclude") + texts("decoder_exclude"),
        included=texts("rule_include"),
        commands=tuple(e.text(bare) for e in found if e.path == ("ossec_config", "command", "name")),
        last_response_disabled=bool(disabled) and disabled[-1],
        enabled_responses=disabled.count(False),
    )


def blocks_of(data: bytes) -> tuple[tuple[str, ...], bytes]:
    """What our marked blocks hold: the lines inside the ruleset block, and the text behind the last ossec_config."""
    lines: tuple[str, ...] = ()
    top = b""
    for block in _BLOCK.finditer(data):
        body = block[0].split(b"-->", 1)[1].rsplit(_END, 1)[0].replace(b"\r\n", b"\n")
        if b"<ossec_config>" in body:
            top = body.strip(b"\n") + b"\n"
        else:
            lines = tuple(found[0].decode() for found in re.finditer(rb"<(\w+)>.*?</\1>", body, re.DOTALL))
    return lines, top


def without_blocks(data: bytes) -> bytes:
    """The file as it is without us.

    Raises:
        InstallError: a mark without its counterpart.
    """
    marks = data.count(b"<!-- " + _BEGIN), data.count(_END)
    if marks[0] != marks[1]:
        raise InstallError(
            f"ossec.conf: {marks[0]} marks begin and {marks[1]} end wazuh-cicd's blocks; put the missing comment back"
        )
    blocks = list(_BLOCK.finditer(data))
    if len(blocks) != marks[0]:
        raise InstallError("ossec.conf: the marks of wazuh-cicd's blocks do not follow one another; put them in order")
    parts = []
    position = 0
    for block in blocks:
        before = data[position : block.start()]
        if block["added"]:
            before = before[:-2] if before.endswith(b"\r\n") else before[:-1]
        parts.append(before)
        position = block.end()
    return b"".join([*parts, data[position:]])


def with_blocks(data: bytes, ruleset_lines: Sequence[str], top: bytes = b"") -> bytes:
    """The file with our blocks, in place of those it may have.

    Args:
        data: the file.
        ruleset_lines: elements for the ruleset block; no block for none.
        top: ``<ossec_config>…</ossec_config>`` to stand behind the last one; no block when empty.

    Raises:
        InstallError: there is no ruleset block, or more than one.
    """
    data = without_blocks(data)
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    if ruleset_lines:
        blocks = [e for e in elements(data) if e.path == ("ossec_config", "ruleset")]
        if len(blocks) != 1:
            raise InstallError(f"ossec.conf has {len(blocks)} <ruleset> blocks; exactly one is needed")
        at = blocks[0].inner_end
        line_start = data.rfind(b"\n", 0, at) + 1
        indent = data[line_start:at]
        if indent.strip():
            # The end tag shares its line with something: stay on that line, or its bytes would change.
            body = b"".join([_BEGIN_LINE, *(line.encode() for line in ruleset_lines), _END])
            data = data[:at] + body + data[at:]
        else:
            inner = indent + b"  "
            lines = [_BEGIN_LINE, *(line.encode() for line in ruleset_lines), _END]
            body = b"".join(inner + line + newline for line in lines)
            data = data[:line_start] + body + data[line_start:]
    if top:
        begin = _BEGIN_LINE
        if data and not data.endswith(b"\n"):
            data, begin = data + newline, _BEGIN_ADDED
        body = top.replace(b"\r\n", b"\n").strip(b"\n").replace(b"\n", newline)
        data += begin + newline + body + newline + _END + newline
    return data
