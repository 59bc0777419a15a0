"""The tags of a rule that are more than a pattern: one function each.

Each takes the context, the rule so far, the element and its text, and returns False when the manager drops the rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.addresses import parse_network
from wazuh_cicd.engine.load.daytime import parse_time, parse_weekday
from wazuh_cicd.engine.load.decoderdefinition import MAX_DYNAMIC_FIELDS
from wazuh_cicd.engine.load.ruledefinition import AddressTest, ListTest, TextTest
from wazuh_cicd.engine.load.ruletags import CATEGORIES, COMPILED_RULES, INFO_TYPES, LOOKUPS, STATIC_NAMES
from wazuh_cicd.engine.load.xmlreader import to_bytes as raw
from wazuh_cicd.engine.patterns import PatternError, shared_pattern
from wazuh_cicd.engine.patterns.osmatch import MAX_SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.load.rulecontext import RuleContext
    from wazuh_cicd.engine.load.ruledraft import RuleDraft
    from wazuh_cicd.engine.load.xmlreader import Node

# OS_Regex without parentheses, and with no other escapes than those of the language, always compiles.
_PLAIN_OSREGEX = re.compile(rb"(?:[^\\()]|\\[wdspWDS.t$|()\\<])*\Z", re.DOTALL)


def _field(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    if not node.attributes:
        context.fail_silently(node, "<field> needs a name", rule=rule.id)
    if len(rule.fields) >= MAX_DYNAMIC_FIELDS:
        context.fail(node, (0, f"Rule {rule.id} has exceeded the maximum number of allowed fields"), rule=rule.id)
    name = node.attribute("name")
    if name is None:
        context.fail(node, (0, f"Failure to read rule {rule.id}. No such attribute 'name' for field."), rule=rule.id)
    if name.lower() in STATIC_NAMES:
        context.fail(node, (0, f"Failure to read rule {rule.id}. Field '{name}' is static."), rule=rule.id)
    kind = context.kind(rule, node, "osregex")
    test = TextTest("field", text, kind, context.negation(rule, node), raw(name), node.line)
    if not surely_valid(test):
        try:
            shared_pattern(kind, text)
        except PatternError:
            context.fail(node, (5107, f"Syntax error on tag '{name}' in rule {rule.id}"), rule=rule.id)
    rule.fields.append(test)
    return True


def surely_valid(test: TextTest) -> bool:
    """Whether the pattern can be left uncompiled until an event needs it: a look at the text is enough."""
    if len(test.source) > MAX_SOURCE:
        return False
    if test.kind == "osregex":
        return _PLAIN_OSREGEX.match(test.source) is not None
    return test.kind != "pcre2"


def _address(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    network = parse_network(text)
    if network is None:
        context.fail(node, (1237, f"Invalid ip address: '{node.content}'."), rule=rule.id)
    tag = node.tag.lower()
    before = rule.addresses[tag].networks if tag in rule.addresses else ()
    negate = context.negation(rule, node)
    rule.addresses[tag] = AddressTest((*before, network), negate)
    return True


def _decoded_as(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    if not context.is_decoder(text):
        context.fail(node, (0, f"Invalid decoder name: '{node.content}'."), rule=rule.id)
    rule.decoded_as = text
    return True


def _category(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    if node.content not in CATEGORIES:
        context.fail_silently(node, f"'{node.content}' is no category", rule=rule.id)
    rule.category = node.content
    return True


def _time(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    rule.time = parse_time(node.content)
    if rule.time is None:
        context.fail(node, (1274, f"Invalid configuration. Element '{node.tag}': {node.content}."), rule=rule.id)
    return True


def _weekday(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    rule.weekday = parse_weekday(node.content)
    if rule.weekday is None:
        context.fail(
            node,
            (1241, f"Invalid day format: '{node.content}'."),
            (1274, f"Invalid configuration. Element '{node.tag}': {node.content}."),
            rule=rule.id,
        )
    return True


def _description(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    rule.description = context.joined(rule, node, rule.description, text.replace(b"\n", b" ", 1))
    return True


def _info(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    for name, value in node.attributes[:1]:  # no further one is looked at
        if name.lower() != "type":
            context.error(0, f'rules_op: Element info has invalid attribute "{name}"', node, rule)
        elif value not in INFO_TYPES:
            context.error(0, f'rules_op: Element info attribute "{name}" has invalid value "{value}"', node, rule)
    rule.info = context.joined(rule, node, rule.info, text)
    return True


def _options(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    options, word = rule.options, node.content
    if word == "alert_by_email":
        options = options._replace(mail=True)
    elif word == "no_email_alert":
        # The manager's mask clears an earlier no_counter together with the bit that is meant; so with no_log.
        options = options._replace(mail=False, counter=True) if options.mail else options
    elif word == "no_log":
        options = options._replace(log=False, counter=True) if options.log else options
    elif word == "log_alert":
        options = options._replace(log=True)
    elif word == "no_ar":
        options = options._replace(active_response=False)
    elif word == "no_full_log":
        options = options._replace(full_log=False)
    elif word == "no_counter":
        options = options._replace(counter=False)
    else:
        context.fail(
            node,
            (1235, f"Invalid value for element 'options': {word}."),
            (0, f"Invalid option '{node.tag}' for rule '{rule.id}'."),
            rule=rule.id,
        )
    rule.options = options
    return True


def _list(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    where = (1274, f"Invalid configuration. Element '{node.tag}': {node.content}.")
    if not node.attributes:
        context.fail(node, (0, "List must have a correctly formatted field attribute"), where, rule=rule.id)
    name, check = None, None
    lookup = "match_key"
    for key, value in node.attributes:
        attribute = key.lower()
        if attribute == "field":
            name = value
        elif attribute == "lookup":
            lookup = value.lower()
            if lookup not in LOOKUPS:
                context.fail(node, where, (0, f'List match lookup="{value}" is not valid.'), rule=rule.id)
        elif attribute == "check_value":
            check = raw(value)
            try:
                shared_pattern("osmatch", check)
            except PatternError:
                context.fail(node, where, rule=rule.id)
        else:
            context.fail(node, (0, f'List field="{value}" is not valid'), where, rule=rule.id)
    if name is None:
        context.fail(node, (0, 'List requires the field="" attribute'), where, rule=rule.id)
    found = ListTest(text, raw(name), lookup, check)
    if found.declared not in context.lists:
        context.warn(7616, f"List '{node.content}' could not be loaded. Rule '{rule.id}' will be ignored.", node, rule)
        return False
    rule.lists.append(found)
    return True


def _matched_sid(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    rule.context = True
    if text and not text.isdigit():
        context.warn(
            7615,
            f"Invalid 'if_matched_sid' value: '{node.content}'. Rule '{rule.id}' will be ignored.",
            node,
            rule,
        )
        return False
    rule.if_matched_sid = text or b"0"
    return True


def _compared_field(_context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    wanted = rule.same_fields if node.tag.lower() == "same_field" else rule.different_fields
    wanted.append(text)
    return True


def _flag(_context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    setattr(rule, node.tag.lower(), True)
    return True


def _compiled_rule(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    if node.content not in COMPILED_RULES:
        context.fail(
            node,
            (0, f"Compiled rule not found: '{node.content}'"),
            (1274, f"Invalid configuration. Element '{node.tag}': {node.content}."),
            rule=rule.id,
        )
    rule.compiled_rule = node.content
    return True


def _ignored(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    # Both tags act in the daemon alone, and there without effect (a newline in what they store); their form counts.
    if not all(item.strip(" ") for item in node.content.split(",")):
        context.fail(node, (0, f"Wrong {node.tag.lower()} option: '{node.content}'"), rule=rule.id)
    return True


def _mitre(context: RuleContext, rule: RuleDraft, node: Node, _text: bytes) -> bool:
    if not node.children:
        context.warn(0, f"Empty Mitre information for rule '{rule.id}'", node, rule)
        return True
    block: dict[str, list[str]] = {"id": [], "tacticid": [], "techniqueid": []}
    complete = True
    for child in node.children:
        found = block.get(child.tag.lower())
        if found is None:
            context.error(0, f"Invalid option '{child.tag}' for rule '{rule.id}'", child, rule)
            complete = False
            continue
        if not child.content:
            kind = "Tactic" if child.tag.lower() == "tacticid" else "Technique"
            context.warn(0, f"No Mitre {kind} ID found for rule '{rule.id}'", child, rule)
            complete = False
        found.append(raw(child.content).decode("utf-8", "surrogateescape"))
    if complete:
        _add_mitre(context, rule, node, block)
    return True


def _add_mitre(context: RuleContext, rule: RuleDraft, node: Node, block: dict[str, list[str]]) -> None:
    """Add a block of ids alone, or of one technique and its tactic; a rule that has both forms loses the ids."""
    ids, tactics, techniques = block["id"], block["tacticid"], block["techniqueid"]
    problem = None
    if ids and (tactics or techniques):
        problem = (
            f"Rule '{rule.id}' combined old and new Mitre formats in the same block. The Mitre block will be discarded."
        )
    elif not (ids or techniques):
        problem = f"Mitre techniqueID should be defined in rule '{rule.id}'"
    elif not (ids or tactics):
        problem = f"Mitre tacticID should be defined in rule '{rule.id}'"
    elif len(techniques) > 1 or len(tactics) > 1:
        problem = (
            f"In rule '{rule.id}' is not allowed to join more than one Mitre techniqueID or tacticID in the same block."
            " The Mitre block will be discarded."
        )
    if problem is not None:
        context.warn(0, problem, node, rule)
        return
    if ids if rule.mitre_pairs else rule.mitre_ids and techniques:
        context.warn(
            0,
            f"Rule '{rule.id}' combined old and new Mitre formats, the old Mitre Technique format will be discarded.",
            node,
            rule,
        )
    if techniques:
        rule.mitre_ids.clear()
        if (pair := (tactics[0], techniques[0])) not in rule.mitre_pairs:
            rule.mitre_pairs.append(pair)
    elif not rule.mitre_pairs:
        rule.mitre_ids += [name for name in dict.fromkeys(ids) if name not in rule.mitre_ids]


TAG_READERS: dict[str, Callable[[RuleContext, RuleDraft, Node, bytes], bool]] = {
    "field": _field,
    "srcip": _address,
    "dstip": _address,
    "decoded_as": _decoded_as,
    "category": _category,
    "time": _time,
    "weekday": _weekday,
    "description": _description,
    "info": _info,
    "options": _options,
    "list": _list,
    "if_matched_sid": _matched_sid,
    "same_field": _compared_field,
    "different_field": _compared_field,
    "not_same_field": _compared_field,
    "if_fts": _flag,
    "check_diff": _flag,
    "global_frequency": _flag,
    "compiled_rule": _compiled_rule,
    "mitre": _mitre,
    "ignore": _ignored,
    "check_if_ignored": _ignored,
}
