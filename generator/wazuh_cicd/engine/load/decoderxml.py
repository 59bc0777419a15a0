"""Reading ``<decoder>`` elements: what the manager accepts, warns about and refuses, in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from wazuh_cicd.engine.decode.decodermodel import (
    AFTER_PARENT,
    AFTER_PREMATCH,
    AFTER_REGEX,
    FTS_NAMES,
    STATIC_NAMES,
    WHOLE,
    Decoder,
)
from wazuh_cicd.engine.decode.event import MAX_DYNAMIC_FIELDS
from wazuh_cicd.engine.decode.plugins import PLUGINS
from wazuh_cicd.engine.load.messages import ERROR, WARNING, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.xmlreader import Node, read_xml, to_bytes
from wazuh_cicd.engine.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.patterns import Kind, Pattern

CATEGORIES = ("firewall", "ids", "web-log", "syslog", "squid", "windows", "host-information", "ossec")

# A further piece of a text that is written in several tags may not be longer.
MAX_PIECE = 1024

_TYPES: dict[str, tuple[Kind, tuple[Kind, ...]]] = {
    "program_name": ("osmatch", ("osmatch", "osregex", "pcre2")),
    "prematch": ("osregex", ("osregex", "pcre2")),
    "regex": ("osregex", ("osregex", "pcre2")),
}
_OFFSETS = (AFTER_PARENT, AFTER_PREMATCH, AFTER_REGEX)


class LoadedDecoders(NamedTuple):
    """What the files declare."""

    programs: list[Decoder]
    others: list[Decoder]
    decoders: list[Decoder]


def read_decoders(files: Sequence[tuple[str, bytes]], messages: list[LoadMessage]) -> LoadedDecoders:
    """Read decoder files in the order given; see ``decoders.load_decoders``."""
    loader = _Loader(messages)
    for path, data in files:
        loader.read(path, data)
    return loader.finish()


def _broken(decoder: Decoder) -> tuple[int, str]:
    return 2107, f"Decoder configuration error: '{decoder.declared}'."


@dataclass(slots=True)
class _Text:
    """A pattern while it is read: the tags of one name are glued together, the last type counts."""

    text: str = ""
    kind: Kind = "osregex"
    offset: str = WHOLE


@dataclass(slots=True)
class _Draft:
    """A decoder while it is read."""

    decoder: Decoder
    node: Node
    texts: dict[str, _Text] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    fts_names: set[str] = field(default_factory=set)
    has_order: bool = False


class _Loader:
    __slots__ = ("_decoders", "_messages", "_others", "_path", "_programs", "_readers")

    def __init__(self, messages: list[LoadMessage]) -> None:
        self._messages = messages
        self._path = ""
        self._decoders: list[Decoder] = []
        self._programs: list[Decoder] = []
        self._others: list[Decoder] = []
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
            self._add(self._decoder(node), node)

    def finish(self) -> LoadedDecoders:
        """Close the lists; both must have a root."""
        if not self._programs or not self._others:
            self._fail(None, (2106, "Error adding decoder plugin."))
        return LoadedDecoders(self._programs, self._others, self._decoders)

    def _message(self, severity: str, node: Node | None, code: int, text: str) -> LoadMessage:
        shown = f"({code}): {text}" if code else text
        line, column = (node.line, node.column) if node else (0, 0)
        return LoadMessage(severity, code, shown, self._path, line, column)

    def _fail(self, node: Node | None, *reasons: tuple[int, str]) -> NoReturn:
        raise FatalLoadError(*(self._message(ERROR, node, code, text) for code, text in reasons))

    def _warn(self, node: Node, code: int, text: str) -> None:
        self._messages.append(self._message(WARNING, node, code, text))

    def _decoder(self, node: Node) -> Decoder:
        """Read one element at top level."""
        names = [name.lower() for name, _ in node.attributes]
        if node.tag.lower() != "decoder" or names[:1] != ["name"] or names[1:] not in ([], ["status"]):
            self._fail(node, (1230, f"Invalid element in the configuration: '{node.tag}'."))
        if not node.children:
            self._fail(node, (1231, "Invalid NULL element in the configuration."))
        decoder = Decoder(node.attributes[0][1], path=self._path, line=node.line, column=node.column)
        draft = _Draft(decoder, node)
        for child in node.children:
            reader = self._readers.get(child.tag.lower())
            if reader is None:
                self._fail(child, (0, f"Invalid element '{child.tag}' for decoder '{node.tag}'"))
            reader(draft, child)
        self._check(draft)
        return decoder

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
                    name_shown = draft.decoder.declared
                    self._fail(
                        node,
                        (2109, f"Duplicated offsets for same regex. Decoder: '{name_shown}'."),
                        _broken(draft.decoder),
                    )
                self._offset(draft, node, text, value)

    def _offset(self, draft: _Draft, node: Node, text: _Text, value: str) -> None:
        prematch = node.tag.lower() == "prematch"
        if value not in _OFFSETS:
            # For a prematch it is an error, yet the ruleset loads: the offset is just not used.
            self._bad_attribute(draft, node, "offset", ERROR if prematch else WARNING)
        elif prematch and value != AFTER_PARENT:
            self._fail(node, _broken(draft.decoder))
        else:
            text.offset = value

    def _bad_attribute(self, draft: _Draft, node: Node, attribute: str, severity: str = WARNING) -> None:
        text = f"Invalid value for attribute '{attribute}' in '{node.tag}' option (decoder `{draft.decoder.declared}`)."
        self._messages.append(self._message(severity, node, 7601, f"{text} Default value will be used."))

    def _parent(self, draft: _Draft, node: Node) -> None:
        draft.decoder.parent = node.content

    def _category(self, draft: _Draft, node: Node) -> None:
        if node.content not in CATEGORIES:
            self._fail(node, (0, f"Invalid decoder type '{node.content}'."))
        draft.decoder.category = node.content

    def _order(self, draft: _Draft, node: Node) -> None:
        draft.has_order = True
        for item in node.content.split(","):
            name = item.lstrip(" ").partition(" ")[0]  # a blank ends the name, a line break does not
            if not name:
                wrong = f"Wrong field '{item}' in the order of decoder '{draft.decoder.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))
            draft.order.append("dstuser" if name == "user" else name)
        if len(draft.order) > MAX_DYNAMIC_FIELDS:
            self._fail(node, (0, f"Order has too many fields in decoder '{draft.decoder.declared}'"))

    def _fts(self, draft: _Draft, node: Node) -> None:
        for item in node.content.split(","):
            name = item.strip(" ")
            name = {"user": "dstuser", "extra_data": "data"}.get(name, name)
            if name in FTS_NAMES or (name in draft.order and name not in STATIC_NAMES):
                draft.fts_names.add(name)
            elif draft.has_order:  # a name that no order before it declares is passed over when there is no order yet
                wrong = f"Wrong field '{item}' in the fts decoder '{draft.decoder.declared}'"
                self._fail(node, (0, f"decode-xml: {wrong}"))

    def _fts_comment(self, draft: _Draft, node: Node) -> None:
        draft.decoder.fts_comment = node.content

    def _accumulate(self, draft: _Draft, node: Node) -> None:
        del node
        draft.decoder.accumulate = True

    def _own_name(self, draft: _Draft, node: Node) -> None:
        draft.decoder.use_own_name = node.content == "true"

    def _plugin(self, draft: _Draft, node: Node) -> None:
        plugin = PLUGINS.get(node.content)
        if plugin is None:
            self._fail(node, (2110, f"Invalid decoder argument for plugin_decoder: '{node.content}'."))
        draft.decoder.plugin = plugin
        offset = node.get("offset")
        if offset is not None and offset not in _OFFSETS:
            self._fail(node, _broken(draft.decoder))
        elif offset is not None:
            draft.decoder.plugin_offset = offset

    def _json_null(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.decoder.json_discard_null = value == "discard"
        if value == "empty":
            text = f"Deprecated value '{node.content}' in '{node.tag}' option (decoder `{draft.decoder.declared}`)."
            self._warn(node, 7603, f"{text} Default value will be used.")
        elif value not in ("string", "discard"):
            self._bad_value(draft, node)

    def _json_array(self, draft: _Draft, node: Node) -> None:
        value = node.content.lower()
        draft.decoder.json_csv = value == "csv"
        if value not in ("array", "csv"):
            self._bad_value(draft, node)

    def _bad_value(self, draft: _Draft, node: Node) -> None:
        text = f"Invalid value '{node.content}' in '{node.tag}' option (decoder `{draft.decoder.declared}`)."
        self._warn(node, 7602, f"{text} Default value will be used.")

    # What must hold between the elements.

    def _check(self, draft: _Draft) -> None:
        decoder = draft.decoder
        node = draft.node
        broken = _broken(decoder)
        texts = draft.texts
        regex = texts.get("regex")
        prematch = texts.get("prematch")
        decoder.fts = frozenset(draft.fts_names)
        if prematch is None and decoder.parent is None and "program_name" not in texts:
            self._fail(node, (2108, f"No 'prematch' found in decoder: '{decoder.declared}'."), broken)
        if regex is None and (decoder.fts or draft.has_order):
            self._fail(node, broken)
        if regex is not None and not draft.has_order:
            self._fail(node, broken)
        if decoder.plugin is not None and regex is not None:
            self._fail(node, (2111, f"Additional data to plugin decoder: '{decoder.declared}'."))
        if regex is not None:
            self._set_regex_offset(draft, regex, has_prematch=prematch is not None)
        if decoder.plugin_offset and decoder.parent is None:
            if decoder.plugin_offset == AFTER_PARENT:
                self._fail(node, (2120, f"Invalid offset value: '{AFTER_PARENT}'"), broken)
            decoder.plugin_offset = AFTER_PARENT
        if prematch is not None and prematch.offset and decoder.parent is None:
            self._fail(node, (2120, f"Invalid offset value: '{AFTER_PARENT}'"), broken)
        decoder.order = tuple(draft.order)
        decoder.targets = tuple((name, b"") if name in STATIC_NAMES else ("", to_bytes(name)) for name in draft.order)
        if prematch is not None:
            decoder.prematch = self._compile(node, prematch, broken)
            decoder.prematch_offset = prematch.offset
        if "program_name" in texts:
            decoder.program_name = self._compile(node, texts["program_name"], broken)
        if regex is not None:
            decoder.regex = self._compile(node, regex, broken, captures=True)

    def _set_regex_offset(self, draft: _Draft, regex: _Text, *, has_prematch: bool) -> None:
        decoder = draft.decoder
        offset = regex.offset
        if decoder.parent is None and offset == AFTER_PREMATCH:
            offset = AFTER_PARENT  # of a root, both mean behind its own prematch
        elif (decoder.parent is None and offset) or (offset == AFTER_PREMATCH and not has_prematch):
            self._fail(draft.node, (2120, f"Invalid offset value: '{offset}'"), _broken(decoder))
        decoder.regex_offset = offset

    def _compile(self, node: Node, text: _Text, broken: tuple[int, str], *, captures: bool = False) -> Pattern:
        try:
            return compile_pattern(text.kind, to_bytes(text.text), captures=captures)
        except PatternError:
            self._fail(node, (1452, f"Syntax error on regex: '{text.text}'"), broken)

    def _add(self, decoder: Decoder, node: Node) -> None:
        self._decoders.append(decoder)
        if decoder.parent is None:
            (self._others if decoder.program_name is None else self._programs).append(decoder)
            return
        added = (2106, "Error adding decoder plugin.")
        parents = [root for root in (*self._programs, *self._others) if root.declared == decoder.parent]
        if not parents:
            self._fail(node, (2101, f"Parent decoder name invalid: '{decoder.parent}'."), added)
        options = (2105, "Error loading decoder options.")
        name = decoder.declared
        for parent in parents:
            elder = [child for child in parent.children if child.declared == name]
            if elder and decoder.prematch is not None:
                self._fail(node, (2102, f"Duplicated decoder with prematch: '{name}'."), options, added)
            if elder and decoder.fts:
                self._fail(node, (2103, f"Duplicated decoder with fts set: '{name}'."), options, added)
            for child in elder:
                if not (child.regex or child.plugin) or not (decoder.regex or decoder.plugin):
                    self._fail(node, (2104, f"Invalid duplicated decoder: '{name}'."), options, added)
                child.get_next = True
            if not elder and decoder.regex_offset == AFTER_REGEX:
                self._fail(node, (2120, f"Invalid offset value: '{name}'"), options, added)
            parent.children.append(decoder)
