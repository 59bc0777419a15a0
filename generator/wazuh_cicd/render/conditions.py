"""Conditions as Wazuh rule tags: which tag, which dialect, which text.

Wazuh joins the texts of a repeated tag, so everything asked of one static field becomes one tag; a dynamic field may
have several ``<field>`` tags, which must all hold. A tag with ``negate="yes"`` does not hold when the value is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.render.commands import audit_record, command_line
from wazuh_cicd.render.expressions import both, expression
from wazuh_cicd.spec.model import Affix, Cidr, Command, Equals, Exists, InList, Matcher
from wazuh_cicd.spec.subjects import ADDRESSES, is_dynamic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.spec.model import Condition, RuleSpec

# Text of one tag, and how many are joined: analysisd 4.14 takes one of less than 2,048 bytes, then another of as
# much, and refuses the whole ruleset over a third. A <field> has room for 20,480 bytes in one tag.
MAX_TEXT = 2040
MOST_PARTS = 2
MAX_FIELD_TEXT = 20000


@dataclass(frozen=True, slots=True)
class Tag:
    """One XML element of a rule. ``attributes`` in order; ``text`` goes into the file as it stands."""

    name: str
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class RenderError(Exception):
    """A condition that has no exact form in Wazuh; the text says why and how to mend it."""

    def __init__(self, condition: Condition, what: str, mend: str) -> None:
        """Remember the condition."""
        super().__init__(what)
        self.condition = condition
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class _Piece:
    """One thing asked of a subject: an expression, with its condition for messages."""

    condition: Condition
    matchers: tuple[Matcher, ...]
    negated: bool

    def expression(self) -> str:
        prefix = "(?i)" if self.condition.ignore_case else ""
        texts = [self._expression(matcher) for matcher in self.matchers]
        if len(texts) > 1:
            _combinable(self.condition, texts)
            return f"(?i:{both(texts)})" if prefix else both(texts)
        text = texts[0]
        if prefix and text.startswith("(*"):
            verbs = re.match(r"(?:\(\*[A-Z_0-9]+\))*", text)
            cut = verbs.end() if verbs else 0
            return f"{text[:cut]}{prefix}{text[cut:]}"
        return prefix + text

    def _expression(self, matcher: Matcher) -> str:
        if isinstance(matcher, Command):
            spelling = audit_record if self.condition.subject == "log" else command_line
            return spelling(matcher, ignore_case=self.condition.ignore_case)
        return expression(matcher)


def _combinable(condition: Condition, texts: Sequence[str]) -> None:
    for text in texts:
        if re.match(r"\(\*[A-Z]", text) or re.search(r"(?<!\\)(?:\\\\)*\\(?:[1-9]|g\{?-?\d|k)", text):
            raise RenderError(
                condition,
                "an expression with (*…) or back references cannot be combined with other conditions on the field",
                "put the other condition into the expression itself, or into a child rule",
            )


def condition_tags(rule: RuleSpec) -> list[Tag]:
    """The tags of ``when`` and ``unless``, in the order in which analysisd tests them where that is cheap to keep.

    Raises:
        RenderError: no exact form.
    """
    tags: list[Tag] = []
    pieces: dict[str, list[_Piece]] = {}
    for negated, conditions in ((False, rule.when), (True, rule.unless)):
        for condition in conditions:
            subject = condition.subject
            if subject in ("decoder", "time", "weekday"):
                tags.append(Tag({"decoder": "decoded_as"}.get(subject, subject), _plain(condition)))
                continue
            if subject == "min_size":
                continue
            texts = tuple(m for m in condition.matchers if not isinstance(m, InList))
            tags.extend(_list_tag(condition, m, negated=negated) for m in condition.matchers if isinstance(m, InList))
            if not texts:
                continue
            if subject in ADDRESSES:
                tags.extend(_address_tags(condition, texts, negated=negated))
            else:
                pieces.setdefault(subject, []).extend(_split(condition, texts, negated=negated))
    if sum(1 for name in ADDRESSES for c in (*rule.when, *rule.unless) if c.subject == name and _has_text(c)) > len(
        {c.subject for c in (*rule.when, *rule.unless) if c.subject in ADDRESSES and _has_text(c)}
    ):
        condition = next(c for c in rule.unless if c.subject in ADDRESSES)
        raise RenderError(condition, f"Wazuh joins all addresses of '{condition.subject}' with OR", "use a child rule")
    for subject, wanted in pieces.items():
        tags.extend(_dynamic_tags(wanted) if is_dynamic(subject) else _static_tags(subject, wanted))
    return sorted(tags, key=lambda tag: _ORDER.get(tag.name, 50))


# Cheap tests first: what analysisd tests first anyway, so that a reader sees the order in which it decides.
_ORDER = {
    name: position
    for position, name in enumerate(
        ("decoded_as", "program_name", "id", "system_name", "protocol", "match", "regex", "action", "url", "location",
         "field", "srcip", "dstip", "srcport", "dstport", "user", "time", "weekday", "data", "extra_data", "hostname",
         "status", "list")
    )
}  # fmt: skip


def _has_text(condition: Condition) -> bool:
    return any(not isinstance(m, InList) for m in condition.matchers)


def min_size(rule: RuleSpec) -> str:
    """The attribute ``maxsize``, which is a minimum (Wazuh's name); empty when not asked for."""
    return next((_plain(c) for c in rule.when if c.subject == "min_size"), "")


def _plain(condition: Condition) -> str:
    matcher = condition.matchers[0]
    return str(matcher.values[0]) if isinstance(matcher, Equals) else ""


def _split(condition: Condition, matchers: tuple[Matcher, ...], *, negated: bool) -> Iterator[_Piece]:
    """Positive matchers are asked one by one; a negated mapping is denied as a whole."""
    if negated:
        yield _Piece(condition, matchers, negated=True)
        return
    for matcher in matchers:
        if isinstance(matcher, Affix) and matcher.kind == "contains_all":
            for text in matcher.texts:
                yield _Piece(condition, (Affix("contains", (text,)),), negated=False)
        else:
            yield _Piece(condition, (matcher,), negated=False)


def _dynamic_tags(pieces: list[_Piece]) -> Iterator[Tag]:
    for piece in pieces:
        dialect, text = _dialect(piece, "osregex")
        if len(text.encode("utf-8", "surrogateescape")) > MAX_FIELD_TEXT:
            raise RenderError(piece.condition, f"the expression has over {MAX_FIELD_TEXT} bytes", "use a list")
        attributes = [("name", piece.condition.subject)]
        if dialect != "osregex":
            attributes.append(("type", dialect))
        if piece.negated:
            attributes.append(("negate", "yes"))
        yield Tag("field", text, tuple(attributes))


def _static_tags(subject: str, pieces: list[_Piece]) -> list[Tag]:
    name = "regex" if subject == "log" else subject
    condition = pieces[0].condition
    attributes: list[tuple[str, str]] = []
    if len(pieces) == 1:
        piece = pieces[0]
        dialect, text = _dialect(piece, "")
        if dialect == "osmatch" and subject == "log":
            name, dialect = "match", ""
        elif dialect == "osmatch" and subject != "action":
            dialect = ""
        if dialect:
            attributes.append(("type", dialect))
        if piece.negated:
            attributes.append(("negate", "yes"))
    else:
        positive = [piece.expression() for piece in pieces if not piece.negated]
        negative = [piece.expression() for piece in pieces if piece.negated]
        _combinable(condition, [*positive, *negative])
        attributes.append(("type", "pcre2"))
        text = both([_scoped(t) for t in positive], negated=[_scoped(t) for t in negative])
        if not positive:
            text += r"[\s\S]*"
    if len(text.encode("utf-8", "surrogateescape")) <= MAX_TEXT:
        return [Tag(name, text, tuple(attributes))]
    parts = list(_in_parts(text)) if dict(attributes).get("type") == "pcre2" and text.isascii() else []
    if not parts or len(parts) > MOST_PARTS:
        most = MAX_TEXT * (MOST_PARTS if parts else 1)
        raise RenderError(
            condition, f"the conditions on '{subject}' need over {most} bytes", "use a list, or two rules"
        )
    return [Tag(name, part, tuple(attributes)) for part in parts]


def _in_parts(text: str) -> Iterator[str]:
    """A long expression as texts of tags that follow each other: a manager joins them as they stand.

    A part begins and ends with a letter or digit, so that no reader of the XML trims or changes it.
    """
    while len(text) > MAX_TEXT:
        cut = MAX_TEXT
        while not (text[cut - 1].isalnum() and text[cut].isalnum()):
            cut -= 1
        yield text[:cut]
        text = text[cut:]
    yield text


def _scoped(text: str) -> str:
    return f"(?i:{text[4:]})" if text.startswith("(?i)") else text


def _dialect(piece: _Piece, plain: str) -> tuple[str, str]:
    """The dialect and its text. ``plain`` names OS_Regex where it is the tag's default."""
    matcher = piece.matchers[0]
    if len(piece.matchers) == 1:
        if isinstance(matcher, Exists):
            return plain or "osregex", r"\.+" if matcher.nonempty else r"\.*"
        simple = os_match(matcher) if piece.condition.ignore_case else None
        if simple is not None:
            return "osmatch", simple
    text = piece.expression()
    # The server API changes a text that looks like a spread-sheet formula.
    return "pcre2", "\\" + text if text[:1] in ("=", "-", "@") else text


_NOT_OS_MATCH = re.compile(r"[|<&\\\x00-\x1f\x7f]|^[!^=@+ -]|[$ ]\Z")


def os_match(matcher: Matcher) -> str | None:
    """Text without specials, case ignored: exactly what OS_Match does."""
    if isinstance(matcher, Equals):
        texts = [str(value) for value in matcher.values if isinstance(value, str)]
        if len(texts) != len(matcher.values):
            return None
        before, behind = "^", "$"
    elif isinstance(matcher, Affix) and matcher.kind != "contains_all":
        texts = list(matcher.texts)
        before, behind = {"starts_with": ("^", ""), "ends_with": ("", "$"), "contains": ("", "")}[matcher.kind]
    else:
        return None
    if any(not text or _NOT_OS_MATCH.search(text) or not text.isascii() for text in texts):
        return None
    return "|".join(f"{before}{text}{behind}" for text in texts)


_ALL_OF_IPV4 = ("0.0.0.0/0", "0.0.0.0/0.0.0.0")
_HALVES = ("0.0.0.0/1", "128.0.0.0/1")


def _address_tags(condition: Condition, matchers: tuple[Matcher, ...], *, negated: bool) -> Iterator[Tag]:
    matcher = matchers[0]
    texts = matcher.networks if isinstance(matcher, Cidr) else ()
    if isinstance(matcher, Equals):
        texts = tuple(str(value) for value in matcher.values)
    for text in texts:
        for network in _exact_networks(text):
            yield Tag(condition.subject, network, (("negate", "yes"),) if negated else ())


def _exact_networks(text: str) -> tuple[str, ...]:
    """The network as blocks that a manager takes for what they say.

    It takes every IPv6 address for one of ``0.0.0.0/0``, but none for one of its halves (``docs/engine.md``).
    """
    return _HALVES if text in _ALL_OF_IPV4 else (text,)


def _list_tag(condition: Condition, matcher: InList, *, negated: bool) -> Tag:
    lookup = "address_match_key" if matcher.by_address else "match_key"
    attributes = [("field", condition.subject), ("lookup", f"not_{lookup}" if negated else lookup)]
    if matcher.value is not None:
        attributes = [
            ("field", condition.subject),
            ("lookup", "match_key_value"),
            ("check_value", f"^{matcher.value}$"),
        ]
    return Tag("list", f"etc/lists/cicd/{matcher.name}", tuple(attributes))
