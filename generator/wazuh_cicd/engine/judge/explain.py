"""Why an event became what it became: every rule that was tried, and the first condition of each that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.engine.judge.rule import Rule
from wazuh_cicd.engine.judge.verdict import Verdict

if TYPE_CHECKING:
    from wazuh_cicd.engine.judge.places import Node


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was tried.

    Attributes:
        rule: the rule.
        depth: 0 for a category root.
        path: ids from the category root down to this rule.
        matched: all conditions held, and the correlation where there is one.
        failed: the tag of the first condition that did not hold (``match``, ``field github.action``,
            ``if_matched_sid``); empty when all did.
        wanted: what that condition asks for.
        value: what it looked at; None when the event does not have the value.
    """

    rule: Rule
    depth: int
    path: tuple[int, ...]
    matched: bool
    failed: str = ""
    wanted: str = ""
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and the walk through the tree that led to it.

    Attributes:
        verdict: the same as without explanation.
        steps: the rules in the order in which they were tried.
        chain: the rules from the category root to the final one; empty without a final rule.
        siblings_before: the siblings that are tried before the final rule, in order.
    """

    verdict: Verdict
    steps: tuple[Step, ...]
    chain: tuple[Rule, ...]
    siblings_before: tuple[Rule, ...]


class Trace:
    """Collects the steps of one walk."""

    __slots__ = ("chain", "siblings_before", "steps")

    def __init__(self) -> None:
        """Start empty."""
        self.steps: list[Step] = []
        self.chain: tuple[Rule, ...] = ()
        self.siblings_before: tuple[Rule, ...] = ()

    def add(self, node: Node, failed: str = "", wanted: str = "", value: bytes | None = None) -> None:
        """Note that a rule was tried."""
        path = [above.rule.id for above in lineage(node)]
        self.steps.append(Step(node.rule, len(path) - 1, tuple(path), not failed, failed, wanted, value))

    def won(self, node: Node) -> None:
        """Note the final rule."""
        self.chain = tuple(above.rule for above in lineage(node))
        if node.parent is not None:
            siblings = node.parent.children
            self.siblings_before = tuple(sibling.rule for sibling in siblings[: siblings.index(node)])


def lineage(node: Node) -> list[Node]:
    """Return the nodes from the category root down to this one."""
    chain = [node]
    while (parent := chain[-1].parent) is not None:
        chain.append(parent)
    return chain[::-1]
