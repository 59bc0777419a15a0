"""The same events through two engines: what differs, one example of each kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wazuh_cicd.proof.engines import Engine, Verdict
    from wazuh_cicd.proof.events import InputEvent

#: Members of an output that no two runs share.
VOLATILE = frozenset({"timestamp", "id", "manager", "agent"})

_MISSING = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: the event's number (from 1) and log, the key that differs, both values."""

    number: int
    log: str
    kind: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found: events seen, events that differ, the first difference of each kind."""

    events: int
    differing: int
    first_of_each_kind: tuple[Difference, ...]


def compare(left: Engine, right: Engine, events: Iterable[InputEvent], *, fresh: bool = False) -> Comparison:
    """Judge every event with both engines.

    Args:
        left: the first engine.
        right: the second engine.
        events: in order; their time is heeded by engines that can.
        fresh: a new session for each event, instead of one for all.
    """
    kinds: dict[str, Difference] = {}
    seen = differing = 0
    sessions = (left.open_session(), right.open_session())
    for event in events:
        if fresh and seen:
            sessions = (left.open_session(), right.open_session())
        seen += 1
        one, other = (session.process(event.log, event.location, time=event.time) for session in sessions)
        found = list(differences(comparable(one), comparable(other)))
        differing += bool(found)
        for key, ours, theirs in found:
            if key not in kinds:
                kinds[key] = Difference(seen, event.log.decode("utf-8", "replace"), key, ours, theirs)
    return Comparison(seen, differing, tuple(kinds.values()))


def comparable(verdict: Verdict) -> dict[str, Any]:
    """A verdict without what no two runs share."""
    output = {key: value for key, value in verdict.output.items() if key not in VOLATILE}
    return {"alert": verdict.logtest_alert, **output}


def differences(left: Any, right: Any, key: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 (JSON)
    """The leaves that differ, as (dotted key, left, right); the values as JSON texts, cut to a readable length."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in [*left, *(name for name in right if name not in left)]:
            inner = f"{key}.{name}" if key else name
            if name not in left:
                yield inner, _MISSING, _shown(right[name])
            elif name not in right:
                yield inner, _shown(left[name]), _MISSING
            else:
                yield from differences(left[name], right[name], inner)
    elif left != right:
        yield key, _shown(left), _shown(right)


def _shown(value: object, width: int = 300) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"
