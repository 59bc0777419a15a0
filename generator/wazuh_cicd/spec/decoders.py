"""Reading a decoder file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pcre2
import yaml

from wazuh_cicd.spec.model import SOURCES, DecoderSpec, DecoderTest, Extraction, JsonPlugin, Prematch, ProgramName
from wazuh_cicd.spec.patterns import literal, regex_problem, rewrite
from wazuh_cicd.spec.shapes import (
    CHILD_DECODER,
    DECODER,
    DECODER_FILE,
    DECODER_TEST,
    DECODER_TYPES,
    EXTRACT,
    JSON_PLUGIN,
    NAME,
    PREMATCH,
    PROGRAM_NAME,
)
from wazuh_cicd.spec.yamlnodes import kind, plain

if TYPE_CHECKING:
    from wazuh_cicd.spec.shapes import Shape
    from wazuh_cicd.spec.yamlnodes import SpecReader

_NAME = re.compile(NAME)
MAX_FIELDS = 30


def read_decoder_file(reader: SpecReader, root: yaml.Node) -> tuple[list[DecoderSpec], list[DecoderTest]]:
    """Decoders (a root before its children) and tests of one file."""
    entries = reader.mapping(root, DECODER_FILE.what, DECODER_FILE.names, DECODER_FILE.required)
    if not entries:
        return [], []
    source = (reader.choice(entries["source"], "source", tuple(SOURCES)) if "source" in entries else None) or ""
    decoders: list[DecoderSpec] = []
    for node in reader.elements(entries["decoders"], "'decoders'") if "decoders" in entries else ():
        decoders.extend(_read_root(reader, node, source))
    tests = []
    for node in reader.elements(entries["tests"], "'tests'") if "tests" in entries else ():
        test = _read_test(reader, node, source)
        if test is not None:
            tests.append(test)
    for expect, wanted in (("decodes", lambda t: t.decoder is not None), ("ignores", lambda t: t.decoder is None)):
        if "tests" in entries and not any(map(wanted, tests)):
            reader.problem("R209", entries["tests"], f"the file has no test with '{expect}'", f"add '- {expect}: …'")
    return decoders, tests


def _read_root(reader: SpecReader, node: yaml.Node, source: str) -> list[DecoderSpec]:
    own = reader.mapping(node, DECODER.what, DECODER.names, DECODER.required)
    if not own:
        return []
    decoder = _read_decoder(reader, node, own, source, None)
    if decoder.program_name is None and decoder.prematch is None:
        reader.problem("D501", node, "a root decoder needs 'program_name' or 'prematch'", "say which lines it takes")
    found = [decoder]
    for child in reader.elements(own["children"], "'children'") if "children" in own else ():
        entries = reader.mapping(child, CHILD_DECODER.what, CHILD_DECODER.names, CHILD_DECODER.required)
        if entries:
            found.append(_read_decoder(reader, child, entries, source, decoder))
    if len(found) > 1 and (decoder.extract or decoder.json):
        reader.problem(
            "D502",
            node,
            f"decoder '{decoder.name}' has children: Wazuh never runs its own expressions",
            "move them to a child",
        )
    return found


def _read_decoder(
    reader: SpecReader, node: yaml.Node, own: dict[str, yaml.Node], source: str, root: DecoderSpec | None
) -> DecoderSpec:
    name = reader.text(own["name"], "name") if "name" in own else ""
    if name and not _NAME.match(name):
        reader.problem("S104", own["name"], f"decoder name '{name}' is not lower-case words with hyphens", "rename it")
    extract: tuple[Extraction, ...] = ()
    if "extract" in own:
        extract = tuple(
            extraction
            for element in reader.elements(own["extract"], "'extract'")
            if (extraction := _read_extraction(reader, element, root)) is not None
        )
    plugin = None
    if "json" in own:
        entries = reader.mapping(own["json"], JSON_PLUGIN.what, JSON_PLUGIN.names)
        plugin = JsonPlugin(
            *(
                (reader.choice(entries[key], f"'{key}'", known) if key in entries else None) or known[0]
                for key, known in (
                    ("after", ("", "parent", "prematch")),
                    ("nulls", ("string", "discard")),
                    ("arrays", ("array", "csv")),
                )
            )
        )
        if extract and root is None:
            reader.problem(
                "D503", own["json"], "a root decoder has 'json' or 'extract', not both", "use a child decoder"
            )
        if root is not None and "prematch" not in own:
            reader.problem(
                "D504", own["json"], "a JSON child without a prematch reads from the wrong place", "add 'prematch'"
            )
    prematch = _read_pattern(reader, own["prematch"], PREMATCH) if "prematch" in own else None
    after = ""
    if "prematch" in own and isinstance(own["prematch"], yaml.MappingNode):
        values = {key.value: value for key, value in own["prematch"].value}
        if "after" in values:
            after = reader.choice(values["after"], "'after'", ("parent",)) or ""
            if root is None:
                reader.problem("D505", values["after"], "a root decoder has no parent", "remove 'after'")
    program = _read_program(reader, own["program_name"]) if "program_name" in own else None
    return DecoderSpec(
        name=name,
        source=source,
        parent=root.name if root else None,
        early=root.early if root else bool("early" in own and reader.boolean(own["early"], "'early'")),
        own_name=bool("own_name" in own and reader.boolean(own["own_name"], "'own_name'")),
        type=(reader.choice(own["type"], "type", DECODER_TYPES) if "type" in own else None)
        or (root.type if root else None),
        program_name=program,
        prematch=Prematch(prematch, after) if prematch is not None else None,
        extract=extract,
        json=plugin,
        place=reader.place(node),
    )


def _read_program(reader: SpecReader, node: yaml.Node) -> ProgramName | None:
    pattern = _read_pattern(reader, node, PROGRAM_NAME)
    if pattern is None:
        return None
    words: tuple[str, ...] = ()
    if pattern.startswith("(?i)") and isinstance(node, yaml.MappingNode):
        names = next((value for key, value in node.value if key.value == "equals"), None)
        words = tuple(reader.texts(names, "'equals'")) if names is not None else ()
    return ProgramName(pattern, words)


def _read_pattern(reader: SpecReader, node: yaml.Node, shape: Shape) -> str | None:
    """One PCRE2 expression for a prematch or a program name, ready for Wazuh's XML."""
    if isinstance(node, yaml.ScalarNode):
        text = reader.text(node, shape.what)
        return rf"\A{literal(text)}\z" if shape is PROGRAM_NAME else rf"\A{literal(text)}"
    entries = reader.mapping(node, shape.what, shape.names)
    matchers = [name for name in ("equals", "starts_with", "contains", "regex") if name in entries]
    if len(matchers) != 1:
        if entries:
            reader.problem(
                "M302", node, f"{shape.what} has one matcher", "keep one of equals, starts_with, contains, regex"
            )
        return None
    name = matchers[0]
    prefix = "(?i)" if "ignore_case" in entries and reader.boolean(entries["ignore_case"], "'ignore_case'") else ""
    if name == "regex":
        text = reader.text(entries[name], "'regex'")
        problem = regex_problem(text)
        if problem:
            reader.problem("M303", entries[name], f"bad regex: {problem.what}", problem.mend)
            return None
        return prefix + rewrite(text)
    texts = [literal(text) for text in reader.texts(entries[name], f"'{name}'")]
    either = texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"
    return prefix + {"equals": rf"\A{either}\z", "starts_with": rf"\A{either}", "contains": either}[name]


def _read_extraction(reader: SpecReader, node: yaml.Node, root: DecoderSpec | None) -> Extraction | None:
    entries = reader.mapping(node, EXTRACT.what, EXTRACT.names, EXTRACT.required)
    if "regex" not in entries or "fields" not in entries:
        return None
    pattern = reader.text(entries["regex"], "'regex'")
    problem = regex_problem(pattern)
    if problem:
        reader.problem("M303", entries["regex"], f"bad regex: {problem.what}", problem.mend)
        return None
    fields = reader.texts(entries["fields"], "'fields'")
    groups = pcre2.compile(rewrite(pattern).encode()).groups
    if groups == 0:
        reader.problem("D506", entries["regex"], "the expression has no group", "put ( ) around what a field takes")
    elif groups != len(fields):
        reader.problem(
            "D506",
            entries["fields"],
            f"{len(fields)} fields for {groups} groups",
            "name each group once; write (?: ) for others",
        )
    if len(fields) > MAX_FIELDS or any(re.search(r"[,\s<>&]", name) for name in fields):
        reader.problem(
            "D507", entries["fields"], "a field name with ',', a blank, '<', '>' or '&'", "use letters, '.', '_'"
        )
    after = (
        reader.choice(entries["after"], "'after'", ("parent", "prematch", "previous")) if "after" in entries else None
    )
    if root is None and after in ("parent", "previous"):
        reader.problem("D505", entries["after"], "a root decoder has no parent and one expression", "use 'prematch'")
    return Extraction(pattern, fields, after or "")


def _read_test(reader: SpecReader, node: yaml.Node, source: str) -> DecoderTest | None:
    entries = reader.mapping(node, DECODER_TEST.what, DECODER_TEST.names)
    if not entries:
        return None
    if ("decodes" in entries) == ("ignores" in entries):
        reader.problem("T401", node, "a decoder test says 'decodes' or 'ignores'", "write one of them")
        return None
    decodes = "decodes" in entries
    if decodes and "decoder" not in entries:
        reader.problem(
            "S102", node, "a test with 'decodes' lacks 'decoder'", "add the name that the event's decoder has"
        )
    fields: dict[str, str] = {}
    for key, value in reader.items(entries["fields"], "'fields'") if "fields" in entries else ():
        if isinstance(value, yaml.ScalarNode):
            fields[key.value] = value.value
        else:
            reader.problem(
                "S103", value, f"a field's value must be a text, not {kind(value)}", f"quote it: {plain(value)}"
            )
    log = reader.text(entries["decodes" if decodes else "ignores"], "the line")
    return DecoderTest(
        log=log.encode("utf-8", "surrogateescape"),
        location=reader.text(entries["location"], "'location'") if "location" in entries else "stdin",
        decoder=(reader.text(entries["decoder"], "'decoder'") if "decoder" in entries else "") if decodes else None,
        fields=fields,
        program_name=reader.text(entries["program_name"], "'program_name'") if "program_name" in entries else None,
        source=source,
        place=reader.place(node),
    )
