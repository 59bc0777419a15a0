"""All spec files of a folder to one ``SpecSet``, with everything that is wrong in any of them."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wazuh_cicd.content.paths import content_root
from wazuh_cicd.errors import UsageError
from wazuh_cicd.spec.decoders import read_decoder_file
from wazuh_cicd.spec.links import check_links
from wazuh_cicd.spec.lists import pattern_text, read_list_file
from wazuh_cicd.spec.model import DecoderSpec, DecoderTest, ListSpec, RuleSpec, SpecSet
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.rules import read_rule_file
from wazuh_cicd.spec.runbooks import FILE as RUNBOOK
from wazuh_cicd.spec.runbooks import RunbookFile, read_runbook_file, with_runbooks
from wazuh_cicd.spec.yamlnodes import SpecReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import yaml

SUFFIXES = (".yml", ".yaml")


def load_specs(root: Path | None = None, paths: Sequence[Path] | None = None) -> SpecSet:
    """Read, validate and link specs.

    Args:
        root: the folder with ``rules/``, ``decoders/``, ``lists/``; the package's own content when absent.
        paths: rule files to read instead of all of ``rules/`` (decoders and lists are always all read).

    Raises:
        SpecError: with all errors of all files.
        UsageError: no such folder.
    """
    specs, problems = read_specs(root, paths)
    problems.raise_errors()
    return specs


def read_specs(root: Path | None = None, paths: Sequence[Path] | None = None) -> tuple[SpecSet, Problems]:
    """As ``load_specs``, returning what could be read and the problems instead of raising them.

    Raises:
        UsageError: no such folder.
    """
    base = content_root() if root is None else root
    if not base.is_dir():
        raise UsageError(f"no such folder: {base}")
    samples = base / "tests" if (base / "tests").is_dir() else None
    problems = Problems()
    with _collector_at_rest():
        specs = _read(base, paths, samples, problems)
    check_links(specs, problems)
    return specs, problems


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep the cycle collector from walking the growing heap of nodes again and again: they hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(base: Path, paths: Sequence[Path] | None, samples: Path | None, problems: Problems) -> SpecSet:
    lists: list[ListSpec] = []
    for path in spec_files(base / "lists"):
        reader, node = _open(path, problems)
        spec = read_list_file(reader, node) if node is not None else None
        if spec is not None:
            lists.append(spec)
    patterns = {entry.name: pattern_text(entry) for entry in lists if entry.keys == "pattern"}
    rules: list[RuleSpec] = []
    for path in rule_files(base) if paths is None else paths:
        reader, node = _open(path, problems, patterns)
        if node is not None:
            rules.extend(read_rule_file(reader, node, path.stem, samples))
    decoders: list[DecoderSpec] = []
    decoder_tests: list[DecoderTest] = []
    for path in spec_files(base / "decoders"):
        reader, node = _open(path, problems)
        if node is not None:
            found, tests = read_decoder_file(reader, node)
            decoders.extend(found)
            decoder_tests.extend(tests)
    rules.sort(key=lambda rule: (rule.id, rule.path, rule.line))
    specs = SpecSet(tuple(rules), tuple(decoders), tuple(lists), tuple(decoder_tests))
    runbooks: list[RunbookFile] = []
    for path in runbook_files(base):
        reader, node = _open(path, problems)
        found_runbook = read_runbook_file(reader, node) if node is not None else None
        if found_runbook is not None:
            runbooks.append(found_runbook)
    return with_runbooks(specs, runbooks, problems, complete=paths is None)


def rule_files(root: Path) -> list[Path]:
    """The rule files of a content folder; ``impossible*.yml`` lists ideas that nothing can detect, not rules."""
    paths = spec_files(root / "rules")
    return [path for path in paths if not path.name.startswith("impossible") and path.name != RUNBOOK]


def runbook_files(root: Path) -> list[Path]:
    """The runbooks of a content folder, one a source."""
    return [path for path in spec_files(root / "rules") if path.name == RUNBOOK]


def spec_files(folder: Path) -> list[Path]:
    """The YAML files below a folder, sorted by path."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def shown(path: Path) -> str:
    """The path as the user would write it: relative to the working directory when it lies below."""
    text = os.path.relpath(path)
    return str(path) if text.startswith("..") else text


def _open(
    path: Path, problems: Problems, patterns: Mapping[str, str] | None = None
) -> tuple[SpecReader, yaml.Node | None]:
    reader = SpecReader(shown(path), problems, patterns)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    node = reader.compose(data)
    if node is None and not any(finding.path == reader.path for finding in problems.findings):
        reader.problem("S102", None, "an empty file", "remove it, or write a spec")
    return reader, node
