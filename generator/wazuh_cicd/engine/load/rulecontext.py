"""What is known while the rules of one file are read, and the ways to complain about them."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from wazuh_cicd.engine.load.messages import ERROR, NOTE, WARNING, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.ruletags import PATTERN_TYPES

if TYPE_CHECKING:
    from wazuh_cicd.engine.load.ruledraft import RuleDraft
    from wazuh_cicd.engine.load.xmlreader import Node
    from wazuh_cicd.engine.patterns import Kind


# Bytes. A text of a tag must be shorter than this; neither an appended piece nor what it is appended to may be longer.
TEXT_LIMIT = 2048


@dataclass(slots=True)
class RuleContext:
    """Where rules are read, and with what.

    Attributes:
        path: the file, for locations.
        messages: what the manager logs; appended to.
        is_decoder: whether some decoder has this name.
        lists: the names of the declared CDB lists.
        known: whether a rule of this id is loaded already.
        default_timeframe: seconds, for composites without the attribute.
        alert_level: from this level on the log option is set.
        mail_level: from this level on the mail option is set.
    """

    path: str
    messages: list[LoadMessage]
    is_decoder: Callable[[bytes], bool]
    lists: Container[bytes]
    known: Callable[[int], bool]
    default_timeframe: int = 360
    alert_level: int = 3
    mail_level: int = 12

    def message(self, severity: str, code: int, text: str, node: Node, rule: int = 0) -> LoadMessage:
        """Make a message located at ``node``."""
        shown = f"({code}): {text}" if code else text
        return LoadMessage(severity, code, shown, self.path, node.line, node.column, rule)

    def warn(self, code: int, text: str, node: Node, rule: RuleDraft) -> None:
        """Log a warning about ``rule``."""
        self.messages.append(self.message(WARNING, code, text, node, rule.id))

    def error(self, code: int, text: str, node: Node, rule: RuleDraft) -> None:
        """Log an error that does not stop the daemon; a test session that saw one gives no output."""
        self.messages.append(self.message(ERROR, code, text, node, rule.id))

    def fail(self, node: Node, *texts: tuple[int, str], rule: int = 0) -> NoReturn:
        """Refuse the ruleset with the given (code, text) messages."""
        raise FatalLoadError(*(self.message(ERROR, code, text, node, rule) for code, text in texts))

    def fail_silently(self, node: Node, text: str, *, rule: int) -> NoReturn:
        """Refuse the ruleset where the manager does so without a word: the text is ours, and marked as a note."""
        raise FatalLoadError(self.message(NOTE, 0, text, node, rule))

    def joined(self, rule: RuleDraft, node: Node, before: bytes | None, text: bytes) -> bytes | None:
        """Append the text of a repeated tag; None when it is too long: the manager then has none of it."""
        too_long = len(text) >= TEXT_LIMIT if before is None else max(len(before), len(text)) > TEXT_LIMIT
        if too_long:
            self.error(1104, f"Maximum string size reached for: {node.content}.", node, rule)
            return None
        return text if before is None else before + text

    def kind(self, rule: RuleDraft, node: Node, default: Kind) -> Kind:
        """Return the pattern language of a tag; a bad value is warned about and ignored."""
        value = node.attribute("type")
        kind = PATTERN_TYPES.get(value.lower()) if value is not None else default
        if kind is None:
            self.warn(7600, f"Invalid value '{value}' for attribute 'type' in rule {rule.id}.", node, rule)
        return kind or default

    def negation(self, rule: RuleDraft, node: Node) -> bool:
        """Return whether a tag is negated; a bad value is warned about and ignored."""
        value = node.attribute("negate")
        if value is not None and value.lower() not in {"yes", "no"}:
            self.warn(7600, f"Invalid value '{value}' for attribute 'negate' in rule {rule.id}.", node, rule)
        return value is not None and value.lower() == "yes"
