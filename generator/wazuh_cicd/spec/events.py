"""Tests beside a rule, unrolled: repetition, sequences, envelope and defaults, JSON text."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from wazuh_cicd.spec.audit import SETTINGS, Record, record
from wazuh_cicd.spec.model import TestEvent, TestSpec
from wazuh_cicd.spec.shapes import EVENT, EVENT_KEYS, TEST
from wazuh_cicd.spec.yamlnodes import kind, plain, scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wazuh_cicd.spec.yamlnodes import SpecReader

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhd])\Z")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(reader: SpecReader, node: yaml.Node, what: str) -> float | None:
    """A duration as ``10m``; a bare number means seconds."""
    text = str(getattr(node, "value", ""))
    if isinstance(node, yaml.ScalarNode):
        found = _DURATION.match(text)
        if found:
            return float(found[1]) * _SECONDS[found[2]]
        value = scalar(node)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return float(value)
    reader.problem(
        "S105", node, f"{what} must be a duration, not {kind(node)}", "write a number with ms, s, m, h or d: 10m"
    )
    return None


@dataclass(slots=True)
class EventFrame:
    """What a file's tests share: the keys ``event:`` of a rule file.

    Attributes:
        location: where events come from unless a test says otherwise.
        envelope: always part of a JSON event.
        defaults: part of a JSON event unless overridden or left out.
        audit: settings of audit records.
        samples: the folder that sample paths are below; None where samples are not at hand (an installed package).
    """

    location: str = "stdin"
    envelope: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, str] = field(default_factory=dict)
    samples: Path | None = None


def read_frame(reader: SpecReader, node: yaml.Node | None, samples: Path | None) -> EventFrame:
    """Read ``event:``."""
    frame = EventFrame(samples=samples)
    if node is None:
        return frame
    entries = reader.mapping(node, EVENT.what, EVENT.names)
    if "location" in entries:
        frame.location = reader.text(entries["location"], "'location'")
    for name, target in (("envelope", frame.envelope), ("defaults", frame.defaults)):
        for key, value in reader.items(entries[name], f"'{name}'") if name in entries else ():
            _put(reader, target, key, plain(value))
    if "audit" in entries:
        frame.audit.update(_settings(reader, entries["audit"], reader.items(entries["audit"], "'audit'")))
    return frame


def _settings(
    reader: SpecReader, node: yaml.Node, entries: Iterable[tuple[yaml.ScalarNode, yaml.Node]]
) -> dict[str, str]:
    """Settings of an audit record, by name."""
    settings = {}
    for key, value in entries:
        if key.value in SETTINGS:
            settings[key.value] = reader.text(value, f"'{key.value}'")
        else:
            reader.problem(
                "T405", node, f"an audit record has no '{key.value}' to set", f"it has {', '.join(SETTINGS)}"
            )
    return settings


def _put(reader: SpecReader, event: dict[str, Any], key: yaml.ScalarNode, value: object) -> None:
    """Set a dotted key; nested mappings merge."""
    if isinstance(value, dict) and not value:
        _set(reader, event, key, key.value, {})
        return
    for path, leaf in _leaves(key.value, value):
        _set(reader, event, key, path, leaf)


def _leaves(path: str, value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def _set(reader: SpecReader, event: dict[str, Any], key: yaml.Node, path: str, value: object) -> None:
    *parents, last = path.split(".")
    here = event
    for depth, name in enumerate(parents):
        inner = here.setdefault(name, {})
        if not isinstance(inner, dict):
            taken = ".".join(parents[: depth + 1])
            reader.problem("T402", key, f"'{path}' lies inside '{taken}', which is a value", "set one of the two")
            return
        here = inner
    here[last] = value


def _drop(event: dict[str, Any], path: str) -> bool:
    *parents, last = path.split(".")
    trail = [event]
    for name in parents:
        inner = trail[-1].get(name)
        if not isinstance(inner, dict):
            return False
        trail.append(inner)
    if last not in trail[-1]:
        return False
    del trail[-1][last]
    for owner, name in zip(reversed(trail[:-1]), reversed(parents), strict=True):
        if owner[name] == {}:
            del owner[name]
    return True


def read_tests(reader: SpecReader, node: yaml.Node, frame: EventFrame) -> tuple[TestSpec, ...]:
    """Read ``tests:``."""
    tests = []
    for element in reader.elements(node, "'tests'"):
        test = _read_test(reader, element, frame)
        if test is not None:
            tests.append(test)
    return tuple(tests)


def _read_test(reader: SpecReader, node: yaml.Node, frame: EventFrame) -> TestSpec | None:
    entries = reader.mapping(node, TEST.what, TEST.names)
    expectations = [name for name in ("fires", "silent") if name in entries]
    if not entries:
        return None
    if len(expectations) != 1:
        reader.problem(
            "T401", node, "a test says 'fires' or 'silent', one of them", "write '- fires: {…}' or '- silent: {…}'"
        )
        return None
    expect = expectations[0]
    without = reader.texts(entries["without"], "'without'") if "without" in entries else ()
    location = reader.text(entries["location"], "'location'") if "location" in entries else frame.location
    repeat = reader.integer(entries["repeat"], "'repeat'", 1, 10000) if "repeat" in entries else 1
    every = seconds(reader, entries["every"], "'every'") if "every" in entries else 0.0
    body = entries[expect]
    events: list[TestEvent] = []
    used: set[str] = set()
    for part in body.value if isinstance(body, yaml.SequenceNode) else [body]:
        events.extend(_events(reader, part, frame, location, frozenset(without), used))
    if not events:  # reported, or a sample that an installed package does not carry
        return None
    if repeat and repeat > 1:
        if len(events) > 1:
            reader.problem(
                "T403", entries["repeat"], "'repeat' of a whole sequence", "put 'repeat' into one of its events"
            )
        else:
            events = _repeated(events[0], repeat, every or 0.0)
    for path in without:
        if path not in used:
            reader.problem(
                "T404", entries["without"], f"'{path}' is not among the defaults", "remove it from 'without'"
            )
    return TestSpec(
        expect=expect,
        events=tuple(events),
        instead=reader.text(entries["instead"], "'instead'") if "instead" in entries else None,
        note=reader.text(entries["note"], "'note'") if "note" in entries else "",
        path=reader.path,
        line=reader.place(node).line,
    )


def _events(  # noqa: PLR0917 - what every event of a test shares
    reader: SpecReader, node: yaml.Node, frame: EventFrame, location: str, without: frozenset[str], used: set[str]
) -> list[TestEvent]:
    if isinstance(node, yaml.ScalarNode):
        used.update(without)
        return _sample(reader, node, frame, location)
    if not isinstance(node, yaml.MappingNode):
        reader.problem("S103", node, f"an event must be a mapping or a sample's path, not {kind(node)}", "write {…}")
        return []
    meta = {key.value: value for key, value in node.value if key.value in EVENT_KEYS}
    own = [(key, value) for key, value in node.value if key.value not in EVENT_KEYS]
    if "location" in meta:
        location = reader.text(meta["location"], "'location'")
    after = seconds(reader, meta["after"], "'after'") if "after" in meta else 0.0
    if "without" in meta:
        without |= frozenset(reader.texts(meta["without"], "'without'"))
    kinds = [name for name in ("log", "decoded", "json", "runs", "opens") if name in meta]
    if len(kinds) > 1 or (kinds in (["log"], ["json"]) and own):
        reader.problem(
            "T405", node, "an event is one of: a text ('log'), pre-decoded, or JSON", "split it into two tests"
        )
        return []
    log: bytes | None = None
    decoded: tuple[str, Mapping[str, str]] | None = None
    if "log" in meta:
        used.update(without)
        log = reader.text(meta["log"], "'log'").encode("utf-8", "surrogateescape")
    elif kinds and kinds[0] in {"runs", "opens"}:
        used.update(without)
        log = _record(reader, node, meta, own, frame)
    elif "decoded" in meta:
        used.update(without)
        fields = {key.value: _field_text(plain(value)) for key, value in own}
        decoded = (reader.text(meta["decoded"], "'decoded'"), fields)
    else:
        log = _json(reader, node, meta, own, frame, without, used)
    event = TestEvent(log, location, after or 0.0, decoded)
    repeat = reader.integer(meta["repeat"], "'repeat'", 1, 10000) if "repeat" in meta else 1
    every = seconds(reader, meta["every"], "'every'") if "every" in meta else 0.0
    return _repeated(event, repeat, every or 0.0) if repeat and repeat > 1 else [event]


def _record(
    reader: SpecReader,
    node: yaml.Node,
    meta: Mapping[str, yaml.Node],
    own: list[tuple[yaml.ScalarNode, yaml.Node]],
    frame: EventFrame,
) -> bytes:
    """The audit record of a program that was started, or of a file that was opened."""
    args = tuple(reader.texts(meta["runs"], "'runs'")) if "runs" in meta else ()
    path = reader.text(meta["opens"], "'opens'") if "opens" in meta else ""
    settings = {**frame.audit, **_settings(reader, node, own)}
    return record(Record(args=args, path=path, **settings)).encode("utf-8", "surrogateescape")


def _json(  # noqa: PLR0917 - as above
    reader: SpecReader,
    node: yaml.Node,
    meta: Mapping[str, yaml.Node],
    own: list[tuple[yaml.ScalarNode, yaml.Node]],
    frame: EventFrame,
    without: frozenset[str],
    used: set[str],
) -> bytes:
    if "json" in meta:
        used.update(without)
        value = plain(meta["json"])
        if not isinstance(value, dict):
            reader.problem("T405", meta["json"], "'json' must be a mapping", "write json: {key: value}")
        return _dump(value)
    event = copy.deepcopy(frame.envelope)
    for path, value in (leaf for name, inner in frame.defaults.items() for leaf in _leaves(name, inner)):
        if path not in without:
            _set(reader, event, node, path, value)
    given = {path for key, value in own for path, _ in _leaves(key.value, plain(value))}
    for path in without:
        if _known(frame.defaults, path):
            used.add(path)
        _drop(event, path)
    for path in given:  # a value of the test takes the place of a whole default below or above it
        _make_room(event, path)
    for key, value in own:
        _put(reader, event, key, plain(value))
    return _dump(event)


def _known(event: Mapping[str, Any], path: str) -> bool:
    here: Any = event
    for name in path.split("."):
        if not isinstance(here, dict) or name not in here:
            return False
        here = here[name]
    return True


def _make_room(event: dict[str, Any], path: str) -> None:
    here: Any = event
    names = path.split(".")
    for depth, name in enumerate(names):
        if not isinstance(here, dict) or name not in here:
            return
        if depth < len(names) - 1 and not isinstance(here[name], dict):
            del here[name]
            return
        here = here[name]


def _dump(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def _field_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _repeated(event: TestEvent, times: int, every: float) -> list[TestEvent]:
    events = []
    for n in range(1, times + 1):
        number = str(n)
        log = event.log.replace(b"$n", number.encode()) if event.log is not None else None
        decoded = event.decoded and (
            event.decoded[0],
            {key: value.replace("$n", number) for key, value in event.decoded[1].items()},
        )
        events.append(TestEvent(log, event.location, event.after if n == 1 else every, decoded))
    return events


@lru_cache(maxsize=512)
def _sample_lines(path: Path) -> tuple[bytes, ...]:
    return tuple(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n") if line.strip())


def _sample(reader: SpecReader, node: yaml.ScalarNode, frame: EventFrame, location: str) -> list[TestEvent]:
    name = reader.text(node, "a sample's path")
    if not name:
        return []
    if frame.samples is None:
        return []
    path = frame.samples / name
    if frame.samples not in path.parents or ".." in path.parts or not path.is_file():
        reader.problem(
            "T406", node, f"no sample '{name}' below {frame.samples.name}/", "write a path as samples/github/x.json"
        )
        return []
    lines = _sample_lines(path)
    if not lines:
        reader.problem("T406", node, f"sample '{name}' holds no event", "put one event on each line")
    return [TestEvent(line, location, 0.0) for line in lines]
