"""What an alert says: why it matters, what to check, and where the rule's page is."""

from __future__ import annotations

import json

import pytest
from one_rule import rule_text, ruleset_of

from wazuh_cicd.check.ruleset import check_ruleset
from wazuh_cicd.errors import UsageError
from wazuh_cicd.render import render_package
from wazuh_cicd.render.info import LIMIT, checked_runbook_url, info_text, page_address
from wazuh_cicd.render.lock import digest
from wazuh_cicd.spec import load_specs

SAY = {"when": {"github.a": "x"}, "why": "It lets strangers in.", "triage": ["Who did it?", "Ask $(github.a)."]}
TEXT = "It lets strangers in. Check: 1) Who did it? 2) Ask [github.a]."
RESPONSE = {"action": "block-ip", "address": "srcip", "confidence": "high", "from": "github"}


@pytest.fixture
def say(content):
    """The rule of a spec with these keys, and the package it becomes."""

    def build(keys, **options):
        specs = load_specs(content(rule_text(keys)))
        return specs.rules[0], render_package(specs, **options)

    return build


def alert_of(package):
    event = json.dumps({"integration": "github", "github": {"a": "x"}}).encode()
    return ruleset_of(package).session().process(event, "github").output


def test_an_alert_says_why_and_what_to_check(say):
    rule, package = say(SAY)
    assert info_text(rule) == TEXT
    assert alert_of(package)["rule"]["info"] == TEXT


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://wiki.example.com/cicd/", "https://wiki.example.com/cicd/rules/tested.html"),
        ("https://wiki.example.com/r/{id}", "https://wiki.example.com/r/111900"),
        ("http://[2001:db8::1]:8080/{name}?x=1;y=%20", "http://[2001:db8::1]:8080/tested?x=1;y=%20"),
    ],
)
def test_the_address_of_the_page_stands_at_the_end(say, url, address):
    _, package = say(SAY, runbook_url=url)
    assert alert_of(package)["rule"]["info"] == f"{TEXT} {address}"


def test_the_id_in_an_address_is_the_one_on_the_manager(say):
    _, package = say(SAY, runbook_url="https://example.com/{id}", id_base=211000)
    assert b'<info type="link">https://example.com/211900</info>' in b"".join(package.files.values())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "wiki.example.com",
        "https://",
        "https://example.com/a b",
        "https://example.com/<x>",
        'https://example.com/"',
        "https://example.com/{level}",
        "https://example.com/{id",
        "https://example.com/?a=1&b=2",
        "https://example.com/\n",
        "https://example.com/" + "a" * 400,
    ],
)
def test_an_address_that_an_alert_cannot_hold_is_refused(say, url):
    with pytest.raises(UsageError, match="--runbook-url"):
        say(SAY, runbook_url=url)


def test_what_no_xml_reader_takes_is_written_in_words(say):
    keys = {**SAY, "why": "= a <script> & b && c\nends. " + "And so on. " * 60, "triage": ["Run x > y && z."]}
    rule, package = say(keys)
    text = info_text(rule)
    assert text.startswith("a [script] and b and c ends. And so on.")
    assert text.endswith("And so on. Check: 1) Run x ] y and z.")
    assert alert_of(package)["rule"]["info"] == text


@pytest.mark.parametrize("why", ["", "word " * 200, "w" * 1000, "A sentence of some length, it is. " * 30])
@pytest.mark.parametrize(
    "triage", [[], ["Short one?"], ["long " * 200], ["x" * 500, "y"], ["One thing to look at."] * 40]
)
def test_a_text_never_passes_its_limit_and_always_has_a_first_step(say, why, triage):
    rule, _ = say({**SAY, "why": why or "-", "triage": triage})
    text = info_text(rule)
    assert len(text) <= LIMIT
    assert ("Check: 1)" in text) is bool(triage)


def test_every_rule_from_level_4_on_says_something_and_a_manager_takes_it(tmp_path):
    specs = load_specs()
    for rule in specs.rules:
        assert 0 < len(info_text(rule)) <= LIMIT or rule.level < 4, rule.name
    package = render_package(specs, runbook_url="https://wiki.example.com/cicd")
    package.write(tmp_path)
    rules = [path for path in package.files if path.endswith("_rules.xml")]
    assert all(b'<info type="link">https://wiki.example.com/cicd/rules/' in package.files[path] for path in rules[1:])
    about = [found for found in check_ruleset([tmp_path]) if "info" in found.message or found.code == "X808"]
    assert about == []


def test_the_wording_is_not_part_of_a_rule_s_identity(say):
    _, one = say(SAY)
    _, other = say({**SAY, "why": "Another reason."}, runbook_url="https://example.com")
    assert digest(one.rendered["tested"]) == digest(other.rendered["tested"])


def test_nothing_is_checked_for_a_site_without_pages():
    assert checked_runbook_url("") == ""
    assert page_address("https://example.com", 1, "a") == "https://example.com/rules/a.html"


# The evidence stays in the alert


def test_full_log_is_left_out_only_where_the_site_has_the_response(say):
    keys = {**SAY, "response": RESPONSE}
    assert "full_log" in alert_of(say(keys)[1])
    assert "full_log" in alert_of(say(keys, responses=["scan-image"])[1])
    assert "full_log" not in alert_of(say(keys, responses=["block-ip"])[1])
    unsure = {**keys, "response": {**RESPONSE, "confidence": "low"}}  # never bound, whatever is switched on
    assert "full_log" in alert_of(say(unsure, responses=["block-ip"])[1])


def test_a_moved_block_of_ids_leaves_it_out_as_well(say):
    keys = {**SAY, "response": RESPONSE}
    assert b"no_full_log" in b"".join(say(keys, responses=["block-ip"], id_base=211000)[1].files.values())


def test_a_binding_that_was_not_asked_for_says_what_it_lacks(say):
    keys = {**SAY, "response": RESPONSE}
    path = "manager/ossec.conf.d/response-block-ip.xml"
    assert b"Not switched on" in say(keys)[1].files[path]
    assert b"Not switched on" not in say(keys, responses=["block-ip"])[1].files[path]
