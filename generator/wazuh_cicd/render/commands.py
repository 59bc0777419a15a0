r"""Conditions about commands, spelt for each form in which a command reaches a manager.

``audit_record``: an EXECVE record of auditd. The kernel writes an argument in quotes when it has neither blank nor
quote nor anything beyond ASCII, otherwise as upper-case hexadecimal digits without quotes
(``audit_log_n_untrustedstring`` in the kernel's ``kernel/audit.c``), and cuts one of more than 7,500 bytes into
``a2[0]=… a2[1]=…`` (``audit_log_execve_info``). A command is found by the program's file (``exe``) and by the name that
it is called by (``a0``), behind programs that start others (``sudo``, ``env``, ``timeout``, interpreters), and in the
text that a shell is given with ``-c``.

``command_line``: one text, as Docker's ``exec_start: sh -c id``.

In both, a name counts only where a command begins: at the start, behind ``; | & ( ` {`` and line ends, and behind
words such as ``sudo`` and ``then``. Parts that could be read in several ways are possessive, so that the work grows
with the length of the text only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from wazuh_cicd.render.compact import compact
from wazuh_cicd.spec.commands import (
    BLANKS,
    EVERY,
    WORD,
    Bytes,
    Either,
    Group,
    Mark,
    Node,
    Repeated,
    Sequence,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_cicd.spec.model import Command, CommandForm

NEVER = "(?!)"
#: A manager takes two texts of at most 2,048 bytes for a condition on the log, and refuses the ruleset over that.
MOST_BYTES = 4030
_QUOTED = frozenset(range(0x21, 0x7F)) - {0x22}
_SEPARATORS = rb";|&(`{"
# Programs that start the program named after them, and those of their options that take a value.
_STARTERS = (
    r"(?:s(?:udo|etsid|tdbuf|u-exec|h)|e(?:nv|xec|val)|n(?:ice|ohup|ode|px)|b(?:usybox|unx?|ash)|c(?:ommand|hroot)"
    r"|d(?:oas|eno|ash)|time(?:out)?|xargs|ionice|unshare|gosu|python[\d.]*+|ruby|perl|[zka]sh)"
)
_VALUED = r"-(?:[ugCDRpkIPLda]|-user|-group|-chdir|-signal|-kill-after|-max-args|-max-procs|-adjustment)"
_OPTION = r"(?:[-+]\S*|\w+=\S*|\d\S*)"
_WORDS_BEFORE = r"(?:then|do|else|if|while|until|!)"
_SHELL = r"(?:ba|da|z|k|a)?sh"
# How far behind the program's name a word of the same command is looked for in a text, in bytes: without a bound a text
# of names alone would cost the square of its length.
_REACH = 400
_MOST_AMPERSANDS = 4
_BORDER = Mark("border")
_NO_BLANK = EVERY - BLANKS
_BEHIND_WORDS = BLANKS | frozenset(b"\"');|&<>`}")
# ; | ` ( and line ends; && and & and { where a blank follows.
_HEX_STOP = "0A|3B|7C|60|28|2626|26(?=20|0A)|7B(?=20|0A)"
# The same, with the blanks behind a line end, so that what follows a row of line ends is looked at once; and all else.
_HEX_SEPARATOR = "(?:3B|7C|60|28|2626|26(?=20|0A)|7B(?=20|0A)|0A(?:20|09|0A)*+)"
_HEX_BETWEEN = r"(?:[14589A-F]\w|0[^A]|2[^68]|3[^B]|6[^0]|7[^BC]|26(?!26|20|0A)|7B(?!20|0A))*+"
# As many options of a program that starts others are read.
_MOST_OPTIONS = 24
_MOST_COPIES = 12
# Programs whose arguments hold another command, and which start it as somebody else or somewhere else: what others
# start has a record of its own.
_LEADERS = rf"(?:{_STARTERS}|su|runuser|script|find|docker|podman|nerdctl|kubectl|ssh|nsenter|flock|watch|parallel)"
_FOLDER = r'(?:[^\s"/]*+/)*+'
# The program's place occurs once in a record: a comm of the kernel has at most 15 bytes, and what is behind it is not
# searched beyond the next one. So a text that repeats the beginning of a record costs no more than its length.
TO_PROGRAM = r'\bcomm=(?:"[^\s"]{0,15}+"|[\dA-F]{2,32}+) exe='
TO_ARGUMENTS = r"(?: (?!argc=|exe=)\S++)*+ argc=\d++ "
# From anywhere inside an argument of a record to behind the "=" of the next one.
_TO_NEXT = r"\S*+ a\d[^\s=]*+="


@dataclass(frozen=True, slots=True)
class View:
    """How bytes and places are spelt.

    Attributes:
        allowed: bytes that can occur.
        hexadecimal: each byte is two digits.
        border, start, end: the places; None where they cannot occur.
    """

    allowed: frozenset[int]
    hexadecimal: bool
    border: str | None
    start: str
    end: str

    def byte(self, values: frozenset[int]) -> str | None:
        """One byte out of a set, or None when none can occur."""
        possible = values & self.allowed
        if not possible:
            return None
        return _hex_byte(possible) if self.hexadecimal else _plain_byte(possible, self.allowed)

    @property
    def any(self) -> str:
        """Any byte."""
        return self.byte(EVERY) or NEVER

    def edge(self, kind: str) -> str:
        """Where a name begins or ends."""
        if not self.hexadecimal:
            return r"\b"
        return f"(*nlb:{_HEX_WORD})" if kind == "left" else f"(?!{_HEX_WORD})"


_HEX_WORD = r"3\d|[46][1-9A-F]|[57][\dA]|5F"
# A quoted argument: ="…"
ARGUMENT = View(_QUOTED, hexadecimal=False, border=r'" a[\d\[\]]+="', start='(*plb:=")', end='(?=")')
# A whole argument in digits: a blank in it is text, no border of arguments.
HEX_ARGUMENT = View(EVERY, hexadecimal=True, border=None, start="(*plb:=)", end=r"(?!\w)")
# A program's text in one argument.
CODE = View(_QUOTED, hexadecimal=False, border=None, start='(*plb:=")', end='(?=")')
HEX_CODE = replace(HEX_ARGUMENT, border="(?:20|0[9AD])++")
# What a shell is given: words with blanks between them.
SHELL_TEXT = View(
    _QUOTED,
    hexadecimal=False,
    border=r"\$\{?IFS\}?",
    start=r"(*plb:=\"|[;|\x26({`\x3c>])",
    end=r"(?=[\"');|\x26\x3c>`}])",
)
HEX_SHELL_TEXT = View(
    EVERY,
    hexadecimal=True,
    border="(?:2[27])?(*nlb:20|09)(?:20|09|5C0A)++(?:2[27])?",  # from the start of a row of blanks
    start="(*plb:=|20|09|0A|2[68]|3[BCE]|7[BC]|60|(?:20|09|0A|28|3D)2[27])",
    end=r"(?=(?:2[27])?(?:20|09|0A|2[69]|3[BCE]|7[CD]|60|[ ]|\z))",
)
LINE = View(
    EVERY,
    hexadecimal=False,
    border="[\"']?[ \\t]{1,400}+[\"']?",
    start=r"(*plb:[\s;|\x26({`\x3c>]|[\s=(][\"'])",
    end=r"(?=[\"']?(?:[\s);|\x26\x3c>`}]|\z))",
)


# -- one expression in one view ----------------------------------------------------------------------------------------


@cache
def spell(node: Node, view: View) -> str | None:
    """The expression in a view's spelling, or None when nothing there can satisfy it."""
    if isinstance(node, Bytes):
        return _spell_bytes(node, view)
    if isinstance(node, Mark):
        if node.kind == "border":
            return view.border
        return {"start": view.start, "end": view.end}.get(node.kind) or view.edge(node.kind)
    if isinstance(node, Sequence):
        ones = _to_the_first(node.parts)
        parts = [spell(part, view) for part in ones]
        if any(part is None for part in parts):
            return None
        look = _look_at_word(ones, view)
        return look + "".join(_grouped(text, one) for text, one in zip(parts, ones, strict=True) if text is not None)
    if isinstance(node, Either):
        choices = list(dict.fromkeys(text for text in (spell(one, view) for one in node.choices) if text is not None))
        return one_of(choices) if choices else None
    if isinstance(node, Repeated):
        return _spell_repeated(node, view)
    inner = spell(node.part, view)
    if inner is None:
        return "" if node.kind == "!" else None
    return f"(?{node.kind}{inner})"


def _look_at_word(parts: list[Node], view: View) -> str:
    """A look at the first byte of a word: cheaper than one at what stands in front of it. A record is short of room."""
    if view is not LINE or parts[0] != Mark("start"):
        return ""
    values = _first(Sequence(tuple(parts[1:])))
    return "" if values is None or values & BLANKS else f"(?={view.byte(values)})"


def _to_the_first(parts: tuple[Node, ...]) -> list[Node]:
    r"""The parts, with ``-\w*i\w*`` read up to its first ``i`` only.

    What may stand before the byte may stand behind it, too, so the others need not be tried: each would cost the length
    of the word once more.
    """
    ones = list(parts)
    for place in range(len(ones) - 2):
        before, byte, behind = ones[place : place + 3]
        if not (isinstance(before, Repeated) and isinstance(byte, Bytes) and isinstance(behind, Repeated)):
            continue
        inner, outer = before.part, behind.part
        if not (isinstance(inner, Bytes) and isinstance(outer, Bytes) and before.times == behind.times == "*"):
            continue
        if inner.values | byte.values <= outer.values and not inner.values & BLANKS and inner.values - byte.values:
            ones[place] = Repeated(Bytes(inner.values - byte.values), "*+")
    for place in range(len(ones) - 1):
        last, end = ones[place : place + 2]
        if (
            isinstance(last, Repeated)
            and isinstance(last.part, Bytes)
            and end == Mark("end")
            and last.times in ("*", "+")
        ):
            # No byte that is given back could end the word.
            ones[place] = last if last.part.values & _BEHIND_WORDS else Repeated(last.part, last.times + "+")
    return ones


def _grouped(text: str, node: Node) -> str:
    return text if not isinstance(node, Either) or _closed(text) else f"(?:{text})"


def _spell_bytes(node: Bytes, view: View) -> str | None:
    if view is SHELL_TEXT and node.values == _NO_BLANK:
        return view.byte(_NO_BLANK - frozenset(b"$"))  # where ${IFS} is a blank, a word ends there
    if node.inside or not node.values & BLANKS:
        return view.byte(node.values)
    rest = view.byte(node.values - BLANKS)
    choices = [text for text in (rest, view.border) if text is not None]
    return one_of(choices) if choices else None


def _spell_repeated(node: Repeated, view: View) -> str | None:
    inner = spell(node.part, view)
    if inner is None:
        return "" if node.times[0] in "*?" or node.times.startswith("{0") else None
    if inner == "":
        return ""
    if node.times in ("*", "+") and isinstance(node.part, Bytes) and inner == view.border:
        if view in (LINE, HEX_SHELL_TEXT):  # the border is a row of blanks already, and two rows could be cut anywhere
            return inner if node.times == "+" else f"(?:{inner})?"
        return f"(?:{inner}){node.times}+"
    single = not view.hexadecimal and isinstance(node.part, Bytes) and _single(inner)
    times = _hex_times(node.times) if view.hexadecimal else node.times
    return f"{inner if single or _closed(inner) else f'(?:{inner})'}{times}"


def _hex_times(times: str) -> str:
    """PCRE2 writes a bounded group out as often as its bound says; a record's pieces are short by themselves."""
    found = re.fullmatch(r"\{(\d+),(\d+)\}([?+]?)", times)
    if found is None or int(found[2]) <= _MOST_COPIES:
        return times
    return ("*" if found[1] == "0" else "+") + found[3]


def _single(text: str) -> bool:
    """Whether a quantifier behind the text would belong to all of it."""
    if text.startswith("["):
        return "]" not in text[2:-1].replace(r"\]", "")
    return len(text) == 1 or (text.startswith("\\") and (len(text) == 2 or (text[1] == "x" and len(text) == 4)))


def _closed(text: str) -> bool:
    """Whether the text is one group from its first character to its last."""
    if not (text.startswith("(?:") and text.endswith(")")):
        return False
    depth = 0
    place = 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == "[":
            place = _end_of_set(text, place)
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
        if depth == 0:
            return place == len(text)
    return False


def _end_of_set(text: str, place: int) -> int:
    place += 2 if text[place + 1] != "^" else 3
    while text[place] != "]":
        place += 2 if text[place] == "\\" else 1
    return place + 1


def one_of(texts: Iterable[str]) -> str:
    """Any of the texts, what they begin with alike written once."""
    choices = _factored(list(dict.fromkeys(texts)))
    return choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})"


def _factored(choices: list[str]) -> list[str]:
    """Choices with the same first character together, which is then looked at once; what comes first stays first."""
    factored: list[str] = []
    for plain, some in groupby(choices, key=_begins_plainly):
        if not plain:
            factored += some
            continue
        rests: dict[str, list[str]] = {}
        for text in some:
            rests.setdefault(text[0], []).append(text[1:])
        factored += [first + one_of(behind) for first, behind in rests.items()]
    return factored


def _begins_plainly(text: str) -> bool:
    return text[:1].isalnum() and text[1:2] not in ("*", "+", "?", "{")


def _plain_byte(values: frozenset[int], allowed: frozenset[int]) -> str:
    if values == EVERY:
        return r"[\s\S]"
    if len(values) == 1:
        return _plain(next(iter(values)), inside=False)
    missing = EVERY - values
    if len(missing) < len(values) and (allowed == EVERY or len(missing) < 128):
        return f"[^{_ranges(missing)}]"
    if values == allowed:
        return '[^\\s"]'
    return f"[{_ranges(values)}]"


def _ranges(values: frozenset[int]) -> str:
    text = ""
    if values >= WORD:
        text, values = r"\w", values - WORD
    if values >= BLANKS:
        text, values = text + r"\s", values - BLANKS
    for low, high in _runs(values):
        if high - low < 2:
            text += "".join(_plain(byte, inside=True) for byte in range(low, high + 1))
        else:
            text += f"{_plain(low, inside=True)}-{_plain(high, inside=True)}"
    return text


def _runs(values: frozenset[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in sorted(values):
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _plain(byte: int, *, inside: bool) -> str:
    """A byte as PCRE2 and Wazuh's XML both take it."""
    character = chr(byte)
    if byte <= 32 or byte >= 127 or character in "<&":
        return f"\\x{byte:02x}"
    special = "\\]^-[" if inside else "\\^$.|?*+()[]{}#"
    return "\\" + character if character in special else character


@cache
def _hex_byte(values: frozenset[int]) -> str:
    if values == EVERY:
        return r"\w\w"
    text = _hex_choices(values)
    denied = f"(?!{_hex_choices(EVERY - values)})\\w\\w"
    return min(text, denied, key=len) if len(values) > 128 else text


def _hex_choices(values: frozenset[int]) -> str:
    """Pairs of digits, those with the same second digits together."""
    lows: dict[str, str] = {}
    for first in "0123456789ABCDEF":
        second = "".join(digit for digit in "0123456789ABCDEF" if int(first + digit, 16) in values)
        if second:
            lows[second] = lows.get(second, "") + first
    return one_of(f"{_digits(firsts)}{_digits(second)}" for second, firsts in lows.items())


def _digits(digits: str) -> str:
    if len(digits) == 1:
        return digits
    if len(digits) == 16:
        return r"\w"
    text = ""
    for low, high in _runs(frozenset(int(digit, 16) for digit in digits)):
        for start, stop in ((low, min(high, 9)), (max(low, 10), high)):
            if start <= stop:
                text += f"{start:X}-{stop:X}" if stop - start > 1 else "".join(f"{n:X}" for n in range(start, stop + 1))
    return rf"[{text.replace('0-9', chr(92) + 'd')}]"


# -- commands ----------------------------------------------------------------------------------------------------------


def _spelt(pattern: str, view: View, *, ignore_case: bool = False) -> str:
    return spell(parse(pattern, ignore_case=ignore_case), view) or NEVER


def _any_of(patterns: Iterable[str], view: View, *, ignore_case: bool) -> str:
    choices = [text for text in (_spelt(one, view, ignore_case=ignore_case) for one in patterns) if text != NEVER]
    return one_of(choices) if choices else NEVER


def _name_of(patterns: Iterable[str], view: View, *, ignore_case: bool) -> str:
    """A program's name; what repeats at its end is not given back, for the name ends there."""
    choices = []
    for pattern in patterns:
        node = parse(pattern, ignore_case=ignore_case)
        parts = node.parts if isinstance(node, Sequence) else (node,)
        last = parts[-1]
        if isinstance(last, Repeated) and isinstance(last.part, Bytes) and not last.part.values & _BEHIND_WORDS:
            parts = (*parts[:-1], replace(last, times=last.times[0] + "+") if last.times in ("*", "+") else last)
        text = spell(Sequence(parts), view)
        if text:
            choices.append(text)
    return one_of(choices) if choices else NEVER


@cache
def _record_parts() -> tuple[str, str]:
    """What may stand before the program in a record, and what leads to a shell's text."""
    starters = _spelt(_STARTERS, ARGUMENT)
    valued = _spelt(_VALUED, ARGUMENT)
    option = _spelt(_OPTION, ARGUMENT)
    launch = rf'(?:"{_FOLDER}{starters}" (?:a\d+=(?:"{valued}" a\d+=\S++|"{option}"|[\dA-F]+) )*+a\d+=){{1,4}}'
    to_shell = (
        rf'(?:a\d\S*+ )*?a\d+="{_FOLDER}(?:{_SHELL}|su|runuser|script)" '
        r'(?:a\d+="(?!-\w*c")(?:[-+][^\s"]*|pipefail|\w+)" ){0,6}+a\d+="-\w*c" (?:a\d+_len=\d+ )?a[\d\[\]]+='
    )
    return launch, to_shell


@cache
def _begin(view: View, *, by_path: bool) -> str:
    """What may stand between the start of a text, or a separator, and the program's name.

    Args:
        view: the text.
        by_path: what follows may begin with a slash itself; otherwise the folders in front of it are not given back.
    """
    # What starts others stands in front of something: cheaper asked first.
    more = r"(?=[^\s;|\x26]++[^\S\n])" if view is LINE else ""
    before = more + _spelt(rf"(?:{_STARTERS}|{_WORDS_BEFORE}|(?:[^\s;|&()`{{/]*+/)++{_SHELL})", view)
    blank = {SHELL_TEXT: r"\$\{?IFS\}?", HEX_SHELL_TEXT: "(?:20|09|5C0A)++", LINE: r"\h++"}[view]
    option = _spelt(r"(?:[-+][^\s;|&]*+|\w++=[^\s;|&]*+|\d[^\s;|&]*+)", view)
    value = _spelt(r"[^\s;|&]++", view)
    option = f"(?:{_spelt(_VALUED, view)}{blank}{value}|{option})"
    quotes = _spelt(r"[\"'(]", view)
    apart = "$" if view is SHELL_TEXT else ""  # there ${IFS} is a blank
    folder = _spelt(rf"(?:[^\s;|&(){{\"'=<>`/{apart}]*+/)*{'' if by_path else '+'}", view)
    many = r"[\"'(\t\x20]{0,40}+" if view is LINE else f"(?:{quotes}|{blank}){{0,8}}+"
    options = "*+" if view.hexadecimal else f"{{0,{_MOST_OPTIONS}}}+"
    if view is SHELL_TEXT:  # without blanks there is hardly anything in front
        return many + folder
    return f"{many}(?:{before}{blank}(?:{option}{blank}){options}{many}){{0,4}}{folder}"


def _to_begin(view: View) -> str:
    """From the start of a text to any place where a command begins."""
    if view.hexadecimal:
        return f"(?:{_HEX_BETWEEN}{_HEX_SEPARATOR})*?"
    # A row of separators and blanks is one border. One loop over bytes: a loop over pieces would remember each of them.
    separators = frozenset(_SEPARATORS) | frozenset(b"\n")
    row = view.byte(separators | BLANKS)
    last = view.byte(EVERY - separators - BLANKS)
    blanks = r"[^\S\n]*+" if view is LINE else ""
    return f"{row}*+(?:{view.any}*?{last}{blanks}{view.byte(separators)}{row}*+)??"


def _reach(view: View) -> str:
    """From a program's name to a word of the same command, not into the next one.

    In digits every beginning of a command ends the reach of those before it: what is behind ``$(...)`` is not seen.
    The command itself has a record of its own. In a line, which has none, the reach is bounded instead.
    """
    if view.hexadecimal:
        return rf"(?:(?!{_HEX_STOP})\w\w)*?"
    no_stop = view.byte(EVERY - frozenset(b";|&\n")) or NEVER
    inside = f"{no_stop}{{0,{_REACH}}}?"
    # PCRE2 writes a bounded group out as often as its bound says: few groups of bounded sets instead.
    return rf"{inside}(?:\x26(?![\x26\s]){inside}){{0,{_MOST_AMPERSANDS}}}?"


def _looks(patterns: Iterable[str], view: View, *, ignore_case: bool) -> str:
    """A look at the first two bytes, for all of the patterns at once; nothing where any byte may come first.

    The second one matters: names of one byte, each behind a separator, are the densest text that there is.
    """
    nodes = [parse(pattern, ignore_case=ignore_case) for pattern in patterns]
    first = _union(_first(node) for node in nodes)
    text = "" if first is None or first & BLANKS else view.byte(first)
    if not text:
        return ""
    second = _union(_second((node,)) for node in nodes) if view is LINE else None  # a record is short of room
    if second is None:
        return f"(?={text})"
    if second & BLANKS:  # a border of words may begin with a quote
        second |= frozenset(b"\"'")
    return f"(?={text}{view.byte(second)})"


def _union(sets: Iterable[frozenset[int] | None]) -> frozenset[int] | None:
    together: frozenset[int] = frozenset()
    for values in sets:
        if values is None:
            return None
        together |= values
    return together


def _second(parts: tuple[Node, ...]) -> frozenset[int] | None:
    """The bytes that can come second, or None when there need not be any, or that is not seen here."""
    if not parts:
        return None
    part, rest = parts[0], parts[1:]
    if isinstance(part, Bytes) or part == _BORDER:
        at_end = bool(rest) and isinstance(rest[0], Mark) and rest[0].kind == "end"
        return None if at_end else _first(Sequence(rest))
    if isinstance(part, Either):
        return _union(_second((choice, *rest)) for choice in part.choices)
    if isinstance(part, Sequence):
        return _second((*part.parts, *rest))
    if isinstance(part, Repeated):
        return _union([_second((part.part, *rest)), _second(rest)]) if part.times[0] == "?" else None
    if isinstance(part, Group) and part.kind == ">":
        return _second((part.part, *rest))
    return _second(rest)  # a place, no byte


def _first(node: Node) -> frozenset[int] | None:
    """The bytes that can come first, or None when there need not be any."""
    if isinstance(node, Bytes):
        return node.values
    if node == _BORDER:
        return BLANKS
    if isinstance(node, Either):
        return _union(_first(choice) for choice in node.choices)
    if isinstance(node, Sequence):
        found: frozenset[int] = frozenset()
        for part in node.parts:
            if (isinstance(part, Mark) and part != _BORDER) or (isinstance(part, Group) and part.kind != ">"):
                continue  # a place, no byte
            optional = isinstance(part, Repeated) and (part.times[0] in "*?" or part.times.startswith("{0"))
            values = _first(part.part if isinstance(part, Repeated) else part)
            if values is None:
                return None
            found |= values
            if not optional:
                return found
        return None
    if isinstance(node, Repeated):
        return None if node.times[0] in "*?" or node.times.startswith("{0") else _first(node.part)
    return _first(node.part) if isinstance(node, Group) and node.kind == ">" else None


def _text(forms: Iterable[CommandForm], view: View, *, ignore_case: bool) -> str:
    """Any of the forms in a text, found from its start."""
    to_any = f"(?:{view.any})*?" if view.hexadecimal else f"{view.any}*?"
    before_stop = _reach(view)
    named: dict[str, list[str]] = {}
    programs: list[str] = []
    begun: list[str] = []
    first: list[str] = []
    found: list[str] = []
    asked_anywhere: list[str] = []
    looks: list[str] = []
    for form in forms:
        for pattern in form.shell:
            at_begin = pattern.startswith("^")
            bare = pattern.removeprefix("^")
            text = _spelt(bare, view, ignore_case=ignore_case)
            if text != NEVER:
                (begun if at_begin else found).append(text)
                (first if at_begin else looks).append(bare)
        if form.shell:
            continue
        reach = before_stop if form.program else to_any
        asked = "".join(
            f"(?{'!' if denied else '='}{to_any if is_code else reach}{_spelt(one, view, ignore_case=ignore_case)})"
            for patterns, denied, is_code in (
                (form.words, False, False),
                (form.code, False, True),
                (form.without, True, False),
            )
            for one in patterns
        )
        if NEVER in asked.replace(f"(?!{NEVER})", ""):
            continue
        if form.program:
            name = _name_of(form.program, view, ignore_case=ignore_case)
            if name != NEVER:
                named.setdefault(name, []).append(asked)
                programs += form.program
        else:
            asked_anywhere.append(asked)
    if begun:
        begun = [_looks(first, view, ignore_case=ignore_case) + one_of(begun)]
    if named:
        names = one_of(_called(name, view.end, one_of(asked)) for name, asked in named.items())
        begun.append(_looks(programs, view, ignore_case=ignore_case) + names)
    ways = []
    if begun:
        firsts = _union(_first(parse(pattern, ignore_case=ignore_case)) for pattern in first)
        by_path = firsts is None or ord("/") in firsts
        ways.append(_to_begin(view) + _begin(view, by_path=by_path) + one_of(begun))
    if found:  # one search for all of them
        ways.append(to_any + _looks(looks, view, ignore_case=ignore_case) + one_of(found))
    ways += dict.fromkeys(asked_anywhere)
    return one_of(ways) if ways else NEVER


def _called(name: str, end: str, asked: str) -> str:
    """A program's name and what is asked of its words; names that it must not have are a long list, and come last."""
    if not name.startswith("(?!"):
        return f"{name}{end}{asked}"
    depth, place = 1, 3
    while depth:
        if name[place] == "\\":
            place += 2
        elif name[place] == "[":
            place = _end_of_set(name, place)
        else:
            depth += {"(": 1, ")": -1}.get(name[place], 0)
            place += 1
    return f"(?={name[place:]}{end}{asked}){name[:place]}"


def _argument(pattern: str, *, code: bool, ignore_case: bool) -> str:
    """An argument that satisfies an expression, from behind its ``=``."""
    node = parse(pattern, ignore_case=ignore_case)
    ways = []
    quoted = spell(node, CODE if code else ARGUMENT)
    if quoted is not None:
        start = ARGUMENT.start
        ways.append(f'"{quoted[len(start) :]}' if quoted.startswith(start) else f'"[^\\s"]*?{quoted}')
    digits = spell(node, HEX_CODE if code else HEX_ARGUMENT)
    if digits is not None:
        start = HEX_ARGUMENT.start
        ways.append(digits[len(start) :] if digits.startswith(start) else rf"(?:\w\w)*?{digits}")
    return one_of(ways) if ways else NEVER


def _asked(form: CommandForm, *, ignore_case: bool) -> str:
    """What the form asks of the arguments, from inside ``a0=…``; of the first one too where no program is named."""
    first = _TO_NEXT if form.program else ""
    return "".join(
        rf"(?{'!' if denied else '='}{first}(?:{_TO_NEXT})*?{_argument(one, code=code, ignore_case=ignore_case)})"
        for patterns, denied, code in (
            (form.words, False, False),
            (form.code, False, True),
            (form.without, True, False),
        )
        for one in patterns
    )


def audit_record(command: Command, *, ignore_case: bool = False) -> str:
    """The search expression for an audit record (``log``), in at most ``MOST_BYTES`` where that is possible.

    What does not fit is left out: texts for a shell without any blank (``sh -c id;id``). The kernel writes a record of
    its own for each program that a shell starts, so such a command is found there; only shell built-ins are not.
    """
    pattern = ""
    for views in ((HEX_SHELL_TEXT, SHELL_TEXT), (HEX_SHELL_TEXT,)):
        pattern = compact(_record(command, views, ignore_case=ignore_case))
        if len(pattern) <= MOST_BYTES:
            break
    return pattern


def _record(command: Command, views: tuple[View, ...], *, ignore_case: bool) -> str:
    """See ``audit_record``; ``views``: the texts for a shell that are looked into."""
    launch, to_shell = _record_parts()
    defined, unnamed = [], []
    asked_of: dict[str, list[str]] = {}
    for number, form in enumerate(form for form in command.forms if not form.shell):
        asked = _asked(form, ignore_case=ignore_case)
        if not form.program:
            unnamed.append(f"a0={asked}")
            continue
        name = _any_of(form.program, ARGUMENT, ignore_case=ignore_case)
        if name == NEVER:
            continue
        if asked:  # asked in two places, written once
            defined.append(f"(?'q{number}'{asked})")
            asked = f"(?P>q{number})"
        asked_of.setdefault(name, []).append(asked)
    by_file = [f'{name}"{TO_ARGUMENTS}{one_of(asked)}' for name, asked in asked_of.items()]
    by_name = [f'{name}"{one_of(asked)}' for name, asked in asked_of.items()]
    behind = [rf'a0={launch}"{_FOLDER}{one_of(by_name)}'] if by_name else []
    texts = [
        text if view.hexadecimal else f'"{text}'
        for view in views
        if (text := _text(command.forms, view, ignore_case=ignore_case)) != NEVER
    ]
    if texts:
        behind.append(to_shell + one_of(texts))
    files = [*by_file, f'{_spelt(_LEADERS, ARGUMENT)}"{TO_ARGUMENTS}{one_of(behind)}'] if behind else by_file
    called = ([rf'a0="{_FOLDER}{one_of(by_name)}'] if by_name else []) + unnamed
    ways = [f'"{_FOLDER}{one_of(files)}'] if files else []
    ways += [rf"\S++{TO_ARGUMENTS}{one_of(called)}"] if called else []
    definitions = f"(?(DEFINE){''.join(defined)})" if defined else ""
    return f"{TO_PROGRAM}{one_of(ways)}{definitions}"


def command_line(command: Command, *, ignore_case: bool = False) -> str:
    """The search expression for a command in one text, with or without Docker's ``exec_start:`` in front."""
    return rf"\A(?:exec_start: )?{_text(command.forms, LINE, ignore_case=ignore_case)}"
