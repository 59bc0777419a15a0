"""Small specs as YAML text, read and rendered."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
from one_rule import HEAD

from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def content(tmp_path):
    """Write a content folder: rules as YAML text below the usual head, lists as text by name."""

    def write(rules: str, lists: dict[str, str] | None = None, decoders: str = "") -> Path:
        (tmp_path / "rules" / "github").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "rules" / "github" / "x.yml").write_text(
            HEAD + textwrap.indent(textwrap.dedent(rules), "  "), "utf-8"
        )
        for name, text in (lists or {}).items():
            (tmp_path / "lists").mkdir(exist_ok=True)
            (tmp_path / "lists" / f"{name}.yml").write_text(text, "utf-8")
        if decoders:
            (tmp_path / "decoders").mkdir(exist_ok=True)
            (tmp_path / "decoders" / "github.yml").write_text(textwrap.dedent(decoders), "utf-8")
        return tmp_path

    return write


@pytest.fixture
def package(content):
    """Specs to a package, in one go."""

    def build(rules: str, lists: dict[str, str] | None = None, decoders: str = "", **options):
        return render_package(load_specs(content(rules, lists, decoders)), **options)

    return build
