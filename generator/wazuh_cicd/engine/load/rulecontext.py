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

    def qualifiers(self, rule: RuleDraft, node: Node, default: Kind, *, typed: bool = True) -> tuple[Kind, bool]:
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
