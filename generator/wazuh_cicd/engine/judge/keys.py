"""What a composite compares: the values of an event under which it looks for earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition

    Key = tuple[bytes | str | None, ...]
    KeyReader = Callable[[Event], Key | None]


def value_of(event: Event, name: str) -> bytes | str | None:
    """Return what a composite compares under a name."""
    if name == "location":
        return event.location
    return event.statics.get("dstuser" if name == "user" else name)


def key_reader(rule: RuleDefinition) -> KeyReader | None:
    """Return what reads from an event the values that a composite asks to be equal; None when it asks for none.

    The reader returns None when the event lacks one of them.
    """
    if not rule.compares:
        return None
    names = rule.same
    fields = tuple(field.lower() for field in rule.same_fields)
    everywhere = rule.global_frequency

    def read_field(event: Event) -> Key | None:
        value = event.index().get(fields[0])
        return None if value is None else ("" if everywhere else event.agent_id, value)

    def read(event: Event) -> Key | None:
        index = event.index()
        key = (
            "" if everywhere else event.agent_id,
            *[value_of(event, name) for name in names],
            *[index.get(field) for field in fields],
        )
        return None if None in key else key

    return read_field if not names and len(fields) == 1 else read
