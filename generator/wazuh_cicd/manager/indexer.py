"""The Wazuh indexer (OpenSearch 2.x) over HTTPS: templates, pipelines and documents by name.

The certificate is always verified. Plain HTTP is for a node on this machine alone, where nobody else reads along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.auth import HTTPBasicAuth

from wazuh_cicd.errors import UsageError
from wazuh_cicd.manager.api import PinnedAdapter, read_secret
from wazuh_cicd.manager.errors import Denied, ManagerError, Refused, Unreachable
from wazuh_cicd.manager.exchange import Endless, exchange, split_address, tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

#: Hosts that plain HTTP may be spoken with.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_PRIVATE = 0o077
_LARGEST_ANSWER = 64 * 1024 * 1024
_LONGEST_ANSWER = 300.0  # seconds for the whole of it


@dataclass(frozen=True, slots=True)
class IndexerCredentials:
    """A user of the indexer; both empty for a node without users (on this machine alone)."""

    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> IndexerCredentials:
        """From ``WAZUH_INDEXER_USER`` with ``WAZUH_INDEXER_PASSWORD`` or ``WAZUH_INDEXER_PASSWORD_FILE``.

        Raises:
            UsageError: one without the other, or a file that others can read.
        """
        user = environment.get("WAZUH_INDEXER_USER", "")
        password = environment.get("WAZUH_INDEXER_PASSWORD", "")
        file = environment.get("WAZUH_INDEXER_PASSWORD_FILE", "")
        if file and not password:
            place = Path(file)
            password = read_secret(place)
            if place.stat().st_mode & _PRIVATE:
                raise UsageError(f"{place}: others can read it; 'chmod 600' it")
        if bool(user) != bool(password):
            raise UsageError(
                "set WAZUH_INDEXER_USER together with WAZUH_INDEXER_PASSWORD or WAZUH_INDEXER_PASSWORD_FILE"
            )
        return cls(user, password)


@dataclass(slots=True)
class Indexer:
    """One indexer.

    Attributes:
        url: ``https://host:9200``.
        credentials: see ``IndexerCredentials``.
        ca: PEM file with the CA to trust, and nothing else; None: the system's.
        timeout: seconds for a connection, and for each answer.
    """

    url: str
    credentials: IndexerCredentials
    ca: Path | None = None
    timeout: float = 30.0
    _http: requests.Session = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the address and the CA before anything is sent.

        Raises:
            UsageError: not an address to send a password to, a CA file that holds no certificate, or no credentials.
        """
        self.url = checked_url(self.url)
        secure = self.url.startswith("https:")
        context = tls_context(self.ca, "--indexer-ca") if secure else None
        if secure and not self.credentials.user:
            raise UsageError(
                "no credentials for the indexer; set WAZUH_INDEXER_USER with WAZUH_INDEXER_PASSWORD or"
                " WAZUH_INDEXER_PASSWORD_FILE"
            )
        self._http = open_session(context, self.credentials.user, self.credentials.password)

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        """A document; None when it is not there. Raises as ``request``."""
        try:
            return self.request("GET", path)
        except Refused as error:
            if error.code == 404:
                return None
            raise

    def request(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - any JSON value
        """One request, and the JSON of its answer.

        Raises:
            Unreachable: no answer.
            ManagerError: an answer without end, or one that is no JSON.
            Denied: 401 or 403.
            Refused: any other status of 300 and above; its code is the status.
        """
        try:
            answer = exchange(
                self._http,
                method,
                self.url + path,
                timeout=self.timeout,
                longest=_LONGEST_ANSWER,
                largest=_LARGEST_ANSWER,
                json=body,
            )
        except Endless:
            raise ManagerError(f"{self.url}: {method} {path}: an answer without end; this is no indexer") from None
        except requests.exceptions.SSLError as error:
            text = f"{self.url}: the certificate was not accepted ({_reason(error)}); see --indexer-ca"
            raise Unreachable(text) from None
        except requests.exceptions.RequestException as error:
            raise Unreachable(f"{self.url}: the indexer does not answer ({_reason(error)})") from None
        if answer.status_code in (401, 403):
            raise Denied(f"{self.url}: {method} {path}: the indexer denies it to {self.credentials.user or 'nobody'}")
        try:
            document = answer.json()
        except (ValueError, RecursionError):
            text = f"{self.url}: {method} {path}: not an answer of an indexer ({answer.status_code})"
            raise ManagerError(text) from None
        if answer.status_code >= 300:
            raise Refused(f"{self.url}: {method} {path}: {_said(document)}", answer.status_code)
        return document


def open_session(context: ssl.SSLContext | None, user: str, password: str) -> requests.Session:
    """What requests to an indexer are sent with: nothing is taken from ~/.netrc or a proxy meant for something else.

    Args:
        context: for https; None where only plain HTTP is spoken.
        user: empty for a node without users.
        password: of the user.
    """
    session = requests.Session()
    session.trust_env = False
    if context is not None:
        session.mount("https://", PinnedAdapter(context, None))
    if user:
        # As bytes: requests would take no other letters than Latin-1's.
        session.auth = HTTPBasicAuth(user.encode(), password.encode())
    return session


def checked_url(url: str) -> str:
    """An indexer's address without a slash at its end.

    Raises:
        UsageError: neither https nor this machine, or something beside host and port.
    """
    parts = split_address(url, "--indexer")
    good = bool(parts.hostname) and parts.port is not None
    if not good or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"--indexer {url!r}: must be https://HOST:9200")
    if parts.username or parts.password:
        raise UsageError("--indexer: put the credentials into the environment, not into the address")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise UsageError(f"--indexer {url}: must be https://; plain http is for this machine (localhost) alone")
    return url.rstrip("/")


def _reason(error: Exception) -> str:
    """Short, and without an address that a proxy or a library may have put a password into."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return (str(cause) or type(cause).__name__).splitlines()[0][:160]


def _said(document: Any) -> str:  # noqa: ANN401 - JSON
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        cause = error.get("caused_by") or {}
        told = [str(error.get("reason", "")), str(cause.get("reason", "")) if isinstance(cause, dict) else ""]
        return ": ".join(part for part in told if part)[:400]
    return str(error or "refused")[:400]
