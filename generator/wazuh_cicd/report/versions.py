"""Which of two versions is the later one, for the kinds of package that scanners report.

Facts: deb-version(7); https://rpm-software-management.github.io/rpm/man/rpm-version.7; Alpine's pkgver,
https://wiki.alpinelinux.org/wiki/APKBUILD_Reference#pkgver; https://semver.org; PEP 440. An order that is not sure is
not given: who asks then shows both versions.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

# Words of versions by their place: below the plain version, equal to it, above it.
_WORDS = {
    **dict.fromkeys(("dev",), -5),
    **dict.fromkeys(("a", "alpha"), -4),
    **dict.fromkeys(("b", "beta"), -3),
    **dict.fromkeys(("m", "milestone"), -3),
    **dict.fromkeys(("c", "rc", "cr", "pre", "preview"), -2),
    **dict.fromkeys(("snapshot",), -1),
    **dict.fromkeys(("final", "ga", "release"), 0),
    **dict.fromkeys(("post", "sp"), 1),
}
_ALPINE = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")


def order(kind: str, one: str, other: str) -> int | None:
    """Below 0 when ``one`` is earlier, above 0 when it is later, 0 when they are equal; None when that is not sure.

    Args:
        kind: the type of its package URL: ``deb``, ``rpm``, ``apk``; every other is compared as libraries are.
        one: a version.
        other: another version of the same package.
    """
    if one == other:
        return 0
    return _ORDERS.get(kind, _libraries)(one, other)


_Key = TypeVar("_Key", int, "tuple[int, int]", "tuple[int, int, str]", "list[int]", "tuple[object, ...]")


def _sign(one: _Key, other: _Key) -> int:
    return int(one > other) - int(one < other)


def _epoch(version: str) -> tuple[int, str]:
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdecimal() else (0, version)


def _debian(one: str, other: str) -> int | None:
    (epoch, left), (epoch_of_other, right) = _epoch(one), _epoch(other)
    if epoch != epoch_of_other:
        return _sign(epoch, epoch_of_other)
    parts = [text.rpartition("-") if "-" in text else (text, "", "") for text in (left, right)]
    return _debian_part(parts[0][0], parts[1][0]) or _debian_part(parts[0][2], parts[1][2])


def _debian_part(one: str, other: str) -> int:
    """Compare runs that are no digits by character (a tilde first, then the end, letters, the rest), then numbers."""
    for left, right in zip_longest(_runs(one), _runs(other), fillvalue=("", "0")):
        words = [[_debian_rank(char) for char in text] + [0] for text in (left[0], right[0])]
        found = _sign(words[0], words[1]) or _sign(int(left[1] or 0), int(right[1] or 0))
        if found:
            return found
    return 0


def _runs(text: str) -> list[tuple[str, str]]:
    return [found for found in re.findall(r"([^0-9]*)([0-9]*)", text) if any(found)]


def _debian_rank(char: str) -> int:
    if char == "~":
        return -1
    return ord(char) if char.isascii() and char.isalpha() else ord(char) + 256


def _rpm(one: str, other: str) -> int | None:
    (epoch, left), (epoch_of_other, right) = _epoch(one), _epoch(other)
    if epoch != epoch_of_other:
        return _sign(epoch, epoch_of_other)
    (version, _, release), (version_of_other, _, release_of_other) = left.partition("-"), right.partition("-")
    return _rpm_part(version, version_of_other) or _rpm_part(release, release_of_other)


def _rpm_part(one: str, other: str) -> int:
    pattern = r"[0-9]+|[A-Za-z]+|~|\^"
    for left, right in zip_longest(re.findall(pattern, one), re.findall(pattern, other), fillvalue=""):
        found = _sign(_rpm_rank(left), _rpm_rank(right))
        if found:
            return found
    return 0


def _rpm_rank(part: str) -> tuple[int, int, str]:
    """A tilde is before the end, the end before a caret, that before letters, and these before numbers."""
    if part.isdecimal():
        return 4, int(part), ""
    return {"~": (0, 0, ""), "": (1, 0, ""), "^": (2, 0, "")}.get(part, (3, 0, part))


_APK = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z]?)"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:-r(?P<release>[0-9]+))?"
)


def _alpine(one: str, other: str) -> int | None:
    found = _APK.fullmatch(one), _APK.fullmatch(other)
    if found[0] is None or found[1] is None:
        return None
    return _sign(_alpine_key(found[0]), _alpine_key(found[1]))


def _alpine_key(match: re.Match[str]) -> tuple[object, ...]:
    suffixes = re.findall(r"_([a-z]+)([0-9]*)", match["suffixes"])
    ranks = [(_ALPINE.index(word), int(number or 0)) for word, number in suffixes]
    numbers = [int(number) for number in match["numbers"].split(".")]
    return numbers, match["letter"], [*ranks, (_ALPINE.index(""), 0)], int(match["release"] or 0)


def _libraries(one: str, other: str) -> int | None:
    left, right = _library_key(one), _library_key(other)
    return None if left is None or right is None else _sign(left, right)


def _library_key(version: str) -> tuple[object, ...] | None:
    """The numbers of a version without zeros at their end, then the words and numbers behind them.

    None where it holds a word whose place nobody knows, an epoch, or a number behind a hyphen: npm takes that for a
    version before the plain one, Maven and PyPI for one after it.
    """
    text = version.lower().removeprefix("v").partition("+")[0]
    if not re.fullmatch(r"[0-9][0-9a-z._-]*", text) or re.match(r"[0-9.]*[-_][0-9]", text):
        return None
    plain = re.match(r"[0-9.]*", text)
    numbers = [int(number) for number in re.findall("[0-9]+", plain[0])] if plain else []
    while numbers and not numbers[-1]:
        numbers.pop()
    words: list[tuple[int, int]] = []
    for token in re.findall(r"[0-9]+|[a-z]+", text[plain.end() :] if plain else ""):
        if token.isdecimal():
            words.append((2, int(token)))
        elif token not in _WORDS:
            return None
        elif _WORDS[token]:
            words.append((_WORDS[token], 0))
    return numbers, [*words, (0, 0)]


_ORDERS: dict[str, Callable[[str, str], int | None]] = {"deb": _debian, "rpm": _rpm, "apk": _alpine}
