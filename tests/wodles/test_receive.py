"""The receiver: what it takes, what it refuses, and that nothing acknowledged is lost."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from receive_kit import OLDER, SECRET, Receiver, github_headers, interpreters, read_status, request, sign

from program_kit import program_folder

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "github-webhooks"
WRONG = "-".join(["wrong"] * 4)
NEW = "a-new-one-of-this-quarter"
PUSH = {
    "ref": "refs/tags/v1",
    "forced": True,
    "compare": "x",
    "compare_url": "https://example.com",
    "repository": {"full_name": "acme/app", "url": "https://example.com", "node_id": "n"},
    "organization": {"login": "acme"},
    "sender": {"login": "mallory"},
    "commits": [{"id": "a1", "url": "https://example.com", "added": [".github/workflows/x.yml"]}],
}
AUDIT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "57a794de",
    "stage": "ResponseComplete",
    "verb": "get",
}


PROGRAM = program_folder() / "wodles/cicd/cicd-receive"


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**settings):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Receiver(PROGRAM, folder, **settings))
        return made[-1]

    yield make
    for receiver in made:
        receiver.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One that all tests share which only look at answers."""
    receiver = Receiver(
        PROGRAM, tmp_path_factory.mktemp("shared"), peer_refusals=100000, peer_requests=10000000
    ).start()
    yield receiver
    receiver.end()


@pytest.fixture(params=interpreters(), ids=lambda p: "oldest" if "3.6" in p else "current")
def each_python(request, make):
    return make(interpreter=request.param).start()


# --- what is written


def test_a_delivery_of_github_becomes_the_documented_envelope(each_python):
    assert each_python.github("push", PUSH, "72d3162e-cc78") == 200
    (event,) = each_python.events()
    assert event == {
        "integration": "cicd-github-webhook",
        "github": {"event": "push", "delivery": "72d3162e-cc78", "actor": "mallory", "org": "acme", "repo": "acme/app"},
        "webhook": {
            "ref": "refs/tags/v1",
            "forced": True,
            "compare": "x",
            "repository": {"full_name": "acme/app"},
            "organization": {"login": "acme"},
            "sender": {"login": "mallory"},
            "commits": [{"id": "a1", "added": [".github/workflows/x.yml"]}],
        },
    }
    assert each_python.stop() == 0


def test_the_run_is_named_as_text(make):
    receiver = make().start()
    receiver.github("workflow_run", {"workflow_run": {"id": 20123}}, "d-1")
    receiver.github("workflow_job", {"workflow_job": {"id": 7, "run_id": 20124}}, "d-2")
    assert [event["github"]["run_id"] for event in receiver.events()] == ["20123", "20124"]


def test_a_form_is_read_as_its_payload(make):
    receiver = make().start()
    body = b"payload=%7B%22ref%22%3A+%22a+b%22%7D"
    assert receiver.github("push", body, **{"Content-Type": "application/x-www-form-urlencoded"}) == 200
    assert receiver.events()[0]["webhook"] == {"ref": "a b"}


@pytest.mark.parametrize("forge", ["Gitea", "Forgejo", "Gogs"])
def test_forges_sign_in_their_own_header(make, forge):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    headers = {f"X-{forge}-Event": "push", f"X-{forge}-Delivery": "d-7", f"X-{forge}-Signature": sign(body)}
    assert receiver.send("/gitea", body, headers) == 200
    headers[f"X-{forge}-Signature"] = sign(body, "another-secret-of-others")
    assert receiver.send("/gitea", body, headers) == 401
    events = [event for event in receiver.events() if event["integration"] == "cicd-gitea-webhook"]
    assert [event["gitea"] for event in events] == [
        {
            "event": "push",
            "forge": forge.lower(),
            "delivery": "d-7",
            "actor": "mallory",
            "org": "acme",
            "repo": "acme/app",
        }
    ]


def test_each_artifact_of_harbor_is_an_event(make):
    receiver = make().start()
    resources = [{"digest": f"sha256:{n}", "tag": f"v{n}", "resource_url": "x"} for n in (1, 2)]
    repository = {"namespace": "acme", "repo_full_name": "acme/app", "repo_type": "private"}
    payload = {
        "type": "PUSH_ARTIFACT",
        "operator": "mallory",
        "event_data": {"resources": resources, "repository": repository},
    }
    assert receiver.send("/harbor", json.dumps(payload).encode(), {"Authorization": SECRET}) == 200
    assert [event["harbor"] for event in receiver.events()] == [
        {"event": "PUSH_ARTIFACT", "actor": "mallory", "project": "acme", "repo": "acme/app", "visibility": "private",
         "tag": f"v{n}", "digest": f"sha256:{n}", "resource": {}} for n in (1, 2)
    ] or [event["harbor"].get("tag") for event in receiver.events()] == ["v1", "v2"]  # fmt: skip


def test_each_notification_of_a_registry_is_an_event(make):
    receiver = make().start()
    events = [
        {"id": "e1", "action": "push", "target": {"repository": "acme/app", "tag": "v1", "digest": "sha256:1"},
         "request": {"addr": "192.0.2.7:4711", "host": "registry.example.com", "method": "PUT"},
         "actor": {"name": "ci"}},
        {"id": "e2", "action": "delete", "target": {"repository": "acme/app"}, "request": {"addr": "[2001:db8::7]:1"}},
    ]  # fmt: skip
    assert receiver.token("/registry", {"events": events}) == 200
    first, second = [event["registry"] for event in receiver.events()]
    assert first == {
        "event": "push", "delivery": "e1", "actor": "ci", "repo": "acme/app", "tag": "v1", "digest": "sha256:1",
        "address": "192.0.2.7", "registry": "registry.example.com", "method": "PUT",
    }  # fmt: skip
    assert second["address"] == "2001:db8::7"


def test_a_generic_sender_is_named_by_the_configuration(make):
    receiver = make().start()
    body = b'[{"action":"sync"},{"action":"rollback"}]'
    assert receiver.send("/generic/argo", body, {"X-Signature-256": f"sha256={sign(body)}"}) == 200
    assert receiver.send("/generic/argo", body, {"Authorization": f"Bearer {SECRET}"}) == 401
    assert receiver.token("/generic/open", {"action": "x"}) == 200
    assert receiver.send("/generic/..%2f..%2fetc", body, {"X-Signature-256": f"sha256={sign(body)}"}) == 404
    events = [event["generic"] for event in receiver.events()]
    assert [(event["name"], event["body"]["action"]) for event in events] == [
        ("argo", "sync"), ("argo", "rollback"), ("open", "x"),
    ]  # fmt: skip


def test_a_list_of_audit_events_is_split(make):
    receiver = make().start()
    items = [{**AUDIT, "auditID": str(n)} for n in range(5)]
    assert receiver.token("/kubernetes", {"kind": "EventList", "items": [*items, {"kind": "Pod"}]}) == 200
    assert [event["auditID"] for event in receiver.events()] == ["0", "1", "2", "3", "4"]
    # An API server says what its list holds at the list alone.
    entry = {key: value for key, value in AUDIT.items() if key not in ("kind", "apiVersion")}
    assert receiver.token("/kubernetes", {"kind": "EventList", "items": [entry]}) == 200
    assert receiver.events()[-1] == AUDIT
    receiver.stop()
    assert receiver.notes("cut") == [
        {"event": "cut", "source": "kubernetes", "what": "entries", "entries_left_out": "1"}
    ]


def test_an_audit_event_that_is_too_long_loses_its_bodies_and_says_so(make):
    receiver = make().start()
    event = {**AUDIT, "requestObject": {"data": "x" * 70000}, "responseObject": {"a": "y" * 9000}}
    assert receiver.token("/kubernetes", {"items": [event]}) == 200
    (written,) = receiver.events()
    assert written == {**AUDIT, "annotations": {"audit.k8s.io/truncated": "true"}}
    receiver.stop()
    assert receiver.notes("cut")[0]["what"] == "requestObject"


GKE = {
    "insertId": "abc",
    "timestamp": "2026-01-25T10:00:00Z",
    "resource": {"labels": {"cluster_name": "prod", "location": "europe-west1", "project_id": "acme"}},
    "labels": {"authorization.k8s.io/decision": "allow"},
    "operation": {"id": "57a794de-44d3"},
    "protoPayload": {
        "serviceName": "k8s.io",
        "methodName": "io.k8s.core.v1.pods.exec.create",
        "resourceName": "core/v1/namespaces/build/pods/web-1/exec",
        "authenticationInfo": {"principalEmail": "mallory@example.com"},
        "requestMetadata": {"callerIp": "198.51.100.7", "callerSuppliedUserAgent": "kubectl/v1.31"},
        "status": {"code": 7, "message": "no"},
    },
}


def pushed(entry, number="1"):
    data = base64.b64encode(json.dumps(entry).encode()).decode()
    return json.dumps({"message": {"data": data, "messageId": number}, "subscription": "s"}).encode()


def test_a_push_of_gke_becomes_an_audit_event(make):
    receiver = make().start()
    assert receiver.send(f"/pubsub?token={SECRET}", pushed(GKE), {}) == 200
    assert receiver.send(f"/pubsub?token={SECRET}", pushed(GKE), {}) == 200  # the same message again
    assert receiver.send(f"/pubsub?token={SECRET}", pushed({"textPayload": "x"}, "2"), {}) == 200
    assert receiver.send("/pubsub?token=not-the-token-not", pushed(GKE, "3"), {}) == 401
    (event,) = receiver.events()
    assert event["requestURI"] == "/api/v1/namespaces/build/pods/web-1/exec"
    assert event["objectRef"] == {
        "namespace": "build", "resource": "pods", "name": "web-1", "subresource": "exec", "apiVersion": "v1",
    }  # fmt: skip
    assert (event["verb"], event["user"]["username"], event["sourceIPs"]) == (
        "create",
        "mallory@example.com",
        ["198.51.100.7"],
    )
    assert event["responseStatus"] == {"status": "Failure", "code": 403, "message": "no"}
    assert event["kubernetes"]["cluster"] == "prod"


@pytest.mark.parametrize(
    ("provider", "entries"),
    [
        ("gke", [GKE]),
        ("aks", [{"records": [{"category": "kube-audit", "properties": {"log": json.dumps(AUDIT)}}]}]),
        ("aks", [{"category": "kube-audit-admin", "properties": {"log": json.dumps(AUDIT)}}, {"category": "guard"}]),
        ("eks", [{"logEvents": [{"message": json.dumps(AUDIT)}, {"message": "text"}]}]),
        ("eks", [AUDIT]),
    ],
)
def test_exported_files_are_unwrapped(make, tmp_path, provider, entries):
    file = tmp_path / "export.json"
    for text in (json.dumps(entries), "\n".join(map(json.dumps, entries))):
        file.write_text(text)
        run = make().run("--unwrap", provider, str(file))
        assert run.returncode == 0, run.stderr
        (event,) = map(json.loads, run.stdout.splitlines())
        assert event["kind"] == "Event"
        assert event["stage"] == "ResponseComplete"


def test_a_file_that_holds_something_else_is_refused(make, tmp_path):
    file = tmp_path / "export.json"
    file.write_text('{"records": []}\nnot json\n')
    run = make().run("--unwrap", "aks", str(file))
    assert run.returncode == 2
    assert run.stderr == f"cicd-receive: input: {file}: line 2 is not JSON\n"


# --- what Wazuh can read


def fields_of(value):
    return sum(fields_of(item) if isinstance(item, dict) else 1 for item in value.values())


def test_recorded_deliveries_fit_and_keep_what_rules_read(make):
    if not SAMPLES.is_dir():
        pytest.skip("no recorded deliveries beside the checkout")
    receiver = make().start()
    files = sorted(SAMPLES.glob("*/*.json"))
    for number, file in enumerate(files):
        assert receiver.github(file.parent.name.split("__")[-1], file.read_bytes(), f"d-{number}") == 200
    assert len(receiver.events()) == len(files)
    for line in receiver.lines():
        assert len(line.encode()) <= 60000
        assert '_url":' not in line
        assert fields_of(json.loads(line)) <= 256


def repository(name):
    details = {f"has_{n}": False for n in range(90)}
    return {
        "id": 1,
        "full_name": name,
        "private": True,
        "default_branch": "main",
        "owner": {"login": "acme"},
        **details,
    }


def test_a_pull_request_with_three_repositories_keeps_what_rules_read(make):
    receiver = make().start()
    head = {"ref": "topic", "sha": "a1", "repo": repository("mallory/app")}
    pull = {
        "number": 7,
        "title": "$(id)",
        "merged": False,
        "head": head,
        "base": {"ref": "main", "repo": repository("acme/app")},
    }
    payload = {
        "action": "opened",
        "pull_request": pull,
        "repository": repository("acme/app"),
        "sender": {"login": "mallory"},
    }
    assert receiver.github("pull_request", payload) == 200
    (event,) = receiver.events()
    assert fields_of(event) <= 256
    assert event["receiver"] == {"outcome": "accepted", "cut": "details"}
    assert event["webhook"]["pull_request"]["title"] == "$(id)"
    assert event["webhook"]["pull_request"]["head"]["repo"]["full_name"] == "mallory/app"
    receiver.stop()
    assert receiver.notes("cut") == []  # nothing that says something was lost


def test_very_many_fields_are_folded_not_lost(make):
    receiver = make().start()
    assert receiver.github("push", {**PUSH, "inputs": {f"k{n}": n for n in range(2000)}}) == 200
    (event,) = receiver.events()
    assert fields_of(event) <= 256
    assert event["github"]["repo"] == "acme/app"
    assert '"k1999":1999' in receiver.lines()[-1]
    assert receiver.github("push", {f"k{n}": {"a": n} for n in range(900)}) == 200
    event = receiver.events()[-1]
    assert (event["integration"], fields_of(event) <= 256) == ("cicd-github-webhook", True)
    assert '"k899":{"a":899}' in receiver.lines()[-1]


def test_a_push_that_is_too_long_keeps_the_telling_paths_and_says_what_it_lost(make):
    receiver = make().start()
    commits = [
        {
            "id": f"{n:040}",
            "message": "m" * 3000,
            "added": [f"src/module/file{n}-{m}.txt" for m in range(100)],
            "modified": [],
        }
        for n in range(50)
    ]
    commits[3]["added"].append(".github/workflows/shai-hulud.yml")
    assert receiver.github("push", {**PUSH, "commits": commits}, "d-9") == 200
    (line,) = [line for line in receiver.lines() if "cicd-github-webhook" in line]
    assert len(line.encode()) <= 60000
    assert ".github/workflows/shai-hulud.yml" in line
    assert json.loads(line)["receiver"]["cut"].startswith("commits")
    receiver.stop()
    (note,) = receiver.notes("cut")
    assert (note["source"], note["delivery"], note["repo"]) == ("github", "d-9", "acme/app")
    assert int(note["paths_left_out"]) > 0


@pytest.mark.parametrize(
    "payload",
    [
        {"comment": {"body": "x" * 200000}},
        {"list": [{"a": "b" * 50}] * 20000},
        {"commits": [{"id": "x" * 1000, "message": "y" * 9000}] * 500},
        {f"k{n}": "v" * 90 for n in range(5000)},
        {"commits": "no list", "a": {"b": {"c": ["x" * 70000]}}},
    ],
)
def test_whatever_is_too_large_becomes_a_whole_line(make, payload):
    receiver = make().start()
    assert receiver.github("push", {**PUSH, **payload}, "d-1") == 200
    (event,) = receiver.events()
    assert event["github"]["delivery"] == "d-1"
    assert all(len(line.encode()) <= 60000 for line in receiver.lines())
    receiver.stop()
    assert len(receiver.notes("cut")) == 1


def test_no_character_ends_a_line_or_a_text(make):
    receiver = make().start()
    body = rb'{"title":"a\u0000b\nc\u2028d\ud800e\u007f","n":1e999,"m":' + b"9" * 5000 + b',"x":NaN}'
    assert receiver.github("issues", body) == 200
    (event,) = receiver.events()
    assert event["webhook"] == {"title": "a\ufffdb\nc\u2028d\ud800e\u007f", "n": "1e999", "m": "9" * 5000, "x": "NaN"}


# --- who may send


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_each_secret_of_the_file_proves_a_delivery(shared, secret):
    assert shared.github("push", PUSH, secret=secret) == 200


def test_what_is_not_proved_is_refused_and_said_once_a_minute(make):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    for number in range(5):
        assert receiver.github("push", PUSH, f"d-{number}", secret=WRONG) == 401
    headers = github_headers("push", "d-1", body)
    del headers["X-Hub-Signature-256"]
    assert receiver.send("/github", body, headers) == 401
    assert receiver.send("/github", body, {**headers, "X-Hub-Signature": "sha1=" + "0" * 40}) == 401
    receiver.stop()
    assert receiver.events() == [
        {
            "integration": "cicd-github-webhook",
            "receiver": {"outcome": "rejected", "reason": reason, "peer": "127.0.0.1"},
        }
        for reason in ("signature_invalid", "signature_missing")
    ]
    assert receiver.notes("minute")[0]["signature_refused"] == "7"


def test_the_signature_is_of_the_bytes_not_of_what_they_mean(make):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    assert receiver.send("/github", body + b" ", github_headers("push", "d-1", body)) == 401


def test_nothing_is_parsed_before_it_is_proved(make):
    receiver = make().start()
    assert receiver.github("push", b"[" * 100000, secret=WRONG) == 401
    assert receiver.github("push", b"[" * 100000) == 400


def test_a_delivery_that_comes_again_is_acknowledged_and_written_once(make):
    receiver = make().start()
    assert [receiver.github("push", PUSH, "d-1") for _ in range(3)] == [200, 200, 200]
    assert len(receiver.events()) == 1
    receiver.stop()
    receiver.start_again()
    assert receiver.github("push", PUSH, "d-1") == 200
    assert len(receiver.events()) == 1


def test_a_captured_body_under_another_id_is_marked(make):
    receiver = make().start()
    receiver.github("push", PUSH, "d-1")
    receiver.github("push", PUSH, "d-2")
    assert [event["github"].get("same_body_as") for event in receiver.events()] == [None, "d-1"]


@pytest.mark.parametrize("path", ["/harbor", "/registry", "/kubernetes", "/pubsub", "/generic/open"])
def test_a_token_is_asked_for_before_the_body_is_read(shared, path):
    for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong-wrong"}):
        with shared.connect() as link:
            link.sendall(request(path, b"", {**headers, "Content-Length": "1000000"}))
            assert read_status(link) == 401


@pytest.mark.parametrize("name", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", ["", "a b", "../../x", "a" * 65, 'x"y'])
def test_an_odd_header_is_refused(shared, name, value):
    assert shared.github("push", {**PUSH, "odd": name + value}, **{name: value}) == 400


def test_the_peer_is_believed_of_trusted_proxies_only(make):
    receiver = make().start()
    receiver.github("push", PUSH, secret="x" * 20, **{"X-Forwarded-For": "203.0.113.9"})
    behind = make(proxies=["127.0.0.0/8", "192.0.2.0/24"]).start()
    behind.github("push", PUSH, secret="x" * 20, **{"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 192.0.2.4"})
    behind.github("push", PUSH, secret="x" * 20, **{"X-Forwarded-For": "203.0.113.8, nonsense"})
    for one in (receiver, behind):
        one.stop()
    assert [event["receiver"]["peer"] for event in receiver.events()] == ["127.0.0.1"]
    assert [event["receiver"]["peer"] for event in behind.events()] == ["203.0.113.9", "127.0.0.1"]


# --- hostile senders


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"POST /github HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\nHost: x\n\n\r\n\r\n", 400),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400),
        (b"POST /../github HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 404),
        (b"GET /github HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n", 415),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", 413),
        (b"POST /github HTTP/1.1\r\nHost: x\r\n\r\n", 411),
        (b"POST /github HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n", 431),
        (b"POST /github HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 20000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)  # fmt: skip
def test_odd_requests_are_answered_and_closed(shared, head, status):
    with shared.connect() as link:
        link.sendall(head)
        assert read_status(link) == status
        assert link.recv(10) == b""
    assert shared.send("/health", b"", {}, "GET") == 200


def chunked(body, size):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nX-Trailer: a\r\n\r\n"


def test_a_chunked_body_is_read_byte_by_byte(make):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    headers = {**github_headers("push", "d-1", body), "Transfer-Encoding": "chunked"}
    raw = request("/github", chunked(body, 7), headers)
    with receiver.connect() as link:
        for byte in raw:
            link.sendall(bytes([byte]))
        assert read_status(link) == 200
    assert receiver.events()[0]["webhook"]["ref"] == "refs/tags/v1"


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"ffffffff\r\n", b"5\r\nabcdeX", b"1" * 200, b"-1\r\n", b"0\r\n" + b"T: x\r\n" * 500]
)
def test_odd_chunks_are_refused(shared, chunks):
    with shared.connect() as link:
        link.sendall(request("/github", chunks, {**github_headers("push", "d", b""), "Transfer-Encoding": "chunked"}))
        assert read_status(link) in (400, 413, 431)


def test_a_body_without_end_stops_at_the_limit(make):
    receiver = make(body_bytes=100000).start()
    with receiver.connect() as link:
        link.sendall(request("/github", b"", {**github_headers("push", "d", b""), "Transfer-Encoding": "chunked"}))
        for _ in range(1000):
            try:
                link.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            except OSError:  # noqa: PERF203 - it ends the loop
                break
        assert read_status(link) in (413, 0)
    assert receiver.send("/health", b"", {}, "GET") == 200


@pytest.mark.parametrize("sent", [b"POST /git", b"POST /github HTTP/1.1\r\nHost: x\r\n"])
def test_a_slow_head_is_answered_with_408(make, sent):
    receiver = make(head_seconds=1).start()
    with receiver.connect() as link:
        link.sendall(sent)
        assert read_status(link) == 408


def test_a_slow_body_does_not_hold_others_up(make):
    receiver = make(body_seconds=2).start()
    body = json.dumps(PUSH).encode()
    slow = [receiver.connect() for _ in range(20)]
    for link in slow:
        link.sendall(request("/github", b"", {**github_headers("push", "d", b""), "Content-Length": "1000"}))
    began = time.monotonic()
    assert receiver.send("/github", body, github_headers("push", "d-1", body)) == 200
    assert time.monotonic() - began < 1
    assert [read_status(link) for link in slow] == [408] * 20


def test_idle_connections_give_way_to_deliveries(make):
    receiver = make(connections=16, peer_connections=10000).start()
    idle = [receiver.connect() for _ in range(60)]
    assert receiver.github("push", PUSH) == 200
    assert len(idle) == 60


def test_one_peer_has_so_many_connections(make):
    receiver = make(peer_connections=3).start()
    time.sleep(0.3)  # until the connection that found it listening is closed
    held = [receiver.connect() for _ in range(3)]
    time.sleep(0.2)
    with receiver.connect() as link:
        assert read_status(link) == 0
    held[0].close()
    time.sleep(0.2)
    assert receiver.github("push", PUSH) == 200


def test_a_peer_that_is_refused_too_often_gets_429_but_what_is_proved_is_taken(make):
    receiver = make(peer_refusals=5).start()
    answers = [receiver.github("push", PUSH, secret=WRONG) for _ in range(7)]
    assert answers == [401] * 5 + [429] * 2
    # Anybody can make a webhook at the forge that points here: the address is the same as that of good deliveries.
    assert receiver.github("push", PUSH) == 200
    receiver.stop()
    assert receiver.notes("minute")[0]["signature_refused"] == "7"


def test_a_peer_that_asks_too_often_gets_429(make):
    receiver = make(peer_requests=3).start()
    assert [receiver.github("push", PUSH, f"d-{n}") for n in range(5)] == [200, 200, 200, 429, 429]


def test_requests_that_wait_in_line_are_answered_in_order(make):
    receiver = make().start()
    bodies = [json.dumps({**PUSH, "n": n}).encode() for n in range(300)]
    with receiver.connect() as link:
        raw = b"".join(
            request("/github", body, github_headers("push", f"d-{n}", body)) for n, body in enumerate(bodies)
        )
        raw += request("/health", b"", {}, "GET") * 500
        threading.Thread(target=link.sendall, args=(raw,)).start()
        got = b""
        while got.count(b"200 OK\r\n") < 800:
            got += link.recv(65536)
    assert [event["webhook"]["n"] for event in receiver.events()] == list(range(300))


def test_bodies_together_keep_to_their_limit(make):
    receiver = make(bodies_bytes=1 << 20).start()
    held = []
    for _ in range(3):
        link = receiver.connect()
        link.sendall(request("/github", b"", {**github_headers("push", "d", b""), "Content-Length": "900000"}))
        held.append(link)
    assert [read_status(link) for link in held[:2]] == [0, 0]  # who proved nothing gives way, the first first
    assert receiver.github("push", {**PUSH, "pad": "x" * 200000}) == 200


@pytest.mark.parametrize("depth", [150, 350, 600, 950, 5000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_bodies_are_taken_or_refused_and_harm_nobody(shared, depth, opening):
    closing = {"[": "]", '{"a":': "}"}[opening]
    deep = opening * depth + "1" + closing * depth
    body = f'{{"sender":{deep},"commits":{deep},"pad":"{"x" * 70000}"}}'.encode()
    assert shared.github("push", body, f"deep-{depth}-{len(opening)}") in (200, 400)
    for path, text in (
        ("/kubernetes", f'{{"items":[{{"auditID":"1","stage":"Panic","requestObject":{deep}}}]}}'),
        ("/harbor", f'{{"event_data":{{"resources":[{{"tag":{deep}}}]}}}}'),
        ("/registry", f'{{"events":[{{"target":{deep}}}]}}'),
        ("/generic/open", f'{{"a":{deep}}}'),
    ):
        assert shared.token(path, text.encode()) in (200, 400)
    assert shared.send("/health", b"", {}, "GET") == 200


@pytest.mark.parametrize("value", [None, 1, "x", [], [[]], {}, {"a": {}}, [{"a": None}], True, 1.5])
def test_no_type_of_a_value_harms_anybody(shared, value):
    keys = "ref sender repository organization commits head_commit workflow_run type operator event_data events items"
    shape = dict.fromkeys(keys.split(), value)
    commits = [{"added": [value] * 9000, "modified": value, "message": value}, value] * 3
    pad = {"pad": "x" * 70000}
    for number, body in enumerate((shape, value, {**shape, "commits": commits, **pad}, {**shape, **pad})):
        assert shared.github("push", body, f"type-{value!r:.1}-{number}".replace("'", "-")) in (200, 400)
        for path in ("/kubernetes", "/harbor", "/registry", "/generic/open", "/pubsub"):
            assert shared.token(path, body) in (200, 400)
    for inner in (
        {"event_data": {"resources": value, "repository": value}},
        {"events": [{"target": value, "request": value}]},
    ):
        assert shared.token("/harbor", inner) in (200, 400)
        assert shared.token("/registry", inner) in (200, 400)
    items = [{**AUDIT, "user": value, "annotations": value, "requestObject": value, "verb": value, "pad": "x" * 70000}]
    assert shared.token("/kubernetes", {"items": items}) in (200, 400)
    entry = {
        **GKE,
        "protoPayload": dict.fromkeys(GKE["protoPayload"], value) | {"serviceName": "k8s.io", "request": value},
    }
    assert shared.token("/pubsub", pushed({**entry, "labels": value, "resource": value, "operation": value})) in (
        200,
        400,
    )
    assert "internal" not in shared.stderr()


def test_a_sender_that_reads_no_answer_is_not_answered_without_end(shared):
    link = shared.connect()
    link.settimeout(2)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += link.send(request("/health", b"", {}, "GET") * 500)
    except TimeoutError:
        pass
    assert sent < 32 << 20
    assert shared.send("/health", b"", {}, "GET") == 200


def test_connections_that_are_reset_harm_nobody(shared):
    for _ in range(200):
        link = shared.connect()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(request("/github", b"x", {**github_headers("push", "d", b"x"), "Content-Length": "9"}))
        link.close()
    time.sleep(0.5)  # the last of them still count among those of one peer
    assert shared.send("/health", b"", {}, "GET") == 200


def test_a_sender_that_is_told_to_go_on_goes_on(make):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    with receiver.connect() as link:
        raw = request(
            "/github",
            b"",
            {**github_headers("push", "d", body), "Content-Length": str(len(body)), "Expect": "100-continue"},
        )
        link.sendall(raw)
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(body)
        assert read_status(link) == 200


def test_no_secret_and_no_text_of_a_refused_request_is_written_anywhere(make):
    receiver = make().start()
    receiver.github("push", {"secret": "TELLTALE"}, secret=WRONG + "TELLTALE", **{"X-Odd": "TELLTALE"})
    receiver.send(f"/TELLTALE?token={SECRET}", b"TELLTALE", {})
    receiver.token("/harbor", b"TELLTALE")
    receiver.stop()
    text = "".join(receiver.lines()) + receiver.stderr()
    assert "TELLTALE" not in text
    assert SECRET not in text


# --- the disk


def limited_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_a_disk_that_takes_no_more_answers_503_and_half_a_line_is_taken_back(make):
    receiver = make().start(preexec_fn=limited_files)
    answers = [receiver.github("push", {**PUSH, "pad": "x" * 3000}, f"d-{n}") for n in range(10)]
    assert set(answers) == {200, 503}
    assert len(receiver.events()) == answers.count(200)
    assert receiver.send("/health", b"", {}, "GET") == 503
    assert "the output cannot be written: File too large" in receiver.stderr() or receiver.stop() == 0
    for line in receiver.lines():
        json.loads(line)


def test_too_little_free_space_answers_503(make):
    receiver = make(free_bytes=1 << 40).start()
    assert receiver.github("push", PUSH) == 503
    assert receiver.events() == []


def test_an_output_that_is_moved_away_is_made_anew(make):
    receiver = make().start()
    assert receiver.github("push", PUSH, "d-1") == 200
    (receiver.out / "events.json").rename(receiver.out / "events.json.1")
    assert receiver.github("push", PUSH, "d-2") == 200
    assert '"d-2"' in (receiver.out / "events.json").read_text()


def test_half_a_line_of_a_killed_run_is_cut_off(make):
    receiver = make()
    whole = '{"integration":"cicd-generic"}\n'
    (receiver.out / "events.json").write_text(whole + '{"integ')
    receiver.start()
    assert receiver.github("push", PUSH) == 200
    text = (receiver.out / "events.json").read_text()
    assert text.startswith(whole + '{"integration"')


@pytest.mark.parametrize("kind", ["link", "second name", "pipe"])
def test_an_output_that_is_no_file_of_ours_is_refused(make, tmp_path, kind):
    receiver = make()
    target = tmp_path / "target"
    target.write_text("")
    file = receiver.out / "events.json"
    if kind == "link":
        file.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.hardlink_to(target)
    run = receiver.run("--config", str(receiver.config))
    assert run.returncode == 2
    assert run.stderr.startswith("cicd-receive: output: ")
    assert target.read_text() == ""


def test_files_are_renamed_when_they_are_long_and_the_oldest_goes(make):
    receiver = make(rotate_bytes=1 << 16, kept_files=1).start()
    began = time.monotonic()
    for number in range(5):
        assert receiver.github("push", {**PUSH, "pad": "x" * 30000}, f"d-{number}") == 200
    # Before each renaming, whoever reads the file has time to come back.
    assert time.monotonic() - began > 6
    names = sorted(path.name for path in receiver.out.glob("events.json*"))
    assert names == ["events.json", "events.json.1"]
    assert all(path.stat().st_size <= 1 << 16 for path in receiver.out.glob("events.json*"))
    assert receiver.events()[-1]["github"]["delivery"] == "d-4"


def senders(receiver, count, each, sent, acknowledged):
    def work(worker):
        for number in range(each):
            delivery = f"{worker}-{number}"
            body = json.dumps({**PUSH, "n": delivery}).encode()
            sent.add(delivery)
            try:
                if receiver.send("/github", body, github_headers("push", delivery, body)) == 200:
                    acknowledged.add(delivery)
            except OSError:
                return

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_a_kill_under_load_loses_nothing_that_was_acknowledged(make):
    receiver = make().start()
    sent: set[str] = set()
    acknowledged: set[str] = set()
    for _ in range(3):
        threads = senders(receiver, 8, 100, sent, acknowledged)
        time.sleep(0.25)
        receiver.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        receiver.start_again()
        # What was not acknowledged is sent again, as its sender would do.
        for delivery in sorted(sent - acknowledged):
            body = json.dumps({**PUSH, "n": delivery}).encode()
            assert receiver.send("/github", body, github_headers("push", delivery, body)) == 200
            acknowledged.add(delivery)
    receiver.stop()
    found = [event["webhook"]["n"] for event in receiver.events()]
    assert set(found) == acknowledged
    assert len(found) == len(set(found))
    assert [note.get("unclean") for note in receiver.notes("started")] == [None, "true", "true", "true"]


def test_the_end_finishes_what_it_has(make):
    receiver = make().start()
    body = json.dumps(PUSH).encode()
    raw = request("/github", body, github_headers("push", "d-1", body))
    with receiver.connect() as link, receiver.connect() as idle:
        link.sendall(raw[:-10])
        time.sleep(0.1)
        receiver.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        link.sendall(raw[-10:])
        assert read_status(link) == 200
        assert idle.recv(1) == b""
    assert receiver.process.wait(10) == 0
    assert len(receiver.events()) == 1
    assert receiver.notes()[-1] == {"event": "stopped"}


# --- TLS and configuration


def certificate(folder, name, *, authority=None):
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{name}"]
    if authority:
        command += ["-CA", f"{folder}/{authority}.pem", "-CAkey", f"{folder}/{authority}.key"]
    subprocess.run(command, check=True, capture_output=True)


def secure(receiver, trust, client=None):
    context = ssl.create_default_context(cafile=trust)
    if client:
        context.load_cert_chain(f"{client}.pem", f"{client}.key")
    return context.wrap_socket(receiver.connect(), server_hostname="receiver.example.com")


def test_tls_is_served_and_a_new_certificate_is_taken(make, tmp_path):
    for name in ("receiver.example.com", "api-server", "stranger"):
        certificate(tmp_path, name)
    own = tmp_path / "receiver.example.com.pem"
    receiver = make(
        certificate=str(own), key=str(own.with_suffix(".key")), client_authority=str(tmp_path / "api-server.pem"),
        endpoints={"github": {"secret": "main"}, "kubernetes": {"clients": ["api-server"]}},
    ).start()  # fmt: skip
    body = json.dumps({"items": [AUDIT]}).encode()
    big = json.dumps({**PUSH, "pad": "x" * 500000}).encode()
    with secure(receiver, own) as link:
        link.sendall(request("/kubernetes", body, {}))
        assert read_status(link) == 401
    with secure(receiver, own, tmp_path / "api-server") as link:
        for _ in range(3):
            link.sendall(request("/kubernetes", body, {}))
            assert read_status(link) == 200
        link.sendall(request("/github", big, github_headers("push", "d", big)))
        assert read_status(link) == 200
    with pytest.raises(OSError), secure(receiver, own, tmp_path / "stranger") as link:  # noqa: PT011, PT012 - either side may say it
        link.sendall(request("/kubernetes", body, {}))
        assert read_status(link) == 0
        raise OSError
    old = own.read_text()
    certificate(tmp_path, "receiver.example.com")
    receiver.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    with secure(receiver, own) as link:
        assert own.read_text() != old
        link.sendall(request("/health", b"", {}, "GET"))
        assert read_status(link) == 200
    own.write_text("nonsense")
    receiver.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    receiver.stop()
    assert [note["result"] for note in receiver.notes("certificate")] == ["read", "unusable"]


def test_new_secrets_are_taken_while_it_runs(make):
    receiver = make().start()
    (receiver.folder / "secrets" / "main").write_text(f"{NEW}\n")
    receiver.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert receiver.github("push", PUSH) == 401
    assert receiver.github("push", PUSH, secret=NEW) == 200
    (receiver.folder / "secrets" / "main").write_text("short\n")
    receiver.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert receiver.github("push", PUSH, "d-3", secret=NEW) == 200


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lisden": 1}, "'lisden' is no key of it"),
        (
            {"listen": ["192.0.2.1:80"]},
            "'listen' 192.0.2.1:80 without a certificate: add one, or 'plain': true behind a proxy",
        ),
        ({"listen": ["somewhere"]}, "'listen' is not ADDRESS:PORT: somewhere"),
        ({"output": "logs"}, "'output' is not an absolute path"),
        ({"proxies": ["x"]}, "'proxies' names something that is no network"),
        ({"endpoints": {}}, "'endpoints' names none"),
        ({"endpoints": {"github": {}}}, "/github has no 'secret'"),
        ({"endpoints": {"github": {"secret": "../main"}}}, "'secret' is the name of a file: letters, digits, . _ -"),
        ({"endpoints": {"gitlab": {}}}, "'endpoints' has no kind 'gitlab'"),
        ({"endpoints": {"generic": {"A/B": {}}}}, "'generic' has a name that is not of a-z, 0-9 and -"),
        ({"rotate_bytes": True}, "'rotate_bytes' is no whole number from 65536 to 4294967296"),
        ({"certificate": "/x"}, "'certificate' and 'key' belong together"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_one_located_line(make, change, text):
    receiver = make(**change)
    run = receiver.run("--config", str(receiver.config), "--check")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"cicd-receive: configuration: {receiver.config}: {text}\n"


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602])
def test_a_secret_that_others_can_read_or_write_is_refused(make, mode):
    receiver = make()
    (receiver.folder / "secrets" / "main").chmod(mode)
    run = receiver.run("--config", str(receiver.config), "--check")
    assert run.returncode == 2
    assert "cicd-receive: permissions: " in run.stderr


def test_check_says_how_to_configure_each_sender_and_names_no_secret(make):
    receiver = make()
    run = receiver.run("--config", str(receiver.config), "--check")
    assert run.returncode == 0, run.stderr
    for path in ("/github", "/gitea", "/harbor", "/registry", "/kubernetes", "/pubsub", "/generic/argo"):
        assert f"\n{path}  (2 secrets)\n" in run.stdout
    assert SECRET not in run.stdout
    assert OLDER not in run.stdout


def test_health_is_an_event_only_when_the_receiver_is_silent(make):
    receiver = make().start()
    assert receiver.github("push", PUSH) == 200
    assert receiver.run("--config", str(receiver.config), "--health").stdout == ""
    receiver.stop()
    old = time.time() - 700
    os.utime(receiver.out / "events.json", (old, old))
    run = receiver.run("--config", str(receiver.config), "--health")
    assert json.loads(run.stdout) == {
        "integration": "cicd-receive", "receive": {"event": "silent", "source": "receiver", "minutes": "11"},
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--config"], ["--unwrap", "oke", "x"], ["--check", "--health"]])
def test_wrong_use_ends_with_2_and_one_line(make, arguments):
    run = make().run(*arguments)
    assert run.returncode == 2
    assert re.fullmatch(r"cicd-receive: .*; see --help\n", run.stderr)
