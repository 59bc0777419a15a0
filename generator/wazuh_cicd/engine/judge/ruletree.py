"""The tree of rules: where each rule hangs, in which order siblings stand, what overwrites what, who counts whom."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.rulemodel import KEPT_BY_OVERWRITE, RANK_STEP, Node, Rule
from wazuh_cicd.engine.load.messages import ERROR, WARNING, LoadMessage
from wazuh_cicd.engine.patterns import compile_pattern, word_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Rules with a smaller id and no parent are roots of their category.
FIRST_ORDINARY_ID = 10

_RELATIONS = ("if_sid", "if_group", "if_level", "if_matched_group", "if_matched_sid")
_INT_BITS = 32
_LONG_MAX = (1 << 63) - 1


def as_c_int(digits: bytes) -> int:
    """Read a number as the manager does: a 64-bit number cut to 32 bits, so that long ones become other ids."""
    number = min(int(digits), _LONG_MAX) & ((1 << _INT_BITS) - 1)
    return number - (1 << _INT_BITS) if number >> (_INT_BITS - 1) else number


@dataclass(slots=True)
class RuleTree:
    """All rules of a ruleset, in the order in which they were loaded.

    Attributes:
        roots: the category roots, in order.
        rules: rule by id; the first of an id counts.
        ordered: rules in load order; a rule's ``index`` is its position here.
        nodes: every place in the tree by rule id, in order of attachment.
        by_group: every place by the group string of its rule.
        messages: what the manager logs; appended to.
    """

    messages: list[LoadMessage]
    roots: list[Node] = field(default_factory=list)
    rules: dict[int, Rule] = field(default_factory=dict)
    ordered: list[Rule] = field(default_factory=list)
    nodes: dict[int, list[Node]] = field(default_factory=dict)
    by_group: dict[bytes, list[Node]] = field(default_factory=dict)

    def warn(self, code: int, text: str, rule: Rule) -> None:
        """Log a warning about ``rule``."""
        self.messages.append(
            LoadMessage(WARNING, code, f"({code}): {text}", rule.path, rule.line, rule.column, rule.id)
        )

    def error(self, text: str, rule: Rule) -> None:
        """Log an error about ``rule`` that does not stop the daemon."""
        self.messages.append(LoadMessage(ERROR, 0, text, rule.path, rule.line, rule.column, rule.id))

    def __contains__(self, rule_id: object) -> bool:
        """Whether a rule of this id is loaded."""
        return rule_id in self.rules

    def add(self, rule: Rule) -> bool:
        """Give a rule its place; False when the manager drops it with a warning."""
        if rule.overwrite:
            self._overwrite(rule)
            return True
        counted = None if rule.if_matched_sid is None else self.rules.get(as_c_int(rule.if_matched_sid))
        if rule.if_sid is None and rule.if_group is None:
            if rule.if_matched_group is not None:
                rule.if_group = rule.if_matched_group
            else:
                rule.if_sid = rule.if_matched_sid
        if not self._attach(rule):
            return False
        rule.index = len(self.ordered)
        self.ordered.append(rule)
        self.rules[rule.id] = rule
        self._register(rule, counted)
        return True

    def finish(self, nodes: Iterable[Node]) -> None:
        """Index places that were attached without ``add``; nothing can be added to the tree afterwards."""
        for node in nodes:
            self.nodes.setdefault(node.rule.id, []).append(node)

    def walk(self) -> Iterator[Node]:
        """Every place, depth first, in the order in which places are tried."""
        stack = list(reversed(self.roots))
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def _place(self, parent: Node, rule: Rule) -> None:
        self._index(parent.add_child(rule))
        if parent.rule.id not in rule.parents:
            rule.parents.append(parent.rule.id)

    def _index(self, node: Node) -> None:
        self.nodes.setdefault(node.rule.id, []).append(node)
        self.by_group.setdefault(node.rule.group, []).append(node)

    def _attach(self, rule: Rule) -> bool:
        if rule.id < FIRST_ORDINARY_ID:
            # Whatever relations it names: the manager does not look at them.
            self.roots.append(Node(rule))
            self._index(self.roots[-1])
            return True
        if rule.if_sid is not None:
            return self._attach_by_sid(rule)
        if rule.if_level is not None and rule.if_matched_group is None:
            return self._attach_by_level(rule)
        if rule.if_group is not None:
            return self._attach_by_group(rule)
        if rule.if_level is not None:
            return self._attach_by_level(rule)
        return self._attach_by_category(rule)

    def _attach_by_category(self, rule: Rule) -> bool:
        for root in self.roots:
            if root.rule.category == rule.category:
                self._place(root, rule)
                return True
        self.warn(7611, f"Category was not found. Invalid 'category'. Rule '{rule.id}' will be ignored.", rule)
        return False

    def _attach_by_sid(self, rule: Rule) -> bool:
        found = False
        for digits in re.findall(rb"[0-9]+", rule.if_sid or b""):
            sid = as_c_int(digits)
            if sid == 0:  # no id at all for the manager: the category decides
                found = self._attach_by_category(rule) or found
                continue
            targets = self._reachable(sid)
            if not targets and rule.if_matched_sid is not None:
                self.warn(
                    7620,
                    f"Signature ID '{sid}' was not found. Invalid 'if_matched_sid'.Rule '{rule.id}' will be ignored.",
                    rule,
                )
                return False
            if not targets:
                self.warn(
                    7617,
                    f"Signature ID '{sid}' was not found and will be ignored in the 'if_sid' option"
                    f" of rule '{rule.id}'.",
                    rule,
                )
                continue
            found = True
            rule.category = targets[-1].rule.category
            for node in targets:
                self._place(node, rule)
        if not found:
            self.warn(7619, f"Empty 'if_sid' value. Rule '{rule.id}' will be ignored.", rule)
        return found

    def _reachable(self, sid: int) -> list[Node]:
        """Places of a rule that receive a child: the first of each sibling list hides what stands behind it."""
        places = list(self.nodes.get(sid, ()))  # of its own: a rule that names itself gets places while they are read
        if len(places) < 2:
            return places
        return [node for node in places if not any(_hides(other, node) for other in places if other is not node)]

    def _attach_by_level(self, rule: Rule) -> bool:
        rank = int(rule.if_level or b"0") * RANK_STEP
        if not rank:
            shown = (rule.if_level or b"").decode("utf-8", "surrogateescape")
            self.warn(7609, f"Invalid 'if_level' value: '{shown}'. Rule '{rule.id}' will be ignored.", rule)
            return False
        targets = [node for node in self.walk() if node.rule.rank >= rank]
        if not targets:
            self.warn(
                7608, f"Level ID '{rank}' was not found. Invalid 'if_level'. Rule '{rule.id}' will be ignored.", rule
            )
            return False
        for node in targets:
            self._place(node, rule)
        return True

    def _attach_by_group(self, rule: Rule) -> bool:
        text = rule.if_group or b""
        # The quick look saves most calls of the real comparison.
        alternatives = [alternative.lstrip(b"^") for alternative in text.lower().split(b"|")]
        targets = [
            node
            for group, nodes in self.by_group.items()
            if any(map(group.lower().__contains__, alternatives)) and word_match(text, group)
            for node in nodes
        ]
        if not targets:
            shown = text.decode("utf-8", "surrogateescape")
            self.warn(
                7610, f"Group '{shown}' was not found. Invalid 'if_group'. Rule '{rule.id}' will be ignored.", rule
            )
            return False
        for node in targets:
            self._place(node, rule)
        return True

    def _register(self, rule: Rule, counted: Rule | None) -> None:
        """Tell the rules that a composite counts that they are counted."""
        if rule.if_matched_sid is not None and as_c_int(rule.if_matched_sid) == 0:
            rule.search = "regex"  # without an expression: every remembered event counts
        elif rule.if_matched_sid is not None:
            rule.search, rule.counted = "sid", counted
            if counted is not None:
                counted.counted_by_sid = True
        elif rule.if_matched_group is not None:
            rule.search = "group"
            pattern = compile_pattern("osmatch", rule.if_matched_group)
            for group, nodes in self.by_group.items():
                if pattern.test(group):
                    for node in nodes:
                        node.rule.counted_by_groups.append(rule)
        elif rule.if_matched_regex is not None:
            rule.search = "regex"
            rule.compile_matched()

    def _overwrite(self, rule: Rule) -> None:
        old = self.rules[rule.id]
        for relation in _RELATIONS:
            if getattr(rule, relation.replace("if_", "if_matched_"), None) is not None:
                continue  # the manager takes if_sid for a part of if_matched_sid, if_group of if_matched_group
            new_text, old_text = getattr(rule, relation), getattr(old, relation)
            # The manager warns of if_group even when it is the same.
            if new_text is not None and (relation == "if_group" or new_text != old_text):
                self.warn(
                    7605,
                    f"It is not possible to overwrite '{relation}' value in rule '{rule.id}'."
                    " The original value is retained.",
                    rule,
                )
        if rule.rank != old.rank:
            for node in self.nodes[rule.id]:
                if node.parent is not None:
                    node.parent.forget_ranks()
        if rule.group != old.group:
            places = self.by_group[old.group]
            self.by_group[old.group] = [node for node in places if node.rule is not old]
            self.by_group.setdefault(rule.group, []).extend(node for node in places if node.rule is old)
        for item in fields(Rule):
            if item.name not in KEPT_BY_OVERWRITE:
                setattr(old, item.name, getattr(rule, item.name))
        old.compile_matched()


def _hides(other: Node, node: Node) -> bool:
    """Whether a search that has found ``other`` never comes to ``node``."""
    step: Node | None = node
    while step is not None:
        if step is other:
            return True
        if step.parent is other.parent and step.parent is not None:
            siblings = step.parent.children
            return siblings.index(other) < siblings.index(step)
        step = step.parent
    return False
