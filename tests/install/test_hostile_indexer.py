"""What a server in the place of an indexer or API, or somebody on the manager, must not get by its answers."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest

from wazuh_cicd import cli
from wazuh_cicd.commands import install as command
from wazuh_cicd.errors import UsageError, WazuhCicdError
from wazuh_cicd.incidents import indexer as reading
from wazuh_cicd.incidents.reading import Input, Period
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.indexed import IndexedTarget
from wazuh_cicd.install.record import Record
from wazuh_cicd.install.smoke import ALERTS, MARK, QUEUE, Smoke, _Follower, _send
from wazuh_cicd.manager.api import Api, Credentials
from wazuh_cicd.manager.errors import ManagerError
from wazuh_cicd.manager.indexer import Indexer, IndexerCredentials, checked_url
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

PLACES = ("indexer:pipeline/wazuh-cicd", "indexer:template/wazuh-cicd", "indexer:saved/dashboard/cicd-x")
HEAD = b"HTTP/1.1 200 OK\r\n"


def answer(body, *heads, status=b"200 OK"):
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 " + status, length, b"Connection: close", *heads, b"", body])


@contextlib.contextmanager
def serving(once, again=b""):
    """A server that sends one thing, then another again and again."""
    stop = threading.Event()

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(once)
            while again and not stop.wait(0.01):
                connection.sendall(again)

    def listen():
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                connection.settimeout(5)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    threads = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        threads.append(threading.Thread(target=listen))
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def ask(kind, url):
    if kind == "install":
        return Indexer(url, IndexerCredentials()).request("GET", "/x")
    return list(reading.Indexer(url, None, {}).alerts(Period(), Input(), lambda *_: None))


@pytest.mark.parametrize("kind", ["install", "report"])
@pytest.mark.parametrize(
    ("once", "again"),
    [
        pytest.param(HEAD + b"\r\n", b" ", id="a byte now and then"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="continue, continue"),
        pytest.param(HEAD, b"X-", id="a head without end"),
        pytest.param(HEAD + b"\r\n", b" " * (1 << 20), id="a flood"),
    ],
)
def test_an_answer_without_end_is_given_up(kind, once, again, monkeypatch):
    for module in ("manager.indexer._LONGEST_ANSWER", "incidents.indexer._LONGEST_WAIT"):
        monkeypatch.setattr(f"wazuh_cicd.{module}", 0.4)
    monkeypatch.setattr("wazuh_cicd.manager.indexer._LARGEST_ANSWER", 2 << 20)
    monkeypatch.setattr("wazuh_cicd.incidents.indexer._LONGEST_PAGE", 2 << 20)
    begun = time.monotonic()
    with serving(once, again) as url, pytest.raises(WazuhCicdError, match=r"without end|takes longer|larger"):
        ask(kind, url)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("kind", ["install", "report"])
@pytest.mark.parametrize(
    "data",
    [
        answer(b"[" * 100_000),
        HEAD + b"Content-Length: 500\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        answer(b"xxxx", b"Content-Encoding: gzip"),
    ],
    ids=["deep", "cut", "chunk", "gzip"],
)
def test_a_broken_answer_is_one_line(kind, data):
    with serving(data) as url, pytest.raises(WazuhCicdError):
        ask(kind, url)


@pytest.mark.parametrize("shards", [b"null", b"[1]", b"3"])
def test_shards_that_are_none_are_alerts_that_may_be_missing(shards):
    found = Input()
    with serving(answer(b'{"hits":{"hits":[]},"_shards":%b}' % shards)) as url:
        client = reading.Indexer(url, None, {})
        assert not list(client.alerts(Period(), found, lambda *_: None))
    assert found.broken


class Fake:
    """Answers everything with one document."""

    def __init__(self, document):
        self.document, self.asked = document, []

    def get(self, _path):
        return self.document

    def request(self, method, path, _body=None):
        self.asked.append((method, path))
        return self.document


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    "document",
    [
        *([], 1, "x", True, {}, {"_source": None}, {"_source": [1]}, {"wazuh-cicd": None}, {"wazuh-cicd": []}),
        {"wazuh-cicd": {"settings": []}, "_source": 1},
        {"wazuh-cicd": {"index_patterns": [1, "a"]}, "_source": "x"},
    ],
    ids=str,
)
def test_an_odd_document_is_one_line(document, path):
    target = IndexedTarget(None, Fake(document))
    with contextlib.suppress(ManagerError):
        assert isinstance(target.read(path), bytes)


@pytest.mark.parametrize("answered", [[], 1, {"a": None}, {"a": {"settings": []}}], ids=str)
def test_odd_settings_of_indices_are_one_line(answered):
    with pytest.raises(ManagerError):
        IndexedTarget(None, Fake(answered)).delete(PLACES[0])


@pytest.mark.parametrize("index", ["..", "../..", "a..b", "_all", "*", "a,b", "a?b"])
def test_an_indexer_chooses_no_path_by_the_name_of_an_index(index):
    fake = Fake({index: {"settings": {"index.final_pipeline": "wazuh-cicd"}}})
    with pytest.raises(ManagerError, match="nobody asked for"):
        IndexedTarget(None, fake).delete(PLACES[0])
    assert [method for method, _ in fake.asked] == ["GET"]


def test_what_an_indexer_says_does_not_steer_the_terminal(monkeypatch, capsys):
    body = b'{"error":{"reason":"\\u001b]0;owned\\u0007\\u202e"}}'
    with serving(answer(body, status=b"400 Bad Request")) as url:

        def refused(_args):
            Indexer(url, IndexerCredentials()).request("GET", "/x")

        monkeypatch.setattr(command, "run", refused)
        assert cli.main(["install", "status"]) == 2
    said = capsys.readouterr().err
    assert "owned" in said
    assert said.rstrip("\n").isprintable()


class Target:
    """A manager whose record others may write."""

    flat_lists = True

    def trusts(self, _record):
        return False


def test_a_record_that_others_wrote_does_not_say_whom_to_trust(tmp_path, monkeypatch):
    monkeypatch.setenv("WAZUH_INDEXER_USER", "user")
    monkeypatch.setenv("WAZUH_INDEXER_PASSWORD", "word")
    monkeypatch.setattr("wazuh_cicd.manager.indexer.tls_context", lambda ca, _option: seen.append(ca))
    monkeypatch.setattr("wazuh_cicd.manager.indexer.PinnedAdapter", lambda *_: None)
    url, mine, seen = "https://indexer.example.com:9200", tmp_path / "mine.pem", []
    record = Record("1.0", 111000, indexer=url, indexer_ca="/srv/theirs.pem")

    def opened(**said):
        words = {"indexer": url, "indexer_ca": None, "ca": None, **said}
        args = type("Args", (), words)
        return command._with_indexer(args, Target(), command_file(), record)

    with pytest.raises(UsageError, match=r"theirs\.pem.*--indexer-ca"):
        opened()
    assert not seen
    opened(indexer_ca=mine)
    opened(ca=mine)
    assert seen == [mine, mine]


def command_file():
    from wazuh_cicd.install.settings import SettingsFile  # noqa: PLC0415 - here alone

    return SettingsFile()


def test_a_record_without_sources_verifies_nothing():
    with pytest.raises(UsageError, match="names no source"):
        command._desired(Record("1.0", 111000).settings, Target())


@pytest.mark.parametrize("url", ["https://[::1", "https://h:99999", "https://h:9200\x1b", "https://h:9200 x"])
def test_what_is_no_address_is_one_line(url):
    for make in (
        lambda: checked_url(url),
        lambda: Api(url, Credentials("x")),
        lambda: reading.Indexer(url, None, {"WAZUH_INDEXER_USER": "u", "WAZUH_INDEXER_PASSWORD": "p"}),
    ):
        with pytest.raises(UsageError, match="is no address"):
            make()


def test_a_pipe_in_place_of_a_ca_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "ca.pem")
    for ca in (tmp_path / "ca.pem", Path("\0")):
        with pytest.raises(UsageError, match="holds no certificate"):
            Indexer("https://h:9200", IndexerCredentials("u", "p"), ca)


def test_a_password_may_hold_any_letter():
    with serving(answer(b"{}")) as url:
        assert Indexer(url, IndexerCredentials("u", "p\u2603")).request("GET", "/") == {}
    with pytest.raises(UsageError, match="token"):
        Api("https://h:55000", Credentials("x\u2603"))


# -- smoke ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def root():
    with tempfile.TemporaryDirectory() as name:  # the path of a socket is short
        place = Path(name)
        for path in (ALERTS, QUEUE):
            (place / path).parent.mkdir(parents=True)
        yield place


def test_smoke_reads_no_pipe_and_no_file_over_a_link(root):
    os.mkfifo(root / ALERTS)
    with pytest.raises(InstallError, match="no ordinary file"), _Follower(root):
        pass
    (root / ALERTS).unlink()
    (root / "elsewhere").mkdir()
    (root / "elsewhere/alerts.json").touch()
    (root / ALERTS).parent.rmdir()
    (root / ALERTS).parent.symlink_to(root / "elsewhere")
    with pytest.raises(InstallError, match="link"), _Follower(root):
        pass


def test_smoke_sends_to_no_socket_over_a_link(root):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as victim:
        victim.bind(str(root / "victim"))
        victim.settimeout(0.1)
        (root / QUEUE).symlink_to(root / "victim")
        with pytest.raises(InstallError, match="link or no socket"):
            _send(root, "x", b"y")
        with pytest.raises(TimeoutError):
            victim.recv(100)
        (root / QUEUE).unlink()
        (root / "victim").rename(root / QUEUE)
        _send(root, "x", b"y")
        assert victim.recv(100) == b"1:x:y"


def test_smoke_passes_over_what_is_no_alert(root):
    (root / ALERTS).touch()
    good = b'{"location": "%b-1"}\n' % MARK.encode()
    with _Follower(root) as follower, (root / ALERTS).open("ab") as stream:
        stream.write(b'{"%b": %b\n' % (MARK.encode(), b"[" * 100_000) + good)
        stream.flush()
        assert list(follower.new()) == [{"location": f"{MARK}-1"}]
        for _ in range(3):
            stream.write(MARK.encode() + b"x" * (4 << 20))
            stream.flush()
            assert not list(follower.new())
            assert len(follower._rest) <= 5 << 20
        stream.write(b"\n" + good)
        stream.flush()
        assert list(follower.new()) == [{"location": f"{MARK}-1"}]


def test_smoke_takes_no_odd_place_from_the_index(root):
    answered = {"hits": {"hits": [{"_source": {"location": ["x"]}}, {"_source": {"location": "a"}}]}}
    assert list(Smoke(root, None, Fake(answered))._in_index({"a": None})) == ["a"]


# -- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["report", "gate"])
def test_a_report_does_not_take_the_mode_of_another_accounts_file(tmp_path, monkeypatch, verb):
    place = tmp_path / "report.html"
    place.touch()
    place.chmod(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    import_module(f"wazuh_cicd.commands.{verb}")._write(place, "secret")
    assert not place.stat().st_mode & 0o022
    assert verb == "gate" or place.stat().st_mode & 0o777 == 0o600


def test_a_site_is_not_written_over_a_link(tmp_path):
    from wazuh_cicd.report.pages.site import MANIFEST, write_site  # noqa: PLC0415 - here alone

    site, other = tmp_path / "site", tmp_path / "other"
    for place in (site, other):
        place.mkdir()
    (other / "gone.html").write_text("keep")
    (site / MANIFEST).write_text('{"files": ["rules/gone.html"]}')
    (site / "rules").symlink_to(other)
    with pytest.raises(UsageError, match="is a link"):
        write_site([("rules/new.html", "x")], site)
    assert [one.name for one in other.iterdir()] == ["gone.html"]


@pytest.mark.parametrize("path", ["manager", "agent/cicd", "manager/etc/rules/x.xml"])
def test_a_build_is_not_written_over_a_link(tmp_path, path):
    build, other = tmp_path / "build", tmp_path / "other"
    (build / path).parent.mkdir(parents=True)
    (build / path).symlink_to(other)
    other.mkdir()
    with pytest.raises(UsageError, match="is a link"):
        render_package(load_specs(), with_sources=["vault"]).write(build)
    assert not list(other.iterdir())
