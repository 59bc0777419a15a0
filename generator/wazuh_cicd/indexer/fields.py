"""The fields of an alert's ``data``, and how each of them is indexed: derived from the specs and their test events.

A field that a rule reads, counts by or shows is typed. What the events of the tests hold besides is a text where it
always is one. An object that no rule looks into, or whose form the event decides, is stored and not mapped: a field
that is a text in one event and an object in the next would have one of the two refused.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wazuh_cicd.spec.model import Bound, Cidr
from wazuh_cicd.spec.subjects import PREDECODED, SPECIAL, STATIC_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_cicd.spec.model import Condition, RuleSpec, SpecSet, TestEvent

Path = tuple[str, ...]

OBJECT = "object"
KEYWORD = "keyword"
ADDRESS = "ip"
NUMBER = "double"
DATE = "date"
STORED = "stored"

#: Subtrees whose members clients, users or templates choose: below them only what a rule reads is mapped.
FREE_FORM: frozenset[Path] = frozenset(
    tuple(name.split("."))
    for name in (
        "annotations",
        "auth.metadata",
        "aws.additionalEventData",
        "aws.requestParameters",
        "aws.responseElements",
        "aws.serviceEventDetails",
        "docker.Actor.Attributes",
        "github.config",
        "output_fields",
        "process_kprobe",
        "request.data",
        "requestObject",
        "response.auth.metadata",
        "response.data",
        "responseObject",
        "webhook",
    )
)
#: Objects that Wazuh's own template has directly below ``data``: a text of that name would be refused. In Wazuh 4.14.
WAZUH_OBJECTS = frozenset(
    {
        "YARA", "audit", "aws", "azureSignInStatus", "cis", "docker", "gcp", "github", "hardware", "ms-graph",
        "netinfo", "office365", "os", "oscap", "osquery", "parameters", "port", "process", "program", "sca",
        "virustotal", "vulnerability",
    }
)  # fmt: skip
#: Texts that Wazuh's own template has directly below ``data``; their type is left as it is. In Wazuh 4.14.
WAZUH_KEYWORDS = frozenset(
    {
        "action", "command", "data", "dstip", "dstport", "dstuser", "extra_data", "file", "id", "integration",
        "protocol", "scan_id", "srcip", "srcport", "srcuser", "system_name", "title", "type", "uid", "url",
    }
)  # fmt: skip
#: Objects of Wazuh's own template inside of the objects that our events share with Wazuh's modules. In Wazuh 4.14.
WAZUH_INNER: frozenset[Path] = frozenset(
    {
        ("audit", "directory"), ("audit", "execve"), ("audit", "file"), ("aws", "log_info"), ("aws", "resource"),
        ("aws", "service"), ("docker", "Actor"), ("github", "actor_location"),
    }
)  # fmt: skip
#: What Wazuh's own template types otherwise. In Wazuh 4.14.
WAZUH_TYPES: Mapping[Path, str] = {("timestamp",): DATE}
# The alert calls a static field otherwise than a rule does.
_STATIC_NAMES = {"user": "dstuser"}
_TITLE_FIELD = re.compile(r"\$\(([^)]+)\)")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
# Names of members deeper than this are not typed because they stand in a test.
_DEPTH = 4


@dataclass(slots=True)
class Node:
    """One member of ``data``.

    Attributes:
        kind: ``object``, ``stored`` (kept, not mapped), or the type of a value.
        children: an object's members.
        closed: members that nobody named are stored and not mapped.
        read: whether a rule reads it.
    """

    kind: str = OBJECT
    children: dict[str, Node] = field(default_factory=dict)
    closed: bool = False
    read: bool = False

    def walk(self, above: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Every member below this one, in the order of their names."""
        for name, child in sorted(self.children.items()):
            yield (*above, name), child
            yield from child.walk((*above, name))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A field that a rule reads and that is a value in one event and an object in another.

    Attributes:
        path: the field.
        rule: the first rule that reads it.
        value_in: a rule in whose tests it is a value.
        object_in: a rule in whose tests it is an object, or a list of objects.
    """

    path: Path
    rule: RuleSpec
    value_in: RuleSpec
    object_in: RuleSpec


@dataclass(slots=True)
class _Seen:
    """What the events of the tests hold at one path."""

    value_in: RuleSpec | None = None
    object_in: RuleSpec | None = None
    values: set[str] = field(default_factory=set)


def data_path(subject: str) -> Path | None:
    """Where an alert's ``data`` has a subject of the specs; None for what is no part of it."""
    if subject in PREDECODED or subject in SPECIAL:
        return None
    if subject in STATIC_FIELDS:
        return (_STATIC_NAMES.get(subject, subject),)
    path = tuple(subject.split("."))
    return path if all(path) else None


def fields_of(specs: SpecSet) -> Node:
    """The members of ``data`` that alerts of these specs have."""
    read = _read(specs)
    seen = _seen(specs)
    numbers = {path for path, conditions in read.items() if any(map(_is_bound, conditions))}
    addresses = {path for path, conditions in read.items() if any(map(_is_network, conditions))}
    root = Node()
    for path in read:
        node = _at(root, path)
        node.read = True
        node.kind = OBJECT if node.children else KEYWORD
    for decoder in specs.decoders:
        for name in {name for extraction in decoder.extract for name in extraction.fields}:
            if (at := data_path(name)) is not None:
                node = _at(root, at)
                node.kind = OBJECT if node.children else KEYWORD
    for path in sorted(seen):
        _add_seen(root, path, seen[path])
    for name in WAZUH_KEYWORDS:
        root.children[name] = Node(KEYWORD, read=(name,) in read)
    for path, node in root.walk():
        if node.kind == KEYWORD:
            found = seen.get(path, _Seen())
            node.kind = _type_of(path, found.values, number=path in numbers, address=path in addresses)
        node.closed = node.kind == OBJECT and path in FREE_FORM
    return root


def doubts(specs: SpecSet) -> Iterator[Doubt]:
    """The fields that rules read as values, and that the events of the tests have as objects as well."""
    seen = _seen(specs)
    for path, rules in sorted(_readers(specs).items()):
        found = seen.get(path)
        if found is not None and found.value_in is not None and found.object_in is not None:
            yield Doubt(path, rules[0], found.value_in, found.object_in)


def _at(root: Node, path: Path) -> Node:
    """The node of a path, made where it is missing; whatever stands above it is an object."""
    node = root
    for name in path:
        node.kind = OBJECT
        if name not in node.children:
            node.children[name] = Node(KEYWORD)
        node = node.children[name]
    return node


def _add_seen(root: Node, path: Path, found: _Seen) -> None:
    """Add what the tests hold at a path, where no rule has said more about it."""
    above = root
    for depth, name in enumerate(path[:-1], 1):
        inner = above.children.get(name)
        if inner is None or inner.kind != OBJECT:
            return
        if path[:depth] in FREE_FORM:
            break
        above = inner
    else:
        _add_plain(above, path, found)
        return
    # Below a free-form object: what a rule reads is there already; it may be an object in truth.
    node = _find(root, path)
    if node is not None and node.kind != OBJECT and found.object_in is not None and found.value_in is None:
        node.kind = STORED


def _add_plain(above: Node, path: Path, found: _Seen) -> None:
    node = above.children.get(path[-1])
    if node is not None:
        if node.kind != OBJECT and found.object_in is not None and found.value_in is None:
            node.kind = STORED
    elif found.object_in is None:
        # Directly below ``data`` every text is mapped, for whichever source it is.
        if found.value_in is not None and 1 < len(path) <= _DEPTH:
            above.children[path[-1]] = Node(KEYWORD)
    elif len(path) > 1 or path in FREE_FORM:
        above.children[path[-1]] = Node(OBJECT if path in WAZUH_INNER else STORED)


def _find(root: Node, path: Path) -> Node | None:
    node: Node | None = root
    for name in path:
        node = node.children.get(name) if node is not None else None
    return node


def _type_of(path: Path, values: set[str], *, number: bool, address: bool) -> str:
    if path in WAZUH_TYPES:
        return WAZUH_TYPES[path]
    if len(path) == 1 and path[0] in WAZUH_KEYWORDS:
        return KEYWORD
    if number:
        return NUMBER
    if address or (values and 2 * sum(map(_is_address, values)) >= len(values)):
        return ADDRESS
    if values and all(_ISO.fullmatch(value) for value in values):
        return DATE
    return KEYWORD


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_bound(condition: Condition | None) -> bool:
    return condition is not None and any(isinstance(matcher, Bound) for matcher in condition.matchers)


def _is_network(condition: Condition | None) -> bool:
    return condition is not None and any(isinstance(matcher, Cidr) for matcher in condition.matchers)


def _mentions(rule: RuleSpec) -> Iterator[tuple[str, Condition | None]]:
    """The subjects that a rule reads, counts by or shows."""
    for condition in (*rule.when, *rule.unless):
        yield condition.subject, condition
    if rule.correlate is not None:
        for name in (*rule.correlate.same, *rule.correlate.different):
            yield name, None
    for name in _TITLE_FIELD.findall(rule.title):
        yield name, None


def _read(specs: SpecSet) -> dict[Path, list[Condition | None]]:
    found: dict[Path, list[Condition | None]] = defaultdict(list)
    for rule in specs.rules:
        for subject, condition in _mentions(rule):
            if (path := data_path(subject)) is not None:
                found[path].append(condition)
    return dict(sorted(found.items()))


def _readers(specs: SpecSet) -> dict[Path, list[RuleSpec]]:
    found: dict[Path, list[RuleSpec]] = defaultdict(list)
    for rule in specs.rules:
        for subject, _ in _mentions(rule):
            if (path := data_path(subject)) is not None:
                found[path].append(rule)
    return found


def _seen(specs: SpecSet) -> dict[Path, _Seen]:
    """What the events of all tests hold, by path."""
    found: dict[Path, _Seen] = defaultdict(_Seen)
    for rule in specs.rules:
        for test in rule.tests:
            for event in test.events:
                for path, value in _members(event):
                    _note(found[path], value, rule)
    return dict(found)


def _note(seen: _Seen, value: Any, rule: RuleSpec) -> None:  # noqa: ANN401 - JSON
    if value is None or value == []:
        return
    if holds_object(value):
        seen.object_in = seen.object_in or rule
        return
    seen.value_in = seen.value_in or rule
    seen.values.update(str(one) for one in (value if isinstance(value, list) else [value]) if one not in ("", None))


def holds_object(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value of an event is an object, or a list with one in it."""
    return isinstance(value, dict) or (isinstance(value, list) and any(map(holds_object, value)))


def _members(event: TestEvent) -> Iterable[tuple[Path, Any]]:
    if event.decoded is not None:
        return [(path, value) for name, value in event.decoded[1].items() if (path := data_path(name)) is not None]
    text = (event.log or b"").decode("utf-8", "replace")
    start = text.find("{")
    if start < 0:
        return []
    try:
        document = json.loads(text[start:])
    except (ValueError, RecursionError):
        return []
    return list(_flat(document, ())) if isinstance(document, dict) else []


def _flat(document: Mapping[str, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in document.items():
        # The manager makes objects of the dots in a name, and leaves out what has no name.
        path = (*above, *key.split("."))
        if not all(path):
            continue
        yield path, value
        if isinstance(value, dict):
            yield from _flat(value, path)
