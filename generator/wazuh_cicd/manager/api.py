"""The server API of Wazuh 4.x over HTTPS, with its tokens, limits and moods.

The certificate is always verified: against the CA file given, else against the system's. There is no switch to turn
that off; for a certificate made out to another name (a default installation's says ``localhost``) name it with
``server_name``. Facts: api/api/spec/spec.yaml of Wazuh 4.14 (endpoints, 300 requests a minute, tokens of 900 s).
"""

from __future__ import annotations

import random
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from wazuh_cicd.errors import UsageError
from wazuh_cicd.manager.errors import Denied, ManagerError, Refused, Unreachable
from wazuh_cicd.manager.exchange import Endless, exchange, split_address, tls_context
from wazuh_cicd.manager.sockets import number

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

_RETRIED = frozenset({429, 500, 502, 503, 504})
_MINUTE = 60.0
_LOGIN = "/security/user/authenticate"
_LARGEST_ANSWER = 64 * 1024 * 1024
_LONGEST_ANSWER = 600.0  # seconds for the whole of it
_LONGEST_PAUSE = 300.0  # seconds that a manager may ask us to wait
_MOST_ITEMS = 200_000
_PAUSE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to get a token: one that exists already, or a user and password to fetch one with."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def find(cls, environment: Mapping[str, str], token_file: Path | None = None) -> Credentials:
        """From a file, or ``WAZUH_API_TOKEN``, or ``WAZUH_API_USER`` with ``WAZUH_API_PASSWORD`` (or ``…_FILE``).

        Secrets are never taken from the command line, where every user of the host can read them.

        Raises:
            UsageError: nothing found, or the file cannot be read.
        """
        if token_file is not None:
            return cls(token=read_secret(token_file))
        if environment.get("WAZUH_API_TOKEN"):
            return cls(token=environment["WAZUH_API_TOKEN"].strip())
        user = environment.get("WAZUH_API_USER", "")
        password = environment.get("WAZUH_API_PASSWORD", "")
        if user and not password and environment.get("WAZUH_API_PASSWORD_FILE"):
            from pathlib import Path  # noqa: PLC0415 - only needed here at run time

            password = read_secret(Path(environment["WAZUH_API_PASSWORD_FILE"]))
        if user and password:
            return cls(user=user, password=password)
        raise UsageError(
            "no credentials for the API; give --token-file, or set WAZUH_API_TOKEN, or WAZUH_API_USER with"
            " WAZUH_API_PASSWORD or WAZUH_API_PASSWORD_FILE"
        )


def read_secret(path: Path) -> str:
    """A file that holds one line, the secret alone. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); it must hold the secret alone") from error
    if not text or "\n" in text:
        raise UsageError(f"{path}: must hold one line, the secret alone")
    return text


class PinnedAdapter(HTTPAdapter):
    """Verifies with one TLS context, and if wanted against another name than the address's."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """Keep the context, and the name that the certificate is made out to; None: the address's."""
        self._context = context
        self._server_name = server_name
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' signature
        """Requests calls this for each new connection."""
        kwargs["ssl_context"] = self._context
        if self._server_name:
            kwargs["server_hostname"] = kwargs["assert_hostname"] = self._server_name
        super().init_poolmanager(*args, **kwargs)


@dataclass(slots=True)
class Api:
    """One server API.

    Attributes:
        url: ``https://host:55000``.
        credentials: see ``Credentials``.
        ca: PEM file with the CA (or the self-signed certificate itself) to trust, and nothing else.
        server_name: the name the certificate is made out to, where that is not the address.
        timeout: seconds for a connection, and for each answer.
        attempts: how often a request is tried in all.
        per_minute: requests a minute; a manager answers 429 from 300 on unless configured otherwise.
        sleep, now: replaced by tests.
    """

    url: str
    credentials: Credentials
    ca: Path | None = None
    server_name: str | None = None
    timeout: float = 60.0
    attempts: int = 6
    per_minute: int = 280
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    _token: str = field(default="", init=False, repr=False)
    _sent: deque[float] = field(default_factory=deque, init=False, repr=False)
    _http: requests.Session = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the address and the CA before anything is sent.

        Raises:
            UsageError: not an https address, or a CA file that holds no certificate.
        """
        parts = split_address(self.url, "--api")
        if parts.scheme != "https" or not parts.hostname:
            raise UsageError(f"--api {self.url}: must be https://HOST:55000, so that nobody reads the token")
        if parts.username or parts.password:
            raise UsageError("--api: put the credentials into a file or the environment, not into the address")
        self.url = self.url.rstrip("/")
        if not (self.credentials.token.isascii() and self.credentials.token.isprintable()):
            raise UsageError("the API's token holds what no token does; is it another file?")
        context = tls_context(self.ca, "--ca")
        self._http = requests.Session()
        self._http.trust_env = False  # no ~/.netrc: requests would replace our token by it
        self._http.mount("https://", PinnedAdapter(context, self.server_name))
        self._token = self.credentials.token

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON value
        repeatable: bool = True,
    ) -> requests.Response:
        """One request, tried again where that helps.

        Time-outs, lost connections, 429 and 5xx are tried again with growing pauses (429 waits as long as the server
        says, else for the rest of its minute); an expired token is renewed once.

        Args:
            method: of HTTP.
            path: below the address, ``/manager/info``.
            params: of the query.
            body: sent as ``application/octet-stream``.
            json: sent as JSON.
            repeatable: False when doing it twice is not the same as doing it once: then only a refusal that came
                before the work (429) is tried again.

        Raises:
            Unreachable: no answer within all attempts.
            Denied: 401 or 403.
            Refused: any other status of 400 and above.
        """
        renewed = False
        problem: ManagerError = Unreachable(f"{self.url}: not tried")
        headers = {"Content-Type": "application/octet-stream"} if body is not None else {}
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self._pause(attempt, problem))
            if not self._token:
                self._log_in()
            try:
                answer = self._exchange(
                    method,
                    path,
                    params=params,
                    data=body,
                    json=json,
                    headers={**headers, "Authorization": f"Bearer {self._token}"},
                )
            except _Lost as error:
                problem = error
                if not repeatable and error.may_have_worked:
                    raise
                continue
            if answer.status_code == 401 and not renewed and self.credentials.user:
                renewed, self._token = True, ""
                problem = Denied(f"{self.url}: the token was refused")
                continue
            if answer.status_code < 300:
                return answer
            problem = _problem(method, path, answer)
            if answer.status_code not in _RETRIED or (not repeatable and answer.status_code != 429):
                raise problem
        raise problem

    def items(self, method: str, path: str, **options: Any) -> list[Any]:  # noqa: ANN401 - as request()
        """``data.affected_items`` of an answer.

        Raises:
            Refused: HTTP 200 with failed items, the API's way of saying no; with the first one's code and text.
        """
        answer = self.request(method, path, **options)
        whole = document(answer)
        try:
            data = whole["data"]
            affected = list(data["affected_items"])
            failed = list(data.get("failed_items") or [])
            if failed or whole.get("error"):
                first = dict(dict(failed[0]).get("error", {})) if failed else {}
                text = first.get("message") or whole.get("message") or "failed"
                mend = f"; {first['remediation']}" if isinstance(first.get("remediation"), str) else ""
                raise Refused(f"{method} {path}: {text}{mend}", number(first.get("code") or whole.get("error") or 0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManagerError(f"{method} {path}: not an answer of a Wazuh API: {answer.text[:120]!r}") from error
        return affected

    def objects(self, method: str, path: str, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as request()
        """``items`` of which each has names and values.

        Raises:
            ManagerError: one has none.
        """
        found = self.items(method, path, **options)
        if not all(isinstance(item, dict) for item in found):
            raise ManagerError(f"{method} {path}: not an answer of a Wazuh API: {str(found)[:120]}")
        return found

    def pages(
        self, path: str, params: Mapping[str, str | int] | None = None, *, size: int = 500
    ) -> list[dict[str, Any]]:
        """All items of a listing, fetched in pages (an API answers at most 500 by default)."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.objects("GET", path, params={**(params or {}), "limit": size, "offset": len(found)})
            found += page
            if len(page) < size:
                return found
            if len(page) > size or len(found) > _MOST_ITEMS:
                raise ManagerError(f"{self.url}: {path} has no end; this is no Wazuh API")

    def _log_in(self) -> None:
        if not self.credentials.user:
            raise Denied(f"{self.url}: the token was refused or has expired (they live 900 s); get a new one")
        problem: ManagerError = Unreachable(f"{self.url}: not tried")
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self._pause(attempt, problem))
            try:
                # As bytes: requests would take no other letters than Latin-1's.
                login = (self.credentials.user.encode(), self.credentials.password.encode())
                answer = self._exchange("POST", _LOGIN, auth=login)
            except _Lost as error:
                problem = error
                continue
            if answer.status_code == 200:
                data = document(answer).get("data")
                token = data.get("token") if isinstance(data, dict) else None
                if not isinstance(token, str) or not (token.isascii() and token.isprintable()):
                    raise ManagerError(f"{self.url}: a login without a token; this is no Wazuh API")
                self._token = token
                return
            problem = _problem("POST", _LOGIN, answer)
            if answer.status_code not in _RETRIED:
                # Never again with the same password: the API locks an address out after a few.
                raise problem
        raise problem

    def _exchange(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests'
        """One request on the wire, its answer whatever it says.

        Raises:
            _Lost: no answer; another try may get one.
            Unreachable: the certificate is not trusted.
        """
        self._pace()
        try:
            return exchange(
                self._http,
                method,
                self.url + path,
                timeout=self.timeout,
                longest=_LONGEST_ANSWER,
                largest=_LARGEST_ANSWER,
                **options,
            )
        except Endless:
            raise ManagerError(f"{method} {path}: an answer without end; this is no Wazuh API") from None
        except requests.RequestException as error:
            if _is_mistrust(error):
                raise Unreachable(_tls_text(self.url, error)) from error
            raise _Lost(self.url, error) from error

    def _pause(self, attempt: int, problem: ManagerError) -> float:
        if isinstance(problem, _TooMany):
            return min(problem.wait, _LONGEST_PAUSE)
        if isinstance(problem, Denied):
            return 0.0
        # Spread out, so that several installers do not come back in step.
        return float(min(30.0, 0.5 * 2**attempt)) * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret

    def _pace(self) -> None:
        now = self.now()
        while self._sent and now - self._sent[0] >= _MINUTE:
            self._sent.popleft()
        if len(self._sent) >= self.per_minute:
            self.sleep(_MINUTE - (now - self._sent[0]))
            self._sent.popleft()
        self._sent.append(self.now())


class _Lost(Unreachable):
    """No answer came.

    Attributes:
        may_have_worked: whether the request may have been carried out all the same.
    """

    def __init__(self, url: str, error: requests.RequestException) -> None:
        super().__init__(f"{url}: {_short(error)}; is the API up, and is port 55000 open?")
        self.may_have_worked = not isinstance(error, requests.exceptions.ConnectTimeout)


class _TooMany(Refused):
    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message, 429)
        self.wait = wait


def document(answer: requests.Response) -> dict[str, Any]:
    """The JSON object that an answer holds.

    Raises:
        ManagerError: it holds something else.
    """
    try:
        found = answer.json()
    except (ValueError, RecursionError) as error:
        raise ManagerError(f"not an answer of a Wazuh API: {answer.text[:120]!r}") from error
    if not isinstance(found, dict):
        raise ManagerError(f"not an answer of a Wazuh API: {answer.text[:120]!r}")
    return found


def _problem(method: str, path: str, answer: requests.Response) -> ManagerError:
    try:
        whole = document(answer)
        told = str(whole.get("detail") or whole.get("message") or whole.get("title") or "")
        code = number(whole.get("error") or answer.status_code)
    except ManagerError:
        told, code = answer.text[:120], answer.status_code
    text = f"{method} {path}: HTTP {answer.status_code}" + (f", {told}" if told else "")
    if answer.status_code == 429:
        wait = answer.headers.get("Retry-After", "")
        return _TooMany(
            f"{text}; raise max_request_per_minute in api.yaml or wait",
            float(wait) if _PAUSE.fullmatch(wait) else _MINUTE,
        )
    if answer.status_code == 401:
        return Denied(f"{text}; check the user, the password or the token")
    if answer.status_code == 403:
        return Denied(f"{text}; the API user's role lacks a permission (docs/deployment.md lists them)")
    return Refused(text, code)


def _short(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    return type(error).__name__


def _is_mistrust(error: requests.RequestException) -> bool:
    """Whether the certificate is the problem; a connection that breaks off is a TLS error as well, and passes."""
    if not isinstance(error, requests.exceptions.SSLError):
        return False
    text = str(error)
    return "CERTIFICATE_VERIFY_FAILED" in text or "CertificateError" in text or "doesn't match" in text


def _tls_text(url: str, error: Exception) -> str:
    return (
        f"{url}: its certificate is not trusted ({str(error).rsplit('(', 1)[-1].rstrip(')')});"
        " name its CA with --ca and, if it is made out to another name, that name with --server-name"
    )
