"""Words without which a condition on a command cannot hold: a gate in front of many such rules looks for them first.

A rule about a command reads the record's program, its arguments and the text that a shell is given, which costs a
manager some 50 microseconds for a text of one line. Most commands hold none of the words that the rules are about. A
word is a row of sets of bytes that stand one behind the other inside one argument; each form of a command has a choice
of words of which one must be there. The words are looked for in all spellings that
:mod:`wazuh_cicd.render.commands` reads: in quotes, in hexadecimal digits, and in the path of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.render.commands import ARGUMENT, HEX_ARGUMENT, NEVER, TO_ARGUMENTS, TO_PROGRAM, View, one_of
from wazuh_cicd.spec.commands import BLANKS, Bytes, Either, Group, Mark, Node, Repeated, Sequence, parse
from wazuh_cicd.spec.model import Command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wazuh_cicd.spec.model import CommandForm, RuleSpec

Word = tuple[frozenset[int], ...]
Words = frozenset[Word]

_NARROW = 4  # a place where more bytes may stand ends a word
_SHORTEST = 2
_MOST = 60  # words of one rule: more would be looked for longer than the rule looks itself
_NOTHING: Words = frozenset()
# What nearly every command of a build host holds.
_EVERYWHERE = b"/usr/bin/bash /bin/dash zsh -c -e npm node python3 git run build install test"


def words_of(rule: RuleSpec) -> Words:
    """Words of which each audit record that meets the rule's conditions holds one; empty where none is certain."""
    found = [
        words
        for condition in rule.when
        if condition.subject == "log"
        for matcher in condition.matchers
        if isinstance(matcher, Command)
        for words in [_of_command(matcher, ignore_case=condition.ignore_case)]
    ]
    return _best(found)


def holds_one(words: Words) -> str:
    """The search expression for an audit record that holds one of the words in its program's path or an argument."""
    plain, digits = (_spelt(words, view) for view in (ARGUMENT, HEX_ARGUMENT))
    quoted = rf'"[^\s"]*?{plain}'
    return rf"{TO_PROGRAM}(?:{quoted}|\S++{TO_ARGUMENTS}(?:a\d\S*+ )*?a\d[^\s=]*+=(?:{quoted}|(?:\w\w)*?{digits}))"


def _spelt(words: Words, view: View) -> str:
    texts = []
    for word in words:
        spelt = [view.byte(values) for values in word]
        if None not in spelt:
            texts.append("".join(filter(None, spelt)))
    if not texts:
        return NEVER
    first = None if view.hexadecimal else view.byte(frozenset().union(*(word[0] for word in words)))
    return (f"(?={first})" if first else "") + one_of(sorted(texts))


def _of_command(command: Command, *, ignore_case: bool) -> Words:
    together: set[Word] = set()
    for form in command.forms:
        words = _of_form(form, ignore_case=ignore_case)
        if not words:
            return _NOTHING
        together |= words
    return frozenset(together) if len(together) <= _MOST else _NOTHING


def _of_form(form: CommandForm, *, ignore_case: bool) -> Words:
    """The best choice among all that the form asks for at once."""
    if form.shell:
        return _any_of([pattern.removeprefix("^") for pattern in form.shell], ignore_case=ignore_case)
    asked = [_any_of([pattern], ignore_case=ignore_case) for pattern in (*form.words, *form.code)]
    if form.program:
        asked.append(_any_of(form.program, ignore_case=ignore_case))
    return _best(asked)


def _any_of(patterns: Iterable[str], *, ignore_case: bool) -> Words:
    return _all([_needed(parse(pattern, ignore_case=ignore_case)) for pattern in patterns])


def _all(choices: list[Words]) -> Words:
    """The words of alternatives together; empty when one of them needs none."""
    return frozenset().union(*choices) if choices and all(choices) else _NOTHING


def _best(choices: Iterable[Words]) -> Words:
    """The choice that the fewest texts hold by chance: its shortest word is the longest."""
    return max(choices, key=_worth, default=_NOTHING)


def _worth(words: Words) -> tuple[int, int]:
    return (min(map(len, words)), -len(words)) if words else (0, 0)


def _says_something(word: Word) -> bool:
    return not any(
        all(byte in values for byte, values in zip(_EVERYWHERE[place:], word, strict=False))
        for place in range(len(_EVERYWHERE) - len(word) + 1)
    )


def _needed(node: Node) -> Words:
    """Words of which whatever the expression finds holds one."""
    if isinstance(node, Either):
        return _all([_needed(choice) for choice in node.choices])
    if isinstance(node, Repeated):
        return _NOTHING if node.times[0] in "*?" or node.times.startswith("{0") else _needed(node.part)
    if isinstance(node, Group):
        return _NOTHING if node.kind == "!" else _needed(node.part)
    parts = node.parts if isinstance(node, Sequence) else (node,)
    return _best([*_rows(parts), *(_needed(part) for part in parts if not isinstance(part, (Bytes, Mark)))])


def _rows(parts: tuple[Node, ...]) -> Iterator[Words]:
    """The rows of narrow bytes in a sequence, those that are long enough."""
    row: list[frozenset[int]] = []
    for part in (*parts, None):
        if isinstance(part, Bytes) and len(part.values) <= _NARROW and not part.values & BLANKS:
            row.append(part.values)  # a blank may be the border to the next argument
        elif not (isinstance(part, Mark) and part.kind in {"left", "right"}):
            if len(row) >= _SHORTEST and _says_something(tuple(row)):
                yield frozenset({tuple(row)})
            row = []
