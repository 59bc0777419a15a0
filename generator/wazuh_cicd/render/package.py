"""The rendered package: every file that is installed, as bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from lxml import etree

from wazuh_cicd.content.programs import programs
from wazuh_cicd.errors import UsageError
from wazuh_cicd.render.gates import with_gates, with_root_gates
from wazuh_cicd.render.info import checked_runbook_url
from wazuh_cicd.render.maturity import at_status
from wazuh_cicd.render.model import (
    BASE_FILE,
    Ids,
    RenderedDecoder,
    RenderedRule,
    Site,
    check_order,
    file_order,
    render_decoders,
    render_rule,
)
from wazuh_cicd.render.responses import Call, bindings, calls_of
from wazuh_cicd.spec.links import parents_of
from wazuh_cicd.spec.lists import list_text
from wazuh_cicd.spec.model import FIRST_ID, LAST_ID, LOWEST_BASE, SOURCES, SpecSet
from wazuh_cicd.spec.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wazuh_cicd.spec.model import RuleSpec

RULES = "manager/etc/rules/"
DECODERS = "manager/etc/decoders/"
LISTS = "manager/etc/lists/cicd/"
FRAGMENTS = "manager/ossec.conf.d/"
_TOPS = ("manager", "agent", "indexer")
_USED_LIST = re.compile(rb">etc/lists/cicd/(\w+)<")
_NO_SITE = Site()
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Package:
    """What ``wazuh-cicd build`` writes.

    Attributes:
        files: content by path; ``manager/…`` and ``agent/…`` are laid out as below ``/var/ossec``,
            ``indexer/…`` is sent to the indexer.
        specs: what it was rendered from.
        id_base: where the package's first id, 111000, lies on the target.
    """

    files: Mapping[str, bytes]
    specs: SpecSet
    id_base: int = FIRST_ID
    rendered: Mapping[str, RenderedRule] = field(default_factory=dict, repr=False)

    def ruleset_files(self) -> Mapping[str, bytes]:
        """Rules, decoders and lists by their path below the manager's folder: ``etc/rules/…``."""
        prefix = "manager/"
        return {
            path[len(prefix) :]: data
            for path, data in self.files.items()
            if path.startswith((RULES, DECODERS, "manager/etc/lists/"))
        }

    def rule_id(self, name: str) -> int:
        """The id that a rule has in this package."""
        return self.rendered[name].id

    def write(self, folder: Path) -> None:
        """Write all files below ``folder``; what an earlier build left there and this one lacks is removed.

        Raises:
            UsageError: there is a link among them: another account could lead us elsewhere by one.
        """
        for top in _TOPS:
            for place in (folder / top, *(folder / top).rglob("*")):
                if place.is_symlink():
                    raise UsageError(f"{place}: is a link, and nothing is written over one: remove it")
        for top in _TOPS:
            for old in sorted((folder / top).rglob("*"), reverse=True):
                if old.is_file() and str(old.relative_to(folder)) not in self.files:
                    old.unlink()
                elif old.is_dir() and not list(old.iterdir()):
                    old.rmdir()
        for path, data in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (target.is_file() and target.read_bytes() == data):
                target.write_bytes(data)
            target.chmod(0o750 if "/bin/" in path or "/wodles/" in path or path.endswith(".sh") else 0o640)


def render_package(
    specs: SpecSet,
    *,
    id_base: int = FIRST_ID,
    with_sources: Collection[str] | None = None,
    status: str | None = None,
    runbook_url: str = "",
    responses: Collection[str] = (),
) -> Package:
    """Render specs to a package.

    Args:
        specs: validated specs.
        id_base: the id that 111000 becomes; the whole block moves with it.
        with_sources: only the rules of these sources, what they hang on, and the lists that these look into.
        status: rules that are less mature begin at level 3 (``maturity``); None: every rule at its own level.
        runbook_url: where the rules' pages are (``info.checked_runbook_url``); empty: alerts name none.
        responses: that the site switches on: a call of one holds the alert, and beyond 64 KB it never arrives, so the
            rules that they are bound to leave ``full_log`` out of it.

    Raises:
        SpecError: a spec that has no exact form in Wazuh.
        UsageError: an unknown source, an id base among Wazuh's own ids or that leaves six digits, or an address that no
            alert can hold.
    """
    last = 999999 - (LAST_ID - FIRST_ID)
    if not LOWEST_BASE <= id_base <= last:
        why = "Wazuh's own rules are below" if id_base < LOWEST_BASE else "rule ids have at most six digits"
        raise UsageError(f"--id-base {id_base}: {why}; choose {LOWEST_BASE} to {last}")
    if with_sources is not None:
        unknown = sorted(set(with_sources) - set(SOURCES))
        if unknown:
            raise UsageError(f"no such source: {', '.join(unknown)}; known: {', '.join(SOURCES)}")
        specs = select_sources(specs, with_sources)
    if status is not None:
        specs = at_status(specs, status)
    problems = Problems()
    runbook_url = checked_runbook_url(runbook_url)
    calls = bindings(specs, Ids(specs)) if responses else {}
    numbers = {number for action in responses for rules in calls.get(action, {}).values() for number in rules}
    site = Site(runbook_url, frozenset(specs.by_id[number].name for number in numbers))
    package = _render(specs, id_base, problems, used_lists_only=with_sources is not None, site=site)
    problems.raise_errors()
    files = {**package.files, **{f"manager/{path}": data for path, data in programs().items()}}
    return replace(package, files=dict(sorted(files.items())))


def render_problems(specs: SpecSet, problems: Problems) -> Package | None:
    """As ``render_package`` without the programs, reporting into ``problems``; None when specs are too broken."""
    if problems.errors:
        ids = Ids(specs)
        for rule in specs.rules:
            if all(name in specs.by_name for name in rule.parents.rules) and _counts_known(rule, specs):
                render_rule(rule, ids, problems, _NO_SITE)
        return None
    return _render(specs, FIRST_ID, problems)


def _counts_known(rule: RuleSpec, specs: SpecSet) -> bool:
    return rule.correlate is None or rule.correlate.rule is None or rule.correlate.rule in specs.by_name


def select_sources(specs: SpecSet, sources: Collection[str]) -> SpecSet:
    """The rules of some sources, with the rules of other sources that they hang on or count."""
    keep = {rule.name: rule for rule in specs.rules if rule.source in sources}
    todo = list(keep.values())
    while todo:
        for parent in parents_of(todo.pop(), specs):
            if parent.name not in keep:
                keep[parent.name] = parent
                todo.append(parent)
    rules = tuple(rule for rule in specs.rules if rule.name in keep)
    wanted = {rule.source for rule in rules}
    decoders = tuple(d for d in specs.decoders if d.source in wanted)
    tests = tuple(t for t in specs.decoder_tests if t.source in wanted)
    return replace(specs, rules=rules, decoders=decoders, decoder_tests=tests)


def _render(
    specs: SpecSet, id_base: int, problems: Problems, *, used_lists_only: bool = False, site: Site = _NO_SITE
) -> Package:
    files: dict[str, bytes] = {}
    ids = Ids(specs, id_base)
    order = file_order(specs)
    check_order(order, specs, problems)
    rendered: dict[str, RenderedRule] = {}
    for name, rules in order.items():
        blocks: dict[str, list[RenderedRule]] = {}
        for rule in rules:
            rendered[rule.name] = render_rule(rule, ids, problems, site)
            blocks.setdefault(rule.source, []).append(rendered[rule.name])
        sources = sorted(blocks, key=list(SOURCES).index)
        gated = with_root_gates if name == BASE_FILE else with_gates
        blocks = {source: gated(rules, _block(source, id_base)) for source, rules in blocks.items()}
        text = "\n".join(_rules_text(name, source, blocks[source]) for source in sources)
        files[RULES + name] = _checked_rules(text, [rule for source in sources for rule in blocks[source]], name)
    files.update(_decoder_files(specs, problems))
    looked_up = [entry for entry in specs.lists if entry.keys != "pattern"]  # patterns stand in the rules
    if used_lists_only:
        used = set(_USED_LIST.findall(b"\n".join(files.values())))
        looked_up = [entry for entry in looked_up if entry.name.encode() in used]
    for entry in looked_up:
        files[LISTS + entry.name] = list_text(entry).encode()
    if looked_up:
        text = _template("ruleset.xml.j2").render(lists=sorted(entry.name for entry in looked_up))
        files[FRAGMENTS + "ruleset.xml"] = text.encode()
    for action, calls in bindings(specs, ids).items():
        text = _template("response.xml.j2").render(
            action=action, calls=calls_of(action, calls), switched_on=_is_on(calls, rendered, site)
        )
        _parse(text, f"response-{action}.xml")
        files[f"{FRAGMENTS}response-{action}.xml"] = text.encode()
    return Package(dict(sorted(files.items())), specs, id_base, rendered)


def _is_on(calls: Mapping[Call, list[int]], rendered: Mapping[str, RenderedRule], site: Site) -> bool:
    """Whether the package was made for a site with this response."""
    bound = {rendered[name].id for name in site.bound}
    return any(number in bound for numbers in calls.values() for number in numbers)


def _block(source: str, id_base: int) -> int:
    """The first id of a source's thousand on the target."""
    return int(SOURCES[source].block) * 1000 - FIRST_ID + id_base


def _rules_text(name: str, source: str, rules: list[RenderedRule]) -> str:
    title = f"{source}: base rules, loaded right after Wazuh's own roots" if name == BASE_FILE else f"{source}: rules"
    return _template("rules.xml.j2").render(
        title=title, origin=f"rules/{source}", groups=f"cicd,{source},", rules=rules
    )


def _decoder_files(specs: SpecSet, problems: Problems) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for source in SOURCES:
        for early in (True, False):
            chosen = [d for d in specs.decoders if d.source == source and d.early is early]
            if not chosen:
                continue
            decoders = render_decoders(chosen, problems)
            block = "0004" if early else f"{SOURCES[source].block}0"
            name = f"{block}-cicd_{source}_decoders.xml"
            text = _template("decoders.xml.j2").render(
                title=f"{source}: decoders", origin=f"decoders/{source}.yml", decoders=decoders
            )
            files[DECODERS + name] = _checked_decoders(text, decoders, name)
    return files


@cache
def _environment() -> jinja2.Environment:
    # Nothing is escaped: Wazuh's XML reader knows no entities. What a text may hold is decided before it gets here.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 - see above
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


class RenderedTextError(Exception):
    """What a template wrote is not what it was given: a bug here, never the author's fault."""


def _parse(text: str, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(f"<file>{text}</file>".encode(), parser)
    except etree.XMLSyntaxError as error:
        raise RenderedTextError(f"{name}: {error}") from error


def _checked_rules(text: str, rules: list[RenderedRule], name: str) -> bytes:
    """The text, once a real XML parser has read from it exactly what the model says."""
    elements = list(_parse(text, name).iterfind("group/rule"))
    if len(elements) != len(rules):
        raise RenderedTextError(f"{name}: {len(elements)} rules written for {len(rules)}")
    for element, rule in zip(elements, rules, strict=True):
        children = [child for child in element if child.tag != "mitre"]
        read = [(str(c.tag), c.text or "", tuple((str(k), str(v)) for k, v in c.attrib.items())) for c in children]
        told = [(tag.name, tag.text, tag.attributes) for tag in rule.tags]
        ids = tuple(str(node.text) for node in element.iterfind("mitre/id"))
        attributes = tuple((str(k), str(v)) for k, v in element.attrib.items())
        if read != told or ids != rule.mitre or attributes != rule.attributes:
            raise RenderedTextError(f"{name}: rule {rule.id} reads back differently")
    return text.encode("utf-8", "surrogateescape")


def _checked_decoders(text: str, decoders: list[RenderedDecoder], name: str) -> bytes:
    elements = list(_parse(text, name).iterfind("decoder"))
    read = [
        (e.get("name"), [(str(c.tag), c.text or "", tuple((str(k), str(v)) for k, v in c.attrib.items())) for c in e])
        for e in elements
    ]
    told = [(d.name, [(t.name, t.text, t.attributes) for t in d.tags]) for d in decoders]
    if read != told:
        raise RenderedTextError(f"{name}: decoders read back differently")
    return text.encode("utf-8", "surrogateescape")
