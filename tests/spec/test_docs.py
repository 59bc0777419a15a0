"""docs/specs.md names every key, and its examples are specs."""

from __future__ import annotations

import re
from pathlib import Path

from wazuh_cicd.spec.decoders import read_decoder_file
from wazuh_cicd.spec.events import EventFrame, read_tests
from wazuh_cicd.spec.lists import read_list_file
from wazuh_cicd.spec.problems import Problems
from wazuh_cicd.spec.shapes import SHAPES
from wazuh_cicd.spec.yamlnodes import SpecReader

PAGE = (Path(__file__).parents[2] / "docs" / "specs.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def block(start: str) -> bytes:
    (found,) = [text for text in BLOCKS if text.lstrip().startswith(start)]
    lines = found.split("\n")
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines).encode()


def test_every_key_is_named_on_the_page():
    words = set(re.findall(r"[a-z_]+", PAGE))
    for shape in SHAPES:
        for key in shape.keys:
            assert key.name in words, f"{shape.name}.{key.name}"


def test_the_tests_of_the_page_are_tests():
    problems = Problems()
    reader = SpecReader("specs.md", problems)
    node = reader.compose(block("tests:"))
    frame = EventFrame(defaults={"github": {"actor": "mallory"}})
    tests = read_tests(reader, node.value[0][1], frame)
    assert problems.findings == []
    assert [len(test.events) for test in tests] == [1, 1, 1, 10, 2, 1]  # the sample is not at hand here


def test_the_decoders_of_the_page_are_decoders():
    problems = Problems()
    reader = SpecReader("jenkins.yml", problems)
    text = block("source: jenkins").replace("'…'".encode(), b"'^x'")
    decoders, tests = read_decoder_file(reader, reader.compose(text))
    assert problems.findings == []
    assert [decoder.name for decoder in decoders] == ["cicd-jenkins", "cicd-jenkins-line"]
    assert len(tests) == 2


def test_the_list_of_the_page_is_a_list():
    problems = Problems()
    reader = SpecReader("trusted_actors.yml", problems)
    spec = read_list_file(reader, reader.compose(block("name: trusted_actors")))
    assert problems.findings == []
    assert spec.example == {"octo-admin": "platform team"}
