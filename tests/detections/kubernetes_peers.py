"""What other projects detect in Kubernetes audit events, each as one event (or a few), with the level that we owe it.

The names are those of the peers' rules and techniques; the events are ours, made from what the rule or technique says.
A case that we judge lower than its source, or not at all, says why.
"""

# ruff: noqa: E501 - a case is written as one line

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One detection of a peer."""

    peer: str
    name: str
    events: tuple[dict[str, Any], ...]
    least: int
    judged: str = ""


def event(verb: str, resource: str, name: str = "x", **more: Any) -> dict[str, Any]:
    """One audit event of a person with kubectl inside the network, changed by ``more``."""
    namespace = more.pop("ns", "shop")
    sub, group = more.pop("sub", ""), more.pop("group", "")
    query, body, user = more.pop("query", ""), more.pop("body", None), more.pop("user", "mallory@example.com")
    code = more.pop("code", 101 if sub in {"exec", "attach", "portforward"} else 201 if verb == "create" else 200)
    path = (f"/apis/{group}/v1" if group else "/api/v1") + (f"/namespaces/{namespace}" if namespace else "")
    path += f"/{resource}" + (f"/{name}" if name and (verb != "create" or sub) else "") + (f"/{sub}" if sub else "")
    reference = {"resource": resource, "namespace": namespace, "name": name, "apiGroup": group, "subresource": sub}
    made: dict[str, Any] = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": "57a794de-44d3-40ee-a0ad-c0eb096eef6c",
        "stage": "ResponseComplete", "requestURI": more.pop("uri", path + query), "verb": verb, "user": {"username": user, "groups": more.pop("groups", ["system:authenticated"])},
        "sourceIPs": [more.pop("ip", "10.1.0.10")], "userAgent": more.pop("agent", "kubectl/v1.31.4 (linux/amd64) kubernetes/a78aa47"),
        "objectRef": {key: value for key, value in reference.items() if value}, "responseStatus": {"metadata": {}, "code": code},
    }  # fmt: skip
    if body is not None:
        made["requestObject"] = body
    made["annotations"] = {} if code == 401 else {"authorization.k8s.io/decision": "forbid" if code == 403 else "allow"}
    return {**made, **more}


def log(one: dict[str, Any]) -> str:
    """The event as a line of the audit log."""
    return json.dumps(one, separators=(",", ":"))


RBAC, APPS, NET = "rbac.authorization.k8s.io", "apps", "networking.k8s.io"
POD = {"spec": {"containers": [{"name": "a", "image": "nginx:1.27"}]}}
ROOT = {"spec": {"containers": [{"name": "a", "image": "nginx:1.27", "securityContext": {"privileged": True}}]}}


def pod(**spec: Any) -> dict[str, Any]:
    """A pod with these keys in its spec."""
    return {"spec": {**POD["spec"], **spec}}


def shell(command: str) -> dict[str, Any]:
    """A command run in a pod."""
    return event("get", "pods", "web-1", sub="exec", query=f"?{command}&container=a&stdout=true")


def role(*rules: dict[str, Any]) -> dict[str, Any]:
    """A cluster role with these rules."""
    return event("create", "clusterroles", "r", ns="", group=RBAC, body={"rules": list(rules)})


def binding(name: str, subject: str = "mallory") -> dict[str, Any]:
    """A cluster role binding."""
    return event(
        "create",
        "clusterrolebindings",
        "b",
        ns="",
        group=RBAC,
        body={"subjects": [{"kind": "User", "name": subject}], "roleRef": {"kind": "ClusterRole", "name": name}},
    )


HIDES = "by itself everyday work; the rules for what is in it are louder"
CASES: tuple[Case, ...] = (
    Case("Falco", "Anonymous Request Allowed", (event("list", "pods", "", user="system:anonymous"),), 12),
    Case("Falco", "Create Privileged Pod", (event("create", "pods", body=ROOT),), 12),
    Case("Falco", "Create Sensitive Mount Pod", (event("create", "pods", body=pod(volumes=[{"name": "h", "hostPath": {"path": "/proc"}}])),), 12),
    Case("Falco", "Create HostNetwork Pod", (event("create", "pods", body=pod(hostNetwork=True)),), 9),
    Case("Falco", "Create HostPid Pod", (event("create", "pods", body=pod(hostPID=True)),), 9),
    Case("Falco", "Create HostIPC Pod", (event("create", "pods", body=pod(hostIPC=True)),), 9),
    Case("Falco", "Create NodePort Service", (event("create", "services", body={"spec": {"type": "NodePort"}}),), 7),
    Case("Falco", "Create/Modify Configmap With Private Credentials", (event("create", "configmaps", body={"data": {"a": "aws_secret_access_key=abcdefghijkl"}}),), 9),
    Case("Falco", "Attach/Exec Pod", (shell("command=bash"),), 6),
    Case("Falco", "EphemeralContainers Created", (event("patch", "pods", "web-1", sub="ephemeralcontainers", body={"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}}),), 9),
    Case("Falco", "Pod Created in Kube Namespace", (event("create", "pods", ns="kube-system", body=POD),), 7),
    Case("Falco", "Service Account Created in Kube Namespace", (event("create", "serviceaccounts", ns="kube-system"),), 8),
    Case("Falco", "System ClusterRole Modified/Deleted", (event("delete", "clusterroles", "system:node", ns="", group=RBAC),), 12),
    Case("Falco", "Attach to cluster-admin Role", (binding("cluster-admin"),), 13),
    Case("Falco", "ClusterRole With Wildcard Created", (role({"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get", "*"]}),), 11),
    Case("Falco", "ClusterRole With Write Privileges Created", (role({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "patch"]}),), 8),
    Case("Falco", "ClusterRole With Pod Exec Created", (role({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),), 10),
    Case("Falco", "Ingress Object without TLS Certificate Created", (event("create", "ingresses", group=NET, body={"spec": {"rules": [{"host": "a.example.com"}]}}),), 6),
    Case("Falco", "Untrusted Node Successfully Joined the Cluster", (event("create", "nodes", "evil", ns="", body={}),), 9),
    Case("Falco", "Disallowed K8s User", (event("list", "pods", "", user="stranger@example.com"),), 0, "needs a list of allowed users; the site's rule on k8s_deployers and the address rules serve it better"),
    Case("Falco", "Create Disallowed Pod", (event("create", "pods", body=pod(containers=[{"name": "a", "image": "evil.example.net/x:1"}])),), 5, "level 9 once k8s_registries_complete is filled"),
    Case("Falco", "Create Disallowed Namespace", (event("create", "namespaces", "odd", ns="", body={}),), 0, "needs a list of namespaces; what runs in it is judged"),
    Case("Falco", "K8s Secret Deleted", (event("delete", "secrets", "db"),), 5),
    Case("Falco", "K8s Deployment Deleted", (event("delete", "deployments", "web", group=APPS),), 5),
    Case("Falco", "K8s ConfigMap Deleted", (event("delete", "configmaps", "x"),), 0, HIDES),
    Case("Falco", "Full K8s Administrative Access", (event("create", "configmaps", user="kubernetes-admin", groups=["system:masters", "system:authenticated"]),), 5),
    Case("Stratus", "k8s.credential-access.dump-secrets", (event("list", "secrets", "", ns=""),), 12),
    Case("Stratus", "k8s.credential-access.steal-serviceaccount-token", (shell("command=cat&command=%2Fvar%2Frun%2Fsecrets%2Fkubernetes.io%2Fserviceaccount%2Ftoken"),), 12),
    Case("Stratus", "k8s.persistence.create-admin-clusterrole", (role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}),), 11),
    Case("Stratus", "k8s.persistence.create-client-certificate", (event("create", "certificatesigningrequests", "c", ns="", group="certificates.k8s.io", body={"spec": {"signerName": "kubernetes.io/kube-apiserver-client"}}),), 10),
    Case("Stratus", "k8s.persistence.create-token", (event("create", "serviceaccounts", "clusterrole-aggregation-controller", ns="kube-system", sub="token", body={"spec": {"expirationSeconds": 3600}}),), 11),
    Case("Stratus", "k8s.privilege-escalation.hostpath-volume", (event("create", "pods", body=pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}])),), 12),
    Case("Stratus", "k8s.privilege-escalation.privileged-pod", (event("create", "pods", body=ROOT),), 12),
    Case("Stratus", "k8s.privilege-escalation.nodes-proxy", (event("get", "nodes", "n1", ns="", sub="proxy", user="system:serviceaccount:shop:x", agent="Go-http-client/2.0", uri="/api/v1/nodes/n1/proxy/runningpods/"),), 10),
    Case("Elastic", "Kubernetes Suspicious Self-Subject Review", (event("create", "selfsubjectrulesreviews", "", ns="", group="authorization.k8s.io", user="system:serviceaccount:shop:web"),), 6),
    Case("Elastic", "Kubernetes Denied Service Account Request", (event("list", "secrets", "", ns="", code=403, user="system:serviceaccount:shop:web"),), 5),
    Case("Elastic", "Kubernetes Suspicious Assignment of Controller Service Account", (event("create", "pods", ns="kube-system", body=pod(serviceAccountName="daemon-set-controller")),), 9),
    Case("Elastic", "Kubernetes Container Created with Excessive Linux Capabilities", (event("create", "pods", body=pod(containers=[{"name": "a", "image": "nginx:1", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}])),), 10),
    Case("Elastic", "Kubernetes Sensitive RBAC Change Followed by Workload Modification", (binding("edit"), event("patch", "deployments", "web", group=APPS, body={"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "nginx:2"}]}}}})), 12),
    Case("Elastic", "Kubernetes Events Deleted", (event("deletecollection", "events", ""),), 8),
    Case("Elastic", "Kubernetes Exposed Service Created With Type NodePort", (event("patch", "services", "web", body={"spec": {"type": "NodePort"}}),), 7),
    Case("Elastic", "Kubernetes Pod Exec Cloud Instance Metadata Access", (shell("command=curl&command=http%3A%2F%2F169.254.169.254%2Flatest"),), 12),
    Case("Elastic", "Kubernetes Pod Exec Sensitive File or Credential Path Access", (shell("command=cat&command=%2Froot%2F.aws%2Fcredentials"),), 12),
    Case("Elastic", "Kubernetes Pod Exec Potential Reverse Shell", (shell("command=python3&command=-c&command=import+socket%2Cos%3Bs%3Dsocket.socket%28%29%3Bos.dup2%28s.fileno%28%29%2C0%29"),), 13),
    Case("Elastic", "Kubernetes Secret Access via Unusual User Agent", (event("get", "secrets", "db", agent="python-requests/2.31"),), 11),
    Case("Elastic", "Kubernetes Client Certificate Signing Request Created or Approved", (event("update", "certificatesigningrequests", "c", ns="", sub="approval", group="certificates.k8s.io"),), 10),
    Case("Elastic", "Kubernetes Rapid Secret GET Activity", tuple(event("get", "secrets", f"s{n}") for n in range(10)), 12),
    Case("Sigma", "Deployment Deleted From Kubernetes Cluster", (event("delete", "deployments", "web", group=APPS),), 5),
    Case("Sigma", "Kubernetes Events Deleted", (event("delete", "events", "e"),), 8),
    Case("Sigma", "Potential Remote Command Execution In Pod Container", (shell("command=sh"),), 6),
    Case("Sigma", "Container With A hostPath Mount Created", (event("create", "pods", body=pod(volumes=[{"name": "h", "hostPath": {"path": "/data"}}])),), 6),
    Case("Sigma", "Creation Of Pod In System Namespace", (event("create", "pods", ns="kube-system", body=POD),), 7),
    Case("Sigma", "RBAC Permission Enumeration Attempt", (event("create", "selfsubjectrulesreviews", "", ns="", group="authorization.k8s.io"),), 4),
    Case("Sigma", "Kubernetes Rolebinding Modification", (event("patch", "rolebindings", "rb", group=RBAC, body={"subjects": []}),), 6),
    Case("Sigma", "Kubernetes Secrets Enumeration", (event("list", "secrets", ""),), 7),
    Case("Sigma", "Kubernetes Secrets Modified or Deleted", (event("patch", "secrets", "db"),), 5),
    Case("Sigma", "New Kubernetes Service Account Created", (event("create", "serviceaccounts", "deployer"),), 4),
    Case("Sigma", "Potential Sidecar Injection Into Running Deployment", (event("patch", "deployments", "web", group=APPS, body={"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "nginx:2"}]}}}}),), 7),
    Case("Sigma", "Kubernetes Unauthorized or Unauthenticated Access", tuple(event("list", "pods", "", code=401, ip="198.51.100.9", user="") for _ in range(5)), 7),
    Case("Sigma", "Kubernetes CronJob/Job Modification", (event("create", "cronjobs", group="batch", body={"spec": {}}),), 6),
    Case("Sigma", "Kubernetes Admission Controller Modification", (event("patch", "mutatingwebhookconfigurations", "m", ns="", group="admissionregistration.k8s.io", body={"webhooks": []}),), 10),
    Case("Panther", "Kubernetes.AdmissionController.Created", (event("create", "validatingwebhookconfigurations", "m", ns="", group="admissionregistration.k8s.io", body={"webhooks": []}),), 10),
    Case("Panther", "Kubernetes.SystemPrincipal.AccessedFromPublicIP", (event("get", "secrets", "db", user="system:node:worker-1", ip="203.0.113.77", agent="kubelet/v1.31"),), 10),
    Case("Panther", "Kubernetes.IOC.Activity (a known bad address)", (event("get", "pods", ip="198.51.100.66", agent="x"),), 10),
    Case("Panther", "Kubernetes.ServiceAccount.TokenCreated", (event("create", "serviceaccounts", "d", sub="token", body={"spec": {"expirationSeconds": 3600}}),), 8),
    Case("Panther", "Kubernetes.Pod.AttachedToNodeHostNetwork", (event("create", "pods", body=pod(hostNetwork=True)),), 9),
    Case("Panther", "Kubernetes.UnauthenticatedAPIRequest", (event("get", "configmaps", user="system:anonymous"),), 12),
    Case("Panther", "Kubernetes.Failed.API.Requests", tuple(event("get", "configmaps", f"c{n}", code=403) for n in range(10)), 8),
    Case("Panther", "Kubernetes.Exec.UserToPod", (shell("command=ls"),), 6),
)  # fmt: skip
