"""What one event became."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.judge.output import alert_of, rule_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.messages import LoadMessage


class Verdict:
    """What one event became.

    Attributes:
        event: the event with all of its fields.
        rule: the final rule, or None.
        alert: the manager would write an alert of this rule to ``alerts.json``: its level reaches the configured one or
            an option says so, and ``ignore`` does not silence it.
        logtest_alert: what logtest calls ``alert``: it knows neither ``no_log`` nor ``log_alert``, and lets every other
            event through when the time of ``ignore`` is over.
        firedtimes: how often the rule has been the result in this session.
        failed: logtest answers with an error and no output (a location it cannot read, a ruleset without roots).
    """

    __slots__ = (
        "_manager",
        "_output",
        "alert",
        "event",
        "failed",
        "firedtimes",
        "logtest_alert",
        "previous",
        "previous_log",
        "rule",
        "seen_messages",
        "walk",
    )

    def __init__(self, event: Event, manager: str) -> None:
        """Start without a rule."""
        self.event = event
        self.rule: Rule | None = None
        self.alert = False
        self.logtest_alert = False
        self.firedtimes = 0
        self.failed = False
        self._manager = manager
        self.seen_messages: list[LoadMessage] = []
        self._output: dict[str, Any] | None = None
        self.previous: Sequence[bytes] = ()
        self.previous_log: bytes | None = None
        self.walk: Callable[[], list[int]] | list[int] = []

    @property
    def rule_id(self) -> int | None:
        """Id of the final rule."""
        return self.rule.id if self.rule is not None else None

    @property
    def level(self) -> int:
        """Level of the final rule, 0 without one."""
        return self.rule.level if self.rule is not None else 0

    @property
    def output(self) -> dict[str, Any]:
        """The ``output`` of logtest: same keys, same values. Empty when the manager gives none."""
        if self._output is None:
            self._output = {} if self.failed else self._build()
        return self._output

    @property
    def messages(self) -> list[LoadMessage]:
        """What the manager logs while it works on this event."""
        _ = self.output
        return self.seen_messages

    @property
    def tried(self) -> list[int]:
        """Ids of the rules in the order in which they were tested."""
        if callable(self.walk):
            self.walk = self.walk()
        return self.walk

    def _build(self) -> dict[str, Any]:
        shown, full_log = None, True
        if self.rule is not None:
            shown, messages = rule_of(self.rule, self.event, self.firedtimes)
            self.seen_messages += messages
            full_log = self.rule.definition.options.full_log
        return alert_of(
            self.event,
            shown,
            full_log=full_log,
            previous=self.previous,
            previous_log=self.previous_log,
            manager=self._manager,
        )
