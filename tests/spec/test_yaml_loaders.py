"""PyYAML comes with libyaml or without it: a spec means the same, and is refused in the same words, with either."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wazuh_cicd.spec import yamlnodes
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.yamlnodes import SpecReader

pytestmark = pytest.mark.skipif(yamlnodes.FAST_LOADER is None, reason="this PyYAML was built without libyaml")

ROOT = Path(__file__).parents[2]
OWN_FILES = [path for room in ("rules", "decoders", "lists", "tests") for path in sorted((ROOT / room).rglob("*.yml"))]
PIECES = (
    *("a", "é", "😀", "b: ", "- ", "[", "]", "{", "}", ", ", "? ", "?", ":", ": ", "\n", "\n  ", "\n- ", "'", '"'),
    *(" #", "#", "&x ", "*x", "!t ", "!!str ", "|", "|\n  ", ">-\n  ", "\t", "@", "%", "---\n", "...\n", "~", "1"),
    *("\\", "\r\n", "\x01", "\x85", "\u2028", "\ufeff"),
)


def located(node):
    """A node with what we use of it: tag, place, content, and the style of a scalar."""
    place = (node.tag, node.start_mark.line, node.start_mark.column)
    if isinstance(node, yaml.MappingNode):
        return (*place, [(located(key), located(value)) for key, value in node.value])
    if isinstance(node, yaml.SequenceNode):
        return (*place, [located(value) for value in node.value])
    return (*place, node.style or None, node.value)


def read(data, fast_loader):
    problems = Problems()
    with mock.patch.object(yamlnodes, "FAST_LOADER", fast_loader):
        node = SpecReader("x.yml", problems).compose(data)
    return node and located(node), [str(finding) for finding in problems.findings]


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_our_own_files_read_the_same_with_both_loaders(path):
    data = path.read_bytes()
    assert read(data, yaml.CSafeLoader) == read(data, None)


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@example("a: 1\t")
@example("a: |# no comment\n  b")
@example("? a\n: b")
@example("[a: ]")
@example("---\n ")
@settings(max_examples=1000, deadline=None)
def test_any_text_reads_the_same_with_both_loaders(text):
    data = text.encode()
    assert read(data, yaml.CSafeLoader) == read(data, None)
