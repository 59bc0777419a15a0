"""A rule as analysisd keeps it after reading its XML, before and after it has found its place in the tree."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wazuh_cicd.engine.patterns import compile_pattern
from wazuh_cicd.engine.patterns.perl import PerlPattern
from wazuh_cicd.engine.patterns.plain import Negated

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.judge.conditions import Condition, EventTest, StateTest
    from wazuh_cicd.engine.judge.memory import KeyReader
    from wazuh_cicd.engine.judge.plans import Plan
    from wazuh_cicd.engine.load.addresses import Network
    from wazuh_cicd.engine.load.cdb import CdbList
    from wazuh_cicd.engine.load.daytime import TimeRange
    from wazuh_cicd.engine.patterns import Kind, Pattern

SearchKind = Literal["sid", "group", "regex"]

# A rule of level 0 is sorted, and compared by if_level, as if it had this level.
LEVEL_ZERO_RANK = 99
# Sort keys are levels times this, unless accuracy="0" pushes the rule to the end.
RANK_STEP = 100


@dataclass(slots=True)
class TextTest:
    """The pattern of a tag that is matched against one value.

    Attributes:
        tag: the tag (``match``, ``user``, ...), or ``field``.
        source: the texts of all tags of this name, joined.
        kind: the pattern language; the last tag decides.
        negate: invert the result; the last tag decides.
        name: for ``field``, the dynamic field as written.
        line: where it stands, counted from 1.
        pattern: the compiled pattern, once it is needed.
    """

    tag: str
    source: bytes
    kind: Kind
    negate: bool = False
    name: bytes = b""
    line: int = 0
    pattern: Pattern | None = None

    def compiled(self) -> Pattern:
        """Return the compiled pattern, negation included; compiled when first needed.

        Raises:
            PatternError: the manager would refuse it.
        """
        if self.pattern is None:
            self.pattern = compile_pattern(self.kind, self.source, negate=self.negate)
        return self.pattern

    def tester(self) -> Callable[[bytes], bool]:
        """Return the fastest function that says of a value whether it passes, negation included.

        Raises:
            PatternError: the manager would refuse the pattern.
        """
        pattern = self.compiled()
        inner = pattern.pattern if isinstance(pattern, Negated) else pattern
        if not isinstance(inner, PerlPattern):
            return pattern.test
        test = inner.tester()
        return (lambda value: not test(value)) if self.negate else test


@dataclass(slots=True)
class AddressTest:
    """``<srcip>`` or ``<dstip>``: one of several networks; ``negate`` inverts the whole."""

    networks: list[Network] = field(default_factory=list)
    negate: bool = False


@dataclass(slots=True)
class ListTest:
    """One ``<list>`` tag: a look-up of a field's value in a CDB list.

    Attributes:
        name: the list's name as declared to the manager.
        field: the field whose value is the key.
        lookup: ``match_key``, ``not_match_key``, ``match_key_value``, ``address_match_key``,
            ``not_address_match_key`` or ``address_match_key_value``.
        check_value: the pattern for the value, or None.
        content: the list.
    """

    name: bytes
    field: bytes
    lookup: str
    check_value: Pattern | None
    content: CdbList


@dataclass(slots=True)
class Options:
    """What ``<options>`` and the levels of the configuration decide."""

    mail: bool = False
    log: bool = False
    active_response: bool = True
    full_log: bool = True
    counter: bool = True


@dataclass(slots=True, eq=False)
class Rule:
    """One rule. Shared by all of its places in the tree; ``overwrite`` replaces its content, not the object.

    Attributes:
        index: position among the rules of a ruleset; per-session state is kept under it.
        id: the rule's number; 0 is legal and is not printed.
        level: 0 to 16.
        rank: sort key among siblings, larger first.
        frequency: the attribute, or None; a composite without it behaves as with 2.
        timeframe: seconds.
        ignore: seconds of suppression after an alert, 0 for none.
        maxsize: the event must have at least this many bytes, 0 for no condition.
        context: has one of the ``if_matched_*`` tags.
        search: where a composite counts; None for a plain rule (and for one that an overwrite gave a context).
        matched_regex: what the log of a counted event must match, for ``if_matched_regex``.
        counted: rule that ``if_matched_sid`` counts.
        counted_by_sid: some composite counts this rule by its id, which takes it from all lists of groups.
        counted_by_groups: composites that count this rule by its group; once for each of its places in the tree.
        same, different: names of static fields (and ``location``) that a composite compares.
        stateful: some condition depends on the session's memory.
        key_reader: reads what a composite asks to be equal; made when first needed (``memory.key_reader``).
        unsettled: the checks are not compiled yet (``conditions.settle``).
    """

    id: int
    level: int
    path: str = ""
    line: int = 0
    column: int = 0
    index: int = -1
    rank: int = 0
    overwrite: bool = False
    maxsize: int = 0
    frequency: int | None = None
    timeframe: int = 360
    ignore: int = 0
    noalert: bool = False
    group: bytes = b""
    description: bytes | None = None
    info: bytes | None = None
    cve: bytes | None = None
    options: Options = field(default_factory=Options)
    mitre_ids: list[str] = field(default_factory=list)
    mitre_pairs: list[tuple[str, str]] = field(default_factory=list)
    category: str = "syslog"
    has_category: bool = False
    decoded_as: bytes | None = None
    decoder_id: int = 0
    texts: dict[str, TextTest] = field(default_factory=dict)
    fields: list[TextTest] = field(default_factory=list)
    addresses: dict[str, AddressTest] = field(default_factory=dict)
    lists: list[ListTest] = field(default_factory=list)
    time: TimeRange | None = None
    weekday: frozenset[int] | None = None
    compiled_rule: str | None = None
    if_fts: bool = False
    check_diff: bool = False
    if_sid: bytes | None = None
    if_group: bytes | None = None
    if_level: bytes | None = None
    if_matched_sid: bytes | None = None
    if_matched_group: bytes | None = None
    if_matched_regex: bytes | None = None
    context: bool = False
    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    same_fields: list[bytes] = field(default_factory=list)
    different_fields: list[bytes] = field(default_factory=list)
    global_frequency: bool = False
    search: SearchKind | None = None
    matched_regex: Pattern | None = None
    counted: Rule | None = None
    counted_by_sid: bool = False
    counted_by_groups: list[Rule] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    unsettled: bool = True
    stateful: bool = False
    conditions: tuple[Condition, ...] = ()
    checks: tuple[EventTest, ...] = ()
    state_checks: tuple[StateTest, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    key_reader: KeyReader | None = None

    @property
    def composite(self) -> bool:
        """Whether earlier events are counted. Overwritten without a context, a composite is a plain rule."""
        return self.context and self.search is not None

    def compile_matched(self) -> None:
        """Compile what the logs of counted events must match; without ``if_matched_regex``, every event counts."""
        sought = self.if_matched_regex if self.search == "regex" else None
        self.matched_regex = compile_pattern("osregex", sought) if sought is not None else None

    @property
    def title(self) -> str:
        """The description as written, decoded for people."""
        return (self.description or b"").decode("utf-8", "surrogateescape")


# What an overwriting rule cannot replace: identity, place in the tree, and the list that is searched.
KEPT_BY_OVERWRITE = frozenset(
    {
        "index",
        "id",
        "if_sid",
        "if_group",
        "if_level",
        "if_matched_sid",
        "if_matched_group",
        "search",
        "counted",
        "counted_by_sid",
        "counted_by_groups",
        "parents",
        "category",
        "has_category",
    }
)


# One child as the fast walk sees it: its tests (without those that the selection has answered), rule and place.
Entry = tuple[tuple["EventTest", ...], Rule, "Node"]


class Node:
    """One place of a rule in the tree.

    Attributes:
        rule: the rule, shared with its other places.
        parent: the node above; None for a category root.
        children: in the order in which they are tried.
        plans: which children can match at all, by decoder (and program); filled when first needed (``plans``).
    """

    __slots__ = ("_asks_program", "_ranks", "children", "parent", "plans", "rule")

    def __init__(self, rule: Rule, parent: Node | None = None) -> None:
        """Make a place without children."""
        self.rule = rule
        self.parent = parent
        self.children: list[Node] = []
        self.plans: dict[object, Plan] = {}
        self._asks_program: bool | None = None
        self._ranks: list[int] | None = []

    def add_child(self, rule: Rule) -> Node:
        """Give ``rule`` a place below this one: before the first sibling of a smaller rank."""
        child = Node(rule, self)
        if self._ranks is not None:
            # The negated ranks ascend as long as no overwrite has changed one, so that the place is found by bisection.
            place = bisect_right(self._ranks, -rule.rank)
            self._ranks.insert(place, -rule.rank)
        else:
            place = next((i for i, node in enumerate(self.children) if node.rule.rank < rule.rank), len(self.children))
        self.children.insert(place, child)
        return child

    def forget_ranks(self) -> None:
        """Say that the rank of a child has changed: from now on places are found by walking, as the manager does."""
        self._ranks = None

    def asks_program(self) -> bool:
        """Whether some child has a condition on the program's name."""
        if self._asks_program is None:
            self._asks_program = any("program_name" in child.rule.texts for child in self.children)
        return self._asks_program
