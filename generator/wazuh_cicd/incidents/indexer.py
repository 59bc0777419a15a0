"""Alerts from a Wazuh indexer, page by page, in the order of their times.

A page is asked for with ``search_after`` (OpenSearch, "Paginate results"): each continues where the one before ended,
so that any number of alerts can be read. The certificate is always verified; plain HTTP is for a node on this machine
alone. The password comes from the environment, never from the command line, where every user of the host can read it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from wazuh_cicd.errors import UsageError, WazuhCicdError
from wazuh_cicd.manager.exchange import Endless, exchange, split_address, tls_context
from wazuh_cicd.manager.indexer import LOCAL, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_cicd.incidents.reading import Alert, Input, Period, Progress

PAGE = 5_000
_PATTERN = "wazuh-alerts-*"
_LONGEST_PAGE = 512 << 20
_MOST_NEW = 200_000  # alerts that may arrive while others are read
_LONGEST_WAIT = 600.0  # seconds for a page
#: What the report reads of an alert; the raw log, the longest part, is not among it.
_FIELDS = ("timestamp", "@timestamp", "id", "location", "rule", "agent", "data", "manager.name")
_USER, _PASSWORD = "WAZUH_INDEXER_USER", "WAZUH_INDEXER_PASSWORD"


class IndexerError(WazuhCicdError):
    """The indexer does not answer, refuses, or answers with something else."""


@dataclass
class Indexer:
    """One indexer.

    Attributes:
        url: ``https://host:9200``.
        ca: PEM file with the CA to trust, and nothing else; None for the system's.
        environment: holds user and password.
        page: alerts asked for at once.
    """

    url: str
    ca: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    page: int = PAGE
    timeout: float = 120.0

    def __post_init__(self) -> None:
        """Check address, CA and credentials before anything is sent.

        Raises:
            UsageError: one of them cannot be used.
        """
        parts = split_address(self.url, "--indexer")
        local = parts.scheme == "http" and parts.hostname in LOCAL
        if not local and (parts.scheme != "https" or not parts.hostname):
            raise UsageError(f"--indexer {self.url}: must be https://HOST:9200, so that nobody reads the password")
        if parts.username or parts.password:
            raise UsageError(f"--indexer: put user and password into {_USER} and {_PASSWORD}, not into the address")
        if parts.query or parts.fragment:
            raise UsageError(f"--indexer {self.url}: must be https://HOST:9200, without a query")
        user, password = self.environment.get(_USER, ""), self._password()
        if bool(user) != bool(password) or not (user or local):
            raise UsageError(
                f"--indexer: set {_USER} with {_PASSWORD} or {_PASSWORD}_FILE; reading {_PATTERN} is all it needs"
            )
        context = tls_context(self.ca, "--ca")
        self._http = open_session(context, user, password)

    def _password(self) -> str:
        file = self.environment.get(f"{_PASSWORD}_FILE", "")
        if self.environment.get(_PASSWORD) or not file:
            return self.environment.get(_PASSWORD, "")
        try:
            found = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: cannot be read; it must hold the password alone") from error
        if not found or "\n" in found:
            raise UsageError(f"{file}: must hold one line, the password alone")
        return found

    def alerts(self, period: Period, found: Input, progress: Progress) -> Iterator[Alert]:
        """The alerts of a period, the oldest first.

        Raises:
            IndexerError: no answer, a refusal, or an answer that is none.
        """
        found.files.append(self.url)
        bounds = {
            name: datetime.fromtimestamp(moment, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            for name, moment in (("gte", period.since), ("lte", period.until))
            if moment is not None
        }
        query: dict[str, Any] = {"range": {"timestamp": bounds}} if bounds else {"match_all": {}}
        body: dict[str, Any] = {
            "size": self.page,
            "query": query,
            "_source": list(_FIELDS),
            "track_total_hits": True,
            # Ids of alerts are unique for one manager; the manager's name parts those of a cluster.
            "sort": [
                {"timestamp": {"order": "asc", "unmapped_type": "date"}},
                {"id": {"order": "asc", "unmapped_type": "keyword"}},
                {"manager.name": {"order": "asc", "unmapped_type": "keyword"}},
            ],
        }
        done, first = 0, None
        while True:
            answer = self._search(body)
            hits, total = _hits(answer)
            shards = answer.get("_shards")
            failed = shards.get("failed", 0) if type(shards) is dict else "its"
            if failed or answer.get("timed_out"):
                problem = f"{self.url}: {failed} shards did not answer, so alerts are missing"
                if problem not in found.broken:
                    found.broken.append(problem)
            for hit in hits:
                found.lines += 1
                alert = hit.get("_source") if type(hit) is dict else None
                if type(alert) is dict:
                    yield alert
                else:
                    found.refuse(self.url, 0, "not a JSON object")
            done += len(hits)
            if first is None:
                first = total
            # Alerts go on arriving while they are read; a server that has far more than it said has no end.
            if len(hits) > self.page or done > 2 * first + _MOST_NEW:
                raise IndexerError(f"{self.url}: gives more than was asked for, and more than it said there is")
            progress(done, total)
            if len(hits) < self.page:
                return
            after = hits[-1].get("sort") if type(hits[-1]) is dict else None
            if type(after) is not list or after == body.get("search_after"):
                raise IndexerError(f"{self.url}: the page does not say where the next one begins")
            body = {**body, "search_after": after, "track_total_hits": False}
            total = max(total, done)

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        address = f"{self.url.rstrip('/')}/{_PATTERN}/_search"
        try:
            answer = exchange(
                self._http,
                "POST",
                address,
                timeout=self.timeout,
                longest=_LONGEST_WAIT,
                largest=_LONGEST_PAGE,
                json=body,
                params={"ignore_unavailable": "true"},
            )
        except Endless:
            raise IndexerError(
                f"{self.url}: a page is larger than {_LONGEST_PAGE >> 20} MiB or takes longer than {_LONGEST_WAIT:g} s"
            ) from None
        except requests.exceptions.SSLError as error:
            raise IndexerError(
                f"{self.url}: the certificate is not trusted; name its CA with --ca ({error})"
            ) from error
        except (requests.RequestException, OSError) as error:
            raise IndexerError(f"{self.url}: does not answer ({type(error).__name__})") from error
        if answer.status_code != 200:
            raise IndexerError(f"{self.url}: {_refusal(answer.status_code)}")
        try:
            found = json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise IndexerError(f"{self.url}: does not answer as an indexer does") from error
        if type(found) is not dict:
            raise IndexerError(f"{self.url}: does not answer as an indexer does")
        return found


def _hits(answer: Mapping[str, Any]) -> tuple[list[Any], int]:
    outer = answer.get("hits")
    hits = outer.get("hits") if type(outer) is dict else None
    if type(outer) is not dict or type(hits) is not list:
        raise IndexerError("the indexer's answer holds no hits")
    total = outer.get("total")
    value = total.get("value") if type(total) is dict else 0
    return hits, value if type(value) is int else 0


def _refusal(status: int) -> str:
    if status == 401:
        return f"refuses the user or password of {_USER} and {_PASSWORD} (401)"
    if status == 403:
        return f"the user may not read {_PATTERN} (403)"
    if status == 404:
        return f"has no index {_PATTERN} (404)"
    return f"answers with status {status}"
