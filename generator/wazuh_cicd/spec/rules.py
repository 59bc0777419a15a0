"""Reading a rule file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from wazuh_cicd.spec.compliance import compliance_problem
from wazuh_cicd.spec.events import EventFrame, read_frame, read_tests, seconds
from wazuh_cicd.spec.matchers import read_conditions
from wazuh_cicd.spec.mitre import mitre_problem
from wazuh_cicd.spec.model import FIRST_ID, LAST_ID, SOURCES, Correlate, Noise, Parents, Response, RuleSpec
from wazuh_cicd.spec.runbooks import read_steps
from wazuh_cicd.spec.shapes import (
    ACTIONS,
    CATEGORIES,
    CONFIDENCES,
    CORRELATE,
    DEFAULTS,
    GROUP,
    NAME,
    NOISE,
    OPTIONS,
    PARENT,
    RESPONSE,
    RULE,
    RULE_FILE,
    STATUSES,
)
from wazuh_cicd.spec.subjects import CORRELATION_TAGS, PREDECODED, SPECIAL
from wazuh_cicd.spec.yamlnodes import kind, scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wazuh_cicd.spec.problems import Place
    from wazuh_cicd.spec.yamlnodes import SpecReader

_NAME = re.compile(NAME)
_GROUP = re.compile(GROUP)
_IDEA = re.compile(r"[A-Z]{1,3}[0-9]{1,4}\Z")
_URL = re.compile(r"https?://[^\s<>\"]+\Z")
# Headers in which a client says where it comes from, as the last part of a field's name.
_CLIENTS_WORD = re.compile(
    r"(?i)(?:^|[.])(?:http[_-]?)?(?:(?:x[_-]?)?(?:original[_-]?)?forwarded(?:[_-]?for)?|xff|(?:x[_-]?)?real[_-]?ip"
    r"|true[_-]?client[_-]?ip|x[_-]?(?:cluster[_-]?)?client[_-]?ip|cf[_-]?connecting[_-]?ip|fastly[_-]?client[_-]?ip)$"
)
_WAIVER = re.compile(r"[A-Z][0-9]{3}\Z|[a-z][a-z0-9:._$-]*\Z")
FROM_LEVEL_4 = ("mitre", "compliance", "why", "triage", "false_positives")


def read_rule_file(reader: SpecReader, root: yaml.Node, family: str, samples: Path | None) -> list[RuleSpec]:
    """The rules of one file; what cannot be read is reported and left out."""
    entries = reader.mapping(root, RULE_FILE.what, RULE_FILE.names, RULE_FILE.required)
    if not entries:
        return []
    source = reader.choice(entries["source"], "source", tuple(SOURCES)) if "source" in entries else None
    frame = read_frame(reader, entries.get("event"), samples)
    defaults: Mapping[str, yaml.Node] = {}
    if "defaults" in entries:
        defaults = reader.mapping(entries["defaults"], DEFAULTS.what, DEFAULTS.names)
    if "rules" not in entries:
        return []
    elements = reader.elements(entries["rules"], "'rules'")
    rules = [_read_rule(reader, node, source, family, frame, defaults, entries.get("parent")) for node in elements]
    return [rule for rule in rules if rule is not None]


def _read_rule(  # noqa: PLR0917 - what all rules of a file share
    reader: SpecReader,
    node: yaml.Node,
    source: str | None,
    family: str,
    frame: EventFrame,
    defaults: Mapping[str, yaml.Node],
    file_parent: yaml.Node | None,
) -> RuleSpec | None:
    own = reader.mapping(node, RULE.what, RULE.names)
    if not own:
        return None
    places = {key.value: reader.place(key) for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    keys = {**{name: value for name, value in defaults.items() if name not in {"groups", "options"}}, **own}
    label = f"rule '{own['name'].value}'" if "name" in own and isinstance(own["name"], yaml.ScalarNode) else "the rule"
    for wanted in RULE.required:
        if wanted not in keys:
            reader.problem("S102", node, f"{label} lacks '{wanted}'", f"add '{wanted}:'")

    number = _read_id(reader, keys["id"], source) if "id" in keys else None
    name = _read_name(reader, keys["name"]) if "name" in keys else ""
    level = reader.integer(keys["level"], "level", 0, 16) if "level" in keys else None
    title = _read_title(reader, keys["title"]) if "title" in keys else None
    correlate = _read_correlate(reader, keys["correlate"], places) if "correlate" in keys else None
    parents = _read_parents(reader, keys, file_parent, composite="correlate" in keys, explicit="parent" in own)
    when = read_conditions(reader, keys["when"], negated=False) if "when" in keys else ()
    unless = read_conditions(reader, keys["unless"], negated=True) if "unless" in keys else ()
    tests = read_tests(reader, keys["tests"], frame) if "tests" in keys else ()
    if level is not None and level >= 4:
        for wanted in FROM_LEVEL_4:
            if wanted not in keys:
                reader.problem("S106", node, f"{label} has level {level} and lacks '{wanted}'", f"add '{wanted}:'")
    if "tests" in keys and frame.samples is not None:
        for expect in ("fires", "silent"):
            if not any(test.expect == expect for test in tests):
                fix = f"add '- {expect}: {{…}}' to its tests"
                reader.problem("R209", keys["tests"], f"{label} has no test that {_says(expect)}", fix)

    ignore = seconds(reader, keys["ignore"], "'ignore'") if "ignore" in keys else 0.0
    if ignore and not 1 <= ignore <= 999999:
        reader.problem("S105", keys["ignore"], "'ignore' is outside 1s..999999s", "shorten it")
    response = _read_response(reader, keys["response"]) if "response" in keys else None
    forgeable = bool("forgeable" in keys and reader.boolean(keys["forgeable"], "'forgeable'"))
    if response is not None and forgeable:
        reader.problem(
            "R211",
            keys["response"],
            f"{label} is forgeable and has a response",
            "an attacker could block anyone: remove it",
        )
    if response is not None and level == 0:
        reader.problem(
            "R211", keys["response"], f"{label} has level 0: Wazuh never responds", "give it a level or remove it"
        )
    groups = (
        *(_read_groups(reader, defaults["groups"]) if "groups" in defaults else ()),
        *(_read_groups(reader, own["groups"]) if "groups" in own else ()),
    )
    options = (
        *(_read_options(reader, defaults["options"]) if "options" in defaults else ()),
        *(_read_options(reader, own["options"]) if "options" in own else ()),
    )
    category = reader.choice(keys["category"], "category", CATEGORIES) if "category" in keys else None
    if category and not parents.is_root:
        reader.problem(
            "S107", keys["category"], "'category' goes with 'parent: root'", "remove it: a child inherits it"
        )
    return RuleSpec(  # also when parts are missing: the links of what is there are checked in the same run
        id=number or 0,
        name=name,
        source=source or "",
        family=family,
        level=level or 0,
        title=title or "",
        status=(reader.choice(keys["status"], "status", STATUSES) if "status" in keys else None) or "experimental",
        parents=parents,
        when=when,
        unless=unless,
        correlate=correlate,
        ignore=int(ignore or 0),
        options=tuple(dict.fromkeys(options)),
        noalert=bool("noalert" in keys and reader.boolean(keys["noalert"], "'noalert'")),
        category=category,
        groups=tuple(dict.fromkeys(groups)),
        mitre=_read_checked(reader, keys.get("mitre"), "mitre", "R205", mitre_problem),
        compliance=_read_checked(reader, keys.get("compliance"), "compliance", "R206", compliance_problem),
        covers=_read_covers(reader, keys["covers"]) if "covers" in keys else (),
        certain=reader.texts(own["certain"], "'certain'") if "certain" in own else (),
        needs=_read_needs(reader, keys["needs"]) if "needs" in keys else (),
        why=reader.text(keys["why"], "'why'").strip() if "why" in keys else "",
        triage=read_steps(reader, keys.get("triage"), "'triage'"),
        contain=read_steps(reader, keys.get("contain"), "'contain'"),
        false_positives=_lines(reader, keys.get("false_positives"), "'false_positives'"),
        references=_read_references(reader, keys["references"]) if "references" in keys else (),
        response=response,
        noise=_read_noise(reader, keys["noise"]) if "noise" in keys else None,
        forgeable=forgeable,
        waive=_read_waive(reader, own["waive"]) if "waive" in own else {},
        tests=tests,
        place=reader.place(node),
        places=places,
    )


def _says(expect: str) -> str:
    return "makes it fire" if expect == "fires" else "must leave it silent"


def _read_id(reader: SpecReader, node: yaml.Node, source: str | None) -> int | None:
    number = reader.integer(node, "id", FIRST_ID, LAST_ID)
    if number is None or source is None:
        return number
    ids = SOURCES[source].ids
    if number not in ids:
        reader.problem(
            "R202",
            node,
            f"id {number} is outside the block of '{source}'",
            f"take a free one of {ids.start}..{ids.stop - 1}",
        )
    return number


def _read_name(reader: SpecReader, node: yaml.Node) -> str:
    name = reader.text(node, "name")
    if name and not _NAME.match(name):
        better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        reader.problem("S104", node, f"name '{name}' is not lower-case words with hyphens", f"write '{better}'")
    return name


def _read_title(reader: SpecReader, node: yaml.Node) -> str | None:
    title = " ".join(reader.text(node, "title").split())
    if not title:
        return None
    if re.search(r"[<&]", title):
        reader.problem("S108", node, "a title cannot hold '<' or '&': Wazuh's XML has no escapes", "write it in words")
    elif title[0] in "=+-@":
        reader.problem(
            "S108", node, f"a title cannot start with '{title[0]}'", "the server API changes such texts: reword it"
        )
    if re.search(r"\$\([^)]*\Z", title) or "$()" in title:
        reader.problem("S108", node, "'$(' without a field and ')'", "write $(field)")
    for field in re.findall(r"\$\(([^)]+)\)", title):
        if field in {"user", "location", "systemname", "log", "full_log", "decoder", "srcgeoip"}:
            known = {"user": "$(dstuser) or $(srcuser)", "systemname": "$(system_name)"}
            reader.problem("S108", node, f"Wazuh never fills $({field})", f"write {known.get(field, 'another field')}")
    if len(title.encode()) > 600:
        reader.problem("S108", node, "a title over 600 bytes", "shorten it: Wazuh cuts the whole at 1023")
    return title


def _read_parents(
    reader: SpecReader, keys: Mapping[str, yaml.Node], file_parent: yaml.Node | None, *, composite: bool, explicit: bool
) -> Parents:
    node = keys.get("parent")
    if node is None or (not explicit and composite):
        node = None if composite else file_parent
    if node is None:
        return Parents()
    if isinstance(node, yaml.ScalarNode):
        if scalar(node) is None:
            if not composite:
                reader.problem(
                    "R212", node, "only a composite may leave its parent empty", "write 'parent: root' or a rule"
                )
            return Parents(place=reader.place(node))
        if node.value == "root":
            return Parents(place=reader.place(node))
        mend = f"write {{stock: {node.value}}}" if node.value.isdigit() else f"write {{rule: {node.value}}}, or root"
        reader.problem("R212", node, f"parent '{node.value}' is not a parent", mend)
        return Parents(place=reader.place(node))
    entries = reader.mapping(node, PARENT.what, PARENT.names)
    stock = []
    for element in reader.elements(entries["stock"], "'stock'", single=True) if "stock" in entries else ():
        number = reader.integer(element, "a stock id", 1, 999999)
        if number is not None and FIRST_ID <= number <= LAST_ID:
            reader.problem("R212", element, f"{number} is an id of this package", "name the rule: {rule: its-name}")
        elif number is not None:
            stock.append(number)
    rules = reader.texts(entries["rule"], "'rule'") if "rule" in entries else ()
    return Parents(tuple(stock), rules, reader.place(node))


def _read_correlate(reader: SpecReader, node: yaml.Node, places: Mapping[str, Place]) -> Correlate | None:
    entries = reader.mapping(node, CORRELATE.what, CORRELATE.names, CORRELATE.required)
    rule = stock = group = None
    of = entries.get("of")
    if isinstance(of, yaml.ScalarNode):
        rule = reader.text(of, "'of'") or None
    elif of is not None:
        target = reader.mapping(of, "'of'", ("rule", "stock", "group"))
        if len(target) != 1 and isinstance(of, yaml.MappingNode):
            reader.problem("S104", of, "'of' names one thing", "write a rule's name, {stock: id} or {group: name}")
        rule = reader.text(target["rule"], "'rule'") if "rule" in target else None
        stock = reader.integer(target["stock"], "a stock id", 1, 999999) if "stock" in target else None
        group = reader.text(target["group"], "'group'") if "group" in target else None
    count = reader.integer(entries["count"], "'count'", 2, 9999) if "count" in entries else None
    within = seconds(reader, entries["within"], "'within'") if "within" in entries else None
    if within is not None and (not 1 <= within <= 99999 or within != int(within)):
        reader.problem(
            "S105", entries["within"], f"'within' is {within:g} s, outside 1..99999", "99999s is the longest"
        )
        within = None
    same = _correlation_fields(reader, entries.get("same"), "same")
    different = _correlation_fields(reader, entries.get("different"), "different")
    across = bool("global" in entries and reader.boolean(entries["global"], "'global'"))
    if not (rule or stock or group) or count is None or within is None:
        return None
    place = places.get("correlate", reader.place(node))
    return Correlate(rule, stock, group, count, int(within), same, different, across, place, reader.place(of))


def _correlation_fields(reader: SpecReader, node: yaml.Node | None, what: str) -> tuple[str, ...]:
    if node is None:
        return ()
    fields = reader.texts(node, f"'{what}'")
    for name in fields:
        if (name in SPECIAL or name in PREDECODED) and name not in CORRELATION_TAGS:
            reader.problem(
                "M308", node, f"Wazuh cannot compare '{name}' between events", "name a decoded field, or location"
            )
        elif "," in name or re.search(r"[<>&]", name) or name != name.strip():
            reader.problem("M308", node, f"'{name}' is not one field's name", "write a list: [a, b]")
    return fields


def _read_noise(reader: SpecReader, node: yaml.Node) -> Noise | None:
    entries = reader.mapping(node, NOISE.what, NOISE.names, NOISE.required)
    if not set(NOISE.required) <= set(entries):
        return None
    budget = entries["budget"]
    value = scalar(budget) if isinstance(budget, yaml.ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 500:
        reader.problem("S105", budget, "'budget' is no number from 0 to 500", "write alerts for 500 events")
        return None
    return Noise(float(value), reader.text(entries["why"], "'why'").strip())


def _read_response(reader: SpecReader, node: yaml.Node) -> Response | None:
    entries = reader.mapping(node, RESPONSE.what, RESPONSE.names, RESPONSE.required)
    if "action" not in entries:
        return None
    action = reader.choice(entries["action"], "action", tuple(ACTIONS))
    if "confidence" in entries:
        reader.choice(entries["confidence"], "confidence", CONFIDENCES)
    texts = {name: value for name, value in entries.items() if name not in {"action", "from", "repeated"}}
    arguments = {name: reader.text(value, f"'{name}'") for name, value in texts.items()}
    arguments.setdefault("confidence", CONFIDENCES[0])
    timeout = seconds(reader, entries["timeout"], "'timeout'") if "timeout" in entries else None
    repeated = _read_repeated(reader, entries["repeated"]) if "repeated" in entries else ()
    if action and ACTIONS[action] and ACTIONS[action] not in entries:
        reader.problem("S102", node, f"response '{action}' lacks '{ACTIONS[action]}'", "name the field of the event")
    address = arguments.get("address", "")
    if not re.fullmatch(r"[\w.@-]*", address):
        reader.problem("S104", entries["address"], f"'{address}' is not a field's name", "write it as in 'when'")
    elif _CLIENTS_WORD.search(address):
        reader.problem(
            "R211",
            entries["address"],
            f"'{address}' is what the client says of itself",
            "an attacker could block anyone: name the field with the connection's real peer",
        )
    origins = reader.texts(entries["from"], "'from'") if "from" in entries else ()
    if any(not re.fullmatch(r"[\w./:-]{1,64}", origin) for origin in origins):
        reader.problem("S104", entries["from"], "'from' is not a list of locations", "letters, digits and ./:_- only")
    return (
        Response(action, arguments, reader.place(node), int(timeout or 0) or None, repeated, origins)
        if action
        else None
    )


def _read_repeated(reader: SpecReader, node: yaml.Node) -> tuple[int, ...]:
    """The minutes of ``repeated_offenders``; execd reads at most five."""
    texts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found = [seconds(reader, text, "'repeated'") for text in texts]
    if len(found) > 5 or any(value is not None and (value < 60 or value % 60) for value in found):
        reader.problem("S105", node, "'repeated' is more than five durations, or not of whole minutes", "[30m, 2h, 1d]")
    return tuple(int(value) // 60 for value in found if value is not None)


def _read_groups(reader: SpecReader, node: yaml.Node) -> tuple[str, ...]:
    groups = reader.texts(node, "'groups'")
    for group in groups:
        if group and not _GROUP.match(group):
            reader.problem("S104", node, f"group '{group}' is not a word", "use letters, digits, '_', '.', '-'")
    return groups


def _read_options(reader: SpecReader, node: yaml.Node) -> tuple[str, ...]:
    words = (reader.choice(element, "option", OPTIONS) for element in reader.elements(node, "'options'", single=True))
    return tuple(word for word in words if word)


def _read_checked(
    reader: SpecReader,
    node: yaml.Node | None,
    what: str,
    code: str,
    problem: Callable[[str], tuple[str, str] | None],
) -> tuple[str, ...]:
    if node is None:
        return ()
    values = []
    for element in reader.elements(node, f"'{what}'", single=True):
        value = reader.text(element, f"'{what}'")
        found = problem(value) if value else None
        if found:
            reader.problem(code, element, *found)
        elif value:
            values.append(value)
    return tuple(dict.fromkeys(values))


def _read_covers(reader: SpecReader, node: yaml.Node) -> tuple[str, ...]:
    ideas = reader.texts(node, "'covers'")
    for idea in ideas:
        if idea and not _IDEA.match(idea):
            reader.problem("S104", node, f"'{idea}' is not the id of an idea", "write letters and a number, as G51")
    return ideas


def _read_needs(reader: SpecReader, node: yaml.Node) -> tuple[str, ...]:
    needs = reader.texts(node, "'needs'")
    for need in needs:
        if need and not _NAME.match(need):
            reader.problem(
                "S104", node, f"'{need}' is not the name of a log source", "write lower-case words with hyphens"
            )
    return needs


def _read_references(reader: SpecReader, node: yaml.Node) -> tuple[str, ...]:
    urls = reader.texts(node, "'references'")
    for url in urls:
        if url and not _URL.match(url):
            reader.problem("S104", node, f"'{url}' is not a URL", "write it with https:// in front")
    return urls


def _read_waive(reader: SpecReader, node: yaml.Node) -> Mapping[str, str]:
    waived = {}
    for key, value in reader.items(node, "'waive'"):
        reason = reader.text(value, "the reason of a waiver") if isinstance(value, yaml.ScalarNode) else ""
        if len(reason) < 10:
            reader.problem(
                "S104", value, f"waiver '{key.value}' has no reason", "say in a sentence why it is right here"
            )
        waived[key.value] = reason
    return waived


def _lines(reader: SpecReader, node: yaml.Node | None, what: str) -> tuple[str, ...]:
    if node is None:
        return ()
    if isinstance(node, yaml.MappingNode):
        reader.problem(
            "S103", node, f"{what} must be a list of texts, not {kind(node)}", "quote a text that holds ': '"
        )
        return ()
    return tuple(text.strip() for text in reader.texts(node, what))
