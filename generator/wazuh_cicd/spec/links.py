"""What connects specs: unique ids and names, parents, counted rules, lists, decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.spec.anchors import address_fault
from wazuh_cicd.spec.model import QUIET, Equals, InList, Regex
from wazuh_cicd.spec.problems import did_you_mean
from wazuh_cicd.spec.shapes import CONFIDENCE_NEEDED, CONFIDENCES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_cicd.spec.model import Condition, ListSpec, Response, RuleSpec, SpecSet
    from wazuh_cicd.spec.problems import Place, Problems

# Decoders of the stock ruleset and of analysisd itself that rules may name.
STOCK_DECODERS = frozenset(
    {
        "json", "auditd", "sshd", "docker", "jenkins", "web-accesslog", "sudo", "su", "systemd", "pam", "cron",
        "kernel", "dpkg-decoder", "yum", "sca", "syscollector", "ciscat", "rootcheck", "ossec", "windows_eventchannel",
        "syscheck_event", "syscheck_new_entry", "syscheck_deleted", "syscheck_integrity_changed", "ar_log_json",
        "iptables", "nginx-errorlog", "apache-errorlog", "useradd", "groupadd", "userdel", "passwd", "unix_chkpwd",
    }
)  # fmt: skip


# Thousands of stock rules whose events are lines of text with an address in them: sshd, PAM and su; web servers.
TEXT_OF_STOCK = frozenset({5, 30, 31})


def check_links(specs: SpecSet, problems: Problems) -> None:
    """Report duplicates and references to nothing."""
    _unique_rules(specs.rules, problems)
    _unique(((d.name, d.place) for d in specs.decoders), "decoder", problems)
    _unique(((entry.name, entry.place) for entry in specs.lists), "list", problems)
    lists = {entry.name: entry for entry in specs.lists}
    groups = all_groups(specs)
    names = specs.by_name
    for rule in specs.rules:
        for name in rule.parents.rules:
            if name not in names:
                fix = did_you_mean(name, names, otherwise="name a rule of the package, or write {stock: id}")
                problems.add("R204", rule.at("parent"), f"no rule is called '{name}' (parent of '{rule.name}')", fix)
        _check_correlation(rule, specs, groups, problems)
        _check_response(rule, specs, groups, problems)
        if rule.parents.is_root and rule.correlate is None and not rule.when:
            problems.add(
                "R213",
                rule.place,
                f"rule '{rule.name}' hangs on the root and has no condition",
                "it would take every event: add 'when'",
            )
        for condition in (*rule.when, *rule.unless):
            _check_condition(rule, condition, lists, specs, problems)
        for test in rule.tests:
            if test.instead is not None and not test.instead.isdigit() and test.instead not in names:
                fix = did_you_mean(test.instead, names, otherwise="name a rule, or write a number")
                problems.add("R204", rule.at("tests"), f"no rule is called '{test.instead}' ('instead' of a test)", fix)
        if sum(isinstance(m, InList) for c in (*rule.when, *rule.unless) for m in c.matchers) > 2:
            problems.add(
                "M311",
                rule.place,
                f"rule '{rule.name}' has more than two lists: Wazuh tests only two",
                "move one to a child rule",
            )
    _cycles(specs, problems)


def all_groups(specs: SpecSet) -> dict[str, list[RuleSpec]]:
    """The rules of every group, the source's own groups included."""
    groups: dict[str, list[RuleSpec]] = {}
    for rule in specs.rules:
        for group in ("cicd", rule.source, *rule.groups, *rule.compliance):
            groups.setdefault(group, []).append(rule)
    return groups


def _check_correlation(rule: RuleSpec, specs: SpecSet, groups: dict[str, list[RuleSpec]], problems: Problems) -> None:
    correlate = rule.correlate
    if correlate is None:
        return
    names = specs.by_name
    if correlate.rule is not None:
        counted = names.get(correlate.rule)
        if counted is None:
            fix = did_you_mean(correlate.rule, names, otherwise="name a rule, {stock: id} or {group: name}")
            problems.add(
                "R204", correlate.of_place, f"no rule is called '{correlate.rule}' (counted by '{rule.name}')", fix
            )
        elif counted.level == 0:
            problems.add(
                "R214",
                correlate.of_place,
                f"'{counted.name}' has level 0: such events are never counted",
                "count a rule with a level",
            )
        elif counted is rule:
            problems.add("R214", correlate.of_place, "a composite cannot count itself", "count another rule")
        elif counted.level > QUIET and STATUSES.index(counted.status) < STATUSES.index(rule.status):
            problems.add(
                "R221",
                rule.at("status"),
                f"'{rule.name}' is {rule.status} and counts '{counted.name}', which is {counted.status}",
                f"write 'status: {counted.status}'",
            )
    elif correlate.group is not None and correlate.group not in groups:
        fix = did_you_mean(correlate.group, groups, otherwise="add the group to the rules that are to be counted")
        problems.add("R204", correlate.of_place, f"no rule has the group '{correlate.group}'", fix)


def _check_response(rule: RuleSpec, specs: SpecSet, groups: dict[str, list[RuleSpec]], problems: Problems) -> None:
    """Refuse a response to what an attacker can write: by way of a parent or a counted rule, or into any log.

    Whoever gets a line into any log that is collected can write JSON that looks like an event of GitHub or Docker;
    where it came from is the one thing that he cannot write.
    """
    response = rule.response
    if response is None or rule.forgeable:  # the latter is reported where it is read
        return
    behind = _behind(rule, specs, groups)
    for other in behind:
        if other.forgeable:
            problems.add(
                "R211",
                response.place,
                f"rule '{rule.name}' has a response and rests on '{other.name}', which is forgeable",
                "an attacker could block anyone: remove it",
            )
            return
    acts_on_json = response.action == "quarantine-container" or "." in response.arguments.get("address", "")
    told = response.origins or any(c.subject == "location" for one in (rule, *behind) for c in one.when)
    if acts_on_json and not told:
        problems.add(
            "R211",
            response.place,
            f"rule '{rule.name}' has a response and takes its events from any log that holds such JSON",
            "add 'from' with the location that they come from, or such a condition",
        )
    elif response.action == "block-ip" and is_sure(response):
        _check_text_address(rule, (rule, *behind), located=bool(told), specs=specs, problems=problems)


def is_sure(response: Response) -> bool:
    """Whether a rule is sure enough for its response to be bound."""
    confidence = response.arguments["confidence"]
    return CONFIDENCES.index(confidence) >= CONFIDENCES.index(CONFIDENCE_NEEDED[response.action])


def _check_text_address(
    rule: RuleSpec, rests_on: tuple[RuleSpec, ...], *, located: bool, specs: SpecSet, problems: Problems
) -> None:
    """Refuse a block of an address out of a line of text that somebody else can write, or write into."""
    response = rule.response
    faults = _text_faults(rule, rests_on, specs)
    if response is None or faults is None:
        return
    for where, fault in faults.items():
        problems.add(
            "R220",
            response.place,
            f"rule '{rule.name}' blocks an address that a client may have written: {where}: {fault}",
            "read the line as a whole: from its first word to its end, with no blank in what clients write",
        )
    if not located:
        problems.add(
            "R211",
            response.place,
            f"rule '{rule.name}' has a response and takes its events from any log that holds such a line",
            "add 'from' with the location that they come from, or such a condition",
        )
    if all(one.correlate is None for one in rests_on):
        problems.add(
            "R211",
            response.place,
            f"rule '{rule.name}' has a response to one single line of text",
            "count: anybody on a host can write one line into a log",
        )


def _text_faults(rule: RuleSpec, rests_on: tuple[RuleSpec, ...], specs: SpecSet) -> dict[str, str] | None:
    """What is wrong with the places that the address of a line of text comes from; None for events of JSON."""
    field = rule.response.arguments.get("address", "") if rule.response is not None else ""
    chain = _chain(rule, specs)
    conditions = [condition for one in _on_every_way(rule, specs) for condition in one.when]
    read = [m.pattern for c in conditions if c.subject == "log" for m in c.matchers if isinstance(m, Regex)]
    if any(parent // 1000 in TEXT_OF_STOCK for one in rests_on for parent in one.parents.stock if one in chain):
        if any(address_fault(pattern) is None for pattern in read):
            return {}
        why = address_fault(read[0]) if read else "no condition on 'log' reads the line as a whole"
        return {"Wazuh's own decoder takes the address": why or ""}
    named = {
        str(value)
        for c in conditions
        if c.subject == "decoder"
        for m in c.matchers
        if isinstance(m, Equals)
        for value in m.values
    }
    found: dict[str, str] = {}
    takes = False
    for decoder in specs.decoders:
        if not ({decoder.name, decoder.parent} & named if named else decoder.source == rule.source):
            continue
        for extraction in decoder.extract:
            for number, name in enumerate(extraction.fields, start=1):
                if name == field:
                    takes = True
                    fault = "it looks after another expression" if extraction.after else None
                    fault = fault or address_fault(extraction.pattern, number)
                    if fault is not None:
                        found[f"decoder '{decoder.name}'"] = fault
    return found if takes else None


def _on_every_way(rule: RuleSpec, specs: SpecSet) -> list[RuleSpec]:
    """The rule and those above it that every event has passed: up to the first with more than one parent."""
    found = [rule]
    while not found[-1].parents.stock and len(found[-1].parents.rules) == 1:
        parent = specs.by_name.get(found[-1].parents.rules[0])
        if parent is None or parent in found:
            break
        found.append(parent)
    return found


def _chain(rule: RuleSpec, specs: SpecSet) -> list[RuleSpec]:
    """The rule and what it hangs on; not what it counts: the address is that of the last event."""
    found, todo = {rule.name: rule}, [rule]
    while todo:
        one = todo.pop()
        counted = one.correlate.rule if one.correlate is not None and one.parents.is_root else None
        for name in (*one.parents.rules, *([counted] if counted else ())):
            other = specs.by_name.get(name)
            if other is not None and name not in found:
                found[name] = other
                todo.append(other)
    return list(found.values())


def _behind(rule: RuleSpec, specs: SpecSet, groups: dict[str, list[RuleSpec]]) -> list[RuleSpec]:
    """All rules of ours that an event may have passed before it ends at this one, or that are counted."""
    found: dict[str, RuleSpec] = {}
    todo = [rule]
    while todo:
        one = todo.pop()
        group = one.correlate.group if one.correlate is not None else None
        for other in (*parents_of(one, specs), *groups.get(group or "", ())):
            if other.name not in found and other is not rule:
                found[other.name] = other
                todo.append(other)
    return list(found.values())


def _check_condition(
    rule: RuleSpec, condition: Condition, lists: Mapping[str, ListSpec], specs: SpecSet, problems: Problems
) -> None:
    for matcher in condition.matchers:
        if isinstance(matcher, InList):
            entry = lists.get(matcher.name)
            if entry is None:
                fix = did_you_mean(matcher.name, lists, otherwise=f"write lists/{matcher.name}.yml")
                problems.add("R210", condition.place, f"no list is called '{matcher.name}' (rule '{rule.name}')", fix)
            elif entry.keys == "pattern":
                text = f"'{matcher.name}' is a list of patterns: Wazuh cannot look them up (rule '{rule.name}')"
                problems.add("R210", condition.place, text, f"write 'like: {matcher.name}'")
        if condition.subject == "decoder" and isinstance(matcher, Equals):
            name = str(matcher.values[0])
            ours = {d.name for d in specs.decoders if d.parent is None or d.own_name}
            if name not in STOCK_DECODERS and name not in ours:
                inherited = next((d.parent for d in specs.decoders if d.name == name and d.parent), None)
                known = STOCK_DECODERS | ours
                fix = f"write '{inherited}', or set 'own_name: true'" if inherited else did_you_mean(name, known)
                problems.add(
                    "R215",
                    condition.place,
                    f"no event is decoded as '{name}'",
                    fix or "name a decoder of the package or of Wazuh",
                )


def _unique_rules(rules: Iterable[RuleSpec], problems: Problems) -> None:
    ids: dict[int, RuleSpec] = {}
    names: dict[str, RuleSpec] = {}
    used = {rule.id for rule in rules}
    for rule in rules:
        if not rule.id or not rule.name:  # missing or unreadable, and reported
            continue
        first = ids.setdefault(rule.id, rule)
        if first is not rule:
            free = next((n for n in range(rule.id, rule.id + 1000) if n not in used), None)
            fix = f"take a free id, as {free}" if free else "take a free id"
            problems.add("R201", rule.at("id"), f"id {rule.id} already belongs to '{first.name}' ({first.place})", fix)
        first = names.setdefault(rule.name, rule)
        if first is not rule:
            problems.add(
                "R203", rule.at("name"), f"name '{rule.name}' is taken by rule {first.id} ({first.place})", "rename one"
            )


def _unique(entries: Iterable[tuple[str, Place]], what: str, problems: Problems) -> None:
    seen: dict[str, Place] = {}
    for name, place in entries:
        if name in seen:
            problems.add("R203", place, f"{what} '{name}' is already declared ({seen[name]})", "rename one")
        seen.setdefault(name, place)


def parents_of(rule: RuleSpec, specs: SpecSet) -> Iterator[RuleSpec]:
    """The rules of ours that must be loaded before this one: its parents and what it counts."""
    names = list(rule.parents.rules)
    if rule.correlate is not None and rule.correlate.rule is not None:
        names.append(rule.correlate.rule)
    for name in names:
        parent = specs.by_name.get(name)
        if parent is not None:
            yield parent


def _cycles(specs: SpecSet, problems: Problems) -> None:
    state: dict[str, int] = {}
    for start in specs.rules:
        trail = [(start, parents_of(start, specs))]
        state.setdefault(start.name, 1)
        if state[start.name] == 2:
            continue
        while trail:
            rule, parents = trail[-1]
            parent = next(parents, None)
            if parent is None:
                state[rule.name] = 2
                trail.pop()
            elif state.get(parent.name) == 1:
                if parent is not rule or parent.name in rule.parents.rules:
                    problems.add(
                        "R216",
                        rule.at("parent"),
                        f"'{rule.name}' hangs on itself by way of '{parent.name}'",
                        "break the circle",
                    )
            elif state.get(parent.name) != 2:
                state[parent.name] = 1
                trail.append((parent, parents_of(parent, specs)))
