"""Runbooks: triage and containment that the rules of a family share, filled in with each rule's own fields.

``rules/<source>/runbook.yml`` holds them. A step names a field by what it means, ``{who}``; the file's ``fields`` say
which fields of an event can hold that, the best one first. For each rule the first of them that the rule's events have
is filled in; where they have none, the rule goes without the step.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.spec.links import parents_of
from wazuh_cicd.spec.model import QUIET, SOURCES, RuleSpec, Runbook, SpecSet, Step
from wazuh_cicd.spec.shapes import FAMILY, RUNBOOK_FILE, STEP
from wazuh_cicd.spec.subjects import PREDECODED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wazuh_cicd.spec.problems import Place, Problems
    from wazuh_cicd.spec.yamlnodes import SpecReader

#: The file of a source's runbook, beside its rule files.
FILE = "runbook.yml"
CONTAIN_FROM = 10  # the level from which on rules inherit how to contain
STEPS = 7  # a rule inherits up to so many in all: who reads an alert reads no more
WAYS_OUT = 4  # as many ways to contain
_HOLE = re.compile(r"\{([a-z_]+)(=?)\}")
_TITLE_FIELD = re.compile(r"\$\(([^)]+)\)")
_AUDIT_WORD = re.compile(rb"[ ']([a-z0-9]+)=")
_ALWAYS = ("hostname", "location", "agent.name")
#: What stands at the top of an alert or below another key than ``data``.
_PLACES = {
    **{name: f"predecoder.{name}" for name in PREDECODED},
    "location": "location",
    "agent.name": "agent.name",
    "file": "syscheck.path",
}
# Words of an audit record that the stock decoder gives another name.
_AUDIT_NAMES = {"ses": "session", "comm": "command"}


@dataclass(frozen=True, slots=True)
class Family:
    """What some rules of a source have in common.

    Attributes:
        name: unique in its file.
        files: rule files, without the ending, all of whose rules belong to it.
        rules: names of rules, with ``*`` for any text; a family with neither takes all rules of the source.
        last: whether its rules take nothing from the families below it.
        triage: what to check.
        contain: how to stop it.
        references: URLs.
        place: where it is written.
    """

    name: str
    files: tuple[str, ...]
    rules: tuple[str, ...]
    last: bool
    triage: tuple[Step, ...]
    contain: tuple[Step, ...]
    references: tuple[str, ...]
    place: Place

    def takes(self, rule: RuleSpec) -> bool:
        """Whether a rule of the source belongs to it."""
        if not (self.files or self.rules):
            return True
        return rule.family in self.files or any(fnmatchcase(rule.name, pattern) for pattern in self.rules)


@dataclass(frozen=True, slots=True)
class RunbookFile:
    """The families of a source, which fields can hold what their steps name, and what its log sources are."""

    source: str
    fields: Mapping[str, tuple[str, ...]]
    families: tuple[Family, ...]
    needs: Mapping[str, str]


def read_steps(reader: SpecReader, node: yaml.Node | None, what: str) -> tuple[Step, ...]:
    """Steps: texts, or mappings with a query or a command beside the text."""
    if node is None:
        return ()
    if isinstance(node, yaml.MappingNode):
        reader.problem("S103", node, f"{what} must be a list, not a mapping", "quote a text that holds ': '")
        return ()
    steps = []
    for element in reader.elements(node, what, single=True):
        if not isinstance(element, yaml.MappingNode):
            steps.append(Step(reader.text(element, what).strip()))
            continue
        entries = reader.mapping(element, STEP.what, STEP.names, STEP.required)
        texts = {key: reader.text(value, f"'{key}'").strip() for key, value in entries.items()}
        if texts.get("do"):
            steps.append(Step(texts["do"], texts.get("query", ""), texts.get("run", "")))
    return tuple(steps)


def read_runbook_file(reader: SpecReader, root: yaml.Node) -> RunbookFile | None:
    """One file; what cannot be read is reported and left out."""
    entries = reader.mapping(root, RUNBOOK_FILE.what, RUNBOOK_FILE.names, RUNBOOK_FILE.required)
    source = reader.choice(entries["source"], "source", tuple(SOURCES)) if "source" in entries else None
    if source is None or "families" not in entries:
        return None
    fields: dict[str, tuple[str, ...]] = {}
    if "fields" in entries:
        for key, value in reader.items(entries["fields"], "'fields'"):
            fields[key.value] = reader.texts(value, f"'{key.value}'")
    needs: dict[str, str] = {}
    if "needs" in entries:
        for key, value in reader.items(entries["needs"], "'needs'"):
            needs[key.value] = reader.text(value, f"'{key.value}'").strip()
    families: dict[str, Family] = {}
    for node in reader.elements(entries["families"], "'families'"):
        family = _read_family(reader, node)
        if family is None:
            continue
        if family.name in families:
            reader.problem("R203", node, f"two families are called '{family.name}'", "rename one")
        families[family.name] = family
        _check_holes(reader, node, family, fields)
    return RunbookFile(source, fields, tuple(families.values()), needs)


def _read_family(reader: SpecReader, node: yaml.Node) -> Family | None:
    entries = reader.mapping(node, FAMILY.what, FAMILY.names, FAMILY.required)
    if "name" not in entries:
        return None
    texts = {
        key: reader.texts(entries[key], f"'{key}'") if key in entries else ()
        for key in ("files", "rules", "references")
    }
    return Family(
        reader.text(entries["name"], "'name'"),
        texts["files"],
        texts["rules"],
        bool("last" in entries and reader.boolean(entries["last"], "'last'")),
        read_steps(reader, entries.get("triage"), "'triage'"),
        read_steps(reader, entries.get("contain"), "'contain'"),
        texts["references"],
        reader.place(node),
    )


def _check_holes(reader: SpecReader, node: yaml.Node, family: Family, fields: Mapping[str, object]) -> None:
    known = {*fields, "id", "name"}
    for step in (*family.triage, *family.contain):
        for name, _ in _HOLE.findall(f"{step.text} {step.query} {step.command}"):
            if name not in known:
                text = f"family '{family.name}' names {{{name}}}, which 'fields' does not"
                reader.problem("R222", node, text, f"add it to 'fields', or write one of {', '.join(sorted(known))}")


def with_runbooks(specs: SpecSet, files: Sequence[RunbookFile], problems: Problems, *, complete: bool) -> SpecSet:
    """The specs with what each rule inherits.

    Args:
        specs: as read.
        files: the runbooks.
        problems: where a family that no rule belongs to is reported.
        complete: whether all rules were read, so that such a family is an error.
    """
    by_source = {file.source: file for file in files}
    used: set[tuple[str, str]] = set()
    rules: list[RuleSpec] = []
    for rule in specs.rules:
        file = by_source.get(rule.source)
        chosen = _families(rule, file) if file is not None else []
        used |= {(rule.source, family.name) for family in chosen}
        if file is None or rule.level <= QUIET or not chosen:
            rules.append(rule)
            continue
        filled = _Filled(rule, file.fields, _fields_of(rule, specs))
        rules.append(replace(rule, runbook=filled.runbook(chosen)))
    for file in files if complete else ():
        for family in file.families:
            if (file.source, family.name) not in used:
                text = f"no rule of '{file.source}' belongs to the family '{family.name}'"
                problems.add("R222", family.place, text, "correct its 'files' or 'rules', or remove it")
    needs = {name: text for file in files for name, text in file.needs.items()}
    return replace(specs, rules=tuple(rules), log_sources=needs)


def _families(rule: RuleSpec, file: RunbookFile) -> list[Family]:
    """Those that a rule takes from, in the order of the file."""
    chosen = [family for family in file.families if family.takes(rule)]
    last = next((position for position, family in enumerate(chosen, 1) if family.last), len(chosen))
    return chosen[:last]


@dataclass(frozen=True, slots=True)
class _Filled:
    rule: RuleSpec
    fields: Mapping[str, tuple[str, ...]]
    known: frozenset[str]

    def runbook(self, families: Iterable[Family]) -> Runbook:
        seen = {word for step in (*self.rule.triage, *self.rule.contain) for word in _words(step)}
        triage: list[Step] = []
        contain: list[Step] = []
        references: dict[str, None] = {}
        for family in families:
            for steps, into in ((family.triage, triage), (family.contain, contain)):
                for step in steps:
                    filled = self._step(step)
                    if filled is not None and seen.isdisjoint(_words(filled)):
                        seen.update(_words(filled))
                        into.append(filled)
            references.update(dict.fromkeys(url for url in family.references if url not in self.rule.references))
        grave = self.rule.level >= CONTAIN_FROM
        return Runbook(
            tuple(triage)[: max(0, STEPS - len(self.rule.triage))],
            tuple(contain)[: max(0, WAYS_OUT - len(self.rule.contain))] if grave else (),
            tuple(references),
        )

    def _step(self, step: Step) -> Step | None:
        texts = [self._text(text) for text in (step.text, step.query, step.command)]
        text, query, command = texts
        return None if text is None or query is None or command is None else Step(text, query, command)

    def _text(self, text: str) -> str | None:
        """The text with fields in it; None when the rule's events lack one of them."""
        missing = False

        def put(found: re.Match[str]) -> str:
            nonlocal missing
            name, in_query = found[1], found[2]
            if name == "id":
                return found[0]  # known when the package is rendered: the ids may move
            if name == "name":
                return self.rule.name
            for field in self.fields.get(name, ()):
                if field.lower() in self.known:
                    return f'{index_path(field)}:"$({field})"' if in_query else f"$({field})"
            missing = True
            return ""

        filled = _HOLE.sub(put, text)
        return None if missing else filled


def _words(step: Step) -> Iterator[str]:
    """What no second step of a rule may say, search or run again."""
    yield from filter(None, (step.text, step.query, step.command))


def index_path(field: str) -> str:
    """Where an alert in the index holds a field: ``data.github.actor``, ``predecoder.hostname``."""
    return _PLACES.get(field, f"data.{field}")


def _fields_of(rule: RuleSpec, specs: SpecSet) -> frozenset[str]:
    """Fields that the alert of a rule has, in lower case: what it or its parents ask, names or was tested with."""
    known = set(_ALWAYS)
    todo, seen = [rule], {rule.name}
    while todo:
        current = todo.pop()
        known.update(condition.subject for condition in (*current.when, *current.unless))
        if current.correlate is not None:
            known.update(current.correlate.same)
        for parent in parents_of(current, specs):
            if parent.name not in seen:
                seen.add(parent.name)
                todo.append(parent)
    known.update(_TITLE_FIELD.findall(rule.title))
    tested = [
        set(_tested(test.events[-1].log, test.events[-1].decoded)) for test in rule.tests if test.expect == "fires"
    ]
    if tested:
        known |= set.intersection(*tested)
    return frozenset(name.lower() for name in known)


def _tested(log: bytes | None, decoded: tuple[str, Mapping[str, str]] | None) -> Iterator[str]:
    """The names of the fields of a test's event."""
    if decoded is not None:
        yield from decoded[1]
    if log is None:
        return
    if log.startswith(b"type="):
        words = [word.decode() for word in _AUDIT_WORD.findall(log)]
        yield from (f"audit.{_AUDIT_NAMES.get(word, word)}" for word in words)
        return
    try:
        value = json.loads(log)
    except ValueError:
        return
    yield from _leaves("", value)


def _leaves(path: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif path:
        yield path
