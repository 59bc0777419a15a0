"""Ordinary life that others lived or decided: the corpora by which the rules' noise is measured.

Those of this folder are always there. The recordings lie beside the checkout and are left out where it stands alone.
"""

# ruff: noqa: E501 - one line a recording

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benign import build_life, cluster_life, factory_life, normal_life, secrets_life
from wazuh_cicd.proof.noise import BenignEvent, Corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES = SHARED / "samples"
AUDIT, CLUSTER_AUDIT = "/var/log/audit/audit.log", "/var/log/kubernetes/audit.log"
EPOCH = 1_767_787_200.0


def _in_repository() -> Iterator[Corpus]:
    for platform in cluster_life.PLATFORMS:
        yield Corpus(
            f"cluster-{platform}",
            "access rights of the charts of forty operators, as calls",
            _known(cluster_life.life(platform, 300)),
        )
    yield Corpus(
        "build-hosts",
        "programs and options counted in public workflows, Makefiles and npm scripts",
        _known(build_life.build_hosts()),
    )
    own = (*normal_life.all_events(700), *factory_life.factory_events(700), *secrets_life.secrets_events(700))
    for name, events in own:
        yield Corpus(f"own-{name}", "a company made up by the rules' authors", _known(events), foreign=False)


def _known(events: Iterable[normal_life.Event]) -> tuple[BenignEvent, ...]:
    return tuple(BenignEvent(one.log, one.location, one.time, one.decoded) for one in events)


def _timed(logs: Iterable[str], location: str, *, every: float = 1.0) -> tuple[BenignEvent, ...]:
    return tuple(BenignEvent(log, location, EPOCH + every * number) for number, log in enumerate(logs))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8", "surrogateescape").splitlines() if line.strip()]


def _json(*paths: str) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in _lines(SAMPLES / path):
            yield json.loads(line)


def _cases(source: str) -> tuple[BenignEvent, ...]:
    """Everyday events that others wrote down one by one, an hour apart: each case stands for itself."""
    events: list[BenignEvent] = []
    for number, line in enumerate(_lines(SHARED / "cases" / f"{source}-benign.jsonl")):
        for step, event in enumerate(json.loads(line)["events"]):
            log = event["log"] if isinstance(event["log"], str) else json.dumps(event["log"])
            when = EPOCH + 3600.0 * number + float(step)
            events.append(BenignEvent(log, event.get("location", "stdin"), when))
    return tuple(events)


def _docker_events() -> tuple[BenignEvent, ...]:
    def unwrapped(event: dict[str, Any]) -> dict[str, Any]:
        inner = event.get("log", event)
        inner = json.loads(inner) if isinstance(inner, str) else inner
        return inner.get("docker", inner)

    names = ("arms-manager", "compose-events-json__exec", "rhixecompany__banking", "docker-20.10-image-events")
    found = _json(*(f"docker-events/{name}.jsonl" for name in names))
    return _timed(
        (json.dumps({"integration": "docker", "docker": unwrapped(event)}) for event in found), "Wazuh-Docker"
    )


def _without_addresses(value: Any) -> Any:
    """What a receiver hands on: no addresses, no node ids."""
    if isinstance(value, dict):
        left_out = {"url", "node_id"}
        return {k: _without_addresses(v) for k, v in value.items() if k not in left_out and not k.endswith("_url")}
    return [_without_addresses(one) for one in value] if isinstance(value, list) else value


def webhooks() -> Iterator[dict[str, Any]]:
    """The deliveries of octokit/webhooks as a receiver hands them on."""
    for path in sorted((SAMPLES / "github-webhooks").glob("*/*.json")):
        payload = json.loads(path.read_text("utf-8"))
        github = {"event": path.parent.name.rpartition("__")[2], "delivery": path.name}
        if "sender" in payload:
            github["actor"] = payload["sender"]["login"]
        if "repository" in payload:
            github["repo"] = payload["repository"]["full_name"]
        yield {"integration": "cicd-github-webhook", "github": github, "webhook": _without_addresses(payload)}


def audit() -> Iterator[dict[str, Any]]:
    """The audit log of an organisation, as Wazuh's module wraps it."""
    for one in _json("github-audit/elastic__organisation-audit.jsonl"):
        yield {"integration": "github", "github": one}


def _as_the_module_sends_it(value: Any) -> Any:
    """Wazuh's AWS module replaces a list of one element by the element."""
    if isinstance(value, dict):
        return {key: _as_the_module_sends_it(inner) for key, inner in value.items()}
    if isinstance(value, list):
        inner = [_as_the_module_sends_it(one) for one in value]
        return inner[0] if len(inner) == 1 else inner
    return value


def cloudtrail(pattern: str) -> Iterator[dict[str, Any]]:
    """The CloudTrail events of some files, as Wazuh's AWS module wraps them."""
    for path in sorted((SAMPLES / "cloudtrail").glob(pattern)):
        found = json.loads(path.read_text("utf-8"))
        for record in found if isinstance(found, list) else found["Records"]:
            yield {"integration": "aws", "aws": {**_as_the_module_sends_it(record), "source": "cloudtrail"}}


def _account() -> Iterator[dict[str, Any]]:
    """An account's life without the attack: what services did, and what was read otherwise than by the attack's tools."""
    for event in cloudtrail("invictus/*.json"):
        attack = re.search(r"stratus|Terraform", json.dumps(event))
        theirs = re.search(r"/bert-jan|/benjamin", json.dumps(event["aws"].get("userIdentity", {})))
        if not attack and (event["aws"].get("readOnly") or not theirs):
            yield event


def _labelled(name: str) -> Iterator[str]:
    return (one["log"] for one in _json(f"live/{name}.jsonl") if one["kind"] == "normal")


def _one_by_one(paths: Iterable[Path], location: str) -> tuple[BenignEvent, ...]:
    """Recordings of different systems, a day apart, so that nothing is counted over two of them."""
    return tuple(
        BenignEvent(line, location, EPOCH + 86_400.0 * day + 2.0 * number)
        for day, path in enumerate(paths)
        for number, line in enumerate(_lines(path))
    )


def _sshd() -> tuple[BenignEvent, ...]:
    """Recordings of real servers without the connections of the two addresses that attack."""
    events: list[BenignEvent] = []
    for day, path in enumerate(sorted((SAMPLES / "live").glob("sshd-*.log"))):
        lines = _lines(path)
        number = re.compile(r"sshd(?:-session|-auth)?\[(\d+)\]")
        bad = {found[1] for line in lines if re.search(r"10\.20\.0\.6[67]\b", line) and (found := number.search(line))}
        kept = [line for line in lines if (found := number.search(line)) and found[1] not in bad]
        events += [
            BenignEvent(line, "/var/log/auth.log", EPOCH + 86_400.0 * day + 5.0 * n) for n, line in enumerate(kept)
        ]
    return tuple(events)


def _jenkins() -> list[Path]:
    names = ("maheedhar132__jenkinslog", "n00bc0der89__Jenkinslog", "lich1710__jenkins-docker", "Dagony__DockerJenkins",
             "KotreshaSB__nagios", "DiegoLelis__jenkins-exp", "manezgz__docker-jenkins")  # fmt: skip
    return [SAMPLES / "jenkins" / f"{name}.log" for name in names]


#: Recordings in which each thing stands once, however rare it is.
_ONE_OF_EACH = frozenset({"kubernetes-cases", "github-cases", "runner-cases", "github-webhooks", "github-audit"})
#: Recordings: what they are called, where they come from, how they are read.
_RECORDED: tuple[tuple[str, str, Callable[[], tuple[BenignEvent, ...]]], ...] = (
    ("kubernetes-cases", "everyday calls of managed clusters and operators, written by others", lambda: _cases("kubernetes")),
    ("github-cases", "everyday audit events and deliveries, written by others", lambda: _cases("github")),
    ("runner-cases", "everyday commands of build hosts, written by others", lambda: _cases("runner")),
    ("kubernetes-people", "Kubernetes 1.36, what was labelled normal", lambda: _timed(_labelled("kubernetes-1.36.3-audit-labelled"), CLUSTER_AUDIT, every=2)),
    ("kubernetes-controllers", "Kubernetes 1.36, its controllers", lambda: _timed((json.dumps(one) for one in _json("live/kubernetes-1.36.3-audit-controllers.jsonl")), CLUSTER_AUDIT)),
    ("docker-commands", "Docker's command line under auditd, what was labelled normal", lambda: _timed(_labelled("auditd-docker-cli-labelled"), AUDIT, every=2)),
    ("auditd", "records that parsers of others are tested on", lambda: _timed((line for name in ("crowdsec__auditd-logs", "openshift__raw_auditd") for line in _lines(SAMPLES / "auditd" / f"{name}.log")), AUDIT)),
    ("docker-events", "events of Docker Engine, published with projects", _docker_events),
    ("github-webhooks", "octokit/webhooks: one delivery of each kind", lambda: _timed(map(json.dumps, webhooks()), "github", every=30)),
    ("github-audit", "elastic/integrations: an organisation's audit log", lambda: _timed(map(json.dumps, audit()), "github", every=30)),
    ("cloudtrail", "invictus-ir/aws_dataset: what services did and what people read, without the attack's tools", lambda: _timed(map(json.dumps, _account()), "Wazuh-AWS")),
    ("vault", "audit files of six demonstration set-ups", lambda: _one_by_one(sorted((SAMPLES / "vault").glob("*.jsonl")), "/var/log/vault/audit.log")),
    ("sshd", "OpenSSH 9.2 and 10.0, without the addresses that attack", _sshd),
    ("runner-log", "diagnostic logs of GitHub's runner", lambda: tuple(event for path in sorted((SAMPLES / "runner").glob("Runner_*.log")) for event in _timed(_lines(path), f"/home/runner/actions-runner/_diag/{path.name}"))),
    ("jenkins", "logs of seven controllers", lambda: _one_by_one(_jenkins(), "/var/log/jenkins/jenkins.log")),
)  # fmt: skip


def corpora() -> list[Corpus]:
    """All corpora that are at hand."""
    if not SAMPLES.is_dir():
        return list(_in_repository())
    recorded = [Corpus(name, origin, read(), rates=name not in _ONE_OF_EACH) for name, origin, read in _RECORDED]
    return [*_in_repository(), *recorded]
