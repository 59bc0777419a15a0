"""The alert as logtest prints it: key order, nesting of fields, groups and compliance, description."""

from __future__ import annotations

import json
import re
import time as clock
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wazuh_cicd.engine.decode.event import LOCAL_AGENT
from wazuh_cicd.engine.decode.jsontext import (
    NESTING_LIMIT,
    depth_of,
    parse_whole,
    print_formatted,
    room_for_nesting,
)
from wazuh_cicd.engine.decode.predecode import shown_hostname
from wazuh_cicd.engine.judge.mitre import describe
from wazuh_cicd.engine.load.decoderdefinition import STATIC_FIELDS
from wazuh_cicd.engine.load.ruletags import COMPLIANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.messages import LoadMessage

# A group string is cut to this many bytes before it is split.
MAX_GROUPS = 1023
# What logtest reads may be nested so deep.
MAX_DEPTH = NESTING_LIMIT
_BRACKET = ord("[")
# Bytes. Longer names are taken apart each time.
_LONGEST_NAME = 200
# More brackets than this may nest deeper than Python likes.
_FAST_BRACKETS = 400
# A description is expanded only if the result stays below this many bytes.
MAX_DESCRIPTION = 1024

_VARIABLE = re.compile(rb"\$\(([^)]*)\)")
_DESCRIPTION_STATICS = frozenset(STATIC_FIELDS)


def text(data: bytes) -> str:
    """Decode for people and JSON; every byte that is not UTF-8 survives as a lone surrogate."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def expand(template: bytes, event: Event) -> bytes:
    """Put the event's fields into a description: ``$(srcip)``, ``$(github.actor)``. A missing field is empty."""
    if b"$(" not in template:
        return template

    def value(found: re.Match[bytes]) -> bytes:
        name = found.group(1)
        static = name.decode("latin-1")
        if static in _DESCRIPTION_STATICS:
            return event.statics.get(static, b"")
        if static == "program_name":
            return event.program_name or b""
        if static == "hostname":
            return event.hostname
        return event.field(name.lower()) or b""

    expanded = _VARIABLE.sub(value, template[:MAX_DESCRIPTION])
    return expanded if len(expanded) < MAX_DESCRIPTION else template


def split_groups(group: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return ``groups`` and the compliance arrays in the order in which an alert prints them."""
    arrays: dict[str, list[str]] = {"groups": []}
    for part in text(group[:MAX_GROUPS]).split(","):
        if not part:
            continue
        for prefix in COMPLIANCE:
            if part.startswith(f"{prefix}_"):
                arrays.setdefault(prefix, []).append(part[len(prefix) + 1 :])
                break
        else:
            arrays["groups"].append(part)
    return tuple((name, tuple(values)) for name, values in arrays.items())


def printed(value: bytes) -> Any:  # noqa: ANN401  (JSON)
    """Return a field's value as the alert prints it: text, or an array when it is the text of one."""
    if value.startswith(b"[") and value.endswith(b"]"):
        try:
            shown = text(print_formatted(parse_whole(value)))
        except ValueError:
            return text(value)
        if shown.count("[") + shown.count("{") < _FAST_BRACKETS:
            return json.loads(shown)
        with room_for_nesting():
            return json.loads(shown)
    return text(value)


class _Path(NamedTuple):
    """A name with dots, taken apart.

    Attributes:
        above: the objects around the member, outermost first: (path in lower case, name).
        whole: the path of the member in lower case.
        last: the name of the member.
    """

    above: tuple[tuple[str, str], ...]
    whole: str
    last: str


@lru_cache(maxsize=8192)
def _path_of(name: bytes) -> _Path:
    *steps, last = text(name).split(".")
    lowered = [step.lower() for step in (*steps, last)]
    above = tuple((".".join(lowered[: depth + 1]), step) for depth, step in enumerate(steps))
    return _Path(above, ".".join(lowered), last)


def nest(fields: Iterable[tuple[bytes, bytes]], data: dict[str, Any]) -> None:
    """Put dynamic fields into ``data``: dots make objects; names compare without case on each level, first wins."""
    taken = {key.lower() for key in data}
    objects: dict[str, dict[str, Any]] = {}
    for name, value in fields:
        if not value:
            continue
        above, whole, last = _path_of(name) if len(name) <= _LONGEST_NAME else _path_of.__wrapped__(name)
        if whole in taken:
            continue
        place = data
        if above:
            found = objects.get(above[-1][0]) or _object_at(above, data, objects, taken)
            if found is None:
                continue
            place = found
        taken.add(whole)
        place[last] = printed(value) if value[0] == _BRACKET else text(value)


def _object_at(
    above: tuple[tuple[str, str], ...], data: dict[str, Any], objects: dict[str, dict[str, Any]], taken: set[str]
) -> dict[str, Any] | None:
    """Return the object of a path, made where it is missing; None when a member of the name is no object."""
    place = data
    for path, step in above:
        inner = objects.get(path)
        if inner is None:
            if path in taken:
                return None
            inner = place[step] = objects[path] = {}
            taken.add(path)
        place = inner
    return place


def too_deep(event: Event) -> bool:
    """Whether the alert is nested too deep for logtest to read it back, which then gives no output."""
    room = MAX_DEPTH - 2  # the alert and its ``data`` are two levels
    for name, value in event.dynamics:
        dots = name.count(b".")
        if dots > room:
            return True
        if value.startswith(b"[") and value.count(b"[") + value.count(b"{") + dots > room:
            try:
                if dots + depth_of(parse_whole(value)) > room:
                    return True
            except ValueError:
                continue
    return False


def data_of(event: Event) -> dict[str, Any]:
    """Return the alert's ``data``: static fields in fixed order, then dynamic ones in the order of extraction."""
    data: dict[str, Any] = {name: text(event.statics[name]) for name in STATIC_FIELDS if name in event.statics}
    nest(event.dynamics, data)
    return data


def predecoder_of(event: Event) -> dict[str, str]:
    """Return the alert's ``predecoder``."""
    shown: dict[str, str] = {}
    if event.program_name is not None:
        shown["program_name"] = text(event.program_name)
    if event.timestamp is not None:
        shown["timestamp"] = text(event.timestamp)
    if (host := shown_hostname(event.full_log)) is not None:
        shown["hostname"] = text(host)
    return shown


def decoder_of(event: Event) -> dict[str, Any]:
    """Return the alert's ``decoder``; empty when none took the event."""
    info = event.decoder_info
    if info is None:
        return {}
    shown: dict[str, Any] = {}
    if info.accumulate:
        shown["accumulate"] = 1
    if info.parent is not None:
        shown["parent"] = info.parent
    shown["name"] = info.name
    if info.fts_comment is not None:
        shown["ftscomment"] = info.fts_comment
    return shown


def rule_of(rule: Rule, event: Event, firedtimes: int) -> tuple[dict[str, Any], list[LoadMessage]]:
    """Return the alert's ``rule``, and what the manager says about MITRE ids that it does not know."""
    definition = rule.definition
    shown: dict[str, Any] = {}
    messages: list[LoadMessage] = []
    if definition.level:
        shown["level"] = definition.level
    shown["description"] = text(expand(definition.description or b"", event))
    if definition.id:
        shown["id"] = str(definition.id)
    if definition.mitre_ids or definition.mitre_pairs:
        mitre, messages = describe(definition.mitre_ids, definition.mitre_pairs)
        if mitre is not None:
            shown["mitre"] = mitre
    if definition.cve is not None:
        shown["cve"] = text(definition.cve)
    if definition.info is not None:
        shown["info"] = text(definition.info)
    if rule.search is not None:  # also of a composite that was overwritten by a plain rule
        shown["frequency"] = definition.frequency or 2
    if definition.options.counter:
        shown["firedtimes"] = firedtimes
    shown["mail"] = definition.options.mail
    if rule.groups is None:
        rule.groups = split_groups(definition.group)
    for name, values in rule.groups:
        shown[name] = list(values)
    if not definition.level:
        shown["level"] = 0
    return shown, messages


@lru_cache(maxsize=64)
def _second(seconds: int) -> tuple[str, str]:
    local = clock.localtime(seconds)
    return clock.strftime("%Y-%m-%dT%H:%M:%S", local), clock.strftime("%z", local)


def timestamp(seconds: float) -> str:
    """Format a time as an alert does, in the local zone: ``2026-11-23T07:22:53.510+0000``."""
    second, zone = _second(int(seconds))
    return f"{second}.{int(seconds * 1000) % 1000:03d}{zone}"


def alert_of(
    event: Event,
    rule: dict[str, Any] | None,
    *,
    full_log: bool,
    previous: Sequence[bytes],
    previous_log: bytes | None,
    manager: str,
) -> dict[str, Any]:
    """Return the whole ``output`` of logtest for one event."""
    alert: dict[str, Any] = {"timestamp": timestamp(event.time)}
    if rule is not None:
        alert["rule"] = rule
    agent = {"id": event.agent_id}
    if event.agent_name is not None:
        agent["name"] = text(event.agent_name)
    elif event.agent_id == LOCAL_AGENT:
        agent["name"] = manager
    if event.agent_ip not in {None, b"any"}:
        agent["ip"] = text(event.agent_ip or b"")
    alert["agent"] = agent
    alert["manager"] = {"name": manager}
    alert["id"] = f"{int(event.time)}.0"
    if rule is not None and len(previous) > 1 and previous[1]:
        alert["previous_output"] = text(b"\n".join(previous))
    if full_log:
        alert["full_log"] = text(event.full_log)
    if predecoder := predecoder_of(event):
        alert["predecoder"] = predecoder
    alert["decoder"] = decoder_of(event)
    if previous_log is not None:
        alert["previous_log"] = text(previous_log)
    if data := data_of(event):
        alert["data"] = data
    if event.origin is not None:
        alert["location"] = event.origin
    return alert
