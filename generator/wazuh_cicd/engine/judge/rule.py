"""A rule at work: its definition, its place among the others, and the conditions compiled from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wazuh_cicd.engine.judge.keys import key_reader
from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from wazuh_cicd.engine.judge.condition import Condition, EventTest, StateTest
    from wazuh_cicd.engine.judge.keys import KeyReader
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition
    from wazuh_cicd.engine.patterns import Pattern

SearchKind = Literal["sid", "group", "regex"]


class Rule:
    """One rule. Shared by all of its places in the tree; ``overwrite`` replaces its definition, not the object.

    Attributes:
        definition: what the XML states.
        decoder_id: what ``decoded_as`` stands for; 0 without one.
        index: position among the rules of a ruleset; per-session state is kept under it.
        category: of the tree it hangs in.
        parents: ids of the rules it hangs below.
        search: where a composite counts; None for a plain rule (and for one that an overwrite gave a context).
        counted: rule that ``if_matched_sid`` counts.
        counted_by_sid: some composite counts this rule by its id, which takes it from all lists of groups.
        counted_by_groups: composites that count this rule by its group; once for each of its places in the tree.
        matched_regex: what the log of a counted event must match, for ``if_matched_regex``.
        compiled: the conditions are there (``conditions.compile_rule``).
        conditions: in the order in which they are tested; ``checks`` and ``state_checks`` are their tests.
        stateful: some condition depends on the session's memory.
        groups: as the alert prints them; made when first needed.
    """

    __slots__ = (
        "_key_reader",
        "category",
        "checks",
        "compiled",
        "conditions",
        "counted",
        "counted_by_groups",
        "counted_by_sid",
        "decoder_id",
        "definition",
        "groups",
        "index",
        "matched_regex",
        "parents",
        "search",
        "state_checks",
        "stateful",
    )

    def __init__(self, definition: RuleDefinition, decoder_id: int = 0) -> None:
        """Make a rule that has no place yet."""
        self.definition = definition
        self.decoder_id = decoder_id
        self.index = -1
        self.category = definition.category
        self.parents: list[int] = []
        self.search: SearchKind | None = None
        self.counted: Rule | None = None
        self.counted_by_sid = False
        self.counted_by_groups: list[Rule] = []
        self.matched_regex: Pattern | None = None
        self.compiled = False
        self.conditions: tuple[Condition, ...] = ()
        self.checks: tuple[EventTest, ...] = ()
        self.state_checks: tuple[StateTest, ...] = ()
        self.stateful = False
        self.groups: tuple[tuple[str, tuple[str, ...]], ...] | None = None
        self._key_reader: KeyReader | None = None

    @property
    def id(self) -> int:
        """The rule's number."""
        return self.definition.id

    @property
    def level(self) -> int:
        """0 to 16."""
        return self.definition.level

    @property
    def composite(self) -> bool:
        """Whether earlier events are counted. Overwritten without a context, a composite is a plain rule.

        So it is with ``check_diff``: the manager then compares the text alone.
        """
        return self.definition.context and self.search is not None and not self.definition.check_diff

    def key_reader(self) -> KeyReader | None:
        """Return what reads the values that a composite asks to be equal; None when it asks for none."""
        if self._key_reader is None and self.definition.compares:
            self._key_reader = key_reader(self.definition)
        return self._key_reader

    def compile_matched(self) -> None:
        """Compile what the logs of counted events must match; without ``if_matched_regex``, every event counts."""
        sought = self.definition.if_matched_regex if self.search == "regex" else None
        self.matched_regex = compile_pattern("osregex", sought) if sought is not None else None
