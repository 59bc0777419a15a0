"""Specs as the elements that the templates write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.render.conditions import RenderError, Tag, condition_tags, min_size, os_match
from wazuh_cicd.render.info import info_tags
from wazuh_cicd.render.words import words_of
from wazuh_cicd.spec.links import all_groups, parents_of
from wazuh_cicd.spec.model import FIRST_ID, SOURCES, Equals
from wazuh_cicd.spec.patterns import rewrite
from wazuh_cicd.spec.subjects import CORRELATION_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_cicd.render.words import Words
    from wazuh_cicd.spec.model import Correlate, DecoderSpec, Extraction, ProgramName, RuleSpec, SpecSet
    from wazuh_cicd.spec.problems import Problems

BASE_FILE = "0011-cicd_base_rules.xml"
_GROUPS_LIMIT = 1000
_DECODER_TEXT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class RenderedRule:
    """One rule, ready for the template. ``words``: what a log that it matches holds at least one of, where known."""

    id: int
    name: str
    attributes: tuple[tuple[str, str], ...]
    tags: tuple[Tag, ...]
    mitre: tuple[str, ...]
    words: Words = frozenset()


@dataclass(frozen=True, slots=True)
class RenderedDecoder:
    """One decoder, ready for the template."""

    name: str
    tags: tuple[Tag, ...]


def rules_file(rule: RuleSpec) -> str:
    """The file that a rule is written to."""
    return BASE_FILE if rule.is_base else SOURCES[rule.source].rules_file


def file_order(specs: SpecSet) -> dict[str, list[RuleSpec]]:
    """The rules by file, in load order: files by name; inside a file by id, but behind what a rule needs loaded.

    A composite that counts a group stands last: only rules loaded before it count.
    """
    files: dict[str, list[RuleSpec]] = {}
    by_file: dict[str, list[RuleSpec]] = {}
    for rule in specs.rules:
        by_file.setdefault(rules_file(rule), []).append(rule)
    for name in sorted(by_file):
        placed: dict[str, RuleSpec] = {}
        members = by_file[name]
        for rule in sorted(members, key=lambda r: (bool(r.correlate and r.correlate.group), r.id)):
            _place(rule, name, specs, placed)
        files[name] = list(placed.values())
    return files


def _place(rule: RuleSpec, file: str, specs: SpecSet, placed: dict[str, RuleSpec]) -> None:
    todo = [(rule, False)]
    entered: set[str] = set()
    while todo:
        current, ready = todo.pop()
        if current.name in placed:
            continue
        if ready or current.name in entered:
            placed[current.name] = current
            continue
        entered.add(current.name)
        todo.append((current, True))
        needed = [parent for parent in parents_of(current, specs) if rules_file(parent) == file]
        todo.extend((parent, False) for parent in reversed(needed) if parent.name not in placed)


def check_order(files: Mapping[str, list[RuleSpec]], specs: SpecSet, problems: Problems) -> None:
    """Report what a rule needs and what loads after it."""
    file_of = {rule.name: name for name, rules in files.items() for rule in rules}
    groups = all_groups(specs)
    for rule in specs.rules:
        for parent in parents_of(rule, specs):
            if file_of[parent.name] > file_of[rule.name]:
                problems.add(
                    "R217",
                    rule.at("parent"),
                    f"'{rule.name}' ({file_of[rule.name]}) loads before '{parent.name}' ({file_of[parent.name]})",
                    "move one of them to the other's source, so that the parent loads first",
                )
        if rule.correlate is not None and rule.correlate.group is not None:
            late = [r for r in groups.get(rule.correlate.group, ()) if file_of[r.name] > file_of[rule.name]]
            if late:
                problems.add(
                    "R217",
                    rule.correlate.of_place,
                    f"'{late[0].name}' has the group '{rule.correlate.group}' and loads too late to be counted",
                    f"move '{rule.name}' to source '{late[-1].source}'",
                )


class Ids:
    """Ids of rules on the target: the package's block may be moved as a whole."""

    def __init__(self, specs: SpecSet, base: int = FIRST_ID) -> None:
        """Move 111000 to ``base``."""
        self.shift = base - FIRST_ID
        self._ids = {rule.name: rule.id + self.shift for rule in specs.rules}

    def of(self, name: str) -> int:
        """The id of a rule by name."""
        return self._ids[name]


@dataclass(frozen=True, slots=True)
class Site:
    """What a site chose that its rules show.

    Attributes:
        runbook_url: where the rules' pages are; empty for nowhere (``info``).
        bound: names of the rules that a response is bound to.
    """

    runbook_url: str = ""
    bound: frozenset[str] = frozenset()


def render_rule(rule: RuleSpec, ids: Ids, problems: Problems, site: Site) -> RenderedRule:
    """One rule as elements; what has no exact form is reported."""
    attributes = [("id", str(ids.of(rule.name))), ("level", str(rule.level))]
    tags: list[Tag] = []
    correlate = rule.correlate
    if correlate is not None:
        attributes += [("frequency", str(correlate.count)), ("timeframe", str(correlate.within))]
    if rule.ignore:
        attributes.append(("ignore", str(rule.ignore)))
    if rule.noalert:
        attributes.append(("noalert", "1"))
    size = min_size(rule)
    if size:
        attributes.append(("maxsize", size))
    if not rule.parents.is_root:
        numbers = [*rule.parents.stock, *(ids.of(name) for name in rule.parents.rules)]
        tags.append(Tag("if_sid", ", ".join(map(str, numbers))))
    if correlate is not None:
        tags.append(_counted(correlate, ids))
    if rule.category:
        tags.append(Tag("category", rule.category))
    try:
        tags.extend(condition_tags(rule))
    except RenderError as error:
        problems.add("M312", error.condition.place, f"rule '{rule.name}': {error.what}", error.mend, rule=rule.name)
    if correlate is not None:
        tags.extend(_correlation_tags(correlate))
    tags.append(Tag("description", rule.title))
    tags.extend(info_tags(rule, ids.of(rule.name), site.runbook_url))
    options = set(rule.options)
    if rule.name in site.bound:
        options.add("no_full_log")  # a message for a response over 64 KB is cut, and never arrives
    tags.extend(Tag("options", option) for option in sorted(options, key=lambda word: (word == "no_counter", word)))
    words = [*rule.groups, *rule.compliance]
    if words:
        tags.append(Tag("group", "".join(f"{word}," for word in words)))
    if len("".join(f"{word}," for word in ("cicd", rule.source, *words))) > _GROUPS_LIMIT:
        problems.add(
            "R218",
            rule.at("groups"),
            f"the groups of '{rule.name}' exceed {_GROUPS_LIMIT} characters",
            "Wazuh cuts them: drop some",
        )
    return RenderedRule(ids.of(rule.name), rule.name, tuple(attributes), tuple(tags), rule.mitre, words_of(rule))


def _counted(correlate: Correlate, ids: Ids) -> Tag:
    if correlate.group is not None:
        # OS_Match knows no word boundary, but a group string is "a,b,": the word stands first or behind a comma.
        return Tag("if_matched_group", f"^{correlate.group},|,{correlate.group},")
    number = ids.of(correlate.rule) if correlate.rule is not None else correlate.stock
    return Tag("if_matched_sid", str(number))


def _correlation_tags(correlate: Correlate) -> Iterable[Tag]:
    for position, (names, dynamic) in enumerate(
        ((correlate.same, "same_field"), (correlate.different, "different_field"))
    ):
        for name in names:
            if name in CORRELATION_TAGS:
                yield Tag(CORRELATION_TAGS[name][position])
            else:
                yield Tag(dynamic, name)
    if correlate.across_agents:
        yield Tag("global_frequency")


def _program_tag(program: ProgramName) -> Tag:
    """OS_Match where it says the same: every event with a program's name is held against it, and it costs a tenth."""
    simple = os_match(Equals(program.words)) if program.words else None
    return Tag("program_name", program.pattern, (("type", "pcre2"),)) if simple is None else Tag("program_name", simple)


def _decoder_kind(decoder: DecoderSpec) -> Iterator[Tag]:
    """What all decoders of a group have."""
    if decoder.parent is not None:
        yield Tag("parent", decoder.parent)
        if decoder.own_name:
            yield Tag("use_own_name", "true")
    if decoder.type:
        yield Tag("type", decoder.type)


def _decoder_conditions(decoder: DecoderSpec) -> Iterator[Tag]:
    """What the first decoder of a group has besides."""
    if decoder.program_name is not None:
        yield _program_tag(decoder.program_name)
    if decoder.prematch is not None:
        offset = (("offset", "after_parent"),) if decoder.prematch.after else ()
        yield Tag("prematch", decoder.prematch.pattern, (("type", "pcre2"), *offset))
    if decoder.json is not None:
        offset = (("offset", f"after_{decoder.json.after}"),) if decoder.json.after else ()
        yield Tag("plugin_decoder", "JSON_Decoder", offset)
        if decoder.json.nulls != "string":
            yield Tag("json_null_field", decoder.json.nulls)
        if decoder.json.arrays != "array":
            yield Tag("json_array_structure", decoder.json.arrays)


def _extraction(extraction: Extraction) -> list[Tag]:
    after = {"previous": "after_regex", "parent": "after_parent", "prematch": "after_prematch"}
    offset = (("offset", after[extraction.after]),) if extraction.after else ()
    pattern = Tag("regex", rewrite(extraction.pattern), (("type", "pcre2"), *offset))
    return [pattern, Tag("order", ", ".join(extraction.fields))]


def render_decoders(decoders: Iterable[DecoderSpec], problems: Problems) -> list[RenderedDecoder]:
    """Decoders as elements; a child with several expressions becomes a group of decoders of one name."""
    out = []
    for decoder in decoders:
        head = [*_decoder_kind(decoder), *_decoder_conditions(decoder)]
        steps: list[Extraction | None] = list(decoder.extract)
        if decoder.json is not None or not steps:
            steps.insert(0, None)  # the JSON plugin first; expressions follow as decoders of the same name
        for position, extraction in enumerate(steps):
            tags = list(head) if position == 0 else list(_decoder_kind(decoder))
            if extraction is not None:
                tags += _extraction(extraction)
            out.append(RenderedDecoder(decoder.name, tuple(tags)))
            for tag in tags:
                if len(tag.text.encode()) > _DECODER_TEXT_LIMIT:
                    what = f"<{tag.name}> of decoder '{decoder.name}' exceeds {_DECODER_TEXT_LIMIT} bytes"
                    problems.add("M312", decoder.place, what, "split it")
    return out
