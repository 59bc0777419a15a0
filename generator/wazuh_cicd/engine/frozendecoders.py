"""Loaded decoders as plain data, and back: the other half of what the compiled cache keeps (see ``frozen``)."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.decode.decodermodel import Decoder
from wazuh_cicd.engine.decode.decoders import DecoderSet
from wazuh_cicd.engine.decode.plugins import PLUGINS
from wazuh_cicd.engine.patterns import compile_pattern
from wazuh_cicd.engine.patterns.osmatch import OsMatch
from wazuh_cicd.engine.patterns.osregex import OsRegex

if TYPE_CHECKING:
    from wazuh_cicd.engine.patterns import Kind, Pattern

_PLAIN = Decoder("")
_SELDOM = frozenset(
    {
        "program_name",
        "prematch",
        "regex",
        "plugin",
        "children",
        "targets",
        "fts",
        "order",
        "pending",
        "asleep",
    }
)
_DIRECT = tuple(item.name for item in fields(Decoder) if item.name not in _SELDOM)
_PLUGIN_NAMES = {plugin: name for name, plugin in PLUGINS.items()}


def _kind(pattern: Pattern) -> Kind:
    if isinstance(pattern, OsRegex):
        return "osregex"
    return "osmatch" if isinstance(pattern, OsMatch) else "pcre2"


def _freeze_pattern(pattern: Pattern | None) -> list[str] | None:
    return None if pattern is None else [_kind(pattern), pattern.source.decode("latin-1")]


def freeze_decoders(decoders: DecoderSet) -> list[dict[str, Any]]:
    """Return the decoders in file order as plain data; what has its default value is left out."""
    numbers = {id(decoder): number for number, decoder in enumerate(decoders.decoders)}
    frozen = []
    for decoder in decoders.decoders:
        kept = {name: value for name in _DIRECT if (value := getattr(decoder, name)) != getattr(_PLAIN, name)}
        for name in ("program_name", "prematch", "regex"):
            if (pattern := _freeze_pattern(getattr(decoder, name))) is not None:
                kept[name] = pattern
        if decoder.plugin is not None:
            kept["plugin"] = _PLUGIN_NAMES[decoder.plugin]
        if decoder.order:
            kept["order"] = list(decoder.order)
            kept["targets"] = [[static, dynamic.decode("latin-1")] for static, dynamic in decoder.targets]
        if decoder.fts:
            kept["fts"] = sorted(decoder.fts)
        if decoder.children:
            kept["children"] = [numbers[id(child)] for child in decoder.children]
        frozen.append(kept)
    return frozen


def thaw_decoders(frozen: list[dict[str, Any]]) -> DecoderSet:
    """Build the decoders again. Whatever is not as ``freeze_decoders`` writes it raises some exception."""
    decoders = []
    for kept in frozen:
        decoder = Decoder(**{name: kept[name] for name in _DIRECT if name in kept})
        if "program_name" in kept:
            kind, source = kept["program_name"]
            decoder.program_name = compile_pattern(kind, source.encode("latin-1"))
        decoder.pending = tuple(
            (name, kept[name][0], kept[name][1].encode("latin-1")) for name in ("prematch", "regex") if name in kept
        )
        if "plugin" in kept:
            decoder.plugin = PLUGINS[kept["plugin"]]
        decoder.order = tuple(kept.get("order", ()))
        decoder.targets = tuple((static, dynamic.encode("latin-1")) for static, dynamic in kept.get("targets", ()))
        decoder.fts = frozenset(kept.get("fts", ()))
        decoders.append(decoder)
    for decoder, kept in zip(decoders, frozen, strict=True):
        decoder.children = [decoders[number] for number in kept.get("children", ())]
        decoder.asleep = bool(decoder.children)
    roots = [decoder for decoder in decoders if decoder.parent is None]
    return DecoderSet(
        [root for root in roots if root.program_name is not None],
        [root for root in roots if root.program_name is None],
        decoders,
    )
