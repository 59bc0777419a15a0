"""The audit policy for kube-apiserver: what it drops is the cluster's own noise, not what a stolen identity does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

POLICY = yaml.safe_load(
    (Path(__file__).parents[2] / "generator/wazuh_cicd/_agent/kubernetes/audit-policy.yaml").read_text("utf-8")
)
SYSTEM = "system:serviceaccount:kube-system:"


def level(user, verb, resource, group="", groups=()):
    """The level of the first rule that fits, as the API server decides it for requests of resources."""
    everybody = {"system:authenticated", *groups}
    for rule in POLICY["rules"]:
        if "users" in rule and user not in rule["users"]:
            continue
        if "userGroups" in rule and not everybody & set(rule["userGroups"]):
            continue
        if "verbs" in rule and verb not in rule["verbs"]:
            continue
        if "nonResourceURLs" in rule:
            continue
        if "resources" not in rule:
            return rule["level"]
        if any(one["group"] == group and resource in one.get("resources", [resource]) for one in rule["resources"]):
            return rule["level"]
    return "None"


NODE = {"groups": ("system:nodes",)}
POD = {"groups": ("system:serviceaccounts", "system:serviceaccounts:kube-system")}


@pytest.mark.parametrize(
    "request_",
    [
        (SYSTEM + "kube-proxy", "list", "pods", "", POD),
        (SYSTEM + "default", "list", "nodes", "", POD),
        (SYSTEM + "coredns", "list", "deployments", "apps", POD),
        ("system:node:n1", "patch", "nodes", "", NODE),
        ("system:node:n1", "list", "pods", "", NODE),
        ("system:node:n1", "get", "secrets", "", NODE),
        (SYSTEM + "generic-garbage-collector", "list", "secrets", "", POD),
        (SYSTEM + "job-controller", "create", "pods", "", POD),
        ("mallory@example.com", "delete", "events", "", {}),
        ("mallory@example.com", "create", "selfsubjectaccessreviews", "authorization.k8s.io", {}),
    ],
)
def test_what_a_thief_does_is_logged(request_):
    user, verb, resource, group, more = request_
    assert level(user, verb, resource, group, **more) != "None"


@pytest.mark.parametrize(
    "request_",
    [
        ("system:node:n1", "patch", "nodes/status", "", NODE),
        ("system:node:n1", "patch", "pods/status", "", NODE),
        ("system:node:n1", "update", "leases", "coordination.k8s.io", NODE),
        (SYSTEM + "replicaset-controller", "watch", "pods", "", POD),
        (SYSTEM + "deployment-controller", "list", "deployments", "apps", POD),
        ("system:kube-scheduler", "watch", "pods", "", {}),
        ("mallory@example.com", "create", "events", "", {}),
    ],
)
def test_the_noise_of_the_cluster_is_not(request_):
    user, verb, resource, group, more = request_
    assert level(user, verb, resource, group, **more) == "None"


@pytest.mark.parametrize(
    ("resource", "group"),
    [("pods", ""), ("persistentvolumes", ""), ("daemonsets", "apps"), ("cronjobs", "batch"),
     ("clusterrolebindings", "rbac.authorization.k8s.io"), ("certificatesigningrequests", "certificates.k8s.io"),
     ("mutatingadmissionpolicies", "admissionregistration.k8s.io"), ("policyexceptions", "kyverno.io")],
)  # fmt: skip
def test_what_is_asked_for_is_logged_where_rules_read_it(resource, group):
    assert level("mallory@example.com", "patch", resource, group) == "Request"


@pytest.mark.parametrize("verb", ["get", "list", "create", "patch", "delete"])
def test_secrets_are_never_logged_with_their_values(verb):
    assert level("mallory@example.com", verb, "secrets") == "Metadata"
