"""However a spec is damaged, the answer is findings with places, never an exception."""

from __future__ import annotations

import random

import pytest

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.content.paths import content_root
from wazuh_cicd.spec.load import rule_files, spec_files

VALUES = [
    "",
    "[]",
    "{}",
    "null",
    "-1",
    "99999999999999999999",
    "true",
    "'",
    "[1, [2]]",
    "{a: {b: c}}",
    "x: y",
    "*a",
    "&a b",
    "$n",
    "é",
]


def damaged(text: str, source: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(lines))
        kind = source.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[source.randrange(len(lines))])
        elif kind == 2:
            head, sign, _ = lines[at].partition(":")
            lines[at] = f"{head}{sign} {source.choice(VALUES)}"
        elif kind == 3:
            lines[at] = " " * source.randint(0, 9) + lines[at].lstrip()
        elif kind == 4:
            middle = source.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:middle] + source.choice(list("\t:{}[]'\"#-,&*\x00é")) + lines[at][middle:]
        else:
            words = lines[at].split(" ")
            source.shuffle(words)
            lines[at] = " ".join(words)
        lines = lines or [""]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_spec_gives_findings(seed, tmp_path):
    source = random.Random(seed)  # noqa: S311 - repeatable damage, no secret
    root = content_root()
    for folder, files in (
        ("rules/github", rule_files(root)),
        ("decoders", spec_files(root / "decoders")),
        ("lists", spec_files(root / "lists")),
    ):
        path = source.choice(files)
        text = path.read_text("utf-8")
        if folder.startswith("rules"):  # a file of a few rules is damaged more often where it matters
            head, _, rules = text.partition("\n  - id:")
            chosen = source.sample(rules.split("\n  - id:"), k=min(3, rules.count("\n  - id:") + 1))
            text = head + "".join(f"\n  - id:{rule}" for rule in chosen) + "\n"
        target = tmp_path / folder / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(damaged(text, source), "utf-8")
    (tmp_path / "tests").mkdir()
    for finding in check_specs(tmp_path):
        assert finding.path
        assert finding.message
        assert finding.code
