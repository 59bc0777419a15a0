"""Dashboards, saved searches and the index pattern, as saved objects of OpenSearch Dashboards 2.x.

Written down as what a panel asks; ``saved.py`` makes the saved objects. Every panel asks for alerts of the package's
own rules. Ids are stable: an upgrade replaces an object, and a site's copy under another id stays.
"""

# ruff: noqa: E501 - one line a panel

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.spec.model import SOURCES

if TYPE_CHECKING:
    from collections.abc import Collection

OURS = "rule.groups:cicd"
WHO = "wazuh_cicd.actor"
WHAT = "wazuh_cicd.repository"
SOURCE = "wazuh_cicd.source"
_COUNT = ("count", "")
LAST = ("max", "timestamp")
_TOP = 15


def _whole(query: str) -> str:
    """A query among the package's alerts; all of them when it is empty."""
    return f"{OURS} AND ({query})" if query else OURS


@dataclass(frozen=True, slots=True)
class Panel:
    """One visualization.

    Attributes:
        id: without ``cicd-`` in front.
        title: as it is shown.
        kind: ``table``, ``histogram`` (over time), ``pie``, ``metric`` or ``markdown``.
        fields: what is counted by, outermost first; for ``histogram`` what splits the bars.
        query: in Lucene's language, beside ``OURS``.
        metrics: pairs of an aggregation and its field.
        filters: rows that are there even when nothing was found: (label, query).
        text: of a ``markdown`` panel.
        rows: of each field at most.
        width: of 48 columns.
        height: in grid rows.
    """

    id: str
    title: str
    kind: str = "table"
    fields: tuple[str, ...] = ()
    query: str = ""
    metrics: tuple[tuple[str, str], ...] = (_COUNT,)
    filters: tuple[tuple[str, str], ...] = ()
    text: str = ""
    rows: int = _TOP
    width: int = 24
    height: int = 14

    @property
    def whole_query(self) -> str:
        """What is asked."""
        return _whole(self.query)


@dataclass(frozen=True, slots=True)
class Search:
    """One saved search: id without ``cicd-`` in front, title, query beside ``OURS``, columns."""

    id: str
    title: str
    query: str
    columns: tuple[str, ...]

    @property
    def whole_query(self) -> str:
        """What is asked."""
        return _whole(self.query)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard: id without ``cicd-`` in front, title, description, panels and searches in reading order."""

    id: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    searches: tuple[Search, ...] = ()
    days: int = 7


_COLUMNS = ("rule.level", "rule.description", SOURCE, WHO, WHAT, "rule.id", "agent.name")
_SCHEDULE = "The time range of this page is seven days: widen it to see when a source was last heard."


def _overview() -> Dashboard:
    return Dashboard(
        "overview",
        "CI/CD: overview",
        "Who did what, where, and how bad it was: all sources.",
        (
            Panel("overview-alerts", "Alerts", "metric", width=8, height=8),
            Panel("overview-grave", "Alerts of level 12 and more", "metric", query="rule.level:>=12", width=8, height=8),
            Panel("overview-actors", "Actors", "metric", metrics=(("cardinality", WHO),), width=8, height=8),
            Panel("overview-levels", "By level", "pie", ("rule.level",), width=24, height=8),
            Panel("overview-time", "Over time, by source", "histogram", (SOURCE,), width=48, height=12),
            Panel("overview-matrix", "Source, level, actor, repository", "table", (SOURCE, "rule.level", WHO, WHAT),
                  query="rule.level:>=7", metrics=(_COUNT, LAST), rows=8, width=48, height=18),
            Panel("overview-who", "Actors with the gravest alerts", "table", (WHO,),
                  metrics=(_COUNT, ("max", "rule.level"), LAST)),
            Panel("overview-what", "Repositories, images, jobs, paths of Vault", "table", (WHAT,),
                  metrics=(_COUNT, ("max", "rule.level"), LAST)),
            Panel("overview-rules", "Rules", "table", ("rule.id", "rule.level"), metrics=(_COUNT, LAST), rows=20),
            Panel("overview-techniques", "ATT&CK techniques", "table", ("rule.mitre.technique",), rows=20),
        ),
        (Search("grave", "CI/CD: alerts of level 12 and more", "rule.level:>=12", _COLUMNS),),
    )  # fmt: skip


def _unseen(sources: Collection[str]) -> Dashboard:
    each = tuple((name, f"{SOURCE}:{name}") for name in SOURCES if name in sources)
    text = (
        "### What cannot be seen\n\nNo alert is no proof of peace: a collector that stopped, a receiver that refuses and a"
        " source that was never connected look the same as a quiet day.\n\n"
        "* **Sources**: a row with 0 has said nothing in the time range, or was never connected. " + _SCHEDULE + "\n"
        "* **Agents**: build hosts whose last alert is long ago.\n"
        "* **Problems of collection**: rejected deliveries, scans that failed, logs that were cut.\n"
        "* **Not indexed**: fields whose value did not fit the index; the alert is there, the field cannot be asked for."
    )
    blind = (
        "data.receiver.outcome:rejected OR rule.groups:(cicd_scan_failed OR vault_audit_incomplete"
        " OR cicd_response_failed)"
    )
    return Dashboard(
        "unseen",
        "CI/CD: what cannot be seen",
        "Sources that fell silent, collection that failed, fields that could not be indexed.",
        (
            Panel("unseen-text", "How to read this page", "markdown", text=text, width=16, height=18),
            Panel("unseen-sources", "Sources: alerts and the last one", "table", filters=each,
                  metrics=(_COUNT, LAST), width=32, height=18),
            Panel("unseen-time", "Alerts an hour, by source", "histogram", (SOURCE,), width=48, height=12),
            Panel("unseen-agents", "Agents: the last alert", "table", ("agent.name", SOURCE), metrics=(_COUNT, LAST), rows=50),
            Panel("unseen-locations", "Logs: the last alert", "table", ("location",), metrics=(_COUNT, LAST), rows=50),
            Panel("unseen-problems", "Problems of collection", "table", ("rule.description",), query=blind,
                  metrics=(_COUNT, LAST)),
            Panel("unseen-fields", "Not indexed", "table", ("wazuh_cicd.not_indexed",),
                  query="_exists_:wazuh_cicd.not_indexed", metrics=(_COUNT, LAST)),
        ),
        (Search("collection", "CI/CD: problems of collection", blind, _COLUMNS),),
    )  # fmt: skip


#: What is worth a table of its own in a source's page: (title, field).
_OF_A_SOURCE = {
    "github": (("Actions", "data.github.action"), ("Organisations", "data.github.org"), ("Addresses", "data.github.actor_ip")),
    "runner": (("Programs", "data.audit.exe"), ("Sign-in methods", "data.sshd.method"), ("Addresses", "data.srcip")),
    "jenkins": (("Jobs", "data.jenkins.audit.job"), ("Classes of the log", "data.jenkins.class"), ("Addresses", "data.srcip")),
    "docker": (("Actions", "data.docker.Action"), ("Images", "data.docker.Actor.Attributes.image"), ("Audit keys", "data.audit.key")),
    "kubernetes": (("Verbs", "data.verb"), ("Resources", "data.objectRef.resource"), ("Namespaces", "data.objectRef.namespace")),
    "scanner": (("Severities", "data.cicd_scan.severity"), ("Scanners", "data.cicd_scan.scanner"), ("Artifacts", "data.cicd_scan.artifact")),
    "vault": (("Operations", "data.request.operation"), ("Paths", "data.request.path"), ("Addresses", "data.request.remote_address")),
    "aws": (("Calls", "data.aws.eventName"), ("Regions", "data.aws.awsRegion"), ("Addresses", "data.aws.sourceIPAddress")),
    "signing": (("Responses", "data.cicd.response"), ("Namespaces", "data.objectRef.namespace"), ("Events", "rule.groups")),
}  # fmt: skip


def _of_source(name: str) -> Dashboard:
    query = f"{SOURCE}:{name}"
    own = tuple(
        Panel(
            f"{name}-{number}", title, "table", (field,), query=query, metrics=(_COUNT, ("max", "rule.level")), width=16
        )
        for number, (title, field) in enumerate(_OF_A_SOURCE[name], 1)
    )
    return Dashboard(
        f"source-{name}",
        f"CI/CD: {name}",
        f"Alerts of the source {name}.",
        (
            Panel(f"{name}-time", f"{name}: over time, by level", "histogram", ("rule.level",), query=query, width=48),
            Panel(f"{name}-rules", f"{name}: rules", "table", ("rule.id", "rule.description"), query=query,
                  metrics=(_COUNT, LAST), rows=20, width=32, height=18),
            Panel(f"{name}-who", f"{name}: actors", "table", (WHO,), query=query, metrics=(_COUNT, LAST), width=16, height=18),
            *own,
        ),
        (Search(f"source-{name}", f"CI/CD: alerts of {name}", query, _COLUMNS),),
    )  # fmt: skip


def _hosts() -> Dashboard:
    query = f"{SOURCE}:(runner OR docker OR jenkins)"
    return Dashboard(
        "hosts",
        "CI/CD: build hosts",
        "Runners, Jenkins controllers and Docker hosts: what ran, who signed in.",
        (
            Panel("hosts-time", "Over time, by host", "histogram", ("agent.name",), query=query, width=48),
            Panel("hosts-agents", "Hosts", "table", ("agent.name", SOURCE), query=query,
                  metrics=(_COUNT, ("max", "rule.level"), LAST)),
            Panel("hosts-programs", "Programs of audited processes", "table", ("data.audit.exe", "data.audit.key"), query=query),
            Panel("hosts-refused", "Refused sign-ins, by address", "table", ("data.srcip", "data.dstuser"),
                  query="rule.groups:(cicd_ssh_refused OR cicd_ssh_many)"),
            Panel("hosts-files", "Changed files", "table", ("syscheck.path", "syscheck.event"), query="rule.groups:ci_fim"),
        ),
        (Search("hosts", "CI/CD: alerts of build hosts", query, _COLUMNS),),
    )  # fmt: skip


def _scanners() -> Dashboard:
    query, overdue = "rule.groups:cicd_scan", "data.cicd_scan.state:overdue"
    return Dashboard(
        "scanners",
        "CI/CD: scanners and deadlines",
        "Findings by severity and state, what is overdue, scans that failed, verdicts of the gate.",
        (
            Panel("scanners-overdue", "Overdue findings", "metric", query=overdue, width=12, height=8),
            Panel("scanners-failed", "Scans that failed", "metric", query="rule.groups:cicd_scan_failed", width=12, height=8),
            Panel("scanners-severity", "Severity and state", "pie", ("data.cicd_scan.severity", "data.cicd_scan.state"),
                  query=query, height=8),
            Panel("scanners-time", "Over time, by kind of event", "histogram", ("data.cicd_scan.event",), query=query, width=48),
            Panel("scanners-late", "Overdue, by artifact", "table",
                  ("data.cicd_scan.artifact", "data.cicd_scan.id", "data.cicd_scan.severity"), query=overdue,
                  metrics=(_COUNT, LAST)),
            Panel("scanners-artifacts", "Artifacts", "table", ("data.cicd_scan.artifact", "data.cicd_scan.severity"), query=query),
            Panel("scanners-packages", "Packages", "table", ("data.cicd_scan.package", "data.cicd_scan.version"), query=query),
            Panel("scanners-gate", "Verdicts of the gate", "table", ("data.cicd_scan.verdict", "data.cicd_scan.repository"),
                  query="_exists_:data.cicd_scan.verdict"),
            Panel("scanners-reasons", "Why scans failed", "table", ("data.cicd_scan.reason", "data.cicd_scan.scanner"),
                  query="rule.groups:cicd_scan_failed"),
            Panel("scanners-exploited", "Exploited in the wild", "table", ("data.cicd_scan.id", "data.cicd_scan.threat"),
                  query="rule.groups:cicd_scan_exploited"),
        ),
        (Search("overdue", "CI/CD: overdue findings", overdue,
                ("rule.level", "data.cicd_scan.artifact", "data.cicd_scan.id", "data.cicd_scan.severity",
                 "data.cicd_scan.due", "data.cicd_scan.package")),),
        days=30,
    )  # fmt: skip


def _responses() -> Dashboard:
    query = "rule.groups:cicd_response"
    return Dashboard(
        "responses",
        "CI/CD: responses",
        "What active responses did, refused or could not do.",
        (
            Panel("responses-results", "Results", "pie", ("data.cicd.result", "data.cicd.response"), query=query),
            Panel("responses-time", "Over time, by response", "histogram", ("data.cicd.response",), query=query),
            Panel("responses-matrix", "Response, action, result", "table",
                  ("data.cicd.response", "data.cicd.action", "data.cicd.result"), query=query, metrics=(_COUNT, LAST)),
            Panel("responses-reasons", "Why refused or failed", "table", ("data.cicd.reason", "data.cicd.result"), query=query),
            Panel("responses-addresses", "Addresses", "table", ("data.cicd.address",), query=query, metrics=(_COUNT, LAST)),
            Panel("responses-containers", "Containers", "table", ("data.cicd.container",), query=query, metrics=(_COUNT, LAST)),
            Panel("responses-agents", "Hosts", "table", ("agent.name", "data.cicd.result"), query=query),
        ),
        (Search("responses", "CI/CD: responses", query,
                ("data.cicd.response", "data.cicd.action", "data.cicd.result", "data.cicd.reason", "data.cicd.address",
                 "data.cicd.container", "agent.name")),),
    )  # fmt: skip


def dashboards(sources: Collection[str]) -> tuple[Dashboard, ...]:
    """The dashboards for these sources, the overview and what cannot be seen first."""
    made = [_overview(), _unseen(sources)]
    made += [_of_source(name) for name in SOURCES if name in sources]
    if {"runner", "docker", "jenkins"} & set(sources):
        made.append(_hosts())
    if "scanner" in sources:
        made.append(_scanners())
    if "signing" in sources:
        made.append(_responses())
    return tuple(made)
