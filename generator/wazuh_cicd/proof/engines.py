"""The engines that can judge an event: the embedded evaluator, a manager's socket, its API.

All answer with the same shapes, so that a test, a comparison or a recording never asks which one it talks to.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.engine.load.messages import LoadMessage


class Verdict(Protocol):
    """What an engine says of one event.

    Attributes:
        output: the ``output`` object of Wazuh's logtest.
        alert: whether an alert would be written, as far as the engine knows: a manager's logtest does not.
        logtest_alert: what logtest calls ``alert``; see ``judge.verdict``.
        rule_id: the final rule, or ``None``.
        messages: what the engine would have logged for this event.
    """

    @property
    def output(self) -> dict[str, Any]: ...  # noqa: D102 (described above)
    @property
    def alert(self) -> bool: ...  # noqa: D102
    @property
    def logtest_alert(self) -> bool: ...  # noqa: D102
    @property
    def rule_id(self) -> int | None: ...  # noqa: D102
    @property
    def messages(self) -> Sequence[LoadMessage | str]: ...  # noqa: D102


class Session(Protocol):
    """A run of events that share their state: correlation, first-time-seen memory, firing counts."""

    def process(self, log: bytes | str, location: str = "stdin", *, time: float | None = None) -> Verdict:
        """Judge one event; ``time`` (seconds since the epoch) is only heeded where time can be simulated."""
        ...

    def process_decoded(
        self,
        decoder: str,
        fields: Mapping[str, str],
        *,
        location: str = "syscheck",
        log: bytes = b"",
        time: float | None = None,
    ) -> Verdict:
        """Judge an event that reaches the rules without a decoder (file integrity and its like)."""
        ...


class Engine(Protocol):
    """Something that opens sessions.

    Attributes:
        name: shown to the user.
        simulates_time: whether ``time`` moves its clock.
        takes_decoded: whether ``process_decoded`` works.
        reloads: whether each session loads the ruleset anew, which takes a second or more.
        load_messages: what it had to say about the ruleset.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (described above)
    @property
    def simulates_time(self) -> bool: ...  # noqa: D102
    @property
    def takes_decoded(self) -> bool: ...  # noqa: D102
    @property
    def reloads(self) -> bool: ...  # noqa: D102
    @property
    def load_messages(self) -> Sequence[LoadMessage | str]: ...  # noqa: D102

    def open_session(self) -> Session:
        """Start with no state."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """The package's own evaluator on a loaded ruleset."""

    ruleset: Ruleset
    name: str = "embedded"
    simulates_time: bool = True
    takes_decoded: bool = True
    reloads: bool = False

    @property
    def load_messages(self) -> Sequence[LoadMessage]:
        """The warnings a manager would have logged."""
        return self.ruleset.messages

    def open_session(self) -> Session:
        """Start with no state, on the machine's clock until an event brings its own time."""
        return self.ruleset.session(clock=time.time)
