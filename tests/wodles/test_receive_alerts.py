"""From a signed delivery to the alert: what the receiver writes is taken by the rules that wait for it."""

from __future__ import annotations

import base64
import json
import signal

import pytest
from receive_kit import Receiver

from program_kit import program_folder
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

LOCATION = "[003] (edge-1) any->/var/log/cicd-receive/events.json"
REPOSITORY = {"full_name": "acme/app", "private": True, "url": "https://example.com"}
PUSH = {"sender": {"login": "mallory"}, "organization": {"login": "acme"}, "repository": REPOSITORY}


@pytest.fixture(scope="module")
def ruleset():
    specs = load_specs()
    names = {rule.id: rule.name for rule in specs.rules}
    return assemble(package=render_package(specs).ruleset_files()), names


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(program_folder() / "wodles/cicd/cicd-receive", tmp_path).start()
    yield receiver
    receiver.end()


def alerts(ruleset, receiver):
    """Names of the rules above level 3, in order."""
    receiver.stop()
    rules, names = ruleset
    session = rules.session()
    verdicts = [session.process(line.encode(), LOCATION) for line in receiver.lines()]
    return [names.get(verdict.rule_id, verdict.rule_id) for verdict in verdicts if verdict.level > 3]


def test_a_moved_tag_a_planted_workflow_and_a_forged_delivery_alert(ruleset, receiver):
    moved = {**PUSH, "ref": "refs/tags/v0.34.0", "forced": True, "deleted": False, "created": False, "commits": []}
    assert receiver.github("push", moved, "d-1") == 200
    paths = [f"src/{n}/" + "x" * 60 for n in range(2000)]
    commits = [{"id": "a1", "distinct": True, "added": [*paths, ".github/workflows/shai-hulud.yml"], "modified": []}]
    planted = {**PUSH, "ref": "refs/heads/main", "forced": False, "deleted": False, "commits": commits}
    assert receiver.github("push", planted, "d-2") == 200
    assert receiver.github("push", moved, "d-3", secret="x" * 20) == 401
    assert alerts(ruleset, receiver) == [
        "github-webhook-tag-moved",
        "github-webhook-known-bad-workflow",  # behind 2000 other paths
        "receiver-event-cut",
        "github-webhook-forged-delivery",
        "receiver-stopped",
    ]


def test_a_binding_that_an_api_server_and_gke_report_alerts(ruleset, receiver):
    event = {
        "level": "Request", "auditID": "57a794de-44d3-40ee-a0ad-c0eb096eef6c", "stage": "ResponseComplete",
        "requestURI": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "verb": "create",
        "user": {"username": "jane@example.com", "groups": ["system:authenticated"]}, "sourceIPs": ["198.51.100.7"],
        "userAgent": "kubectl/v1.31.4", "responseStatus": {"code": 201},
        "objectRef": {"resource": "clusterrolebindings", "name": "pwn", "apiGroup": "rbac.authorization.k8s.io"},
        "requestObject": {
            "kind": "ClusterRoleBinding", "metadata": {"name": "pwn"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": "mallory@example.com"}],
        },
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }  # fmt: skip
    assert receiver.token("/kubernetes", {"kind": "EventList", "items": [event]}) == 200
    entry = {
        "timestamp": "2026-01-25T10:00:00Z", "operation": {"id": "67a794de-44d3-40ee-a0ad-c0eb096eef6c"},
        "resource": {"labels": {"cluster_name": "prod", "location": "europe-west1", "project_id": "acme"}},
        "labels": {"authorization.k8s.io/decision": "allow"},
        "protoPayload": {
            "serviceName": "k8s.io", "methodName": "io.k8s.authorization.rbac.v1.clusterrolebindings.create",
            "resourceName": "rbac.authorization.k8s.io/v1/clusterrolebindings/pwn",
            "authenticationInfo": {"principalEmail": "jane@example.com"},
            "requestMetadata": {"callerIp": "198.51.100.8", "callerSuppliedUserAgent": "kubectl/v1.31.4"},
            "request": {"@type": "rbac.authorization.k8s.io/v1.ClusterRoleBinding", **event["requestObject"]},
        },
    }  # fmt: skip

    data = base64.b64encode(json.dumps(entry).encode()).decode()
    assert receiver.token("/pubsub", {"message": {"data": data, "messageId": "7"}}) == 200
    found = alerts(ruleset, receiver)
    assert found[0] == found[1] == "k8s-cluster-admin-bound"


def test_guessing_and_a_kill_alert(ruleset, receiver):
    for _ in range(25):
        assert receiver.token("/kubernetes", {"items": []}, secret="y" * 20) == 401
    receiver.process.send_signal(signal.SIGTERM)
    receiver.process.wait(10)
    receiver.start_again()
    receiver.stop(signal.SIGKILL)
    receiver.start_again()
    assert alerts(ruleset, receiver) == [
        "receiver-refused",
        "receiver-signature-refused-in-bulk",
        "receiver-stopped",
        "receiver-killed",
        "receiver-stopped",
    ]
