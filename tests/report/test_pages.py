"""The page of a rule: in the terminal, and as a site that works from a folder."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
import yaml

from wazuh_cicd.cli import main
from wazuh_cicd.commands.explain import find_rule
from wazuh_cicd.engine.judge.mitre import attack
from wazuh_cicd.errors import UsageError
from wazuh_cicd.render.model import Ids
from wazuh_cicd.render.package import select_sources
from wazuh_cicd.report.pages.page import Pages
from wazuh_cicd.report.pages.site import MANIFEST, site_files, write_site
from wazuh_cicd.report.pages.terminal import as_text
from wazuh_cicd.report.pages.words import clauses, duration
from wazuh_cicd.spec import load_specs
from wazuh_cicd.spec.model import (
    NOWHERE,
    Affix,
    Bound,
    Command,
    CommandForm,
    Condition,
    Equals,
    Exists,
    HasElement,
    HasMember,
    InList,
    Member,
    Regex,
)

EVIL = "<script>alert(1)</script> \"' {{ 7*7 }} \x1b[31m"


@pytest.fixture(scope="module")
def specs():
    return load_specs()


@pytest.fixture(scope="module")
def pages(specs):
    return Pages(specs, Ids(specs))


@pytest.fixture(scope="module")
def site(specs):
    """The files of a small part of the package, which has composites, lists, responses and every index."""
    some = select_sources(specs, ["docker", "signing"])
    return some, dict(site_files(some, Ids(some)))


class Links(HTMLParser):
    """What a page refers to, the ids it has, and its tags in balance."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.ids.add(known.get("id", ""))
        if tag == "a":
            self.found.append(known["href"])
        if tag in ("script", "link", "img"):
            self.loads.append(known.get("src") or known.get("href"))
        assert not any(name.startswith("on") or name == "style" for name in known), tag
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


# In the terminal


def test_a_rule_is_explained_by_id_and_by_name(specs, pages, capsys):
    assert main(["explain", "111122"]) == 0
    text = capsys.readouterr().out
    for head in ("Why it matters", "What to check", "How to contain it", "Response", "What the alert holds",
                 "Known benign causes", "What fires it", "How to tune it without editing", "ATT&CK 13.1", "Controls",
                 "Related rules", "Examples", "Written in"):  # fmt: skip
        assert f"\n{head}\n" in text, head
    assert "111122  github-repositories-destroyed-in-bulk  level 14  github  stable" in text
    assert 'search: rule.groups:github AND data.github.actor:"$(github.actor)"' in text
    assert "previous_output holds the 2 events before the last one" in text
    assert "\x1b" not in text
    page = pages.page(find_rule(specs, "github-repositories-destroyed-in-bulk"))
    assert page.id == 111122
    assert "acme/app3\nhttps://a.example/x\n" in as_text(page, address="https://a.example/x", width=120, colour=False)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("github-repositories-destroyed", "did you mean 'github-repositor"),
        ("999", "no rule of ours has the id 999"),
        ("111950", "lets every event go on"),
    ],
)
def test_a_rule_that_is_none_is_an_error_that_helps(specs, wanted, message):
    with pytest.raises(UsageError, match=message):
        find_rule(specs, wanted)


def test_ids_move_with_the_block(specs):
    assert find_rule(specs, "211122", 211000).id == 111122
    page = Pages(specs, Ids(specs, 211000)).page(specs.by_id[111122])
    assert page.id == 211122
    assert "<if_sid>211122</if_sid>" in page.child_rule
    steps = [step.query for each in Pages(specs, Ids(specs, 211000)) for step in (*each.triage, *each.contain)]
    assert not any("{id}" in query or "rule.id:111" in query for query in steps)


def test_every_page_answers_the_questions_and_fits_a_terminal(pages):
    for number, page in enumerate(pages):
        if number % 20 == 0:
            text = as_text(page, width=100, colour=False)
            assert all(len(line) <= 100 for line in text.splitlines()), page.rule.name
            assert "What fires it" in text
        if page.rule.level >= 10 and not page.rule.noalert:
            assert len(page.triage) >= 3, page.rule.name
            assert page.child_rule, page.rule.name
        assert page.looks_like.count("$(") == 0


def test_a_block_of_an_address_says_that_github_is_not_behind_our_firewall(specs, pages):
    page = pages.page(specs.by_name["github-mass-clone"])
    assert any("GitHub is reached from the address as before" in text for text in page.response_safety)
    host = pages.page(specs.by_name["build-server-brute-force"])
    assert not any("as before" in text for text in host.response_safety)


def test_a_composite_says_what_its_alert_holds(specs, pages):
    for rule in specs.rules:
        page = pages.page(rule)
        if rule.correlate is None:
            assert not page.evidence
        elif rule.correlate.count == 2:  # a manager writes previous_output from the second remembered event on
            assert "the last event only" in page.evidence
        else:
            assert "previous_output holds the" in page.evidence
        if page.evidence:
            assert bool(page.evidence_query) is ("writes no alert of its own" not in page.evidence)


def test_events_that_wrote_no_alert_are_not_searched_for(specs, pages):
    quiet = [
        rule
        for rule in specs.rules
        if rule.correlate is not None
        and rule.correlate.rule is not None
        and specs.by_name[rule.correlate.rule].level < 3
    ]
    assert quiet
    assert all(pages.page(rule).evidence_query == "" for rule in quiet)
    assert pages.page(specs.by_name["github-token-from-two-addresses"]).evidence_query  # counts a source's own group


def condition(*matchers, ignore_case=False):
    return Condition("github.a", matchers, ignore_case, NOWHERE)


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (Equals(("a", True, None, 3)), "is a, true, null or 3"),
        (Affix("contains_all", ("a", "b")), "contains all of a, b"),
        (Regex("^a|b$"), "matches ^a|b$"),
        (InList("actors"), "is in the list actors"),
        (InList("nets", by_address=True), "begins with an entry of the list nets"),
        (Exists(nonempty=True), "is there and not empty"),
        (Bound("at_least", 7), "is at least 7"),
        (HasElement(("x",)), "is an array with the element x"),
        (
            HasMember((Member("k", ("v", Affix("starts_with", ("w",)))),)),
            "is an array whose objects have all of k: v or starts with w",
        ),
        (
            Command((CommandForm(program=("curl",), words=("^-d",)),)),
            "is a command of the form program curl, argument ^-d",
        ),
    ],
)
def test_conditions_are_said_in_words(matcher, words):
    (clause,) = clauses(condition(matcher))
    assert str(clause) == f"github.a {words}"


def test_every_condition_of_the_package_can_be_said(specs):
    assert all(str(clause) for rule in specs.rules for one in (*rule.when, *rule.unless) for clause in clauses(one))


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1 second"), (90, "90 seconds"), (120, "2 minutes"), (86400, "1 day")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


# The site


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    _, files = site
    parsed = {path: Links(text) for path, text in files.items() if path.endswith(".html")}
    for path, page in parsed.items():
        assert page.open == [], path
        folder = "../" * path.count("/")
        assert set(page.loads) == {"data:,", f"{folder}style.css", f"{folder}search.js"}
        for link in page.found:
            if link.startswith(("https://", "http://")):
                continue
            target, _, part = link.partition("#")
            base = path.rsplit("/", 1)[0] if "/" in path else ""
            place = re.sub(r"[^/]+/\.\./", "", f"{base}/{target}".lstrip("/")) if target else path
            assert place in files, (path, link)
            assert not part or part in parsed[place].ids, (path, link)
    scripts = files["search.js"] + files["style.css"]
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|innerHTML|@import|url\(", scripts)


def test_every_rule_is_on_its_page_in_each_index_and_in_the_search(site):
    some, files = site
    rows = json.loads(files["rules.js"].removeprefix("window.RULES = ").rstrip(";\n"))
    assert [row[1] for row in rows] == [rule.name for rule in some.rules]
    for rule in some.rules:
        link = f'rules/{rule.name}.html"'
        assert f"rules/{rule.name}.html" in files
        assert link in files["levels.html"]
        assert link in files[f"sources/{rule.source}.html"]
        if rule.level >= 3 and rule.mitre:
            assert link in files["techniques.html"]


def test_text_of_authors_is_shown_and_never_run(tmp_path):
    folder = tmp_path / "rules" / "github"
    folder.mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    plain = EVIL.replace("\x1b", "")
    rule = {
        "id": 111900, "name": "evil", "level": 12, "title": "x $(github.a)", "mitre": [], "compliance": [],
        "when": {"github.a": [plain, "x"]}, "why": plain, "false_positives": [plain],
        "triage": [{"do": plain, "query": plain, "run": plain}], "contain": [plain],
        "references": ["https://example.com/'onmouseover='alert(1)"],
        "tests": [{"fires": {"github.a": "x", "github.b": EVIL}, "note": plain}, {"silent": {"github.a": "y"}}],
    }  # fmt: skip
    head = {"source": "github", "parent": {"stock": 91100}, "event": {"envelope": {"integration": "github"}}}
    (folder / "x.yml").write_text(yaml.safe_dump({**head, "rules": [rule]}))
    specs = load_specs(tmp_path)
    files = dict(site_files(specs, Ids(specs)))
    for path, text in files.items():
        assert "<script>alert" not in text, path
        assert "49" not in text or path != "rules/evil.html"
    Links(files["rules/evil.html"])  # no attribute of an author's making
    shown = as_text(Pages(specs, Ids(specs)).page(specs.rules[0]), width=200, colour=False)
    assert "\x1b" not in shown
    assert "<script>alert(1)</script>" in shown


def test_the_layer_is_for_the_navigator_and_names_techniques_of_13_1(site):
    some, files = site
    layer = json.loads(files["attack-layer.json"])
    assert layer["versions"] == {"attack": "13", "navigator": "4.8.2", "layer": "4.4"}
    assert layer["domain"] == "enterprise-attack"
    scores = {each["techniqueID"]: each["score"] for each in layer["techniques"]}
    assert set(scores) <= set(attack().techniques)
    assert scores == {
        technique: sum(technique in rule.mitre for rule in some.rules if rule.level >= 3) for technique in scores
    }


def test_the_matrix_has_each_control_of_each_rule_once(site):
    some, files = site
    rows = list(csv.DictReader(io.StringIO(files["controls.csv"])))
    pairs = sorted((row["framework"], row["control"], name) for row in rows for name in row["names"].split())
    short = {"pci_dss_": "PCI DSS", "gdpr_": "GDPR", "hipaa_": "HIPAA", "nist_800_53_": "NIST 800-53",
             "nist_csf_": "NIST CSF", "iso_27001_": "ISO 27001", "cis_controls_v8_": "CIS Controls", "tsc_": "TSC",
             "gpg13_": "GPG 13"}  # fmt: skip
    wanted = sorted(
        (name, control.removeprefix(prefix), rule.name)
        for rule in some.rules
        if rule.level >= 3
        for control in rule.compliance
        for prefix, name in short.items()
        if control.startswith(prefix)
    )
    assert pairs == wanted
    assert {"PCI DSS", "GDPR", "HIPAA", "NIST 800-53", "NIST CSF", "ISO 27001", "CIS Controls"} <= {p[0] for p in pairs}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


# Writing it


FILES = [("index.html", "a"), ("rules/x.html", "b")]


def test_a_new_site_replaces_the_old_one_and_touches_nothing_else(tmp_path):
    place = tmp_path / "site"
    assert write_site(FILES, place) == 3
    (place / "mine.txt").write_text("kept")
    assert write_site([("index.html", "c")], place) == 2
    found = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert found == ["index.html", "mine.txt", MANIFEST]
    assert (place / "index.html").read_text() == "c"


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="not empty and was not written by"):
        write_site(FILES, tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        write_site(FILES, tmp_path / "mine.txt")


@pytest.mark.parametrize("names", ['["../out.txt"]', '["/etc/x"]', '["a/../../out.txt"]'])
def test_a_list_that_somebody_changed_removes_nothing_outside(tmp_path, names):
    outside = tmp_path / "out.txt"
    outside.write_text("kept")
    place = tmp_path / "site"
    write_site(FILES, place)
    (place / MANIFEST).write_text(f'{{"files": {names}}}')
    write_site(FILES, place)
    assert outside.read_text() == "kept"
    (place / MANIFEST).write_text("[]")
    with pytest.raises(UsageError, match="cannot be read"):
        write_site(FILES, place)


def test_the_verb_writes_the_chosen_sources(tmp_path, capsys):
    assert main(["docs", "-o", str(tmp_path / "site"), "--source", "signing"]) == 0
    assert re.match(r"\d+ pages, \d+ files: .*index\.html", capsys.readouterr().out)
    assert (tmp_path / "site" / "sources" / "signing.html").is_file()
    assert not (tmp_path / "site" / "sources" / "docker.html").exists()
