"""One condition of a rule, ready to be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.seen import Seen

    EventTest = Callable[[Event], bool]
    StateTest = Callable[[Event, Seen], bool]
    Value = Callable[[Event], bytes | None]


class Condition:
    """One condition of a rule.

    Attributes:
        tag: the tag, with the field's name where one is meant: ``field github.action``.
        wanted: what the rule asks for, for people.
        test: whether the event satisfies it; None for conditions on the session's state.
        state_test: the same with what the session has seen, for those that need it.
        value: what the test looks at; None where the event does not have it.
    """

    __slots__ = ("state_test", "tag", "test", "value", "wanted")

    def __init__(
        self,
        tag: str,
        wanted: str,
        value: Value,
        test: EventTest | None = None,
        state_test: StateTest | None = None,
    ) -> None:
        """Put a condition together."""
        self.tag = tag
        self.wanted = wanted
        self.value = value
        self.test = test
        self.state_test = state_test

    def holds(self, event: Event, seen: Seen) -> bool:
        """Test it."""
        if self.test is not None:
            return self.test(event)
        return self.state_test is None or self.state_test(event, seen)
