"""The JSON Schema and the reader agree on what a spec is."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from wazuh_cicd.content.paths import content_root
from wazuh_cicd.spec.load import rule_files, runbook_files, spec_files
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.schema import KINDS, json_schema
from wazuh_cicd.spec.yamlnodes import SpecReader, plain

BROKEN = Path(__file__).parent / "broken"


def value_of(path: Path) -> object:
    node = SpecReader(str(path), Problems()).compose(path.read_bytes())
    return plain(node)


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request):
    return request.param


def test_the_schema_is_a_schema(kind):
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))
    jsonschema.Draft202012Validator.check_schema(json_schema())
    json.dumps(json_schema(kind))


def test_every_spec_of_the_package_satisfies_it(kind):
    validator = jsonschema.Draft202012Validator(json_schema(kind))
    found = {"rule": rule_files, "runbook": runbook_files}.get(kind, lambda root: spec_files(root / f"{kind}s"))
    files = found(content_root())
    assert files
    for path in files:
        errors = [
            f"{path}: {list(error.absolute_path)}: {error.message[:200]}"
            for error in validator.iter_errors(value_of(path))
        ]
        assert not errors, errors[0]


@pytest.mark.parametrize("name", ["wrong-key", "wrong-level"])
def test_it_refuses_what_an_editor_can_see(name):
    validator = jsonschema.Draft202012Validator(json_schema("rule"))
    assert list(validator.iter_errors(value_of(BROKEN / f"{name}.yml")))


def test_it_refuses_every_unknown_key_that_the_reader_refuses():
    spec = value_of(BROKEN / "shadowed-by-sibling.yml")
    validator = jsonschema.Draft202012Validator(json_schema("rule"))
    validator.validate(spec)
    for path in ((), ("event",), ("defaults",), ("rules", 0), ("rules", 0, "tests", 0)):
        broken = yaml.safe_load(yaml.safe_dump(spec))
        here = broken
        for step in path:
            here = here[step]
        here["unheard_of"] = 1
        assert list(validator.iter_errors(broken)), path
