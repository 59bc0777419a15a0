"""Life of clusters with well-known operators, on five kinds of platform, judged with the package's lists as shipped.

What each operator does is taken from the access rights that its chart asks for (the file named in ``source``), under any
namespace and any release name: at its start it lists and then watches every kind that it may read, later it writes what
it may write. Bodies are cut to what the rules look at. The calls are made up from those rights; they were not recorded.
"""

# ruff: noqa: E501 - an operator is written as one line

from __future__ import annotations

import json
import random
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from benign.normal_life import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORMS = ("kubeadm", "k3s", "eks", "aks", "gke")
LOCATION = "/var/log/kubernetes/audit.log"
APPS = ("shop", "payments", "search", "default", "team-a")


class Write(NamedTuple):
    """One thing an operator writes: verb, kind, where (its own namespace, somebody's, or none), the name and body."""

    verb: str
    kind: str
    where: str = "any"
    name: str = "x"
    body: Any = None


class Operator(NamedTuple):
    """One operator: where its rights stand, its account (``*`` is the release), its client, what it reads and writes."""

    source: str
    account: str
    namespace: str
    client: str
    reads: tuple[str, ...]
    writes: tuple[Write, ...] = ()


GROUPS = {
    **dict.fromkeys(("deployments", "daemonsets", "statefulsets", "replicasets"), "apps"),
    **dict.fromkeys(("jobs", "cronjobs"), "batch"),
    **dict.fromkeys(("roles", "clusterroles", "rolebindings", "clusterrolebindings"), "rbac.authorization.k8s.io"),
    **dict.fromkeys(
        ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"), "admissionregistration.k8s.io"
    ),
    **dict.fromkeys(("ingresses", "networkpolicies", "ingressclasses"), "networking.k8s.io"),
    "endpointslices": "discovery.k8s.io",
    "customresourcedefinitions": "apiextensions.k8s.io",
    "apiservices": "apiregistration.k8s.io",
    "horizontalpodautoscalers": "autoscaling",
    "certificatesigningrequests": "certificates.k8s.io",
    "tokenreviews": "authentication.k8s.io",
    "subjectaccessreviews": "authorization.k8s.io",
    "updaterequests": "kyverno.io",
    "clusterpolicies": "kyverno.io",
    "ephemeralrunners": "actions.github.com",
    "autoscalinglisteners": "actions.github.com",
    "taskruns": "tekton.dev",
    "applications": "argoproj.io",
    "kustomizations": "kustomize.toolkit.fluxcd.io",
    "certificaterequests": "cert-manager.io",
    "externalsecrets": "external-secrets.io",
    "nodeclaims": "karpenter.sh",
    "volumes": "longhorn.io",
    "storageclasses": "storage.k8s.io",
    "volumeattachments": "storage.k8s.io",
}
CLUSTER = {
    "nodes", "namespaces", "persistentvolumes", "clusterroles", "clusterrolebindings", "customresourcedefinitions",
    "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices", "certificatesigningrequests",
    "tokenreviews", "subjectaccessreviews", "clusterpolicies", "nodeclaims", "storageclasses", "ingressclasses",
    "volumeattachments",
}  # fmt: skip
CORE = ("pods", "services", "configmaps", "secrets", "serviceaccounts", "namespaces", "nodes", "endpoints")
WORK = ("deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs")


def pods(image: str, **spec: Any) -> dict[str, Any]:
    """A pod's body."""
    return {"spec": {"containers": [{"name": "a", "image": image}], **spec}}


def template(image: str, **spec: Any) -> dict[str, Any]:
    """A workload's body."""
    return {"spec": {"template": pods(image, **spec)}}


PRIVILEGED = {"containers": [{"name": "a", "image": "longhornio/x:1", "securityContext": {"privileged": True}}]}
HOOK = {"webhooks": [{"name": "w", "failurePolicy": "Ignore", "clientConfig": {"caBundle": "Cg=="}}]}
OPERATORS = (
    Operator("cert-manager/cert-manager deploy/charts/cert-manager/templates/rbac.yaml", "*cert-manager", "cert-manager", "cert-manager-controller/v1.16.1 (linux/amd64) cert-manager/1", ("secrets", "services", "ingresses", "certificaterequests"), (Write("create", "secrets"), Write("update", "secrets"), Write("create", "certificaterequests"), Write("create", "pods", body=pods("quay.io/jetstack/cert-manager-acmesolver:v1.16.1")), Write("create", "services"))),
    Operator("cert-manager/cert-manager deploy/charts/cert-manager/templates/cainjector-rbac.yaml", "*cert-manager-cainjector", "cert-manager", "cert-manager-cainjector/v1.16.1 (linux/amd64)", ("secrets", "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices", "customresourcedefinitions"), (Write("update", "validatingwebhookconfigurations", "none", "any-webhook", HOOK), Write("patch", "mutatingwebhookconfigurations", "none", "other", HOOK), Write("update", "customresourcedefinitions", "none", "xs.example.com"))),
    Operator("kubernetes/ingress-nginx charts/ingress-nginx/templates/clusterrole.yaml", "*ingress-nginx", "ingress-nginx", "nginx-ingress-controller/v1.11.3 (linux/amd64)", ("secrets", "configmaps", "endpoints", "nodes", "pods", "services", "ingresses", "endpointslices", "namespaces"), (Write("update", "ingresses/status"),)),
    Operator("traefik/traefik-helm-chart traefik/templates/rbac/clusterrole.yaml", "*traefik", "kube-system", "traefik/v3.1.4 (linux/amd64)", ("secrets", "services", "endpointslices", "ingresses", "nodes"), (Write("update", "ingresses/status"),)),
    Operator("prometheus-community/helm-charts charts/kube-prometheus-stack/templates/prometheus-operator/clusterrole.yaml", "*kube-prometheus-operator", "monitoring", "PrometheusOperator/0.77.1", ("secrets", "configmaps", "statefulsets", "namespaces", "services", "endpoints"), (Write("create", "statefulsets", body=template("quay.io/prometheus/prometheus:v2.54.1")), Write("update", "statefulsets", body=template("quay.io/prometheus/prometheus:v2.54.1")), Write("create", "secrets"), Write("update", "secrets"), Write("delete", "statefulsets"))),
    Operator("prometheus-community/helm-charts charts/kube-state-metrics/templates/role.yaml", "*kube-state-metrics", "monitoring", "kube-state-metrics/v2.13.0 (linux/amd64)", (*CORE, *WORK, "ingresses", "networkpolicies", "persistentvolumes", "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "certificatesigningrequests", "horizontalpodautoscalers")),
    Operator("prometheus-community/helm-charts charts/kube-prometheus-stack/templates/prometheus/clusterrole.yaml", "*kube-prometheus-prometheus", "monitoring", "Prometheus/2.54.1", ("nodes", "services", "endpoints", "pods", "ingresses"), (Write("get", "nodes/proxy", "none", "n1"),)),
    Operator("grafana/helm-charts charts/grafana/templates/clusterrole.yaml", "*grafana", "monitoring", "OpenAPI-Generator/28.1.0/python", ("configmaps", "secrets")),
    Operator("kubernetes-sigs/metrics-server charts/metrics-server/templates/clusterrole.yaml", "metrics-server", "kube-system", "metrics-server/v0.7.2 (linux/amd64)", ("pods", "nodes", "namespaces", "configmaps"), (Write("create", "subjectaccessreviews", "none"), Write("get", "nodes/metrics", "none", "n1"))),
    Operator("argoproj/argo-cd manifests/cluster-rbac/application-controller/argocd-application-controller-clusterrole.yaml", "*argocd-application-controller", "argocd", "argocd-application-controller/v0.0.0 (linux/amd64) kubernetes/$Format", (*CORE, *WORK, "ingresses", "roles", "rolebindings", "clusterroles", "clusterrolebindings", "customresourcedefinitions", "applications", "networkpolicies"), (Write("patch", "deployments", body=template("ghcr.io/acme/web:1")), Write("create", "daemonsets", body=template("quay.io/prometheus/node-exporter:v1.8", hostNetwork=True, hostPID=True)), Write("patch", "services", body={"spec": {"type": "LoadBalancer"}}), Write("create", "rolebindings", body={"roleRef": {"kind": "Role", "name": "view"}}), Write("patch", "applications"), Write("patch", "clusterroles", "none", "x", {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}), Write("patch", "configmaps"), Write("create", "namespaces", "none"), Write("delete", "deployments"), Write("create", "customresourcedefinitions", "none"))),
    Operator("argoproj/argo-cd manifests/cluster-rbac/server/argocd-server-clusterrole.yaml", "*argocd-server", "argocd", "argocd-server/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "configmaps", "applications"), (Write("get", "secrets", "own"), Write("patch", "applications", "own"))),
    Operator("fluxcd/flux2 manifests/rbac/controller.yaml", "kustomize-controller", "flux-system", "kustomize-controller/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "configmaps", "serviceaccounts", "kustomizations"), (Write("dry", "deployments", body=template("ghcr.io/acme/web:1")), Write("dry", "clusterroles", "none", "x", {"rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}), Write("patch", "deployments", body=template("ghcr.io/acme/web:2")), Write("patch", "ingresses", body={"spec": {"rules": [{"host": "a.example.com"}]}}))),
    Operator("fluxcd/flux2 manifests/rbac/controller.yaml", "helm-controller", "flux-system", "helm-controller/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "configmaps", "serviceaccounts"), (Write("create", "secrets", name="sh.helm.release.v1.web.v3"), Write("create", "daemonsets", body=template("docker.io/falcosecurity/falco:0.38", **PRIVILEGED)), Write("delete", "secrets", name="sh.helm.release.v1.web.v1"))),
    Operator("external-secrets/external-secrets deploy/charts/external-secrets/templates/rbac.yaml", "*external-secrets", "external-secrets", "external-secrets/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "configmaps", "serviceaccounts", "namespaces", "externalsecrets"), (Write("create", "secrets"), Write("update", "secrets"), Write("patch", "secrets"), Write("create", "serviceaccounts/token", body={"spec": {"expirationSeconds": 600}}))),
    Operator("bitnami-labs/sealed-secrets helm/sealed-secrets/templates/cluster-role.yaml", "*sealed-secrets", "kube-system", "controller/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "namespaces"), (Write("create", "secrets"), Write("update", "secrets"))),
    Operator("hashicorp/vault-helm templates/injector-clusterrole.yaml", "*vault-agent-injector", "vault", "vault-k8s/v0.0.0 (linux/amd64) kubernetes/$Format", ("mutatingwebhookconfigurations", "secrets"), (Write("patch", "mutatingwebhookconfigurations", "none", "rel-vault-agent-injector-cfg", HOOK),)),
    Operator("vmware-tanzu/helm-charts charts/velero/templates/rbac.yaml", "velero-server", "velero", "velero-server/v1.15.0 (linux/amd64)", (*CORE, *WORK, "persistentvolumes", "customresourcedefinitions", "clusterroles", "clusterrolebindings", "ingresses"), (Write("list", "secrets"), Write("create", "pods", "own", body=pods("velero/velero:v1.15", hostNetwork=False)), Write("patch", "persistentvolumes", "none", "pvc-1"))),
    Operator("istio/istio manifests/charts/istio-control/istio-discovery/templates/clusterrole.yaml", "istiod", "istio-system", "pilot-discovery/1.23.2", ("secrets", "configmaps", "pods", "nodes", "services", "namespaces", "endpoints", "ingresses", "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "customresourcedefinitions"), (Write("update", "validatingwebhookconfigurations", "none", "istio-validator-istio-system", HOOK), Write("patch", "mutatingwebhookconfigurations", "none", "istio-sidecar-injector", HOOK), Write("create", "deployments", body=template("docker.io/istio/proxyv2:1.23")), Write("create", "services", body={"spec": {"type": "LoadBalancer"}}), Write("create", "tokenreviews", "none"), Write("update", "configmaps"))),
    Operator("cilium/cilium install/kubernetes/cilium/templates/cilium-operator/clusterrole.yaml", "cilium-operator", "kube-system", "cilium-operator-generic/1.16.3", ("pods", "nodes", "services", "endpointslices", "namespaces", "secrets", "customresourcedefinitions"), (Write("patch", "nodes", "none", "n1", {"spec": {"taints": []}}), Write("patch", "nodes/status", "none", "n1"), Write("delete", "pods", "own"), Write("update", "customresourcedefinitions", "none"))),
    Operator("cilium/cilium install/kubernetes/cilium/templates/cilium-agent/clusterrole.yaml", "cilium", "kube-system", "cilium-agent/1.16.3", ("networkpolicies", "endpointslices", "namespaces", "services", "pods", "nodes"), (Write("patch", "nodes", "none", "n1", {"metadata": {"annotations": {"a": "b"}, "labels": {"x": "y"}}}),)),
    Operator("tigera/operator deploy/04-cluster-role", "tigera-operator", "tigera-operator", "operator/v1.34.5 (linux/amd64)", ("deployments", "daemonsets", "pods", "namespaces", "nodes", "clusterroles", "secrets"), (Write("create", "clusterrolebindings", "none", "calico-node", {"roleRef": {"kind": "ClusterRole", "name": "calico-node"}}), Write("update", "clusterroles", "none", "calico-node", {"rules": [{"verbs": ["get"], "resources": ["pods"]}]}))),
    Operator("kyverno/kyverno charts/kyverno/templates/admission-controller/clusterrole.yaml", "*kyverno-admission-controller", "kyverno", "kyverno/v0.0.0 (linux/amd64) kubernetes/$Format", (*CORE, "clusterpolicies", "roles", "clusterroles", "rolebindings", "clusterrolebindings"), (Write("update", "validatingwebhookconfigurations", "none", "kyverno-resource-validating-webhook-cfg", HOOK), Write("delete", "mutatingwebhookconfigurations", "none", "kyverno-policy-mutating-webhook-cfg"), Write("create", "updaterequests", "own"), Write("update", "clusterpolicies/status", "none"))),
    Operator("kyverno/kyverno charts/kyverno/templates/background-controller/clusterrole.yaml", "*kyverno-background-controller", "kyverno", "kyverno/v0.0.0 (linux/amd64) kubernetes/$Format", ("namespaces", "configmaps", "updaterequests"), (Write("delete", "updaterequests", "own"), Write("create", "networkpolicies"), Write("create", "secrets"))),
    Operator("open-policy-agent/gatekeeper charts/gatekeeper/templates/gatekeeper-manager-role-clusterrole.yaml", "gatekeeper-admin", "gatekeeper-system", "gatekeeper/v3.17.1 (linux/amd64)", (*CORE, *WORK, "ingresses", "customresourcedefinitions", "validatingwebhookconfigurations"), (Write("update", "validatingwebhookconfigurations", "none", "gatekeeper-validating-webhook-configuration", HOOK), Write("update", "secrets", "own"), Write("create", "customresourcedefinitions", "none"))),
    Operator("falcosecurity/charts charts/falco/templates/serviceaccount.yaml", "*falco", "falco", "falcoctl/0.9.0", ("pods", "nodes", "namespaces", "deployments", "services")),
    Operator("DataDog/helm-charts charts/datadog/templates/cluster-agent-rbac.yaml", "*datadog-cluster-agent", "datadog", "cluster-agent/v0.0.0 (linux/amd64)", ("services", "endpoints", "pods", "nodes", "namespaces", "secrets", *WORK, "mutatingwebhookconfigurations"), (Write("update", "mutatingwebhookconfigurations", "none", "datadog-webhook", HOOK), Write("create", "configmaps", "own"), Write("get", "nodes/proxy", "none", "n1"))),
    Operator("fluent/helm-charts charts/fluent-bit/templates/clusterrole.yaml", "*fluent-bit", "logging", "Fluent-Bit", ("namespaces", "pods")),
    Operator("grafana/loki production/helm/loki/templates/role.yaml", "*loki", "logging", "OpenAPI-Generator/28.1.0/python", ("configmaps", "secrets")),
    Operator("kedacore/charts keda/templates/manager/clusterrole.yaml", "keda-operator", "keda", "keda/v0.0.0 (linux/amd64) kubernetes/$Format", ("configmaps", "services", "pods", "secrets", "deployments", "statefulsets", "jobs"), (Write("create", "horizontalpodautoscalers"), Write("create", "jobs", body=template("ghcr.io/acme/job:1")), Write("delete", "jobs"), Write("patch", "deployments/scale"), Write("update", "validatingwebhookconfigurations", "none", "keda-admission", HOOK))),
    Operator("aws/karpenter-provider-aws charts/karpenter/templates/clusterrole-core.yaml", "karpenter", "karpenter", "karpenter/1.0.6", ("nodes", "pods", "persistentvolumes", "daemonsets", "nodeclaims", "namespaces"), (Write("patch", "nodes", "none", "n2", {"spec": {"taints": [{"key": "a"}]}, "metadata": {"labels": {"x": "y"}}}), Write("delete", "nodes", "none", "n2"), Write("create", "nodeclaims", "none"), Write("create", "pods/eviction"))),
    Operator("kubernetes/autoscaler charts/cluster-autoscaler/templates/clusterrole.yaml", "*cluster-autoscaler", "kube-system", "cluster-autoscaler/v0.0.0 (linux/amd64)", ("pods", "nodes", "namespaces", "services", "replicasets", "statefulsets", "daemonsets", "jobs", "persistentvolumes"), (Write("update", "nodes", "none", "n3", {"spec": {"taints": [{"key": "ToBeDeletedByClusterAutoscaler"}]}}), Write("delete", "nodes", "none", "n3"), Write("update", "configmaps", "own"), Write("create", "pods/eviction"))),
    Operator("kubernetes-sigs/external-dns charts/external-dns/templates/clusterrole.yaml", "*external-dns", "external-dns", "external-dns/v0.15.0", ("services", "pods", "nodes", "ingresses", "endpoints")),
    Operator("actions/actions-runner-controller charts/gha-runner-scale-set-controller/templates/manager_cluster_role.yaml", "*gha-rs-controller", "arc-systems", "manager/v0.0.0 (linux/amd64) kubernetes/$Format", ("pods", "secrets", "serviceaccounts", "roles", "rolebindings", "ephemeralrunners", "autoscalinglisteners"), (Write("create", "pods", body=pods("ghcr.io/actions/actions-runner:latest")), Write("create", "secrets"), Write("delete", "secrets"), Write("create", "roles", body={"rules": [{"apiGroups": ["actions.github.com"], "resources": ["ephemeralrunners"], "verbs": ["get", "patch"]}]}), Write("create", "rolebindings", body={"roleRef": {"kind": "Role", "name": "x"}}), Write("create", "serviceaccounts"), Write("delete", "pods"), Write("create", "ephemeralrunners"), Write("delete", "roles"))),
    Operator("gitlab-org/charts/gitlab-runner templates/role.yaml", "*gitlab-runner", "gitlab-runner", "gitlab-runner/17.5.0", ("secrets",), (Write("create", "pods", "own", body=pods("docker:27-dind")), Write("create", "secrets", "own"), Write("delete", "secrets", "own"), Write("create", "configmaps", "own"), Write("exec", "pods/exec", "own"), Write("attach", "pods/attach", "own"), Write("delete", "pods", "own"))),
    Operator("jenkinsci/helm-charts charts/jenkins/templates/rbac.yaml", "jenkins", "jenkins", "fabric8-kubernetes-client/6.13.4", ("pods", "secrets", "configmaps"), (Write("create", "pods", "own", body=pods("jenkins/inbound-agent:3283")), Write("exec", "pods/exec", "own"), Write("delete", "pods", "own"))),
    Operator("tektoncd/pipeline config/200-clusterrole.yaml", "tekton-pipelines-controller", "tekton-pipelines", "controller/v0.0.0 (linux/amd64) kubernetes/$Format", ("pods", "namespaces", "serviceaccounts", "configmaps", "taskruns"), (Write("create", "pods", body=pods("cgr.dev/chainguard/busybox")), Write("update", "pods"), Write("patch", "taskruns/status"), Write("create", "statefulsets", body=template("nginx:1")), Write("update", "configmaps"))),
    Operator("tektoncd/pipeline config/200-clusterrole.yaml", "tekton-pipelines-webhook", "tekton-pipelines", "webhook/v0.0.0 (linux/amd64) kubernetes/$Format", ("secrets", "configmaps", "validatingwebhookconfigurations"), (Write("update", "validatingwebhookconfigurations", "none", "config.webhook.pipeline.tekton.dev", HOOK), Write("update", "secrets", "own"))),
    Operator("longhorn/longhorn chart/templates/clusterrole.yaml", "longhorn-service-account", "longhorn-system", "longhorn-manager/v1.7.2 (linux/amd64)", (*CORE, *WORK, "persistentvolumes", "volumes", "storageclasses", "clusterroles", "clusterrolebindings", "validatingwebhookconfigurations"), (Write("create", "pods", "own", body={"spec": PRIVILEGED}), Write("create", "daemonsets", "own", body=template("longhornio/longhorn-engine:v1.7.2", **PRIVILEGED)), Write("update", "nodes", "none", "n1", {"metadata": {"labels": {"a": "b"}}}), Write("update", "validatingwebhookconfigurations", "none", "longhorn-webhook-validator", HOOK), Write("delete", "persistentvolumes", "none", "pvc-1"), Write("delete", "pods", "own"), Write("patch", "deployments", "own", body=template("longhornio/csi-attacher:v4")))),
    Operator("rancher/local-path-provisioner deploy/chart/local-path-provisioner/templates/clusterrole.yaml", "local-path-provisioner-service-account", "kube-system", "local-path-provisioner/v0.0.0 (linux/amd64)", ("persistentvolumes", "nodes", "pods", "configmaps", "storageclasses"), (Write("create", "persistentvolumes", "none", "pvc-2", {"spec": {"hostPath": {"path": "/var/lib/rancher/k3s/storage/pvc-2"}}}), Write("create", "pods", "own", body=pods("rancher/mirrored-library-busybox:1.36", volumes=[{"name": "d", "hostPath": {"path": "/var/lib/rancher/k3s/storage"}}])), Write("delete", "persistentvolumes", "none", "pvc-2"))),
    Operator("kubernetes-sigs/aws-ebs-csi-driver charts/aws-ebs-csi-driver/templates/clusterrole-provisioner.yaml", "ebs-csi-controller-sa", "kube-system", "csi-provisioner/v5.1.0", ("persistentvolumes", "storageclasses", "nodes", "volumeattachments"), (Write("create", "persistentvolumes", "none", "pvc-3", {"spec": {"csi": {"driver": "ebs.csi.aws.com"}}}), Write("delete", "persistentvolumes", "none", "pvc-3"), Write("patch", "volumeattachments", "none"))),
    Operator("cloudnative-pg/charts charts/cloudnative-pg/templates/rbac.yaml", "*cloudnative-pg", "cnpg-system", "manager/v0.0.0 (linux/amd64) kubernetes/$Format", ("pods", "secrets", "configmaps", "jobs", "services", "roles"), (Write("create", "pods", body=pods("ghcr.io/cloudnative-pg/postgresql:17")), Write("create", "secrets"), Write("create", "roles", body={"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}), Write("create", "rolebindings", body={"roleRef": {"kind": "Role", "name": "x"}}), Write("delete", "pods"), Write("create", "services"))),
    Operator("strimzi/strimzi-kafka-operator packaging/helm-charts/helm3/strimzi-kafka-operator/templates", "strimzi-cluster-operator", "strimzi", "fabric8-kubernetes-client/6.13.4", ("pods", "secrets", "configmaps", "services", "statefulsets"), (Write("create", "pods", body=pods("quay.io/strimzi/kafka:0.44.0")), Write("patch", "secrets"), Write("create", "services", body={"spec": {"type": "NodePort"}}), Write("create", "clusterrolebindings", "none", "strimzi", {"roleRef": {"kind": "ClusterRole", "name": "strimzi-kafka-broker"}}))),
)  # fmt: skip
PROVIDERS: dict[str, tuple[tuple[str, str, str, tuple[Write, ...]], ...]] = {
    "eks": (
        ("eks:addon-manager", "35.163.244.48", "Go-http-client/2.0", (Write("list", "secrets", "kube-system"), Write("patch", "configmaps", "kube-system", "coredns"), Write("patch", "deployments", "kube-system", "coredns", template("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.1")), Write("update", "clusterroles", "none", "eks:addon-manager", {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]}]}))),
        ("eks:node-manager", "10.0.0.5", "Go-http-client/2.0", (Write("update", "configmaps", "kube-system", "aws-auth"), Write("patch", "nodes", "none", "ip-10-0-1-5.eu-west-1.compute.internal", {"metadata": {"labels": {"a": "b"}}}))),
        ("eks:certificate-controller", "10.0.0.5", "Go-http-client/2.0", (Write("update", "certificatesigningrequests/approval", "none", "csr-abc12"),)),
        ("eks:fargate-scheduler", "10.0.0.5", "Go-http-client/2.0", (Write("list", "pods"),)),
    ),
    "aks": (
        ("aksService", "172.31.4.5", "Go-http-client/2.0", (Write("list", "secrets", "kube-system"), Write("patch", "configmaps", "kube-system", "coredns"), Write("update", "clusterroles", "none", "aks-service", {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}), Write("create", "daemonsets", "kube-system", "csi-azuredisk-node", template("mcr.microsoft.com/oss/kubernetes-csi/azuredisk-csi:v1", **PRIVILEGED)))),
        ("hcpService", "172.31.4.5", "Go-http-client/2.0", (Write("list", "pods", "kube-system"), Write("get", "configmaps", "kube-system", "coredns"))),
    ),
    "gke": (
        ("system:gke-controller-manager", "172.16.0.3", "gke-controller-manager/v1", (Write("update", "configmaps", "kube-system", "coredns"), Write("create", "certificatesigningrequests", "none", "csr-x"))),
        ("system:addon-manager", "127.0.0.1", "kubectl/v1.31.1 (linux/amd64) kubernetes/x", (Write("patch", "daemonsets", "kube-system", "fluentbit-gke", template("gke.gcr.io/fluent-bit:v1", hostNetwork=True)), Write("patch", "mutatingwebhookconfigurations", "none", "warden-mutating.common-webhooks.networking.gke.io", HOOK))),
    ),
    "kubeadm": (), "k3s": (),
}  # fmt: skip
CONTROLLER = "system:serviceaccount:kube-system:"
CONTROLLERS: tuple[tuple[str, Write], ...] = (
    ("generic-garbage-collector", Write("list", "secrets")), ("generic-garbage-collector", Write("delete", "pods")),
    ("namespace-controller", Write("list", "secrets")), ("namespace-controller", Write("deletecollection", "secrets")),
    ("resourcequota-controller", Write("watch", "secrets")), ("replicaset-controller", Write("create", "pods", body=pods("nginx:1.27"))),
    ("daemon-set-controller", Write("create", "pods", "kube-system", body={"spec": {**PRIVILEGED, "hostNetwork": True}})),
    ("daemon-set-controller", Write("create", "pods", "monitoring", body=pods("quay.io/prometheus/node-exporter:v1.8", hostPID=True, volumes=[{"name": "p", "hostPath": {"path": "/proc"}}]))),
    ("job-controller", Write("create", "pods", body=pods("busybox"))), ("cronjob-controller", Write("create", "jobs", body=template("busybox"))),
    ("deployment-controller", Write("update", "replicasets", body=template("nginx:1.27"))), ("statefulset-controller", Write("create", "pods", body=pods("postgres:17"))),
    ("clusterrole-aggregation-controller", Write("patch", "clusterroles", "none", "admin", {"rules": [{"apiGroups": [""], "resources": ["pods/exec", "secrets"], "verbs": ["create", "get"]}]})),
    ("service-account-controller", Write("create", "serviceaccounts", name="default")), ("root-ca-cert-publisher", Write("create", "configmaps")),
    ("node-controller", Write("patch", "nodes", "none", "n1", {"spec": {"taints": [{"key": "node.kubernetes.io/not-ready"}]}})), ("persistent-volume-binder", Write("update", "persistentvolumes", "none", "pvc-1")),
    ("horizontal-pod-autoscaler", Write("update", "deployments/scale")), ("endpointslice-controller", Write("update", "endpointslices")),
)  # fmt: skip
PEOPLE: tuple[Write, ...] = (
    Write("list", "pods"), Write("list", "deployments"), Write("get", "pods/log"), Write("list", "events"), Write("list", "services"),
    Write("get", "deployments"), Write("get", "configmaps"), Write("list", "namespaces"), Write("get", "ingresses"), Write("list", "nodes"),
    Write("patch", "deployments/scale", body={"spec": {"replicas": 3}}), Write("delete", "pods"), Write("list", "jobs"), Write("portforward", "pods/portforward"),
    Write("patch", "deployments", body={"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}}}),
)  # fmt: skip


def life(platform: str, count: int, seed: int = 7) -> tuple[Event, ...]:
    """Events of one cluster: the start of all its operators, then ``count`` events of everyday life."""
    chance = random.Random(f"{platform}{seed}")  # noqa: S311 - the same events every time, no secrets
    return tuple(_life(platform, count, chance))


def _life(platform: str, count: int, chance: random.Random) -> Iterator[Event]:
    clock = 1_790_000_000.0
    accounts = [(one, _account(one, chance), _address(platform, chance)) for one in OPERATORS]
    starts = [(one, user, where, kind) for one, user, where in accounts for kind in one.reads]
    chance.shuffle(starts)
    for one, user, where, kind in starts:
        for verb, stage in (("list", ""), ("watch", "ResponseStarted"), ("watch", "ResponseComplete")):
            clock += chance.random() * 2
            query = "?limit=500&resourceVersion=0" if verb == "list" else "?allowWatchBookmarks=true&watch=true"
            yield _event(clock, user, where, one.client, Write(verb, kind), "", query, stage)
    for _ in range(count):
        clock += chance.random() * 3
        yield _daily(clock, platform, accounts, chance)


def _daily(clock: float, platform: str, accounts: list[tuple[Operator, str, str]], chance: random.Random) -> Event:
    what = chance.random()
    if what < 0.5:
        one, user, where = chance.choice([entry for entry in accounts if entry[0].writes])
        write = chance.choice(one.writes)
        own = user.split(":")[2]
        namespace = {"own": own, "any": chance.choice(APPS), "none": ""}[write.where]
        return _event(clock, user, where, one.client, write, namespace)
    if what < 0.7:
        name, write = chance.choice(CONTROLLERS)
        client = (
            "k3s/v1.31.2+k3s1 (linux/amd64)" if platform == "k3s" else "kube-controller-manager/v1.31.2 (linux/amd64)"
        )
        namespace = "" if write.where == "none" else chance.choice(APPS) if write.where == "any" else write.where
        address = "127.0.0.1" if platform in {"k3s", "kubeadm"} else "10.0.0.9"
        return _event(clock, CONTROLLER + name, address, f"{client} kubernetes/1/{name}", write, namespace)
    if what < 0.85:
        return _kubelet(clock, platform, chance)
    if what < 0.9 and PROVIDERS[platform]:
        user, address, client, writes = chance.choice(PROVIDERS[platform])
        write = chance.choice(writes)
        namespace = {"any": chance.choice(APPS), "none": ""}.get(write.where, write.where)
        return _event(clock, user, address, client, write, namespace)
    person = f"dev-{chance.randrange(9)}@example.com"
    address = f"10.1.0.{chance.randrange(2, 30)}"
    client = "kubectl/v1.31.4 (linux/amd64) kubernetes/a78aa47"
    return _event(clock, person, address, client, chance.choice(PEOPLE), chance.choice(APPS))


def _kubelet(clock: float, platform: str, chance: random.Random) -> Event:
    number = chance.randrange(1, 9)
    name, address = {
        "eks": (f"ip-10-0-1-{number}.eu-west-1.compute.internal", f"54.212.83.{number}"),
        "aks": (f"aks-pool1-1234-vmss00000{number}", "20.50.1.2"),
        "gke": (f"gke-c-default-pool-1-ab{number}", f"10.132.0.{number}"),
    }.get(platform, (f"worker-{number}", f"192.168.7.{number}"))
    write = chance.choice((
        Write("get", "secrets", name="db"), Write("watch", "secrets", name="db"), Write("patch", "pods/status"), Write("patch", "nodes/status", "none", name),
        Write("create", "serviceaccounts/token", body={"spec": {"expirationSeconds": 3607}}), Write("list", "services"), Write("get", "nodes", "none", name),
        Write("create", "certificatesigningrequests", "none", "csr-1", {"spec": {"signerName": "kubernetes.io/kubelet-serving"}}), Write("create", "events"), Write("delete", "pods"),
        Write("create", "pods", "kube-system", f"kube-proxy-{name}"), Write("create", "nodes", "none", name), Write("update", "leases"),
    ))  # fmt: skip
    namespace = {"any": chance.choice(APPS), "none": ""}.get(write.where, write.where)
    client = "kubelet/v1.31.2 (linux/amd64) kubernetes/a78aa47"
    return _event(clock, f"system:node:{name}", address, client, write, namespace)


def _account(one: Operator, chance: random.Random) -> str:
    release = chance.choice(("", "my-release-", "prod-", "platform-tools-"))
    name = one.account.replace("*", release)
    odd = chance.choice(("", "", "-prod", "2")) if one.namespace != "kube-system" else ""
    return f"system:serviceaccount:{one.namespace}{odd}:{name}"


def _address(platform: str, chance: random.Random) -> str:
    if platform == "aks":
        return "20.50.1.2"  # pods reach the public API server by the cluster's outgoing address
    return f"10.{chance.choice((20, 42, 244))}.{chance.randrange(4)}.{chance.randrange(2, 200)}"


def _event(  # noqa: PLR0917 - one audit event has so many parts
    clock: float, user: str, address: str, client: str, write: Write, namespace: str, query: str = "", stage: str = ""
) -> Event:
    kind, _, sub = write.kind.partition("/")
    verb = {"dry": "patch", "exec": "get", "attach": "create", "portforward": "get"}.get(write.verb, write.verb)
    if write.verb == "dry":
        query = "?dryRun=All&fieldManager=x&force=true"
    if write.verb == "exec":
        query = "?command=sh&container=build&stdin=true&stdout=true"
    if kind in CLUSTER:
        namespace = ""
    group = GROUPS.get(kind, "")
    named = write.verb not in {"list", "create", "watch", "deletecollection"} or bool(sub) or write.name != "x"
    base = f"/apis/{group}/v1" if group else "/api/v1"
    path = base + (f"/namespaces/{namespace}" if namespace else "") + f"/{kind}"
    if named and verb == "watch":
        query = f"?fieldSelector=metadata.name%3D{write.name}&watch=true"
    elif named and not (write.verb == "create" and not sub):
        path += f"/{write.name}" + (f"/{sub}" if sub else "") + ("/metrics/cadvisor" if sub == "proxy" else "")
    reference = {
        "resource": kind,
        "namespace": namespace,
        "name": write.name if named else "",
        "apiGroup": group,
        "apiVersion": "v1",
        "subresource": sub,
    }
    code = 101 if sub in {"exec", "attach", "portforward"} else 201 if verb == "create" else 200
    groups = ["system:authenticated"]
    if user.startswith("system:serviceaccount:"):
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}", *groups]
    if user in {"aksService", "hcpService"}:
        groups = ["system:masters", *groups]
    event: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Request" if write.body else "Metadata",
        "auditID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{clock}{user}{path}")),
        "stage": stage or "ResponseComplete",
        "requestURI": path + query,
        "verb": verb,
        "user": {"username": user, "groups": groups},
        "sourceIPs": [address],
        "userAgent": client,
        "objectRef": {key: value for key, value in reference.items() if value},
        "responseStatus": {"metadata": {}, "code": code},
    }
    if write.body is not None:
        event["requestObject"] = write.body
    event["annotations"] = {"authorization.k8s.io/decision": "allow"}
    return Event(clock, LOCATION, json.dumps(event, separators=(",", ":")))
