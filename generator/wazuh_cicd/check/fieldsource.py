"""Which fields the events of a rule can have, where that is certain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode.decoders import INTERNAL_DECODERS
from wazuh_cicd.engine.load.decoderdefinition import STATIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.engine.judge.rule import Rule

# Static whoever decodes: neither a regex nor the JSON plugin makes dynamic fields of these names.
ALWAYS_STATIC = STATIC_NAMES - {"system_name"}
# What a manager's own modules send: one object beside ``integration``.
MODULES = frozenset({"aws", "docker", "gcp", "github", "ms-graph", "office365"})
EVENTCHANNEL = "windows_eventchannel"


class FieldSource:
    """Which fields the events of a decoder can have, where that is certain."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Collect what the decoders fill."""
        self._tree = ruleset.tree
        self._fields: dict[str, set[str] | None] = dict.fromkeys(INTERNAL_DECODERS)
        for loaded in ruleset.decoders.decoders:
            decoder = loaded.definition
            for name in {decoder.name, decoder.parent or decoder.name}:
                known = self._fields.setdefault(name, set())
                if decoder.plugin:
                    self._fields[name] = None
                elif known is not None:
                    known.update(field.lower() for field in decoder.order)

    def fields_of(self, decoder: str | None) -> set[str] | None:
        """The names in all orders of a decoder, in lower case; None when its events may have any."""
        return self._fields.get(decoder) if decoder else None

    def lacks(self, loaded: Rule, name: str) -> str:
        """Who certainly never fills a field, static or not, in the events of a rule; empty when somebody may."""
        decoder = self.decoder(loaded)
        if decoder == EVENTCHANNEL:
            return "" if name.startswith("win.") else f"decoder '{decoder}'"
        known = self.fields_of(decoder)
        if known is not None:
            return "" if name in known else f"decoder '{decoder}'"
        if name in STATIC_NAMES:
            module = self._module(loaded)
            return f"module '{module}', whose fields all begin with '{module}.'," if module else ""
        return ""

    def decoder(self, rule: Rule) -> str | None:
        """The one decoder that the rule's events come from, if the rule or all rules above it name one."""
        for above in self._line(rule):
            if above.definition.decoded_as is not None:
                return above.definition.decoded_as.decode("utf-8", "replace")
        return None

    def _module(self, rule: Rule) -> str:
        for above in self._line(rule):
            for test in above.definition.fields:
                value = re.sub(r"^(\(\?i\))?(\^|\\A)?|(\$|\\z)$", "", test.source.decode("utf-8", "replace"))
                if test.name.lower() == b"integration" and not test.negate and value in MODULES:
                    return value
        return ""

    def _line(self, rule: Rule) -> Iterator[Rule]:
        """The rule and those above it, as long as each hangs on one."""
        seen: set[int] = set()
        while rule.id not in seen:
            yield rule
            seen.add(rule.id)
            if len(rule.parents) != 1 or rule.parents[0] not in self._tree.rules:
                return
            rule = self._tree.rules[rule.parents[0]]
