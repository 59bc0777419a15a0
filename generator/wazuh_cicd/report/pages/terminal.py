"""The page of a rule, for a terminal."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from wazuh_cicd.report import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_cicd.report.pages.page import Example, Ref, RulePage
    from wazuh_cicd.spec.model import Step

_FILE_WIDTH = 120  # of output that is no terminal
_WIDEST = 120  # lines that are longer are hard to read
_COLOURS = ((13, "bold red"), (10, "red"), (7, "yellow"), (0, "default"))
_FEW = 2  # examples of each kind; the site has all of them


def as_text(page: RulePage, *, address: str = "", width: int | None = None, colour: bool | None = None) -> str:
    """The whole page.

    Args:
        page: what it says.
        address: where it is on the site; may be empty.
        width: of the terminal; None: this one's.
        colour: whether to use it; None: where the output is a terminal that wants it.
    """
    coloured = tables.wants_colour() if colour is None else colour
    if width is None:
        width = min(shutil.get_terminal_size((_FILE_WIDTH, 40)).columns, _WIDEST)
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        color_system="standard" if coloured else None,
        force_terminal=coloured,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in _parts(page, address):
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _parts(page: RulePage, address: str) -> Iterator[Text | Padding]:
    rule = page.rule
    style = next(colour for least, colour in _COLOURS if rule.level >= least)
    yield Text(tables.printable(page.title), style="bold")
    yield Text(f"{page.id}  {rule.name}  level {rule.level}  {rule.source}  {rule.status}", style=style)
    yield Text(page.meaning)
    if page.looks_like:
        yield Text(f"for example: {tables.printable(page.looks_like)}")
    if address:
        yield Text(address)
    for head, lines in _sections(page):
        kept = list(lines)
        if kept:
            yield Text("")
            yield Text(head, style="bold")
            for line in kept:
                yield Padding(
                    Text(tables.printable(line.lstrip(" "))), (0, 0, 0, 2 + len(line) - len(line.lstrip(" ")))
                )


def _sections(page: RulePage) -> Iterator[tuple[str, Iterable[str]]]:
    rule = page.rule
    yield "Why it matters", [rule.why] if rule.why else []
    yield "What to check", _steps(page.triage)
    yield "How to contain it", _steps(page.contain)
    yield "Response", [page.response, *page.response_safety] if rule.level else []
    yield "What the alert holds", _evidence(page)
    yield "Known benign causes", [f"- {text}" for text in rule.false_positives]
    yield "What fires it", _fires(page)
    yield "How to tune it without editing", _tuning(page)
    yield "ATT&CK 13.1", [f"{one.id} {one.name} ({one.group})" for one in page.techniques]
    yield "Controls", _controls(page)
    yield "What must be switched on", [": ".join(filter(None, [one.id, one.name])) for one in page.needs]
    yield "Related rules", [_ref(one) for one in page.related]
    yield "References", rule.reading
    yield "Examples", _examples(page.examples)
    yield "Written in", [f"{rule.path}:{rule.line}"]


def _fires(page: RulePage) -> Iterator[str]:
    for one in page.hangs_on:
        yield f"an event at {_ref(one)}"
    if page.counts:
        yield page.counts
    for clause in page.when:
        yield f"- {clause}"
    for clause in page.unless:
        yield f"- not: {clause}"


def _evidence(page: RulePage) -> Iterator[str]:
    if page.evidence:
        yield page.evidence
    if page.evidence_query:
        yield f"search: {page.evidence_query}"


def _ref(one: Ref) -> str:
    text = f"{one.id} {one.name} (level {one.level}): {one.title}" if one.name else f"{one.id}, a {one.title}"
    return f"{text}; {one.how}" if one.how else text


def _steps(steps: Sequence[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"{number}. {step.text}"
        if step.query:
            yield f"   search: {step.query}"
        if step.command:
            yield f"   run: {step.command}"


def _tuning(page: RulePage) -> Iterator[str]:
    for one in page.tuning:
        key, value = next(iter(one.list.example.items()), ("", ""))
        kind = "keeps it quiet" if one.quiets else "is what it looks for"
        about = one.list.title.rstrip(".")
        yield f"- etc/lists/cicd/{one.list.name}: {about}. An entry {kind}, as {key}:{value} ({one.subject})"
    if page.child_rule:
        yield "- a rule of your own in etc/rules/local_rules.xml:"
        for line in page.child_rule.splitlines():
            yield f"    {line}"


def _controls(page: RulePage) -> Iterator[str]:
    frameworks = list(dict.fromkeys(one.name for one in page.controls))
    for name in frameworks:
        yield f"{name}: {', '.join(one.id for one in page.controls if one.name == name)}"


def _examples(examples: Sequence[Example]) -> Iterator[str]:
    for fires, word in ((True, "fires"), (False, "stays silent")):
        chosen = [example for example in examples if example.fires is fires]
        for example in chosen[:_FEW]:
            yield f"{word}{f', {example.instead} takes it' if example.instead else ''}{_note(example)}"
            for event in example.events:
                for line in event.splitlines():
                    yield f"  {line}"
            if example.more:
                yield f"  and {example.more} more such events"
        if len(chosen) > _FEW:
            yield f"({len(chosen) - _FEW} more of this kind)"


def _note(example: Example) -> str:
    return f" ({example.note})" if example.note else ""
