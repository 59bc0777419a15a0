"""Reading from an indexer: a server that pages as OpenSearch does, and servers that do not."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from incidents.alert_kit import NOON, alert, github, specs
from install.fakeapi import make_certificates
from wazuh_cicd import cli
from wazuh_cicd.errors import UsageError
from wazuh_cicd.incidents.indexer import Indexer, IndexerError
from wazuh_cicd.incidents.reading import Input, Period

USER, SECRET = "reader", "s3cret-word"
ENVIRONMENT = {"WAZUH_INDEXER_USER": USER, "WAZUH_INDEXER_PASSWORD": SECRET}


class FakeIndexer:
    """Documents in order, and what to answer instead."""

    def __init__(self):
        self.documents = []
        self.asked = []
        self.instead = None
        self.failed_shards = 0

    def search(self, body):
        self.asked.append(body)
        bounds = body["query"].get("range", {}).get("timestamp", {})
        hits = [
            {"_source": one, "sort": [number, one["id"]]}
            for number, one in enumerate(self.documents)
            if bounds.get("gte", "") <= one["timestamp"][:19] + "Z" <= bounds.get("lte", "~")
        ]
        total = len(hits)
        after = body.get("search_after")
        if after is not None:
            hits = [one for one in hits if one["sort"] > after]
        hits = hits[: body["size"]]
        return {"_shards": {"failed": self.failed_shards}, "hits": {"total": {"value": total}, "hits": hits}}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    return make_certificates(tmp_path_factory.mktemp("indexer"))


@pytest.fixture
def indexer(certificates):
    fake = FakeIndexer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            wanted = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
            status, answer = 200, b""
            if self.headers["Authorization"] != f"Basic {wanted}":
                status = 401
            elif fake.instead is not None:
                status, answer = fake.instead
            else:
                answer = json.dumps(fake.search(body)).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "https://evil.example.net/")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates[1], certificates[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url, fake.ca = f"https://localhost:{server.server_port}", certificates[0]
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


def read(fake, *, period=None, page=10, environment=None):
    found = Input()
    client = Indexer(fake.url, fake.ca, ENVIRONMENT if environment is None else environment, page)
    return list(client.alerts(period or Period(), found, lambda done, total: None)), found


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30, 35])
def test_all_pages_are_read_once_and_in_order(indexer, count):
    indexer.documents = [alert(after=number) for number in range(count)]
    alerts, found = read(indexer)
    assert alerts == indexer.documents
    assert (found.lines, found.bad) == (count, {})
    assert "full_log" not in indexer.asked[0]["_source"]


def test_a_period_is_asked_of_the_indexer(indexer):
    indexer.documents = [alert(after=60 * number) for number in range(10)]
    alerts, _ = read(indexer, period=Period(NOON + 60, NOON + 180))
    assert len(alerts) == 3
    assert indexer.asked[0]["query"]["range"]["timestamp"] == {
        "gte": "2026-01-07T12:01:00Z",
        "lte": "2026-01-07T12:03:00Z",
    }


def test_shards_that_did_not_answer_are_said(indexer):
    indexer.documents, indexer.failed_shards = [alert()], 2
    _, found = read(indexer)
    assert found.broken == [f"{indexer.url}: 2 shards did not answer, so alerts are missing"]


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        ((403, b"{}"), "may not read"),
        ((404, b"{}"), "has no index"),
        ((500, b"{}"), "answers with status 500"),
        ((302, b""), "answers with status 302"),
        ((200, b"<html>"), "does not answer as an indexer does"),
        ((200, b"[]"), "does not answer as an indexer does"),
        ((200, b"{}"), "holds no hits"),
        ((200, b"[" * 100_000), "does not answer as an indexer does"),
    ],
)
def test_an_answer_that_is_none_is_an_error(indexer, instead, words):
    indexer.instead = instead
    with pytest.raises(IndexerError, match=words):
        read(indexer)


def test_a_server_that_gives_the_same_page_for_ever_is_left(indexer):
    hits = [{"_source": alert(), "sort": [1]}] * 10
    indexer.instead = 200, json.dumps({"hits": {"total": {"value": 99}, "hits": hits}}).encode()
    with pytest.raises(IndexerError, match="where the next one begins"):
        read(indexer)


def test_a_server_that_always_has_another_page_is_left(indexer, monkeypatch):
    monkeypatch.setattr("wazuh_cicd.incidents.indexer._MOST_NEW", 30)

    def search(_body):
        indexer.asked.append(1)
        hits = [{"_source": alert(), "sort": [len(indexer.asked)]}] * 10
        return {"_shards": {"failed": 0}, "hits": {"total": {"value": 5}, "hits": hits}}

    indexer.search = search
    with pytest.raises(IndexerError, match="more than it said"):
        read(indexer)
    assert len(indexer.asked) == 5


def test_a_wrong_password_and_an_unknown_ca_are_refused(indexer, tmp_path):
    with pytest.raises(IndexerError, match="refuses the user or password"):
        read(indexer, environment={**ENVIRONMENT, "WAZUH_INDEXER_PASSWORD": "x"})
    other = make_certificates(tmp_path)[0]
    with pytest.raises(IndexerError, match="certificate is not trusted"):
        list(Indexer(indexer.url, other, ENVIRONMENT).alerts(Period(), Input(), lambda done, total: None))


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("http://indexer.example.com:9200", ENVIRONMENT, "must be https"),
        ("https://", ENVIRONMENT, "must be https"),
        ("https://a:b@localhost:9200", ENVIRONMENT, "not into the address"),
        ("https://localhost:9200?x=1", ENVIRONMENT, "without a query"),
        ("https://localhost:9200", {}, "set WAZUH_INDEXER_USER"),
        ("http://127.0.0.1:9200", {"WAZUH_INDEXER_USER": "x"}, "set WAZUH_INDEXER_USER"),
        (
            "https://localhost:9200",
            {"WAZUH_INDEXER_USER": "x", "WAZUH_INDEXER_PASSWORD_FILE": "/none"},
            "cannot be read",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(url, environment, words):
    with pytest.raises(UsageError, match=words):
        Indexer(url, None, environment)


def test_the_report_of_an_indexer(indexer, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("wazuh_cicd.spec.load_specs", specs)
    (tmp_path / "password").write_text(f"{SECRET}\n")
    monkeypatch.setenv("WAZUH_INDEXER_USER", USER)
    monkeypatch.setenv("WAZUH_INDEXER_PASSWORD_FILE", str(tmp_path / "password"))
    indexer.documents = [alert(after=number, **github()) for number in range(3)]
    page = tmp_path / "report.html"
    arguments = ["report", "--indexer", indexer.url, "--ca", str(indexer.ca), "-o", str(page)]
    assert cli.main(arguments) == 0
    assert indexer.url in page.read_text("utf-8")
    indexer.instead = 403, b""
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert SECRET not in error + page.read_text("utf-8")
