"""What a manager says in ``ossec.log`` while it loads a ruleset or works on an event."""

from __future__ import annotations

from dataclasses import dataclass

WARNING = "WARNING"
ERROR = "ERROR"
# Bytes of a message that are kept.
MAX_TEXT = 2047
# Our own words where a manager refuses without saying why.
NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class LoadMessage:
    """One line of the manager's log, with our location beside it.

    Attributes:
        severity: ``WARNING``, ``ERROR`` or ``CRITICAL``; ``NOTE`` where the manager is silent and the text is ours.
        code: the manager's own number (7612, 1226, ...); 0 where the manager gives none.
        text: the manager's wording without the severity, with the code in front where it has one:
            ``(7612): Rule ID '1' is duplicated. Only the first occurrence will be considered.``
        path: the file it is about, as it was given to the loader; empty where none is meant.
        line: counted from 1; 0 where the whole file is meant.
        column: counted from 1; 0 where the whole line is meant.
        rule: the rule it is about; 0 where none is meant.
    """

    severity: str
    code: int
    text: str
    path: str = ""
    line: int = 0
    column: int = 0
    rule: int = 0

    def __post_init__(self) -> None:
        """Cut the text as the manager does."""
        if len(self.text) * 4 > MAX_TEXT:
            cut = self.text.encode("utf-8", "surrogateescape")[:MAX_TEXT].decode("utf-8", "surrogateescape")
            object.__setattr__(self, "text", cut)

    def __str__(self) -> str:
        """The line as a logtest session returns it: ``WARNING: (7612): ...``."""
        return f"{self.severity}: {self.text}"


class FatalLoadError(Exception):
    """The manager would refuse the whole ruleset.

    Attributes:
        messages: what it logs on the way out, in order: the cause first, then what gave up because of it.
    """

    def __init__(self, *messages: LoadMessage) -> None:
        """Keep the messages; at least one is needed."""
        super().__init__("; ".join(str(message) for message in messages))
        self.messages = messages

    @property
    def message(self) -> LoadMessage:
        """The cause."""
        return self.messages[0]
