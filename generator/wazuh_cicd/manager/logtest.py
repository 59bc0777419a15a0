"""A real manager as an engine: through its logtest socket, through its API, or inside the container.

All three speak the same protocol (``docs/engine.md`` explains what it answers). A session loads the ruleset anew from
the manager's disk, so files that were installed but not yet activated are judged as well.
"""

from __future__ import annotations

import os
import re
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.load.messages import LoadMessage
from wazuh_cicd.errors import UsageError
from wazuh_cicd.manager.api import Api, Credentials, document
from wazuh_cicd.manager.errors import ManagerError, Refused
from wazuh_cicd.manager.sockets import LOGTEST, Channel, RelayChannel, UnixChannel, number, request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MESSAGE = re.compile(r"^(WARNING|ERROR|CRITICAL): ((?:\((\d+)\): )?.*)$", re.DOTALL)
# The "codemsg" of a logtest that could load no ruleset.
NO_SESSION = -1
_TOKEN = re.compile(r"[0-9A-Za-z]{1,64}")
_PROBE = "wazuh-cicd asks whether the ruleset loads"


@dataclass(frozen=True, slots=True)
class RemoteVerdict:
    """What a manager says of one event; the shape of the evaluator's verdict."""

    output: dict[str, Any]
    alert: bool
    messages: tuple[LoadMessage, ...] = ()
    tried: tuple[int, ...] = ()

    @property
    def logtest_alert(self) -> bool:
        """``alert``: it is logtest that answers."""
        return self.alert

    @property
    def rule_id(self) -> int | None:
        """The final rule, or None."""
        number = self.output.get("rule", {}).get("id")
        return None if number is None else int(number)

    @property
    def level(self) -> int:
        """Its level; 0 when no rule matched."""
        return int(self.output.get("rule", {}).get("level", 0))


def parse_message(line: str) -> LoadMessage | None:
    """A line of ``messages`` as the evaluator would give it; None for what is only information."""
    found = _MESSAGE.match(line)
    if found is None:
        return None
    return LoadMessage(found[1], int(found[3] or 0), found[2])


@dataclass(slots=True)
class _Logtest:
    """How requests reach a manager's logtest: ``judge`` takes the parameters of log_processing, ``end`` a token."""

    judge: Callable[[dict[str, Any]], dict[str, Any]]
    end: Callable[[str], None]


class RemoteSession:
    """One logtest session of a manager; ended when it is closed or no longer referred to."""

    def __init__(self, logtest: _Logtest, *, debug: bool = False) -> None:
        """Nothing is sent before the first event."""
        self._logtest = logtest
        self._debug = debug
        self._token = ""
        self._finalizer: weakref.finalize[Any, RemoteSession] | None = None

    def process(self, log: bytes | str, location: str = "stdin", *, time: float | None = None) -> RemoteVerdict:  # noqa: ARG002 - the evaluator's signature
        """Judge one event on the manager's own clock; ``time`` is not heeded.

        Raises:
            Refused: the manager cannot load its ruleset; its messages are in the text.
        """
        event = log.decode("utf-8", "surrogateescape") if isinstance(log, bytes) else log
        parameters: dict[str, Any] = {"event": event, "log_format": "syslog", "location": location}
        if self._token:
            parameters["token"] = self._token
        if self._debug:
            parameters["options"] = {"rules_debug": True}
        data = self._logtest.judge(parameters)
        said = _list(data, "messages")
        messages = tuple(filter(None, map(parse_message, map(str, said))))
        token = data.get("token")
        if not token or "output" not in data:
            told = "; ".join(map(str, messages or said)) or "no output"
            raise Refused(f"the manager cannot judge events: {told}", number(data.get("codemsg", NO_SESSION)))
        if not _TOKEN.fullmatch(str(token)):
            # It becomes part of a path that we send: a session is not ended by a path of somebody's choice.
            raise ManagerError(f"the manager names a session {str(token)[:80]!r}")
        if token != self._token:
            self._token = str(token)
            self._finalizer = weakref.finalize(self, _end_quietly, self._logtest.end, self._token)
        steps = (re.match(r"Trying rule: (\d{1,9})", str(line)) for line in _list(data, "rules_debug"))
        tried = tuple(int(step[1]) for step in steps if step)
        return RemoteVerdict(_output(data["output"]), bool(data.get("alert")), messages, tried)

    def process_decoded(
        self,
        decoder: str,
        fields: Mapping[str, str],  # noqa: ARG002 - the evaluator's signature
        *,
        location: str = "syscheck",  # noqa: ARG002 - as above
        log: bytes = b"",  # noqa: ARG002 - as above
        time: float | None = None,  # noqa: ARG002 - as above
    ) -> RemoteVerdict:
        """Not possible: logtest takes text only.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"a manager's logtest takes no event that is already decoded ({decoder}); use the evaluator")

    def close(self) -> None:
        """Free the session on the manager, which holds 64."""
        if self._finalizer is not None:
            self._finalizer()


def _list(data: dict[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []


def _output(found: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a manager sends
    """The ``output`` of a verdict, once it is sure that its rule can be read."""
    rule = found.get("rule", {}) if isinstance(found, dict) else None
    if not isinstance(rule, dict) or not all(re.fullmatch(r"\d{1,9}", str(rule.get(k, 0))) for k in ("id", "level")):
        raise ManagerError(f"the manager's verdict makes no sense: {str(found)[:120]}")
    return dict(found)


def _end_quietly(end: Callable[[str], None], token: str) -> None:
    try:
        end(token)
    except (ManagerError, ValueError, OSError):
        # It has expired or the manager is gone: either way there is nothing left to free.
        return


@dataclass(slots=True)
class RemoteEngine:
    """A manager as an engine; what its two ways in have in common."""

    name: str = field(default="", init=False)
    simulates_time: bool = field(default=False, init=False)
    takes_decoded: bool = field(default=False, init=False)
    reloads: bool = field(default=True, init=False)
    debug: bool = field(default=False, kw_only=True)
    _load: tuple[LoadMessage, ...] | None = field(default=None, init=False, repr=False)

    def _logtest(self) -> _Logtest:
        raise NotImplementedError

    @property
    def load_messages(self) -> Sequence[LoadMessage]:
        """What the manager warned of while loading: they come with the first event of a session."""
        if self._load is None:
            session = self.open_session()
            self._load = session.process(_PROBE).messages
            session.close()
        return self._load

    def open_session(self) -> RemoteSession:
        """Start with no state, and with the files that are on the manager's disk now."""
        return RemoteSession(self._logtest(), debug=self.debug)


@dataclass(slots=True)
class SocketEngine(RemoteEngine):
    """The logtest socket of a manager, reached over ``channel``."""

    channel: Channel

    def __post_init__(self) -> None:
        """Name it."""
        self.name = "socket"

    @classmethod
    def at(cls, path: Path) -> SocketEngine:
        """The socket at a path on this host."""
        return cls(UnixChannel(path))

    def _logtest(self) -> _Logtest:
        def judge(parameters: dict[str, Any]) -> dict[str, Any]:
            return _data(request(self.channel, "log_processing", parameters))

        def end(token: str) -> None:
            request(self.channel, "remove_session", {"token": token})

        return _Logtest(judge, end)


@dataclass(slots=True)
class ApiEngine(RemoteEngine):
    """``PUT /logtest`` of a server API. Its limit of requests a minute makes long runs slow."""

    api: Api

    def __post_init__(self) -> None:
        """Name it."""
        self.name = "api"

    def _logtest(self) -> _Logtest:
        def judge(parameters: dict[str, Any]) -> dict[str, Any]:
            parameters.pop("options", None)  # the API's schema refuses it
            # An event that was judged but whose answer got lost has been counted: asking again would count it twice.
            answer = self.api.request("PUT", "/logtest", json=parameters, repeatable=False)
            return _data(document(answer))

        def end(token: str) -> None:
            self.api.request("DELETE", f"/logtest/sessions/{token}", repeatable=False)

        return _Logtest(judge, end)


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise ManagerError(f"no data in the manager's answer: {str(answer)[:120]}")
    return data


def connect(
    name: str,
    *,
    socket: Path | None = None,
    api: str | None = None,
    ca: Path | None = None,
    token_file: Path | None = None,
    server_name: str | None = None,
    debug: bool = False,
) -> SocketEngine | ApiEngine:
    """The engine of that name.

    Args:
        name: ``socket``, ``api`` or ``docker`` (the manager of ``docker-compose.yml``; ``WAZUH_COMPOSE_EXEC``
            replaces the command that runs a program in it).
        socket: of logtest; default: below ``WAZUH_ROOT``, else ``/var/ossec``.
        api: ``https://…:55000``.
        ca: see ``Api``.
        token_file: see ``Credentials.find``.
        server_name: see ``Api``.
        debug: ask for the order in which rules were tried (socket and docker only).

    Raises:
        UsageError: an option is missing.
    """
    if name == "socket":
        path = socket or Path(os.environ.get("WAZUH_ROOT") or "/var/ossec") / LOGTEST
        return SocketEngine(UnixChannel(path), debug=debug)
    if name == "api":
        if api is None:
            raise UsageError("--engine api needs --api https://…:55000")
        return ApiEngine(Api(api, Credentials.find(os.environ, token_file), ca, server_name), debug=debug)
    if name == "docker":
        command = os.environ.get("WAZUH_COMPOSE_EXEC", "docker compose exec -T manager").split()
        engine = SocketEngine(RelayChannel([*command, "/var/ossec/framework/python/bin/python3"]), debug=debug)
        engine.name = "docker"
        return engine
    raise UsageError(f"no engine '{name}'")
