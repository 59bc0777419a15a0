"""A stand-in for the server API of Wazuh 4.14, over TLS, on a folder laid out like a manager's.

It is a fake: it was written from the API's specification and sources, not recorded from one. It keeps what an
installation depends on: tokens that expire, answers of HTTP 200 with failed items, uploads that are refused (empty, not
XML, existing without overwrite, a list's name with a dot, a ruleset that logtest cannot load), one ``ossec.conf`` a
node that is not synchronised, and a restart that takes time.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from xml.dom import minidom

from install.trees import RunningManager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "wazuh-master.example.com"
USER, PASSWORD = "installer", "correct horse"
_FILES = re.compile(r"/(rules|decoders|lists)/files/([\w\-.]+)$")
_NAMES = {"rules": r"[\w\-]+\.xml", "decoders": r"[\w\-]+\.xml", "lists": r"[\-\w]+"}
# Its own expression: an empty line is refused, a blank in a key wants quotes, and quotes take no other characters.
LIST_LINE = re.compile(r'(?:^"([\w\-: ]+?)"|^[^:"\s]+):(?:"([\w\-: ]*?)"$|[^:\"]*$)')
_MISSING = {"rules": 1415, "decoders": 1503, "lists": 1802}


@dataclass
class FakeApi:
    """What the API knows and does.

    Attributes:
        root: the manager's folder; nodes of a cluster have their ``ossec.conf`` in ``nodes/NAME/etc``.
        nodes: names of the cluster's nodes; none for a single manager.
        faults: asked before every request with its number, method and path; answers None, a status, ``drop`` (the
            connection is cut before the work), ``lose`` (after it) or ``stall``.
        token_uses: how many requests a token lasts.
        restart_takes: seconds; negative: the manager never comes back.
        requests: what came in.
    """

    root: Path
    nodes: tuple[str, ...] = ()
    faults: Callable[[int, str, str], Any] = lambda *_: None
    token_uses: int = 10_000
    restart_takes: float = 0.0
    requests: list[tuple[str, str]] = field(default_factory=list)
    logins: int = 0
    restarts: int = 0
    reloads: int = 0
    url: str = ""
    ca: Path | None = None
    _tokens: dict[str, int] = field(default_factory=dict)
    _started: float = 1000.0
    _down_until: float = 0.0

    def conf(self, node: str | None) -> Path:
        """The ``ossec.conf`` of a node."""
        return self.root / "nodes" / node / "etc/ossec.conf" if node else self.root / "etc/ossec.conf"

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """One authorised request: status and document (or bytes)."""
        if path == "/cluster/status":
            on = "yes" if self.nodes else "no"
            return 200, {"data": {"enabled": on, "running": on}, "error": 0}
        if path == "/cluster/nodes":
            return 200, self._page([{"name": name, "type": "worker"} for name in self.nodes], query)
        if path == "/manager/status":
            up = time.monotonic() > self._down_until and self._down_until >= 0
            return 200, _items([{"wazuh-analysisd": "running" if up else "stopped", "wazuh-apid": "running"}])
        if path.endswith("/daemons/stats"):
            return 200, _items([{"name": "wazuh-analysisd", "uptime": str(self._started)}])
        if path.endswith("/restart") and method == "PUT":
            self.restarts += 1
            self._started += 1
            self._down_until = -1.0 if self.restart_takes < 0 else time.monotonic() + self.restart_takes
            return 202, _items([{"name": "manager"}])
        if path.endswith("/analysisd/reload") and method == "PUT":
            said = RunningManager(self.root).load()[1]
            self.reloads += 1
            text = ", ".join(said) or "Ruleset reload request sent successfully."
            return 200, _items([{"name": "manager", "msg": text}])
        if path.endswith("/configuration/validation"):
            return 200, _items([{"name": name, "status": "OK"} for name in self.nodes or ("manager",)])
        node = re.match(r"/cluster/([^/]+)/configuration$", path)
        if node or path == "/manager/configuration":
            return self._configuration(method, self.conf(node[1] if node else None), query, body)
        if path == "/logtest":
            return self._logtest(json.loads(body))
        if path.startswith("/logtest/sessions/"):
            return 200, {"error": 0, "data": {}}
        if path == "/rules":
            return 200, self._page(self._rules(), query)
        listing = re.match(r"/(rules|decoders|lists)/files$", path)
        if listing:
            return 200, self._page(self._listing(listing[1]), query)
        found = _FILES.match(path)
        if found:
            return self._file(method, found[1], found[2], query, body)
        return 404, {"title": "Not Found", "detail": f"404: {path}"}

    def _page(self, items: list[Any], query: dict[str, str]) -> dict[str, Any]:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 500))
        return _items(items[offset : offset + limit], total=len(items))

    def _rules(self) -> list[dict[str, Any]]:
        found = []
        for folder in ("ruleset/rules", "etc/rules"):
            for place in sorted((self.root / folder).glob("*.xml")):
                for rule in re.findall(r'<rule id="(\d+)"([^>]*)>', place.read_text()):
                    details = {"overwrite": "yes"} if 'overwrite="yes"' in rule[1] else {}
                    entry = {"id": int(rule[0]), "filename": place.name, "relative_dirname": folder}
                    found.append({**entry, "details": details})
        return found

    def _listing(self, kind: str) -> list[dict[str, str]]:
        # The real one walks lists recursively and leaves compiled ones out.
        base = self.root / "etc" / kind
        places = (p for p in sorted(base.rglob("*")) if p.is_file() and p.suffix not in (".cdb", ".backup"))
        return [{"filename": p.name, "relative_dirname": str(p.parent.relative_to(self.root))} for p in places]

    def _file(self, method: str, kind: str, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if not re.fullmatch(_NAMES[kind], name):
            return 400, {"title": "Bad Request", "detail": f"'{name}' does not match"}
        base = self.root / "etc" / kind
        place = base / name
        if method in ("GET", "DELETE") and not place.exists():
            place = next((p for p in list(base.rglob(name)) if p.is_file()), place)
            if not place.exists():
                return 200, _failed(name, _MISSING[kind], "File not found")
        if method == "GET":
            return 200, place.read_bytes()
        if method == "DELETE":
            place.unlink()
            return 200, _items([str(place.relative_to(self.root))])
        if not body.strip():
            return 200, _failed(name, 1112, "Empty files are not supported")
        if place.exists() and query.get("overwrite") != "true":
            return 200, _failed(name, 1905, "File could not be updated, it already exists")
        if kind == "lists":
            if not all(map(LIST_LINE.match, body.decode().splitlines())):
                return 200, _failed(name, 1800, "Bad format in CDB list")
        else:
            try:
                # The parser that the API uses; the text is our own.
                minidom.parseString(f"<root>{body.decode()}</root>".replace("&", "&amp;"))  # noqa: S318
            except Exception:  # noqa: BLE001 - whatever the parser raises
                return 200, _failed(name, 1113, "XML syntax error")
        before = place.read_bytes() if place.exists() else None
        place.write_bytes(body)
        if b"<match>fatal" in body:
            if before is None:
                place.unlink()
            else:
                place.write_bytes(before)
            return 200, _failed(name, 1113, "XML syntax error. (1220): Error loading the rules")
        return 200, _items([str(place.relative_to(self.root))])

    def _configuration(self, method: str, place: Path, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if method == "GET":
            return 200, place.read_bytes() if query.get("raw") == "true" else _items([{}])
        if b"<ossec_config>" not in body:
            return 200, _failed("manager", 1125, "Invalid ossec configuration")
        place.write_bytes(body)
        return 200, _items(["manager"])

    def _logtest(self, request: dict[str, Any]) -> tuple[int, Any]:
        if set(request) - {"event", "log_format", "location", "token"}:
            return 400, {"title": "Bad Request", "detail": "Additional properties are not allowed"}
        return 200, RunningManager(self.root).answer({"command": "log_processing", "parameters": request})


def _items(items: list[Any], total: int | None = None) -> dict[str, Any]:
    data = {"affected_items": items, "total_affected_items": len(items) if total is None else total}
    return {"data": {**data, "total_failed_items": 0, "failed_items": []}, "message": "ok", "error": 0}


def _failed(name: str, code: int, message: str) -> dict[str, Any]:
    failed = [{"error": {"code": code, "message": message, "remediation": "Mend it"}, "id": [name]}]
    data = {"affected_items": [], "total_affected_items": 0, "total_failed_items": 1, "failed_items": failed}
    return {"data": data, "message": "Could not", "error": 1}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for an acknowledgement
    api: FakeApi
    silence: threading.Event

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        api = self.api
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api.requests.append((self.command, parts.path))
        fault = api.faults(len(api.requests), self.command, parts.path)
        if fault == "stall":
            self.silence.wait(5)
        if fault in ("drop", "stall"):
            self.close_connection = True
            return
        if isinstance(fault, int):
            self._send(fault, {"title": "Fault", "detail": "injected"})
            return
        if parts.path == "/security/user/authenticate":
            api.logins += 1
            wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self._send(401, {"title": "Unauthorized", "detail": "Invalid credentials"})
                return
            token = f"token{api.logins}"
            api._tokens[token] = api.token_uses
            self._send(200, {"data": {"token": token}, "error": 0})
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if api._tokens.get(token, 0) <= 0:
            self._send(401, {"title": "Unauthorized", "detail": "Invalid token"})
            return
        api._tokens[token] -= 1
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        status, document = api.answer(self.command, parts.path, query, body)
        if fault == "lose":
            self.close_connection = True
            return
        self._send(status, document)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the standard library's names

    def _send(self, status: int, document: Any) -> None:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml" if isinstance(document, bytes) else "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no event."""


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A CA, and a certificate of it for ``NAME`` and ``localhost``: CA, certificate, key."""
    ca, ca_key, cert, key, request = (folder / name for name in ("ca.pem", "ca.key", "api.pem", "api.key", "api.csr"))
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*new, "-x509", "-days", "2", "-subj", "/CN=test CA", "-keyout", ca_key, "-out", ca],
        check=True,
        capture_output=True,
    )
    subprocess.run([*new, "-subj", f"/CN={NAME}", "-keyout", key, "-out", request], check=True, capture_output=True)
    (folder / "ext").write_text(f"subjectAltName=DNS:{NAME},DNS:localhost\n")
    sign = ["openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2"]
    subprocess.run([*sign, "-extfile", folder / "ext", "-out", cert], check=True, capture_output=True)
    return ca, cert, key


@contextmanager
def serving(api: FakeApi, certificates: tuple[Path, Path, Path]):
    """The API answers while the block lasts; ``api.url`` and ``api.ca`` say where."""
    silence = threading.Event()
    handler = type("Handler", (_Handler,), {"api": api, "silence": silence})
    server = _Server(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates[1], certificates[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    api.url, api.ca = f"https://localhost:{server.server_port}", certificates[0]
    try:
        yield api
    finally:
        silence.set()
        server.shutdown()
        server.server_close()
        thread.join()
