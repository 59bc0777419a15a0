"""The rules as a static site: one page a rule, indexes, search; it works from a folder and without a network.

It is written with the template library that also writes the rules' XML. A site generator would bring a theme with fonts
and scripts from elsewhere or a search that asks a server, and could not read specs: all that is left for it is what a
template does.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from wazuh_cicd import __version__
from wazuh_cicd.engine.judge.mitre import attack
from wazuh_cicd.errors import UsageError
from wazuh_cicd.report.pages.page import Pages, Ref, meaning_of, plain_title
from wazuh_cicd.spec.compliance import all_frameworks
from wazuh_cicd.spec.model import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_cicd.render.model import Ids
    from wazuh_cicd.spec import RuleSpec, SpecSet
    from wazuh_cicd.spec.compliance import Framework

#: Lists what the site consists of, so that the next run removes what is gone and touches nothing else.
MANIFEST = "wazuh-cicd-site.json"
_TEMPLATES = Path(__file__).parent / "templates"
_BANDS = (range(13, 17), range(10, 13), range(7, 10), range(3, 7))


@dataclass(frozen=True, slots=True)
class Section:
    """Some rules under a head."""

    key: str
    short: str
    title: str
    rules: tuple[Ref, ...]
    link: str = ""


def site_files(specs: SpecSet, ids: Ids) -> Iterator[tuple[str, str]]:
    """Every file of the site, by its path in it."""
    pages = Pages(specs, ids)
    footer = f"wazuh-cicd {__version__}, {len(specs.rules)} rules. {attack_notice()}"

    def page(template: str, depth: int = 0, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
        return _template(template).render(up="../" * depth, footer=footer, **values)

    def refs(rules: Iterable[RuleSpec]) -> tuple[Ref, ...]:
        ordered = sorted(rules, key=lambda rule: (-rule.level, rule.id))
        return tuple(pages.ref(rule, rule.status) for rule in ordered)

    alerting = [rule for rule in specs.rules if rule.level >= min(_BANDS[-1])]
    sources = [name for name in SOURCES if any(rule.source == name for rule in specs.rules)]
    tables = [_Controls(framework, alerting) for framework in all_frameworks()]
    tables = [table for table in tables if table.rules]
    for one in pages:
        yield f"rules/{one.rule.name}.html", page("rule.html.j2", 1, page=one)
    yield (
        "index.html",
        page("index.html.j2", total=len(specs.rules), sources=_counts(alerting, sources), frameworks=tables),
    )
    for source in sources:
        mine = [rule for rule in specs.rules if rule.source == source]
        families = list(dict.fromkeys(rule.family for rule in mine))
        sections = [Section(name, name, name, refs(r for r in mine if r.family == name)) for name in families]
        names = dict.fromkeys(need for rule in mine for need in rule.needs)
        needs = [{"id": name, "name": specs.log_sources[name]} for name in names if name in specs.log_sources]
        about = f"{len(mine)} rules in {len(families)} files."
        yield (
            f"sources/{source}.html",
            page("list.html.j2", 1, title=f"Source: {source}", about=about, needs=needs, sections=sections),
        )
    yield "levels.html", page("list.html.j2", title="Levels", sections=list(_by_level(specs, refs)))
    yield (
        "techniques.html",
        page(
            "list.html.j2",
            title="ATT&CK techniques",
            about="Enterprise 13.1, the version that Wazuh 4 shows. attack-layer.json is for the ATT&CK Navigator.",
            sections=list(_by_technique(alerting, refs)),
        ),
    )
    matrix = [{"source": name, "counts": [table.by_source[name] for table in tables]} for name in sources]
    yield "controls.html", page("controls.html.j2", frameworks=tables, matrix=matrix)
    for table in tables:
        sections = [Section(key, key, key, refs(rules)) for key, rules in table.members.items()]
        title = f"Controls: {table.short}"
        yield (
            f"controls/{table.key}.html",
            page("list.html.j2", 1, title=title, about=table.title, sections=sections),
        )
    yield "controls.csv", controls_csv(tables, ids)
    yield "attack-layer.json", json.dumps(attack_layer(alerting), indent=1) + "\n"
    yield "rules.js", _search_list(specs, pages)
    for name in ("style.css", "search.js"):
        yield name, (_TEMPLATES / name).read_text("utf-8")


def write_site(files: Iterable[tuple[str, str]], folder: Path) -> int:
    """Write the site; what an earlier one had and this one lacks is removed.

    Returns:
        The number of files.

    Raises:
        UsageError: the folder holds something else.
    """
    manifest = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if folder.is_dir() and any(folder.iterdir()) and not manifest.is_file():
        raise UsageError(f"{folder} is not empty and was not written by 'wazuh-cicd docs': name another folder")
    _refuse_links(folder)
    before = _written_before(manifest)
    written: list[str] = []
    for path, text in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="\n")
        written.append(path)
    for path in before - set(written):
        (folder / path).unlink(missing_ok=True)
    manifest.write_text(json.dumps({"version": __version__, "files": sorted(written)}, indent=0) + "\n", "utf-8")
    return len(written) + 1


def _refuse_links(folder: Path) -> None:
    """Nothing is written or removed over a link that another account has put into the folder.

    Raises:
        UsageError: there is one.
    """
    for place in folder.rglob("*"):
        if place.is_symlink():
            raise UsageError(f"{place}: is a link, and nothing is written over one: remove it")


def _written_before(manifest: Path) -> set[str]:
    """The files of the site that is there; only such as lie in it.

    Raises:
        UsageError: the list is damaged.
    """
    if not manifest.is_file():
        return set()
    try:
        names = json.loads(manifest.read_text("utf-8"))["files"]
        paths = {str(name) for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{manifest}: cannot be read; remove the folder and write it anew") from error
    return {path for path in paths if not Path(path).is_absolute() and ".." not in Path(path).parts}


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _template(name: str) -> jinja2.Template:
    environment = _environment()
    environment.globals.setdefault("about", "")
    environment.globals.setdefault("needs", ())
    return environment.get_template(name)


def _counts(rules: Iterable[RuleSpec], sources: Iterable[str]) -> list[dict[str, Any]]:
    levels = {source: Counter(rule.level for rule in rules if rule.source == source) for source in sources}
    return [
        {"name": name, "counts": [count.total(), *(sum(count[level] for level in band) for band in _BANDS)]}
        for name, count in levels.items()
    ]


def _by_level(specs: SpecSet, refs: Any) -> Iterator[Section]:  # noqa: ANN401 - a function of site_files
    for level in range(16, -1, -1):
        mine = [rule for rule in specs.rules if rule.level == level]
        if mine:
            yield Section(f"level-{level}", f"Level {level}", f"Level {level}: {meaning_of(level)}", refs(mine))


def _by_technique(rules: Iterable[RuleSpec], refs: Any) -> Iterator[Section]:  # noqa: ANN401 - as above
    table = attack()
    members: dict[str, list[RuleSpec]] = {}
    for rule in rules:
        for technique in rule.mitre:
            members.setdefault(technique, []).append(rule)
    for technique in sorted(members):
        name, tactics = table.techniques.get(technique, ("", ()))
        shown = f"{technique} {name}"
        where = ", ".join(table.tactics[tactic] for tactic in tactics)
        link = f"https://attack.mitre.org/versions/v13/techniques/{technique.replace('.', '/')}/"
        yield Section(technique, shown, f"{shown} ({where})", refs(members[technique]), link)


class _Controls:
    """The controls of a framework and their rules."""

    def __init__(self, framework: Framework, rules: Iterable[RuleSpec]) -> None:
        self.key = framework.prefix.rstrip("_")
        self.short = framework.short
        self.title = framework.title
        members: dict[str, list[RuleSpec]] = {}
        for rule in rules:
            for control in rule.compliance:
                if control.startswith(framework.prefix):
                    members.setdefault(control[len(framework.prefix) :], []).append(rule)
        self.members = dict(sorted(members.items(), key=lambda item: _natural(item[0])))
        self.controls = len(self.members)
        mine = {rule.name: rule.source for rules in self.members.values() for rule in rules}
        self.rules = len(mine)
        self.by_source = Counter(mine.values())


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts ``10.2`` after ``2.1``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in text.replace("-", ".").split(".")]


def controls_csv(tables: Iterable[_Controls], ids: Ids) -> str:
    """A row a control: framework, control, how many rules, the highest level, sources, ids, names."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("framework", "control", "rules", "highest level", "sources", "ids", "names"))
    for table in tables:
        for control, rules in table.members.items():
            writer.writerow(
                (
                    table.short,
                    control,
                    len(rules),
                    max(rule.level for rule in rules),
                    " ".join(sorted({rule.source for rule in rules})),
                    " ".join(str(ids.of(rule.name)) for rule in rules),
                    " ".join(rule.name for rule in rules),
                )
            )
    return stream.getvalue()


def attack_layer(rules: Iterable[RuleSpec]) -> Mapping[str, Any]:
    """A layer of the ATT&CK Navigator (format 4.4): each technique with the number of rules that name it."""
    members: dict[str, list[RuleSpec]] = {}
    for rule in rules:
        for technique in rule.mitre:
            members.setdefault(technique, []).append(rule)
    most = max(map(len, members.values()), default=1)
    parents = {technique.partition(".")[0] for technique in members if "." in technique}
    return {
        "name": "wazuh-cicd",
        "versions": {"attack": "13", "navigator": "4.8.2", "layer": "4.4"},
        "domain": "enterprise-attack",
        "description": "Rules of wazuh-cicd that alert, by technique; the score is their number.",
        "sorting": 3,
        "hideDisabled": False,
        "gradient": {"colors": ["#dbe9f6", "#14588f"], "minValue": 0, "maxValue": most},
        "techniques": [
            {
                "techniqueID": technique,
                "score": len(found),
                "enabled": True,
                "comment": ", ".join(rule.name for rule in found[:20]) + (" and more" if len(found) > 20 else ""),
                "showSubtechniques": technique in parents,
            }
            for technique, found in sorted(members.items())
        ],
    }


def attack_notice() -> str:
    """MITRE's terms ask for it."""
    return "ATT&CK: (c) The MITRE Corporation, reproduced and distributed with its permission."


def _search_list(specs: SpecSet, pages: Pages) -> str:
    """What ``search.js`` looks through. JSON is JavaScript; ``<`` is escaped in case somebody puts it into a page."""
    rows = [
        [
            pages.ref(rule).id,
            rule.name,
            rule.level,
            plain_title(rule.title),
            " ".join([rule.source, rule.family, *rule.mitre, *rule.compliance, *rule.groups, *rule.needs]),
        ]
        for rule in specs.rules
    ]
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.RULES = {text};\n"
