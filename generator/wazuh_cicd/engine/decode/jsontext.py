"""JSON as analysisd reads it: cJSON's idea of the syntax, flattened into fields.

Values are plain Python: ``JsonObject`` (pairs in document order, duplicates kept), ``list``, ``str`` (UTF-8 with
``surrogateescape``), ``float``, ``True``/``False``, ``None``. Two readers give the same answer: the fast one is the
standard library's, used when the text is plain; ``_Exact`` decides whenever the two grammars could differ.
"""

from __future__ import annotations

import json
import math
import re
import sys
from contextlib import contextmanager
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NoReturn

from wazuh_cicd.engine.decode.jsonobject import Json, JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator


NESTING_LIMIT = 1000
_FRAMES_A_LEVEL = 4
# Text of one field; a CSV text that reaches it is dropped.
MAX_TEXT = 65_536

_INT_MAX = 2_147_483_647
_INT_MIN = -2_147_483_648
_NUMBER_LENGTH = 63
_CONTROLS = bytes(range(33))
# More brackets than this may nest deeper than the standard library likes.
_FAST_BRACKETS = 400

# Escapes that the standard library reads differently: surrogates, and NUL, which ends a text here.
_SUSPECT = re.compile(rb"\\u(?:[dD]|0000)")


class JsonError(ValueError):
    """The text is not JSON for cJSON."""


def _fast_number(text: str) -> float:
    if len(text) > _NUMBER_LENGTH:
        raise JsonError("number too long")
    return float(text)


def _no_constant(text: str) -> NoReturn:
    raise JsonError(text)


_FAST = json.JSONDecoder(
    object_pairs_hook=JsonObject,
    parse_int=_fast_number,
    parse_float=_fast_number,
    parse_constant=_no_constant,
    strict=False,
)


def parse(data: bytes) -> Json:
    """Read one JSON value from the start of ``data``; what stands behind it is ignored.

    Raises:
        JsonError: cJSON refuses the text.
    """
    return _read(data)[0]


def parse_whole(data: bytes) -> Json:
    """Read one JSON value, behind which nothing may stand, not even a blank.

    Raises:
        JsonError: cJSON refuses the text, or reads only a part of it.
    """
    value, whole = _read(data)
    if not whole:
        raise JsonError("more than one value")
    return value


def _read(data: bytes) -> tuple[Json, bool]:
    """Return the value, and whether the text ends behind it."""
    if (
        data.lstrip(_CONTROLS).startswith((b"{", b"["))  # of a number alone it reads less: "01" is 0 and a rest
        and data.count(b"[") + data.count(b"{") <= _FAST_BRACKETS
        and not _SUSPECT.search(data)
    ):
        try:
            text = data.decode("utf-8", "surrogateescape")
            value, end = _FAST.raw_decode(text)
            return value, end == len(text)
        except (ValueError, RecursionError):
            pass  # The exact reader has the last word: its grammar is wider.
    reader = _Exact(data)
    return reader.read(), reader.at_end()


_BLANK = re.compile(rb"[\x00-\x20]*")
_STRING_END = re.compile(rb'(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER_BYTES = re.compile(rb"[0-9+\-eE.]{1,63}")
_STRTOD = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ESCAPE = re.compile(rb"\\(u.{4}\\u.{4}|u.{4}|.)", re.DOTALL)
_SIMPLE = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
}
_WORDS = ((b"null", None), (b"false", False), (b"true", True))
_HEX = re.compile(rb"[0-9a-fA-F]{4}")


class _Exact:
    """The grammar of cJSON 1.7.18, without recursion."""

    __slots__ = ("_data", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 3 if data.startswith(b"\xef\xbb\xbf") else 0

    def read(self) -> Json:
        """Read one value."""
        stack: list[list[Any]] = []  # open containers: members so far
        kinds: list[bool] = []  # for each, whether it is an object
        names: list[str] = []  # for each open object, the name that waits for its value
        self._skip()
        while True:
            value: Json
            opener = self._data[self._pos : self._pos + 1]
            if opener in (b"{", b"["):
                if len(stack) >= NESTING_LIMIT:
                    raise JsonError("nested too deep")
                is_object = opener == b"{"
                self._pos += 1
                self._skip()
                if self._data[self._pos : self._pos + 1] == (b"}" if is_object else b"]"):
                    self._pos += 1
                    value = JsonObject() if is_object else []
                else:
                    stack.append([])
                    kinds.append(is_object)
                    if is_object:
                        names.append(self._name())
                    continue
            else:
                value = self._scalar()
            while True:  # put the value into its container; close containers that end here
                if not stack:
                    return value
                if kinds[-1]:
                    stack[-1].append((names.pop(), value))
                else:
                    stack[-1].append(value)
                self._skip()
                closer = self._data[self._pos : self._pos + 1]
                self._pos += 1
                if closer == b",":
                    self._skip()
                    if kinds[-1]:
                        names.append(self._name())
                    break
                if closer != (b"}" if kinds[-1] else b"]"):
                    raise JsonError("separator expected")
                members = stack.pop()
                value = JsonObject(members) if kinds.pop() else members

    def at_end(self) -> bool:
        """Whether nothing is left to read."""
        return self._pos == len(self._data)

    def _skip(self) -> None:
        found = _BLANK.match(self._data, self._pos)
        if found:
            self._pos = found.end()

    def _name(self) -> str:
        name = self._string()
        self._skip()
        if self._data[self._pos : self._pos + 1] != b":":
            raise JsonError("colon expected")
        self._pos += 1
        self._skip()
        return name

    def _scalar(self) -> str | float | bool | None:
        data = self._data
        first = data[self._pos : self._pos + 1]
        if first == b'"':
            return self._string()
        for word, value in _WORDS:
            if data.startswith(word, self._pos):
                self._pos += len(word)
                return value
        if first and first in b"-0123456789":
            window = _NUMBER_BYTES.match(data, self._pos)
            number = _STRTOD.match(window.group()) if window else None
            if number:
                self._pos += number.end()
                return float(number.group())
        raise JsonError("value expected")

    def _string(self) -> str:
        if self._data[self._pos : self._pos + 1] != b'"':
            raise JsonError("string expected")
        found = _STRING_END.match(self._data, self._pos + 1)
        if not found:
            raise JsonError("string not closed")
        raw = found.group()[:-1]
        self._pos = found.end()
        if b"\\" in raw:
            raw = _unescape(raw)
        return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _unescape(raw: bytes) -> bytes:
    pieces: list[bytes] = []
    position = 0
    while (at := raw.find(b"\\", position)) >= 0:
        pieces.append(raw[position:at])
        # Four bytes that are no digits can hold the backslash of the last escape: what is left of it meets the quote.
        letter = raw[at + 1 : at + 2] or b'"'
        if letter == b"u":
            text, position = _code_point(raw, at)
            pieces.append(text)
        elif letter in _SIMPLE:
            pieces.append(_SIMPLE[letter])
            position = at + 2
        else:
            raise JsonError("unknown escape")
    pieces.append(raw[position:])
    return b"".join(pieces)


def _code_point(raw: bytes, at: int) -> tuple[bytes, int]:
    r"""Read ``\uXXXX`` (or a pair of surrogates) at ``at``; digits that are none count as zero."""
    code = _hex4(raw, at)
    if 0xDC00 <= code <= 0xDFFF:
        raise JsonError("low surrogate alone")
    position = at + 6
    if 0xD800 <= code <= 0xDBFF:
        if raw[position : position + 2] != b"\\u":
            raise JsonError("high surrogate alone")
        low = _hex4(raw, position)
        if not 0xDC00 <= low <= 0xDFFF:
            raise JsonError("high surrogate alone")
        code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF))
        position += 6
    return chr(code).encode(), position


def _hex4(raw: bytes, at: int) -> int:
    digits = raw[at + 2 : at + 6]
    if len(digits) < 4:
        raise JsonError("escape not complete")
    return int(digits, 16) if _HEX.fullmatch(digits) else 0


def number_text(value: float) -> bytes:
    """A number as a field shows it: an integer of 32 bits in decimal, everything else with six decimals, cut off."""
    whole = saturate(value)
    return b"%d" % whole if whole == value else (b"%f" % value)[:_NUMBER_LENGTH]


def saturate(value: float) -> int:
    """The integer that cJSON keeps beside the double."""
    if value >= _INT_MAX:
        return _INT_MAX
    if value <= _INT_MIN:
        return _INT_MIN
    return int(value)


def scalar_text(value: str | float | bool | None) -> bytes:  # noqa: FBT001 - a value, not a switch
    """A string, number or word as a field shows it."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if value is None:
        return b"null"
    if value is True:
        return b"true"
    if value is False:
        return b"false"
    return number_text(value)


def csv_text(items: list[Any]) -> bytes | None:
    """An array in the ``csv`` form: scalars joined by commas, objects and arrays left out.

    A comma stands behind every written element that is not the array's last, whatever the last is. None when the text
    is empty or too long.
    """
    pieces: list[bytes] = []
    for index, item in enumerate(items):
        if isinstance(item, (JsonObject, list)):
            continue
        pieces.append(scalar_text(item) + (b"," if index + 1 < len(items) else b""))
    text = b"".join(pieces)
    return text if text and len(text) < MAX_TEXT else None


@contextmanager
def room_for_nesting() -> Iterator[None]:
    """Let Python recurse as deep as a manager nests; for what is read and written by recursion."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _FRAMES_A_LEVEL * NESTING_LIMIT)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def depth_of(value: Json) -> int:
    """How deep arrays and objects are nested, without recursion; 0 for a value that is neither."""
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, (list, JsonObject))]:
        depth += 1
        level = [
            member for item in level for member in (item if isinstance(item, list) else [below for _, below in item])
        ]
    return depth


_TEXT = frozenset({str})


def quoted(text: str) -> bytes:
    """A JSON string as cJSON prints it: bytes above ASCII stay."""
    return encode_basestring(text).encode("utf-8", "surrogateescape")


def printed_number(value: float) -> bytes:
    """A number as cJSON prints it inside an array."""
    if math.isnan(value) or math.isinf(value):
        return b"null"
    whole = saturate(value)
    if whole == value:
        return b"%d" % whole
    short = b"%1.15g" % value
    back = float(short)
    if abs(back - value) <= max(abs(back), abs(value)) * 2.220446049250313e-16:
        return short
    return b"%1.17g" % value


def print_formatted(value: Json) -> bytes:
    r"""Print as cJSON's formatted printer does: ``, `` between elements, objects over several lines with tabs."""
    if isinstance(value, list) and _TEXT.issuperset(map(type, value)):
        return f"[{', '.join(map(encode_basestring, value))}]".encode("utf-8", "surrogateescape")
    out: list[bytes] = []
    # What is still to be printed, last first: texts as they are, values with the depth they stand in.
    pending: list[bytes | tuple[Json, int]] = [(value, 0)]
    while pending:
        item = pending.pop()
        if isinstance(item, bytes):
            out.append(item)
            continue
        current, depth = item
        if isinstance(current, JsonObject):
            inner = depth + 1
            out.append(b"{\n")
            pending.append(b"\t" * depth + b"}")
            for index in range(len(current) - 1, -1, -1):
                name, member = current[index]
                pending.append(b"\n" if index == len(current) - 1 else b",\n")
                pending.append((member, inner))
                pending.append(b"\t" * inner + quoted(name) + b":\t")
        elif isinstance(current, list):
            out.append(b"[")
            pending.append(b"]")
            for index in range(len(current) - 1, -1, -1):
                pending.append((current[index], depth + 1))
                if index:
                    pending.append(b", ")
        elif isinstance(current, str):
            out.append(quoted(current))
        elif current is None or isinstance(current, bool):
            out.append(scalar_text(current))
        else:
            out.append(printed_number(current))
    return b"".join(out)


class Name:
    """The name of a field: the path to a member.

    Attributes:
        path: names joined with dots.
        lowered: the same in lower case.
        at_top: the member stands at top level.
        below: names of its own members, by their last part.
    """

    __slots__ = ("at_top", "below", "lowered", "path")

    def __init__(self, path: bytes, *, at_top: bool = False) -> None:
        """Start without members."""
        self.path = path
        self.lowered = path.lower()
        self.at_top = at_top
        self.below: dict[str, Name] = {}


class _Names:
    """Names met before. Events of one source have the same ones, so most are joined and lower-cased once."""

    __slots__ = ("_count", "_top")

    _REMEMBERED = 8192
    _LONGEST = 200

    def __init__(self) -> None:
        self._top: dict[str, Name] = {}
        self._count = 0

    def top(self) -> dict[str, Name]:
        """Return the names at top level. Whoever invents names only empties the memory."""
        if self._count > self._REMEMBERED:
            self._top = {}
            self._count = 0
        return self._top

    def add(self, names: dict[str, Name], above: Name | None, text: str) -> Name:
        """Return a name that is not among ``names``, and remember it unless it is long."""
        raw = text.encode("utf-8", "surrogateescape")
        name = Name(above.path + b"." + raw if above is not None else raw, at_top=above is None)
        if len(name.path) <= self._LONGEST:
            names[text] = name
            self._count += 1
        return name


_NAMES = _Names()


def flatten(top: JsonObject, *, discard_null: bool = False, csv: bool = False) -> list[tuple[Name, bytes]]:
    """Return the fields of an object, depth first in document order.

    Args:
        top: the object.
        discard_null: leave out members that are null.
        csv: show arrays in the ``csv`` form instead of as JSON text.

    Returns:
        Name and value of each.
    """
    found: list[tuple[Name, bytes]] = []
    above: list[tuple[Iterator[tuple[str, Any]], Name | None]] = []
    members: Iterator[tuple[str, Any]] = iter(top)
    owner: Name | None = None
    names = _NAMES.top()
    while True:
        for text, value in members:
            name = names.get(text) or _NAMES.add(names, owner, text)
            kind = type(value)
            if kind is str:
                try:
                    shown = value.encode()
                except UnicodeEncodeError:  # to allow for bytes that are no UTF-8 at once takes three times as long
                    shown = value.encode("utf-8", "surrogateescape")
                found.append((name, shown))
            elif kind is JsonObject:
                above.append((members, owner))
                members, owner, names = iter(value), name, name.below
                break
            elif kind is list:
                shown = csv_text(value) if csv else print_formatted(value)
                if shown is not None:
                    found.append((name, shown))
            elif value is not None or not discard_null:
                found.append((name, scalar_text(value)))
        else:
            if not above:
                return found
            members, owner = above.pop()
            names = _NAMES.top() if owner is None else owner.below
