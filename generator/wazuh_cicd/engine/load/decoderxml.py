"""Reading ``<decoder>`` elements: what the manager accepts, warns about and refuses, in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NoReturn

from wazuh_cicd.engine.load.decoderdefinition import (
    AFTER_PARENT,
    AFTER_PREMATCH,
    AFTER_REGEX,
    FTS_NAMES,
    MAX_DYNAMIC_FIELDS,
    PLUGIN_NAMES,
    STATIC_NAMES,
    WHOLE,
    CompiledTexts,
    DecoderDefinition,
    LoadedDecoders,
    PatternText,
)
from wazuh_cicd.engine.load.messages import ERROR, WARNING, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.xmlreader import Node, read_xml, to_bytes
from wazuh_cicd.engine.patterns import Kind, PatternError, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.patterns import Pattern

CATEGORIES = ("firewall", "ids", "web-log", "syslog", "squid", "windows", "host-information", "ossec")

# Bytes. The text of a tag must be shorter than this, all pieces together where it is written in several tags.
MAX_TEXT = 1024

_TYPES: dict[str, tuple[Kind, tuple[Kind, ...]]] = {
    "program_name": ("osmatch", ("osmatch", "osregex", "pcre2")),
    "prematch": ("osregex", ("osregex", "pcre2")),
    "regex": ("osregex", ("osregex", "pcre2")),
}
_OFFSETS = (AFTER_PARENT, AFTER_PREMATCH, AFTER_REGEX)
# What ``<fts>`` calls a part of the key.
_FTS_WORDS = {name: name for name in FTS_NAMES} | {"user": "dstuser", "extra_data": "data"}


def read_decoders(files: Sequence[tuple[str, bytes]], messages: list[LoadMessage]) -> LoadedDecoders:
    """Read decoder files in the order given; see ``decoders.load_decoders``."""
    loader = _Loader(messages)
    for path, data in files:
        loader.read(path, data)
    return loader.finish()


def _broken(declared: str) -> tuple[int, str]:
    return 2107, f"Decoder configuration error: '{declared}'."


@dataclass(slots=True)
class _Text:
    """A pattern while it is read: the tags of one name are glued together, the last type counts.

    The text is None when it was too long: the manager then has none of it, but keeps the offset.
    """

    text: str | None = None
    kind: Kind = "osregex"
    offset: str = WHOLE

    def written(self) -> PatternText:
        """Return the pattern as written."""
        return PatternText(self.kind, to_bytes(self.text or ""))


@dataclass(slots=True)
class _Draft:
    """A decoder while it is read; see ``DecoderDefinition``."""

    declared: str
    node: Node
    parent: str | None = None
    category: str = "syslog"
    texts: dict[str, _Text] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    has_order: bool = False
    plugin: str = ""
    plugin_offset: str = WHOLE
    fts_statics: set[str] = field(default_factory=set)
    fts_dynamics: set[str] = field(default_factory=set)
    fts_comment: str | None = None
    accumulate: bool = False
    use_own_name: bool = False
    json_discard_null: bool = False
    json_csv: bool = False


class _Loader:
    __slots__ = ("_children", "_continued", "_decoders", "_messages", "_path", "_patterns", "_readers", "_roots")

    def __init__(self, messages: list[LoadMessage]) -> None:
        self._messages = messages
        self._path = ""
        self._decoders: list[DecoderDefinition] = []
        self._children: list[list[int]] = []
        self._continued: set[int] = set()
        self._patterns: list[CompiledTexts] = []
        self._roots: dict[str, list[int]] = {}
        self._readers: dict[str, Callable[[_Draft, Node], None]] = {
            "program_name": self._pattern,
            "prematch": self._pattern,
            "regex": self._pattern,
            "parent": self._parent,
            "type": self._category,
            "order": self._order,
            "fts": self._fts,
            "ftscomment": self._fts_comment,
            "accumulate": self._accumulate,
            "use_own_name": self._own_name,
            "plugin_decoder": self._plugin,
            "json_null_field": self._json_null,
            "json_array_structure": self._json_array,
        }

    def read(self, path: str, data: bytes) -> None:
        """Load one file."""
        self._path = path
        if not data:
            return
        nodes = read_xml(data, path)
        if not nodes:
            self._fail(None, (1231, "Invalid NULL element in the configuration."))
        for node in nodes:
            definition, patterns = self._decoder(node)
            self._add(definition, node)
            self._patterns.append(patterns)

    def finish(self) -> LoadedDecoders:
        """Close the lists; both must have a root."""
        of_programs = {decoder.program_name is not None for decoder in self._decoders if decoder.parent is None}
        if len(of_programs) < 2:
            self._fail(None, (2106, "Error adding decoder plugin."))
        return LoadedDecoders(self._decoders, self._children, frozenset(self._continued), self._patterns)

    def _message(self, severity: str, node: Node | None, code: int, text: str) -> LoadMessage:
        shown = f"({code}): {text}" if code else text
        line, column = (node.line, node.column) if node else (0, 0)
        return LoadMessage(severity, code, shown, self._path, line, column)

    def _fail(self, node: Node | None, *reasons: tuple[int, str]) -> NoReturn:
        raise FatalLoadError(*(self._message(ERROR, node, code, text) for code, text in reasons))

    def _warn(self, node: Node, code: int, text: str) -> None:
        self._messages.append(self._message(WARNING, node, code, text))

    def _decoder(self, node: Node) -> tuple[DecoderDefinition, CompiledTexts]:
        """Read one element at top level."""
        names = [name.lower() for name, _ in node.attributes]
        if node.tag.lower() != "decoder" or names[:1] != ["name"] or names[1:] not in ([], ["status"]):
            self._fail(node, (1230, f"Invalid element in the configuration: '{node.tag}'."))
        if not node.children:
            self._fail(node, (1231, "Invalid NULL element in the configuration."))
        draft = _Draft(node.attributes[0][1], node)
        for child in node.children:
            tag = child.tag.lower()
            reader = self._readers.get(child.tag if tag == "type" else tag)  # "type" alone is compared with its case
            if reader is None:
                self._fail(child, (0, f"Invalid element '{child.tag}' for decoder '{node.tag}'"))
            reader(draft, child)
        self._check(draft)
        return self._finished(draft)

    # One method for each element.

    def _pattern(self, draft: _Draft, node: Node) -> None:
        tag = node.tag.lower()
        default, allowed = _TYPES[tag]
        text = draft.texts.setdefault(tag, _Text())
        if tag != "program_name":
            self._offset(draft, node, text, tag)
        text.kind = default
        value = node.attribute("type")
        if value is not None:
            known = next((kind for kind in allowed if kind == value.lower()), None)
            text.kind = known or default
            if known is None:
                self._bad_attribute(draft, node, "type", tag)
        text.text = self._joined(node, text.text)

    def _joined(self, node: Node, before: str | None) -> str | None:
        """Append the text of a repeated tag; None when it is too long: the manager then has none of it."""
        together = (before or "") + node.content
        if len(to_bytes(together)) >= MAX_TEXT:
            self._messages.append(self._message(ERROR, node, 1104, f"Maximum string size reached for: {node.content}."))
            return None
        return together

    def _offset(self, draft: _Draft, node: Node, text: _Text, tag: str) -> None:
        value = node.attribute("offset")
        if value is None:
            return
        offset = value.lower()
        if offset not in _OFFSETS:
            # For a prematch it is an error, yet the ruleset loads: the offset is just not used.
            self._bad_attribute(draft, node, "offset", tag, ERROR if tag == "prematch" else WARNING)
        elif text.text is not None:
            declared = draft.declared
            self._fail(node, (2109, f"Duplicated offsets for same regex: '{declared}'."), _broken(declared))
        else:
            text.offset = offset

    def _bad_attribute(self, draft: _Draft, node: Node, attribute: str, tag: str, severity: str = WARNING) -> None:
        text = f"Invalid value for attribute '{attribute}' in '{tag}' option (decoder `{draft.declared}`)."
        self._messages.append(self._message(severity, node, 7601, f"{text} Default value will be used."))

    def _parent(self, draft: _Draft, node: Node) -> None:
        draft.parent = self._joined(node, draft.parent)

    def _category(self, draft: _Draft, node: Node) -> None:
        if node.content not in CATEGORIES:
            self._fail(node, (0, f"Invalid decoder type '{node.content}'."))
        draft.category = node.content

    def _order(self, draft: _Draft, node: Node) -> None:
        """Read the names of captures; a second ``<order>`` takes the place of the first."""
        if node.content.count(",") >= MAX_DYNAMIC_FIELDS:
            self._fail(node, (0, "Order has too many fields."))
        draft.has_order = True
        draft.order = []
        for item in node.content.split(","):
            name = item.lstrip(" ").partition(" ")[0]  # a blank ends the name, a line break does not
            if not name:
                wrong = f"Wrong field '{item}' in the order of decoder '{draft.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))
            draft.order.append("dstuser" if name == "user" else name)

    def _fts(self, draft: _Draft, node: Node) -> None:
        """Read names of a first-time-seen key. Of several ``<fts>``, static names add up, the last dynamic ones count.

        A dynamic name must be one of the order before it, and no static one may stand there in front of it: the
        manager looks no further. Without an order it is passed over.
        """
        draft.fts_dynamics = set()
        dynamics = {
            name.lower(): name for name in reversed(list(takewhile(lambda name: name not in STATIC_NAMES, draft.order)))
        }
        for item in node.content.split(","):
            shown = item[: len(item) - len(item.lstrip(" "))] + item.lstrip(" ").partition(" ")[0]
            name = shown.lstrip(" ")
            if name in _FTS_WORDS:
                draft.fts_statics.add(_FTS_WORDS[name])
            elif name and name.lower() in dynamics:
                draft.fts_dynamics.add(dynamics[name.lower()])
            elif draft.has_order or not name:
                wrong = f"Wrong field '{shown}' in the fts decoder '{draft.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))

    def _fts_comment(self, draft: _Draft, node: Node) -> None:
        draft.fts_comment = self._joined(node, draft.fts_comment)

    def _accumulate(self, draft: _Draft, node: Node) -> None:
        del node
        draft.accumulate = True

    def _own_name(self, draft: _Draft, node: Node) -> None:
        draft.use_own_name = draft.use_own_name or node.content == "true"

    def _plugin(self, draft: _Draft, node: Node) -> None:
        if node.content not in PLUGIN_NAMES:
            self._fail(node, (2110, f"Invalid decoder argument for plugin_decoder: '{node.content}'."))
        draft.plugin = node.content
        offset = (node.attribute("offset") or "").lower()
        if offset not in _OFFSETS and node.attribute("offset") is not None:
            self._fail(node, _broken(draft.declared))
        draft.plugin_offset = offset

    def _json_null(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.json_discard_null = value == "discard"
        if value == "empty":
            text = f"Deprecated value '{node.content}' in '{node.tag.lower()}' option (decoder `{draft.declared}`)."
            self._warn(node, 7603, f"{text} Default value will be used.")
        elif value not in ("string", "discard"):
            self._bad_value(draft, node)

    def _json_array(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.json_csv = value == "csv"
        if value not in ("array", "csv"):
            self._bad_value(draft, node)

    def _bad_value(self, draft: _Draft, node: Node) -> None:
        text = f"Invalid value '{node.content}' in '{node.tag.lower()}' option (decoder `{draft.declared}`)."
        self._warn(node, 7602, f"{text} Default value will be used.")

    # What must hold between the elements.

    def _check(self, draft: _Draft) -> None:
        """Check what must hold between the elements, in the manager's order."""
        broken = _broken(draft.declared)
        has = {tag for tag, text in draft.texts.items() if text.text is not None}
        if draft.parent is None and not has & {"prematch", "program_name"}:
            self._fail(draft.node, (2108, f"No 'prematch' found in decoder: '{draft.declared}'."), broken)
        if ("regex" not in has and (draft.fts_statics or draft.fts_dynamics)) or ("regex" in has) != draft.has_order:
            self._fail(draft.node, broken)
        self._check_regex_offset(draft, has)
        prematch = draft.texts.get("prematch")
        if prematch is not None and prematch.offset:
            if prematch.offset != AFTER_PARENT:
                self._fail(draft.node, broken)
            if draft.parent is None:
                self._refuse_offset(draft, AFTER_PARENT)
        if (draft.plugin_offset == AFTER_PARENT and draft.parent is None) or (
            draft.plugin_offset == AFTER_PREMATCH and "prematch" not in has
        ):
            self._refuse_offset(draft, draft.plugin_offset)
        if draft.plugin_offset == AFTER_PREMATCH and draft.parent is None:
            draft.plugin_offset = AFTER_PARENT  # of a root, both mean behind its own prematch

    def _check_regex_offset(self, draft: _Draft, has: set[str]) -> None:
        regex = draft.texts.get("regex")
        if regex is None:
            return
        if draft.parent is None:
            if regex.offset in {AFTER_PARENT, AFTER_REGEX}:
                self._refuse_offset(draft, regex.offset)
            if regex.offset:
                regex.offset = AFTER_PARENT  # of a root, both mean behind its own prematch
        elif (regex.offset == AFTER_PREMATCH and "prematch" not in has) or (
            regex.offset == AFTER_REGEX and "regex" not in has
        ):
            self._refuse_offset(draft, regex.offset)

    def _refuse_offset(self, draft: _Draft, offset: str) -> NoReturn:
        self._fail(draft.node, (2120, f"Invalid offset value: '{offset}'"), _broken(draft.declared))

    def _finished(self, draft: _Draft) -> tuple[DecoderDefinition, CompiledTexts]:
        """Compile the patterns, and return what the element states."""
        written = {tag: text for tag, text in draft.texts.items() if text.text is not None}
        prematch, program, regex = (written.get(tag) for tag in ("prematch", "program_name", "regex"))
        prematch_pattern = self._compile(draft, prematch)
        program_pattern = self._compile(draft, program)
        patterns = CompiledTexts(program_pattern, prematch_pattern, self._compile(draft, regex, captures=True))
        if draft.plugin and (regex is not None or draft.has_order):
            self._fail(draft.node, (2111, f"Additional data to plugin decoder: '{draft.declared}'."))
        definition = DecoderDefinition(
            declared=draft.declared,
            name=draft.declared if draft.parent is None or draft.use_own_name else draft.parent,
            parent=draft.parent,
            category=draft.category,
            program_name=program.written() if program else None,
            prematch=prematch.written() if prematch else None,
            prematch_offset=prematch.offset if prematch else WHOLE,
            regex=regex.written() if regex else None,
            regex_offset=regex.offset if regex else WHOLE,
            order=tuple(draft.order),
            plugin=draft.plugin,
            plugin_offset=draft.plugin_offset,
            fts=frozenset(draft.fts_statics | draft.fts_dynamics),
            fts_comment=draft.fts_comment,
            accumulate=draft.accumulate,
            use_own_name=draft.use_own_name,
            json_discard_null=draft.json_discard_null,
            json_csv=draft.json_csv,
            path=self._path,
            line=draft.node.line,
            column=draft.node.column,
        )
        return definition, patterns

    def _compile(self, draft: _Draft, text: _Text | None, *, captures: bool = False) -> Pattern | None:
        if text is None:
            return None
        try:
            return compile_pattern(text.kind, to_bytes(text.text or ""), captures=captures)
        except PatternError:
            self._fail(draft.node, (1452, f"Syntax error on regex: '{text.text}'"), _broken(draft.declared))

    # How decoders hang together.

    def _add(self, decoder: DecoderDefinition, node: Node) -> None:
        own = len(self._decoders)
        self._decoders.append(decoder)
        self._children.append([])
        if decoder.parent is None:
            self._roots.setdefault(decoder.declared, []).append(own)
            return
        added = (2106, "Error adding decoder plugin.")
        # Those with a program come first.
        parents = sorted(
            self._roots.get(decoder.parent, ()), key=lambda root: self._decoders[root].program_name is None
        )
        if not parents:
            self._fail(node, (2101, f"Parent decoder name invalid: '{decoder.parent}'."), added)
        for parent in parents:
            elder = [child for child in self._children[parent] if self._decoders[child].declared == decoder.declared]
            self._check_namesakes(decoder, [self._decoders[child] for child in elder], node)
            self._continued.update(elder)
            self._children[parent].append(own)

    def _check_namesakes(self, decoder: DecoderDefinition, elder: Sequence[DecoderDefinition], node: Node) -> None:
        """Refuse a child that cannot continue those of its name below the same parent."""
        name = decoder.declared
        reasons = ((2105, "Error loading decoder options."), (2106, "Error adding decoder plugin."))
        if elder and decoder.prematch is not None:
            self._fail(node, (2102, f"Duplicated decoder with prematch: '{name}'."), *reasons)
        if elder and decoder.fts:
            self._fail(node, (2103, f"Duplicated decoder with fts set: '{name}'."), *reasons)
        for child in elder:
            if not (child.regex or child.plugin) or not (decoder.regex or decoder.plugin):
                self._fail(node, (2104, f"Invalid duplicated decoder: '{name}'."), *reasons)
        if not elder and decoder.regex_offset == AFTER_REGEX:
            self._fail(node, (2120, f"Invalid offset value: '{name}'"), *reasons)
