"""A decoder at work: its definition, the patterns and the plugin it names, and its children."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode.plugins import PLUGINS
from wazuh_cicd.engine.load.decoderdefinition import STATIC_NAMES
from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from wazuh_cicd.engine.decode.plugins import Plugin
    from wazuh_cicd.engine.load.decoderdefinition import CompiledTexts, DecoderDefinition, PatternText
    from wazuh_cicd.engine.patterns import Pattern


class Decoder:
    """One decoder of a ruleset.

    Attributes:
        definition: what the XML states.
        number: what ``decoded_as`` compares: stands for the name.
        program_name: compiled at once; it chooses among the roots.
        prematch, regex: None until ``compile``, unless they were compiled while loading.
        targets: (static name or "", dynamic name) for each capture of ``regex``.
        plugin: reads the log in place of ``regex``.
        children: in file order.
        get_next: whether the next child in the list goes on with this chain.
        asleep: some child is not compiled yet.
    """

    __slots__ = (
        "_compiled",
        "asleep",
        "children",
        "definition",
        "get_next",
        "number",
        "plugin",
        "prematch",
        "prematch_offset",
        "program_name",
        "regex",
        "regex_offset",
        "targets",
    )

    def __init__(
        self, definition: DecoderDefinition, number: int, texts: CompiledTexts | None, *, get_next: bool
    ) -> None:
        """Put a decoder together, without its children.

        Args:
            definition: what the XML states.
            number: see above.
            texts: its patterns, if they are compiled already.
            get_next: see above.
        """
        self.definition = definition
        self.number = number
        self.program_name: Pattern | None = texts.program_name if texts else _compile(definition.program_name)
        self.prematch: Pattern | None = texts.prematch if texts else None
        self.regex: Pattern | None = texts.regex if texts else None
        self.prematch_offset = definition.prematch_offset
        self.regex_offset = definition.regex_offset
        self.targets: tuple[tuple[str, bytes], ...] = tuple(
            (name, b"") if name in STATIC_NAMES else ("", name.encode("utf-8", "surrogateescape"))
            for name in definition.order
        )
        self.plugin: Plugin | None = PLUGINS[definition.plugin] if definition.plugin else None
        self.children: list[Decoder] = []
        self.get_next = get_next
        self.asleep = False
        self._compiled = texts is not None

    def compile(self) -> None:
        """Compile the patterns, unless that is done."""
        if not self._compiled:
            self.prematch = _compile(self.definition.prematch)
            self.regex = _compile(self.definition.regex, captures=True)
            self._compiled = True

    def wake(self) -> None:
        """Compile the patterns of the children."""
        for child in self.children:
            child.compile()
        self.asleep = False


def _compile(text: PatternText | None, *, captures: bool = False) -> Pattern | None:
    return None if text is None else compile_pattern(text.kind, text.source, captures=captures)
