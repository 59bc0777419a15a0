"""A week at the software company's build factory: a Jenkins controller, Docker build hosts and a Kubernetes cluster.

Jobs are built, images pulled and pushed, releases deployed by a GitOps controller; engineers look at logs and mistype
passwords; operators read their secrets; nodes, controllers and health checks make noise. Always the same events.
"""

# ruff: noqa: E501 - a line of a log is written as one line

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from benign.normal_life import BROWSER, DEVELOPERS, MONDAY, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DAYS = 5
JOBS = ("web", "api", "libs", "mobile", "docs", "nightly")
SERVICES = ("cart", "search", "payments-api", "frontend", "worker")
NAMESPACES = ("example-staging", "build", "ci")
DEPLOYER = "system:serviceaccount:ci:deployer"
ARGO = "system:serviceaccount:argocd:argocd-application-controller"

#: What this site would enter in the package's lists.
FACTORY_LISTS: Mapping[str, Mapping[str, str]] = {
    "docker_trusted_registries": {"library/debian": "base image", "library/python": "base image"},
    "docker_users": {"1005": "platform engineer"},
    "k8s_exec_allowed": {"dev-ana@example.com": "on call"},
    "k8s_deployers": {"platform@example.com": "platform team"},
    "jenkins_cli_clients": {"10.0.0.9": "operations host"},
}

Lines = tuple[str, ...]


def jenkins(count: int, seed: int = 11) -> tuple[Event, ...]:
    """Controller log, audit trail, access logs, files and processes of a Jenkins controller."""
    chance = random.Random(seed)  # noqa: S311 - the same events every time, no secrets
    kinds = _repeat(
        (6, _controller_line),
        (5, _audit_trail_line),
        (8, _access_line),
        (1, _jenkins_file),
        (1, _jenkins_process),
        (2, _build_log_line),
    )
    return _week(count, chance, lambda time: chance.choice(kinds)(chance, time))


def docker(count: int, seed: int = 12) -> tuple[Event, ...]:
    """Engine events, the daemon's log, audit records and files of Docker build hosts."""
    chance = random.Random(seed)  # noqa: S311 - as above
    kinds = _repeat((12, _engine_event), (3, _daemon_line), (4, _docker_command), (1, _docker_file))
    return _week(count, chance, lambda time: chance.choice(kinds)(chance, time))


def kubernetes(count: int, seed: int = 13) -> tuple[Event, ...]:
    """Audit events of a cluster, of the log file backend."""
    chance = random.Random(seed)  # noqa: S311 - as above
    return _week(count, chance, lambda time: _audit_event(chance, time))


def factory_events(count: int) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Each source family with its events."""
    yield "jenkins", jenkins(count)
    yield "docker", docker(count)
    yield "kubernetes", kubernetes(count)


def _repeat(*weighted: tuple[int, Callable[[random.Random, float], Event]]) -> tuple[Any, ...]:
    return tuple(kind for weight, kind in weighted for _ in range(weight))


def _week(count: int, chance: random.Random, event: Callable[[float], Event]) -> tuple[Event, ...]:
    times = sorted(MONDAY + chance.randrange(DAYS) * 86400 + chance.uniform(0, 10 * 3600) for _ in range(count))
    return tuple(map(event, times))


# -- Jenkins -----------------------------------------------------------------------------------------------------------


def _controller_line(chance: random.Random, time: float) -> Event:
    developer, job = chance.choice(DEVELOPERS), chance.choice(JOBS)
    source, text = chance.choice((
        ("h.m.AsyncPeriodicWork#lambda$doRun$1", "Started Periodic background build discarder"),
        ("h.m.AsyncPeriodicWork#lambda$doRun$1", "Finished Periodic background build discarder. 12 ms"),
        ("h.TcpSlaveAgentListener$ConnectionHandler#run", f"Accepted JNLP4-connect connection #{chance.randrange(900)} from /10.20.0.{chance.randrange(2, 30)}:{chance.randrange(40000, 60000)}"),
        ("o.j.p.workflow.job.WorkflowRun#finish", f"{job} #{chance.randrange(1, 900)} completed: {chance.choice(('SUCCESS', 'FAILURE'))}"),
        ("j.s.SecurityListener#fireLoggedIn", f"logged in: {developer}"),
        ("j.s.SecurityListener#fireAuthenticated", f"authenticated: {developer} [authenticated]"),
        ("hudson.model.UpdateSite#updateData", "Obtained the latest update center data file for UpdateSource default"),
        ("hudson.WebAppMain$3#run", "Jenkins is fully up and running"),
        ("o.c.j.p.k.KubernetesCloud#provision", "Excess workload after pending Kubernetes agents: 1"),
        ("h.slaves.NodeProvisioner#update", f"agent-{chance.randrange(9)} provisioning successfully completed"),
    ))  # fmt: skip
    level = "FINE" if "SecurityListener" in source else "INFO"
    if chance.random() < 0.03:
        source, text, level = "j.s.SecurityListener#fireFailedToLogIn", f"failed to log in: {developer}", "FINE"
    if chance.random() < 0.02:
        source, text, level = "h.s.c.CrumbFilter#doFilter", f"No valid crumb was included in request for /job/{job}/build by {developer}. Returning 403.", "WARNING"  # fmt: skip
    if chance.random() < 0.02:
        source, text, level = "h.m.Executor#run", "java.io.IOException: Broken pipe", "SEVERE"
    line = f"2026-01-{5 + int((time - MONDAY) // 86400):02} 10:{chance.randrange(60):02}:{chance.randrange(60):02}.{chance.randrange(1000):03}+0000 [id={chance.randrange(900)}]\t{level}\t{source}: {text}"
    if chance.random() < 0.3:
        return Event(time, "/var/log/syslog", f"Jan  6 10:00:01 ci01 jenkins[812]: {line}".replace("\t", "#011"))
    return Event(time, "/var/log/jenkins/jenkins.log", line)


def _audit_trail_line(chance: random.Random, time: float) -> Event:
    developer, job, number = chance.choice(DEVELOPERS), chance.choice(JOBS), chance.randrange(1, 900)
    address = f"10.0.1.{chance.randrange(2, 99)}"
    text = chance.choice((
        f"job/{job}/ #{number} Started by user {developer}, Parameters:[BRANCH: {{main}}, LEVEL: {{{chance.randrange(9)}}}]",
        f"job/{job}/ #{number} Started by an SCM change, Parameters:[]",
        f"job/{job}/ #{number} Started by timer, Parameters:[MESSAGE: {{fix: a & b; see notes}}]",
        f"{job} #{number} Started by timer, Parameters:[] on agent-{chance.randrange(9)} started at 2026-01-06T09:58:04Z completed in {chance.randrange(9999)}ms completed: SUCCESS",
        f"/job/{job}/configSubmit by {developer} from {address}",
        f"/job/{job}/{number}/stop by {developer} from {address}",
        f"/job/{job}/{number}/toggleLogKeep by {developer} from {address}",
        f"/job/{job}/buildWithParameters by {developer} from {address}",
        f"'{job}#{number}' (class org.jenkinsci.plugins.workflow.job.WorkflowRun) used credentials 'registry' (class com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl).",
        f"'example-release#{number}' (class org.jenkinsci.plugins.workflow.job.WorkflowRun) used credentials 'example-signing-key' (class org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl).",
        f"/job/team/createItem (new-{number}) by {developer} from {address}",
    ))  # fmt: skip
    return Event(
        time,
        "/var/log/jenkins/audit.log",
        f"Jan {5 + int((time - MONDAY) // 86400)}, 2026 10:{chance.randrange(60):02}:01,{chance.randrange(1000):03} AM {text}",
    )


def _access_line(chance: random.Random, time: float) -> Event:
    job, number = chance.choice(JOBS), chance.randrange(1, 900)
    address = f"10.0.1.{chance.randrange(2, 99)}"
    method, path, status, agent = chance.choice((
        ("GET", "/", 200, BROWSER),
        ("GET", f"/job/{job}/", 200, BROWSER),
        ("GET", f"/job/{job}/{number}/console", 200, BROWSER),
        ("GET", f"/job/{job}/{number}/api/json?tree=result", 200, "python-requests/2.31.0"),
        ("GET", f"/job/{job}/lastBuild/api/json", 404, "python-requests/2.31.0"),
        ("POST", f"/job/{job}/build?delay=0sec", 201, BROWSER),
        ("POST", f"/job/{job}/buildWithParameters", 201, "curl/8.5.0"),
        ("POST", "/j_spring_security_check", 302, BROWSER),
        ("GET", "/login?from=%2F", 200, BROWSER),
        ("GET", "/static/3f2a/jsbundles/app.js", 200, BROWSER),
        ("GET", f"/job/{job}/configure", 200, BROWSER),
        ("GET", "/manage/", 200, BROWSER),
        ("POST", "/github-webhook/", 200, "GitHub-Hookshot/044aadd"),
        ("POST", "/ajaxBuildQueue", 200, BROWSER),
        ("POST", "/cli?remoting=false", 200, "Java/17.0.9"),
        ("GET", "/tcpSlaveAgentListener/", 200, "Java/17.0.9"),
        ("GET", "/favicon.ico", 404, BROWSER),
    ))  # fmt: skip
    if path == "/github-webhook/":
        address = "140.82.115.9"
    if path.startswith("/cli"):
        address = "10.0.0.9"
    if chance.random() < 0.02:
        method, path, status = "POST", "/j_spring_security_check", 401
    if chance.random() < 0.02:
        method, path, status = "POST", f"/job/{job}/configSubmit", 302
    line = f'{address} - - [06/Jan/2026:10:{chance.randrange(60):02}:01 +0000] "{method} {path} HTTP/1.1" {status} {chance.randrange(9999)} "-" "{agent}"'
    return Event(time, "/var/log/nginx/jenkins_access.log", line)


def _jenkins_file(chance: random.Random, time: float) -> Event:
    file = chance.choice((
        "/var/lib/jenkins/nodeMonitors.xml",
        "/var/lib/jenkins/queue.xml",
        f"/var/lib/jenkins/jobs/{chance.choice(JOBS)}/nextBuildNumber",
        f"/var/lib/jenkins/logs/tasks/{chance.randrange(99)}.log",
    ))  # fmt: skip
    return Event(time, "syscheck", decoded=("syscheck_integrity_changed", {"file": file, "mode": "realtime"}))


def _jenkins_process(chance: random.Random, time: float) -> Event:
    arguments = chance.choice((
        ("git", "ls-remote", "-h", "https://git.example.com/acme/web.git"),
        ("git", "fetch", "--tags", "--force", "--progress", "origin"),
        ("ssh", "-i", "/run/jenkins/key", "agent@10.20.0.4"),
        ("nohup", "sh", "-c", "durable"),
    ))  # fmt: skip
    return Event(time, "/var/log/audit/audit.log", _record(arguments, "cicd_jenkins_exec", "4294967295"))


def _build_log_line(chance: random.Random, time: float) -> Event:
    text = chance.choice((
        "+ make test", "[INFO] BUILD SUCCESS", "Login Succeeded", "docker login -u robot -p ****",
        f"ok  example.com/acme/pkg{chance.randrange(99)} 0.{chance.randrange(999)}s", "Finished: SUCCESS",
        "export AWS_ACCESS_KEY_ID=****", f"Downloading from central: artifact-{chance.randrange(99)}.jar",
    ))  # fmt: skip
    return Event(time, f"/var/lib/jenkins/jobs/{chance.choice(JOBS)}/builds/{chance.randrange(1, 900)}/log", text)


# -- Docker ------------------------------------------------------------------------------------------------------------


def _engine_event(chance: random.Random, time: float) -> Event:
    identity = f"{chance.getrandbits(256):064x}"
    image = f"registry.example.com/acme/{chance.choice(SERVICES)}:{chance.randrange(1, 9)}.{chance.randrange(30)}"
    name = f"runner-{chance.randrange(10**6)}"
    container = {"image": image, "name": name}
    kind, action, actor, attributes = chance.choice((
        ("container", "create", identity, container),
        ("container", "start", identity, container),
        ("container", "die", identity, {**container, "exitCode": "0"}),
        ("container", "destroy", identity, container),
        ("container", "exec_create: /bin/sh -c make test", identity, container),
        ("container", "exec_start: /bin/sh -c make test", identity, container),
        ("container", "exec_start: /bin/sh -c curl -fs http://127.0.0.1:8080/health || exit 1", identity, container),
        ("container", "exec_start: /usr/bin/env python3 -m pytest", identity, container),
        ("container", "exec_start: redis-cli ping", identity, container),
        ("container", "exec_die", identity, {**container, "exitCode": "0"}),
        ("container", "health_status: healthy", identity, container),
        ("container", "attach", identity, container),
        ("container", "archive-path", identity, container),
        ("container", "resize", identity, container),
        ("image", "pull", image, {"name": image.rpartition(":")[0]}),
        ("image", "pull", "library/debian:12", {"name": "library/debian"}),
        ("image", "pull", "library/node:22", {"name": "library/node"}),
        ("image", "save", f"sha256:{identity}", {"name": image}),
        ("container", "create", identity, {"image": "acme/web:latest", "name": name}),
        ("container", "exec_start: /bin/bash ", identity, container),
        ("builder", "prune", "", {"reclaimed": "0"}),
        ("image", "tag", f"sha256:{identity}", {"name": image}),
        ("image", "push", image, {"name": image.rpartition(":")[0]}),
        ("image", "untag", f"sha256:{identity}", {"name": f"sha256:{identity}"}),
        ("image", "delete", f"sha256:{identity}", {"name": f"sha256:{identity}"}),
        ("network", "connect", identity, {"container": identity, "name": "bridge", "type": "bridge"}),
        ("network", "disconnect", identity, {"container": identity, "name": "bridge", "type": "bridge"}),
        ("volume", "mount", f"cache-{chance.randrange(9)}", {"destination": "/cache", "driver": "local"}),
        ("volume", "unmount", f"cache-{chance.randrange(9)}", {"driver": "local"}),
        ("volume", "destroy", f"tmp-{chance.randrange(9)}", {"driver": "local"}),
    ))  # fmt: skip
    docker: dict[str, Any] = {"Type": kind, "Action": action, "Actor": {"ID": actor, "Attributes": attributes}}
    docker |= {"scope": "local", "time": int(time), "timeNano": int(time * 1e9)}
    if kind != "network" and chance.random() < 0.5:  # engines before 29 repeat themselves
        docker |= {"status": action, "id": actor, "from": image}
    return Event(time, "Wazuh-Docker", json.dumps({"integration": "docker", "docker": docker}))


def _daemon_line(chance: random.Random, time: float) -> Event:
    level, text = chance.choice((
        ("info", "ignoring event"),
        ("info", "API listen on /run/docker.sock"),
        ("info", "Loading containers: done."),
        ("warning", "cleaning up after shim disconnected"),
        ("error", "Handler for GET /v1.41/containers/x/json returned error: No such container: x"),
        ("error", "Attempting next endpoint for pull after error: manifest unknown: manifest unknown"),
        ("info", f"Container failed to exit within 10s of signal 15 - using the force container={chance.randrange(999)}"),
    ))  # fmt: skip
    head = f'time="2026-01-06T10:{chance.randrange(60):02}:01.{chance.randrange(10**9):09}Z"'
    return Event(time, "/var/log/syslog", f'Jan  6 10:00:01 build-01 dockerd[900]: {head} level={level} msg="{text}"')


def _docker_command(chance: random.Random, time: float) -> Event:
    work = "/home/runner/_work/web/web"
    arguments = chance.choice((
        ("docker", "build", "-t", "registry.example.com/acme/web:1", "."),
        ("docker", "run", "--rm", "-v", f"{work}:/src", "-w", "/src", "registry.example.com/acme/go:1.22", "make"),
        ("docker", "run", "--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges=true", "x:1"),
        ("docker", "push", "registry.example.com/acme/web:1"),
        ("docker", "compose", "up", "-d"),
        ("docker", "ps", "-a"),
        ("docker", "logs", "-f", "web"),
        ("docker", "network", "create", "ci-net"),
    ))  # fmt: skip
    return Event(
        time,
        "/var/log/audit/audit.log",
        _record(arguments, "cicd_docker_cli", chance.choice(("4294967295", "1005"))),
    )


def _docker_file(chance: random.Random, time: float) -> Event:
    file = chance.choice(("/etc/docker/key.json", "/usr/bin/git", "/usr/share/doc/x", "/usr/bin/docker-compose"))
    return Event(time, "syscheck", decoded=("syscheck_integrity_changed", {"file": file, "mode": "scheduled"}))


def _record(arguments: Lines, key: str, login: str) -> str:
    program = f"/usr/bin/{arguments[0]}"
    listed = " ".join(
        f'a{place}="{text}"' if text.isprintable() and " " not in text else f"a{place}={text.encode().hex().upper()}"
        for place, text in enumerate(arguments)
    )
    stamp = "msg=audit(1767600000.123:501):"
    return (
        f"type=SYSCALL {stamp} arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=55 a2=55 a3=8 items=2 ppid=900 "
        f"pid=901 auid={login} uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 "
        f'tty=(none) ses=3 comm="{arguments[0]}" exe="{program}" key="{key}" '
        f"type=EXECVE {stamp} argc={len(arguments)} {listed} "
        f'type=CWD {stamp} cwd="/home/runner" '
        f'type=PATH {stamp} item=0 name="{program}" inode=1 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL'
    )


# -- Kubernetes --------------------------------------------------------------------------------------------------------


def _audit_event(chance: random.Random, time: float) -> Event:
    service, namespace = chance.choice(SERVICES), chance.choice(NAMESPACES)
    pod = f"{service}-{chance.randrange(10**6)}"
    person = f"{chance.choice(DEVELOPERS)}@example.com"
    node = f"system:node:n{chance.randrange(9)}"
    controller = "system:serviceaccount:kube-system:"
    images = {
        "containers": [{"name": service, "image": f"registry.example.com/acme/{service}:1.{chance.randrange(30)}"}]
    }
    template = {"spec": {"template": {"spec": images}}}
    kubectl, agent = "kubectl/v1.31.4 (linux/amd64) kubernetes/a78aa47", "app/v1"
    choices: tuple[tuple[str, str, str, str, str, int, str, Any], ...] = (
        (person, "list", "pods", "", namespace, 200, kubectl, None),
        (person, "get", "pods", "log", namespace, 200, kubectl, None),
        (person, "get", "deployments", "", namespace, 200, kubectl, None),
        (person, "list", "events", "", namespace, 200, kubectl, None),
        (person, "watch", "pods", "", namespace, 200, kubectl, None),
        (person, "create", "pods", "portforward", namespace, 101, kubectl, None),
        (person, "patch", "deployments", "scale", namespace, 200, kubectl, {"spec": {"replicas": 3}}),
        (person, "delete", "pods", "", namespace, 200, kubectl, None),
        (person, "create", "selfsubjectaccessreviews", "", "", 201, kubectl, None),
        (person, "list", "pods", "", "payments", 403, kubectl, None),
        ("dev-ana@example.com", "get", "pods", "exec", namespace, 101, kubectl, None),
        ("platform@example.com", "patch", "deployments", "", namespace, 200, kubectl, template),
        ("platform@example.com", "patch", "nodes", "", "", 200, kubectl, {"spec": {"unschedulable": True}}),
        (DEPLOYER, "patch", "deployments", "", "example-staging", 200, "kubectl/v1.31", template),
        (DEPLOYER, "get", "pods", "", "example-staging", 200, "kubectl/v1.31", None),
        (DEPLOYER, "create", "jobs", "", "example-staging", 201, "kubectl/v1.31", template),
        (ARGO, "patch", "deployments", "", namespace, 200, "argocd/v2.13", template),
        (ARGO, "create", "rolebindings", "", namespace, 201, "argocd/v2.13", {"roleRef": {"name": "view"}}),
        (ARGO, "create", "services", "", namespace, 201, "argocd/v2.13", {"spec": {"type": "LoadBalancer"}}),
        (ARGO, "list", "secrets", "", "", 200, "argocd/v2.13", None),
        ("system:serviceaccount:external-secrets:external-secrets", "update", "secrets", "", namespace, 200, agent, None),
        ("system:serviceaccount:cert-manager:cert-manager", "get", "secrets", "", namespace, 200, agent, None),
        ("system:serviceaccount:cert-manager:cert-manager-cainjector", "update", "validatingwebhookconfigurations", "", "", 200, agent, {"webhooks": [{"name": "w", "failurePolicy": "Ignore"}]}),
        ("system:serviceaccount:monitoring:prometheus", "get", "nodes", "proxy", "", 200, agent, None),
        ("system:serviceaccount:vault:vault", "create", "serviceaccounts", "token", namespace, 201, agent, {"spec": {"expirationSeconds": 600}}),
        (node, "get", "secrets", "", namespace, 200, "kubelet/v1.31.4", None),
        (node, "create", "serviceaccounts", "token", namespace, 201, "kubelet/v1.31.4", {"spec": {"expirationSeconds": 3607}}),
        (node, "patch", "pods", "status", namespace, 200, "kubelet/v1.31.4", None),
        (node, "create", "events", "", namespace, 201, "kubelet/v1.31.4", None),
        (controller + "replicaset-controller", "create", "pods", "", namespace, 201, "kube-controller-manager/v1", {"spec": images}),
        (controller + "daemon-set-controller", "create", "pods", "", "kube-system", 201, "kube-controller-manager/v1", {"spec": {"hostNetwork": True, "containers": [{"name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.31.4", "securityContext": {"privileged": True}}]}}),
        (controller + "cronjob-controller", "create", "jobs", "", namespace, 201, "kube-controller-manager/v1", template),
        (controller + "deployment-controller", "update", "replicasets", "", namespace, 200, "kube-controller-manager/v1", template),
        (controller + "generic-garbage-collector", "delete", "replicasets", "", namespace, 200, "kube-controller-manager/v1", None),
        (controller + "namespace-controller", "deletecollection", "events", "", "pr-17", 200, "kube-controller-manager/v1", None),
        ("system:kube-scheduler", "create", "pods", "binding", namespace, 201, "kube-scheduler/v1", None),
        ("system:apiserver", "create", "clusterroles", "", "", 201, "kube-apiserver/v1", {"rules": [{"verbs": ["*"], "resources": ["*"], "apiGroups": ["*"]}]}),
        ("system:anonymous", "get", "", "", "", 200, "kube-probe/1.31", None),
    )  # fmt: skip
    user, verb, resource, subresource, where, code, client, body = chance.choice(choices)
    inside = user.startswith("system:")
    path = f"/api/v1/namespaces/{where}/{resource}" if where else f"/apis/{resource}"
    if user == "system:anonymous":
        path = "/livez"
    if (resource, subresource) == ("nodes", "proxy"):
        path = f"/api/v1/nodes/{pod}/proxy/metrics/cadvisor"
    reference = {"resource": resource, "subresource": subresource, "namespace": where, "name": pod, "apiVersion": "v1"}
    event: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Request",
        "auditID": f"{chance.getrandbits(128):032x}",
        "stage": "ResponseComplete",
        "requestURI": path,
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]},
        "sourceIPs": ["10.244.1.7" if inside else f"10.0.1.{chance.randrange(2, 99)}"],
        "userAgent": client,
        "responseStatus": {"metadata": {}, "code": code},
        "requestReceivedTimestamp": "2026-01-06T10:00:00.763960Z",
        "stageTimestamp": "2026-01-06T10:00:00.769910Z",
        "annotations": {"authorization.k8s.io/decision": "forbid" if code == 403 else "allow"},
    }
    if resource:
        event["objectRef"] = {key: value for key, value in reference.items() if value}
    if body is not None:
        event["requestObject"] = body
    return Event(time, "/var/log/kubernetes/audit.log", json.dumps(event, separators=(",", ":")))
