from __future__ import annotations

import base64
import itertools
import json
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from incidents.alert_kit import NOON, alert, github, report_of
from wazuh_cicd.incidents.reading import Input
from wazuh_cicd.owners import Owner, Owners
from wazuh_cicd.report.incidents import FORMATS, as_html, as_json, as_markdown, doubts, headline
from wazuh_cicd.report.timeline import axis, length, overview
from wazuh_cicd.report.untrusted import code, visible

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</style></title></script><iframe src=//evil.example.net>",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;",
    "a\u202eevil\u2066b\u200bc\ufeffd",
    "line\r\nend\u2028\u2029\x1b[31mred\x07\x00",
    "half \ud800 and byte \udce9",
    "zalgo" + "\u0301" * 40,
    "| [x](http://evil.example.net) `code` ![i](http://e) @everyone #1 ***",
    "=cmd|'/c calc'!A1",
    "\U000e0041\U000e0042",
)


ALLOWED = frozenset({
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "nav", "a", "svg", "g",
    "rect", "line", "text", "circle", "ul", "ol", "li", "span", "b", "bdi", "article", "div", "br", "table", "thead",
    "tbody", "tr", "th", "td", "details", "summary", "section", "code",
})  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of it: tags, attributes, text outside of the style."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = [], [], []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        if not self._style:
            self.text.append(data)


def hostile_report():
    alerts = []
    for number, text in enumerate(HOSTILE):
        data = github(text, text, "203.0.113.66", user=text, hashed_token=text, workflow_run_id=text)
        alerts.append(alert(title=text, after=number, agent=("007", text), **data))
        scan = {
            "event": "vulnerability",
            "state": "overdue",
            "due": text,
            "since": text,
            "package": text,
            "threat": text,
        }
        scan |= {"artifact": text, "id": text, "severity": text}
        alerts.append(alert("116220", 10, title=text, after=number, cicd_scan=scan))
        alerts.append(alert("112101", 15, title=text, after=number, agent=("007", text)))
        alerts.append(alert(text, 15, title=text, after=number))
    for one in alerts:
        one["rule"]["mitre"] = {"id": list(HOSTILE), "tactic": list(HOSTILE)}
        one["rule"]["pci_dss"] = list(HOSTILE)
        one["rule"]["groups"] = [f"iso_27001_{text}" for text in HOSTILE]
    found = Input(files=list(HOSTILE), broken=list(HOSTILE), first_bad=HOSTILE[0])
    found.bad[HOSTILE[1]] = 3
    owners = Owners((("*<*", Owner(HOSTILE[0], HOSTILE[1])),))
    return report_of(alerts, found=found, owners=owners)


def test_nothing_in_an_alert_becomes_markup():
    page = Page(as_html(hostile_report()))
    assert set(page.tags) <= ALLOWED
    assert not [
        name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcdoc", "style", "action")
    ]
    assert {value for name, value in page.attributes if name == "href" and not value.startswith("#")} <= {
        value for name, value in page.attributes if name == "href" and value.startswith("https://")
    }
    assert "evil.example.net" not in "".join(value for name, value in page.attributes if name == "href")
    assert "49" not in [text.strip() for text in page.text]


@pytest.mark.parametrize("name", ["html", "md"])
def test_what_has_no_shape_is_made_visible(name):
    text = FORMATS[name](hostile_report())
    text.encode("utf-8")
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "⟦U+202E⟧" in text
    assert "⟦U+D800⟧" in text
    assert "⟦E9⟧" in text


def test_markdown_holds_alert_text_in_code_only():
    text = as_markdown(hostile_report())
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    for part in ("<script", "<img", "http://evil", "@everyone", "![i]", "onload"):
        assert part not in outside
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for head, rule, *_ in itertools.pairwise(rows):
        if set(rule) <= set("|-"):
            assert head.count("|") == rule.count("|")


def test_json_is_ascii_and_holds_texts_as_they_came():
    text = as_json(hostile_report())
    assert text.isascii()
    document = json.loads(text)
    assert document["schema"] == 1
    assert set(HOSTILE) <= {line["title"] for one in document["incidents"] for line in one["lines"]}


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else():
    text = as_html(report_of([alert(**github())]))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert " style=" not in text
    assert "<script" not in text
    assert not re.search(r"(?:src|@import|url\()", style)


def test_an_incident_says_who_what_when_so_what_and_what_next():
    low = alert("111052", 3, title="cloned acme/app", **github())
    (incident,) = report_of([low, alert(after=60, title="protection removed", **github())]).incidents
    assert (incident.who, incident.addresses, incident.repositories) == (["mallory"], ["203.0.113.66"], ["acme/app"])
    assert (incident.title, incident.first, incident.last, incident.alerts) == (
        "protection removed",
        NOON,
        NOON + 60,
        2,
    )
    assert incident.why
    assert len(incident.next_steps) >= 1
    page = " ".join(Page(as_html(report_of([alert(title="protection removed", **github())]))).text)
    for words in ("Who", "mallory", "Where", "acme/app", "So what", incident.why, "What next", incident.next_steps[0]):
        assert words in page


def test_the_worst_incident_stands_first():
    alerts = [
        alert("111101", 8, **github("a", "acme/a", "")),
        alert("111404", 15, after=60, **github("b", "acme/b", "")),
    ]
    found = report_of(alerts)
    assert [one.level for one in found.incidents] == [15, 8]
    assert headline(found) == "2 incidents; 1 of them looks like an attack (level 13 and above)."


def test_a_day_without_incidents_says_what_it_was_looked_for():
    text = as_html(report_of([alert("111052", 3, **github())]))
    assert "No incident: no alert of level 7 or above in what was read." in text


def test_what_could_not_be_read_stands_at_the_top():
    found = Input(files=["alerts.json"], first_bad="alerts.json:7: not a JSON object", broken=["x.gz: cut off"])
    found.bad["not a JSON object"] = 2
    text = list(doubts(report_of([alert()], found=found)))
    assert text == [
        (
            "2 lines could not be read as alerts and are missing here (not a JSON object: 2)."
            " The first: alerts.json:7: not a JSON object."
        ),
        "Not read to its end: x.gz: cut off.",
    ]


def test_alerts_without_rule_or_time_are_counted():
    found = Input(files=["alerts.json"])
    wrong = [
        {},
        {"rule": []},
        {"rule": {"id": 5, "level": 3}},
        {**alert(), "timestamp": "now"},
        alert("1", 17),
        alert("1", -1),
    ]
    wrong += [
        {**alert(), "rule": {"id": "1", "level": True}},
        {**alert(), "rule": "text"},
        {**alert(), "rule": {"id": "1"}},
    ]
    report = report_of([alert(), *wrong], found=found)
    assert report.reading.alerts == 1
    assert dict(report.reading.bad) == {"no rule, id or level in it": 8, "no time in it": 1}


VALUES = (None, 5, True, [], ["x"], {}, {"a": {}}, "text", 1e300)
RULES = ("111150", "112101", "113203", "114003", "115201", "116220", "117100", "118142", "119001", "5715")
FIELDS = ("github", "aws", "docker", "cicd_scan", "auth", "request", "user", "jenkins", "sourceIPs", "webhook", "job")
INNER = ("actor", "repo", "actor_ip", "run_id", "Actor", "userIdentity", "requestParameters", "entity_id", "audit")


def odd_alerts(rule, value):
    shapes = [dict.fromkeys(FIELDS, value), *({name: value} for name in (*FIELDS, "srcip", "dstuser"))]
    shapes += [{name: dict.fromkeys(INNER, value)} for name in FIELDS]
    shapes += [{"docker": {"Actor": {"Attributes": value, "ID": value}}}, {"aws": {"userIdentity": {"arn": value}}}]
    yield from (alert(rule, 12, **shape) for shape in shapes)
    yield from ({**alert(rule, 12), "data": value}, {**alert(rule, 12), "agent": value})
    for part in ("description", "mitre", "groups", "pci_dss"):
        broken = alert(rule, 12)
        broken["rule"][part] = value
        yield broken


def test_a_field_of_any_kind_stops_nothing():
    alerts = [one for rule in RULES for value in VALUES for one in odd_alerts(rule, value)]
    report = report_of(alerts)
    assert report.reading.alerts == len(alerts)
    as_html(report)


@pytest.mark.parametrize(
    ("rule", "data", "entry"),
    [
        ("111103", github("octo-admin"), ("github_trusted_actors", "github.actor", "octo-admin")),
        ("112105", {"audit": {"exe": "/opt/x"}}, ("runner_credential_readers", "audit.exe", "/opt/x")),
    ],
    ids=["a list that the rule asks", "a list of the rule whose alerts it counts"],
)
def test_noise_names_the_entry_that_would_quiet_a_rule(rule, data, entry):
    (line,) = report_of([alert(rule, 10, after=n, **data) for n in range(5)]).rules
    assert [(one.list_name, one.subject, one.value, one.count) for one in line.quiet] == [(*entry, 5)]


def scan(after=0, **fields):
    base = {
        "event": "vulnerability",
        "artifact": "acme/app:1",
        "id": "CVE-2026-1",
        "package": "openssl",
        "severity": "HIGH",
    }
    return alert("116107", 8, after=after, cicd_scan={**base, **fields})


def test_vulnerabilities_stand_against_their_sla():
    sla = report_of([
        scan(id="CVE-2026-1", state="new", due="2026-01-01"),
        scan(id="CVE-2026-2", state="new", due="2026-01-10"),
        scan(id="CVE-2026-3", state="new", due="2026-06-01"),
        scan(id="CVE-2026-4", state="new"),
        scan(id="CVE-2026-5", state="new", due="2026-01-01", exception="alice until 2026-03-01: no fix"),
        scan(id="CVE-2026-6", state="new", due="2026-01-01"),
        scan(after=60, id="CVE-2026-6", state="resolved"),
        scan(id="CVE-2026-7", state="overdue", due="2026-01-05", days_late=2),
        scan(id="CVE-2026-8", state="suppressed"),
    ]).sla  # fmt: skip
    assert (sla.open, sla.overdue, sla.soon, sla.excepted, sla.resolved, sla.undated) == (7, 2, 1, 2, 1, 1)
    assert [(one.id, one.days_late) for one in sla.worst] == [("CVE-2026-1", 5), ("CVE-2026-7", 1), ("CVE-2026-2", 0)]


def test_owners_have_their_incidents_and_what_has_none_is_counted():
    owners = Owners((("acme/pay-*", Owner("payments", "pay@example.com")),))
    alerts = [alert(**github("a", "acme/pay-1", "")), alert(after=90_000, **github("b", "acme/web", ""))]
    report = report_of(alerts, owners=owners)
    assert [(one.team, one.incidents, one.alerts) for one in report.owners] == [("payments", 1, 1)]
    assert [one.name for one in report.unowned] == ["acme/web"]
    assert (report.unowned_count, report.unowned_alerts) == (1, 1)
    text = as_html(report)
    assert "payments (pay@example.com)" in text
    assert "1 repository or image has no owner" in text


def test_a_source_that_fell_silent_and_one_that_never_spoke_differ():
    alerts = [alert("115201", 12, after=60 * n) for n in range(10)]
    alerts += [alert("111052", 3, after=3600 * n, **github()) for n in range(80)]
    states = {one.source: one.state for one in report_of(sorted(alerts, key=lambda one: one["timestamp"])).sources}
    assert states["kubernetes"] == "silent"
    assert states["github"] == "heard"
    assert states["vault"] == "none"


def test_the_axis_lies_inside_the_picture():
    alerts = [alert("111150" if n % 2 else "112101", 12, after=n * n * 7, **github()) for n in range(200)]
    (incident,) = [one for one in report_of(alerts).incidents if one.alerts > 90][:1]
    picture = axis(incident)
    assert all(0 <= dot.x <= 100 for dot in picture.dots)
    assert all(x >= 0 and x + width <= 100 for lane in picture.lanes for x, width, _ in lane.spans)
    report = report_of(alerts)
    for bar in overview(report.hours, report.first, report.last):
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.1
        assert all(y >= 0 for y, _, _ in bar.parts)


def test_lengths_are_words():
    assert [length(one) for one in (0, 90, 600, 12_000, 7200, 864_000)] == [
        "0 s", "90 s", "10 min", "3 h 20 min", "2 h", "10 days",
    ]  # fmt: skip


def test_code_in_markdown_ends_where_it_should():
    assert code("a") == "`a`"
    assert code("a`b``c") == "``` a`b``c ```"
    assert code("") == "` `"
    assert code("a|b") == "`a¦b`"


def test_scripts_that_people_write_stay_as_they_are():
    for text in ("déploiement", "部署 工作流", "разработчик", "مستودع", "עברית", "👩‍💻"[:1]):
        assert visible(text) == text
