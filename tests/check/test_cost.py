"""What patterns can be made to cost: those that freeze or blind a manager are found, everyday ones are not."""

from __future__ import annotations

import json

import pytest

from wazuh_cicd.check.cost import costs
from wazuh_cicd.check.pumped import MOST, pumps
from wazuh_cicd.cli import main
from wazuh_cicd.commands.check import collect
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine.patterns import perl


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WAZUH_CICD_CACHE", str(tmp_path / "cache"))


def verdict(source: bytes) -> str:
    return costs([source])[source].verdict


@pytest.mark.parametrize(
    "source",
    [
        rb"^(?:a+)+b$",
        rb"^exec_start: (?:(?:\S*/)?(?:\S*/)*)*x$",
        rb"^exec_start: .*(?:\b(?:docker|podman)\s.*\b(?:run|create)\s.*-v /:.*\s--privileged)",
    ],
)
def test_a_pattern_that_reaches_the_limit_or_freezes_is_found(source):
    assert verdict(source) in {"limit", "dear"}


@pytest.mark.parametrize(
    "source",
    [
        rb"(?i)command=[^#]*(?:(?:%2F|/)dev(?:%2F|/)(?:tcp|udp)(?:%2F|/)|\bnc\s+-e)",
        rb'"requestObject":.*"mode":\s*"(?:warn|monitor)"',
        rb"/jobs/.+/builds/\d+/log$",
        rb"\s+$",
    ],
)
def test_a_pattern_whose_cost_grows_with_the_square_is_found(source):
    assert verdict(source) != "fine"


@pytest.mark.parametrize(
    "source",
    [
        rb"\Agit\.push\z",
        rb"(?i)failed (?:password|keyboard)|authentication error",
        rb"^[^ ]++ from \d{1,3}(?:\.\d{1,3}){3} port \d{1,5}$",
        rb"@(?:gmail|outlook|yahoo)\.com",
    ],
)
def test_an_everyday_pattern_is_not(source):
    assert verdict(source) == "fine"


def test_a_pattern_that_is_not_read_gets_subjects_from_its_words():
    found = pumps(rb"(?<x>alpha)(?(1)beta+|gamma)\k<x>[[:alpha:]]+$")
    assert any(b"alpha" in pump.subject(200) for pump in found)


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_subjects_have_about_the_size_asked_for(size):
    for pump in pumps(rb"^GET /(?:[^/]+/)*admin\?.*token="):
        assert size - len(pump.fed) <= len(pump.subject(size)) <= size + len(pump.lead) + len(pump.fed) + len(pump.tail)


def test_subjects_are_few():
    assert len(pumps(b"|".join(b"(?:a%d.*b%d.*)+" % (n, n) for n in range(200)))) <= MOST


def test_costs_are_measured_once(monkeypatch):
    source = rb"^(?:a+)+b$"
    before = costs([source])
    monkeypatch.setattr(perl, "interpreter", None)
    assert costs([source]) == before


def test_a_damaged_cache_is_measured_again(tmp_path):
    source = rb"^(?:a+)+b$"
    costs([source])
    (kept,) = (tmp_path / "cache" / "costs").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    assert costs([source])[source].verdict == "limit"


RULES = """<group name="g,">
<rule id="100000" level="0" noalert="1">
<category>syslog</category>
<description>x</description>
</rule>
<rule id="100001" level="3">
<if_sid>100000</if_sid>
<match type="pcre2">^(?:a+)+b$</match>
<description>y</description>
</rule>
</group>
"""
DECODERS = """<decoder name="d">
<prematch type="pcre2">^x(?:a+)+b$</prematch>
</decoder>
"""


def test_check_says_it_of_anybodys_rules_and_decoders(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "decoders").mkdir()
    (tmp_path / "decoders" / "d.xml").write_text(DECODERS)
    (tmp_path / "rules" / "local.xml").write_text(RULES)
    found = {(f.code, f.rule) for f in collect([tmp_path], stock=stock_root()) if f.code == "X820"}
    assert found == {("X820", "100001"), ("X820", "")}


def test_logtest_says_that_a_pattern_gave_up(tmp_path, capsys):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "local.xml").write_text(RULES)
    events = tmp_path / "events"
    events.write_text("a" * 40 + "cb\n")
    perl.gave_up.clear()
    assert (
        main(
            [
                "logtest",
                "--json",
                "--no-package",
                "--ruleset",
                str(stock_root()),
                "--ruleset",
                str(tmp_path),
                str(events),
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    assert not json.loads(captured.out)["alert"]
    assert "reached the limit of PCRE2" in captured.err
    perl.gave_up.clear()
