"""What an event became, for a person or for a program; with the way through the rule tree where that was asked for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.decode.jsontext import room_for_nesting
from wazuh_cicd.engine.judge.explain import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wazuh_cicd.engine.judge.explain import Step
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.judge.verdict import Verdict


try:
    import orjson

    _quick: Callable[[dict[str, Any]], bytes] | None = orjson.dumps
except ImportError:
    _quick = None

# Made once: ``json.dumps`` makes an encoder for every line.
_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
# What may be a number with a point or an exponent, which orjson writes in another way. All numbers of an event stand in
# arrays, the times of the alert apart.
_FRACTION = re.compile(rb"[0-9][.eE]")
_DELETE = b"\x7f"


def as_json(shown: Verdict | Explanation) -> str:
    """One line: the members of logtest's ``output``, then ``alert``, ``messages`` where there are any, ``explain``.

    ``alert`` is what the daemon writes; where logtest says otherwise, ``logtest_alert`` stands beside it.
    """
    verdict = shown.verdict if isinstance(shown, Explanation) else shown
    line: dict[str, Any] = {"rule": None, "alert": verdict.alert, **verdict.output}
    if verdict.logtest_alert is not verdict.alert:
        line["logtest_alert"] = verdict.logtest_alert
    if verdict.messages:
        line["messages"] = [str(message) for message in verdict.messages]
    if isinstance(shown, Explanation):
        line["explain"] = {
            "chain": [rule.id for rule in shown.chain],
            "siblings_before": [rule.id for rule in shown.siblings_before],
            "steps": [_step(step) for step in shown.steps],
        }
    plain = not isinstance(shown, Explanation) and not any(
        value.startswith(b"[") and _FRACTION.search(value) for _, value in verdict.event.dynamics
    )
    return encode(line, plain=plain)


def encode(line: dict[str, Any], *, plain: bool) -> str:
    """Return an object as one line of JSON in ASCII: always what the standard library writes, by orjson where it can.

    Args:
        line: the object.
        plain: it holds no number but whole ones.
    """
    if plain and _quick is not None:
        try:
            text = _quick(line)
        except TypeError:  # a lone surrogate, a number above 64 bits, arrays nested deep
            pass
        else:
            # What both write alike: neither letters beyond ASCII nor a DEL, which the standard library escapes.
            if text.isascii() and _DELETE not in text:
                return text.decode("ascii")
    # Logs may hold any bytes; as surrogates they cannot be written, as escapes they can, and are read back the same.
    try:
        return _ENCODE(line)
    except RecursionError:
        with room_for_nesting():
            return _ENCODE(line)


def _step(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {"rule": step.rule.id, "depth": step.depth, "matched": step.matched}
    if not step.matched:
        shown["failed"] = step.failed
        shown["wanted"] = step.wanted
        shown["value"] = None if step.value is None else step.value.decode("utf-8", "replace")
    return shown


def as_text(shown: Verdict | Explanation) -> str:
    """Some lines for a person, an empty one last."""
    verdict = shown.verdict if isinstance(shown, Explanation) else shown
    lines = [*_phases(verdict)]
    if isinstance(shown, Explanation):
        lines += _walk(shown)
    return "\n".join([*lines, ""])


def _phases(verdict: Verdict) -> Iterator[str]:
    output = verdict.output
    yield f"event     {_plain(output.get('full_log', ''))}"
    if header := output.get("predecoder"):
        yield "header    " + ", ".join(f"{name} {_plain(value)}" for name, value in header.items())
    yield f"decoder   {output.get('decoder', {}).get('name', 'none')}"
    for name, value in _flat(output.get("data", {})):
        yield f"  {name} = {_plain(value)}"
    for message in verdict.messages:
        yield f"message   {message}"
    rule = output.get("rule")
    if rule is None:
        yield "rule      none"
    else:
        yield f"rule      {rule['id']} level {rule.get('level', 0)}: {_plain(rule['description'])}"
        yield f"groups    {', '.join(rule['groups'])}"
        if mitre := rule.get("mitre"):
            yield f"ATT&CK    {', '.join(mitre['id'])}"
    otherwise = "" if verdict.alert is verdict.logtest_alert else " (logtest says otherwise)"
    yield f"alert     {'yes' if verdict.alert else 'no'}{otherwise}"


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _walk(explanation: Explanation) -> Iterator[str]:
    """The tree as it was walked. Failed category roots and their like say nothing and are left out."""
    chain = {rule.id for rule in explanation.chain}
    yield "why       rules in the order they were tried; * leads to the result"
    skipped = 0
    for step in explanation.steps:
        if step.depth <= 1 and not step.matched and step.rule.id not in chain:
            skipped += 1
            continue
        if skipped:
            yield f"            … {skipped} unrelated rules of the category did not match"
            skipped = 0
        mark = "*" if step.matched and step.rule.id in chain else " "
        yield f"  {mark} {'  ' * step.depth}{_rule(step.rule)}: {_because(step)}"
    if skipped:
        yield f"            … {skipped} unrelated rules of the category did not match"
    if explanation.chain:
        yield "chain     " + " > ".join(str(rule.id) for rule in explanation.chain)
        if explanation.siblings_before:
            before = ", ".join(str(rule.id) for rule in explanation.siblings_before[:20])
            more = len(explanation.siblings_before) - 20
            yield f"before it {before}" + (f" and {more} more" if more > 0 else "") + " were tried and did not match"


def _rule(rule: Rule) -> str:
    return f"{rule.id} (level {rule.level})"


def _because(step: Step) -> str:
    if step.matched:
        return "matches"
    value = "the event has none" if step.value is None else f"it is {_plain(step.value.decode('utf-8', 'replace'))!r}"
    return f"{step.failed} is not {_plain(step.wanted)!r}, {value}" if step.wanted else f"{step.failed} fails, {value}"


def _plain(value: object, width: int = 400) -> str:
    """A text that moves no cursor and fits: an event's bytes are an attacker's."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= width else text[: width - 1] + "…"
