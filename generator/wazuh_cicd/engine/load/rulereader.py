"""Reading ``<rule>`` elements: tags, repetition, and every way in which the manager refuses one.

The wording and the codes of the messages are the manager's; each carries our location beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.load.messages import ERROR, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.ruleattributes import read_attributes
from wazuh_cicd.engine.load.ruledefinition import Options, TextTest
from wazuh_cicd.engine.load.ruledraft import RuleDraft
from wazuh_cicd.engine.load.ruletagreaders import TAG_READERS, surely_valid
from wazuh_cicd.engine.load.ruletags import (
    DEPRECATED_TAGS,
    DIFFERENT_TAGS,
    JOINED_TAGS,
    PATTERN_ORDER,
    SAME_TAGS,
    STRICT_TAGS,
    TEXT_TAGS,
)
from wazuh_cicd.engine.load.xmlreader import read_xml
from wazuh_cicd.engine.load.xmlreader import to_bytes as raw
from wazuh_cicd.engine.patterns import PatternError, shared_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.engine.load.rulecontext import RuleContext
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition
    from wazuh_cicd.engine.load.xmlreader import Node

# What ``if_sid`` may consist of.
SID_LIST = re.compile(rb"[0-9, ]+\n?\Z")

# A frequency up to this counts no earlier event: the manager takes it for none.
PLAIN_FREQUENCY = 2

NO_OPTION = (
    "Rule '{}' without any option. It may lead to false positives and some other problems for the system. Exiting."
)


def read_rules(context: RuleContext, data: bytes) -> Iterator[RuleDefinition]:
    """Yield the rules of one file; the caller gives each its place before the next is read.

    Raises:
        FatalLoadError: the manager would refuse the whole ruleset.
    """
    if not data:
        return
    groups = read_xml(data, context.path)
    if not groups:
        text = f"(1202): Configuration error at '{context.path}'."
        raise FatalLoadError(LoadMessage(ERROR, 1202, text, context.path))
    for group in groups:
        if group.tag.lower() != "group":
            context.fail(group, (0, f'rules_op: Invalid root element "{group.tag}".Only "group" is allowed'))
        if len(group.attributes) != 1 or group.attributes[0][0].lower() != "name":
            context.fail(group, (0, f"rules_op: Invalid root element '{group.tag}'.Only the group name is allowed"))
    for group in groups:
        if not group.children:
            context.fail(group, (0, f"Group '{group.tag}' without any rule."))
        name = raw(group.attributes[0][1])
        for position, node in enumerate(group.children):
            draft = read_rule(context, node, name, position)
            if draft is not None:
                rule = draft.finish(context.path, node.line, node.column)
                check_patterns(context, rule)
                yield rule


def read_rule(context: RuleContext, node: Node, group: bytes, position: int) -> RuleDraft | None:
    """Read one element of a group.

    Args:
        context: the file and what is loaded already.
        node: the element.
        group: the name of the surrounding group.
        position: counted from 0 within the group, for the message about a missing id.

    Returns:
        The rule, or None when the manager drops it with a warning.

    Raises:
        FatalLoadError: the manager would refuse the whole ruleset.
    """
    if node.tag.lower() != "rule":
        context.fail(node, (0, f"Invalid configuration. '{node.tag}' is not a valid element."))
    if not node.attributes:
        context.fail(node, (0, f"Invalid rule '{position}'. You must specify an ID and a level at least."))
    attributes = read_attributes(context, node, position)
    options = Options(mail=attributes.level >= context.mail_level, log=attributes.level >= context.alert_level)
    rule = RuleDraft(attributes, group, options, overwrite=attributes.overwrite)
    if rule.overwrite:
        if not context.known(rule.id):
            context.warn(
                7613,
                f"Rule ID '{rule.id}' does not exist but 'overwrite' is set to 'yes'. Still, the rule will be loaded.",
                node,
                rule,
            )
            rule.overwrite = False
    elif context.known(rule.id):
        context.warn(
            7612, f"Rule ID '{rule.id}' is duplicated. Only the first occurrence will be considered.", node, rule
        )
        return None
    if not node.children:
        context.fail(node, (0, NO_OPTION.format(rule.id)), rule=rule.id)
    # The first tag that drops the rule is the last one that is read; if_sid is still looked at then.
    kept = all(_read_tag(context, rule, tag) for tag in node.children)
    kept = _check_parents(context, rule, node) and kept
    if not kept:
        return None
    _check_whole(context, rule, node)
    return rule


def _read_tag(context: RuleContext, rule: RuleDraft, node: Node) -> bool:
    """Read one tag of a rule; False when the manager drops the rule because of it."""
    tag = node.tag.lower()
    if tag in STRICT_TAGS:
        tag = node.tag
    text = raw(node.content)
    if tag in TEXT_TAGS:
        _read_text(context, rule, node, text)
    elif tag in JOINED_TAGS:
        return _read_joined(context, rule, node, text)
    elif tag in TAG_READERS:
        return TAG_READERS[tag](context, rule, node, text)
    elif tag in SAME_TAGS:
        rule.same.append(SAME_TAGS[tag])
    elif tag in DIFFERENT_TAGS:
        rule.different.append(DIFFERENT_TAGS[tag])
    elif tag in DEPRECATED_TAGS:
        context.warn(0, f"Detected a deprecated field option for rule, {tag} is not longer available.", node, rule)
    else:
        context.fail(node, (0, f"Invalid option '{node.tag}' for rule '{rule.id}'."), rule=rule.id)
    return True


def _read_joined(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> bool:
    """Read a tag whose texts are joined; False when the manager drops the rule because of it."""
    tag = node.tag.lower()
    if tag == "if_level" and text and not text.isdigit():
        shown = text.decode("utf-8", "surrogateescape")
        context.warn(7609, f"Invalid 'if_level' value: '{shown}'. Rule '{rule.id}' will be ignored.", node, rule)
        return False
    joined = context.joined(rule, node, getattr(rule, tag), text)
    if tag == "group" and joined is not None:
        joined = joined.replace(b"\n", b"")
    setattr(rule, tag, joined)
    return True


def _read_text(context: RuleContext, rule: RuleDraft, node: Node, text: bytes) -> None:
    tag = node.tag.lower()
    before = rule.texts.pop(tag, None)
    joined = context.joined(rule, node, before.source if before else None, text)
    negate = context.negation(rule, node)
    kind = context.kind(rule, node, TEXT_TAGS[tag])
    if joined is not None:
        rule.texts[tag] = TextTest(tag, joined, kind, negate, line=before.line if before else node.line)


def _check_parents(context: RuleContext, rule: RuleDraft, node: Node) -> bool:
    if rule.if_sid is None or SID_LIST.match(rule.if_sid):
        return True
    shown = rule.if_sid.decode("utf-8", "surrogateescape")
    context.warn(7618, f"Invalid 'if_sid' value: '{shown}'. Rule '{rule.id}' will be ignored.", node, rule)
    return False


def _check_whole(context: RuleContext, rule: RuleDraft, node: Node) -> None:
    """Check what can be judged only when all tags are read."""
    if rule.description is None:
        context.fail(node, (0, f"No such description at rule '{rule.id}'."), rule=rule.id)
    rule.context = (
        rule.context or rule.check_diff or rule.if_matched_group is not None or rule.if_matched_regex is not None
    )
    compares = rule.same or rule.different or rule.same_fields or rule.different_fields or rule.global_frequency
    if not rule.context and ((rule.attributes.frequency or 0) > PLAIN_FREQUENCY or compares):
        context.fail(
            node,
            (0, f"Invalid use of frequency/context options. Missing if_matched on rule '{rule.id}'."),
            rule=rule.id,
        )


def check_patterns(context: RuleContext, rule: RuleDefinition) -> None:
    """Compile every pattern of the rule once, to find those that the manager refuses.

    Raises:
        FatalLoadError: one of them does not compile.
    """
    tests = dict(rule.texts)
    if rule.if_matched_regex is not None:
        tests["if_matched_regex"] = TextTest("if_matched_regex", rule.if_matched_regex, "osregex", line=rule.line)
    if rule.if_matched_group is not None:
        tests["if_matched_group"] = TextTest("if_matched_group", rule.if_matched_group, "osmatch", line=rule.line)
    if all(map(surely_valid, tests.values())):
        return
    for test in filter(None, map(tests.get, PATTERN_ORDER)):
        _check_pattern(context, rule, test)


def _check_pattern(context: RuleContext, rule: RuleDefinition, test: TextTest) -> None:
    try:
        shared_pattern(test.kind, test.source)
    except PatternError as error:
        code, text = _syntax_error(test, rule.id, error.code)
        message = LoadMessage(ERROR, code, f"({code}): {text}", context.path, test.line, 0, rule.id)
        raise FatalLoadError(message) from None


def _syntax_error(test: TextTest, rule: int, code: int) -> tuple[int, str]:
    """Return the code and the words on a pattern that does not compile: they are not the same for all tags."""
    shown = test.source.decode("utf-8", "surrogateescape")
    if test.tag.startswith("if_matched_"):
        return 1450, f"Syntax error on regex: '{shown}': {code}."
    return 5107, f"Syntax error on tag '{shown if test.tag == 'protocol' else test.tag}' in rule {rule}"
