"""Gates: rules that spare a manager most of the siblings under a parent that many events reach.

analysisd tries the children of a rule one after the other, the highest level first, those of one level in load order. A
hundred rules under one parent that ask the same field for different values are a hundred expressions an event.
A gate is a rule of our own in front of a dozen of them: it has their parent and level, asks the field for any of their
values, and they hang on it. With ``noalert`` a gate that matches and whose rules do not is as if it had not matched:
the search goes on behind it. So which rule an event ends at does not change; only how many are tried.

What is in one gate are neighbours in the order in which analysisd tries them, so that this order stays as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wazuh_cicd.render.conditions import Tag
from wazuh_cicd.render.model import RenderedRule
from wazuh_cicd.spec.model import FIRST_ID, LAST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_OF_BLOCK = 950  # gates have the last fifty ids of a source's thousand
_SIZE = 12
_FEWEST = 3
_LONGEST = 3000
# A number or a name of a group would mean another one inside the gate's expression.
_REFERS = re.compile(r"\\[1-9kg]|\(\?P?[<'=>]\w|\(\?[R\d+&|]|\(\*")


@dataclass(frozen=True, slots=True)
class _Key:
    """Rules with the same key are tried in the order in which they are loaded."""

    parent: str
    level: str


def with_gates(rules: Sequence[RenderedRule], block: int) -> list[RenderedRule]:
    """The rules of one file and source in load order, with gates where they pay.

    Args:
        rules: as they would be written without gates.
        block: the first id of the source's thousand on the target.

    Raises:
        ValueError: more gates than there are ids.
    """
    asked = Counter(_parent(rule) for rule in rules if _parent(rule))
    field_of = {parent: _best_field(rules, parent) for parent, count in asked.items() if count >= 2 * _SIZE}
    gate_of: dict[str, RenderedRule] = {}
    number = block + FIRST_OF_BLOCK
    for key, members in _runs(rules, field_of):
        field = field_of[key.parent]
        for start in range(0, len(members), _SIZE):
            chunk = members[start : start + _SIZE]
            text = "|".join(f"(?:{pattern})" for pattern in dict.fromkeys(_pattern(rule, field) for rule in chunk))
            if len(chunk) < _FEWEST or len(text) > _LONGEST:
                continue
            gate = RenderedRule(
                number,
                f"gate {number - block - FIRST_OF_BLOCK + 1} of {key.parent}, level {key.level}",
                (("id", str(number)), ("level", key.level), ("noalert", "1")),
                (
                    Tag("if_sid", key.parent),
                    Tag("field", text, (("name", field), ("type", "pcre2"))),
                    Tag("description", f"One of the events that rules {chunk[0].id} to {chunk[-1].id} look at"),
                ),
                (),
            )
            gate_of.update(dict.fromkeys((rule.name for rule in chunk), gate))
            number += 1
    if number > block + 1000 or any(rule.id >= block + FIRST_OF_BLOCK for rule in rules if gate_of):
        raise ValueError(f"no ids left for gates in the block of {block}")
    written: list[RenderedRule] = []
    done: set[int] = set()
    for rule in rules:
        before = gate_of.get(rule.name)
        if before is None:
            written.append(rule)
            continue
        if before.id not in done:
            done.add(before.id)
            written.append(before)
        written.append(replace(rule, tags=(Tag("if_sid", str(before.id)), *rule.tags[1:])))
    return written


def is_gate(rule_id: int) -> bool:
    """Whether a rule with its id as published is a gate, which stands in no spec."""
    return FIRST_ID <= rule_id <= LAST_ID and rule_id % 1000 >= FIRST_OF_BLOCK


def _runs(rules: Sequence[RenderedRule], field_of: dict[str, str]) -> Iterator[tuple[_Key, list[RenderedRule]]]:
    """Neighbours among the children of one parent and level that all ask the parent's field."""
    open_runs: dict[_Key, list[RenderedRule]] = {}
    for rule in rules:
        parent = _parent(rule)
        if parent not in field_of:
            continue
        key = _Key(parent, dict(rule.attributes)["level"])
        if _pattern(rule, field_of[parent]):
            open_runs.setdefault(key, []).append(rule)
        elif key in open_runs:
            yield key, open_runs.pop(key)
    yield from open_runs.items()


def _parent(rule: RenderedRule) -> str:
    """Its only parent, if it hangs on nothing else."""
    tags = [tag for tag in rule.tags if tag.name.startswith("if_")]
    return tags[0].text if len(tags) == 1 and tags[0].name == "if_sid" and tags[0].text.isdigit() else ""


def _pattern(rule: RenderedRule, field: str) -> str:
    """What it asks of the field, where that can be an alternative of a larger expression."""
    wanted = (("name", field), ("type", "pcre2"))
    found = [tag.text for tag in rule.tags if tag.name == "field" and tag.attributes == wanted]
    if len(found) != 1 or _REFERS.search(found[0]) or "(?!" in found[0]:
        return ""  # what excludes values lets most events in: no gate can keep them out
    return found[0]


def _best_field(rules: Sequence[RenderedRule], parent: str) -> str:
    """The field that most of a parent's rules ask."""
    names = Counter(
        tag.attributes[0][1]
        for rule in rules
        if _parent(rule) == parent
        for tag in rule.tags
        if tag.name == "field" and tag.attributes[-1:] == (("type", "pcre2"),) and len(tag.attributes) == 2
    )
    return min(names, key=lambda name: (-names[name], name)) if names else ""
