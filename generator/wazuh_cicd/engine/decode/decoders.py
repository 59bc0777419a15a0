"""Decoders at work: choosing a root, a child, and running the chain of regular expressions.

Roots with a ``program_name`` form one list, the others a second; which list is tried depends on whether the event has a
program. The first root that matches is final, and so is the first of its children.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode.decoder import Decoder
from wazuh_cicd.engine.decode.decoderindex import RootIndex
from wazuh_cicd.engine.load.decoderdefinition import (
    AFTER_PARENT,
    AFTER_PREMATCH,
    AFTER_REGEX,
    DecoderDefinition,
)
from wazuh_cicd.engine.load.decoderxml import read_decoders
from wazuh_cicd.engine.patterns.osregex import OsRegex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.load.decoderdefinition import LoadedDecoders
    from wazuh_cicd.engine.load.messages import LoadMessage

# Decoders that the manager has built in; events that they take do not pass through ``DecoderSet.decode``.
INTERNAL_DECODERS = (
    "syscheck_integrity_changed",
    "syscheck_new_entry",
    "syscheck_deleted",
    "syscheck_registry_key_modified",
    "syscheck_registry_key_deleted",
    "syscheck_registry_key_added",
    "syscheck_registry_value_modified",
    "syscheck_registry_value_deleted",
    "syscheck_registry_value_added",
    "rootcheck",
    "hostinfo_new",
    "hostinfo_modified",
    "syscollector",
    "ciscat",
    "windows_eventchannel",
    "sca",
)
INTERNAL_CATEGORY = "ossec"


def load_decoders(files: Sequence[tuple[str, bytes]], messages: list[LoadMessage]) -> DecoderSet:
    """Load decoder files in the order given.

    Args:
        files: (name for messages, content) of each file.
        messages: receives the warnings.

    Raises:
        FatalLoadError: the manager would refuse the ruleset.
    """
    return DecoderSet(read_decoders(files, messages))


class DecoderSet:
    """All decoders of a ruleset.

    Attributes:
        programs: roots that are tried on events with a program name.
        others: roots that are tried on events without.
        decoders: all of them in file order.
    """

    __slots__ = ("_index", "_numbers", "decoders", "others", "programs")

    def __init__(self, loaded: LoadedDecoders) -> None:
        """Number the names, compile what is asked for first, and index the roots."""
        definitions = loaded.definitions
        declared = sorted({definition.declared for definition in definitions} - set(INTERNAL_DECODERS))
        self._numbers = {name: number for number, name in enumerate((*INTERNAL_DECODERS, *declared), 1)}
        self.decoders = tuple(
            Decoder(
                definition,
                self._numbers[definition.name],
                loaded.patterns[position] if loaded.patterns is not None else None,
                get_next=position in loaded.continued,
            )
            for position, definition in enumerate(definitions)
        )
        for decoder, children in zip(self.decoders, loaded.children, strict=True):
            decoder.children = [self.decoders[child] for child in children]
            decoder.asleep = loaded.patterns is None and bool(children)
        roots = [decoder for decoder in self.decoders if decoder.definition.parent is None]
        self.programs = tuple(root for root in roots if root.program_name is not None)
        self.others = tuple(root for root in roots if root.program_name is None)
        self._index = RootIndex(self.programs, self.others)

    def id_of(self, name: bytes) -> int | None:
        """The number that ``decoded_as`` compares; None when nothing declares the name."""
        return self._numbers.get(name.decode("utf-8", "surrogateescape"))

    def assume(self, event: Event, name: str) -> None:
        """Mark an event as taken by a decoder without running it (events of the manager's internal decoders).

        Raises:
            KeyError: nothing declares the name.
        """
        number = self._numbers[name]
        known = next((decoder.definition for decoder in self.decoders if decoder.definition.name == name), None)
        definition = known or DecoderDefinition(name, name, category=INTERNAL_CATEGORY)
        event.decoder = event.decoder_info = definition
        event.decoder_id = number
        event.category = definition.category

    def decode(self, event: Event) -> None:
        """Choose a decoder and fill the event's fields."""
        found = self._index.find(event)
        if found is None:
            return
        root, after_root = found
        event.decoder = event.decoder_info = root.definition
        if root.asleep:
            root.wake()
        if not root.children:
            _run_chain(event, (root,), 0, after_root, after_root)
            named = root
        else:
            named = _run_children(event, root, after_root)
        event.decoder_id = named.number
        if event.category == "syslog":  # a plugin may have set another
            event.category = named.definition.category


def _run_children(event: Event, root: Decoder, after_root: int) -> Decoder:
    """Run the first child that takes the event; return the decoder that the alert names."""
    children = root.children
    log = event.log
    lowered = event.log_lower
    at = 0
    while at < len(children):
        child = children[at]
        if child.prematch is None:
            _run_chain(event, children, at, after_root, after_root)
            return root
        prematch = child.prematch
        start = after_root if child.prematch_offset else 0
        match = (
            prematch.search_folded(lowered, log, start) if type(prematch) is OsRegex else prematch.search(log, start)
        )
        if match is not None:
            event.decoder_info = child.definition
            _run_chain(event, children, at, after_root, event.behind(match.end))
            return child
        while child.get_next and at + 1 < len(children):  # the others of the chain are out as well
            at += 1
            child = children[at]
        at += 1
    return root


def _run_chain(event: Event, chain: Sequence[Decoder], at: int, after_root: int, after_prematch: int) -> None:
    """Run regular expressions and plugins from ``chain[at]`` on."""
    log = event.log
    lowered = event.log_lower
    after_regex = after_prematch
    while True:
        decoder = chain[at]
        if decoder.plugin is not None:
            info = event.decoder_info or decoder.definition
            offsets = {AFTER_PARENT: after_root, AFTER_PREMATCH: after_prematch}
            if info.plugin_offset != AFTER_REGEX:  # which a plugin can ask for, and then finds nothing
                start = offsets.get(info.plugin_offset, 0)
                decoder.plugin(event, info, log[start:] if start else log)
        elif decoder.regex is not None:
            offset = decoder.regex_offset
            if not offset:
                start = 0
            elif offset == AFTER_PARENT:
                start = after_root
            elif offset == AFTER_PREMATCH:
                start = after_prematch
            else:
                start = after_regex
            regex = decoder.regex
            match = regex.search_folded(lowered, log, start) if type(regex) is OsRegex else regex.search(log, start)
            if match is not None:
                after_regex = event.behind(match.end)
                for (static, dynamic), value in zip(decoder.targets, match.groups):  # noqa: B905 - either may be longer
                    if static:
                        event.statics[static] = value
                    else:
                        event.add_dynamic(dynamic, value)
        else:
            return
        at += 1
        if not decoder.get_next or at >= len(chain):
            return
