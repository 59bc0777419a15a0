"""Reading ``<decoder>`` elements: what the manager accepts, warns about and refuses, in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
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

# A further piece of a text that is written in several tags may not be longer.
MAX_PIECE = 1024

_TYPES: dict[str, tuple[Kind, tuple[Kind, ...]]] = {
    "program_name": ("osmatch", ("osmatch", "osregex", "pcre2")),
    "prematch": ("osregex", ("osregex", "pcre2")),
    "regex": ("osregex", ("osregex", "pcre2")),
}
_OFFSETS = (AFTER_PARENT, AFTER_PREMATCH, AFTER_REGEX)


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
    """A pattern while it is read: the tags of one name are glued together, the last type counts."""

    text: str = ""
    kind: Kind = "osregex"
    offset: str = WHOLE

    def written(self) -> PatternText:
        """Return the pattern as written."""
        return PatternText(self.kind, to_bytes(self.text))


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
    fts_names: set[str] = field(default_factory=set)
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
            reader = self._readers.get(child.tag.lower())
            if reader is None:
                self._fail(child, (0, f"Invalid element '{child.tag}' for decoder '{node.tag}'"))
            reader(draft, child)
        self._check(draft)
        return self._finished(draft)

    # One method for each element.

    def _pattern(self, draft: _Draft, node: Node) -> None:
        tag = node.tag.lower()
        default, allowed = _TYPES[tag]
        text = draft.texts.get(tag)
        first = text is None
        if text is None:
            text = draft.texts[tag] = _Text()
        elif len(to_bytes(node.content)) > MAX_PIECE:
            self._messages.append(self._message(ERROR, node, 1104, "Maximum string size reached for: " + tag + "."))
            return
        text.text += node.content
        text.kind = default
        for name, value in node.attributes:
            if name.lower() == "type":
                known = next((kind for kind in allowed if kind == value.lower()), None)
                if known:
                    text.kind = known
                else:
                    self._bad_attribute(draft, node, "type")
            elif name.lower() == "offset" and tag != "program_name":
                if not first and text.offset:
                    self._fail(
                        node,
                        (2109, f"Duplicated offsets for same regex. Decoder: '{draft.declared}'."),
                        _broken(draft.declared),
                    )
                self._offset(draft, node, text, value)

    def _offset(self, draft: _Draft, node: Node, text: _Text, value: str) -> None:
        prematch = node.tag.lower() == "prematch"
        if value not in _OFFSETS:
            # For a prematch it is an error, yet the ruleset loads: the offset is just not used.
            self._bad_attribute(draft, node, "offset", ERROR if prematch else WARNING)
        elif prematch and value != AFTER_PARENT:
            self._fail(node, _broken(draft.declared))
        else:
            text.offset = value

    def _bad_attribute(self, draft: _Draft, node: Node, attribute: str, severity: str = WARNING) -> None:
        text = f"Invalid value for attribute '{attribute}' in '{node.tag}' option (decoder `{draft.declared}`)."
        self._messages.append(self._message(severity, node, 7601, f"{text} Default value will be used."))

    def _parent(self, draft: _Draft, node: Node) -> None:
        draft.parent = node.content

    def _category(self, draft: _Draft, node: Node) -> None:
        if node.content not in CATEGORIES:
            self._fail(node, (0, f"Invalid decoder type '{node.content}'."))
        draft.category = node.content

    def _order(self, draft: _Draft, node: Node) -> None:
        draft.has_order = True
        for item in node.content.split(","):
            name = item.lstrip(" ").partition(" ")[0]  # a blank ends the name, a line break does not
            if not name:
                wrong = f"Wrong field '{item}' in the order of decoder '{draft.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))
            draft.order.append("dstuser" if name == "user" else name)
        if len(draft.order) > MAX_DYNAMIC_FIELDS:
            self._fail(node, (0, f"Order has too many fields in decoder '{draft.declared}'"))

    def _fts(self, draft: _Draft, node: Node) -> None:
        for item in node.content.split(","):
            name = item.strip(" ")
            name = {"user": "dstuser", "extra_data": "data"}.get(name, name)
            if name in FTS_NAMES or (name in draft.order and name not in STATIC_NAMES):
                draft.fts_names.add(name)
            elif draft.has_order:  # a name that no order before it declares is passed over when there is no order yet
                wrong = f"Wrong field '{item}' in the fts decoder '{draft.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))

    def _fts_comment(self, draft: _Draft, node: Node) -> None:
        draft.fts_comment = node.content

    def _accumulate(self, draft: _Draft, node: Node) -> None:
        del node
        draft.accumulate = True

    def _own_name(self, draft: _Draft, node: Node) -> None:
        draft.use_own_name = node.content == "true"

    def _plugin(self, draft: _Draft, node: Node) -> None:
        if node.content not in PLUGIN_NAMES:
            self._fail(node, (2110, f"Invalid decoder argument for plugin_decoder: '{node.content}'."))
        draft.plugin = node.content
        offset = node.get("offset")
        if offset is not None and offset not in _OFFSETS:
            self._fail(node, _broken(draft.declared))
        elif offset is not None:
            draft.plugin_offset = offset

    def _json_null(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.json_discard_null = value == "discard"
        if value == "empty":
            text = f"Deprecated value '{node.content}' in '{node.tag}' option (decoder `{draft.declared}`)."
            self._warn(node, 7603, f"{text} Default value will be used.")
        elif value not in ("string", "discard"):
            self._bad_value(draft, node)

    def _json_array(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.json_csv = value == "csv"
        if value not in ("array", "csv"):
            self._bad_value(draft, node)

    def _bad_value(self, draft: _Draft, node: Node) -> None:
        text = f"Invalid value '{node.content}' in '{node.tag}' option (decoder `{draft.declared}`)."
        self._warn(node, 7602, f"{text} Default value will be used.")

    # What must hold between the elements.

    def _check(self, draft: _Draft) -> None:
        node, texts = draft.node, draft.texts
        broken = _broken(draft.declared)
        if "prematch" not in texts and "program_name" not in texts and draft.parent is None:
            self._fail(node, (2108, f"No 'prematch' found in decoder: '{draft.declared}'."), broken)
        regex = texts.get("regex")
        if regex is None and (draft.fts_names or draft.has_order):
            self._fail(node, broken)
        if regex is not None and not draft.has_order:
            self._fail(node, broken)
        if draft.plugin and regex is not None:
            self._fail(node, (2111, f"Additional data to plugin decoder: '{draft.declared}'."))
        if regex is not None:
            self._check_regex_offset(draft, regex)
        if draft.parent is None:
            self._check_offsets_of_root(draft)

    def _check_regex_offset(self, draft: _Draft, regex: _Text) -> None:
        offset = regex.offset
        if draft.parent is None and offset == AFTER_PREMATCH:
            regex.offset = AFTER_PARENT  # of a root, both mean behind its own prematch
        elif (draft.parent is None and offset) or (offset == AFTER_PREMATCH and "prematch" not in draft.texts):
            self._fail(draft.node, (2120, f"Invalid offset value: '{offset}'"), _broken(draft.declared))

    def _check_offsets_of_root(self, draft: _Draft) -> None:
        refused = (2120, f"Invalid offset value: '{AFTER_PARENT}'")
        if draft.plugin_offset:
            if draft.plugin_offset == AFTER_PARENT:
                self._fail(draft.node, refused, _broken(draft.declared))
            draft.plugin_offset = AFTER_PARENT
        prematch = draft.texts.get("prematch")
        if prematch is not None and prematch.offset:
            self._fail(draft.node, refused, _broken(draft.declared))

    def _finished(self, draft: _Draft) -> tuple[DecoderDefinition, CompiledTexts]:
        """Compile the patterns, and return what the element states."""
        prematch, program, regex = (draft.texts.get(tag) for tag in ("prematch", "program_name", "regex"))
        prematch_pattern = self._compile(draft, prematch)
        program_pattern = self._compile(draft, program)
        patterns = CompiledTexts(program_pattern, prematch_pattern, self._compile(draft, regex, captures=True))
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
            fts=frozenset(draft.fts_names),
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
            return compile_pattern(text.kind, to_bytes(text.text), captures=captures)
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
