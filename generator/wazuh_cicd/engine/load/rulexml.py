"""Reading ``<rule>`` elements: attributes, tags, repetition, and every way in which the manager refuses one.

The wording and the codes of the messages are the manager's; each carries our location beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from wazuh_cicd.engine.judge.rulemodel import LEVEL_ZERO_RANK, Options, Rule, TextTest
from wazuh_cicd.engine.load.messages import ERROR, NOTE, WARNING, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.ruleattributes import read_attributes
from wazuh_cicd.engine.load.ruletagreaders import TAG_READERS
from wazuh_cicd.engine.load.ruletags import (
    DEPRECATED_TAGS,
    DIFFERENT_TAGS,
    JOINED_TAGS,
    PATTERN_TYPES,
    SAME_TAGS,
    TEXT_TAGS,
)
from wazuh_cicd.engine.load.xmlreader import to_bytes as raw
from wazuh_cicd.engine.patterns import PatternError
from wazuh_cicd.engine.patterns.osmatch import MAX_SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_cicd.engine.load.cdb import CdbList
    from wazuh_cicd.engine.load.messages import LoadMessage as Message
    from wazuh_cicd.engine.load.xmlreader import Node
    from wazuh_cicd.engine.patterns import Kind

# A text of a tag must be shorter than this; appended pieces may have exactly this size.
TEXT_LIMIT = 2048

# What ``if_sid`` may consist of.
SID_LIST = re.compile(rb"[0-9, ]+\Z")

# A frequency up to this counts no earlier event: the manager takes it for none.
PLAIN_FREQUENCY = 2

# OS_Regex without parentheses, and with no other escapes than those of the language, always compiles.
_PLAIN_OSREGEX = re.compile(rb"(?:[^\\()]|\\[wdspWDS.t$|()\\<])*\Z", re.DOTALL)

NO_OPTION = (
    "Rule '{}' without any option. It may lead to false positives and some other problems for the system. Exiting."
)


@dataclass(slots=True)
class RuleReader:
    """Reads the rules of one file.

    Attributes:
        path: the file, for locations.
        messages: what the manager logs; appended to.
        decoder_id: the id of a decoder by name; None when no decoder of that name is declared.
        lists: the declared CDB lists by name.
        default_timeframe: seconds, for composites without the attribute.
        alert_level: from this level on the log option is set.
        mail_level: from this level on the mail option is set.
    """

    path: str
    messages: list[Message]
    decoder_id: Callable[[bytes], int | None]
    lists: Mapping[bytes, CdbList]
    default_timeframe: int = 360
    alert_level: int = 3
    mail_level: int = 12
    known: Callable[[int], bool] = field(default=lambda _id: False)

    def message(self, severity: str, code: int, text: str, node: Node, rule: int = 0) -> Message:
        """Make a message located at ``node``."""
        shown = f"({code}): {text}" if code else text
        return LoadMessage(severity, code, shown, self.path, node.line, node.column, rule)

    def warn(self, code: int, text: str, node: Node, rule: Rule) -> None:
        """Log a warning about ``rule``."""
        self.messages.append(self.message(WARNING, code, text, node, rule.id))

    def error(self, code: int, text: str, node: Node, rule: Rule) -> None:
        """Log an error that does not stop the daemon; a test session that saw one gives no output."""
        self.messages.append(self.message(ERROR, code, text, node, rule.id))

    def fail(self, node: Node, *texts: tuple[int, str], rule: int = 0) -> NoReturn:
        """Refuse the ruleset with the given (code, text) messages."""
        raise FatalLoadError(*(self.message(ERROR, code, text, node, rule) for code, text in texts))

    def fail_silently(self, node: Node, text: str, *, rule: int) -> NoReturn:
        """Refuse the ruleset where the manager does so without a word: the text is ours, and marked as a note."""
        raise FatalLoadError(self.message(NOTE, 0, text, node, rule))

    def read(self, node: Node, group: bytes, position: int) -> Rule | None:
        """Read one element of a group.

        Args:
            node: the element.
            group: the name of the surrounding group.
            position: counted from 0 within the group, for the message about a missing id.

        Returns:
            The rule, or None when the manager drops it with a warning.

        Raises:
            FatalLoadError: the manager would refuse the whole ruleset.
        """
        if node.tag.lower() != "rule":
            self.fail(node, (0, f"Invalid configuration. '{node.tag}' is not a valid element."))
        if not node.attributes:
            self.fail(node, (0, f"Invalid rule '{position}'. You must specify an ID and a level at least."))
        rule = read_attributes(self, node, position)
        if rule.overwrite:
            if not self.known(rule.id):
                self.warn(
                    7613,
                    f"Rule ID '{rule.id}' does not exist but 'overwrite' is set to 'yes'."
                    " Still, the rule will be loaded.",
                    node,
                    rule,
                )
                rule.overwrite = False
        elif self.known(rule.id):
            self.warn(
                7612, f"Rule ID '{rule.id}' is duplicated. Only the first occurrence will be considered.", node, rule
            )
            return None
        rule.group = group
        rule.options = Options(mail=rule.level >= self.mail_level, log=rule.level >= self.alert_level)
        if not node.children:
            self.fail(
                node,
                (0, NO_OPTION.format(rule.id)),
                rule=rule.id,
            )
        # The first tag that drops the rule is the last one that is read; if_sid is still looked at then.
        kept = all(self._read_tag(rule, tag) for tag in node.children)
        kept = self._check_parents(rule, node) and kept
        return rule if kept and self._finish(rule, node) else None

    def _read_tag(self, rule: Rule, node: Node) -> bool:
        """Read one tag of a rule; False when the manager drops the rule because of it."""
        tag = node.tag.lower()
        text = raw(node.content)
        if tag in TEXT_TAGS:
            self._read_text(rule, node, tag, text)
        elif tag in JOINED_TAGS:
            if tag == "group":
                rule.group += text.replace(b"\n", b"").replace(b"\r", b"")
            elif (joined := self._joined(rule, node, getattr(rule, tag), text)) is not None:
                setattr(rule, tag, joined)
                if tag == "if_level" and text and not text.isdigit():
                    shown = text.decode("utf-8", "surrogateescape")
                    self.warn(
                        7609, f"Invalid 'if_level' value: '{shown}'. Rule '{rule.id}' will be ignored.", node, rule
                    )
                    return False
        elif tag in TAG_READERS:
            return TAG_READERS[tag](self, rule, node, text)
        elif tag in SAME_TAGS:
            rule.same.append(SAME_TAGS[tag])
        elif tag in DIFFERENT_TAGS:
            rule.different.append(DIFFERENT_TAGS[tag])
        elif tag in DEPRECATED_TAGS:
            self.warn(
                0, f"Detected a deprecated field option for rule, {node.tag} is not longer available.", node, rule
            )
        else:
            self.fail(node, (0, f"Invalid option '{node.tag}' for rule '{rule.id}'."), rule=rule.id)
        return True

    def _joined(self, rule: Rule, node: Node, before: bytes | None, text: bytes) -> bytes | None:
        """Append a repeated tag's text; None (the condition is lost) when it is too long."""
        if len(text) > TEXT_LIMIT or (before is None and len(text) == TEXT_LIMIT):
            self.error(1104, f"Maximum string size reached for: {text.decode('latin-1')}.", node, rule)
            return None
        return text if before is None else before + text

    def qualifiers(self, rule: Rule, node: Node, default: Kind, *, typed: bool = True) -> tuple[Kind, bool]:
        """Return language and negation of a tag; bad values are warned about and ignored.

        An address has no language (``typed`` is false): its type is not even looked at.
        """
        kind, negate = default, False
        for name, value in node.attributes:
            key, word = name.lower(), value.lower()
            if key == "type" and typed:
                if word in PATTERN_TYPES:
                    kind = PATTERN_TYPES[word]
                else:
                    self.warn(7600, f"Invalid value '{value}' for attribute 'type' in rule {rule.id}.", node, rule)
            elif key == "negate":
                if word in {"yes", "no"}:
                    negate = word == "yes"
                else:
                    self.warn(7600, f"Invalid value '{value}' for attribute 'negate' in rule {rule.id}.", node, rule)
        return kind, negate

    def _read_text(self, rule: Rule, node: Node, tag: str, text: bytes) -> None:
        before = rule.texts.get(tag)
        joined = self._joined(rule, node, before.source if before else None, text)
        kind, negate = self.qualifiers(rule, node, TEXT_TAGS[tag])
        if joined is not None:
            rule.texts[tag] = TextTest(tag, joined, kind, negate, line=before.line if before else node.line)

    def _check_parents(self, rule: Rule, node: Node) -> bool:
        if rule.if_sid is None or SID_LIST.match(rule.if_sid):
            return True
        shown = rule.if_sid.decode("utf-8", "surrogateescape")
        self.warn(7618, f"Invalid 'if_sid' value: '{shown}'. Rule '{rule.id}' will be ignored.", node, rule)
        return False

    def _finish(self, rule: Rule, node: Node) -> bool:
        """Check what can be judged only when all tags are read; False when the rule is dropped."""
        if rule.description is None:
            self.fail(node, (0, f"No such description at rule '{rule.id}'."), rule=rule.id)
        rule.context = rule.context or rule.if_matched_group is not None or rule.if_matched_regex is not None
        compares = rule.same or rule.different or rule.same_fields or rule.different_fields or rule.global_frequency
        if not rule.context and ((rule.frequency or 0) > PLAIN_FREQUENCY or compares):
            self.fail(
                node,
                (0, f"Invalid use of frequency/context options. Missing if_matched on rule '{rule.id}'."),
                rule=rule.id,
            )
        if rule.level == 0 and rule.rank == LEVEL_ZERO_RANK:
            rule.level = rule.rank  # accuracy="0": the manager never makes it 0 again
        return True

    def check_patterns(self, rule: Rule, node: Node) -> None:
        """Compile every pattern of the rule once, to find those that the manager refuses.

        Raises:
            FatalLoadError: one of them does not compile.
        """
        extra: list[TextTest] = []
        if rule.if_matched_regex is not None:
            extra.append(TextTest("if_matched_regex", rule.if_matched_regex, "osregex", line=node.line))
        if rule.if_matched_group is not None:
            extra.append(TextTest("if_matched_group", rule.if_matched_group, "osmatch", line=node.line))
        for test in [*rule.texts.values(), *rule.fields, *extra]:
            if _surely_valid(test):
                continue
            try:
                test.compiled()
            except PatternError:
                message = LoadMessage(
                    ERROR,
                    5107,
                    f"(5107): Syntax error on tag '{test.tag}' in rule {rule.id}",
                    self.path,
                    test.line,
                    0,
                    rule.id,
                )
                raise FatalLoadError(message) from None


def _surely_valid(test: TextTest) -> bool:
    """Whether the pattern can be left uncompiled until an event needs it: a look at the text is enough."""
    if len(test.source) > MAX_SOURCE:
        return False
    if test.kind == "osregex":
        return _PLAIN_OSREGEX.match(test.source) is not None
    return test.kind != "pcre2"
