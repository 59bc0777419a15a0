"""Decoders that load without a word and do not do what they seem to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wazuh_cicd.check.osregex import branches
from wazuh_cicd.engine.load.decoderdefinition import AFTER_PARENT, AFTER_PREMATCH
from wazuh_cicd.engine.patterns import compile_pattern
from wazuh_cicd.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.engine import Ruleset
    from wazuh_cicd.engine.decode.decoder import Decoder
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition, PatternText

_UNIT = re.compile(rb"\\.|.", re.DOTALL)
# What makes a match of a PCRE2 expression depend on what comes after it.
_LOOKS_ON = re.compile(rb"\$|\(\?|\(\*|\\[zZbBQK1-9]|[+*?}]\+")
_PERL_SIGNS = b"^$.[]()*+?{}|"
# Letters and digits that a text must have for its repetition not to be an accident.
_TELLING = 4


class _Group(NamedTuple):
    """Children of one name that follow each other: the first decides whether they take the event."""

    members: tuple[Decoder, ...]

    @property
    def head(self) -> DecoderDefinition:
        return self.members[0].definition

    @property
    def reads_by_plugin(self) -> bool:
        return any(member.definition.plugin for member in self.members)


def decoder_trap_findings(ruleset: Ruleset) -> Iterator[Finding]:
    """What no manager says of decoders that never run, or that take the fields of others away."""
    decoders = ruleset.decoders
    # Of a decoder that hangs on several roots of one name only what holds below all of them is said.
    hidden: dict[int, list[Finding | None]] = {}
    repeats: dict[int, list[Finding | None]] = {}
    for root in (*decoders.programs, *decoders.others):
        groups = _groups(root.children)
        yield from _lost_fields(root.definition, groups)
        for position, group in enumerate(groups):
            hidden.setdefault(id(group.members[0]), []).append(_hidden(group.head, groups[:position]))
        for group in groups or [_Group((root,))]:
            for member in group.members:
                found = _repeat(root.definition, group.head, member.definition)
                repeats.setdefault(id(member), []).append(found)
    yield from _hidden_roots(decoders.others)
    yield from _hidden_roots(decoders.programs)
    for found_below in (*hidden.values(), *repeats.values()):
        if found_below[0] is not None and all(found_below):
            yield found_below[0]


def _groups(children: Sequence[Decoder]) -> list[_Group]:
    groups: list[_Group] = []
    members: list[Decoder] = []
    for child in children:
        members.append(child)
        if not child.get_next:
            groups.append(_Group(tuple(members)))
            members = []
    return [*groups, _Group(tuple(members))] if members else groups


def _finding(code: str, decoder: DecoderDefinition, text: str, fix: str) -> Finding:
    return Finding(decoder.path, decoder.line, decoder.column, code, text, fix, severity=Severity.WARNING)


def _place(decoder: DecoderDefinition) -> str:
    return f"line {decoder.line} of {decoder.path.rpartition('/')[2]}" if decoder.path else "an earlier file"


# -- a root with children reads nothing itself -------------------------------------------------------------------------


def _lost_fields(root: DecoderDefinition, groups: Sequence[_Group]) -> Iterator[Finding]:
    if not root.plugin or not groups:
        return
    rescued = any(group.head.prematch is None and group.reads_by_plugin for group in groups)
    for group in groups:
        head = group.head
        if group.reads_by_plugin:
            if head.prematch is None:
                return
            if rescued or group is not groups[-1]:
                continue
            what = "events that no child takes have no fields"
        elif head.prematch is None:
            what = "all of its events have no other fields than those of this child"
        elif rescued:
            what = "events that this child takes have no other fields than its own"
        else:
            what = "events that this child takes have no other fields than its own, and those that no child takes none"
        text = (
            f"decoder '{head.declared}' is a child of '{root.declared}': a decoder with children never runs its own"
            f" {root.plugin}, so {what}"
        )
        fix = f"remove it and test the fields of '{root.declared}' in rules"
        if root.plugin != "JSON_Decoder":
            fix = f"remove the children, or let a last child without prematch run {root.plugin}"
        yield _finding("X817", head, text, fix)
        if head.prematch is None:
            return


# -- what comes too late -----------------------------------------------------------------------------------------------


def _hidden(head: DecoderDefinition, before: Sequence[_Group]) -> Finding | None:
    """The finding about a child that never takes an event, for an earlier one does."""
    for other in (group.head for group in before):
        always = other.prematch is None
        if always or (
            other.prematch is not None
            and head.prematch is not None
            and other.prematch_offset == head.prematch_offset
            and follows(other.prematch, head.prematch)
        ):
            text = f"decoder '{head.declared}' never runs: '{other.declared}' ({_place(other)}) takes its events"
            text += ", for it has no prematch" if always else ""
            fix = "move it before that one, with a prematch that takes only what it is for"
            return _finding("X818", head, text, fix)
    return None


def _hidden_roots(roots: Sequence[Decoder]) -> Iterator[Finding]:
    """Roots of one of the two lists that an earlier one leaves nothing.

    Several roots of one name share their children: that the later one is never chosen then changes nothing.
    """
    for position, root in enumerate(roots):
        late = root.definition
        for earlier in roots[:position]:
            first = earlier.definition
            if first.declared != late.declared and first.program_name == late.program_name and _takes(first, late):
                text = f"decoder '{late.declared}' never runs: '{first.declared}' ({_place(first)}) takes its events"
                fix = f"remove it and test the fields of '{first.declared}' in rules"
                if not first.plugin:
                    fix = f"make it a child of '{first.declared}', or load its file before that one"
                yield _finding("X819", late, text, fix)
                break


def _takes(first: DecoderDefinition, late: DecoderDefinition) -> bool:
    if first.prematch is None:
        return True
    return late.prematch is not None and follows(first.prematch, late.prematch)


def follows(first: PatternText, late: PatternText) -> bool:
    """Whether ``first`` matches every text that ``late`` matches. False when that is not certain."""
    if (first.kind, first.source) == (late.kind, late.source):
        return True
    starts = _starts(late)
    if starts is not None and _decided_by_start(first):
        pattern = compile_pattern(first.kind, first.source)
        return all(pattern.test(start) and pattern.test(start + b"x") for start in starts)
    if first.kind == late.kind == "osregex":
        shorter, longer = _literals(first.source), _literals(late.source)
        if shorter is not None and longer is not None:
            return all(any(part in text for part in shorter) for text in longer)
    return False


def _starts(pattern: PatternText) -> list[bytes] | None:
    """Texts of which every match begins with one, at the beginning of the subject; None when that cannot be told."""
    if pattern.kind == "pcre2":
        source = pattern.source
        if b"|" in source or not source.startswith((b"^", b"\\A")) or source.startswith((b"(?", b"(*")):
            return None
        starts = [_perl_start(source.removeprefix(b"^").removeprefix(b"\\A"))]
    elif pattern.kind == "osregex":
        parts = branches(pattern.source)
        if not all(part.startswith(b"^") for part in parts):
            return None
        # Letter case does not count, and does not for what is compared in OS_Regex; for PCRE2 it would.
        starts = [_os_start(part[1:]) for part in parts]
    else:
        return None
    return starts if all(starts) else None


def _perl_start(source: bytes) -> bytes:
    text: list[bytes] = []
    for unit in _UNIT.findall(source):
        if unit in (b"*", b"?", b"{"):  # the unit before may be absent
            if unit != b"{" or text:
                del text[-1:]
            break
        if (len(unit) == 1 and unit in _PERL_SIGNS) or (len(unit) > 1 and unit[1:].isalnum()):
            break
        text.append(unit[-1:])
    return b"".join(text)


def _os_start(source: bytes) -> bytes:
    text: list[bytes] = []
    units = _UNIT.findall(source)
    for position, unit in enumerate(units):
        quantified = len(unit) > 1 and units[position + 1 : position + 2] in ([b"+"], [b"*"])
        if quantified or (len(unit) > 1 and unit[1:] not in (b"\\", b"|", b"(", b")", b"<", b"$")):
            break
        if unit == b"$" and position == len(units) - 1:
            break
        if unit not in (b"(", b")"):
            text.append(unit[-1:])
    found = b"".join(text)
    # A letter stands for both cases: only what has no case is said for certain.
    letter = re.search(rb"[A-Za-z]", found)
    return found[: letter.start()] if letter else found


def _decided_by_start(pattern: PatternText) -> bool:
    """Whether a text that matches does so whatever is added to it."""
    if pattern.kind == "pcre2":
        return not _LOOKS_ON.search(pattern.source)
    for part in branches(pattern.source):
        units = _UNIT.findall(part)
        quantified = len(units) > 1 and units[-1] in (b"+", b"*") and len(units[-2]) > 1
        if not units or quantified or units[-1] == b"$":
            return False
    return True


def _literals(source: bytes) -> list[bytes] | None:
    """The alternatives of an OS_Regex that looks for plain texts anywhere, in lower case."""
    parts = branches(source)
    if any(not part or b"\\" in part or part[:1] == b"^" or part[-1:] == b"$" or b"(" in part for part in parts):
        return None
    return [part.lower() for part in parts]


# -- a text that is looked for twice -----------------------------------------------------------------------------------


def _repeat(root: DecoderDefinition, head: DecoderDefinition, member: DecoderDefinition) -> Finding | None:
    """The finding about a member of a group that begins with what its prematch has taken already."""
    looked = []
    if member is head and head is not root and head.prematch is not None and head.prematch_offset:
        looked.append(("prematch", head.prematch, root.prematch, AFTER_PARENT))
    if member.regex is not None and member.regex_offset in {AFTER_PARENT, AFTER_PREMATCH}:
        own = member.regex_offset == AFTER_PREMATCH and head.prematch is not None
        looked.append(("regex", member.regex, head.prematch if own else root.prematch, member.regex_offset))
    for tag, pattern, before, offset in looked:
        if before is not None and _begins_with(pattern, before):
            text = (
                f"decoder '{member.declared}': the {tag} begins with the prematch before it, but reads what comes"
                f" after that (offset {offset}): it matches only where the text stands twice"
            )
            return _finding("X823", member, text, "remove the beginning, or the offset")
    return None


def _begins_with(pattern: PatternText, before: PatternText) -> bool:
    text, prematch = pattern.source, before.source
    if not prematch.startswith((b"^", b"\\A")) or b"|" in prematch or b"|" in text or prematch.endswith(b"$"):
        return False
    anchored = text.startswith((b"^", b"\\A"))
    body = prematch.removeprefix(b"^").removeprefix(b"\\A")
    rest = text.removeprefix(b"^").removeprefix(b"\\A")
    plain = re.sub(rb"\\.|[^A-Za-z0-9]", b"", body)
    if not rest.startswith(body) or len(plain) < (1 if anchored and len(body) > _TELLING else _TELLING):
        return False
    return rest[len(body) : len(body) + 1] not in (b"+", b"*", b"?", b"{")
