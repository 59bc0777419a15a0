"""What a spec says, validated: the frozen dataclasses that rendering, proof and checks work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from wazuh_cicd.spec.problems import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from wazuh_cicd.spec.yamlnodes import Scalar

# -- sources ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One source of events: its id block and the name of its rules file."""

    name: str
    block: int

    @property
    def ids(self) -> range:
        """The ids its rules may have."""
        return range(self.block * 1000, self.block * 1000 + 1000)

    @property
    def rules_file(self) -> str:
        """``1110-cicd_github_rules.xml``: the block in front makes the files load in the order of the blocks."""
        return f"{self.block}0-cicd_{self.name}_rules.xml"


SOURCES: Mapping[str, Source] = {
    name: Source(name, block)
    for block, name in enumerate(
        ("github", "runner", "jenkins", "docker", "kubernetes", "scanner", "vault", "aws", "signing"), start=111
    )
}
FIRST_ID = 111000
LAST_ID = 119999
#: Below it are the ids of Wazuh's own rules: https://documentation.wazuh.com/current/user-manual/ruleset/rules/custom.html
LOWEST_BASE = 100000
#: The statuses that a site can ask for, the quietest first.
ASKED = ("stable", "test", "experimental")
QUIET = 3  # the level at which a rule that a site has not enabled may still alert

# -- matchers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is exactly one of these."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Affix:
    """The value starts with, ends with, or contains one of these texts; ``contains_all``: contains each."""

    kind: str  # "starts_with" | "ends_with" | "contains" | "contains_all"
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regex:
    """A PCRE2 expression finds something in the value. As the author wrote it: ``<`` and ``&`` may be there."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Cidr:
    """The value is an address inside one of these networks."""

    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InList:
    """The value is a key of a CDB list."""

    name: str
    by_address: bool = False
    value: str | None = None


@dataclass(frozen=True, slots=True)
class HasElement:
    """The value is a printed JSON array with one of these strings as an element of its own."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One ``"key": value`` that an object of a printed array has; any of the values."""

    key: str
    values: tuple[Scalar | Affix | Regex | HasElement, ...]


@dataclass(frozen=True, slots=True)
class HasMember:
    """The value is a printed JSON array in whose objects all these members occur, each somewhere."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """The value is a number, at least or at most this."""

    kind: str  # "at_least" | "at_most"
    limit: Decimal


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is there (``nonempty``: and not empty)."""

    nonempty: bool = False


@dataclass(frozen=True, slots=True)
class CommandForm:
    """One way in which a command does what is looked for; everything it names must hold.

    Attributes:
        program: expressions for the whole name of the program's file, any of them; empty: whatever runs.
        words: expressions that some argument each satisfies.
        code: expressions that are found in one argument each, a program's text; blanks are blanks there.
        without: expressions that no argument satisfies.
        shell: expressions found in a text that a shell is given; any of them. Stands alone.
    """

    program: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """The value is a command, or an audit record of one, in one of these forms."""

    forms: tuple[CommandForm, ...]


Matcher: TypeAlias = "Equals | Affix | Regex | Cidr | InList | HasElement | HasMember | Bound | Exists | Command"


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of ``when`` or ``unless``: all matchers hold on the field's value.

    Attributes:
        subject: a field's dotted name, or one of the subjects of ``docs/specs.md``.
        matchers: at least one.
        ignore_case: the matchers of text ignore ASCII case.
        place: where it is written.
    """

    subject: str
    matchers: tuple[Matcher, ...]
    ignore_case: bool
    place: Place


# -- rules -----------------------------------------------------------------------------------------------------------


NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class Parents:
    """What a rule hangs on: stock ids, rules of ours by name, or the category root when both are empty."""

    stock: tuple[int, ...] = ()
    rules: tuple[str, ...] = ()
    place: Place = NOWHERE

    @property
    def is_root(self) -> bool:
        """Hangs on a category root directly."""
        return not self.stock and not self.rules


@dataclass(frozen=True, slots=True)
class Correlate:
    """A composite's condition. Exactly one of ``rule``, ``stock`` and ``group`` is set.

    Attributes:
        rule: name of the rule of ours whose events are counted.
        stock: id of the stock rule whose events are counted.
        group: group whose rules' events are counted.
        count: fires on that many events, the current one included.
        within: seconds.
        same: fields that must agree.
        different: fields whose earlier values must differ from the current one.
        across_agents: ``global`` in the spec.
        place: where ``correlate`` stands.
        of_place: where ``of`` stands.
    """

    rule: str | None
    stock: int | None
    group: str | None
    count: int
    within: int
    same: tuple[str, ...]
    different: tuple[str, ...]
    across_agents: bool
    place: Place
    of_place: Place


@dataclass(frozen=True, slots=True)
class Response:
    """Binding of a rule to an active response.

    Attributes:
        action: name of the response, ``block-ip``.
        arguments: the other keys of ``response``, as written: which field holds the address, the confidence, ...
        place: where it is written.
        timeout: seconds that the effect lasts; None for the action's own default.
        repeated: minutes that it lasts the second time, the third, and so on; the last one stays.
        origins: locations that the event must come from, without the agent; empty for any.
    """

    action: str
    arguments: Mapping[str, str]
    place: Place
    timeout: int | None = None
    repeated: tuple[int, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """What a rule may say on ordinary life: alerts above level 5 for 500 benign events, and why so many."""

    budget: float
    why: str


@dataclass(frozen=True, slots=True)
class TestEvent:
    """One event of a test.

    Attributes:
        log: the line as the engine gets it; None for a pre-decoded event.
        location: where the event comes from.
        after: seconds since the event before it in the test; 0.0 for the first.
        decoded: (decoder name, fields) of a pre-decoded event.
    """

    __test__ = False  # pytest would take the class for a test

    log: bytes | None
    location: str
    after: float
    decoded: tuple[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class TestSpec:
    """One test beside a rule.

    Attributes:
        expect: ``fires`` (the last event ends at the rule) or ``silent`` (no event does).
        events: at least one.
        instead: name or number of the rule that takes the last event.
        note: the author's remark.
        path: the spec file.
        line: where the test starts, from 1.
    """

    __test__ = False

    expect: str
    events: tuple[TestEvent, ...]
    instead: str | None = None
    note: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an analyst does.

    Attributes:
        text: in words; ``$(field)`` stands for the alert's value.
        query: what to search for in the indexer; may be empty.
        command: what to run at the source; may be empty.
    """

    text: str
    query: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a rule inherits from the families of its source (``runbooks``)."""

    triage: tuple[Step, ...] = ()
    contain: tuple[Step, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule. The attributes bear the names of the keys in ``docs/specs.md``."""

    id: int
    name: str
    source: str
    family: str
    level: int
    title: str
    status: str
    parents: Parents
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    correlate: Correlate | None
    ignore: int
    options: tuple[str, ...]
    noalert: bool
    category: str | None
    groups: tuple[str, ...]
    mitre: tuple[str, ...]
    compliance: tuple[str, ...]
    covers: tuple[str, ...]
    certain: tuple[str, ...]
    needs: tuple[str, ...]
    why: str
    triage: tuple[Step, ...]
    contain: tuple[Step, ...]
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    response: Response | None
    noise: Noise | None
    forgeable: bool
    waive: Mapping[str, str]
    tests: tuple[TestSpec, ...]
    place: Place
    places: Mapping[str, Place] = field(repr=False)
    runbook: Runbook = Runbook()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What to check: the rule's own steps, then those of its families."""
        return (*self.triage, *self.runbook.triage)

    @property
    def containment(self) -> tuple[Step, ...]:
        """How to stop it: the rule's own steps, then those of its families."""
        return (*self.contain, *self.runbook.contain)

    @property
    def reading(self) -> tuple[str, ...]:
        """References: the rule's own, then those of its families."""
        return (*self.references, *self.runbook.references)

    @property
    def path(self) -> str:
        """The spec file, as the user named it."""
        return self.place.path

    @property
    def line(self) -> int:
        """The line on which the rule starts, from 1."""
        return self.place.line

    @property
    def is_base(self) -> bool:
        """Goes to the base file that loads right after Wazuh's category roots."""
        return self.parents.is_root and self.level == 0 and self.correlate is None

    def at(self, key: str) -> Place:
        """Where a key of the rule is written; the rule itself when it is not."""
        return self.places.get(key, self.place)


# -- decoders and lists ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prematch:
    """What a decoder looks for first; ``after`` is empty or ``parent``."""

    pattern: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """One expression with its fields; ``after`` is empty, ``parent``, ``prematch`` or ``previous``."""

    pattern: str
    fields: tuple[str, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class JsonPlugin:
    """The JSON decoder run on what follows ``after`` (``parent``, ``prematch`` or empty for the whole line)."""

    after: str = ""
    nulls: str = "string"
    arrays: str = "array"


@dataclass(frozen=True, slots=True)
class ProgramName:
    """The programs whose lines a decoder takes.

    Attributes:
        pattern: a PCRE2 expression.
        words: the names themselves, where they are compared as a whole and without case; otherwise empty.
    """

    pattern: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """One decoder; ``parent`` is the name of its root, or None."""

    name: str
    source: str
    parent: str | None
    early: bool
    own_name: bool
    type: str | None
    program_name: ProgramName | None
    prematch: Prematch | None
    extract: tuple[Extraction, ...]
    json: JsonPlugin | None
    place: Place


@dataclass(frozen=True, slots=True)
class DecoderTest:
    """A line and what decoding makes of it; ``decoder`` None: no decoder of the file takes it."""

    __test__ = False

    log: bytes
    location: str
    decoder: str | None
    fields: Mapping[str, str]
    program_name: str | None
    source: str
    place: Place


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One CDB list."""

    name: str
    title: str
    keys: str
    example: Mapping[str, str]
    entries: Mapping[str, str]
    place: Place


@dataclass(frozen=True)
class SpecSet:
    """All specs of one run, rules sorted by id."""

    rules: tuple[RuleSpec, ...]
    decoders: tuple[DecoderSpec, ...] = ()
    lists: tuple[ListSpec, ...] = ()
    decoder_tests: tuple[DecoderTest, ...] = ()
    #: What the names in ``needs`` mean: how to switch the log source on.
    log_sources: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, RuleSpec]:
        """The rules by name."""
        return {rule.name: rule for rule in self.rules}

    @cached_property
    def by_id(self) -> Mapping[int, RuleSpec]:
        """The rules by id."""
        return {rule.id: rule for rule in self.rules}
