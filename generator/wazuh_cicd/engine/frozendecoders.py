"""Loaded decoders as plain data, and back: the other half of what the compiled cache keeps (see ``frozen``)."""

from __future__ import annotations

from typing import Any

from wazuh_cicd.engine.decode.decoders import DecoderSet
from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition, LoadedDecoders, PatternText

_PLAIN = DecoderDefinition("", "")
_NAMES = DecoderDefinition._fields
_REQUIRED = frozenset({"declared", "name"})
_PATTERNS = ("program_name", "prematch", "regex")


def _freeze_definition(decoder: DecoderDefinition) -> dict[str, Any]:
    frozen: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(decoder, name)
        if name not in _REQUIRED and value == getattr(_PLAIN, name):
            continue
        if name in _PATTERNS:
            value = [value.kind, value.source.decode("latin-1")]
        elif name == "fts":
            value = sorted(value)
        frozen[name] = value
    return frozen


def _thaw_definition(frozen: dict[str, Any]) -> DecoderDefinition:
    for name in _PATTERNS:
        if name in frozen:
            kind, source = frozen[name]
            frozen[name] = PatternText(kind, source.encode("latin-1"))
    if "order" in frozen:
        frozen["order"] = tuple(frozen["order"])
    if "fts" in frozen:
        frozen["fts"] = frozenset(frozen["fts"])
    return DecoderDefinition(**frozen)


def freeze_decoders(decoders: DecoderSet) -> list[list[Any]]:
    """Return the decoders in file order as plain data: definition, numbers of the children, whether a chain goes on."""
    numbers = {id(decoder): number for number, decoder in enumerate(decoders.decoders)}
    return [
        [
            _freeze_definition(decoder.definition),
            [numbers[id(child)] for child in decoder.children],
            decoder.get_next,
        ]
        for decoder in decoders.decoders
    ]


def thaw_decoders(frozen: list[list[Any]]) -> DecoderSet:
    """Build the decoders again. Whatever is not as ``freeze_decoders`` writes it raises some exception."""
    definitions = [_thaw_definition(definition) for definition, _, _ in frozen]
    children = [numbers for _, numbers, _ in frozen]
    continued = frozenset(position for position, (_, _, goes_on) in enumerate(frozen) if goes_on)
    return DecoderSet(LoadedDecoders(definitions, children, continued, None))
