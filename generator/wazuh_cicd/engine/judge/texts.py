"""The patterns of a rule's conditions, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_cicd.engine.patterns import shared_pattern
from wazuh_cicd.engine.patterns.perl import PerlPattern
from wazuh_cicd.engine.patterns.plain import Negated

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.load.ruledefinition import TextTest
    from wazuh_cicd.engine.patterns import Pattern


def pattern_of(test: TextTest) -> Pattern:
    """Return the compiled pattern, negation included.

    Raises:
        PatternError: the manager would refuse it.
    """
    pattern = shared_pattern(test.kind, test.source)
    return Negated(pattern) if test.negate else pattern


def matcher_of(test: TextTest) -> Callable[[bytes], bool]:
    """Return the fastest function that says of a value whether it passes, negation included.

    Raises:
        PatternError: the manager would refuse the pattern.
    """
    pattern = shared_pattern(test.kind, test.source)
    if not isinstance(pattern, PerlPattern):
        return pattern_of(test).test
    passes = pattern.tester()
    return (lambda value: not passes(value)) if test.negate else passes
