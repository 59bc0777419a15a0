"""The tree of rules: where each rule hangs, in which order siblings stand, what overwrites what, who counts whom."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.places import Node
from wazuh_cicd.engine.judge.rule import Rule
from wazuh_cicd.engine.load.cnumbers import as_c_int
from wazuh_cicd.engine.load.messages import ERROR, WARNING, LoadMessage
from wazuh_cicd.engine.load.ruledefinition import RANK_STEP
from wazuh_cicd.engine.load.ruledraft import NO_SID
from wazuh_cicd.engine.patterns import compile_pattern, word_match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition

# Rules with a smaller id and no parent are roots of their category.
FIRST_ORDINARY_ID = 10

_RELATIONS = ("if_sid", "if_group", "if_level", "if_matched_group", "if_matched_sid")
# A number of ``if_sid``, or what stands where the list ends without one: the manager reads 0 there.
_SID = re.compile(rb"[0-9]+|(?:\A|(?<=[, ]))\Z|[^0-9, ]")


@lru_cache(maxsize=8192)
def _lowered(group: bytes) -> bytes:
    """Return a group in lower case; while a tree grows, the same ones are compared again and again."""
    return group.lower()


class RuleTree:
    """All rules of a ruleset, in the order in which they were loaded.

    Attributes:
        messages: what the manager logs; appended to.
        roots: the category roots, in order.
        rules: rule by id; the first of an id counts.
        ordered: rules in load order; a rule's ``index`` is its position here.
        nodes: every place in the tree by rule id, in order of attachment.
        by_group: every place by the group string of its rule.
    """

    __slots__ = ("_decoder_id", "by_group", "messages", "nodes", "ordered", "roots", "rules")

    def __init__(self, messages: list[LoadMessage], decoder_id: Callable[[bytes], int | None]) -> None:
        """Start without rules.

        Args:
            messages: appended to.
            decoder_id: the number of a decoder by name.
        """
        self.messages = messages
        self.roots: list[Node] = []
        self.rules: dict[int, Rule] = {}
        self.ordered: list[Rule] = []
        self.nodes: dict[int, list[Node]] = {}
        self.by_group: dict[bytes, list[Node]] = {}
        self._decoder_id = decoder_id

    def warn(self, code: int, text: str, rule: Rule) -> None:
        """Log a warning about ``rule``."""
        self.messages.append(LoadMessage(WARNING, code, f"({code}): {text}", *_place_of(rule)))

    def error(self, text: str, rule: Rule) -> None:
        """Log an error about ``rule`` that does not stop the daemon."""
        self.messages.append(LoadMessage(ERROR, 0, text, *_place_of(rule)))

    def __contains__(self, rule_id: object) -> bool:
        """Whether a rule of this id is loaded."""
        return rule_id in self.rules

    def add(self, definition: RuleDefinition) -> bool:
        """Give a rule its place; False when the manager drops it with a warning."""
        rule = self.make(definition)
        if definition.overwrite:
            self._overwrite(rule)
            return True
        if not self._attach(rule):
            return False
        rule.index = len(self.ordered)
        self.ordered.append(rule)
        self.rules[rule.id] = rule
        self._register(rule)
        return True

    def make(self, definition: RuleDefinition) -> Rule:
        """Return a rule of this tree that has no place yet."""
        name = definition.decoded_as
        return Rule(definition, (self._decoder_id(name) or 0) if name is not None else 0)

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
        self.by_group.setdefault(node.rule.definition.group, []).append(node)

    def _attach(self, rule: Rule) -> bool:
        if rule.id < FIRST_ORDINARY_ID:
            # Whatever relations it names: the manager does not look at them.
            self.roots.append(Node(rule))
            self._index(self.roots[-1])
            return True
        definition = rule.definition
        if definition.if_sid is not None:
            return self._attach_by_sid(rule, definition.if_sid)
        if definition.if_level is not None and (definition.if_matched_group is None or definition.if_group is None):
            return self._attach_by_level(rule, definition.if_level)
        if definition.if_group is not None:
            return self._attach_by_group(rule, definition.if_group)
        return self._attach_by_category(rule)

    def _category_root(self, rule: Rule) -> list[Node]:
        return [root for root in self.roots if root.rule.category == rule.category][:1]

    def _attach_by_category(self, rule: Rule) -> bool:
        for root in self._category_root(rule):
            self._place(root, rule)
            return True
        self.warn(7611, f"Category was not found. Invalid 'category'. Rule '{rule.id}' will be ignored.", rule)
        return False

    def _attach_by_sid(self, rule: Rule, sids: bytes) -> bool:
        found = False
        for digits in _SID.findall(sids):
            if digits and not digits.isdigit():  # a line end at the end
                tag = "if_sid" if rule.definition.if_matched_sid in {None, NO_SID} else "if_matched_sid"
                self.warn(
                    7607,
                    f"Invalid '{tag}'. Signature ID must be an integer. Rule '{rule.id}' will be ignored.",
                    rule,
                )
                return found
            sid = as_c_int(digits)
            # 0 is no id at all for the manager: the category decides.
            targets = self._reachable(sid) if sid else self._category_root(rule)
            if not targets and rule.definition.if_matched_sid not in {None, NO_SID}:
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

    def _attach_by_level(self, rule: Rule, level: bytes) -> bool:
        rank = as_c_int(level)
        rank = as_c_int(rank * RANK_STEP)
        if not rank:
            shown = level.decode("utf-8", "surrogateescape")
            self.warn(7609, f"Invalid 'if_level' value: '{shown}'. Rule '{rule.id}' will be ignored.", rule)
            return False
        targets = [node for node in self.walk() if node.rule.definition.rank >= rank]
        if not targets:
            self.warn(
                7608, f"Level ID '{rank}' was not found. Invalid 'if_level'. Rule '{rule.id}' will be ignored.", rule
            )
            return False
        for node in targets:
            self._place(node, rule)
        return True

    def _attach_by_group(self, rule: Rule, text: bytes) -> bool:
        # The quick look saves most calls of the real comparison.
        alternatives = [alternative.lstrip(b"^") for alternative in text.lower().split(b"|")]
        targets = [
            node
            for group, nodes in self.by_group.items()
            if any(map(_lowered(group).__contains__, alternatives)) and word_match(text, group)
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

    def _register(self, rule: Rule) -> None:
        """Tell the rules that a composite counts that they are counted."""
        definition = rule.definition
        if definition.if_matched_sid == NO_SID:
            # Without an expression: every remembered event counts. Beside check_diff nothing does.
            rule.search = None if definition.check_diff else "regex"
        elif definition.if_matched_sid is not None:
            counted = self.rules.get(as_c_int(definition.if_matched_sid))  # a composite may count itself
            rule.search, rule.counted = "sid", counted
            if counted is not None:
                counted.counted_by_sid = True
        elif definition.if_matched_group is not None:
            rule.search = "group"
            matches = compile_pattern("osmatch", definition.if_matched_group).test_folded
            for group, nodes in self.by_group.items():
                if matches(_lowered(group)):
                    for node in nodes:
                        node.rule.counted_by_groups.append(rule)
        elif definition.if_matched_regex is not None and not definition.check_diff:
            rule.search = "regex"
            rule.compile_matched()

    def _overwrite(self, rule: Rule) -> None:
        old = self.rules[rule.id]
        before, after = old.definition, rule.definition
        for relation in _RELATIONS:
            if getattr(after, relation.replace("if_", "if_matched_"), None) not in {None, NO_SID}:
                continue  # the manager takes if_sid for a part of if_matched_sid, if_group of if_matched_group
            new_text, old_text = getattr(after, relation), getattr(before, relation)
            if relation == "if_matched_sid" and new_text == NO_SID:
                continue
            # The manager warns of if_group even when it is the same.
            if new_text is not None and (relation == "if_group" or new_text != old_text):
                self.warn(
                    7605,
                    f"It is not possible to overwrite '{relation}' value in rule '{rule.id}'."
                    " The original value is retained.",
                    rule,
                )
        if after.rank != before.rank:
            for node in self.nodes[rule.id]:
                if node.parent is not None:
                    node.parent.forget_ranks()
        if after.group != before.group:
            places = self.by_group[before.group]
            self.by_group[before.group] = [node for node in places if node.rule is not old]
            self.by_group.setdefault(after.group, []).extend(node for node in places if node.rule is old)
        kept = {relation: getattr(before, relation) for relation in _RELATIONS}
        old.definition = after._replace(category=before.category, **kept)
        old.decoder_id = rule.decoder_id
        old.compile_matched()


def _place_of(rule: Rule) -> tuple[str, int, int, int]:
    """Return where a rule is written, and its id."""
    definition = rule.definition
    return definition.path, definition.line, definition.column, definition.id


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
