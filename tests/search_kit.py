"""A real OpenSearch node for the tests, and a client that says what it refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HERE = Path(__file__).parent / "indexer"
NODE = Path(os.environ.get("WAZUH_CICD_OPENSEARCH", "~/.cache/wazuh-cicd/opensearch")).expanduser()
WAZUH_TEMPLATE = Path(__file__).parents[2] / "shared" / "samples" / "wazuh-4.14.7" / "wazuh-template.json"
#: The index of the day on which the specs' tests play.
INDEX = "wazuh-alerts-4.x-2026.01.07"


@dataclass(frozen=True)
class Refusal:
    """A document that the index did not take."""

    reason: str
    document: dict[str, Any]


@dataclass(frozen=True)
class SearchNode:
    """A running node."""

    url: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request; the answer's JSON, or an AssertionError with what the node said."""
        status, answer = self.answer(method, path, body)
        assert status < 300, f"{method} {path}: {status}: {json.dumps(answer)[:2000]}"
        return answer

    def answer(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request; status and JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310 - our own node
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def index(self, documents: Sequence[dict[str, Any]], index: str = INDEX, size: int = 200) -> list[Refusal]:
        """Send documents as Filebeat does, and return those that were refused."""
        refused = []
        for start in range(0, len(documents), size):
            part = documents[start : start + size]
            lines = "".join('{"create":{}}\n' + json.dumps(document) + "\n" for document in part)
            answer = self.ask("POST", f"/{index}/_bulk", lines.encode())
            for document, item in zip(part, answer["items"], strict=True):
                if item["create"]["status"] >= 300:
                    refused.append(Refusal(json.dumps(item["create"]["error"])[:600], document))
        return refused

    def clean(self) -> None:
        """Remove indices, templates and pipelines of earlier tests."""
        self.ask("DELETE", "/wazuh-alerts-*,.kibana*,wazuh-archives-*?expand_wildcards=all")
        self.ask("DELETE", "/_template/*")
        self.ask("DELETE", "/_ingest/pipeline/*")

    def put_wazuh_template(self) -> None:
        """What Filebeat's set-up leaves on every Wazuh indexer."""
        document = json.loads(WAZUH_TEMPLATE.read_text())
        document["settings"]["index.number_of_shards"] = "1"  # the tests' time goes into shards otherwise
        self.ask("PUT", "/_template/wazuh", document)


def why_not() -> str:
    """Why no node can be started; empty when one can."""
    if not (NODE / ".version").is_file():
        return f"no OpenSearch in {NODE}: run tests/indexer/install_opensearch.sh {NODE}"
    if shutil.which("java") is None:
        return "no Java to start OpenSearch with"
    if not WAZUH_TEMPLATE.is_file():
        return "Wazuh's index template is not beside the checkout (../shared)"
    return ""


def run_node(home: Path) -> Iterator[SearchNode]:
    """Start a node below a folder, and end it."""
    for name in ("config", "modules", "plugins"):
        (home / name).mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    java = ["java", "-Xms512m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    with (home / "out.log").open("wb") as log:
        process = subprocess.Popen(
            [*java, "-cp", f"{NODE}/classes:{NODE}/lib/*", "SearchNode", str(home), str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    node = SearchNode(f"http://127.0.0.1:{port}")
    try:
        _wait(node, process, home)
        yield node
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(node: SearchNode, process: subprocess.Popen[bytes], home: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, AssertionError):
            node.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=20s")
            return
        time.sleep(0.3)
    pytest.fail(f"OpenSearch did not start: {(home / 'out.log').read_text()[-2000:]}")


def as_filebeat_sends(alerts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts as documents: Filebeat adds the time, and replaces bytes that are no UTF-8."""
    return [_clean({**alert, "@timestamp": alert["timestamp"]}) for alert in alerts]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
