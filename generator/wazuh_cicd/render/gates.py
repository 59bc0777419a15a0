"""Gates: rules that spare a manager most of the siblings under a parent that many events reach.

analysisd tries the children of a rule one after the other, the highest level first, those of one level in load order. A
hundred rules under one parent that ask the same field for different values are a hundred expressions an event.
A gate is a rule of our own in front of a dozen of them: it has their parent and level, asks the field for any of their
values, and they hang on it. With ``noalert`` a gate that matches and whose rules do not is as if it had not matched:
the search goes on behind it. So which rule an event ends at does not change; only how many are tried.

Inside a rule analysisd searches the whole log before it looks at a URL or a field, in whatever order they are written.
Below a rule of Wazuh's own, a rule that searches the log therefore gets a gate even if it stands alone: events of
others fail at the short field.

Rules of ours about commands search the whole record, each of them. The gate in front of them looks for the words
without which none of them can match (:mod:`wazuh_cicd.render.words`).

What is in one gate are neighbours in the order in which analysisd tries them, so that this order stays as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wazuh_cicd.render.conditions import Tag
from wazuh_cicd.render.expressions import alternatives
from wazuh_cicd.render.model import RenderedRule
from wazuh_cicd.render.words import holds_one
from wazuh_cicd.spec.model import FIRST_ID, LAST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FIRST_OF_BLOCK = 950  # gates have the last fifty ids of a source's thousand
_LAST_OF_BLOCK = 999
_GATE = "gate "  # how their names begin
_ROOT_GATES = 5  # the last of them, counted downwards, are for roots
_SIZE = 12
_FEWEST = 3
_LONGEST = {"field": 3000, "url": 1900, "regex": 1900}  # of a gate's expression, in characters
_OWN_RULES = 100_000  # Wazuh's own rules have smaller ids
# A number or a name of a group would mean another one inside the gate's expression.
_REFERS = re.compile(r"\\[1-9kg]|\(\?P?[<'=>]\w|\(\?[R\d+&|]|\(\*")


@dataclass(frozen=True, slots=True)
class _Key:
    """Rules with the same key are tried in the order in which they are loaded. ``parents`` as in ``if_sid``."""

    parents: str
    level: str


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a gate asks: the tag and its attributes."""

    tag: str
    attributes: tuple[tuple[str, str], ...]


def with_gates(rules: Sequence[RenderedRule], block: int) -> list[RenderedRule]:
    """The rules of one file and source in load order, with gates where they pay.

    Args:
        rules: as they would be written without gates.
        block: the first id of the source's thousand on the target.

    Raises:
        ValueError: more gates than there are ids.
    """
    rules, number = _with_word_gates(rules, block + FIRST_OF_BLOCK)
    asked = Counter(_parents(rule) for rule in rules if _parents(rule))
    searched = {_parents(rule) for rule in rules if _searches_the_log(rule) and _is_stock(_parents(rule))}
    busy = {parents for parents, count in asked.items() if count >= 2 * _SIZE}
    subjects = {parents: _best_subject(rules, parents) for parents in asked if parents in busy | searched}
    subject_of = {parents: subject for parents, subject in subjects.items() if subject is not None}
    gate_of: dict[str, RenderedRule] = {}

    def looked_at(rule: RenderedRule) -> bool:
        subject = subject_of.get(_parents(rule))
        return subject is not None and bool(_pattern(rule, subject))

    for key, members in _runs(rules, looked_at):
        subject = subject_of[key.parents]
        for start in range(0, len(members), _SIZE):
            chunk = members[start : start + _SIZE]
            pays = (key.parents in busy and len(chunk) >= _FEWEST) or (
                key.parents in searched and any(_searches_the_log(rule) for rule in chunk)
            )
            text = _one_of([_pattern(rule, subject) for rule in chunk])
            if not pays or len(text) > _LONGEST[subject.tag]:
                continue
            gate = _gate(
                number,
                f"{_GATE}{number - block - FIRST_OF_BLOCK + 1} of {key.parents}, level {key.level}",
                key.level,
                (Tag("if_sid", key.parents), Tag(subject.tag, text, subject.attributes)),
                f"rules {chunk[0].id} to {chunk[-1].id} look at",
            )
            gate_of.update(dict.fromkeys((rule.name for rule in chunk), gate))
            number += 1
    if number > block + _LAST_OF_BLOCK - _ROOT_GATES + 1 or any(
        rule.id >= block + FIRST_OF_BLOCK and not rule.name.startswith(_GATE) for rule in rules if gate_of
    ):
        raise ValueError(f"no ids left for gates in the block of {block}")
    return _in_front(rules, gate_of)


def _with_word_gates(rules: Sequence[RenderedRule], number: int) -> tuple[Sequence[RenderedRule], int]:
    """The rules with gates that look for words, the first of them with the id ``number``; and the next free id."""
    gate_of: dict[str, RenderedRule] = {}

    def about_words(rule: RenderedRule) -> bool:
        return bool(rule.words and _parents(rule)) and not _is_stock(_parents(rule))

    for key, members in _runs(rules, about_words):
        for chunk, text in _by_words(members):
            name = f"{_GATE}{number} of {key.parents}, level {key.level}, by words"
            asks = (Tag("if_sid", key.parents), Tag("regex", text, (("type", "pcre2"),)))
            gate = _gate(number, name, key.level, asks, f"rules {chunk[0].id} to {chunk[-1].id} look at")
            gate_of.update(dict.fromkeys((rule.name for rule in chunk), gate))
            number += 1
    return _in_front(rules, gate_of), number


def _by_words(members: Sequence[RenderedRule]) -> Iterator[tuple[list[RenderedRule], str]]:
    """Neighbours whose words fit into one expression, and this."""
    chunk: list[RenderedRule] = []
    text = ""
    for rule in members:
        longer = holds_one(frozenset().union(*(one.words for one in (*chunk, rule))))
        if chunk and len(longer) > _LONGEST["regex"]:
            yield chunk, text
            chunk, longer = [], holds_one(rule.words)
        chunk.append(rule)
        text = longer
    if chunk:
        yield chunk, text


def _in_front(rules: Sequence[RenderedRule], gate_of: dict[str, RenderedRule]) -> list[RenderedRule]:
    """The rules with each gate in front of the first of its rules, which hang on it."""
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


def with_root_gates(rules: Sequence[RenderedRule], block: int) -> list[RenderedRule]:
    """Roots in load order, each that searches the location with an expression behind a gate that asks for a text in it.

    Every event of a manager meets the roots. OS_Match needs a tenth of PCRE2, and takes more: it ignores case.

    Args:
        rules: as they would be written without gates.
        block: the first id of the source's thousand on the target.

    Raises:
        ValueError: more gates than there are ids.
    """
    written: list[RenderedRule] = []
    number = block + _LAST_OF_BLOCK
    for rule in rules:
        expression = next(
            (t.text for t in rule.tags if t.name == "location" and t.attributes == (("type", "pcre2"),)), ""
        )
        text = _certain_text(expression)
        if rule.tags[0].name.startswith("if_") or len(text) < _FEWEST:
            written.append(rule)
            continue
        level = dict(rule.attributes)["level"]
        asks = (Tag("location", text),)
        gate = _gate(number, f"gate before {rule.name}", level, asks, f"rule {rule.id} looks at")
        written += [gate, replace(rule, tags=(Tag("if_sid", str(number)), *rule.tags))]
        number -= 1
    if number < block + _LAST_OF_BLOCK - _ROOT_GATES:
        raise ValueError(f"no ids left for gates of roots in the block of {block}")
    return written


def _gate(number: int, name: str, level: str, asks: tuple[Tag, ...], whose: str) -> RenderedRule:
    """A rule that lets everything go on that no rule behind it takes."""
    attributes = (("id", str(number)), ("level", level), ("noalert", "1"))
    return RenderedRule(number, name, attributes, (*asks, Tag("description", f"One of the events that {whose}")), ())


def _certain_text(expression: str) -> str:
    r"""The longest text that stands in whatever the expression finds; only for plain ones such as ``/a/.+/b/\d+$``."""
    parts = re.split(r"\.\+|\.\*|\\d\+|[$^]", expression)
    return max(parts, key=len) if all(re.fullmatch(r"[\w/]*", part) for part in parts) else ""


def is_gate(rule_id: int) -> bool:
    """Whether a rule with its id as published is a gate, which stands in no spec."""
    return FIRST_ID <= rule_id <= LAST_ID and rule_id % 1000 >= FIRST_OF_BLOCK


def _runs(
    rules: Sequence[RenderedRule], joins_one: Callable[[RenderedRule], bool]
) -> Iterator[tuple[_Key, list[RenderedRule]]]:
    """Neighbours among the children of the same parents and level that can all stand behind a gate."""
    open_runs: dict[_Key, list[RenderedRule]] = {}
    for rule in rules:
        parents, level = _parents(rule), dict(rule.attributes)["level"]
        key = _Key(parents, level)
        joins = joins_one(rule)
        # Who shares a parent and the level and does not join must not be overtaken.
        for other in [k for k in open_runs if k.level == level and (k != key or not joins) and _share(k.parents, rule)]:
            yield other, open_runs.pop(other)
        if joins:
            open_runs.setdefault(key, []).append(rule)
    yield from open_runs.items()


def _parents(rule: RenderedRule) -> str:
    """Its parents as in ``if_sid``, if it hangs on nothing else."""
    tags = [tag for tag in rule.tags if tag.name.startswith("if_")]
    return tags[0].text if len(tags) == 1 and tags[0].name == "if_sid" else ""


def _share(parents: str, rule: RenderedRule) -> bool:
    """Whether the rule hangs on one of the parents, alone or with others."""
    numbers = {
        number for tag in rule.tags if tag.name in ("if_sid", "if_matched_sid") for number in tag.text.split(", ")
    }
    return not numbers.isdisjoint(parents.split(", "))


def _is_stock(parents: str) -> bool:
    """Whether there are parents, one of them of Wazuh's own."""
    return any(int(number) < _OWN_RULES for number in parents.split(", ") if number)


def _searches_the_log(rule: RenderedRule) -> bool:
    return any(tag.name in ("match", "regex") for tag in rule.tags)


def _subjects(rule: RenderedRule) -> Iterator[tuple[_Subject, str]]:
    """What a rule asks that a gate could ask for it, and with which expression."""
    for tag in rule.tags:
        if (tag.name == "field" and tag.attributes[1:] == (("type", "pcre2"),)) or (
            tag.name == "url" and tag.attributes == (("type", "pcre2"),)
        ):
            yield _Subject(tag.name, tag.attributes), tag.text


def _pattern(rule: RenderedRule, subject: _Subject | None) -> str:
    """What it asks of the subject, where that can be an alternative of a larger expression."""
    found = [text for asked, text in _subjects(rule) if asked == subject]
    if len(found) != 1 or _REFERS.search(found[0]) or "(?!" in found[0]:
        return ""  # what excludes values lets most events in: no gate can keep them out
    return found[0]


def _one_of(patterns: Sequence[str]) -> str:
    """Any of the expressions. One that may be found anywhere would make PCRE2 look for all of them everywhere."""
    texts = list(dict.fromkeys(patterns))
    if any(_at_start(text) for text in texts):
        texts = [text if _at_start(text) else rf"\A(?s:.*?)(?:{text})" for text in texts]
    return "|".join(f"(?:{text})" for text in texts)


def _at_start(text: str) -> bool:
    """Whether it says itself that it is found at the start only."""
    return all(part.startswith(("^", r"\A")) for part in alternatives(text))


def _best_subject(rules: Sequence[RenderedRule], parents: str) -> _Subject | None:
    """The subject that most of the parents' rules ask; of several the one whose name comes first."""
    count = Counter(subject for rule in rules if _parents(rule) == parents for subject, _ in _subjects(rule))
    return min(count, key=lambda subject: (-count[subject], subject.tag, subject.attributes)) if count else None
