"""A week of normal life at a software company, as events: always the same ones.

Developers push, review and merge; bots update dependencies; workflows build, test and release; administrators let
people in and out; build hosts compile; people sign in over SSH. Nothing of it is an attack, and no rule may cry out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MONDAY = 1_767_600_000.0  # 2026-01-05T08:00:00Z
DAYS = 5

DEVELOPERS = (
    "dev-ana",
    "dev-ben",
    "dev-cai",
    "dev-dora",
    "dev-emil",
    "dev-finn",
    "dev-gia",
    "dev-hugo",
    "dev-ida",
    "dev-jon",
)
ADMINS = ("octo-admin", "platform-bot-owner")
BOTS = ("github-actions[bot]", "dependabot[bot]", "renovate[bot]")
REPOSITORIES = ("acme/app", "acme/web", "acme/api", "acme/docs", "acme/infra", "acme/libs", "acme/mobile")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

#: What this site would enter in the package's lists.
SITE_LISTS: Mapping[str, Mapping[str, str]] = {
    "github_trusted_actors": dict.fromkeys(ADMINS, "platform team"),
    "github_bots": {"acme-release-bot": "release automation"},
    "github_runner_managers": {"arc-controller[bot]": "autoscaler", "octo-admin": "platform team"},
    "github_workflow_authors": {"octo-admin": "platform team", "dev-ana": "build engineer"},
    "build_servers": {"build-01": "normal", "build-02": "normal"},
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when (seconds since the epoch), from where, and the log, or decoder and fields of a file event."""

    time: float
    location: str
    log: str = ""
    decoded: tuple[str, Mapping[str, str]] | None = None


def github_audit(count: int, seed: int = 1) -> tuple[Event, ...]:
    """Events of the organisation's audit log, as Wazuh's module wraps them."""
    chance = _chance(seed)
    choices = _audit_choices(chance)
    return _spread(
        count,
        chance,
        lambda time: Event(
            time,
            "github",
            json.dumps({"integration": "github", "github": _stamp(choices(), time)}, separators=(",", ":")),
        ),
    )


def github_webhooks(count: int, seed: int = 2) -> tuple[Event, ...]:
    """Deliveries as the receiver wraps them."""
    chance = _chance(seed)
    choices = _webhook_choices(chance)

    def event(time: float) -> Event:
        kind, actor, payload = choices()
        repository = payload["repository"]["full_name"]
        run = payload.get("workflow_run", {}).get("id") or payload.get("workflow_job", {}).get("run_id")
        about = {"event": kind, "delivery": f"{chance.getrandbits(128):032x}", "actor": actor, "org": "acme"}
        about |= {"repo": repository} | ({"run_id": str(run)} if run else {})
        text = {"integration": "cicd-github-webhook", "github": about, "webhook": payload}
        return Event(time, "github-webhook", json.dumps(text, separators=(",", ":")))

    return _spread(count, chance, event)


def build_hosts(count: int, seed: int = 3) -> tuple[Event, ...]:
    """Runner logs, job pages, job hooks, audit records, file changes and SSH of two build hosts."""
    chance = _chance(seed)
    kinds: tuple[Callable[[float], Event], ...] = (
        lambda time: _runner_line(chance, time),
        lambda time: _service_line(chance, time),
        lambda time: _page_line(chance, time),
        lambda time: _hook_line(chance, time),
        lambda time: _audit_record(chance, time),
        lambda time: _audit_record(chance, time),
        lambda time: _audit_record(chance, time),
        lambda time: _file_change(chance, time),
        lambda time: _ssh_line(chance, time),
    )

    def event(time: float) -> Event:
        return chance.choice(kinds)(time)

    return _spread(count, chance, event)


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same events every time, no secrets


def _spread(count: int, chance: random.Random, event: Callable[[float], Event]) -> tuple[Event, ...]:
    times = sorted(MONDAY + chance.randrange(DAYS) * 86400 + chance.uniform(0, 10 * 3600) for _ in range(count))
    return tuple(map(event, times))


def _stamp(entry: dict[str, Any], time: float) -> dict[str, Any]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(f"{time}{entry}".encode()).digest()[:16]).decode().rstrip("=")
    return {"@timestamp": int(time * 1000), "_document_id": digest, "org": "acme", "org_id": 4711} | entry


def _audit_choices(chance: random.Random) -> Callable[[], dict[str, Any]]:
    homes = {name: f"192.0.2.{10 + number}" for number, name in enumerate((*DEVELOPERS, *ADMINS))}
    tokens = {name: base64.b64encode(hashlib.sha256(name.encode()).digest()).decode() for name in homes}

    def person(action: str, who: str = "", **fields: Any) -> dict[str, Any]:
        actor = who or chance.choice(DEVELOPERS)
        where = {"actor": actor, "actor_ip": homes[actor], "actor_location": {"country_code": "DE"}}
        return {"action": action, **where, "user_agent": BROWSER, "repo": chance.choice(REPOSITORIES), **fields}

    def git(action: str) -> dict[str, Any]:
        entry = person(action, transport_protocol_name="ssh", user_agent="git/2.47.1", repository_public=False)
        kind = chance.choice(("SSH key", "Personal access token (classic)", "Fine-grained personal access token"))
        scopes = {"token_scopes": "repo,read:org"} if kind.startswith("Personal") else {}
        return entry | {"programmatic_access_type": kind, "hashed_token": tokens[entry["actor"]] + kind[:2]} | scopes

    def bot(action: str, who: str = "", **fields: Any) -> dict[str, Any]:
        where = {"actor": who or chance.choice(BOTS), "actor_is_bot": True}
        return {"action": action, **where, "repo": chance.choice(REPOSITORIES), **fields}

    def admin(action: str, **fields: Any) -> dict[str, Any]:
        return person(action, chance.choice(ADMINS), **fields)

    def run(action: str, **fields: Any) -> dict[str, Any]:
        event = chance.choice(("push", "pull_request", "schedule", "merge_group"))
        about = {"event": event, "name": chance.choice(("CI", "Lint", "Release", "CodeQL")), "head_branch": branch()}
        return person(action, workflow_run_id=chance.randrange(10**9, 10**10), **about, **fields)

    def branch() -> str:
        return chance.choice(("main", "main", f"topic-{chance.randrange(99)}", f"release/1.{chance.randrange(9)}"))

    def job() -> dict[str, Any]:
        repository = chance.choice(REPOSITORIES)
        secrets = chance.sample(["GITHUB_TOKEN", "NPM_TOKEN", "DEPLOY_KEY", "SONAR_TOKEN"], chance.randrange(1, 4))
        reference = f"{repository}/.github/workflows/ci.yml@refs/heads/{branch()}"
        about = {"job_name": "build", "is_hosted_runner": chance.random() < 0.6, "secrets_passed": secrets}
        return {"action": "workflows.prepared_workflow_job", "repo": repository, "job_workflow_ref": reference} | about

    weighted: tuple[tuple[int, Callable[[], dict[str, Any]]], ...] = (
        (14, lambda: git("git.push")),
        (12, lambda: git("git.fetch")),
        (5, lambda: git("git.clone")),
        (6, lambda: bot("git.clone", "github-actions[bot]", user_agent="git/2.51.0")),
        (9, lambda: run("workflows.created_workflow_run")),
        (
            9,
            lambda: run(
                "workflows.completed_workflow_run", conclusion=chance.choice(("success", "success", "failure"))
            ),
        ),
        (6, job),
        (2, lambda: run("workflows.rerun_workflow_run")),
        (2, lambda: run("workflows.cancel_workflow_run")),
        (6, lambda: person("pull_request.create")),
        (5, lambda: person("pull_request.merge")),
        (2, lambda: person("pull_request.close")),
        (5, lambda: person("pull_request_review.submit")),
        (1, lambda: person("pull_request.create_review_request")),
        (3, lambda: bot("pull_request.create", chance.choice(BOTS[1:]))),
        (3, lambda: bot("git.push", chance.choice(BOTS[1:]))),
        (2, lambda: bot("packages.package_version_published", "github-actions[bot]", package="acme-lib")),
        (1, lambda: bot("artifact.destroy", "github-actions[bot]")),
        (1, lambda: bot("actions_cache.delete", "github-actions[bot]", actions_cache_key="npm")),
        (1, lambda: bot("org.configure_self_hosted_jit_runner", "arc-controller[bot]")),
        (2, lambda: {"action": "repo.self_hosted_runner_online", "repo": "acme/app", "runner_name": "build-01"}),
        (2, lambda: {"action": "repo.self_hosted_runner_offline", "repo": "acme/app", "runner_name": "build-01"}),
        (1, lambda: person("protected_branch.rejected_ref_update", branch="main")),
        (1, lambda: admin("protected_branch.create", name="main", admin_enforced=True)),
        (1, lambda: admin("protected_branch.update_name", name="release/*", old_name="releases/*")),
        (1, lambda: admin("repository_ruleset.update", ruleset_name="main", ruleset_enforcement="enabled")),
        (1, lambda: admin("org.invite_member", user="newcomer", invitee_email="newcomer@example.com")),
        (1, lambda: admin("org.add_member", user="newcomer", permission="read")),
        (1, lambda: admin("team.add_member", user="newcomer", team="acme/web")),
        (1, lambda: admin("team.add_repository", team="acme/web")),
        (1, lambda: admin("org.remove_member", user="leaver")),
        (1, lambda: admin("repo.add_member", user="supplier", permission="read")),
        (1, lambda: admin("repo.update_actions_secret", key="NPM_TOKEN")),
        (1, lambda: admin("repo.create_actions_variable", key="REGION")),
        (1, lambda: admin("hook.create", name="web")),
        (1, lambda: admin("integration_installation.create", integration="helper")),
        (1, lambda: admin("environment.add_protection_rule", environment_name="production")),
        (1, lambda: person("personal_access_token.access_granted", "octo-admin", user="dev-ana")),
        (1, lambda: person("org_credential_authorization.deauthorize")),
        (1, lambda: person("gpg_key.create")),
        (1, lambda: person("repo.create", visibility="private")),
        (1, lambda: person("repo.change_merge_setting")),
        (1, lambda: person("repo.download_zip", user_agent="npm/10.8.2 node/v22.3.0 linux x64")),
        (1, lambda: {"action": "code_scanning.alert_created", "repo": "acme/app", "alert_number": 12}),
        (1, lambda: {"action": "repository_vulnerability_alert.resolve", "repo": "acme/app", "alert_number": 12}),
        (2, lambda: person("issue_comment.update")),
        (1, lambda: person("copilot.cfb_seat_added")),
    )
    return _weighted(chance, weighted)


def _webhook_choices(chance: random.Random) -> Callable[[], tuple[str, str, dict[str, Any]]]:
    def repository(*, private: bool = True) -> dict[str, Any]:
        return {"full_name": chance.choice(REPOSITORIES), "private": private, "default_branch": "main"}

    def commit(who: str, files: list[str], message: str = "Mend the parser") -> dict[str, Any]:
        person = {"name": who, "email": f"{who.partition('[')[0]}@example.com"}
        about = {"id": f"{chance.getrandbits(160):040x}", "message": message, "author": person, "committer": person}
        return about | {"added": [], "removed": [], "modified": files}

    def push(who: str, ref: str, files: list[str], **fields: Any) -> tuple[str, str, dict[str, Any]]:
        last = commit(who, files)
        state = {"created": False, "deleted": False, "forced": False} | fields
        # Merged in the browser: the platform commits.
        last["committer"] = {"name": "GitHub", "email": "noreply@example.com", "username": "web-flow"}
        return "push", who, {"ref": ref, **state, "commits": [last], "head_commit": last, "repository": repository()}

    def straight_to_main() -> tuple[str, str, dict[str, Any]]:
        kind, who, payload = push(developer(), "refs/heads/main", ["README.md"])
        payload["head_commit"]["committer"]["username"] = who
        return kind, who, payload

    def developer() -> str:
        return chance.choice(DEVELOPERS)

    def topic() -> str:
        return f"refs/heads/topic-{chance.randrange(99)}"

    def plain(kind: str, action: str, who: str = "", **fields: Any) -> tuple[str, str, dict[str, Any]]:
        return kind, who or developer(), {"action": action, "repository": repository()} | fields

    def pull_request(action: str, who: str, title: str, association: str) -> tuple[str, str, dict[str, Any]]:
        about = {
            "title": title,
            "author_association": association,
            "head": {"ref": "patch-1"},
            "body": "See `make test`.",
        }
        return plain("pull_request", action, who, pull_request=about)

    def run(action: str) -> tuple[str, str, dict[str, Any]]:
        about = {"id": chance.randrange(10**9, 10**10), "name": "CI", "event": chance.choice(("push", "pull_request"))}
        return plain("workflow_run", action, workflow_run=about | {"head_repository": {"fork": False}})

    def job(action: str) -> tuple[str, str, dict[str, Any]]:
        labels = chance.choice((["ubuntu-latest"], ["self-hosted", "linux", "x64"]))
        steps = [{"name": "Set up job", "number": 1}, {"name": "Run actions/checkout@v5", "number": 2}]
        about = {"id": chance.randrange(10**9), "run_id": chance.randrange(10**9, 10**10), "labels": labels}
        return plain("workflow_job", action, workflow_job=about | {"name": "build", "steps": steps})

    comment = "Works for me:\n```\ncurl https://example.com/install | sh\n```\nThanks to $USER."
    weighted: tuple[tuple[int, Callable[[], tuple[str, str, dict[str, Any]]]], ...] = (
        (20, lambda: push(developer(), topic(), ["src/parser.c", "tests/parser.c"])),
        (10, lambda: push(developer(), "refs/heads/main", ["src/parser.c"])),
        (5, lambda: push(developer(), topic(), ["src/x.c"], forced=True)),
        (3, lambda: push("renovate[bot]", "refs/heads/renovate/actions", [".github/workflows/ci.yml"])),
        (2, lambda: push("dev-ana", topic(), [".github/workflows/release.yml"])),
        (3, lambda: push("acme-release-bot", f"refs/tags/v1.{chance.randrange(99)}.0", [], created=True)),
        (2, lambda: push(developer(), topic(), [], deleted=True)),
        (9, lambda: pull_request("opened", developer(), "Improve CI speed", "MEMBER")),
        (2, lambda: pull_request("opened", "friendly-stranger", "Fix a typo in the manual", "FIRST_TIME_CONTRIBUTOR")),
        (5, lambda: pull_request("closed", developer(), "Improve the parser", "MEMBER")),
        (9, lambda: run("requested")),
        (9, lambda: run("completed")),
        (6, lambda: job("queued")),
        (6, lambda: job("in_progress")),
        (6, lambda: job("completed")),
        (6, lambda: plain("check_run", "completed", check_run={"name": "CodeQL", "conclusion": "success"})),
        (4, lambda: plain("issue_comment", "created", comment={"body": comment})),
        (
            2,
            lambda: plain(
                "issues", "opened", issue={"title": "Crash with `--fast` when $HOME is empty", "body": comment}
            ),
        ),
        (1, lambda: plain("release", "published", "github-actions[bot]", release={"tag_name": "v1.2.3"})),
        (1, lambda: plain("release", "edited", release={"tag_name": "v1.2.3"}, changes={"body": {"from": "old"}})),
        (2, lambda: plain("star", "created")),
        (1, lambda: plain("repository", "privatized", "octo-admin")),
        (2, straight_to_main),
        (1, lambda: plain("label", "deleted")),
        (1, lambda: plain("member", "removed", "octo-admin", member={"login": "leaver"})),
        (1, lambda: plain("dependabot_alert", "fixed", alert={"security_advisory": {"severity": "high"}})),
        (1, lambda: plain("code_scanning_alert", "fixed", alert={"rule": {"security_severity_level": "high"}})),
        (1, lambda: plain("branch_protection_rule", "created", "octo-admin", rule={"name": "main"})),
    )
    return _weighted(chance, weighted)


def _weighted(chance: random.Random, weighted: Any) -> Callable[[], Any]:
    weights, makers = zip(*weighted, strict=True)

    def choose() -> Any:
        return chance.choices(makers, weights)[0]()

    return choose


def _runner_line(chance: random.Random, time: float) -> Event:
    text = chance.choice(
        (
            "INFO JobDispatcher] Start renew job request 0 for job e5f216c1-7ded-5e5d-b721-52490562157d.",
            "INFO ProcessInvokerWrapper]   Arguments: 'spawnclient 155 158'",
            "INFO HostContext] Well known directory 'Bin': '/home/runner/actions-runner/bin'",
            "INFO JobDispatcher] finish job request for job e5f216c1 with result: Succeeded",
            "INFO CommandSettings] Flag 'help': 'False'",
            "WARN GitHubActionsService] Authentication failed with status code 401.",
            "ERR  Worker] The operation was canceled.",
            "VERB HttpListener] Get message",
        )
    )
    return Event(time, _agent(chance, "/home/runner/actions-runner/_diag/Runner.log"), f"[2026-01-05 10:00:00Z {text}")


def _service_line(chance: random.Random, time: float) -> Event:
    text = chance.choice(
        (
            "2026-01-05 10:00:00Z: Listening for Jobs",
            "2026-01-05 10:00:00Z: Job build completed with result: Succeeded",
            "√ Connected to GitHub",
            "Started listener process",
        )
    )
    return Event(time, _agent(chance, "journald"), f"Jan  5 10:00:00 build-01 runsvc.sh[962]: {text}")


def _page_line(chance: random.Random, time: float) -> Event:
    text = chance.choice(
        (
            "##[group]Run make test",
            "gcc -O2 -c parser.c",
            "error: expected ';' before '}' token",
            "npm warn deprecated inflight@1.0.6: This module is not supported",
            "integrity sha512-" + base64.b64encode(bytes(range(64))).decode(),
            "Successfully built 0f1e2d3c4b5a",
            "42 passed, 1 failed",
        )
    )
    location = _agent(chance, "/home/runner/actions-runner/_diag/pages/0f1e_1.log")
    return Event(time, location, f"2026-01-05T10:00:00.1234567Z {text}")


def _hook_line(chance: random.Random, time: float) -> Event:
    job = {"repository": chance.choice(REPOSITORIES), "runner_name": "build-01", "event": "push", "fork": "false"}
    job |= {"actor": chance.choice(DEVELOPERS), "workflow": "CI"}
    text = json.dumps({"integration": "cicd-runner-job", "job": job}, separators=(",", ":"))
    return Event(time, _agent(chance, "/var/log/cicd-runner-jobs.json"), text)


_COMMANDS = (
    ("/usr/bin/git", "git", "clone", "--depth=1", "https://github.com/acme/app"),
    ("/usr/bin/git", "git", "config", "--local", "--name-only", "--get-regexp", "http\\.https"),
    ("/usr/bin/make", "make", "-j4", "all"),
    ("/usr/bin/gcc", "gcc", "-O2", "-c", "parser.c"),
    ("/usr/bin/node", "npm", "ci"),
    ("/usr/bin/node", "npm", "run", "build"),
    ("/usr/bin/node", "node", "dist/bundle.js"),
    ("/usr/bin/python3.12", "python3", "-m", "pytest", "-q"),
    ("/usr/bin/python3.12", "pip", "install", "-r", "requirements.txt"),
    ("/usr/bin/docker", "docker", "build", "-t", "acme/app:test", "."),
    ("/usr/bin/docker", "docker", "run", "--rm", "-v", "/home/runner/_work/app/app:/src", "acme/app:test"),
    ("/usr/bin/curl", "curl", "-fsSLO", "https://example.com/tool-1.2.tar.gz"),
    ("/usr/bin/tar", "tar", "xzf", "tool-1.2.tar.gz"),
    ("/usr/bin/bash", "/usr/bin/bash", "-e", "/home/runner/_work/_temp/0f1e2d3c.sh"),
    ("/usr/bin/rm", "rm", "-rf", "/home/runner/_work/app/app/dist"),
    ("/usr/bin/nohup", "nohup", "./server"),
    ("/usr/bin/nc", "nc", "-z", "localhost", "5432"),
    ("/usr/bin/sudo", "sudo", "apt-get", "install", "-y", "libxml2-dev"),
    ("/usr/bin/ssh", "ssh", "-T", "git@github.com"),
    ("/usr/local/bin/gitleaks", "gitleaks", "detect"),
    ("/home/runner/actions-runner/bin/Runner.Worker", "Runner.Worker", "spawnclient", "155", "158"),
    ("/usr/bin/cat", "cat", "/proc/cpuinfo"),
    ("/usr/bin/grep", "grep", "-rn", "secret", "docs"),
)
_READS = (
    ("/usr/bin/node", "/home/runner/.npmrc"),
    ("/usr/bin/docker", "/home/runner/.docker/config.json"),
    ("/usr/local/bin/aws", "/home/runner/.aws/credentials"),
    ("/usr/local/bin/kubectl", "/home/runner/.kube/config"),
    ("/usr/bin/ssh", "/home/runner/.ssh/id_ed25519"),
)


def _audit_record(chance: random.Random, time: float) -> Event:
    if chance.random() < 0.15:
        program, file = chance.choice(_READS)
        return Event(time, _agent(chance, "/var/log/audit/audit.log"), _record(program, (), "cicd_runner_cred", file))
    program, *arguments = chance.choice(_COMMANDS)
    return Event(
        time, _agent(chance, "/var/log/audit/audit.log"), _record(program, tuple(arguments), "cicd_runner_exec", "")
    )


def _record(program: str, arguments: tuple[str, ...], key: str, file: str) -> str:
    stamp = "msg=audit(1767600000.123:4711):"
    name = program.rpartition("/")[2][:15]
    parts = [
        f"type=SYSCALL {stamp} arch=c000003e syscall={257 if file else 59} success=yes exit=0",
        "a0=1 a1=2 a2=3 a3=8 items=2 ppid=1200 pid=1201 auid=4294967295 uid=1001 gid=1001 euid=1001 suid=1001",
        "fsuid=1001 egid=1001 sgid=1001 fsgid=1001",
        f'tty=(none) ses=4294967295 comm="{name}" exe="{program}" key="{key}"',
    ]
    if arguments:
        listed = " ".join(f'a{number}="{argument}"' for number, argument in enumerate(arguments))
        parts.append(f"type=EXECVE {stamp} argc={len(arguments)} {listed}")
    parts.append(f'type=CWD {stamp}  cwd="/home/runner/_work/app/app"')
    if file:
        parts.append(
            f'type=PATH {stamp} item=0 name="{file}" inode=42 dev=08:01 mode=0100600 ouid=1001 ogid=1001 rdev=00:00'
        )
    parts.append(f"type=PROCTITLE {stamp} proctitle={' '.join(arguments or (name,)).encode().hex().upper()}")
    return " ".join(parts)


def _file_change(chance: random.Random, time: float) -> Event:
    decoder = chance.choice(("syscheck_new_entry", "syscheck_integrity_changed"))
    file = chance.choice(
        (
            "/etc/hostname",
            "/etc/apt/sources.list",
            "/home/runner/actions-runner/_diag/Runner.log",
            "/home/dev/.bash_history",
        )
    )
    return Event(time, _agent(chance, "syscheck"), decoded=(decoder, {"file": file}))


def _ssh_line(chance: random.Random, time: float) -> Event:
    office, controller = f"10.1.0.{chance.randrange(2, 200)}", "10.1.0.250"
    who = chance.choice(DEVELOPERS)
    text = chance.choice(
        (
            f"Accepted publickey for {who} from {office} port 40022 ssh2: ED25519 SHA256:abc",
            f"Accepted publickey for jenkins from {controller} port 40022 ssh2: ED25519 SHA256:def",
            f"Failed password for {who} from {office} port 40022 ssh2",
            f"Received disconnect from {office} port 40022:11: disconnected by user",
            f"pam_unix(sshd:session): session opened for user {who}(uid=1001) by (uid=0)",
        )
    )
    return Event(time, _agent(chance, "/var/log/auth.log"), f"Jan  5 10:00:00 build-01 sshd[4711]: {text}")


def _agent(chance: random.Random, file: str) -> str:
    number = chance.randrange(1, 3)
    return f"[00{number}] (build-0{number}) 10.1.0.{number}->{file}"


def all_events(count: int) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Every corpus by name, each of ``count`` events."""
    yield "GitHub audit log", github_audit(count)
    yield "GitHub webhooks", github_webhooks(count)
    yield "runners and build hosts", build_hosts(count)
